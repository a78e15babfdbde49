/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* A word for each permit, on bare memory: none is lost, none is made. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include <shunt/error.h>

#include "lib/peers.h"
#include "os/os.h"
#include "sync/limit.h"
#include "sync/permits.h"
#include "unit/owners.h"

#define FREE   SHUNT__PERMIT_FREE
#define ABSENT SHUNT__PERMIT_ABSENT
#define NONE   UINT64_C(0) /* no deadline */
#define MOST   1000

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ROUNDS 10000u
#endif
#endif
#ifndef ROUNDS
#define ROUNDS 50000u
#endif

static struct test_owners who;
static struct shunt__u32 crowd, used, words[MOST];
static struct shunt__permits permits;
static _Atomic int wakes, late;
static int (*real_wake)(const void *word, int n);
static int (*real_wait)(const void *word, uint32_t expect, int64_t ns);

static int
counting_wake(const void *w, int n)
{
	wakes++;
	return real_wake(w, n);
}

static int
counting_wait(const void *w, uint32_t expect, int64_t ns)
{
	int e = real_wait(w, expect, ns);

	late += e == -ETIMEDOUT;
	return e;
}

/* @n words, of which @first are free. */
static void
fresh(uint32_t n, uint32_t first)
{
	permits = (struct shunt__permits){&crowd, &used, words, n};
	shunt__store32(&crowd, 0);
	shunt__store32(&used, 0);
	for (uint32_t i = 0; i < MOST; i++)
		shunt__store32(&words[i], i < first ? FREE : ABSENT);
	wakes = late = 0;
}

static int
begin(void **state)
{
	(void)state;
	test_owners_init(&who);
	fresh(3, 3);
	real_wake = shunt__os.futex_wake;
	real_wait = shunt__os.futex_wait;
	shunt__os.futex_wake = counting_wake;
	shunt__os.futex_wait = counting_wait;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	shunt__os.futex_wake = real_wake;
	shunt__os.futex_wait = real_wait;
	return 0;
}

static int
hold(struct shunt__permits_hand *hand, uint64_t deadline)
{
	return shunt__permits_take(
	    &permits, hand, hand->me, &who.owners, deadline);
}

static int
use(struct shunt__permits_hand *hand, uint64_t deadline)
{
	return shunt__permits_take(
	    &permits, hand, ABSENT, &who.owners, deadline);
}

static int
post(struct shunt__permits_hand *hand)
{
	return shunt__permits_post(&permits, hand);
}

static uint32_t
value(void)
{
	return shunt__permits_count(&permits, 0);
}

static void
a_pool_gives_and_takes_back(void **state)
{
	struct shunt__permits_hand a = {.me = 1}, b = {.me = 2, .hint = 99};

	(void)state;
	assert_int_equal(hold(&a, NONE), 0);
	assert_int_equal(hold(&b, NONE), 0);
	assert_int_equal(hold(&b, NONE), 0);
	assert_int_equal(value(), 0);
	assert_int_equal(shunt__permits_count(&permits, 1), 3);
	assert_int_equal(hold(&a, SHUNT__PAST), -ETIMEDOUT);
	assert_int_equal(hold(&b, SHUNT__PAST), -ETIMEDOUT);
	assert_int_equal(post(&b), 0);
	assert_int_equal(value(), 1);
	assert_int_equal(hold(&a, SHUNT__PAST), 0);
	assert_int_equal(a.held, 2);
	assert_int_equal(b.held, 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(post(&a), 0);
	assert_int_equal(post(&b), 0);
	assert_int_equal(value(), 3);
	/* All are there: another would be one too many. */
	assert_int_equal(post(&a), -EOVERFLOW);
	assert_int_equal(value(), 3);
}

static void
a_counter_goes_up_and_down(void **state)
{
	struct shunt__permits_hand a = {.me = 1}, b = {.me = 2};

	(void)state;
	fresh(3, 0);
	assert_int_equal(use(&a, SHUNT__PAST), -ETIMEDOUT);
	for (int i = 0; i < 3; i++)
		assert_int_equal(post(&a), 0);
	assert_int_equal(post(&a), -EOVERFLOW);
	for (int i = 0; i < 3; i++)
		assert_int_equal(use(&b, SHUNT__PAST), 0);
	assert_int_equal(use(&b, SHUNT__PAST), -ETIMEDOUT);
	assert_int_equal(shunt__load32(&used), 3);
	assert_int_equal(b.held, 0);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(post(&a), 0);
		assert_int_equal(use(&b, SHUNT__PAST), 0);
	}
	assert_int_equal(value(), 0);
}

