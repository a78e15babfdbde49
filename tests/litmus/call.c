/* SPDX-License-Identifier: MIT */
/*
 * The call, S, and C of the reply before L of the request: a request is begun
 * or given up, never both; a client that finds its request released finds the
 * reply when it looks once more.
 *
 * WRONG=1: the request is released before the reply is committed
 * WRONG=2: begun by a look and a store
 * WRONG=3: the client does not look once more
 */
#include "litmus.h"

enum { WAITS = 0, BEGUN = 1, GIVEN_UP = 2 };

static struct shunt__u32 state;
static struct shunt__u64 tail, reply;
static int begun, given_up, released, replied;

static void
begin(void)
{
	shunt__store32(&state, WAITS);
	shunt__store64(&tail, 0);
	shunt__store64(&reply, 0);
	begun = given_up = released = replied = 0;
}

/* The server. */
static void
first(void)
{
	uint32_t waits = WAITS;

	if (WRONG == 2) {
		if (shunt__acquire32(&state) != WAITS)
			return;
		shunt__release32(&state, BEGUN);
	} else if (!shunt__cas32(&state, &waits, BEGUN)) { /* S */
		return;
	}
	begun = 1;
	if (WRONG == 1)
		shunt__release64(&tail, 1);
	shunt__release64(&reply, 1); /* C */
	if (WRONG != 1)
		shunt__release64(&tail, 1); /* L */
}

/* The client: looks for its reply, loses patience. */
static void
second(void)
{
	uint32_t waits = WAITS;

	replied = shunt__acquire64(&reply) == 1;
	released = shunt__acquire64(&tail) == 1; /* with L */
	if (released && !replied && WRONG != 3)
		replied = shunt__acquire64(&reply) == 1;
	if (!released)
		given_up = shunt__cas32(&state, &waits, GIVEN_UP); /* S */
}

static void
after(void)
{
	assert(!released || replied);
	assert(!begun || !given_up);
}
