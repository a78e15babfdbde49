/* SPDX-License-Identifier: MIT */
/*
 * Removing a file that nobody has open or mapped, in any namespace.
 *
 * The kernel grants a lease for writing only if no other description of the
 * file is open; a mapping counts as long as it lives, also when its descriptor
 * is closed.  From then on nobody gets through open(2): each opener counts
 * himself, then looks for a lease; he waits, and the lease says "broken".  So:
 *
 *	1  take the lease		refused: somebody has it
 *	2  rename it to a hidden name	from here on nobody finds it
 *	3  is the lease unbroken?	no: somebody found it before 2; his
 *					open goes on when we let go, so the
 *					name is given back first
 *	4  unlink the hidden name
 *
 * Killed before 2 or after 4 nothing is left to do.  In between the hidden
 * name stays, which tells its own one: whoever cleans next gives that back and
 * begins anew.  The kernel drops the lease with us.
 *
 * What remains: an open(2) that found the file before 2 and that the kernel
 * has not yet let run to its lease check at 3.  To its caller it is an open
 * just before an unlink.  Who opens, then sees his name lead to what he opened
 * (as attach does, and shunt_segment_open()), has it for good: the lease is
 * refused from his open on, and before it the name was not away.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "base/error.h"
#include "os/os.h"
#include "segment/object.h"
#include "segment/remove.h"

/* Who only looks (shunt ls) has it open for microseconds: not at once a no. */
#define TRIES 5
#define PAUSE 100000

/* 0, -EAGAIN: somebody has it, or another code: the kernel does not say. */
static int
ask_lease(int fd)
{
	int e = -EAGAIN;

	/* Who opens the file makes the kernel send a signal: one that is
	 * ignored unless somebody asked for it. */
	shunt__os.lease(fd, F_SETSIG, SIGURG);
	for (int i = 0; i < TRIES && (e == -EAGAIN || e == -EINTR); i++) {
		if (i > 0)
			shunt__os.nanosleep(PAUSE);
		e = shunt__os.lease(fd, F_SETLEASE, F_WRLCK);
	}
	return e;
}

static int
in_use(const struct shunt__name *name)
{
	return shunt__fail(-EBUSY, "%s: somebody has it open or mapped",
	    shunt__quote(name->shown));
}

/* 0, or a code and a sentence. */
static int
take_lease(const struct shunt__name *name, int fd)
{
	int e = ask_lease(fd);

	if (e >= 0)
		return 0;
	if (e == -EAGAIN)
		return in_use(name);
	return shunt__fail(-EBUSY,
	    "%s: whether anybody has it cannot be told: the kernel answers "
	    "its owner and root alone, and not on every file system (%s)",
	    shunt__quote(name->shown), shunt__why(e));
}

int
shunt__nobody_has(const struct shunt__name *name, int fd)
{
	return ask_lease(fd) == -EAGAIN ? in_use(name) : 0;
}

/* Did nobody open it since?  Told also of one that waits for us. */
static int
unbroken(int fd)
{
	return shunt__os.lease(fd, F_GETLEASE, 0) == F_WRLCK;
}

static void
give_lease(int fd)
{
	shunt__os.lease(fd, F_SETLEASE, F_UNLCK);
}

/* Somebody has it after all: its name, before his open goes on. */
static int
turn_back(
    const struct shunt__name *name, const struct shunt__name *hidden, int why)
{
	int e = shunt__put_back(hidden);

	if (e == 0)
		return shunt__fail(-EBUSY, "%s: %s", shunt__quote(name->shown),
		    why ? "somebody replaced it just now; look at it again"
			: "somebody opened it just now");
	return shunt__fail(-EBUSY,
	    "%s: somebody opened it just now, and its name cannot be given "
	    "back (%s): it lies at %s until a clean finds it unused",
	    shunt__quote(name->shown), shunt__why(e),
	    shunt__quote(hidden->path));
}

static int
cannot(const struct shunt__name *name, int e)
{
	if (e == -EPERM || e == -EACCES)
		return shunt__fail(e,
		    "%s: it is another user's; only its owner or root can "
		    "remove it there",
		    shunt__quote(name->shown));
	if (e == -ENOENT)
		return shunt__fail(-EBUSY,
		    "%s: somebody else removes it, or put it back, just now; "
		    "look at it again",
		    shunt__quote(name->shown));
	return shunt__fail(e, "%s: it cannot be removed: %s",
	    shunt__quote(name->shown), shunt__why(e));
}

/* Steps 2 to 4, with the lease. */
static int
hide_and_unlink(const struct shunt__name *name, int fd, const struct stat *st)
{
	struct shunt__name hidden;
	int e = shunt__hidden_name(name, &hidden);

	if (e < 0)
		return e;
	e = shunt__os.rename_new(name->path, hidden.path);
	if (e < 0)
		return cannot(name, e);
	/* Whatever bore the name was renamed: was it this one? */
	if (shunt__is_named(&hidden, st->st_dev, st->st_ino) != 1)
		return turn_back(name, &hidden, 1);
	if (!unbroken(fd))
		return turn_back(name, &hidden, 0);
	/* Its random name was never another file's: -ENOENT, and somebody who
	 * cleans, too, has put it back. */
	e = shunt__os.unlink(hidden.path);
	if (e < 0 && e != -ENOENT)
		shunt__put_back(&hidden);
	return e < 0 ? cannot(name, e) : 0;
}

/* Nobody looks for such a name but who cleans: no need to hide it. */
static int
unlink_leftover(const struct shunt__name *name, int fd, const struct stat *st)
{
	int e;

	if (shunt__is_named(name, st->st_dev, st->st_ino) != 1)
		return cannot(name, -ENOENT);
	if (!unbroken(fd))
		return shunt__fail(-EBUSY, "%s: somebody opened it just now",
		    shunt__quote(name->shown));
	e = shunt__os.unlink(name->path);
	return e < 0 ? cannot(name, e) : 0;
}

static int
under_lease(const struct shunt__name *name, int fd,
    int (*f)(const struct shunt__name *, int, const struct stat *))
{
	struct stat st;
	int e = take_lease(name, fd);

	if (e < 0)
		return e;
	e = shunt__os.fstat(fd, &st);
	e = e < 0 ? cannot(name, e) : f(name, fd, &st);
	give_lease(fd);
	return e;
}

int
shunt__remove_raw(const struct shunt__name *name, int fd)
{
	return under_lease(name, fd, hide_and_unlink);
}

int
shunt__remove_leftover(const struct shunt__name *name, int fd)
{
	return under_lease(name, fd, unlink_leftover);
}
