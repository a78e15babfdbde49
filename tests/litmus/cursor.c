/* SPDX-License-Identifier: MIT */
/*
 * The topic, K to S and joining: a reader that has joined finds the tail not
 * beyond its cursor, or the producer finds the cursor and waits.  Never does
 * the producer write over what a reader with a cursor reads.
 *
 * WRONG=1: the reader does not fence between cursor and tail
 * WRONG=2: the producer does not fence between tail and cursors
 * WRONG=3: the cursor moves on without release
 */
#include "litmus.h"

enum { NONE = 0, AT = 1, PASSED = 2 };

static struct shunt__u64 tail, cursor;
static int payload, got;

static void
begin(void)
{
	shunt__store64(&tail, 0);
	shunt__store64(&cursor, NONE);
	payload = 1;
	got = 0;
}

static void
first(void)
{
	uint64_t seen;

	shunt__release64(&tail, 1); /* I, with the look of who joins */
	if (WRONG != 2)
		shunt__fence();
	seen = shunt__acquire64(&cursor); /* S, with K */
	if (seen != AT)
		payload = 2;
}

static void
second(void)
{
	if (WRONG == 1)
		shunt__store64(&cursor, AT);
	else
		shunt__exchange64(&cursor, AT); /* K of who joins, with S */
	if (WRONG != 1)
		shunt__fence();
	if (shunt__acquire64(&tail) != 0) /* with I */
		return;
	got = payload;
	if (WRONG == 3)
		shunt__store64(&cursor, PASSED);
	else
		shunt__release64(&cursor, PASSED); /* K, with S */
}

static void
after(void)
{
	assert(got == 0 || got == 1);
}