static void
nobody_asleep_no_call(void **state)
{
	struct shunt__permits_hand a = {.me = 1};

	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(hold(&a, NONE), 0);
		assert_int_equal(post(&a), 0);
	}
	assert_int_equal(wakes, 0);
	/* The same word again: a pair costs one look each. */
	assert_int_equal(a.hint, 0);
	shunt__crowd_arm(&crowd);
	assert_int_equal(hold(&a, NONE), 0);
	assert_int_equal(wakes, 0);
	assert_int_equal(post(&a), 0);
	assert_int_equal(wakes, 1);
	shunt__crowd_arm(&crowd);
	assert_int_equal(use(&a, NONE), 0);
	assert_int_equal(wakes, 1);
	assert_int_equal(post(&a), 0);
	assert_int_equal(wakes, 2);
}

/* More than a thread notes: the others it finds by looking. */
static void
one_thread_may_hold_many(void **state)
{
	struct shunt__permits_hand a = {.me = 1}, b = {.me = 2};

	(void)state;
	fresh(MOST, MOST);
	for (int i = 0; i < 60; i++)
		assert_int_equal(hold(i % 3 == 2 ? &b : &a, NONE), 0);
	assert_int_equal(a.held, 40);
	for (int i = 0; i < 30; i++)
		assert_int_equal(post(&a), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(hold(&a, NONE), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(post(&a), 0);
	assert_int_equal(a.held, 0);
	assert_int_equal(value(), MOST - 20);
	for (uint32_t i = 0; i < MOST; i++)
		assert_int_not_equal(shunt__load32(&words[i]), 1);
	assert_int_equal(shunt__permits_free(&permits, 2, &who.owners), 20);
	assert_int_equal(value(), MOST);
}

static void
permits_of_the_dead_come_back_at_once(void **state)
{
	struct shunt__permits_hand a = {.me = 1}, b = {.me = 2}, c = {.me = 3};

	(void)state;
	hold(&a, NONE);
	hold(&b, NONE);
	hold(&a, NONE);
	who.dead[1] = 1;
	shunt__crowd_arm(&crowd);
	wakes = 0;
	assert_int_equal(hold(&c, SHUNT__PAST), 0);
	assert_int_equal(value(), 1);
	assert_int_equal(who.noted, 1);
	assert_int_equal(who.taken, 2);
	assert_true(wakes >= 1);
	assert_int_equal(use(&c, NONE), 0);
	assert_int_equal(use(&c, SHUNT__PAST), -ETIMEDOUT);
	assert_int_equal(who.noted, 1);
	/* Each owner is asked once a look: b, c being oneself. */
	who.asked = 0;
	assert_int_equal(use(&c, SHUNT__PAST), -ETIMEDOUT);
	assert_int_equal(who.asked, 1);
}

static void
scribbled_words_are_corrupt(void **state)
{
	struct shunt__permits_hand a = {.me = 1};
	static const uint32_t bad[] = {TEST_OWNERS + 1, 0xffff, FREE | 1,
	    UINT32_MAX, 1 /* me, who hold none */};

	(void)state;
	fresh(3, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		shunt__store32(&words[1], bad[i]);
		assert_int_equal(hold(&a, NONE), SHUNT_E_CORRUPT);
		assert_int_equal(use(&a, SHUNT__PAST), SHUNT_E_CORRUPT);
	}
	/* What I hold is not there any more. */
	fresh(3, 3);
	assert_int_equal(hold(&a, NONE), 0);
	fresh(3, 3);
	assert_int_equal(post(&a), SHUNT_E_CORRUPT);
	assert_int_equal(post(&a), -EOVERFLOW);
}

static void
bad_news_end_the_wait(void **state)
{
	struct shunt__permits_hand a = {.me = 1};

	(void)state;
	fresh(3, 0);
	who.answer = SHUNT_E_REMOVED;
	assert_int_equal(hold(&a, NONE), SHUNT_E_REMOVED);
	who.answer = 0;
	shunt__store32(&words[0], 2);
	who.inherit_answer = -EIO;
	assert_int_equal(hold(&a, NONE), -EIO);
}

static void
another_posts(void)
{
	struct shunt__permits_hand b = {.me = 2};

	who.in_check = NULL;
	if (post(&b) != 0)
		fail();
}

/* It was there before he said that there is none. */
static void
who_does_not_wait_looks_again_if_the_crowd_was_woken(void **state)
{
	struct shunt__permits_hand a = {.me = 1};

	(void)state;
	fresh(3, 0);
	who.in_check = another_posts;
	assert_int_equal(hold(&a, SHUNT__PAST), 0);
	assert_int_equal(hold(&a, SHUNT__PAST), -ETIMEDOUT);
}

static int64_t slept[8];
static int n_slept;

static int
recording_wait(const void *w, uint32_t expect, int64_t ns)
{
	(void)w;
	assert_true(expect & SHUNT__CROWD_ASLEEP);
	slept[n_slept++] = ns;
	if (n_slept == 5)
		who.dead[2] = 1;
	return n_slept == 4 ? 0 : -ETIMEDOUT;
}

static void
sleeps_are_bounded_and_each_ends_in_a_look(void **state)
{
	struct shunt__permits_hand a = {.me = 1};

	(void)state;
	fresh(1, 0);
	shunt__store32(&words[0], 2);
	shunt__os.futex_wait = recording_wait;
	n_slept = 0;
	assert_int_equal(hold(&a, NONE), 0);
	assert_int_equal(n_slept, 5);
	assert_int_equal(slept[0], 250 * (int64_t)MS);
	assert_int_equal(slept[1], 500 * (int64_t)MS);
	assert_int_equal(slept[2], 1000 * (int64_t)MS);
	assert_int_equal(slept[3], 1000 * (int64_t)MS);
	assert_int_equal(slept[4], 250 * (int64_t)MS); /* he was woken */
	/* First, and after each sleep that nobody ended. */
	assert_int_equal(who.asked, 5);
}

/* Before the first sleep not all of many owners are asked. */
static void
many_owners_are_asked_after_a_sleep(void **state)
{
	struct shunt__permits_hand a = {.me = TEST_OWNERS};

	(void)state;
	fresh(50, 0);
	for (uint32_t i = 0; i < 50; i++)
		shunt__store32(&words[i], i + 1);
	assert_int_equal(hold(&a, SHUNT__PAST), -ETIMEDOUT);
	assert_int_equal(who.asked, 16);
	who.dead[50] = 1;
	uint64_t start = test_now();
	assert_int_equal(hold(&a, NONE), 0);
	assert_true(test_now() - start < 5000 * MS);
	assert_int_equal(who.taken, 1);
}

/* Somebody posts and takes all the time: no sleep runs out.  The owner dies in
 * the second. */
static int
woken_for_nothing(const void *w, uint32_t expect, int64_t ns)
{
	uint64_t start = test_now();

	(void)w;
	(void)expect;
	(void)ns;
	if (++n_slept == 2)
		who.dead[50] = 1;
	while (test_now() - start < 60 * MS)
		sched_yield();
	return 0;
}

static void
wakes_for_others_do_not_hide_a_death(void **state)
{
	struct shunt__permits_hand a = {.me = TEST_OWNERS};

	(void)state;
	fresh(50, 0);
	for (uint32_t i = 0; i < 50; i++)
		shunt__store32(&words[i], i + 1);
	shunt__os.futex_wait = woken_for_nothing;
	n_slept = 0;
	assert_int_equal(hold(&a, test_now() + 5000 * MS), 0);
	assert_in_range(n_slept, 3, 10);
	assert_int_equal(who.taken, 1);
}

/* Who never waits long makes first looks alone: each at others. */
static void
first_looks_ask_all_in_turn(void **state)
{
	struct shunt__permits_hand a = {.me = TEST_OWNERS};
	int looks = 1;

	(void)state;
	fresh(50, 0);
	for (uint32_t i = 0; i < 50; i++)
		shunt__store32(&words[i], i + 1);
	who.dead[50] = 1;
	while (hold(&a, SHUNT__PAST) != 0 && looks < 10)
		looks++;
	assert_int_equal(looks, 4);
	assert_int_equal(who.asked, 4 * 16);
	/* And round. */
	who.dead[3] = 1;
	for (looks = 1; hold(&a, SHUNT__PAST) != 0 && looks < 10; looks++)
		;
	assert_in_range(looks, 1, 4);
}

/* ---- others move permits while we look ------------------------------------
 */

#define THREADS 4

static _Atomic uint32_t inside, wrong, deaths;
static uint32_t room;
static pthread_barrier_t together;

static void
run_all(void *(*f)(void *))
{
	pthread_t t[THREADS];

	wrong = inside = deaths = 0;
	pthread_barrier_init(&together, NULL, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, f, (void *)(i + 1)), 0);
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&together);
	assert_int_equal(wrong, 0);
}

