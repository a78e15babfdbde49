/* SPDX-License-Identifier: MIT */
/*
 * Many receivers, D and G: who says that a record is done finds the claim free,
 * or who gives the claim back finds the record done.  Somebody moves the tail.
 *
 * WRONG=1: who says done looks at the claim first
 * WRONG=2: who gives back looks at the record first
 */
#include "litmus.h"

static struct shunt__u64 header, claim;
static int sees_free, sees_done;

static void
begin(void)
{
	shunt__store64(&header, 0);
	shunt__store64(&claim, 7);
	sees_free = sees_done = 0;
}

static void
first(void)
{
	uint64_t old = 0;

	if (WRONG == 1)
		sees_free = shunt__load64(&claim) == 0;
	shunt__cas64(&header, &old, 1); /* D, with G */
	shunt__fence();
	if (WRONG != 1)
		sees_free = shunt__load64(&claim) == 0;
}

static void
second(void)
{
	uint64_t old = 7;

	if (WRONG == 2)
		sees_done = shunt__load64(&header) == 1;
	shunt__cas64(&claim, &old, 0); /* G, with D */
	shunt__fence();
	if (WRONG != 2)
		sees_done = shunt__load64(&header) == 1;
}

static void
after(void)
{
	assert(sees_free || sees_done);
}
