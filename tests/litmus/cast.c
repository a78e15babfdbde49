/* SPDX-License-Identifier: MIT */
/*
 * The topic, I to J: a reader that finds the tail not beyond it when it has
 * copied has copied nothing of a later lap.
 *
 * WRONG=1: no fence between the tail and what is written over
 * WRONG=2: no fence between the copy and the look at the tail
 * WRONG=3: the tail is looked at before the copy
 */
#include "litmus.h"

static struct shunt__u64 tail, word[2];
static uint64_t got[2];
static int believed;

static void
begin(void)
{
	shunt__store64(&tail, 0);
	shunt__store64(&word[0], 1);
	shunt__store64(&word[1], 1);
	believed = 0;
}

/* The producer gives up a record and writes over it. */
static void
first(void)
{
	shunt__release64(&tail, 1); /* I, with J */
	if (WRONG != 1)
		shunt__fence();
	shunt__store64(&word[0], 2);
	shunt__store64(&word[1], 2);
}

static void
second(void)
{
	uint64_t early = shunt__load64(&tail), seen;

	got[0] = shunt__load64(&word[0]);
	got[1] = shunt__load64(&word[1]);
	if (WRONG != 2)
		shunt__fence_acquire();
	seen = WRONG == 3 ? early : shunt__load64(&tail); /* J, with I */
	believed = seen == 0;
}

static void
after(void)
{
	assert(!believed || (got[0] == 1 && got[1] == 1));
}
