/* SPDX-License-Identifier: MIT */
/* Waiting at an object: what is done in which order before each sleep, how
 * long the sleeps are, and what ends them. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>

#include <shunt.h>

#include "lib/peers.h"
#include "os/os.h"
#include "segment/wait.h"

#define ASLEEP SHUNT__BELL_ASLEEP

static const struct shunt__spec spec = {
    .kind = SHUNT_KIND_QUEUE, .lanes = 1, .lane_bytes = 4096};

static struct shunt__object *obj;
static struct shunt__u32 *bell;
static const char *name;
static int (*real_wait)(const void *word, uint32_t expect, int64_t ns);

/* What the hooks saw and shall do. */
static int64_t slept[16];
static int n_slept, asked, unarmed;
static int answer_after; /* sleeps, then there is something */

static int
ready(void *arg)
{
	(void)arg;
	asked++;
	/* Whoever commits after this look must find us asleep. */
	if (!(shunt__load32(bell) & ASLEEP))
		unarmed++;
	return n_slept >= answer_after ? 7 : -EAGAIN;
}

/* Sleeps that are over at once. */
static int
recording_wait(const void *word, uint32_t expect, int64_t ns)
{
	(void)word;
	(void)expect;
	if (n_slept < 16)
		slept[n_slept] = ns;
	n_slept++;
	return -ETIMEDOUT;
}

static int
open_it(void **state)
{
	(void)state;
	name = test_name("wait");
	if (shunt__object_attach(&obj, name, &spec) != 1)
		return -1;
	bell = &obj->control->ct_bell;
	real_wait = shunt__os.futex_wait;
	shunt__os.futex_wait = recording_wait;
	n_slept = asked = unarmed = 0;
	answer_after = 0;
	return 0;
}

static int
no_unread(struct shunt__object *o)
{
	(void)o;
	return 0;
}

static int
close_it(void **state)
{
	(void)state;
	shunt__os.futex_wait = real_wait;
	shunt__object_detach(obj, no_unread);
	return 0;
}

static int
wait_until(uint64_t deadline)
{
	return shunt__wait(obj, bell, ASLEEP, deadline, ready, NULL);
}

static void
it_looks_after_it_is_armed(void **state)
{
	(void)state;
	answer_after = 3;
	assert_int_equal(wait_until(0), 7);
	assert_int_equal(asked, 4);
	assert_int_equal(unarmed, 0);
	assert_int_equal(n_slept, 3);
	assert_false(shunt__load32(bell) & ASLEEP); /* up again */
}

static void
sleeps_grow_and_are_bounded(void **state)
{
	(void)state;
	answer_after = 6;
	assert_int_equal(wait_until(0), 7);
	assert_int_equal(slept[0], 250 * (int64_t)MS);
	assert_int_equal(slept[1], 500 * (int64_t)MS);
	assert_int_equal(slept[2], 1000 * (int64_t)MS);
	assert_int_equal(slept[3], 1000 * (int64_t)MS);
	assert_int_equal(slept[5], 1000 * (int64_t)MS);
}

static void
the_limit_is_kept_to(void **state)
{
	uint64_t begin = test_now();

	(void)state;
	answer_after = 1000;
	shunt__os.futex_wait = real_wait;
	assert_int_equal(wait_until(begin + 30 * MS), -ETIMEDOUT);
	assert_in_range(test_now() - begin, 30 * MS, 5000 * MS);
	assert_false(shunt__load32(bell) & ASLEEP);
	shunt__os.futex_wait = recording_wait;
	/* Past already: one look, no sleep. */
	asked = 0;
	assert_int_equal(wait_until(1), -ETIMEDOUT);
	assert_int_equal(asked, 1);
	assert_int_equal(n_slept, 0);
	/* No sleep is longer than what is left. */
	answer_after = 1;
	assert_int_equal(wait_until(test_now() + 100 * MS), 7);
	assert_in_range(slept[0], 1, 100 * MS);
}

static void
a_record_comes_before_bad_news(void **state)
{
	(void)state;
	assert_int_equal(unlink(test_path(name)), 0);
	assert_int_equal(wait_until(0), 7);
	answer_after = 1;
	assert_int_equal(wait_until(0), SHUNT_E_REMOVED);
	assert_int_equal(n_slept, 0);
	assert_false(shunt__load32(bell) & ASLEEP);
}

static void
a_removal_ends_it(void **state)
{
	(void)state;
	answer_after = 1;
	shunt__store32(&obj->control->ct_removed, 1);
	assert_int_equal(wait_until(0), SHUNT_E_REMOVED);
}

static void
a_truncation_ends_it(void **state)
{
	(void)state;
	answer_after = 1;
	assert_int_equal(
	    truncate(test_path(name), (off_t)obj->geo.size - 1), 0);
	assert_int_equal(wait_until(0), SHUNT_E_TRUNCATED);
}

static void
deadlines(void **state)
{
	(void)state;
	assert_true(shunt__deadline(SHUNT_FOREVER) == 0);
	assert_true(shunt__deadline(SHUNT_NOWAIT) == 0);
	uint64_t now = shunt__now();
	assert_in_range(
	    shunt__deadline(5 * (int64_t)MS) - now, 5 * MS, 1000 * MS);
	assert_true(shunt__deadline(INT64_MAX) > now);
}

#define OPENED(f) cmocka_unit_test_setup_teardown(f, open_it, close_it)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    OPENED(it_looks_after_it_is_armed),
	    OPENED(sleeps_grow_and_are_bounded),
	    OPENED(the_limit_is_kept_to),
	    OPENED(a_record_comes_before_bad_news),
	    OPENED(a_removal_ends_it),
	    OPENED(a_truncation_ends_it),
	    TEST(deadlines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