static void *
come_and_go(void *arg)
{
	struct shunt__permits_hand a = {.me = (uint32_t)(uintptr_t)arg};

	pthread_barrier_wait(&together);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		if (hold(&a, NONE) != 0)
			wrong++;
		if (inside++ >= room)
			wrong++;
		if (i % 64 == 0)
			sched_yield(); /* off the processor, with a permit */
		inside--;
		if (post(&a) != 0)
			wrong++;
	}
	return NULL;
}

static void
no_more_inside_than_permits(void **state)
{
	(void)state;
	for (room = 1; room <= 3; room++) {
		fresh(room, room);
		run_all(come_and_go);
		assert_int_equal(value(), room);
	}
}

/* The one thing that is looked for, a free permit or room for one, is moved to
 * and fro between two places: there is always one, and seldom where it was. */
#define HIGH (MOST / 2 + 10u) /* just before who looks from the middle, */
#define LOW  (MOST / 2 - 10u) /* and where he comes last */

typedef int step(struct shunt__permits_hand *hand);
static step *find, *make; /* one finds a thing, one makes a thing */

static int
use_now(struct shunt__permits_hand *hand)
{
	return use(hand, SHUNT__PAST);
}

static void
near(struct shunt__permits_hand *hand, uint32_t where, step *what)
{
	hand->hint = where;
	if (what(hand) != 0)
		wrong++;
}

