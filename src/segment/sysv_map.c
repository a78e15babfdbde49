/* SPDX-License-Identifier: MIT */
/*
 * Attaching System V segments.  What is attached cannot vanish or shrink any
 * more: no access to it is ever a SIGBUS.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "os/lines.h"
#include "os/os.h"
#include "segment/sysv.h"

/* The smallest of the huge pages that machines have. */
#define HUGE_ALIGN (UINT64_C(1) << 21)

static int
no_window(const struct shunt__name *name, uint64_t size,
    const struct shunt_segment_options *o)
{
	if (o->offset < size && o->length <= size - o->offset)
		return 0;
	return shunt__fail(-EINVAL,
	    "%s: a window of %zu bytes at %llu is not wholly inside its %llu "
	    "bytes",
	    shunt__quote(name->shown), o->length, (unsigned long long)o->offset,
	    (unsigned long long)size);
}

static int
no_option(const struct shunt__name *name, const struct shunt_segment_options *o)
{
	if (o->flags & SHUNT_SEGMENT_INHERIT)
		return shunt__fail(-ENOTSUP,
		    "%s: System V has no descriptor that could survive exec; "
		    "the program attaches it again by its name",
		    shunt__quote(name->shown));
	if (o->flags & SHUNT_SEGMENT_SEALED)
		return shunt__fail(SHUNT_E_KIND,
		    "%s: System V segments bear no seals (nobody can make one "
		    "smaller); pass a memfd for those",
		    shunt__quote(name->shown));
	return 0;
}

static int
shmat_flags(const struct shunt_segment_options *o)
{
	return (o->flags & SHUNT_SEGMENT_READONLY ? SHM_RDONLY : 0) |
	       (o->prot & SHUNT_PROT_EXEC ? SHM_EXEC : 0) |
	       (o->flags & SHUNT_SEGMENT_ROUND ? SHM_RND : 0) |
	       (o->flags & SHUNT_SEGMENT_REPLACE ? SHM_REMAP : 0);
}

/* No page, and not to be rounded to one; the kernel would take the first page
 * of all for no wish at all. */
static int
bad_address(const struct shunt_segment_options *o)
{
	uintptr_t at = (uintptr_t)o->address;

	return o->address != NULL &&
	       (at < (uintptr_t)SHMLBA ||
		   (at % (uintptr_t)getpagesize() != 0 &&
		       !(o->flags & SHUNT_SEGMENT_ROUND)));
}

/* The kernel says EINVAL to all that may be wrong with an address. */
static int
wrong_address(const struct shunt__name *name,
    const struct shunt_sysv_info *info, const struct shunt_segment_options *o)
{
	const char *shown = shunt__quote(name->shown);

	if (bad_address(o))
		return shunt__fail(-EINVAL,
		    "%s: %p is not the address of a page; SHUNT_SEGMENT_ROUND "
		    "(--round) takes the one that it is in",
		    shown, o->address);
	if (o->flags & SHUNT_SEGMENT_REPLACE)
		return shunt__fail(-EINVAL,
		    "%s: its %llu bytes cannot be mapped at %p", shown,
		    (unsigned long long)info->size, o->address);
	return shunt__fail(-EEXIST,
	    "%s: its %llu bytes cannot be mapped at %p: something is mapped "
	    "there; choose another address, or replace it "
	    "(SHUNT_SEGMENT_REPLACE, --replace)",
	    shown, (unsigned long long)info->size, o->address);
}

static const char *
access_words(const struct shunt_segment_options *o)
{
	int readonly = (o->flags & SHUNT_SEGMENT_READONLY) != 0;

	if (o->prot & SHUNT_PROT_EXEC)
		return readonly ? "read and execute it"
				: "read, write and execute it";
	return readonly ? "read it" : "write it";
}

static int
explain(int e, const struct shunt__name *name,
    const struct shunt_sysv_info *info, const struct shunt_segment_options *o)
{
	struct shunt_sysv_info now;

	if (e == -EACCES)
		return shunt__sysv_denied(e, name, info, access_words(o));
	if (e == -EIDRM ||
	    (e == -EINVAL && shunt__sysv_look(info->id, &now) == -ENOENT))
		return shunt__sysv_gone(name);
	if (e == -EINVAL && o->address != NULL)
		return wrong_address(name, info, o);
	if (o->address != NULL)
		return shunt__fail(e,
		    "%s: its %llu bytes cannot be mapped at %p: %s",
		    shunt__quote(name->shown), (unsigned long long)info->size,
		    o->address, shunt__why(e));
	return shunt__fail(e, "%s: its %llu bytes cannot be mapped: %s",
	    shunt__quote(name->shown), (unsigned long long)info->size,
	    shunt__why(e));
}

