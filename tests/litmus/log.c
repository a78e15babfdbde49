/* SPDX-License-Identifier: MIT */
/*
 * The log, C2 and C3 against S2 and S3: the server sees the odd busy word, or
 * the client's clock was read behind the server's.  And C5, C6 against S4: a
 * client that is seen to have ended its call has its record there.  The clock
 * is a count that each look at moves on.
 *
 * WRONG=1: the client reads the clock first
 * WRONG=2: the server looks at the busy word first
 * WRONG=3: the busy word is made even without release
 */
#include "litmus.h"

static struct shunt__u64 ticks, header;
static struct shunt__u32 busy;
static uint64_t stamp, t0;
static int there;
static uint32_t seen;

static void
begin(void)
{
	shunt__store64(&ticks, 1);
	shunt__store64(&header, 0);
	shunt__store32(&busy, 0);
	stamp = t0 = 0;
	there = 0;
	seen = 0;
}

static void
first(void)
{
	if (WRONG == 1)
		stamp = shunt__add64(&ticks, 1);
	shunt__exchange32(&busy, 1); /* C2, with S3 */
	if (WRONG != 1)
		stamp = shunt__add64(&ticks, 1); /* C3 */
	shunt__release64(&header, 1);            /* C5, with S4 */
	if (WRONG == 3)
		shunt__store32(&busy, 2);
	else
		shunt__release32(&busy, 2); /* C6, with S3 */
}

static void
second(void)
{
	if (WRONG == 2)
		seen = shunt__acquire32(&busy);
	t0 = shunt__add64(&ticks, 1); /* S2 */
	if (WRONG != 2)
		seen = shunt__acquire32(&busy); /* S3, with C2 and C6 */
	there = shunt__load64(&header) == 1;    /* S4 */
}

static void
after(void)
{
	assert(seen != 0 || stamp > t0);
	assert(seen != 2 || there);
}
