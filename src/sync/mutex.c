/* SPDX-License-Identifier: MIT */
#include "os/os.h"
#include "sync/limit.h"
#include "sync/mutex.h"

#define DIRTY   SHUNT__LOCK_DIRTY
#define WAITERS SHUNT__LOCK_WAITERS
#define KNOWN   (SHUNT__OWNER_MASK | DIRTY | WAITERS)

static uint32_t
owner_of(uint32_t w)
{
	return w & SHUNT__OWNER_MASK;
}

/* A word that nobody who keeps the rules has written. */
static int
absurd(uint32_t w, uint32_t me, uint32_t most)
{
	return (w & ~KNOWN) != 0 || owner_of(w) > most || owner_of(w) == me;
}

void
shunt__mutex_wake(struct shunt__u32 *word)
{
	shunt__os.futex_wake(word, 1);
}

/*
 * The owner is dead, perhaps: then what he held is ours, in one step, dirty.
 * The right to clean up comes first and the word is looked at again under it,
 * for he may have given the lock back, and his number may be another's now.
 * Killed before the swap, somebody else inherits; killed after it, from us.
 */
static int
take_over(struct shunt__u32 *word, uint32_t owner, uint32_t mine,
    const struct shunt__owners *owners)
{
	int e = owners->inherit(owners->arg, owner), noted = 0;

	if (e <= 0)
		return e;
	uint32_t w = shunt__load32(word);
	for (uint32_t i = 0; i < SHUNT__OWNER_TRIES; i++) {
		e = 0;
		if (owner_of(w) != owner)
			break;
		if (!noted)
			owners->note(owners->arg, owner, 1);
		noted = 1;
		/* O: it fails only where a waiter sets its bit. */
		e = shunt__cas32(word, &w, (w & WAITERS) | DIRTY | mine);
		if (e)
			break;
	}
	owners->done(owners->arg, owner);
	return e;
}

int
shunt__mutex_abandon(
    struct shunt__u32 *word, uint32_t owner, const struct shunt__owners *owners)
{
	uint32_t w = shunt__load32(word);

	for (uint32_t i = 0; i < SHUNT__OWNER_TRIES; i++) {
		if (owner_of(w) != owner)
			break;
		if (i == 0)
			owners->note(owners->arg, owner, 1);
		/* N: nobody's, and dirty; seen at T. */
		if (shunt__cas32(word, &w, (w & WAITERS) | DIRTY)) {
			if (w & WAITERS)
				shunt__mutex_wake(word);
			return 1;
		}
	}
	return 0;
}

void
shunt__mutex_repaired(struct shunt__u32 *word)
{
	shunt__and32(word, ~DIRTY);
}

void
shunt__mutex_give_up(struct shunt__u32 *word)
{
	if (shunt__exchange32(word, DIRTY) & WAITERS)
		shunt__mutex_wake(word);
}

/* A holder is often done in less time than a sleep takes. */
static int
spin_for(struct shunt__u32 *word, uint32_t me, struct shunt__spin *spin)
{
	uint32_t turns = shunt__spin_turns(spin);

	for (uint32_t i = 0; i < turns; i++) {
		if (shunt__load32(word) == 0 && shunt__mutex_try(word, me)) {
			shunt__spin_learn(spin, 1);
			return 1;
		}
		shunt__pause();
	}
	shunt__spin_learn(spin, 0);
	return 0;
}

struct waiting {
	struct shunt__u32 *word;
	uint32_t me;
	const struct shunt__owners *owners;
	struct shunt__limit limit;
	uint32_t keep;  /* WAITERS, once we have slept */
	uint32_t tries; /* since the last sleep */
};

/* The word @w has an owner.  1: he is dead, it is ours and dirty; 0: look at
 * the word again; or a code. */
static int
sleep_once(struct waiting *wt, uint32_t w)
{
	uint32_t look = shunt__limit_look(&wt->limit);
	int e;

	if (look != 0) {
		e = take_over(
		    wt->word, owner_of(w), wt->me | wt->keep, wt->owners);
		if (e == 0 && look == 1)
			e = wt->owners->check(wt->owners->arg);
		if (e != 0)
			return e;
	}
	/* Who will not sleep leaves no bit, unless he was woken: then others
	 * may sleep, whose turn it is now. */
	int64_t left = shunt__limit_left(&wt->limit);
	if (left == 0 && !wt->keep)
		return -ETIMEDOUT;
	/* W: from here on G and N find somebody to wake. */
	if (!(w & WAITERS) && !shunt__cas32(wt->word, &w, w | WAITERS))
		return 0;
	if (left == 0)
		return -ETIMEDOUT;
	e = shunt__os.futex_wait(wt->word, w | WAITERS, left);
	wt->keep = WAITERS;
	wt->tries = 0;
	shunt__limit_slept(&wt->limit, e);
	/* Before the word is touched: it may have been cut off while we slept.
	 */
	return wt->limit.look ? wt->owners->check(wt->owners->arg) : 0;
}

int
shunt__mutex_acquire(struct shunt__u32 *word, uint32_t me,
    const struct shunt__owners *owners, struct shunt__spin *spin,
    uint64_t deadline)
{
	struct waiting wt = {.word = word,
	    .me = me,
	    .owners = owners,
	    .limit = shunt__limit(deadline)};

	if (deadline != SHUNT__PAST && spin_for(word, me, spin))
		return 0;
	while (wt.tries++ < SHUNT__OWNER_TRIES) {
		uint32_t w = shunt__load32(word);
		if (absurd(w, me, owners->most))
			return SHUNT_E_CORRUPT;
		if (owner_of(w) == 0) {
			/* T, with what the word said besides. */
			if (shunt__cas32(word, &w, w | me | wt.keep))
				return (w & DIRTY) != 0;
			continue;
		}
		int e = sleep_once(&wt, w);
		if (e != 0)
			return e;
	}
	return SHUNT_E_CORRUPT; /* it never stands still */
}
