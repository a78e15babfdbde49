/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "doctor.h"
#include "out.h"

/* The file system that POSIX segments lie in. */

#define DOCKER (UINT64_C(64) << 20) /* what docker gives by default */
#define LITTLE (UINT64_C(64) << 10)

/* 0, or -errno: mounted() has told by then. */
static int
room(struct statvfs *fs)
{
	return statvfs(DOCTOR_SHM, fs) < 0 ? -errno : 0;
}

static void
mounted(struct doctor *d)
{
	struct statfs fs;
	struct stat up, st;

	if (statfs(DOCTOR_SHM, &fs) < 0 || stat(DOCTOR_SHM, &st) < 0) {
		doctor_say(d, DOCTOR_TROUBLE,
		    "There is no " DOCTOR_SHM " (%s): no POSIX segment and no "
		    "named semaphore can be made.",
		    strerror(errno));
		doctor_fix(d,
		    "mkdir -p " DOCTOR_SHM
		    " && mount -t tmpfs -o mode=1777 tmpfs " DOCTOR_SHM);
	} else if ((unsigned long)fs.f_type != TMPFS_MAGIC) {
		doctor_say(d, DOCTOR_TROUBLE,
		    DOCTOR_SHM " is no tmpfs (its type is 0x%lx): what is "
			       "shared there goes to a disk, or cannot be "
			       "mapped.",
		    (unsigned long)fs.f_type);
		doctor_fix(d, "mount -t tmpfs -o mode=1777 tmpfs " DOCTOR_SHM);
	} else if (stat("/dev", &up) == 0 && up.st_dev == st.st_dev) {
		doctor_say(d, DOCTOR_WARNING,
		    DOCTOR_SHM " is a directory of /dev, no mount of its own: "
			       "it shares the room of /dev.");
		doctor_fix(d, "mount -t tmpfs -o mode=1777 tmpfs " DOCTOR_SHM);
	} else {
		doctor_say(
		    d, DOCTOR_OK, "A tmpfs is mounted at " DOCTOR_SHM ".");
	}
}

static void
mode(struct doctor *d)
{
	struct stat st;
	unsigned bits;

	if (stat(DOCTOR_SHM, &st) < 0)
		return;
	bits = st.st_mode & 07777;
	if (bits == 01777) {
		doctor_say(d, DOCTOR_OK,
		    "Mode 1777: everybody may make segments, and remove his "
		    "own.");
		return;
	}
	if ((bits & 0003) != 0003)
		doctor_say(d, DOCTOR_TROUBLE,
		    "Mode %04o: not everybody may make segments (EACCES); it "
		    "should be 1777.",
		    bits);
	else
		doctor_say(d, DOCTOR_WARNING,
		    "Mode %04o: without the sticky bit everybody may remove "
		    "the segments of all; it should be 1777.",
		    bits);
	doctor_fix(d, "chmod 1777 " DOCTOR_SHM);
}

static void
flags(struct doctor *d)
{
	struct statvfs fs;

	if (room(&fs) < 0)
		return;
	if (fs.f_flag & ST_RDONLY) {
		doctor_say(d, DOCTOR_TROUBLE,
		    "It is mounted read-only: nothing can be made.");
		doctor_fix(d, "mount -o remount,rw " DOCTOR_SHM);
	} else if (fs.f_flag & ST_NOEXEC) {
		doctor_say(d, DOCTOR_WARNING,
		    "It is mounted noexec: data is not concerned, but mapping "
		    "a segment for execution fails with EPERM.");
		doctor_fix(d, "mount -o remount,exec " DOCTOR_SHM);
	} else {
		doctor_say(d, DOCTOR_OK,
		    "It can be written, and mapped for execution.");
	}
}

static void
size(struct doctor *d)
{
	struct statvfs fs;
	uint64_t bytes;

	if (room(&fs) < 0)
		return;
	bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
	if (bytes == 0)
		doctor_say(d, DOCTOR_WARNING,
		    "It has no limit: a program that fills it takes all memory "
		    "of the machine.");
	else if (bytes <= DOCKER)
		doctor_say(d, DOCTOR_WARNING,
		    "It has %s%s: programs that only size a segment and then "
		    "touch it die of SIGBUS when it is full.  For docker: "
		    "--shm-size=1g.",
		    out_size(bytes),
		    bytes == DOCKER ? ", which is docker's default" : "");
	else
		doctor_say(
		    d, DOCTOR_OK, "It has room for %s.", out_size(bytes));
	if (bytes <= DOCKER)
		doctor_fix(d, "mount -o remount,size=1G " DOCTOR_SHM);
}

static void
free_room(struct doctor *d)
{
	struct statvfs fs;
	uint64_t all, left;
	unsigned used;

	if (room(&fs) < 0 || fs.f_blocks == 0)
		return;
	all = (uint64_t)fs.f_blocks * fs.f_frsize;
	left = (uint64_t)fs.f_bavail * fs.f_frsize;
	used = doctor_percent(all - left, all);
	if (used >= 99 || (left < LITTLE && used >= 50)) {
		doctor_say(d, DOCTOR_TROUBLE,
		    "It is full: %s of %s are left.  Making a segment fails "
		    "(ENOSPC); touching one that was only sized is a SIGBUS.",
		    out_size(left), out_size(all));
		doctor_fix(d, "shunt ls; shunt clean");
	} else if (used >= 90) {
		doctor_say(d, DOCTOR_WARNING,
		    "It is full by %u %%: %s are left.", used, out_size(left));
		doctor_fix(d, "shunt ls; shunt clean");
	} else {
		doctor_say(d, DOCTOR_OK, "%s are free, %u %% are in use.",
		    out_size(left), used);
	}
}

static void
names(struct doctor *d)
{
	struct statvfs fs;
	unsigned used;

	if (room(&fs) < 0 || fs.f_files == 0)
		return;
	used = doctor_percent(fs.f_files - fs.f_ffree, fs.f_files);
	if (fs.f_ffree == 0 || used >= 90) {
		doctor_say(d, fs.f_ffree == 0 ? DOCTOR_TROUBLE : DOCTOR_WARNING,
		    "%" PRIu64 " of %" PRIu64 " inodes are left: making a name "
		    "fails (ENOSPC) although there is room.",
		    (uint64_t)fs.f_ffree, (uint64_t)fs.f_files);
		doctor_fix(d,
		    "mount -o remount,nr_inodes=%" PRIu64 " " DOCTOR_SHM,
		    (uint64_t)fs.f_files * 4);
	} else {
		doctor_say(d, DOCTOR_OK, "There can be %" PRIu64 " more names.",
		    (uint64_t)fs.f_ffree);
	}
}

static void
regular(struct doctor *d)
{
	uint64_t v;

	if (doctor_number("/proc/sys/fs/protected_regular", &v) < 0)
		doctor_say(d, DOCTOR_UNKNOWN,
		    "fs.protected_regular cannot be read here.");
	else if (v == 0)
		doctor_say(d, DOCTOR_OK,
		    "fs.protected_regular is 0: O_CREAT opens also what "
		    "somebody else has put there.");
	else
		doctor_say(d, DOCTOR_OK,
		    "fs.protected_regular is %" PRIu64 ": who opens another "
		    "user's segment with O_CREAT gets EACCES, root too; open "
		    "without it first, as shunt does.",
		    v);
}

const struct doctor_check doctor_shm[] = {
    {"mounted", mounted},
    {"mode", mode},
    {"flags", flags},
    {"size", size},
    {"free", free_room},
    {"names", names},
    {"owners", regular},
    {0},
};
