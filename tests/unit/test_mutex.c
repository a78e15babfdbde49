/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* The lock in one word, on bare memory: exclusion, waking, the dead. */
#include "unit/unit.h"
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "lib/peers.h"
#include "os/os.h"
#include "sync/limit.h"
#include "sync/mutex.h"
#include "unit/owners.h"

#define DIRTY   SHUNT__LOCK_DIRTY
#define WAITERS SHUNT__LOCK_WAITERS
#define NONE    UINT64_C(0) /* no deadline */

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ROUNDS 10000u
#endif
#endif
#ifndef ROUNDS
#define ROUNDS 60000u
#endif

/* Sleeps that nobody ended: none but for a holder that a loaded machine kept
 * off its processors for 250 ms. */
#define LATE_MOST 8

static struct test_owners who;
static struct shunt__u32 word;
static struct shunt__spin spin;
static _Atomic int wakes, sleeps, late;
static int (*real_wake)(const void *word, int n);
static int (*real_wait)(const void *word, uint32_t expect, int64_t ns);

static int
counting_wake(const void *w, int n)
{
	assert_int_equal(n, 1);
	wakes++;
	return real_wake(w, n);
}

static int
counting_wait(const void *w, uint32_t expect, int64_t ns)
{
	int e = real_wait(w, expect, ns);

	sleeps++;
	late += e == -ETIMEDOUT;
	return e;
}

