/* SPDX-License-Identifier: MIT */
/* Raw segments: any program's bytes, see <shunt/segment.h>. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <shunt/segment.h>

#include "base/error.h"
#include "base/options.h"
#include "os/os.h"
#include "segment/object.h"

struct shunt_segment {
	unsigned char *data;
	size_t size;
	int fd;
};

#define FLAGS                                                                  \
	(SHUNT_SEGMENT_EXCLUSIVE | SHUNT_SEGMENT_TRUNCATE |                    \
	    SHUNT_SEGMENT_READONLY | SHUNT_SEGMENT_UMASK)

static int
read_options(
    struct shunt_segment_options *o, const struct shunt_segment_options *opts)
{
	int e = shunt__options_read(o, sizeof(*o), sizeof(*o), opts);

	if (e < 0 || (o->flags & ~(uint32_t)FLAGS) || (o->mode & ~07777u))
		return shunt__fail(-EINVAL, "options of a newer version");
	if (o->mode == 0)
		o->mode = 0600;
	return 0;
}

/* Wraps a descriptor, which is closed on failure. */
static int
wrap(struct shunt_segment **out, int fd, size_t size, int readonly,
    const char *shown)
{
	struct shunt_segment *seg = calloc(1, sizeof(*seg));
	void *at = NULL;
	int e = -ENOMEM;

	if (seg != NULL)
		e = shunt__os.mmap(&at, size,
		    readonly ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd);
	if (e < 0) {
		free(seg);
		shunt__os.close(fd);
		return shunt__fail(e, "%s: %zu bytes cannot be mapped: %s",
		    shunt__quote(shown), size, shunt__why(e));
	}
	seg->data = at;
	seg->size = size;
	seg->fd = fd;
	*out = seg;
	return 0;
}

/* A regular file without our header; *size is what it has now. */
static int
open_raw(const struct shunt__name *name, int flags, const char *owner,
    uint64_t *size)
{
	struct shunt__header_lay header;
	struct shunt__geometry geo;
	struct stat st;
	int fd = shunt__open_checked(name, flags, owner, 1, &st);
	int e;

	if (fd < 0)
		return fd;
	e = shunt__header_read(fd, &header, &geo, name->shown);
	if (e == 1) {
		*size = (uint64_t)st.st_size;
		return fd;
	}
	shunt__os.close(fd);
	if (e == 0 || e == SHUNT_E_LAYOUT || e == SHUNT_E_CORRUPT)
		return shunt__fail(SHUNT_E_KIND,
		    "%s: it is an object of shunt, not a raw segment; its own "
		    "commands know it, and shunt stat shows it",
		    shunt__quote(name->shown));
	return e;
}

/* Cuts what is there and reserves it anew, all zeros. */
static int
renew(int fd, size_t size, const char *shown)
{
	int e = shunt__os.ftruncate(fd, 0);

	if (e < 0)
		return shunt__fail(e, "%s: it cannot be cut: %s",
		    shunt__quote(shown), shunt__why(e));
	return shunt__reserve(fd, 0, size, shown);
}

