/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SYNC_LIMIT_H
#define SHUNT_SYNC_LIMIT_H

/*
 * How long a wait may still last, and how long its next sleep: 250 ms, then
 * doubling up to a second, and short again once somebody woke us.  The waiter
 * looks whether those that it waits for are alive and the name is there:
 * before its first sleep, after each that nobody ended, and after any other
 * once 250 ms have passed since the last look, for signals and wakes meant for
 * others may end every sleep before its time.
 */

#include <errno.h>

#include "os/os.h"
#include "sync/bell.h"

/* A deadline that is always past: do not wait. */
#define SHUNT__PAST UINT64_C(1)

struct shunt__limit {
	uint64_t deadline;  /* monotonic ns; 0: none */
	uint64_t next_look; /* monotonic ns */
	int64_t most;       /* of the next sleep */
	uint32_t looks;     /* so many there were */
	int look;           /* at who lives, and at the name */
};

static inline struct shunt__limit
shunt__limit(uint64_t deadline)
{
	return (struct shunt__limit){
	    .deadline = deadline, .most = SHUNT__SLEEP_FIRST, .look = 1};
}

/* Is it time to look?  The number of this look, from 1 on; or 0. */
static inline uint32_t
shunt__limit_look(struct shunt__limit *limit)
{
	if (!limit->look)
		return 0;
	limit->look = 0;
	limit->next_look = shunt__now() + (uint64_t)SHUNT__SLEEP_FIRST;
	return ++limit->looks;
}

/* What to sleep at most; 0: the deadline is past. */
static inline int64_t
shunt__limit_left(const struct shunt__limit *limit)
{
	if (limit->deadline == 0)
		return limit->most;
	if (limit->deadline == SHUNT__PAST)
		return 0;
	uint64_t now = shunt__now();
	if (now >= limit->deadline)
		return 0;
	return limit->deadline - now < (uint64_t)limit->most
		   ? (int64_t)(limit->deadline - now)
		   : limit->most;
}

/* @e: how the sleep ended, as futex_wait tells.  Anything but a wake, a change
 * or a signal is a reason to look: a word that cannot be read, too. */
static inline void
shunt__limit_slept(struct shunt__limit *limit, int e)
{
	if (e == 0)
		limit->most = SHUNT__SLEEP_FIRST;
	else if (e == -ETIMEDOUT && limit->most < SHUNT__SLEEP_LAST)
		limit->most *= 2;
	if ((e != 0 && e != -EAGAIN && e != -EINTR) ||
	    shunt__now() >= limit->next_look)
		limit->look = 1;
}

#endif /* SHUNT_SYNC_LIMIT_H */
