/* SPDX-License-Identifier: MIT */
#ifndef TEXTBOOK_DEMO_H
#define TEXTBOOK_DEMO_H

/*
 * What the two unrelated processes agree on: a struct of 1024 bytes.
 *
 *	 0  stage    0 empty, 1 filled by the writer, 2 answered by the reader
 *	 4  number   the writer's; the reader doubles it
 *	 8  reading  a double, as this machine stores it
 *	16  text     ends with a NUL, or fills all 1008 bytes
 *
 * The types have a fixed size, so that 32-bit and 64-bit programs agree; and
 * there is no pointer in it, which would mean nothing on the other side.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "futex.h"

#define DEMO_NAME "/shm-demo"
#define DEMO_PATH "/dev/shm/shm-demo"

enum { EMPTY = 0, FILLED = 1, ANSWERED = 2 };

struct demo {
	_Atomic uint32_t stage;
	int32_t number;
	double reading;
	char text[1008];
};

_Static_assert(sizeof(struct demo) == 1024, "what both sides map");
_Static_assert(offsetof(struct demo, text) == 16, "and where it lies");

/* Sleeps until the other side has come so far. */
static inline void
demo_await(struct demo *demo, uint32_t stage)
{
	uint32_t now;

	/* Pairs with the release below: the other's bytes are seen. */
	while ((now = atomic_load_explicit(
		    &demo->stage, memory_order_acquire)) < stage)
		futex_wait(&demo->stage, now);
}

/* What was stored before is whole; the other side may look at it. */
static inline void
demo_reach(struct demo *demo, uint32_t stage)
{
	atomic_store_explicit(&demo->stage, stage, memory_order_release);
	futex_wake(&demo->stage);
}

#endif /* TEXTBOOK_DEMO_H */
