/* SPDX-License-Identifier: MIT */
/* Opening what somebody else made: everything in it is input. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <shunt/version.h>

#include "base/error.h"
#include "os/os.h"
#include "segment/map.h"
#include "segment/object.h"

/*
 * A name may have been taken by somebody else to be read by us: only what
 * belongs to us, to root or to whom the caller named is opened.
 */
int
shunt__owner_check(
    const char *shown, const struct stat *st, const char *owner, int any_owner)
{
	char whose[SHUNT__USER_ROOM];
	uint32_t wanted = UINT32_MAX;
	uid_t me = shunt__os.geteuid();

	if (owner != NULL) {
		int e = shunt__user_number(owner, &wanted);
		if (e < 0)
			return e;
		if (st->st_uid == wanted)
			return 0;
		return shunt__fail(SHUNT_E_OWNER,
		    "%s: it belongs to user %s, not to %s, as was asked "
		    "for; if that is meant, --owner=%u",
		    shunt__quote(shown), shunt__user_text(st->st_uid, whose),
		    shunt__quote(owner), st->st_uid);
	} else if (any_owner || st->st_uid == me || st->st_uid == 0) {
		return 0;
	}
	return shunt__fail(SHUNT_E_OWNER,
	    "%s: it belongs to user %s and you are user %u; if that is "
	    "meant, name its owner (--owner=%u)",
	    shunt__quote(shown), shunt__user_text(st->st_uid, whose), me,
	    st->st_uid);
}

static const char *
type_of(mode_t mode)
{
	return S_ISDIR(mode)                    ? "a directory"
	       : S_ISFIFO(mode)                 ? "a FIFO"
	       : S_ISSOCK(mode)                 ? "a socket"
	       : S_ISBLK(mode) || S_ISCHR(mode) ? "a device"
						: "no regular file";
}

/* Not allowed: whose it is, and what its mode says, stat(2) tells anybody. */
static int
forbidden(int e, const struct shunt__name *name)
{
	const char *shown = shunt__quote(name->shown);
	char whose[SHUNT__USER_ROOM];
	struct stat st;

	if (name->backend == SHUNT__FD || shunt__os.lstat(name->path, &st) < 0)
		return shunt__fail(
		    e, "%s: it cannot be opened: %s", shown, shunt__why(e));
	return shunt__fail(e,
	    "%s: you may not open it: it belongs to user %s and group %u, and "
	    "its mode is %04o; that user, or root, may change it (shunt chmod)",
	    shown, shunt__user_text(st.st_uid, whose), st.st_gid,
	    st.st_mode & 07777);
}

static int
explain(int e, const struct shunt__name *name)
{
	const char *shown = shunt__quote(name->shown);

	if (e == -EACCES)
		return forbidden(e, name);

	if (e == -ENOENT)
		return shunt__fail(e,
		    "%s: there is no such segment; shunt ls "
		    "shows those that there are",
		    shown);
	if (e == -ELOOP)
		return shunt__fail(SHUNT_E_KIND,
		    "%s: it is a symbolic link, which is not followed", shown);
	if (e == -EISDIR)
		return shunt__fail(
		    SHUNT_E_KIND, "%s: it is a directory", shown);
	if (e == -ENXIO)
		return shunt__fail(SHUNT_E_KIND,
		    "%s: it is a FIFO, a socket or a device", shown);
	return shunt__fail(
	    e, "%s: it cannot be opened: %s", shown, shunt__why(e));
}

/* Somebody may hold a lease on it for microseconds, to see who has it open:
 * then an open that does not block is told to come again.  A second, should he
 * have lost his CPU just there. */
static int
open_patiently(const char *path, int flags)
{
	uint64_t end = 0;
	int fd;

	while ((fd = shunt__os.open(path, flags, 0)) == -EAGAIN) {
		if (end == 0)
			end = shunt__now() + 1000000000;
		else if (shunt__now() > end)
			break;
		shunt__os.nanosleep(50000);
	}
	return fd;
}

