/* SPDX-License-Identifier: MIT */
/*
 * Many receivers, S and R: an owner that keeps its claim touches the lane only
 * within BUSY, and who revokes the claim touches it only when he is not.  The
 * owner's fence is the other one's membarrier.
 *
 * WRONG=1: no membarrier
 * WRONG=2: BUSY is cleared without release
 * WRONG=3: REVOKE is set after the look at BUSY
 */
#include "litmus.h"

static struct shunt__u32 busy, revoke;
static int lane; /* whoever has it changes it */

static void
begin(void)
{
	shunt__store32(&busy, 0);
	shunt__store32(&revoke, 0);
	lane = 0;
}

/* The owner: one call. */
static void
first(void)
{
	shunt__store32(&busy, 1); /* S, with R */
	if (WRONG != 1)
		fenced_by_membarrier();
	if (shunt__load32(&revoke) == 0)
		lane++;
	if (WRONG == 2)
		shunt__store32(&busy, 0);
	else
		shunt__release32(&busy, 0); /* with R's look */
}

/* Who wants the lane. */
static void
second(void)
{
	uint32_t early = shunt__acquire32(&busy), seen;

	shunt__store32(&revoke, 1); /* R, with S */
	shunt__fence();
	seen = WRONG == 3 ? early : shunt__acquire32(&busy);
	if (seen == 0)
		lane++;
}

static void
after(void)
{
	assert(lane <= 2);
}