/* There already: the same size is fine, another one is an error. */
static int
adopt(struct shunt_segment **out, const struct shunt__name *name, size_t size,
    const struct shunt_segment_options *o)
{
	uint64_t there;
	int e, fd;

	if (o->flags & SHUNT_SEGMENT_EXCLUSIVE)
		return shunt__fail(-EEXIST, "%s: it exists already",
		    shunt__quote(name->shown));
	fd = open_raw(name, O_RDWR, o->owner, &there);
	if (fd < 0)
		return fd;
	if (o->flags & SHUNT_SEGMENT_TRUNCATE) {
		e = renew(fd, size, name->shown);
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
	e = wrap(out, fd, size, o->flags & SHUNT_SEGMENT_READONLY, name->shown);
	return e < 0 ? e : 1;
}

static int
make(struct shunt_segment **out, const struct shunt__name *name, size_t size,
    const struct shunt_segment_options *o)
{
	char temp[PATH_MAX];
	int fd = shunt__publish_begin(name, o->mode,
	    (o->flags & SHUNT_SEGMENT_UMASK) != 0, o->group, temp,
	    sizeof(temp));
	int e;

	if (fd < 0)
		return fd;
	e = shunt__reserve(fd, 0, size, name->shown);
	if (e < 0)
		shunt__os.close(fd);
	else /* mapped first: a name that is there is one that can be used */
		e = wrap(out, fd, size, o->flags & SHUNT_SEGMENT_READONLY,
		    name->shown);
	if (e < 0) {
		if (temp[0] != 0)
			shunt__os.unlink(temp);
		return e;
	}
	e = shunt__publish_end(name, fd, temp);
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

int
shunt_segment_create(struct shunt_segment **out, const char *text, size_t size,
    const struct shunt_segment_options *opts)
{
	struct shunt_segment_options o;
	struct shunt__name name;
	int e;

	*out = NULL;
	e = read_options(&o, opts);
	if (e == 0)
		e = shunt__name_parse(&name, text);
	if (e < 0)
		return e;
	if (name.backend == SHUNT__FD)
		return shunt__fail(-EINVAL,
		    "%s: a descriptor is opened, not created",
		    shunt__quote(name.shown));
	if (size == 0 || size > INT64_MAX)
		return shunt__fail(-EINVAL,
		    "%s: a segment has at least 1 byte and at most 2^63 - 1",
		    shunt__quote(name.shown));
	/* Whoever is quicker makes it; it may also go between our looks. */
	for (int i = 0; i < 1000; i++) {
		if (!is_there(&name)) {
			e = make(out, &name, size, &o);
			if (e != -EEXIST)
				return e;
		}
		e = adopt(out, &name, size, &o);
		if (e != -ENOENT)
			return e;
	}
	return e;
}

int
shunt_segment_open(struct shunt_segment **out, const char *text,
    const struct shunt_segment_options *opts)
{
	struct shunt_segment_options o;
	struct shunt__name name;
	uint64_t size;
	int e, fd, readonly;

	*out = NULL;
	e = read_options(&o, opts);
	if (e == 0)
		e = shunt__name_parse(&name, text);
	if (e < 0)
		return e;
	readonly = (o.flags & SHUNT_SEGMENT_READONLY) != 0;
	fd = open_raw(&name, readonly ? O_RDONLY : O_RDWR, o.owner, &size);
	if (fd < 0)
		return fd;
	if (size == 0) {
		shunt__os.close(fd);
		return shunt__fail(SHUNT_E_NOTREADY,
		    "%s: its size is 0; its creator has not sized it yet",
		    shunt__quote(name.shown));
	}
	return wrap(out, fd, size, readonly, name.shown);
}

int
shunt_segment_anon(struct shunt_segment **out, size_t size,
    const struct shunt_segment_options *opts)
{
	struct shunt_segment_options o;
	int e, fd;

	*out = NULL;
	e = read_options(&o, opts);
	if (e < 0)
		return e;
	if (size == 0 || size > INT64_MAX)
		return shunt__fail(-EINVAL, "a segment has at least 1 byte");
	fd = shunt__os.memfd("shunt", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return shunt__fail(
		    fd, "anonymous memory cannot be had: %s", shunt__why(fd));
	/* A memfd's mode is 0777: another user who is given a read-only
	 * descriptor could open it anew for writing. */
	e = shunt__os.fchmod(fd, 0600);
	if (e < 0)
		shunt__fail(
		    e, "anonymous memory: mode 0600: %s", shunt__why(e));
	else
		e = shunt__reserve(fd, 0, size, "anonymous memory");
	if (e < 0) {
		shunt__os.close(fd);
		return e;
	}
	return wrap(out, fd, size, o.flags & SHUNT_SEGMENT_READONLY,
	    "anonymous memory");
}

void *
shunt_segment_data(const struct shunt_segment *seg)
{
	return seg == NULL ? NULL : seg->data;
}

size_t
shunt_segment_size(const struct shunt_segment *seg)
{
	return seg == NULL ? 0 : seg->size;
}

int
shunt_segment_fd(const struct shunt_segment *seg)
{
	return seg == NULL ? -EINVAL : seg->fd;
}

void
shunt_segment_close(struct shunt_segment **seg)
{
	if (seg == NULL || *seg == NULL)
		return;
	shunt__os.munmap((*seg)->data, (*seg)->size);
	shunt__os.close((*seg)->fd);
	free(*seg);
	*seg = NULL;
}
