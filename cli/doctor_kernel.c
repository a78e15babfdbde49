/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "doctor.h"

/*
 * What the kernel, or a container's filter, lets us do: tried on files that
 * have no name, and that are gone when they are closed.
 */

#define BYTE (INT64_C(1) << 40) /* past all data, as objects use it */

static void
membarrier(struct doctor *d)
{
	long can = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	if (can < 0)
		doctor_say(d, DOCTOR_WARNING,
		    "membarrier is refused (%s): each message then costs its "
		    "sender a fence, which is slower and as safe.",
		    strerror(errno));
	else if ((can & MEMBARRIER_CMD_GLOBAL_EXPEDITED) == 0)
		doctor_say(d, DOCTOR_WARNING,
		    "membarrier has no GLOBAL_EXPEDITED here (Linux 4.16): "
		    "each message then costs its sender a fence.");
	else
		doctor_say(
		    d, DOCTOR_OK, "membarrier works: senders need no fence.");
}

/* A file of /dev/shm without a name; -1 after telling. */
static int
nameless(struct doctor *d, int tell)
{
	int fd = open(DOCTOR_SHM, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || !tell)
		return fd;
	if (errno == EOPNOTSUPP || errno == EISDIR)
		doctor_say(d, DOCTOR_WARNING,
		    "O_TMPFILE is not supported in " DOCTOR_SHM
		    ": names are made by renaming, which is as safe and may "
		    "leave a file with a random name after a kill.");
	else
		doctor_say(d, DOCTOR_TROUBLE,
		    "No file can be made in " DOCTOR_SHM ": %s.",
		    strerror(errno));
	return -1;
}

static void
tmpfile_works(struct doctor *d)
{
	int fd = nameless(d, 1);

	if (fd < 0)
		return;
	close(fd);
	doctor_say(d, DOCTOR_OK,
	    "O_TMPFILE works in " DOCTOR_SHM ": no name is seen half made.");
}

/* Two descriptions of one file: what one locks, the other is to see. */
static void
locks(struct doctor *d)
{
	struct flock mine = {.l_type = F_WRLCK, .l_start = BYTE, .l_len = 1};
	struct flock his = mine;
	int a = nameless(d, 0), b = -1;
	char path[48];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", a);
	if (a >= 0)
		b = open(path, O_RDWR | O_CLOEXEC);
	if (a < 0 || b < 0)
		doctor_say(d, DOCTOR_UNKNOWN,
		    "Lock bytes could not be tried: %s.", strerror(errno));
	else if (fcntl(a, F_OFD_SETLK, &mine) < 0 ||
		 fcntl(b, F_OFD_GETLK, &his) < 0)
		doctor_say(d, DOCTOR_TROUBLE,
		    "Lock bytes are refused (F_OFD_SETLK: %s): who is alive "
		    "cannot be told, and objects cannot be used.",
		    strerror(errno));
	else if (his.l_type != F_WRLCK)
		doctor_say(d, DOCTOR_TROUBLE,
		    "Lock bytes have no effect in " DOCTOR_SHM ".");
	else
		doctor_say(d, DOCTOR_OK,
		    "Lock bytes (F_OFD_SETLK) work: the kernel tells who is "
		    "alive.");
	if (a >= 0)
		close(a);
	if (b >= 0)
		close(b);
}

static void
lease(struct doctor *d)
{
	int fd = nameless(d, 0);

	if (fd < 0) {
		doctor_say(d, DOCTOR_UNKNOWN, "A lease could not be tried: %s.",
		    strerror(errno));
		return;
	}
	if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0)
		doctor_say(d, DOCTOR_OK,
		    "Leases (F_SETLEASE) work: that nobody has a raw segment "
		    "can be proved.");
	else
		doctor_say(d, DOCTOR_WARNING,
		    "Leases (F_SETLEASE) are refused (%s): whether anybody "
		    "has a raw segment stays unknown, and none is removed as "
		    "nobody's.",
		    strerror(errno));
	close(fd);
}

static void
memfd(struct doctor *d)
{
	int fd = memfd_create("shunt-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0) {
		doctor_say(d, DOCTOR_WARNING,
		    "memfd_create is refused (%s): memory without a name, to "
		    "be handed to others, cannot be had.",
		    strerror(errno));
		return;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0)
		doctor_say(d, DOCTOR_OK, "memfds and their seals work.");
	else
		doctor_say(d, DOCTOR_WARNING,
		    "memfds work, seals do not (%s): who gets one must trust "
		    "that it is not cut.",
		    strerror(errno));
	close(fd);
}

const struct doctor_check doctor_kernel[] = {
    {"membarrier", membarrier},
    {"O_TMPFILE", tmpfile_works},
    {"lock bytes", locks},
    {"leases", lease},
    {"memfd", memfd},
    {0},
};
