/* SPDX-License-Identifier: MIT */
/*
 * The lock, T to G: what one did inside is visible to the next one, and no two
 * are inside.  The same swaps make the permits of a semaphore.
 *
 * WRONG=1: the word is set free by a plain store
 * WRONG=2: taken by a look and a store
 */
#include "litmus.h"

static struct shunt__u32 word;
static int inside, turns;

static void
begin(void)
{
	shunt__store32(&word, 0);
	inside = turns = 0;
}

static void
turn(uint32_t me)
{
	uint32_t free = 0;

	if (WRONG == 2) {
		if (shunt__acquire32(&word) != 0)
			return;
		shunt__release32(&word, me);
	} else if (!shunt__cas32(&word, &free, me)) { /* T, with G */
		return;
	}
	assert(inside == 0);
	inside = 1;
	turns++;
	inside = 0;
	if (WRONG == 1)
		shunt__store32(&word, 0);
	else
		shunt__exchange32(&word, 0); /* G, with T */
}

static void
first(void)
{
	turn(1);
}

static void
second(void)
{
	turn(2);
}

static void
after(void)
{
	assert(turns >= 1 && turns <= 2);
}