static _Atomic uint32_t moves;

/* Comes in the middle of a look, as another thread may. */
static void
move(int sig)
{
	static struct shunt__permits_hand a = {.me = 1};
	uint32_t i = moves++;

	(void)sig;
	near(&a, i % 2 ? HIGH : LOW, make);
	near(&a, i % 2 ? LOW : HIGH, find);
}

static void
what_moves_is_found(uint32_t permits_there)
{
	struct sigaction sa = {.sa_handler = move}, old;
	struct itimerspec often = {{0, 50000}, {0, 50000}};
	struct shunt__permits_hand a = {.me = 2};
	uint64_t until = test_now() + 3000 * MS;
	timer_t timer;

	fresh(MOST, permits_there);
	wrong = moves = 0;
	sigaction(SIGALRM, &sa, &old);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
	timer_settime(timer, 0, &often, NULL);
	while (moves < 1000 && test_now() < until)
		for (int i = 0; i < 1000; i++) {
			near(&a, MOST / 2, find);
			near(&a, a.hint - 1, make); /* back to its place */
		}
	timer_delete(timer);
	sigaction(SIGALRM, &old, NULL);
	assert_true(moves > 0);
	assert_int_equal(wrong, 0);
	assert_int_equal(value(), permits_there);
}

static void
a_free_permit_is_found_while_it_moves(void **state)
{
	(void)state;
	find = use_now;
	make = post;
	what_moves_is_found(1);
}

