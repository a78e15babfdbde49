/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SYNC_OWNERS_H
#define SHUNT_SYNC_OWNERS_H

/*
 * Words that say who holds them, by a number from 1 on, and what must be
 * known of the owner: does he live, and who may clean up after him.  Sync
 * knows neither files nor lanes; who uses mutex.h and permits.h tells it.
 */

#include <stdint.h>

#include "base/atomics.h"

#define SHUNT__OWNER_MASK 0x0000ffffu /* number of the holder; 0: none */
#define SHUNT__OWNERS_MAX 4096u       /* numbers in use, at most */

/* Attempts at a word that others change between our look and our swap.  Who
 * loses so many runs in a row looks at no word that is used as it should be. */
#define SHUNT__OWNER_TRIES 10000u

struct shunt__owners {
	uint32_t most; /* numbers go from 1 to this */
	/*
	 * May we clean up after @owner?  1: he is dead, and until @done nobody
	 * else cleans up and nobody gets his number; 0: he lives, or somebody
	 * else is about it; or a code.
	 */
	int (*inherit)(void *arg, uint32_t owner);
	void (*done)(void *arg, uint32_t owner);
	/* Something is about to be taken from @owner: @n permits, or a lock. */
	void (*note)(void *arg, uint32_t owner, uint32_t n);
	/* Asked with every look that sync/limit.h calls for: 0, or a code that
	 * ends the wait. */
	int (*check)(void *arg);
	void *arg;
};

#endif /* SHUNT_SYNC_OWNERS_H */
