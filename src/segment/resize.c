/* SPDX-License-Identifier: MIT */
/*
 * Another size.  Growing reserves first, so that a full file system is an
 * error and no SIGBUS; shrinking takes the memory away from everybody.
 * Killed in between, the file has the old size or the new one: the kernel
 * sets it in one step, and the mapping goes with the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "os/os.h"
#include "segment/map.h"
#include "segment/object.h"

static int
cut(int fd, uint64_t size)
{
	int e;

	do
		e = shunt__os.ftruncate(fd, (off_t)size);
	while (e == -EINTR);
	return e;
}

static int
cannot_size(const char *shown, uint64_t size, int e)
{
	if (e == -EPERM)
		return shunt__fail(e,
		    "%s: it is sealed against another size (shrinking, "
		    "growing or writing)",
		    shunt__quote(shown));
	return shunt__fail(e, "%s: it cannot be given %llu bytes: %s",
	    shunt__quote(shown), (unsigned long long)size, shunt__why(e));
}

/*
 * A page is mapped whole, so behind the end there may be what somebody wrote
 * past it, and it would come into view.  Where holes are not known the file
 * system sees to it itself, or nobody does.
 */
static void
sweep(int fd, uint64_t end)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t rest = (page - end % page) % page;

	if (rest > 0)
		shunt__os.fallocate(fd,
		    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)end,
		    (off_t)rest);
}

int
shunt__raw_set_size(int fd, uint64_t old_size, uint64_t size, const char *shown)
{
	struct stat st;
	int e;

	if (size < old_size) {
		e = cut(fd, size);
		return e < 0 ? cannot_size(shown, size, e) : 0;
	}
	if (size == old_size)
		return 0;
	sweep(fd, old_size);
	e = shunt__reserve(fd, old_size, size - old_size, shown);
	if (e == -EPERM)
		return cannot_size(shown, size, e);
	/* Part of it may be there: where the kernel was interrupted, or where
	 * zeros had to be written for want of a call that reserves. */
	if (e < 0 && shunt__os.fstat(fd, &st) == 0 &&
	    (uint64_t)st.st_size > old_size)
		cut(fd, old_size);
	return e;
}

static int
resizable(const struct shunt_segment *seg, size_t size)
{
	const char *shown = shunt__quote(seg->shown);

	if (seg->fd < 0)
		return shunt__fail(-ENOTSUP,
		    "%s: the size of a System V segment cannot be changed; "
		    "make another one",
		    shown);
	if (seg->window)
		return shunt__fail(-EINVAL,
		    "%s: only a window of it is mapped; open it whole, or "
		    "give its size by its name",
		    shown);
	if (seg->readonly)
		return shunt__fail(-EACCES,
		    "%s: it was opened for reading only; open it for writing",
		    shown);
	return shunt__raw_size_ok(size, seg->shown);
}

/* The pages that hold @size bytes, or 0 if no process has so many. */
static size_t
pages_of(uint64_t size, size_t page)
{
	return size > SIZE_MAX - page
		   ? 0
		   : (size_t)((size + page - 1) / page * page);
}

/* Mappings of huge pages, and those that the caller protected in pieces, the
 * kernel does not move: a second one takes the place of the first. */
static int
map_anew(struct shunt_segment *seg, void **at, size_t map_size)
{
	int e;

	*at = NULL;
	e = shunt__os.mmap_at(
	    at, map_size, shunt__raw_prot(seg->prot), MAP_SHARED, seg->fd, 0);
	if (e < 0)
		return e;
	shunt__os.munmap(seg->map, seg->map_size);
	return 0;
}

static int
remap(struct shunt_segment *seg, size_t map_size)
{
	void *at = seg->map;
	int e = 0;

	if (map_size == 0)
		e = -ENOMEM;
	else if (map_size != seg->map_size)
		e = shunt__os.mremap(
		    &at, seg->map_size, map_size, MREMAP_MAYMOVE);
	if (e == -EINVAL || e == -EFAULT)
		e = map_anew(seg, &at, map_size);
	if (e < 0)
		return e;
	seg->map = at;
	seg->data = at; /* mapped whole: the window begins where the map does */
	seg->map_size = map_size;
	return 0;
}

int
shunt_segment_resize(struct shunt_segment *seg, size_t size)
{
	uint64_t old_size, new_size;
	size_t page = 0;
	struct stat st;
	int e;

	if (seg == NULL)
		return -EINVAL;
	e = resizable(seg, size);
	if (e < 0)
		return e;
	e = shunt__os.fstat(seg->fd, &st);
	if (e == 0)
		e = shunt__raw_page(seg->fd, &page);
	if (e < 0)
		return cannot_size(seg->shown, size, e);
	/* What it has by now: others may have changed it, too. */
	old_size = (uint64_t)st.st_size;
	new_size = shunt__raw_file_size(size, page);
	e = shunt__raw_set_size(seg->fd, old_size, new_size, seg->shown);
	if (e < 0)
		return e;
	e = remap(seg, pages_of(new_size, page));
	/* Of a smaller file too much is mapped then: harmless, and what is
	 * taken away cannot be given back with its bytes. */
	if (e < 0 && size > seg->size) {
		if (new_size > old_size)
			cut(seg->fd, old_size);
		return shunt__fail(e,
		    "%s: it cannot be mapped with %zu bytes: %s",
		    shunt__quote(seg->shown), size, shunt__why(e));
	}
	seg->size = size;
	/* What was added, too; the kernel has seen to the limit already. */
	if (seg->flags & (SHUNT_SEGMENT_HUGE | SHUNT_SEGMENT_LOCKED))
		shunt__raw_settle(seg);
	return 0;
}

int
shunt_segment_set_size(const char *text, uint64_t size)
{
	struct shunt__name name;
	uint64_t there = 0;
	size_t page = 0;
	int fd, e = shunt__name_parse(&name, text);

	if (e < 0)
		return e;
	if (name.backend == SHUNT__SYSV)
		return shunt__fail(-ENOTSUP,
		    "%s: the size of a System V segment cannot be changed; "
		    "make another one",
		    shunt__quote(name.shown));
	e = shunt__raw_size_ok(size, name.shown);
	if (e < 0)
		return e;
	fd = shunt__raw_open(&name, O_RDWR, NULL, &there);
	if (fd < 0)
		return fd;
	e = shunt__raw_page(fd, &page);
	if (e < 0)
		e = cannot_size(name.shown, size, e);
	else
		e = shunt__raw_set_size(
		    fd, there, shunt__raw_file_size(size, page), name.shown);
	shunt__os.close(fd);
	return e;
}
