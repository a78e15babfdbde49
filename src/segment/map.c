/* SPDX-License-Identifier: MIT */
/*
 * Files in this process's memory: a window of any bytes, at any or at one
 * certain address, with the protection that was asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "os/os.h"
#include "segment/map.h"

/* Not every libc has heard of them. */
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#define COLLAPSE 25 /* MADV_COLLAPSE, since Linux 6.1 */

#define HUGETLBFS 0x958458f6u

/* What the processors have between a page and a gigabyte; elsewhere it is
 * only an alignment. */
#define HUGE_PAGE ((size_t)2 << 20)

int
shunt__raw_page(int fd, size_t *page)
{
	struct statfs sf;
	int e = shunt__os.fstatfs(fd, &sf);

	if (e < 0)
		return e;
	*page = (uint32_t)sf.f_type == HUGETLBFS
		    ? (size_t)sf.f_bsize
		    : (size_t)sysconf(_SC_PAGESIZE);
	return 0;
}

uint64_t
shunt__raw_file_size(uint64_t size, size_t page)
{
	if (page <= (size_t)sysconf(_SC_PAGESIZE))
		return size;
	return (size + page - 1) / page * page;
}

int
shunt__raw_window(
    const struct shunt_segment_options *o, uint64_t there, const char *shown)
{
	uint64_t left = o->offset < there ? there - o->offset : 0;

	if (left > 0 && o->length <= left)
		return 0;
	return shunt__fail(-EINVAL,
	    "%s: a window of %zu bytes from %llu is not inside of its %llu "
	    "bytes",
	    shunt__quote(shown), o->length, (unsigned long long)o->offset,
	    (unsigned long long)there);
}

/* The pages around the window. */
static int
measure(struct shunt_segment *seg, size_t page)
{
	size_t lead = (size_t)(seg->offset % page);

	if (seg->size > SIZE_MAX - lead - page)
		return -ENOMEM;
	seg->map_size = (lead + seg->size + page - 1) / page * page;
	return 0;
}

static int
map_here(struct shunt_segment *seg, size_t page, void **at, int flags)
{
	return shunt__os.mmap_at(at, seg->map_size, shunt__raw_prot(seg->prot),
	    MAP_SHARED | flags, seg->fd,
	    (off_t)(seg->offset - seg->offset % page));
}

/*
 * A huge page of the file fits a huge page of the process only where both
 * begin at a multiple of its size.  Room that is too large is taken first,
 * and what is over is given back.
 */
