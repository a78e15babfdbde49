/* SPDX-License-Identifier: MIT */
/*
 * Large buffers, as a log server's megabyte: AddressSanitizer maps and unmaps
 * each, which takes longer than all else of an execution.  The linker leads the
 * library's calls here: these come from places of ours, guarded and poisoned as
 * its own are; a place rests as long as others are free.
 */
#include <stdlib.h>
#include <string.h>

#include "machine.h"

enum { LARGE = 1 << 17, PLACES = 6, GAP = 4096 };
#define ROOM ((size_t)(1 << 20) + (1 << 16))

void *__real_malloc(size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static unsigned char *places;
static size_t used[PLACES];

static unsigned char *
place(int i)
{
	return places + (size_t)i * (ROOM + GAP) + GAP;
}

static int
place_of(const void *p)
{
	if (places == NULL ||
	    (uintptr_t)p - (uintptr_t)places >= PLACES * (ROOM + GAP))
		return -1;
	for (int i = 0; i < PLACES; i++)
		if (p == place(i) && used[i] != 0)
			return i;
	abort(); /* freed twice, or never ours */
}

void *
__wrap_malloc(size_t size)
{
	static int last;

	if (size < LARGE || size > ROOM)
		return __real_malloc(size);
	if (places == NULL) {
		places = __real_malloc(PLACES * (ROOM + GAP) + GAP);
		if (places == NULL)
			return NULL;
		POISON(places, PLACES * (ROOM + GAP) + GAP);
	}
	for (int k = 0; k < PLACES; k++) {
		last = (last + 1) % PLACES;
		if (used[last] != 0)
			continue;
		used[last] = size;
		UNPOISON(place(last), size);
		return place(last);
	}
	return __real_malloc(size);
}

void
__wrap_free(void *p)
{
	int i = place_of(p);

	if (i < 0) {
		__real_free(p);
		return;
	}
	POISON(place(i), used[i]);
	used[i] = 0;
}

void *
__wrap_realloc(void *p, size_t size)
{
	int i = p == NULL ? -1 : place_of(p);
	void *to;

	if (i < 0)
		return __real_realloc(p, size);
	to = __wrap_malloc(size);
	if (to != NULL) {
		memcpy(to, p, used[i] < size ? used[i] : size);
		__wrap_free(p);
	}
	return to;
}
