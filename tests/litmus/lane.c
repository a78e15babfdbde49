/* SPDX-License-Identifier: MIT */
/*
 * The lane, C to V and L to R: a record is read only when it is whole, and its
 * bytes are used again only when they were read.
 *
 * WRONG=1: the header is committed without release
 * WRONG=2: the header is read without acquire
 * WRONG=3: the tail is moved without release
 * WRONG=4: the tail is read without acquire
 */
#include "litmus.h"

static struct shunt__u64 header, tail;
static int payload, got;

static void
begin(void)
{
	shunt__store64(&header, 0);
	shunt__store64(&tail, 0);
	payload = got = 0;
}

/* The sender: one record, and its place used again. */
static void
first(void)
{
	uint64_t seen;

	payload = 1;
	if (WRONG == 1)
		shunt__store64(&header, 1);
	else
		shunt__release64(&header, 1); /* C, with V */
	seen = WRONG == 4 ? shunt__load64(&tail)
			  : shunt__acquire64(&tail); /* R, with L */
	if (seen == 1)
		payload = 2;
}

static void
second(void)
{
	uint64_t seen = WRONG == 2 ? shunt__load64(&header)
				   : shunt__acquire64(&header); /* V, with C */

	if (seen == 0)
		return;
	got = payload;
	if (WRONG == 3)
		shunt__store64(&tail, 1);
	else
		shunt__release64(&tail, 1); /* L, with R */
}

static void
after(void)
{
	assert(got == 0 || got == 1);
}
