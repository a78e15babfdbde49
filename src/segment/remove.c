/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"
#include "os/os.h"
#include "segment/lockbyte.h"
#include "segment/object.h"
#include "segment/raw.h"
#include "segment/remove.h"

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

/* ORPHAN, IDLE: not what is in use, without a word of --force. */
#define NOBODYS ((uint32_t)(SHUNT_REMOVE_ORPHAN | SHUNT_REMOVE_IDLE))
#define ALL     (NOBODYS | SHUNT_REMOVE_FORCE)

static int
refuse_used(const struct shunt__name *name, uint32_t flags)
{
	return shunt__fail(-EBUSY,
	    flags & NOBODYS
		? "%s: somebody has it attached; shunt stat shows who"
		: "%s: it is in use; shunt stat shows by whom, and --force "
		  "removes it nevertheless",
	    shunt__quote(name->shown));
}

/*
 * Under the removing byte nobody comes; whoever is there holds the other, so
 * what is asked here stays true until the name is gone.
 */
static int
remove_object(int fd, const struct shunt__name *name, uint32_t flags,
    shunt__may_go *may_go)
{
	struct stat at_fd, at_name;
	int e = shunt__byte_lock(fd, F_WRLCK, SHUNT__BYTE_REMOVING);
	int in_use = 0;

	if (e == 0)
		in_use = shunt__byte_held(fd, F_WRLCK, SHUNT__BYTE_ATTACHED);
	if (in_use < 0)
		e = in_use;
	else if (in_use && !(flags & SHUNT_REMOVE_FORCE))
		e = -EBUSY;
	if (e == -EBUSY)
		return refuse_used(name, flags);
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
	if (flags & NOBODYS)
		e = may_go(name, &at_fd, flags);
	if (e == 0 && (flags & NOBODYS))
		e = shunt__nobody_has(name, fd);
	if (e == 0)
		e = unlink_name(name);
	/* Only once it is done: who may not remove it must not say so.  Killed
	 * before, its users miss the name within a second. */
	if (e == 0 && in_use != 0)
		mark_removed(fd);
	return e;
}

/* A file that nobody has, or that was left on the way. */
static int
remove_nobodys(int fd, const struct shunt__name *name, uint32_t flags,
    shunt__may_go *may_go)
{
	struct shunt__header_lay header;
	struct shunt__geometry geo;
	struct shunt__name own;

	if (shunt__is_unfinished(name) || shunt__is_hidden(name, &own))
		return shunt__remove_leftover(name, fd);
	if (shunt__header_read(fd, &header, &geo, name->shown) != 1)
		return remove_object(fd, name, flags, may_go);
	if (flags & SHUNT_REMOVE_IDLE)
		return shunt__remove_raw(name, fd);
	return shunt__fail(-EBUSY,
	    "%s: it is a raw segment: nobody can tell whether it is meant to "
	    "stay; shunt rm removes it, and shunt clean --idle with its name",
	    shunt__quote(name->shown));
}

static int
open_and_remove(const struct shunt__name *name,
    const struct shunt_remove_options *o, shunt__may_go *may_go)
{
	struct stat st;
	int e, fd = shunt__open_checked(name, O_RDWR, o->owner, 1, &st);

	/* A lease needs no more than reading. */
	if (fd == -EACCES || fd == -EROFS || fd == -ETXTBSY)
		fd = shunt__open_checked(name, O_RDONLY, o->owner, 1, &st);
	/* Somebody else asks the same this instant, by a lease. */
	if (fd == -EAGAIN)
		return shunt__fail(-EBUSY,
		    "%s: somebody else looks just now who has it",
		    shunt__quote(name->shown));
	if (fd < 0)
		return fd;
	e = remove_nobodys(fd, name, o->flags, may_go);
	/* As in attach.c: a child of a bare clone has it, too. */
	shunt__byte_lock(fd, F_UNLCK, SHUNT__BYTE_REMOVING);
	shunt__os.close(fd);
	return e;
}

/* ORPHAN, IDLE.  What a removal that was cut off has hidden goes back first:
 * somebody may have opened it at the last moment. */
static int
remove_if_nobodys(const struct shunt__name *name,
    const struct shunt_remove_options *o, shunt__may_go *may_go)
{
	struct shunt__name own;
	int e = -EEXIST;

	if (shunt__is_hidden(name, &own))
		e = shunt__put_back(name);
	if (e == 0)
		return 1;
	if (e != -EEXIST)
		return shunt__fail(e, "%s: its name cannot be given back: %s",
		    shunt__quote(name->shown), shunt__why(e));
	e = open_and_remove(name, o, may_go);
	if (e == -ENOENT && shunt__put_back_of(name))
		e = open_and_remove(name, o, may_go);
	return e;
}

/* A file, whoever has it, or an object that nobody has or by force. */
static int
remove_file(
    const struct shunt__name *name, const struct shunt_remove_options *o)
{
	struct shunt__header_lay header;
	struct shunt__geometry geo;
	struct stat st;
	int e, fd = shunt__open_checked(name, O_RDWR, o->owner, 1, &st);

	/* Unreadable to us it can still be ours to unlink, as shm_unlink. */
	if (fd == -EACCES && o->owner == NULL && shunt__os.geteuid() != 0 &&
	    shunt__os.lstat(name->path, &st) == 0 &&
	    st.st_uid == shunt__os.geteuid() && S_ISREG(st.st_mode))
		return unlink_name(name);
	if (fd < 0)
		return fd;
	/* An object that is too new or broken still has its lock bytes. */
	e = shunt__header_read(fd, &header, &geo, name->shown);
	e = e == 1 ? unlink_name(name)
		   : remove_object(fd, name, o->flags, NULL);
	shunt__byte_lock(fd, F_UNLCK, SHUNT__BYTE_REMOVING);
	shunt__os.close(fd);
	return e;
}

int
shunt__remove(const char *text, const struct shunt_remove_options *opts,
    shunt__may_go *may_go)
{
	struct shunt_remove_options o;
	struct shunt__name name;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);

	if (e < 0 || (o.flags & ~ALL) || o.reserved)
		return shunt__options_refuse(opts);
	if ((o.flags & SHUNT_REMOVE_FORCE) && (o.flags & NOBODYS))
		return shunt__fail(-EINVAL,
		    "SHUNT_REMOVE_FORCE takes what is in use, _ORPHAN and "
		    "_IDLE leave it: not both");
	e = shunt__name_parse(&name, text);
	if (e < 0)
		return e;
	if (name.backend == SHUNT__SYSV)
		return shunt__sysv_remove(&name, o.owner, o.flags);
	if (name.backend == SHUNT__FD)
		return shunt__fail(-EINVAL,
		    "%s: it has no name to remove; it goes with its last "
		    "descriptor",
		    shunt__quote(name.shown));
	/* A child of this moment would keep the descriptor, and with it the
	 * removing byte. */
	shunt__fork_hold();
	e = o.flags & NOBODYS ? remove_if_nobodys(&name, &o, may_go)
			      : remove_file(&name, &o);
	shunt__fork_let_go();
	return e;
}