/* The descriptor of a regular file of an acceptable owner, or a code. */
int
shunt__open_checked(const struct shunt__name *name, int flags,
    const char *owner, int any_owner, struct stat *st)
{
	int nofollow, fd, e;

	/* Whoever serves System V has branched off before: this is somebody
	 * who wants an object, or a file. */
	if (name->backend == SHUNT__SYSV)
		return shunt__fail(SHUNT_E_KIND,
		    "%s: System V segments are raw only, for they have no "
		    "inode to lock; an object needs a POSIX name (posix:/name)",
		    shunt__quote(name->shown));
	/* fd:N is opened anew through /proc: locks need a description of
	 * their own, and that path is a link by nature. */
	nofollow = name->backend == SHUNT__FD ? 0 : O_NOFOLLOW;
	fd = open_patiently(
	    name->path, flags | nofollow | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return explain(fd, name);
	e = shunt__os.fstat(fd, st);
	if (e < 0)
		e = explain(e, name);
	else if (!S_ISREG(st->st_mode))
		e = shunt__fail(SHUNT_E_KIND, "%s: it is %s",
		    shunt__quote(name->shown), type_of(st->st_mode));
	else
		e = shunt__owner_check(name->shown, st, owner, any_owner);
	if (e < 0) {
		shunt__os.close(fd);
		return e;
	}
	return fd;
}

/* Of the offsets of header and control block, and of what the kind adds. */
uint64_t
shunt__fingerprint(uint64_t print)
{
	const uint64_t words[] = {
	    print,
	    sizeof(struct shunt__header_lay),
	    offsetof(struct shunt__header_lay, hd_lanes),
	    offsetof(struct shunt__header_lay, hd_lane_bytes),
	    offsetof(struct shunt__header_lay, hd_param),
	    offsetof(struct shunt__header_lay, hd_schema),
	    offsetof(struct shunt__header_lay, hd_type),
	    offsetof(struct shunt__header_lay, hd_check),
	    sizeof(struct shunt__control_lay),
	    offsetof(struct shunt__control_lay, ct_removed),
	    offsetof(struct shunt__control_lay, ct_level),
	    offsetof(struct shunt__control_lay, ct_high),
	    offsetof(struct shunt__control_lay, ct_slots),
	    offsetof(struct shunt__control_lay, ct_ended),
	    offsetof(struct shunt__control_lay, ct_pid),
	    offsetof(struct shunt__control_lay, ct_ready),
	    SHUNT__AREA_OFF,
	    SHUNT__LANE_BLOCK,
	};

	return shunt__checksum(words, sizeof(words));
}

static int
header_sane(const struct shunt__header_lay *h, struct shunt__geometry *geo)
{
	struct shunt__spec spec = {.kind = h->hd_kind,
	    .lanes = h->hd_lanes,
	    .area_bytes = h->hd_area_bytes,
	    .lane_bytes = h->hd_lane_bytes,
	    .param = h->hd_param,
	    .persistent = h->hd_lifetime == SHUNT__PERSISTENT};

	return h->hd_check ==
		   shunt__checksum(
		       h, offsetof(struct shunt__header_lay, hd_check)) &&
	       (h->hd_lifetime == SHUNT__PERSISTENT ||
		   h->hd_lifetime == SHUNT__EPHEMERAL) &&
	       shunt__geometry_make(geo, &spec) == 0 && geo->size == h->hd_size;
}

int
shunt__header_read(int fd, struct shunt__header_lay *out,
    struct shunt__geometry *geo, const char *shown)
{
	ssize_t n;

	memset(out, 0, sizeof(*out));
	do
		n = shunt__os.pread(fd, out, sizeof(*out), 0);
	while (n == -EINTR);
	if (n < 0)
		return shunt__fail((int)n, "%s: its header cannot be read: %s",
		    shunt__quote(shown), shunt__why((int)n));
	if (n < (ssize_t)sizeof(*out) || out->hd_magic != SHUNT__MAGIC)
		return 1;
	if (out->hd_order != SHUNT__ORDER)
		return shunt__fail(SHUNT_E_LAYOUT,
		    "%s: it was made on a machine of another byte order",
		    shunt__quote(shown));
	if (out->hd_layout != SHUNT__LAYOUT)
		return shunt__fail(SHUNT_E_LAYOUT,
		    "%s: it has layout %#x and this shunt %s reads %#x; use "
		    "the version that made it, or remove it",
		    shunt__quote(shown), out->hd_layout, SHUNT_VERSION,
		    SHUNT__LAYOUT);
	if (!header_sane(out, geo))
		return shunt__fail(SHUNT_E_CORRUPT,
		    "%s: its header contradicts itself; something wrote over "
		    "it: remove it (shunt rm --force)",
		    shunt__quote(shown));
	return 0;
}
