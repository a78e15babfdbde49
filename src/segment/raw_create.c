/* SPDX-License-Identifier: MIT */
/* Making raw segments, with a name and without one. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/error.h"
#include "os/os.h"
#include "segment/map.h"
#include "segment/object.h"

#ifndef MFD_HUGETLB
#define MFD_HUGETLB 4u
#endif

static int
cut(int fd, uint64_t size)
{
	int e;

	do
		e = shunt__os.ftruncate(fd, (off_t)size);
	while (e == -EINTR);
	return e;
}

/* There was no room: it has its size of before, if no longer its bytes. */
static void
give_size_back(int fd, uint64_t there)
{
	struct stat st;

	if (shunt__os.fstat(fd, &st) == 0 && (uint64_t)st.st_size != there)
		cut(fd, there);
}

/*
 * Cuts what is there and reserves it anew, all zeros.  There must be room
 * before the first byte is lost: so it is reserved first, and again once what
 * was there is gone, where it can fail only if somebody was quicker.
 */
static int
renew(int fd, uint64_t there, size_t size, const char *shown)
{
	int e = shunt__reserve(fd, 0, size, shown);

	if (e == 0) {
		e = cut(fd, 0);
		e = e < 0 ? shunt__fail(e, "%s: it cannot be cut: %s",
				shunt__quote(shown), shunt__why(e))
			  : shunt__reserve(fd, 0, size, shown);
	}
	if (e < 0)
		give_size_back(fd, there);
	return e;
}

/* There already: the same size is fine, another one is an error. */
static int
adopt(struct shunt_segment **out, const struct shunt__name *name, size_t size,
    const struct shunt_segment_options *o)
{
	int readonly = (o->flags & SHUNT_SEGMENT_READONLY) != 0;
	int truncate = (o->flags & SHUNT_SEGMENT_TRUNCATE) != 0;
	uint64_t there;
	int e, fd;

	if (o->flags & SHUNT_SEGMENT_EXCLUSIVE)
		return shunt__fail(-EEXIST, "%s: it exists already",
		    shunt__quote(name->shown));
	fd = shunt__raw_open(
	    name, readonly && !truncate ? O_RDONLY : O_RDWR, o->owner, &there);
	if (fd < 0)
		return fd;
	if (truncate) {
		e = renew(fd, there, size, name->shown);
	} else if (there == 0) {
		/* Another program is between its shm_open and its ftruncate,
		 * or died there; which, cannot be told. */
		e = shunt__fail(SHUNT_E_NOTREADY,
		    "%s: its size is 0; its creator has not sized it yet: try "
		    "again, or truncate it (--truncate)",
		    shunt__quote(name->shown));
	} else if (there != size) {
		e = shunt__fail(-EEXIST,
		    "%s: it exists with %llu bytes, not %zu; remove it, or "
		    "truncate it (--truncate)",
		    shunt__quote(name->shown), (unsigned long long)there, size);
	} else {
		e = 0;
	}
	if (e < 0) {
		shunt__os.close(fd);
		return e;
	}
	e = shunt__raw_map(out, fd, size, o, name->shown);
	return e < 0 ? e : 1;
}

/* *late: somebody else gave the name to his own in the meantime. */
static int
make(struct shunt_segment **out, const struct shunt__name *name, size_t size,
    const struct shunt_segment_options *o, int *late)
{
	char temp[PATH_MAX];
	int fd = shunt__publish_begin(name, o->mode,
	    (o->flags & SHUNT_SEGMENT_UMASK) != 0, o->group, temp,
	    sizeof(temp));
	int e;

	*late = 0;
	if (fd < 0)
		return fd;
	e = shunt__reserve(fd, 0, size, name->shown);
	if (e < 0)
		shunt__os.close(fd);
	else /* mapped first: a name that is there is one that can be used */
		e = shunt__raw_map(out, fd, size, o, name->shown);
	if (e < 0) {
		if (temp[0] != 0)
			shunt__os.unlink(temp);
		return e;
	}
	e = shunt__publish_end(name, (*out)->fd, temp);
	*late = e == -EEXIST;
	if (e < 0)
		shunt_segment_close(out);
	return e;
}

