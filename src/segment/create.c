/* SPDX-License-Identifier: MIT */
/*
 * Making a file that nobody sees until it is whole: an unnamed file in the
 * directory, then one link(2).  A creator that is killed before the link
 * leaves nothing; of two that race one gets EEXIST and opens the other's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <shunt/inspect.h>

#include "base/error.h"
#include "os/os.h"
#include "segment/object.h"
#include "segment/raw.h"

static int
power_of_two(uint64_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

/* Rings are what queues and logs have, and nobody else. */
static int
right_rings(const struct shunt__spec *spec)
{
	if (spec->kind == SHUNT_KIND_LOCK ||
	    spec->kind == SHUNT_KIND_SEMAPHORE ||
	    spec->kind == SHUNT_KIND_EVENT)
		return spec->lane_bytes == 0;
	return power_of_two(spec->lane_bytes) && spec->lane_bytes >= 4096 &&
	       spec->lane_bytes <= (UINT64_C(1) << 30);
}

/* Semaphores: the most permits and those at first.  What comes after events
 * looks at its parameter itself; nobody else has one. */
static int
right_param(const struct shunt__spec *spec)
{
	uint64_t most = spec->param >> 32;

	if (spec->kind > SHUNT_KIND_EVENT)
		return 1;
	if (spec->kind != SHUNT_KIND_SEMAPHORE)
		return spec->param == 0;
	return most != 0 && (spec->param & UINT32_MAX) <= most;
}

int
shunt__geometry_make(
    struct shunt__geometry *geo, const struct shunt__spec *spec)
{
	uint64_t off = SHUNT__AREA_OFF, rings;

	if (!right_rings(spec) || !right_param(spec) || spec->lanes == 0 ||
	    spec->lanes > SHUNT__LANES_MAX || spec->area_bytes % 4096 != 0 ||
	    spec->area_bytes > SHUNT__AREA_MAX)
		return -EINVAL;
	memset(geo, 0, sizeof(*geo));
	geo->kind = spec->kind;
	geo->lifetime = spec->persistent ? SHUNT__PERSISTENT : SHUNT__EPHEMERAL;
	geo->lanes = spec->lanes;
	geo->area_bytes = spec->area_bytes;
	geo->lane_bytes = spec->lane_bytes;
	geo->param = spec->param;
	geo->lanes_off = off + spec->area_bytes;
	off = geo->lanes_off + (uint64_t)spec->lanes * SHUNT__LANE_BLOCK;
	geo->rings_off = (off + 4095) & ~UINT64_C(4095);
	/* 4096 lanes of 1 GiB: 2^42, far from an overflow. */
	rings = spec->lanes * spec->lane_bytes;
	geo->size = geo->rings_off + rings;
	return 0;
}

/* Full: say what is wanted, what there is and what to do about it. */
static int
no_space(int fd, uint64_t len, const char *shown)
{
	struct statfs sf;

	if (shunt__os.fstatfs(fd, &sf) < 0)
		memset(&sf, 0, sizeof(sf));
	uint64_t kib = (uint64_t)sf.f_bavail * (uint64_t)sf.f_bsize / 1024;
	return shunt__fail(-ENOSPC,
	    "%s: %s has %llu KiB free and %llu KiB are wanted; see what lies "
	    "there with shunt ls, or enlarge it (mount -o remount,size=..., "
	    "docker --shm-size=...)",
	    shunt__quote(shown),
	    *shown == '/' ? SHUNT__SHM_DIR : "its file system",
	    (unsigned long long)kib, (unsigned long long)((len + 1023) / 1024));
}

