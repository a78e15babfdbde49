/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SYNC_BELL_H
#define SHUNT_SYNC_BELL_H

/*
 * A bell: the futex word of one sleeper, which its wakers read after each
 * commit and write only to wake.  Works on a bare word.
 *
 * The pair (docs/ordering.md, "waking"):
 *   waker    commit; B: plain load of the bell.  No fence between them.
 *   sleeper  A: bell |= ASLEEP; full fence; membarrier; look at everything
 *            again; futex wait.
 * The membarrier makes each running waker execute a fence between its commit
 * and its load, or has them both on one side of it.  So either the sleeper
 * sees the commit, or the waker sees ASLEEP.  A waker that could not register
 * for the membarrier fences by itself; a sleeper that cannot issue it sets
 * FENCE for ever, and its wakers fence and look again.
 *
 * A waker clears ASLEEP first, then wakes: a sleeper on its way into the
 * kernel finds another value there.  Killed between the two it leaves the
 * sleeper asleep: therefore every sleep is bounded.
 */

#include "base/atomics.h"

enum {
	SHUNT__BELL_ASLEEP = 1u << 0, /* wake me */
	SHUNT__BELL_FENCE = 1u << 1,  /* fence before you look here */
	SHUNT__BELL_NAP = 1u << 2,    /* wake me when your lane is half full */
	SHUNT__BELL_POLL = 1u << 3,   /* beside ASLEEP: touch the file, too,
					 somebody has a descriptor in poll */
	SHUNT__BELL_ENDED = 1u << 4,  /* a queue's: it is finished */
	SHUNT__BELL_TURN = 1u << 8,   /* from here on: counts armings of POLL */
};

/* The longest sleeps: first, then doubling up to the second. */
#define SHUNT__SLEEP_FIRST INT64_C(250000000)
#define SHUNT__SLEEP_LAST  INT64_C(1000000000)

/*
 * Registers this process for the membarrier, once; to be called at attach.
 * 1 if it is registered: then its commits need no fence.
 */
int shunt__bell_register(void);

/* The bell's bits, read after a commit.  @fence: as a waker not registered. */
static inline uint32_t
shunt__bell_look(const struct shunt__u32 *bell, int fence)
{
	/* Keep the compiler from loading before the commit. */
	shunt__compiler_barrier();
	if (__builtin_expect(fence, 0))
		shunt__fence();
	/* B: pairs with A in shunt__bell_arm(). */
	uint32_t bits = shunt__load32(bell);
	if (__builtin_expect(bits & SHUNT__BELL_FENCE, 0)) {
		shunt__fence();
		bits = shunt__load32(bell);
	}
	return bits;
}

/* Takes @bits back and wakes all sleepers if one of them was set; the bits as
 * they were before. */
uint32_t shunt__bell_ring(struct shunt__u32 *bell, uint32_t bits);

/* A: sets @bits.  When it returns, every commit whose waker did not see them
 * is visible: look at everything once more, then shunt__bell_wait(). */
void shunt__bell_arm(struct shunt__u32 *bell, uint32_t bits);

/* The same for @n bells, with one membarrier for all of them. */
void shunt__bell_arm_all(struct shunt__u32 *const *bells, int n, uint32_t bits);

/* Sleeps while @bits are all set, at most @ns.  0 woken or not asleep at all,
 * -ETIMEDOUT, or another -errno after which the caller looks again too. */
int shunt__bell_wait(struct shunt__u32 *bell, uint32_t bits, int64_t ns);

/* Up again. */
static inline void
shunt__bell_disarm(struct shunt__u32 *bell, uint32_t bits)
{
	shunt__and32(bell, ~bits);
}

/* How many turns to spin before a sleep; learns from what came of it. */
struct shunt__spin {
	uint32_t turns;
};

/* Turns to make now: 0 on a single processor. */
uint32_t shunt__spin_turns(struct shunt__spin *spin);
void shunt__spin_learn(struct shunt__spin *spin, int won);

#endif /* SHUNT_SYNC_BELL_H */