static int
is_there(const struct shunt__name *name)
{
	struct stat st;

	return shunt__os.lstat(name->path, &st) == 0;
}

static int
create_file(struct shunt_segment **out, const struct shunt__name *name,
    size_t size, const struct shunt_segment_options *o)
{
	int e = shunt__raw_size_ok(size, name->shown), late;

	/* Before anything is made that would then be left behind. */
	if (e == 0)
		e = shunt__raw_window(o, size, name->shown);
	/* Whoever is quicker makes it; it may also go between our looks. */
	for (int i = 0; e == 0 && i < 1000; i++) {
		if (!is_there(name)) {
			e = make(out, name, size, o, &late);
			if (!late)
				return e;
		}
		e = adopt(out, name, size, o);
		if (e != -ENOENT)
			return e;
		e = 0;
	}
	return e < 0 ? e : -ENOENT;
}

static int
creatable(const struct shunt__name *name, const struct shunt_segment_options *o)
{
	if (name->backend == SHUNT__FD)
		return shunt__fail(-EINVAL,
		    "%s: a descriptor is opened, not created",
		    shunt__quote(name->shown));
	if (o->flags & SHUNT_SEGMENT_SEALED)
		return shunt__fail(-EINVAL,
		    "%s: SHUNT_SEGMENT_SEALED asks what somebody else made; "
		    "shunt_segment_anon() and shunt_segment_seal() make such",
		    shunt__quote(name->shown));
	return 0;
}

int
shunt_segment_create(struct shunt_segment **out, const char *text, size_t size,
    const struct shunt_segment_options *opts)
{
	struct shunt_segment_options o;
	struct shunt__name name;
	int e;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	e = shunt__raw_options(&o, opts);
	if (e == 0)
		e = shunt__name_parse(&name, text);
	if (e == 0)
		e = creatable(&name, &o);
	if (e < 0)
		return e;
	return name.backend == SHUNT__SYSV
		   ? shunt__sysv_create(out, &name, size, &o)
		   : create_file(out, &name, size, &o);
}

/* A memfd of reserved memory; MFD_HUGETLB in @flags: of huge pages. */
static int
memory(size_t size, unsigned flags)
{
	size_t page = 0;
	int fd =
	    shunt__os.memfd("shunt", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
	int e;

	if (fd < 0)
		return shunt__fail(
		    fd, "anonymous memory cannot be had: %s", shunt__why(fd));
	/* A memfd's mode is 0777: another user who is given a read-only
	 * descriptor could open it anew for writing. */
	e = shunt__os.fchmod(fd, 0600);
	if (e == 0)
		e = shunt__raw_page(fd, &page);
	if (e < 0)
		shunt__fail(
		    e, "anonymous memory cannot be set up: %s", shunt__why(e));
	else
		e = shunt__reserve(fd, 0, shunt__raw_file_size(size, page),
		    "anonymous memory");
	if (e < 0) {
		shunt__os.close(fd);
		return e;
	}
	return fd;
}

int
shunt_segment_anon(struct shunt_segment **out, size_t size,
    const struct shunt_segment_options *opts)
{
	const char *shown = "anonymous memory";
	struct shunt_segment_options o;
	int e, fd = -1;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	e = shunt__raw_options(&o, opts);
	if (e == 0)
		e = shunt__raw_size_ok(size, shown);
	if (e == 0)
		e = shunt__raw_window(&o, size, shown);
	if (e == 0 && (o.flags & SHUNT_SEGMENT_SEALED))
		e = shunt__fail(-EINVAL,
		    "anonymous memory: it is sealed by shunt_segment_seal(), "
		    "once it is there");
	if (e < 0)
		return e;
	/* The pool of huge pages is empty on most machines. */
	if (o.flags & SHUNT_SEGMENT_HUGE)
		fd = memory(size, MFD_HUGETLB);
	if (fd < 0)
		fd = memory(size, 0);
	return fd < 0 ? fd : shunt__raw_map(out, fd, size, &o, shown);
}