static int
map_aligned(struct shunt_segment *seg, size_t page, void **at)
{
	size_t room = seg->map_size + HUGE_PAGE;
	size_t shift = (size_t)((seg->offset - seg->offset % page) % HUGE_PAGE);
	void *all = NULL;
	int e = shunt__os.mmap_at(&all, room, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (e < 0)
		return map_here(seg, page, at, 0);
	uintptr_t from = (uintptr_t)all;
	uintptr_t to =
	    (from + HUGE_PAGE - 1 - shift) / HUGE_PAGE * HUGE_PAGE + shift;
	*at = (void *)to;
	e = map_here(seg, page, at, MAP_FIXED);
	if (e < 0) {
		shunt__os.munmap(all, room);
		return e;
	}
	if (to > from)
		shunt__os.munmap(all, to - from);
	/* Never nothing: less than a huge page lies before it. */
	shunt__os.munmap(
	    (void *)(to + seg->map_size), from + room - to - seg->map_size);
	return 0;
}

/* At the address that was asked for, or nowhere. */
static int
map_at(struct shunt_segment *seg, size_t page,
    const struct shunt_segment_options *o, void **at)
{
	uintptr_t want = (uintptr_t)o->address;
	int replace = (o->flags & SHUNT_SEGMENT_REPLACE) != 0, e;

	if (o->flags & SHUNT_SEGMENT_ROUND)
		want -= want % page;
	if (want == 0 || want % page != 0)
		return shunt__fail(-EINVAL,
		    "%s: %p is not the address of a page of %zu bytes; "
		    "SHUNT_SEGMENT_ROUND (--round) takes the page that it is "
		    "in",
		    shunt__quote(seg->shown), o->address, page);
	*at = (void *)want;
	e = map_here(seg, page, at, replace ? MAP_FIXED : MAP_FIXED_NOREPLACE);
	/* Kernels before 4.17 take the address for a wish. */
	if (e == 0 && *at != (void *)want) {
		shunt__os.munmap(*at, seg->map_size);
		e = -EEXIST;
	}
	if (e == -EEXIST)
		return shunt__fail(e,
		    "%s: something is mapped within %zu bytes from %p; choose "
		    "another address, or replace it (SHUNT_SEGMENT_REPLACE, "
		    "--replace)",
		    shunt__quote(seg->shown), seg->map_size, (void *)want);
	if (e < 0)
		return shunt__fail(e, "%s: it cannot be mapped at %p: %s",
		    shunt__quote(seg->shown), (void *)want, shunt__why(e));
	return 0;
}

static int
cannot_lock(const struct shunt_segment *seg, int e)
{
	uint64_t limit = 0;

	if (shunt__os.rlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit == UINT64_MAX)
		return shunt__fail(e,
		    "%s: %zu bytes cannot be locked in memory: %s",
		    shunt__quote(seg->shown), seg->map_size, shunt__why(e));
	return shunt__fail(e,
	    "%s: %zu bytes cannot be locked in memory: %s; this process may "
	    "lock %llu KiB in all (RLIMIT_MEMLOCK, ulimit -l)",
	    shunt__quote(seg->shown), seg->map_size, shunt__why(e),
	    (unsigned long long)limit / 1024);
}

/* Huge pages are a wish; that the memory stays is a promise. */
int
shunt__raw_settle(struct shunt_segment *seg)
{
	int e = 0;

	if (seg->flags & SHUNT_SEGMENT_HUGE) {
		shunt__os.madvise(seg->map, seg->map_size, MADV_HUGEPAGE);
		/* What create reserved has small pages so far. */
		shunt__os.madvise(seg->map, seg->map_size, COLLAPSE);
	}
	if (seg->flags & SHUNT_SEGMENT_LOCKED)
		e = shunt__os.mlock(seg->map, seg->map_size);
	return e < 0 ? cannot_lock(seg, e) : 0;
}

/* tmpfs and memfds let anything be run, but their mounts may not. */
static int
cannot_map(const struct shunt_segment *seg, int e)
{
	if (e == -EPERM && (seg->prot & SHUNT_PROT_EXEC))
		return shunt__fail(e,
		    "%s: nothing can be run from there: its file system is "
		    "mounted noexec",
		    shunt__quote(seg->shown));
	return shunt__fail(e, "%s: %zu bytes cannot be mapped: %s",
	    shunt__quote(seg->shown), seg->size, shunt__why(e));
}

static int
place(struct shunt_segment *seg, const struct shunt_segment_options *o)
{
	void *at = NULL;
	size_t page = 0;
	int e = shunt__raw_page(seg->fd, &page);

	if (e == 0)
		e = measure(seg, page);
	if (e == 0 && o->address != NULL) {
		e = map_at(seg, page, o, &at);
		if (e < 0)
			return e;
	} else if (e == 0 && (seg->flags & SHUNT_SEGMENT_HUGE) &&
		   seg->map_size >= HUGE_PAGE && page < HUGE_PAGE) {
		e = map_aligned(seg, page, &at);
	} else if (e == 0) {
		e = map_here(seg, page, &at, 0);
	}
	if (e < 0)
		return cannot_map(seg, e);
	seg->map = at;
	seg->data = seg->map + seg->offset % page;
	e = shunt__raw_settle(seg);
	if (e < 0)
		shunt__os.munmap(seg->map, seg->map_size);
	return e;
}

/* In place of what open(2) would have set: the descriptor is ours by now. */
static int
descriptor(struct shunt_segment *seg)
{
	int e = 0;

	if (seg->readonly)
		shunt__raw_weaken(seg);
	if (seg->flags & SHUNT_SEGMENT_INHERIT)
		e = shunt__os.fcntl(seg->fd, F_SETFD, 0);
	if (e < 0)
		return shunt__fail(e, "%s: it cannot be inherited: %s",
		    shunt__quote(seg->shown), shunt__why(e));
	return 0;
}

static struct shunt_segment *
handle(int fd, uint64_t there, const struct shunt_segment_options *o,
    const char *shown)
{
	struct shunt_segment *seg = calloc(1, sizeof(*seg));

	if (seg == NULL)
		return NULL;
	seg->shown = strdup(shown);
	if (seg->shown == NULL) {
		free(seg);
		return NULL;
	}
	seg->fd = fd;
	seg->sysv_id = -1;
	seg->offset = o->offset;
	seg->prot = o->prot;
	seg->flags = o->flags;
	seg->readonly = (o->flags & SHUNT_SEGMENT_READONLY) != 0;
	seg->size = o->length != 0 ? o->length : (size_t)(there - o->offset);
	seg->window = seg->size != there;
	return seg;
}

int
shunt__raw_map(struct shunt_segment **out, int fd, uint64_t there,
    const struct shunt_segment_options *o, const char *shown)
{
	struct shunt_segment *seg = NULL;
	int e = shunt__raw_window(o, there, shown);

	if (e == 0 && there - o->offset > SIZE_MAX && o->length == 0)
		e = shunt__fail(-ENOMEM,
		    "%s: %llu bytes are more than a process can map; map a "
		    "window",
		    shunt__quote(shown), (unsigned long long)there);
	if (e == 0) {
		seg = handle(fd, there, o, shown);
		if (seg == NULL)
			e = shunt__fail(-ENOMEM, "%s: %s", shunt__quote(shown),
			    shunt__why(-ENOMEM));
	}
	if (e < 0) {
		shunt__os.close(fd);
		return e;
	}
	e = descriptor(seg);
	if (e == 0)
		e = place(seg, o);
	if (e < 0) {
		shunt__os.close(seg->fd);
		free(seg->shown);
		free(seg);
		return e;
	}
	*out = seg;
	return 0;
}

void
shunt__raw_unmap(struct shunt_segment *seg)
{
	shunt__os.munmap(seg->map, seg->map_size);
	shunt__os.close(seg->fd);
}
