/* SPDX-License-Identifier: MIT */
#ifndef TEXTBOOK_LIST_H
#define TEXTBOOK_LIST_H

/*
 * A linked list in shared memory, 4096 bytes.
 *
 *	 0  stage  0 empty, 1 whole, 2 taken by the reader
 *	 8  first  link to the first node
 *	64  node   63 nodes of 64 bytes, used from the front
 *		 0  next  link to the next node
 *		 8  word  ends with a NUL, or fills all 56 bytes
 *
 * Each process maps the memory at another address, so a link is no pointer: it
 * is the node's distance from the first byte, plus 1, so that 0 is "none".
 * That is how libshunt stores a struct shunt_offset.
 *
 * LIST_LINK is uint64_t for the plain programs, struct shunt_offset for the
 * others; the bytes are the same.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "futex.h"

#define LIST_NAME "/shm-demo-list"
#define LIST_PATH "/dev/shm/shm-demo-list"

enum { LIST_EMPTY = 0, LIST_WHOLE = 1, LIST_TAKEN = 2, LIST_NODES = 63 };

struct node {
	LIST_LINK next;
	char word[56];
};

struct list {
	_Atomic uint32_t stage;
	uint32_t unused;
	LIST_LINK first;
	char room[48];
	struct node node[LIST_NODES];
};

_Static_assert(sizeof(struct list) == 4096, "what both sides map");
_Static_assert(offsetof(struct list, node) == 64, "and where it lies");

/* Sleeps until the other side has come so far. */
static inline void
list_await(struct list *list, uint32_t stage)
{
	uint32_t now;

	/* Pairs with the release below: the other's bytes are seen. */
	while ((now = atomic_load_explicit(
		    &list->stage, memory_order_acquire)) < stage)
		futex_wait(&list->stage, now);
}

/* What was stored before is whole; the other side may look at it. */
static inline void
list_reach(struct list *list, uint32_t stage)
{
	atomic_store_explicit(&list->stage, stage, memory_order_release);
	futex_wake(&list->stage);
}

#endif /* TEXTBOOK_LIST_H */
