/* SPDX-License-Identifier: MIT */
/*
 * Mappings of images.  To map and unmap takes microseconds and a fault for
 * each page that is touched, so it is done once, for images of each power of
 * two: then a mapping is a window that is handed out again.  Windows show the
 * same pages; each lies between guards, and what is not mapped of it by now is
 * poisoned.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "machine.h"
#include "os/os.h"

enum { MEMORIES = 24, WINDOWS = 12, GUARD = 65536 };

struct window {
	unsigned char *at;
	int prot;
	size_t used;   /* bytes of the mapping that it is now, or 0 */
	int protected; /* a part of it, since it was mapped */
};

static struct memory {
	int fd;
	size_t size;
	unsigned char *own; /* the harness's window */
	struct window windows[WINDOWS];
} memories[MEMORIES];

static struct memory *now;
static unsigned looks; /* at what is mapped, in this execution */

static unsigned char *
window(const struct memory *m, int prot)
{
	size_t span = m->size + (size_t)GUARD * 2;
	char *at = mmap(NULL, span, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED ||
	    mmap(at + GUARD, m->size, prot, MAP_SHARED | MAP_FIXED, m->fd, 0) ==
		MAP_FAILED)
		abort();
	return (unsigned char *)at + GUARD;
}

unsigned char *
machine_memory(size_t least)
{
	struct memory *m = memories;
	size_t size = 16384;

	while (size < least)
		size *= 2;
	while (m < memories + MEMORIES && m->size != 0 && m->size != size)
		m++;
	if (m == memories + MEMORIES)
		abort();
	if (m->size == 0) {
		m->size = size;
		m->fd = memfd_create("fuzz", MFD_CLOEXEC);
		if (m->fd < 0 || ftruncate(m->fd, (off_t)size) != 0)
			abort();
		m->own = window(m, PROT_READ | PROT_WRITE);
	}
	now = m;
	looks = 0;
	return m->own;
}

static int
map_private(void **out, size_t size, int prot, int flags)
{
	void *at = mmap(NULL, size, prot, flags, -1, 0);

	*out = at == MAP_FAILED ? NULL : at;
	return at == MAP_FAILED ? -errno : 0;
}

int
machine_mmap(void **out, size_t size, int prot, int flags, int fd)
{
	struct machine_node *node = machine_node(fd);
	struct window *w = now->windows;

	*out = NULL;
	if (fd < 0)
		return map_private(out, size, prot, flags);
	/* Behind the end every touch would be a SIGBUS. */
	if (node == NULL || node->kind != MACHINE_IMAGE || size == 0 ||
	    size > node->size)
		abort();
	while (w < now->windows + WINDOWS && w->at != NULL &&
	       (w->used != 0 || w->prot != prot))
		w++;
	if (w == now->windows + WINDOWS)
		return -ENOMEM;
	if (w->at == NULL) {
		w->at = window(now, prot);
		w->prot = prot;
		POISON(w->at, now->size);
	}
	w->used = size;
	UNPOISON(w->at, size);
	*out = w->at;
	return 0;
}

static struct window *
window_of(const void *at)
{
	for (int i = 0; i < WINDOWS && now->windows[i].at != NULL; i++)
		if ((uintptr_t)at - (uintptr_t)now->windows[i].at < now->size)
			return &now->windows[i];
	return NULL;
}

int
machine_munmap(void *at, size_t size)
{
	struct window *w = window_of(at);

	if (w == NULL)
		return munmap(at, size) < 0 ? -errno : 0;
	if (at != w->at || size != w->used)
		abort();
	w->used = 0;
	POISON(w->at, now->size);
	if (w->protected && mprotect(w->at, now->size, w->prot) != 0)
		abort();
	w->protected = 0;
	return 0;
}

int
machine_mprotect(void *at, size_t size, int prot)
{
	struct window *w = window_of(at);

	if (w != NULL)
		w->protected = 1;
	return mprotect(at, size, prot) < 0 ? -errno : 0;
}

int
machine_madvise(void *at, size_t size, int advice)
{
	const struct window *w = window_of(at);

	if (w == NULL)
		return madvise(at, size, advice) < 0 ? -errno : 0;
	return size > w->used - (size_t)((unsigned char *)at - w->at) ? -ENOMEM
								      : 0;
}

int
machine_mapped(void)
{
	int n = 0;

	for (int i = 0; i < WINDOWS; i++)
		n += now->windows[i].used != 0;
	return n;
}

/* As /proc/PID/maps has it.  Who has no memory at all is dead, and not asked
 * further, which saves half of the time: so only the first who looks sees us.
 */
size_t
machine_maps(char *text, size_t room)
{
	size_t n = 0;

	if (looks++ == 0)
		n = (size_t)snprintf(text, room,
		    "400000-401000 r-xp 00000000 08:01 7 /usr/bin/fuzz\n");
	for (int i = 0; i < WINDOWS && n + 128 < room; i++)
		if (now->windows[i].used != 0)
			n += (size_t)snprintf(text + n, room - n,
			    "%lx-%lx rw-s 00000000 00:01 1 "
			    "                 /memfd:fuzz (deleted)\n",
			    (unsigned long)now->windows[i].at,
			    (unsigned long)now->windows[i].at +
				now->windows[i].used);
	return n;
}
