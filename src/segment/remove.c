/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <shunt/segment.h>

#include "base/error.h"
#include "base/options.h"
#include "os/os.h"
#include "segment/lockbyte.h"
#include "segment/object.h"
#include "segment/raw.h"

static int
unlink_name(const struct shunt__name *name)
{
	int e = shunt__os.unlink(name->path);

	if (e == -EPERM || e == -EACCES)
		return shunt__fail(e,
		    "%s: it is another user's; only its owner or root can "
		    "remove it there",
		    shunt__quote(name->shown));
	if (e < 0)
		return shunt__fail(e, "%s: it cannot be removed: %s",
		    shunt__quote(name->shown), shunt__why(e));
	return 0;
}

/* Tells those who have it: they look at the word beside their bell. */
static void
mark_removed(int fd)
{
	uint32_t one = 1;
	ssize_t n;

	do
		n = shunt__os.pwrite(fd, &one, sizeof(one),
		    SHUNT__CONTROL_OFF +
			offsetof(struct shunt__control_lay, ct_removed));
	while (n == -EINTR);
}

/* Under the removing byte nobody comes; whoever is there holds the other. */
static int
remove_object(int fd, const struct shunt__name *name, int force)
{
	struct stat at_fd, at_name;
	int e = shunt__byte_lock(fd, F_WRLCK, SHUNT__BYTE_REMOVING);
	int in_use = 0;

	if (e == 0)
		in_use = shunt__byte_held(fd, F_WRLCK, SHUNT__BYTE_ATTACHED);
	if (in_use < 0)
		e = in_use;
	else if (in_use && !force)
		e = -EBUSY;
	if (e == -EBUSY)
		return shunt__fail(e,
		    "%s: it is in use; shunt stat shows by whom, and --force "
		    "removes it nevertheless",
		    shunt__quote(name->shown));
	if (e == 0)
		e = shunt__os.fstat(fd, &at_fd);
	if (e == 0)
		e = shunt__os.lstat(name->path, &at_name);
	if (e < 0)
		return shunt__fail(e, "%s: it cannot be removed: %s",
		    shunt__quote(name->shown), shunt__why(e));
	if (at_fd.st_dev != at_name.st_dev || at_fd.st_ino != at_name.st_ino)
		return shunt__fail(-EBUSY,
		    "%s: somebody replaced it just now; look at it again",
		    shunt__quote(name->shown));
	e = unlink_name(name);
	/* Only once it is done: who may not remove it must not say so.  Killed
	 * before, its users miss the name within a second. */
	if (e == 0 && in_use != 0)
		mark_removed(fd);
	return e;
}

static int
remove_file(
    const struct shunt__name *name, const struct shunt_remove_options *o)
{
	struct shunt__header_lay header;
	struct shunt__geometry geo;
	struct stat st;
	int e, fd;

	fd = shunt__open_checked(name, O_RDWR, o->owner, 1, &st);
	/* Unreadable to us it can still be ours to unlink, as shm_unlink. */
	if (fd == -EACCES && o->owner == NULL && shunt__os.geteuid() != 0 &&
	    shunt__os.lstat(name->path, &st) == 0 &&
	    st.st_uid == shunt__os.geteuid() && S_ISREG(st.st_mode))
		return unlink_name(name);
	if (fd < 0)
		return fd;
	/* An object that is too new or broken still has its lock bytes. */
	e = shunt__header_read(fd, &header, &geo, name->shown);
	e = e == 1
		? unlink_name(name)
		: remove_object(fd, name, (o->flags & SHUNT_REMOVE_FORCE) != 0);
	/* As in attach.c: a child of a bare clone has it, too. */
	shunt__byte_lock(fd, F_UNLCK, SHUNT__BYTE_REMOVING);
	shunt__os.close(fd);
	return e;
}

int
shunt_remove(const char *text, const struct shunt_remove_options *opts)
{
	struct shunt_remove_options o;
	struct shunt__name name;
	int e;

	e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);
	if (e < 0 || (o.flags & ~(uint32_t)SHUNT_REMOVE_FORCE) || o.reserved)
		return shunt__fail(-EINVAL, "options of a newer version");
	e = shunt__name_parse(&name, text);
	if (e < 0)
		return e;
	if (name.backend == SHUNT__SYSV)
		return shunt__sysv_remove(&name, o.owner);
	if (name.backend == SHUNT__FD)
		return shunt__fail(-EINVAL,
		    "%s: it has no name to remove; it goes with its last "
		    "descriptor",
		    shunt__quote(name.shown));
	/* A child of this moment would keep the descriptor, and with it the
	 * removing byte. */
	shunt__fork_hold();
	e = remove_file(&name, &o);
	shunt__fork_let_go();
	return e;
}
