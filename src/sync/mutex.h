/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SYNC_MUTEX_H
#define SHUNT_SYNC_MUTEX_H

/*
 * A lock in one word, which is also its futex:
 *
 *    31      30     29 ... 16   15 ........... 0
 *  [WAITERS|DIRTY|  must be 0 |  owner, 0: none ]
 *
 * To take it is one compare-and-swap that writes the owner, to give it back
 * one exchange: killed anywhere, the word says whether we hold it.  Who finds
 * a dead owner takes the lock from him in one step, with DIRTY: repair first.
 * DIRTY goes by an operation of its own once that is done, so that a death
 * before it makes the next one repair again.
 *
 * Who gives it back wakes one sleeper if WAITERS is set, and takes the bit
 * along; who has slept sets it again when he takes the lock, for others may
 * sleep still.  Killed between exchange and wake, or woken and killed, one
 * leaves sleepers asleep: therefore every sleep is bounded.
 *
 * Each step on the word is a full-fence read-modify-write: what a holder
 * stored is visible to the next one, and to who repairs after its death.
 */

#include <errno.h>

#include <shunt/error.h>

#include "sync/bell.h"
#include "sync/owners.h"

#define SHUNT__LOCK_DIRTY   (1u << 30) /* a holder died: repair first */
#define SHUNT__LOCK_WAITERS (1u << 31) /* somebody may be asleep */

/* Takes a word at which there is nothing to say; 1 if so. */
static inline int
shunt__mutex_try(struct shunt__u32 *word, uint32_t me)
{
	uint32_t free = 0;

	/* T: pairs with G of the holder before us. */
	return shunt__cas32(word, &free, me);
}

/*
 * Takes it, sleeping until @deadline (monotonic ns; 0: none; SHUNT__PAST: not
 * at all).  0 taken; 1 taken with DIRTY; -ETIMEDOUT, SHUNT_E_CORRUPT, or what
 * @owners answered.  @me must not hold it.
 */
int shunt__mutex_acquire(struct shunt__u32 *word, uint32_t me,
    const struct shunt__owners *owners, struct shunt__spin *spin,
    uint64_t deadline);

/* The holder has repaired. */
void shunt__mutex_repaired(struct shunt__u32 *word);

/* The holder gives it back as it got it: dirty. */
void shunt__mutex_give_up(struct shunt__u32 *word);

/* Takes it from @owner, who is dead, for nobody: it is free and dirty.  The
 * caller has the right to clean up after him.  1 if he had it. */
int shunt__mutex_abandon(struct shunt__u32 *word, uint32_t owner,
    const struct shunt__owners *owners);

void shunt__mutex_wake(struct shunt__u32 *word);

/* 0, or SHUNT_E_CORRUPT: the word does not say that @me holds it. */
static inline int
shunt__mutex_release(struct shunt__u32 *word, uint32_t me)
{
	if (__builtin_expect(
		(shunt__load32(word) & SHUNT__OWNER_MASK) != me, 0))
		return SHUNT_E_CORRUPT;
	/* G: what we stored inside is seen by who takes it, at T. */
	if (__builtin_expect(
		shunt__exchange32(word, 0) & SHUNT__LOCK_WAITERS, 0))
		shunt__mutex_wake(word);
	return 0;
}

#endif /* SHUNT_SYNC_MUTEX_H */
