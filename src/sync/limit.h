/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SYNC_LIMIT_H
#define SHUNT_SYNC_LIMIT_H

/*
 * How long a wait may still last, and how long its next sleep: 250 ms, then
 * doubling up to a second, and short again once somebody woke us.  Before the
 * first sleep, and after each that nobody ended, the waiter looks whether
 * those that it waits for are alive and the name is there.
 */

#include <errno.h>

#include "os/os.h"
#include "sync/bell.h"

/* A deadline that is always past: do not wait. */
#define SHUNT__PAST UINT64_C(1)

struct shunt__limit {
	uint64_t deadline; /* monotonic ns; 0: none */
	int64_t most;      /* of the next sleep */
	int look;          /* at who lives, and at the name */
};

static inline struct shunt__limit
shunt__limit(uint64_t deadline)
{
	return (struct shunt__limit){
	    .deadline = deadline, .most = SHUNT__SLEEP_FIRST, .look = 1};
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

/* @e: how the sleep ended, as futex_wait tells. */
static inline void
shunt__limit_slept(struct shunt__limit *limit, int e)
{
	if (e == -ETIMEDOUT) {
		limit->look = 1;
		if (limit->most < SHUNT__SLEEP_LAST)
			limit->most *= 2;
	} else if (e == 0) {
		limit->most = SHUNT__SLEEP_FIRST;
	}
}

#endif /* SHUNT_SYNC_LIMIT_H */