static void
room_for_a_permit_is_found_while_it_moves(void **state)
{
	(void)state;
	find = post;
	make = use_now;
	what_moves_is_found(MOST - 1);
}

/* Two make, two use up: a narrow pipe, all of it passes. */
static struct shunt__u32 room_words[2], room_crowd, room_used;
static const struct shunt__permits rooms = {
    &room_crowd, &room_used, room_words, 2};

static void *
make_or_use(void *arg)
{
	struct shunt__permits_hand a = {.me = (uint32_t)(uintptr_t)arg};
	struct shunt__permits_hand r = {.me = a.me};
	int maker = a.me % 2;

	pthread_barrier_wait(&together);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		if (shunt__permits_take(maker ? &rooms : &permits,
			maker ? &r : &a, ABSENT, &who.owners, NONE) != 0)
			wrong++;
		if (shunt__permits_post(
			maker ? &permits : &rooms, maker ? &a : &r) != 0)
			wrong++;
	}
	return NULL;
}

static void
all_that_is_made_is_used(void **state)
{
	(void)state;
	fresh(2, 0);
	shunt__store32(&room_words[0], FREE);
	shunt__store32(&room_words[1], FREE);
	run_all(make_or_use);
	assert_int_equal(value(), 0);
	assert_int_equal(shunt__permits_count(&rooms, 0), 2);
	assert_true(late <= 8);
}

/* Each dies of one number after the other, with one or two permits. */
static void *
die_often(void *arg)
{
	uint32_t first = (uint32_t)(uintptr_t)arg;

	pthread_barrier_wait(&together);
	for (uint32_t me = first; me <= TEST_OWNERS; me += THREADS) {
		struct shunt__permits_hand a = {.me = me};
		for (uint32_t i = 0; i < 50; i++)
			if (hold(&a, NONE) != 0 || post(&a) != 0)
				wrong++;
		if (hold(&a, NONE) != 0)
			wrong++;
		deaths++;
		who.dead[me] = 1;
	}
	return NULL;
}

static void
permits_of_the_dead_come_back_exactly(void **state)
{
	struct shunt__permits_hand a = {.me = 1};

	(void)state;
	fresh(3, 3);
	run_all(die_often);
	assert_int_equal(deaths, TEST_OWNERS);
	who.dead[1] = 0;
	for (int i = 0; i < 3; i++)
		assert_int_equal(hold(&a, NONE), 0);
	assert_int_equal(hold(&a, SHUNT__PAST), -ETIMEDOUT);
	assert_int_equal(who.taken, TEST_OWNERS);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(a_pool_gives_and_takes_back),
	    FRESH(a_counter_goes_up_and_down),
	    FRESH(nobody_asleep_no_call),
	    FRESH(one_thread_may_hold_many),
	    FRESH(permits_of_the_dead_come_back_at_once),
	    FRESH(scribbled_words_are_corrupt),
	    FRESH(bad_news_end_the_wait),
	    FRESH(who_does_not_wait_looks_again_if_the_crowd_was_woken),
	    FRESH(sleeps_are_bounded_and_each_ends_in_a_look),
	    FRESH(many_owners_are_asked_after_a_sleep),
	    FRESH(wakes_for_others_do_not_hide_a_death),
	    FRESH(first_looks_ask_all_in_turn),
	    FRESH(no_more_inside_than_permits),
	    FRESH(a_free_permit_is_found_while_it_moves),
	    FRESH(room_for_a_permit_is_found_while_it_moves),
	    FRESH(all_that_is_made_is_used),
	    FRESH(permits_of_the_dead_come_back_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