static int
begin(void **state)
{
	(void)state;
	test_owners_init(&who);
	shunt__store32(&word, 0);
	spin = (struct shunt__spin){0};
	real_wake = shunt__os.futex_wake;
	real_wait = shunt__os.futex_wait;
	shunt__os.futex_wake = counting_wake;
	shunt__os.futex_wait = counting_wait;
	wakes = sleeps = late = 0;
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
acquire(uint32_t me, uint64_t deadline)
{
	return shunt__mutex_acquire(&word, me, &who.owners, &spin, deadline);
}

static void
alone_it_is_one_step_each_and_no_call(void **state)
{
	(void)state;
	assert_int_equal(shunt__mutex_try(&word, 3), 1);
	assert_int_equal(shunt__load32(&word), 3);
	assert_int_equal(shunt__mutex_try(&word, 4), 0);
	assert_int_equal(shunt__mutex_release(&word, 4), SHUNT_E_CORRUPT);
	assert_int_equal(shunt__mutex_release(&word, 3), 0);
	assert_int_equal(shunt__load32(&word), 0);
	assert_int_equal(shunt__mutex_release(&word, 3), SHUNT_E_CORRUPT);
	assert_int_equal(acquire(5, NONE), 0);
	assert_int_equal(shunt__mutex_release(&word, 5), 0);
	assert_int_equal(wakes + sleeps, 0);
	assert_int_equal(who.asked, 0);
}

static void
who_does_not_wait_leaves_no_trace(void **state)
{
	(void)state;
	shunt__mutex_try(&word, 1);
	assert_int_equal(acquire(2, SHUNT__PAST), -ETIMEDOUT);
	assert_int_equal(shunt__load32(&word), 1);
	assert_int_equal(sleeps, 0);
	/* He asked once whether the owner lives, and for the name. */
	assert_int_equal(who.asked, 1);
	assert_int_equal(who.checked, 1);
}

static void
a_limit_is_kept_to(void **state)
{
	uint64_t start = test_now();

	(void)state;
	shunt__mutex_try(&word, 1);
	assert_int_equal(acquire(2, start + 30 * MS), -ETIMEDOUT);
	assert_in_range(test_now() - start, 30 * MS, 5000 * MS);
	assert_int_equal(shunt__mutex_release(&word, 1), 0);
	assert_int_equal(shunt__load32(&word), 0);
}

static void
a_dead_owner_is_found_before_any_sleep(void **state)
{
	(void)state;
	shunt__mutex_try(&word, 1);
	who.dead[1] = 1;
	assert_int_equal(acquire(2, NONE), 1);
	assert_int_equal(shunt__load32(&word), 2 | DIRTY);
	assert_int_equal(who.noted, 1);
	assert_int_equal(sleeps, 0);
	/* He who repairs dies too: again. */
	who.dead[2] = 1;
	assert_int_equal(acquire(3, SHUNT__PAST), 1);
	assert_int_equal(shunt__load32(&word), 3 | DIRTY);
	assert_int_equal(who.noted, 2);
	shunt__mutex_repaired(&word);
	assert_int_equal(shunt__load32(&word), 3);
	assert_int_equal(shunt__mutex_release(&word, 3), 0);
	assert_int_equal(acquire(4, NONE), 0);
}

static void
what_is_given_up_is_dirty_for_the_next(void **state)
{
	(void)state;
	shunt__store32(&word, 1 | DIRTY | WAITERS);
	shunt__mutex_give_up(&word);
	assert_int_equal(shunt__load32(&word), DIRTY);
	assert_int_equal(wakes, 1);
	assert_int_equal(acquire(2, NONE), 1);
	/* Without a repair: giving it back says that it is sound. */
	assert_int_equal(shunt__mutex_release(&word, 2), 0);
	assert_int_equal(shunt__load32(&word), 0);
}

static void
what_the_dead_held_is_taken_off_for_nobody(void **state)
{
	(void)state;
	assert_int_equal(shunt__mutex_abandon(&word, 1, &who.owners), 0);
	shunt__store32(&word, 2);
	assert_int_equal(shunt__mutex_abandon(&word, 1, &who.owners), 0);
	assert_int_equal(who.noted, 0);
	shunt__store32(&word, 1 | WAITERS);
	assert_int_equal(shunt__mutex_abandon(&word, 1, &who.owners), 1);
	assert_int_equal(shunt__load32(&word), DIRTY | WAITERS);
	assert_int_equal(who.noted, 1);
	assert_int_equal(wakes, 1);
	/* Who is woken keeps the bit: others may sleep. */
	assert_int_equal(acquire(3, NONE), 1);
	assert_int_equal(shunt__load32(&word), 3 | DIRTY | WAITERS);
}

/* The owner gave it back before the right was ours. */
static void
he_gives_it_back(void)
{
	shunt__store32(&word, 0);
}

/* Or another thread has it by now. */
static void
another_has_it(void)
{
	shunt__store32(&word, 7);
}

static void
the_word_is_looked_at_again_under_the_right(void **state)
{
	(void)state;
	shunt__mutex_try(&word, 1);
	who.dead[1] = 1;
	who.in_between = he_gives_it_back;
	assert_int_equal(acquire(2, NONE), 0);
	assert_int_equal(shunt__load32(&word) & ~WAITERS, 2);
	assert_int_equal(who.noted, 0);
	shunt__store32(&word, 1);
	who.in_between = another_has_it;
	assert_int_equal(acquire(2, SHUNT__PAST), -ETIMEDOUT);
	assert_int_equal(shunt__load32(&word), 7);
	assert_int_equal(who.noted, 0);
}

/* Somebody begins to wait while the dead one's lock changes hands. */
static void
a_waiter_comes(void *arg, uint32_t owner, uint32_t n)
{
	(void)arg;
	(void)owner;
	(void)n;
	who.noted++;
	shunt__or32(&word, WAITERS);
}

static void
who_comes_to_wait_meanwhile_is_not_forgotten(void **state)
{
	(void)state;
	who.owners.note = a_waiter_comes;
	shunt__store32(&word, 1);
	who.dead[1] = 1;
	assert_int_equal(acquire(2, SHUNT__PAST), 1);
	assert_int_equal(shunt__load32(&word), 2 | DIRTY | WAITERS);
	assert_int_equal(who.noted, 1);
	shunt__store32(&word, 1);
	assert_int_equal(shunt__mutex_abandon(&word, 1, &who.owners), 1);
	assert_int_equal(shunt__load32(&word), DIRTY | WAITERS);
	assert_int_equal(who.noted, 2);
	assert_int_equal(wakes, 1);
}

static void
scribbled_words_are_corrupt(void **state)
{
	static const uint32_t bad[] = {TEST_OWNERS + 1, 0xffff, 1u << 16,
	    1u << 29, UINT32_MAX, 2 /* me, who do not hold it */,
	    2 | DIRTY | WAITERS};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		shunt__store32(&word, bad[i]);
		assert_int_equal(acquire(2, NONE), SHUNT_E_CORRUPT);
		assert_int_equal(acquire(2, SHUNT__PAST), SHUNT_E_CORRUPT);
		assert_int_equal(shunt__load32(&word), bad[i]);
	}
	assert_int_equal(sleeps, 0);
}

static void
bad_news_end_the_wait(void **state)
{
	(void)state;
	shunt__mutex_try(&word, 1);
	who.answer = SHUNT_E_REMOVED;
	assert_int_equal(acquire(2, NONE), SHUNT_E_REMOVED);
	who.answer = 0;
	who.inherit_answer = -EIO;
	assert_int_equal(acquire(2, NONE), -EIO);
	assert_int_equal(sleeps, 0);
	/* It is free: nobody asks. */
	shunt__store32(&word, 0);
	assert_int_equal(acquire(2, NONE), 0);
}

static int64_t slept[8];
static int n_slept;

static int
recording_wait(const void *w, uint32_t expect, int64_t ns)
{
	(void)w;
	/* The bit is there before anybody sleeps. */
	assert_int_equal(expect, 1 | WAITERS);
	slept[n_slept++] = ns;
	if (n_slept == 5)
		who.dead[1] = 1;
	return n_slept == 4 ? 0 : -ETIMEDOUT;
}

