/* SPDX-License-Identifier: MIT */
/*
 * The right to clean up after a dead owner is given back last.  At that moment
 * a newcomer gets the dead one's number, cleans up what he still finds, takes
 * what is free, and must keep it.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include "sync/limit.h"
#include "sync/mutex.h"
#include "sync/permits.h"

enum { ME = 1, DEAD = 2, MOST = 4, WORDS = 3 };

static struct shunt__u32 word[WORDS], crowd, used;
static const struct shunt__permits permits = {
    .crowd = &crowd, .used = &used, .word = word, .n = WORDS};
static int in_our_hand; /* the right */
static int newcomer_has;

/* All that a stranger would do in the middle of somebody else's call. */
static void (*newcomer)(void);

static int
inherit(void *arg, uint32_t owner)
{
	(void)arg;
	in_our_hand = owner == DEAD && newcomer_has == 0;
	return in_our_hand;
}

static void
note(void *arg, uint32_t owner, uint32_t n)
{
	(void)arg;
	(void)owner;
	(void)n;
}

static void
done(void *arg, uint32_t owner)
{
	(void)arg;
	assert_int_equal(owner, DEAD);
	assert_true(in_our_hand);
	in_our_hand = 0;
	newcomer();
}

static int
check(void *arg)
{
	(void)arg;
	return 0;
}

static const struct shunt__owners owners = {.most = MOST,
    .inherit = inherit,
    .done = done,
    .note = note,
    .check = check};

static int
begin(void **state)
{
	(void)state;
	for (int i = 0; i < WORDS; i++)
		shunt__store32(&word[i], 0);
	in_our_hand = newcomer_has = 0;
	return 0;
}

static void
newcomer_at_lock(void)
{
	shunt__mutex_abandon(&word[0], DEAD, &owners);
	newcomer_has = shunt__mutex_acquire(&word[0], DEAD, &owners,
			   &(struct shunt__spin){0}, SHUNT__PAST) >= 0;
}

static void
a_lock_is_taken_from_the_dead_not_from_his_successor(void **state)
{
	struct shunt__spin spin = {0};

	(void)state;
	newcomer = newcomer_at_lock;
	shunt__store32(&word[0], DEAD);
	int e = shunt__mutex_acquire(&word[0], ME, &owners, &spin, SHUNT__PAST);
	/* One of us, whoever it is, and dirty. */
	assert_false(newcomer_has);
	assert_int_equal(e, 1);
	assert_int_equal(shunt__load32(&word[0]), ME | SHUNT__LOCK_DIRTY);
}

static void
newcomer_at_pool(void)
{
	struct shunt__permits_hand hand = {.me = DEAD};

	shunt__permits_free(&permits, DEAD, &owners);
	while (shunt__permits_take(
		   &permits, &hand, DEAD, &owners, SHUNT__PAST) == 0)
		newcomer_has++;
}

static void
permits_come_back_from_the_dead_not_from_his_successor(void **state)
{
	struct shunt__permits_hand hand = {.me = ME};
	int his = 0;

	(void)state;
	newcomer = newcomer_at_pool;
	for (int i = 0; i < WORDS; i++)
		shunt__store32(&word[i], DEAD);
	int e = shunt__permits_take(&permits, &hand, ME, &owners, SHUNT__PAST);
	for (int i = 0; i < WORDS; i++)
		his += shunt__load32(&word[i]) == DEAD;
	/* He came first, and all that he was given is still his. */
	assert_int_equal(newcomer_has, WORDS);
	assert_int_equal(his, newcomer_has);
	assert_int_equal(e, -ETIMEDOUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(
		a_lock_is_taken_from_the_dead_not_from_his_successor, begin),
	    cmocka_unit_test_setup(
		permits_come_back_from_the_dead_not_from_his_successor, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
