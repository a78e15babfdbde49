/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Any number of sleepers at one word, and no wake is lost. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "lib/peers.h"
#include "os/os.h"
#include "sync/crowd.h"

#define ASLEEP SHUNT__CROWD_ASLEEP
#define LONG   INT64_C(20000000000)

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ROUNDS 4000
#endif
#endif
#ifndef ROUNDS
#define ROUNDS 10000
#endif

static _Atomic int wakes, woken_most;
static int (*real_wake)(const void *word, int n);

static int
counting_wake(const void *word, int n)
{
	wakes++;
	woken_most = n;
	return real_wake(word, n);
}

static int
count_wakes(void **state)
{
	(void)state;
	real_wake = shunt__os.futex_wake;
	shunt__os.futex_wake = counting_wake;
	wakes = 0;
	return 0;
}

static int
count_no_more(void **state)
{
	(void)state;
	shunt__os.futex_wake = real_wake;
	return 0;
}

static void
a_wake_is_a_call_only_where_somebody_sleeps(void **state)
{
	struct shunt__u32 crowd = {0};

	(void)state;
	shunt__crowd_wake(&crowd);
	assert_int_equal(wakes, 0);
	assert_int_equal(shunt__load32(&crowd), 0);
	assert_int_equal(shunt__crowd_arm(&crowd), ASLEEP);
	assert_int_equal(shunt__crowd_arm(&crowd), ASLEEP);
	shunt__crowd_wake(&crowd);
	assert_int_equal(wakes, 1);
	assert_int_equal(woken_most, INT32_MAX);
	/* Counted, and nobody is asleep any more. */
	assert_int_equal(shunt__load32(&crowd), 2);
	shunt__crowd_wake(&crowd);
	assert_int_equal(wakes, 1);
	assert_int_equal(shunt__crowd_arm(&crowd), 2 | ASLEEP);
}

/* Armed, a change, a wake, and another who arms: the first must not sleep. */
static void
who_was_woken_before_he_slept_does_not_sleep(void **state)
{
	struct shunt__u32 crowd = {0};
	uint64_t begin = test_now();
	uint32_t armed = shunt__crowd_arm(&crowd);

	(void)state;
	shunt__crowd_wake(&crowd);
	assert_int_equal(shunt__crowd_wait(&crowd, armed, LONG), 0);
	shunt__crowd_arm(&crowd);
	assert_int_equal(shunt__crowd_wait(&crowd, armed, LONG), 0);
	assert_true(test_now() - begin < 5000 * MS);
}

static void
the_count_of_wakes_may_wrap(void **state)
{
	struct shunt__u32 crowd = {UINT32_MAX - 1};
	uint32_t armed = shunt__crowd_arm(&crowd);

	(void)state;
	assert_int_equal(armed, UINT32_MAX);
	shunt__crowd_wake(&crowd);
	assert_int_equal(shunt__load32(&crowd), 0);
	assert_int_equal(shunt__crowd_wait(&crowd, armed, LONG), 0);
}

static void
every_sleep_is_bounded(void **state)
{
	struct shunt__u32 crowd = {0};
	uint64_t begin = test_now();
	uint32_t armed = shunt__crowd_arm(&crowd);

	(void)state;
	assert_int_equal(
	    shunt__crowd_wait(&crowd, armed, 20 * (int64_t)MS), -ETIMEDOUT);
	assert_true(test_now() - begin >= 20 * MS);
}

static void
on_signal(int sig)
{
	(void)sig;
}

static void
a_signal_ends_the_sleep_without_an_error(void **state)
{
	struct shunt__u32 crowd = {0};
	struct sigaction sa = {.sa_handler = on_signal}, old;
	struct itimerspec when = {
	    .it_value = {0, 20000000}, .it_interval = {0, 20000000}};
	timer_t timer;

	(void)state;
	sigaction(SIGALRM, &sa, &old);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
	timer_settime(timer, 0, &when, NULL);
	uint32_t armed = shunt__crowd_arm(&crowd);
	assert_int_equal(shunt__crowd_wait(&crowd, armed, LONG), 0);
	timer_delete(timer);
	sigaction(SIGALRM, &old, NULL);
}

/* ---- four followers who wait for each step of a leader, and he for them ---
 */

#define FOLLOWERS 4

struct march {
	struct shunt__u32 crowd; /* where the followers sleep */
	struct shunt__u32 step;
	char apart[128];
	struct shunt__u32 back; /* where the leader sleeps */
	struct shunt__u32 done; /* steps of all followers */
	_Atomic int lost;
};

static int
wait_for(struct march *m, struct shunt__u32 *crowd, struct shunt__u32 *what,
    uint32_t least)
{
	while (shunt__acquire32(what) < least) {
		uint32_t armed = shunt__crowd_arm(crowd);
		if (shunt__acquire32(what) >= least)
			break;
		if (shunt__crowd_wait(crowd, armed, LONG) == -ETIMEDOUT) {
			m->lost++;
			return 0;
		}
	}
	return 1;
}

static void *
follow(void *arg)
{
	struct march *m = arg;

	for (uint32_t n = 1; n <= ROUNDS; n++) {
		if (!wait_for(m, &m->crowd, &m->step, n))
			return NULL;
		shunt__add32(&m->done, 1);
		shunt__crowd_wake(&m->back);
	}
	return NULL;
}

static void
no_wake_is_lost(void **state)
{
	struct march *m = aligned_alloc(128, (sizeof(*m) + 127) & ~127u);
	pthread_t t[FOLLOWERS];

	(void)state;
	assert_non_null(m);
	memset(m, 0, sizeof(*m));
	for (int i = 0; i < FOLLOWERS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, follow, m), 0);
	for (uint32_t n = 1; n <= ROUNDS; n++) {
		shunt__add32(&m->step, 1);
		shunt__crowd_wake(&m->crowd);
		if (!wait_for(m, &m->back, &m->done, n * FOLLOWERS))
			break;
	}
	for (int i = 0; i < FOLLOWERS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(m->lost, 0);
	assert_int_equal(shunt__load32(&m->done), ROUNDS * FOLLOWERS);
	assert_true(wakes > ROUNDS / 10); /* they did sleep */
	free(m);
}

#define COUNTED(f)                                                             \
	cmocka_unit_test_setup_teardown(f, count_wakes, count_no_more)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    COUNTED(a_wake_is_a_call_only_where_somebody_sleeps),
	    TEST(who_was_woken_before_he_slept_does_not_sleep),
	    TEST(the_count_of_wakes_may_wrap),
	    TEST(every_sleep_is_bounded),
	    TEST(a_signal_ends_the_sleep_without_an_error),
	    COUNTED(no_wake_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