static void
sleeps_are_bounded_and_each_ends_in_a_look(void **state)
{
	(void)state;
	shunt__os.futex_wait = recording_wait;
	n_slept = 0;
	shunt__mutex_try(&word, 1);
	assert_int_equal(acquire(2, NONE), 1);
	assert_int_equal(n_slept, 5);
	assert_int_equal(slept[0], 250 * (int64_t)MS);
	assert_int_equal(slept[1], 500 * (int64_t)MS);
	assert_int_equal(slept[2], 1000 * (int64_t)MS);
	assert_int_equal(slept[3], 1000 * (int64_t)MS);
	assert_int_equal(slept[4], 250 * (int64_t)MS); /* he was woken */
	/* First, and after each sleep that nobody ended. */
	assert_int_equal(who.asked, 5);
	assert_int_equal(shunt__load32(&word), 2 | DIRTY | WAITERS);
}

static int cut_by;

/* Ended long before its time, each of them; the owner dies in the second. */
static int
cut_short(const void *w, uint32_t expect, int64_t ns)
{
	uint64_t start = test_now();

	(void)w;
	(void)expect;
	(void)ns;
	if (++n_slept == 2)
		who.dead[1] = 1;
	while (test_now() - start < 60 * MS)
		sched_yield();
	return cut_by;
}

static void
sleeps_cut_short_do_not_hide_a_death(void **state)
{
	static const int by[] = {-EINTR, -EAGAIN, 0};

	(void)state;
	shunt__os.futex_wait = cut_short;
	for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
		cut_by = by[i];
		n_slept = 0;
		who.dead[1] = 0;
		shunt__store32(&word, 1);
		assert_int_equal(acquire(2, test_now() + 5000 * MS), 1);
		/* 250 ms: a look in each would be a call in each. */
		assert_in_range(n_slept, 2, 10);
		assert_int_equal(shunt__load32(&word), 2 | DIRTY | WAITERS);
	}
}

/* The kernel could not read the word: it was cut off. */
static int
no_such_word(const void *w, uint32_t expect, int64_t ns)
{
	(void)w;
	(void)expect;
	(void)ns;
	who.answer = SHUNT_E_TRUNCATED;
	n_slept++;
	return -EFAULT;
}

static void
a_word_that_cannot_be_read_is_a_reason_to_look(void **state)
{
	(void)state;
	shunt__os.futex_wait = no_such_word;
	n_slept = 0;
	shunt__mutex_try(&word, 1);
	assert_int_equal(acquire(2, test_now() + 5000 * MS), SHUNT_E_TRUNCATED);
	assert_int_equal(n_slept, 1);
}

static int
wait_until_it_is_free(const void *w, uint32_t expect, int64_t ns)
{
	(void)w;
	(void)ns;
	assert_int_equal(expect, 1 | WAITERS);
	shunt__mutex_release(&word, 1);
	return 0;
}

static void
who_slept_tells_that_others_may_sleep(void **state)
{
	(void)state;
	shunt__os.futex_wait = wait_until_it_is_free;
	shunt__mutex_try(&word, 1);
	assert_int_equal(acquire(2, NONE), 0);
	assert_int_equal(wakes, 1);
	assert_int_equal(shunt__load32(&word), 2 | WAITERS);
	assert_int_equal(shunt__mutex_release(&word, 2), 0);
	assert_int_equal(wakes, 2);
	/* Who takes over from the dead keeps the bit of those who sleep. */
	shunt__store32(&word, 1 | WAITERS);
	who.dead[1] = 1;
	assert_int_equal(acquire(2, NONE), 1);
	assert_int_equal(shunt__load32(&word), 2 | DIRTY | WAITERS);
}

static uint64_t until;

static int
wait_while_another_takes_it(const void *w, uint32_t expect, int64_t ns)
{
	(void)w;
	(void)ns;
	assert_int_equal(expect, 1 | WAITERS);
	shunt__store32(&word, 3);
	while (test_now() < until)
		shunt__pause();
	return 0;
}

/* It was his turn: now it is another sleeper's. */
static void
who_was_woken_and_is_late_leaves_the_bit(void **state)
{
	(void)state;
	shunt__os.futex_wait = wait_while_another_takes_it;
	shunt__store32(&word, 1 | WAITERS);
	/* The limit is past once he looks again. */
	until = test_now() + 100 * MS;
	assert_int_equal(acquire(2, until), -ETIMEDOUT);
	assert_int_equal(shunt__load32(&word), 3 | WAITERS);
}

/* ---- threads ------------------------------------------------------------- */

#define THREADS 4

static struct {
	uint64_t a, b; /* guarded: always alike, but in the middle */
	_Atomic uint32_t repairs, deaths, wrong;
} guarded;
static pthread_barrier_t together;

