/* SPDX-License-Identifier: MIT */
/* limit: 60 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "lib/peers.h"
#include "os/os.h"
#include "sync/bell.h"

#define ASLEEP SHUNT__BELL_ASLEEP
#define FENCE  SHUNT__BELL_FENCE
#define NAP    SHUNT__BELL_NAP

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ROUNDS 20000
#endif
#endif
#ifndef ROUNDS
#define ROUNDS 50000 /* two sleepers: twice as many sleeps */
#endif

static int wakes;
static int (*real_wake)(const void *word, int n);

static int
counting_wake(const void *word, int n)
{
	__atomic_fetch_add(&wakes, 1, __ATOMIC_SEQ_CST);
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
ringing_takes_the_bit_before_it_wakes(void **state)
{
	struct shunt__u32 bell = {0};

	(void)state;
	shunt__bell_ring(&bell, ASLEEP);
	assert_int_equal(wakes, 0);
	shunt__bell_arm(&bell, ASLEEP);
	assert_true(shunt__load32(&bell) & ASLEEP);
	assert_true(shunt__bell_look(&bell, 0) & ASLEEP);
	shunt__bell_ring(&bell, ASLEEP);
	assert_false(shunt__load32(&bell) & ASLEEP);
	assert_int_equal(wakes, 1);
	/* Of several wakers one wins. */
	shunt__bell_ring(&bell, ASLEEP);
	assert_int_equal(wakes, 1);
}

static void
bits_do_not_touch_each_other(void **state)
{
	struct shunt__u32 bell = {0};

	(void)state;
	shunt__bell_arm(&bell, NAP);
	shunt__bell_ring(&bell, ASLEEP);
	assert_int_equal(wakes, 0);
	assert_true(shunt__load32(&bell) & NAP);
	shunt__or32(&bell, FENCE);
	shunt__bell_ring(&bell, NAP);
	assert_int_equal(wakes, 1);
	assert_int_equal(shunt__load32(&bell), FENCE);
	shunt__bell_arm(&bell, ASLEEP);
	shunt__bell_disarm(&bell, ASLEEP);
	assert_int_equal(shunt__load32(&bell), FENCE);
}

static void
who_is_not_asleep_does_not_sleep(void **state)
{
	struct shunt__u32 bell = {0};
	uint64_t begin = test_now();

	(void)state;
	assert_int_equal(
	    shunt__bell_wait(&bell, ASLEEP, INT64_C(10000000000)), 0);
	shunt__bell_arm(&bell, ASLEEP);
	shunt__bell_ring(&bell, ASLEEP);
	assert_int_equal(
	    shunt__bell_wait(&bell, ASLEEP, INT64_C(10000000000)), 0);
	assert_true(test_now() - begin < 5000 * MS);
}

static void
every_sleep_is_bounded(void **state)
{
	struct shunt__u32 bell = {0};
	uint64_t begin = test_now();

	(void)state;
	shunt__bell_arm(&bell, ASLEEP);
	assert_int_equal(
	    shunt__bell_wait(&bell, ASLEEP, 20 * (int64_t)MS), -ETIMEDOUT);
	assert_true(test_now() - begin >= 20 * MS);
	/* Still set: it is for the sleeper to take it back. */
	assert_true(shunt__load32(&bell) & ASLEEP);
}

static void
on_signal(int sig)
{
	(void)sig;
}

static void
a_signal_ends_the_sleep_without_an_error(void **state)
{
	struct shunt__u32 bell = {0};
	struct sigaction sa = {.sa_handler = on_signal}, old;
	timer_t timer;
	struct itimerspec when = {
	    .it_value = {0, 20000000}, .it_interval = {0, 20000000}};

	(void)state;
	sigaction(SIGALRM, &sa, &old);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
	timer_settime(timer, 0, &when, NULL);
	shunt__bell_arm(&bell, ASLEEP);
	assert_int_equal(
	    shunt__bell_wait(&bell, ASLEEP, INT64_C(10000000000)), 0);
	timer_delete(timer);
	sigaction(SIGALRM, &old, NULL);
}

/* ---- two threads that wake each other ----------------------------------- */

struct side {
	struct shunt__u32 bell; /* where this side sleeps */
	struct shunt__u64 sent; /* what it has for the other */
	char apart[128];
};

struct game {
	struct side side[2];
	int fence; /* as wakers that are not registered */
	int lost;  /* sleeps that nobody ended */
};

struct player {
	struct game *game;
	int me;
};

static void
dawdle(uint64_t *seed)
{
	for (uint64_t i = test_random(seed) % 64; i > 0; i--)
		shunt__pause();
}

static void *
play(void *arg)
{
	struct player *p = arg;
	struct side *mine = &p->game->side[p->me];
	struct side *other = &p->game->side[!p->me];
	uint64_t seed = (uint64_t)p->me + 5;

	for (uint64_t n = 1; n <= ROUNDS; n++) {
		if (p->me == 0 || n > 1)
			dawdle(&seed);
		if (p->me == 0) {
			shunt__release64(&mine->sent, n);
			if (shunt__bell_look(&other->bell, p->game->fence) &
			    ASLEEP)
				shunt__bell_ring(&other->bell, ASLEEP);
		}
		while (shunt__acquire64(&other->sent) < n) {
			dawdle(&seed);
			shunt__bell_arm(&mine->bell, ASLEEP);
			if (shunt__acquire64(&other->sent) < n &&
			    shunt__bell_wait(&mine->bell, ASLEEP,
				INT64_C(10000000000)) == -ETIMEDOUT) {
				p->game->lost++;
				return NULL;
			}
			shunt__bell_disarm(&mine->bell, ASLEEP);
		}
		if (p->me == 1) {
			dawdle(&seed);
			shunt__release64(&mine->sent, n);
			if (shunt__bell_look(&other->bell, p->game->fence) &
			    ASLEEP)
				shunt__bell_ring(&other->bell, ASLEEP);
		}
	}
	return NULL;
}

static void
no_wake_is_lost(int fence)
{
	struct game *game = aligned_alloc(128, (sizeof(*game) + 127) & ~127u);
	struct player p[2] = {{game, 0}, {game, 1}};
	pthread_t t[2];

	assert_non_null(game);
	memset(game, 0, sizeof(*game));
	game->fence = fence;
	/* The first sleep of all may set FENCE, see bell.c: have it now. */
	for (int i = 0; i < 2; i++) {
		shunt__bell_arm(&game->side[i].bell, ASLEEP);
		shunt__bell_disarm(&game->side[i].bell, ASLEEP);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, play, &p[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(game->lost, 0);
	free(game);
}

static void
no_wake_is_lost_with_membarrier(void **state)
{
	(void)state;
	if (!shunt__bell_register())
		skip();
	no_wake_is_lost(0);
	assert_true(wakes > ROUNDS / 100); /* they did sleep */
}

static void
no_wake_is_lost_where_the_waker_fences(void **state)
{
	(void)state;
	no_wake_is_lost(1);
	assert_true(wakes > ROUNDS / 100);
}

static int
no_membarrier(int cmd)
{
	(void)cmd;
	return -ENOSYS;
}

static void
no_wake_is_lost_where_the_sleeper_has_no_membarrier(void **state)
{
	int (*real)(int cmd) = shunt__os.membarrier;
	struct shunt__u32 bell = {0};

	(void)state;
	shunt__os.membarrier = no_membarrier;
	assert_int_equal(shunt__bell_register(), 0);
	shunt__bell_arm(&bell, ASLEEP);
	assert_int_equal(shunt__load32(&bell), ASLEEP | FENCE);
	no_wake_is_lost(0);
	shunt__os.membarrier = real;
	assert_true(wakes > ROUNDS / 100);
}

/* ---- spinning ------------------------------------------------------------ */

static int n_cpus;
static int
some_cpus(void)
{
	return n_cpus;
}

static void
nobody_spins_on_one_processor(void **state)
{
	int (*real)(void) = shunt__os.cpus;
	struct shunt__spin spin = {0};

	(void)state;
	shunt__os.cpus = some_cpus;
	n_cpus = 1;
	assert_int_equal(shunt__spin_turns(&spin), 0);
	shunt__spin_learn(&spin, 1);
	assert_int_equal(shunt__spin_turns(&spin), 0);
	spin.turns = 0;
	n_cpus = -EPERM;
	assert_int_equal(shunt__spin_turns(&spin), 0);
	shunt__os.cpus = real;
}

static void
spinning_learns_within_limits(void **state)
{
	int (*real)(void) = shunt__os.cpus;
	struct shunt__spin spin = {0};

	(void)state;
	shunt__os.cpus = some_cpus;
	n_cpus = 2;
	uint32_t least = shunt__spin_turns(&spin);
	assert_in_range(least, 1, 1000);
	for (int i = 0; i < 50; i++)
		shunt__spin_learn(&spin, 1);
	assert_in_range(shunt__spin_turns(&spin), 2 * least, 10000);
	for (int i = 0; i < 50; i++)
		shunt__spin_learn(&spin, 0);
	assert_in_range(shunt__spin_turns(&spin), least / 2, least);
	/* Where nothing was tried nothing is learnt. */
	spin = (struct shunt__spin){0};
	shunt__spin_learn(&spin, 1);
	shunt__spin_learn(&spin, 0);
	assert_int_equal(shunt__spin_turns(&spin), least);
	shunt__os.cpus = real;
}

#define COUNTED(f)                                                             \
	cmocka_unit_test_setup_teardown(f, count_wakes, count_no_more)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    COUNTED(ringing_takes_the_bit_before_it_wakes),
	    COUNTED(bits_do_not_touch_each_other),
	    TEST(who_is_not_asleep_does_not_sleep),
	    TEST(every_sleep_is_bounded),
	    TEST(a_signal_ends_the_sleep_without_an_error),
	    COUNTED(no_wake_is_lost_with_membarrier),
	    COUNTED(no_wake_is_lost_where_the_waker_fences),
	    COUNTED(no_wake_is_lost_where_the_sleeper_has_no_membarrier),
	    TEST(nobody_spins_on_one_processor),
	    TEST(spinning_learns_within_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
