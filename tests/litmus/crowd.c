/* SPDX-License-Identifier: MIT */
/*
 * The crowd, A and B, with E of an event: who goes to sleep has seen the
 * notification, or who notifies sees ASLEEP and changes the word, so that a
 * sleep that begins after the wake does not.
 *
 * WRONG=1: no second look behind ASLEEP
 * WRONG=2: woken before the change
 * WRONG=3: no fence between the change and the look at ASLEEP
 */
#include "litmus.h"

enum { ASLEEP = 1, COUNT = 2 };

static struct shunt__u32 crowd, count;
static int sleeps, woke;
static uint32_t expects;

static void
begin(void)
{
	shunt__store32(&crowd, 0);
	shunt__store32(&count, 0);
	sleeps = woke = 0;
	expects = 0;
}

static void
wake(void)
{
	uint32_t w;

	if (WRONG != 3)
		shunt__fence();
	w = shunt__load32(&crowd); /* B, with A */
	if ((w & ASLEEP) == 0)
		return;
	woke = shunt__cas32(&crowd, &w, (w & ~(uint32_t)ASLEEP) + COUNT);
}

static void
first(void)
{
	if (WRONG == 2)
		wake();
	shunt__add32(&count, 1); /* E */
	if (WRONG != 2)
		wake();
}

static void
second(void)
{
	uint32_t early = shunt__acquire32(&count);

	if (early != 0)
		return;
	expects = shunt__or32(&crowd, ASLEEP) | ASLEEP; /* A, with B */
	shunt__fence();
	if (WRONG == 1 || shunt__acquire32(&count) == 0)
		sleeps = 1;
}

/* The kernel compares when it puts somebody to sleep. */
static void
after(void)
{
	assert(!sleeps || woke || shunt__load32(&crowd) != expects);
}