/* What a repair does: half a change is made whole. */
static void
enter(int e)
{
	if (e < 0) {
		guarded.wrong++;
	} else if (e == 1) {
		guarded.b = guarded.a;
		guarded.repairs++;
		shunt__mutex_repaired(&word);
	}
	if (guarded.a != guarded.b)
		guarded.wrong++;
}

static void *
count_up(void *arg)
{
	uint32_t me = (uint32_t)(uintptr_t)arg;
	struct shunt__spin mine = {0};

	pthread_barrier_wait(&together);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		enter(shunt__mutex_try(&word, me)
			  ? 0
			  : shunt__mutex_acquire(
				&word, me, &who.owners, &mine, NONE));
		guarded.a++;
		if (i % 64 == 0)
			sched_yield(); /* off the processor, with the lock */
		guarded.b++;
		if (shunt__mutex_release(&word, me) != 0)
			guarded.wrong++;
	}
	return NULL;
}

static void
run_all(void *(*f)(void *), uint32_t n)
{
	pthread_t t[TEST_OWNERS];

	memset(&guarded, 0, sizeof(guarded));
	pthread_barrier_init(&together, NULL, n);
	for (uintptr_t i = 0; i < n; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, f, (void *)(i + 1)), 0);
	for (uint32_t i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&together);
	assert_int_equal(guarded.wrong, 0);
}

static void
one_at_a_time(void **state)
{
	(void)state;
	run_all(count_up, THREADS);
	assert_int_equal(guarded.a, THREADS * ROUNDS);
	assert_int_equal(guarded.b, THREADS * ROUNDS);
	assert_int_equal(guarded.repairs, 0);
	assert_true(late <= LATE_MOST);
	assert_int_equal(who.noted, 0);
}

static int
no_spinning(void)
{
	return 1; /* processor */
}

static void
one_at_a_time_where_all_sleep(void **state)
{
	int (*real)(void) = shunt__os.cpus;

	(void)state;
	shunt__os.cpus = no_spinning;
	run_all(count_up, THREADS);
	shunt__os.cpus = real;
	assert_int_equal(guarded.a, THREADS * ROUNDS);
	assert_int_equal(guarded.b, THREADS * ROUNDS);
	assert_true(late <= LATE_MOST);
	assert_true(sleeps > 100);
	assert_true(wakes > 100);
}

/* Takes it under one number after the other and dies of each in the middle of
 * a change; the next number finds the one before it dead. */
static void *
die_often(void *arg)
{
	uint32_t first = (uint32_t)(uintptr_t)arg;
	struct shunt__spin mine = {0};

	pthread_barrier_wait(&together);
	for (uint32_t me = first; me <= TEST_OWNERS; me += THREADS) {
		for (uint32_t i = 0; i < 100; i++) {
			enter(shunt__mutex_acquire(
			    &word, me, &who.owners, &mine, NONE));
			guarded.a++;
			if (i == 99)
				break;
			guarded.b++;
			if (shunt__mutex_release(&word, me) != 0)
				guarded.wrong++;
		}
		guarded.deaths++;
		who.dead[me] = 1;
	}
	return NULL;
}

static void
every_death_is_repaired_once(void **state)
{
	(void)state;
	run_all(die_often, THREADS);
	/* The last one's death is still to be repaired. */
	assert_int_equal(acquire(1, NONE), 1);
	guarded.repairs++;
	assert_int_equal(guarded.wrong, 0);
	assert_int_equal(guarded.deaths, TEST_OWNERS);
	assert_int_equal(guarded.repairs, TEST_OWNERS);
	assert_int_equal(who.noted, TEST_OWNERS);
	assert_int_equal(guarded.a, TEST_OWNERS * 100);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(alone_it_is_one_step_each_and_no_call),
	    FRESH(who_does_not_wait_leaves_no_trace),
	    FRESH(a_limit_is_kept_to),
	    FRESH(a_dead_owner_is_found_before_any_sleep),
	    FRESH(what_is_given_up_is_dirty_for_the_next),
	    FRESH(what_the_dead_held_is_taken_off_for_nobody),
	    FRESH(the_word_is_looked_at_again_under_the_right),
	    FRESH(who_comes_to_wait_meanwhile_is_not_forgotten),
	    FRESH(scribbled_words_are_corrupt),
	    FRESH(bad_news_end_the_wait),
	    FRESH(sleeps_are_bounded_and_each_ends_in_a_look),
	    FRESH(sleeps_cut_short_do_not_hide_a_death),
	    FRESH(a_word_that_cannot_be_read_is_a_reason_to_look),
	    FRESH(who_slept_tells_that_others_may_sleep),
	    FRESH(who_was_woken_and_is_late_leaves_the_bit),
	    FRESH(one_at_a_time),
	    FRESH(one_at_a_time_where_all_sleep),
	    FRESH(every_death_is_repaired_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
