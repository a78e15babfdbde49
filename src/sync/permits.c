/* SPDX-License-Identifier: MIT */
#include <shunt/error.h>

#include "sync/limit.h"
#include "sync/permits.h"

#define FREE   SHUNT__PERMIT_FREE
#define ABSENT SHUNT__PERMIT_ABSENT
#define NOTED  SHUNT__PERMITS_NOTED

/* Before the first sleep so many owners are asked whether they live, and with
 * the next wait so many others; all of them at every later look of a wait. */
#define ASK_FIRST 16u

/* Looks that others' changes may make vain, one after the other. */
#define VAIN_MOST 1000u

/* The first word that is @old becomes @new: its index, or n. */
static uint32_t
change(
    const struct shunt__permits *p, uint32_t from, uint32_t old, uint32_t new)
{
	for (uint32_t k = 0, i = from < p->n ? from : 0; k < p->n; k++) {
		/* Acquire: what is asked after the last of these looks, crowd
		 * or counter, is asked later indeed. */
		uint32_t w = shunt__acquire32(&p->word[i]);
		/* F, or P of one who makes a permit. */
		if (w == old && shunt__cas32(&p->word[i], &w, new))
			return i;
		i = i + 1 < p->n ? i + 1 : 0;
	}
	return p->n;
}

/* One look for a free permit; 1 if it is ours. */
static int
take_free(const struct shunt__permits *p, struct shunt__permits_hand *hand,
    uint32_t as)
{
	uint32_t i = change(p, hand->hint, FREE, as);

	if (i == p->n)
		return 0;
	hand->hint = i + 1;
	if (as == ABSENT) {
		/* U: after the word: see permits.h. */
		shunt__add32(p->used, 1);
		return 1;
	}
	if (hand->held < NOTED)
		hand->mine[hand->held] = i;
	hand->held++;
	return 1;
}

static uint32_t
count_of(const struct shunt__permits *p, uint32_t owner)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->n; i++)
		n += shunt__load32(&p->word[i]) == owner;
	return n;
}

uint32_t
shunt__permits_free(const struct shunt__permits *p, uint32_t owner,
    const struct shunt__owners *owners)
{
	uint32_t n = count_of(p, owner);

	if (n == 0)
		return 0;
	owners->note(owners->arg, owner, n);
	/* One by one: killed in between, the next who inherits does the rest.
	 */
	for (uint32_t i = 0; i < p->n; i++) {
		uint32_t w = owner;
		/* I: by who has the right. */
		if (shunt__load32(&p->word[i]) == owner)
			shunt__cas32(&p->word[i], &w, FREE);
	}
	shunt__crowd_wake(p->crowd);
	return n;
}

/*
 * Permits of the dead come back: how many, or a code.  Asks @ask owners at
 * most, from where the last look ended: where all wait for moments only, none
 * comes to a second look, and still everybody's turn to be asked comes.
 */
static int
inherit(const struct shunt__permits *p, struct shunt__permits_hand *hand,
    const struct shunt__owners *owners, uint32_t ask)
{
	uint64_t seen[SHUNT__OWNERS_MAX / 64 + 1] = {0};
	uint32_t mine = 0, freed = 0, i = hand->ask % p->n;

	for (uint32_t k = 0; k < p->n && ask != 0; k++) {
		uint32_t at = i;
		uint32_t w = shunt__acquire32(&p->word[at]);
		i = at + 1 < p->n ? at + 1 : 0;
		if (w == FREE || w == ABSENT)
			continue;
		if (w > owners->most || (w == hand->me && ++mine > hand->held))
			return SHUNT_E_CORRUPT;
		uint64_t bit = UINT64_C(1) << (w % 64);
		if (w == hand->me || (seen[w / 64] & bit))
			continue;
		seen[w / 64] |= bit;
		ask--;
		hand->ask = i;
		int e = owners->inherit(owners->arg, w);
		if (e < 0)
			return e;
		if (e > 0) {
			freed += shunt__permits_free(p, w, owners);
			owners->done(owners->arg, w);
		}
	}
	return (int)freed;
}