/* For file systems that cannot reserve: zeros hold the place as well. */
static int
fill(int fd, uint64_t off, uint64_t len)
{
	static const char zeros[65536];

	while (len > 0) {
		size_t part = len < sizeof(zeros) ? len : sizeof(zeros);
		ssize_t n = shunt__os.pwrite(fd, zeros, part, (off_t)off);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		off += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

/*
 * Before Linux 6.8 a signal makes the kernel give back what it had reserved so
 * far: under a profiler's timer a large range would never be done in one.
 */
static int
reserve(int fd, uint64_t off, uint64_t len)
{
	uint64_t part = len;

	while (len > 0) {
		part = part < len ? part : len;
		int e = shunt__os.fallocate(fd, 0, (off_t)off, (off_t)part);
		if (e == -EINTR) {
			if (part > 65536)
				part = (part / 2 + 4095) & ~UINT64_C(4095);
			continue;
		}
		if (e == -EOPNOTSUPP || e == -ENOSYS)
			return fill(fd, off, len);
		if (e < 0)
			return e;
		off += part;
		len -= part;
	}
	return 0;
}

/* The bytes [off, off + len) will never be a SIGBUS for want of room. */
int
shunt__reserve(int fd, uint64_t off, uint64_t len, const char *shown)
{
	int e = reserve(fd, off, len);

	if (e == -ENOSPC || e == -EDQUOT)
		return no_space(fd, len, shown);
	if (e == -EFBIG || e == -EINVAL)
		return shunt__fail(-EINVAL,
		    "%s: %llu bytes are more than a file can have here",
		    shunt__quote(shown), (unsigned long long)(off + len));
	if (e < 0)
		return shunt__fail(e, "%s: %llu bytes cannot be reserved: %s",
		    shunt__quote(shown), (unsigned long long)len,
		    shunt__why(e));
	return 0;
}

static int
set_rights(int fd, const struct shunt__name *name, uint32_t mode, int use_umask,
    const char *group)
{
	uint32_t gid = UINT32_MAX;
	int e = 0;

	if (group != NULL) {
		e = shunt__group_number(group, &gid);
		if (e < 0)
			return e;
		e = shunt__os.fchown(fd, (uid_t)-1, gid);
		if (e < 0)
			return shunt__fail(e, "%s: group \"%s\": %s",
			    shunt__quote(name->shown), shunt__quote(group),
			    shunt__why(e));
	}
	/* By the descriptor, for what open(2) sets is cut by the umask. */
	if (!use_umask)
		e = shunt__os.fchmod(fd, mode);
	if (e < 0)
		return shunt__fail(e, "%s: mode %04o: %s",
		    shunt__quote(name->shown), mode, shunt__why(e));
	return 0;
}

static void
directory(const struct shunt__name *name, char *dir, size_t room)
{
	const char *slash = strrchr(name->path, '/');

	if (slash == NULL)
		snprintf(dir, room, ".");
	else
		snprintf(dir, room, "%.*s",
		    slash == name->path ? 1 : (int)(slash - name->path),
		    name->path);
}

/* A file of a random name beside the wanted one, where unnamed files are
 * unknown.  Killed now it stays: it has a prefix that tools know. */
static int
open_temp(
    const struct shunt__name *name, uint32_t mode, char *temp, size_t room)
{
	char dir[PATH_MAX];

	directory(name, dir, sizeof(dir));
	for (int i = 0; i < 100; i++) {
		uint64_t r = 0;
		int e = shunt__os.getrandom(&r, sizeof(r));
		if (e < 0)
			return e;
		if (snprintf(temp, room, "%s/.shunt-new-%016llx", dir,
			(unsigned long long)r) >= (int)room)
			return -ENAMETOOLONG;
		e = shunt__os.open(temp,
		    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
		if (e != -EEXIST)
			return e;
	}
	return -EEXIST;
}

int
shunt__publish_begin(const struct shunt__name *name, uint32_t mode,
    int use_umask, const char *group, char *temp, size_t room)
{
	char dir[PATH_MAX];
	int e, fd;

	temp[0] = 0;
	directory(name, dir, sizeof(dir));
	fd = shunt__os.open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
	if (fd == -EOPNOTSUPP || fd == -EISDIR || fd == -EINVAL)
		fd = open_temp(name, mode, temp, room);
	if (fd < 0)
		return shunt__fail(fd, "%s: cannot be made in %s: %s",
		    shunt__quote(name->shown), shunt__quote(dir),
		    shunt__why(fd));
	e = set_rights(fd, name, mode, use_umask, group);
	if (e < 0) {
		shunt__os.close(fd);
		if (temp[0] != 0)
			shunt__os.unlink(temp);
		return e;
	}
	return fd;
}

/* The one moment at which the name begins to exist.  0, -EEXIST, -errno. */
int
shunt__publish_end(const struct shunt__name *name, int fd, char *temp)
{
	int e = temp[0] != 0 ? shunt__os.rename_new(temp, name->path)
			     : shunt__os.link_fd(fd, name->path);

	if (e < 0 && temp[0] != 0)
		shunt__os.unlink(temp);
	if (e < 0 && e != -EEXIST)
		return shunt__fail(e, "%s: cannot be given its name: %s",
		    shunt__quote(name->shown), shunt__why(e));
	return e;
}
