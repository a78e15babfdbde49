/* SPDX-License-Identifier: MIT */
#ifndef TEXTBOOK_BLOCKS_H
#define TEXTBOOK_BLOCKS_H

/*
 * What writer and reader agree on: a System V segment with key 0x1234, of
 * 1036 bytes, all zeros when it is new.
 *
 *	 0  turn      whose the rest is: 0 the writer's, 1 the reader's; 2 over
 *	 4  count     bytes in buf
 *	 8  complete  1: that was the last block
 *	12  buf       a buffer of 1 KiB
 *
 * `turn` makes it exact: the buffer has one owner at every moment, so that no
 * block is overwritten unread and none is read twice.
 */

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#include "futex.h"

#define BLOCKS_KEY  0x1234
#define BLOCKS_NAME "sysv:0x1234" /* the same, as libshunt writes it */

enum { WRITER = 0, READER = 1, OVER = 2 };

struct blocks {
	_Atomic uint32_t turn;
	int32_t count;
	int32_t complete;
	char buf[1024];
};

_Static_assert(sizeof(struct blocks) == 1036, "what both sides attach");

/* Sleeps until it is my turn: 1.  0 if the other side, or Ctrl-C, gave up. */
static inline int
blocks_await(struct blocks *b, uint32_t me)
{
	uint32_t turn;

	/* Pairs with the release below: the other's bytes are seen. */
	while ((turn = atomic_load_explicit(&b->turn, memory_order_acquire)) !=
	       me) {
		if (turn != WRITER && turn != READER)
			return 0;
		futex_wait(&b->turn, turn);
	}
	return 1;
}

/* Hands the buffer over, unless somebody has said that it is over. */
static inline void
blocks_pass(struct blocks *b, uint32_t me, uint32_t to)
{
	atomic_compare_exchange_strong_explicit(
	    &b->turn, &me, to, memory_order_release, memory_order_relaxed);
	futex_wake(&b->turn);
}

static struct blocks *blocks_mine;

/* One store, which also ends a sleep on the word that is about to begin. */
static inline void
blocks_interrupted(int sig)
{
	(void)sig;
	atomic_store(&blocks_mine->turn, OVER);
}

/* Ctrl-C says OVER to this process; it wakes the other and removes the key. */
static inline void
blocks_end_on_signal(struct blocks *b)
{
	struct sigaction sa = {.sa_handler = blocks_interrupted};

	blocks_mine = b;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

#endif /* TEXTBOOK_BLOCKS_H */