static int
same_start(const char *line, void *arg)
{
	uintptr_t *bounds = arg;
	char *end;

	if (strtoull(line, &end, 16) != bounds[0] || *end != '-')
		return 0;
	bounds[1] = (uintptr_t)strtoull(end + 1, NULL, 16);
	return 1;
}

/*
 * The bytes from @at on that the attach took.  Huge pages end later than the
 * segment's size tells, and mprotect(2) wants whole ones; only /proc knows.
 */
static size_t
mapped_bytes(void *at, const struct shunt_sysv_info *info)
{
	uintptr_t bounds[2] = {(uintptr_t)at, 0};

	if (bounds[0] % HUGE_ALIGN == 0 && info->rounded % HUGE_ALIGN != 0 &&
	    shunt__lines_find("/proc/self/maps", same_start, bounds) == 1 &&
	    bounds[1] - bounds[0] > info->rounded &&
	    (bounds[1] - bounds[0]) % HUGE_ALIGN == 0)
		return bounds[1] - bounds[0];
	return info->rounded;
}

/* Is what was attached still what was looked at?  Identifiers come round. */
static int
same_again(const struct shunt_sysv_info *info)
{
	struct shunt_sysv_info now;
	int e = shunt__sysv_look(info->id, &now);

	return e < 0 ? e : now.size == info->size && now.uid == info->uid;
}

static int
attach(void **at, const struct shunt__name *name,
    const struct shunt_sysv_info *info, const struct shunt_segment_options *o)
{
	int e;

	if (bad_address(o))
		return wrong_address(name, info, o);
	e = shunt__os.shmat(at, info->id, o->address, shmat_flags(o));
	if (e < 0)
		return explain(e, name, info, o);
	e = same_again(info);
	if (e == 1)
		return 0;
	shunt__os.shmdt(*at);
	return e == 0 || e == -ENOENT ? shunt__sysv_gone(name)
				      : shunt__sysv_failed(e, name, "attached");
}

/* What shmat(2) has no flags for. */
static int
adjust(const struct shunt_segment *seg, const struct shunt__name *name,
    const struct shunt_segment_options *o)
{
	uint32_t got = SHUNT_PROT_READ | (o->prot & SHUNT_PROT_EXEC) |
		       (seg->readonly ? 0 : SHUNT_PROT_WRITE);
	int e = 0;

	if (o->prot != got)
		e = shunt__os.mprotect(
		    seg->map, seg->map_size, shunt__raw_prot(o->prot));
	if (e < 0)
		return shunt__sysv_failed(e, name, "protected so");
	/* A hint; who has real huge pages is told that they need none. */
	if (o->flags & SHUNT_SEGMENT_HUGE)
		shunt__os.madvise(seg->map, seg->map_size, MADV_HUGEPAGE);
	return o->flags & SHUNT_SEGMENT_LOCKED
		   ? shunt__sysv_keep(seg->sysv_id, 1, name)
		   : 0;
}

int
shunt__sysv_map(struct shunt_segment **out, const struct shunt__name *name,
    const struct shunt_sysv_info *info, const struct shunt_segment_options *o)
{
	struct shunt_segment *seg;
	void *at;
	int e = no_option(name, o);

	if (e == 0)
		e = no_window(name, info->size, o);
	if (e < 0)
		return e;
	seg = calloc(1, sizeof(*seg));
	if (seg == NULL || (seg->shown = strdup(name->shown)) == NULL) {
		free(seg);
		return shunt__sysv_failed(-ENOMEM, name, "attached");
	}
	e = attach(&at, name, info, o);
	if (e == 0) {
		seg->map = at;
		seg->map_size = mapped_bytes(at, info);
		seg->data = seg->map + o->offset;
		seg->offset = o->offset;
		seg->size = o->length != 0 ? o->length
					   : (size_t)(info->size - o->offset);
		seg->window = seg->size != info->size;
		seg->fd = -1;
		seg->sysv_id = info->id;
		seg->readonly = (o->flags & SHUNT_SEGMENT_READONLY) != 0;
		seg->prot = o->prot;
		seg->flags = o->flags;
		e = adjust(seg, name, o);
		if (e < 0)
			shunt__os.shmdt(at);
	}
	if (e < 0) {
		free(seg->shown);
		free(seg);
		return e;
	}
	*out = seg;
	return 0;
}

void
shunt__sysv_unmap(struct shunt_segment *seg)
{
	shunt__os.shmdt(seg->map);
}

void
shunt__sysv_drop(struct shunt_segment *seg)
{
	shunt__sysv_unmap(seg);
	free(seg->shown);
	free(seg);
}
