/* SPDX-License-Identifier: MIT */
/*
 * Waking, B and A: a receiver that goes to sleep has seen the record, or its
 * sender sees ASLEEP.  The sender's fence is the receiver's membarrier.
 *
 * WRONG=1: no membarrier
 * WRONG=2: the receiver looks before it sets ASLEEP
 */
#include "litmus.h"

static struct shunt__u32 bell;
static struct shunt__u64 header;
static int woken, asleep;

static void
begin(void)
{
	shunt__store32(&bell, 0);
	shunt__store64(&header, 0);
	woken = asleep = 0;
}

static void
first(void)
{
	shunt__release64(&header, 1); /* C, with the look behind A */
	if (WRONG != 1)
		fenced_by_membarrier();
	woken = shunt__load32(&bell) != 0; /* B, with A */
}

static void
second(void)
{
	uint64_t early = shunt__acquire64(&header), seen;

	shunt__or32(&bell, 1); /* A, with B */
	shunt__fence();
	seen = WRONG == 2 ? early : shunt__acquire64(&header);
	asleep = seen == 0;
}

static void
after(void)
{
	assert(!asleep || woken);
}
