/* SPDX-License-Identifier: MIT */
/* Raw segments: any program's bytes, see <shunt/segment.h>. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/options.h"
#include "os/os.h"
#include "segment/map.h"
#include "segment/object.h"

#define FLAGS                                                                  \
	(SHUNT_SEGMENT_EXCLUSIVE | SHUNT_SEGMENT_TRUNCATE |                    \
	    SHUNT_SEGMENT_READONLY | SHUNT_SEGMENT_UMASK |                     \
	    SHUNT_SEGMENT_REPLACE | SHUNT_SEGMENT_ROUND | SHUNT_SEGMENT_HUGE | \
	    SHUNT_SEGMENT_LOCKED | SHUNT_SEGMENT_INHERIT |                     \
	    SHUNT_SEGMENT_SEALED)

int
shunt__raw_prot_ok(uint32_t prot)
{
	const uint32_t some =
	    SHUNT_PROT_READ | SHUNT_PROT_WRITE | SHUNT_PROT_EXEC;

	return prot == SHUNT_PROT_NONE || (prot != 0 && (prot & ~some) == 0);
}

int
shunt__raw_prot(uint32_t prot)
{
	return (prot & SHUNT_PROT_READ ? PROT_READ : 0) |
	       (prot & SHUNT_PROT_WRITE ? PROT_WRITE : 0) |
	       (prot & SHUNT_PROT_EXEC ? PROT_EXEC : 0);
}

/* Wishes that contradict each other, or NULL. */
static const char *
contradiction(const struct shunt_segment_options *o)
{
	if (!shunt__raw_prot_ok(o->prot))
		return "a protection is SHUNT_PROT_NONE alone, or of READ, "
		       "WRITE and EXEC";
	if ((o->flags & SHUNT_SEGMENT_READONLY) && (o->prot & SHUNT_PROT_WRITE))
		return "SHUNT_SEGMENT_READONLY and SHUNT_PROT_WRITE contradict "
		       "each other";
	if ((o->flags & SHUNT_SEGMENT_REPLACE) && o->address == NULL)
		return "SHUNT_SEGMENT_REPLACE needs an address to replace at";
	if ((o->flags & SHUNT_SEGMENT_LOCKED) && o->prot == SHUNT_PROT_NONE)
		return "what cannot be accessed cannot be locked in memory";
	return NULL;
}

int
shunt__raw_options(
    struct shunt_segment_options *o, const struct shunt_segment_options *opts)
{
	int e = shunt__options_read(o, sizeof(*o), sizeof(*o), opts);
	const char *why;

	if (e < 0 || (o->flags & ~(uint32_t)FLAGS) || (o->mode & ~07777u) ||
	    o->reserved != 0)
		return shunt__options_refuse(opts);
	if (o->mode == 0)
		o->mode = 0600;
	if (o->prot == 0)
		o->prot = o->flags & SHUNT_SEGMENT_READONLY
			      ? SHUNT_PROT_READ
			      : SHUNT_PROT_READ | SHUNT_PROT_WRITE;
	why = contradiction(o);
	if (why != NULL)
		return shunt__fail(-EINVAL, "%s", why);
	/* From here on the flag says what the descriptor must be able to. */
	if (!(o->prot & SHUNT_PROT_WRITE))
		o->flags |= SHUNT_SEGMENT_READONLY;
	return 0;
}

int
shunt__raw_size_ok(uint64_t size, const char *shown)
{
	if (size != 0 && size <= INT64_MAX)
		return 0;
	return shunt__fail(-EINVAL,
	    "%s: a segment has at least 1 byte and at most 2^63 - 1",
	    shunt__quote(shown));
}

int
shunt__raw_check(int fd, const char *shown)
{
	struct shunt__header_lay header;
	struct shunt__geometry geo;
	int e = shunt__header_read(fd, &header, &geo, shown);

	if (e == 1)
		return 0;
	if (e == 0 || e == SHUNT_E_LAYOUT || e == SHUNT_E_CORRUPT)
		return shunt__fail(SHUNT_E_KIND,
		    "%s: it is an object of shunt, not a raw segment; its own "
		    "commands know it, and shunt stat shows it",
		    shunt__quote(shown));
	return e;
}

static int
open_once(const struct shunt__name *name, int flags, const char *owner,
    struct stat *st)
{
	int fd = shunt__open_checked(name, flags, owner, 1, st);
	int e;

	if (fd < 0)
		return fd;
	e = shunt__raw_check(fd, name->shown);
	if (e < 0) {
		shunt__os.close(fd);
		return e;
	}
	return fd;
}

/*
 * Whose name still leads to it once it is open is not robbed by a clean, which
 * sees that it is open (remove_raw.c).  Else it was removed while we came.
 */
int
shunt__raw_open(const struct shunt__name *name, int flags, const char *owner,
    uint64_t *size)
{
	struct stat st;

	for (int i = 0; i < 1000; i++) {
		int fd = open_once(name, flags, owner, &st);
		if (fd < 0)
			return fd;
		*size = (uint64_t)st.st_size;
		if (shunt__is_named(name, st.st_dev, st.st_ino) != 0)
			return fd;
		shunt__os.close(fd);
	}
	return shunt__fail(-EBUSY, "%s: it comes and goes too fast",
	    shunt__quote(name->shown));
}

/* What is sealed against shrinking has at least the size that it has now. */
static int
look_at_seals(int fd, const char *shown, uint64_t *size)
{
	struct stat st;
	int e = shunt__raw_sealed(fd, shown);

	if (e < 0)
		return e;
	e = shunt__os.fstat(fd, &st);
	if (e < 0)
		return shunt__fail(
		    e, "%s: its size: %s", shunt__quote(shown), shunt__why(e));
	*size = (uint64_t)st.st_size;
	return 0;
}

static int
open_file(struct shunt_segment **out, const struct shunt__name *name,
    const struct shunt_segment_options *o)
{
	int readonly = (o->flags & SHUNT_SEGMENT_READONLY) != 0, e = 0;
	uint64_t size = 0;
	int fd = shunt__raw_open(
	    name, readonly ? O_RDONLY : O_RDWR, o->owner, &size);

	if (fd < 0)
		return fd;
	if (o->flags & SHUNT_SEGMENT_SEALED)
		e = look_at_seals(fd, name->shown, &size);
	if (e == 0 && size == 0)
		e = shunt__fail(SHUNT_E_NOTREADY,
		    "%s: its size is 0; its creator has not sized it yet",
		    shunt__quote(name->shown));
	if (e < 0) {
		shunt__os.close(fd);
		return e;
	}
	return shunt__raw_map(out, fd, size, o, name->shown);
}

int
shunt_segment_open(struct shunt_segment **out, const char *text,
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
	if (e < 0)
		return e;
	return name.backend == SHUNT__SYSV ? shunt__sysv_open(out, &name, &o)
					   : open_file(out, &name, &o);
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
	if (seg == NULL)
		return -EINVAL;
	return seg->fd < 0 ? -ENOTSUP : seg->fd;
}

void
shunt_segment_close(struct shunt_segment **seg)
{
	if (seg == NULL || *seg == NULL)
		return;
	if ((*seg)->fd < 0)
		shunt__sysv_unmap(*seg);
	else
		shunt__raw_unmap(*seg);
	free((*seg)->shown);
	free(*seg);
	*seg = NULL;
}