/* A permit is often back in less time than a sleep takes. */
static int
spin_for(const struct shunt__permits *p, struct shunt__permits_hand *hand,
    uint32_t as)
{
	/* A look at many words is no turn of a spin. */
	uint32_t turns = shunt__spin_turns(&hand->spin) / (1 + p->n / 16);

	for (uint32_t i = 0; i < turns; i++) {
		shunt__pause();
		if (take_free(p, hand, as)) {
			shunt__spin_learn(&hand->spin, 1);
			return 1;
		}
	}
	shunt__spin_learn(&hand->spin, 0);
	return 0;
}

/* There was none.  0: look again; or a code. */
static int
sleep_once(const struct shunt__permits *p, struct shunt__permits_hand *hand,
    const struct shunt__owners *owners, struct shunt__limit *limit,
    uint32_t armed)
{
	uint32_t look = shunt__limit_look(limit);

	if (look != 0) {
		int e = inherit(
		    p, hand, owners, look == 1 ? ASK_FIRST : SHUNT__OWNERS_MAX);
		if (e != 0)
			return e < 0 ? e : 0;
		if (look == 1)
			e = owners->check(owners->arg);
		if (e < 0)
			return e;
	}
	int64_t left = shunt__limit_left(limit);
	if (left == 0)
		return shunt__load32(p->crowd) == armed ? -ETIMEDOUT : 0;
	shunt__limit_slept(limit, shunt__crowd_wait(p->crowd, armed, left));
	/* Before a word is touched: it may have been cut off while we slept. */
	return limit->look ? owners->check(owners->arg) : 0;
}

int
shunt__permits_take(const struct shunt__permits *p,
    struct shunt__permits_hand *hand, uint32_t as,
    const struct shunt__owners *owners, uint64_t deadline)
{
	struct shunt__limit limit = shunt__limit(deadline);
	uint32_t vain = 0;

	if (take_free(p, hand, as) ||
	    (deadline != SHUNT__PAST && spin_for(p, hand, as)))
		return 0;
	for (;;) {
		uint32_t armed = shunt__crowd_arm(p->crowd);
		if (take_free(p, hand, as))
			return 0;
		int e = sleep_once(p, hand, owners, &limit, armed);
		if (e != 0)
			return e;
		if (shunt__limit_left(&limit) == 0 && ++vain == VAIN_MOST)
			return -ETIMEDOUT;
	}
}

/* Where one of mine is, or n. */
static uint32_t
mine_at(const struct shunt__permits *p, const struct shunt__permits_hand *hand)
{
	uint32_t i = 0;

	if (hand->held <= NOTED) {
		i = hand->mine[hand->held - 1];
		if (shunt__load32(&p->word[i]) == hand->me)
			return i;
	}
	for (i = 0; i < p->n; i++)
		if (shunt__load32(&p->word[i]) == hand->me)
			break;
	return i;
}

static int
give_back(const struct shunt__permits *p, struct shunt__permits_hand *hand)
{
	uint32_t i = mine_at(p, hand), me = hand->me;

	/* P: what we did with the permit is seen by who takes it, at F. */
	if (i == p->n || !shunt__cas32(&p->word[i], &me, FREE)) {
		hand->held = 0;
		return SHUNT_E_CORRUPT;
	}
	hand->held--;
	hand->hint = i;
	shunt__crowd_wake(p->crowd);
	return 0;
}

int
shunt__permits_post(
    const struct shunt__permits *p, struct shunt__permits_hand *hand)
{
	if (hand->held > 0)
		return give_back(p, hand);
	for (uint32_t vain = 0; vain < VAIN_MOST; vain++) {
		uint32_t used = shunt__acquire32(p->used);
		uint32_t i = change(p, hand->hint, ABSENT, FREE);
		if (i != p->n) {
			hand->hint = i + 1;
			shunt__crowd_wake(p->crowd);
			return 0;
		}
		if (shunt__load32(p->used) == used)
			break;
	}
	return -EOVERFLOW;
}

uint32_t
shunt__permits_count(const struct shunt__permits *p, int held)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		uint32_t w = shunt__load32(&p->word[i]);
		n += w == FREE || (held && w != ABSENT);
	}
	return n;
}
