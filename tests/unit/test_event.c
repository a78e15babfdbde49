/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Events by name: no notification is lost, none comes twice. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <shunt.h>

#include "lib/peers.h"
#include "lock/layout.h"
#include "os/os.h"
#include "segment/object.h"
#include "unit/faults.h"

#define ONE  SHUNT_EVENT_ONE
#define ALL  SHUNT_EVENT_ALL
#define SOON (20000 * (int64_t)MS)

static const char *name;
static struct shunt_event *event;

static struct world {
	struct step step[4];
	_Atomic uint32_t returned, late;
} * world;

static int
begin(void **state)
{
	(void)state;
	name = test_name("event");
	if (world == NULL)
		world = test_shared(sizeof(*world));
	memset(world, 0, sizeof(*world));
	return shunt_event_open(&event, name, NULL) == 1 ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	shunt_event_close(&event);
	return test_there(name) ? -1 : 0;
}

static struct shunt_event *
another(void)
{
	struct shunt_event *e;

	assert_int_equal(shunt_event_open(&e, name, NULL), 0);
	return e;
}

static void
scribble(size_t field, uint32_t w)
{
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(
	    pwrite(fd, &w, sizeof(w), (off_t)(SHUNT__AREA_OFF + field)),
	    sizeof(w));
	close(fd);
}

static void
it_is_made_once_and_goes_with_the_last(void **state)
{
	struct shunt_event_options o = {
	    .sz = sizeof(o), .flags = SHUNT_EVENT_EXCLUSIVE};
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_event *e;

	(void)state;
	assert_int_equal(shunt_event_open(&e, name, &o), -EEXIST);
	assert_null(e);
	/* One that is pending keeps it. */
	assert_int_equal(shunt_event_notify(event, ONE), 0);
	shunt_event_close(&event);
	assert_null(event);
	assert_true(test_there(name));
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 0);
	assert_int_equal(info.kind, SHUNT_KIND_EVENT);
	assert_int_equal(info.value, 1);
	assert_int_equal(info.state, SHUNT_STATE_IDLE);
	assert_int_equal(shunt_event_open(&event, name, NULL), 0);
	assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), 0);
	shunt_event_close(&event);
	assert_false(test_there(name));
	o.flags = SHUNT_EVENT_EXISTING;
	assert_int_equal(shunt_event_open(&e, name, &o), -ENOENT);
	o.flags = SHUNT_EVENT_PERSISTENT;
	o.mode = 0640;
	assert_int_equal(shunt_event_open(&e, name, &o), 1);
	shunt_event_close(&e);
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 0);
	assert_int_equal(info.mode, 0640);
	assert_int_equal(info.persistent, 1);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
what_cannot_be(void **state)
{
	static const struct shunt_event_options bad[] = {
	    {.sz = sizeof(bad[0]), .flags = 8},
	    {.sz = sizeof(bad[0]), .mode = 01000},
	    {.sz = sizeof(size_t)},
	};
	struct shunt_event *e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(shunt_event_open(&e, name, &bad[i]), -EINVAL);
		assert_null(e);
	}
	assert_int_equal(shunt_event_wait(NULL, 0), -EINVAL);
	assert_int_equal(shunt_event_notify(NULL, ALL), -EINVAL);
	assert_int_equal(
	    shunt_event_notify(event, (enum shunt_event_whom)2), -EINVAL);
	assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), -EAGAIN);
	shunt_event_close(NULL);
	shunt_event_close(&e);
}

static void
one_is_for_one_and_is_not_lost(void **state)
{
	struct shunt_event *e = another();

	(void)state;
	assert_int_equal(shunt_event_wait(e, SHUNT_NOWAIT), -EAGAIN);
	for (int i = 0; i < 3; i++)
		assert_int_equal(shunt_event_notify(event, ONE), 0);
	assert_int_equal(shunt_event_wait(e, SHUNT_FOREVER), 0);
	assert_int_equal(shunt_event_wait(event, SHUNT_FOREVER), 0);
	assert_int_equal(shunt_event_wait(e, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_event_wait(e, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), -EAGAIN);
	uint64_t start = test_now();
	assert_int_equal(shunt_event_wait(e, 30 * (int64_t)MS), -ETIMEDOUT);
	assert_in_range(test_now() - start, 30 * MS, 5000 * MS);
	shunt_event_close(&e);
}

static void
all_is_for_every_handle_once(void **state)
{
	struct shunt_event *e = another(), *late;

	(void)state;
	/* Several are one. */
	assert_int_equal(shunt_event_notify(e, ALL), 0);
	assert_int_equal(shunt_event_notify(event, ALL), 0);
	late = another();
	assert_int_equal(shunt_event_wait(e, SHUNT_FOREVER), 0);
	assert_int_equal(shunt_event_wait(e, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(shunt_event_wait(event, SHUNT_FOREVER), 0);
	assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), -EAGAIN);
	/* It was opened after them. */
	assert_int_equal(shunt_event_wait(late, SHUNT_NOWAIT), -EAGAIN);
	/* One of all takes none of one. */
	assert_int_equal(shunt_event_notify(e, ONE), 0);
	assert_int_equal(shunt_event_notify(e, ALL), 0);
	assert_int_equal(shunt_event_wait(e, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_event_wait(e, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_event_wait(e, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(shunt_event_wait(late, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_event_wait(late, SHUNT_NOWAIT), -EAGAIN);
	shunt_event_close(&late);
	shunt_event_close(&e);
}

static void
nobody_asleep_no_call(void **state)
{
	int wrong = 0;

	(void)state;
	faults_on(1, EIO, 1);
	for (int i = 0; i < 1000; i++)
		wrong += shunt_event_notify(event, i % 2 ? ONE : ALL) != 0 ||
			 shunt_event_wait(event, SHUNT_FOREVER) != 0;
	assert_int_equal(faults_off(), 0);
	assert_int_equal(wrong, 0);
}

static void
too_many_are_refused(void **state)
{
	size_t one = offsetof(struct shunt__event_lay, ev_one);

	(void)state;
	scribble(one, (UINT32_C(1) << 31) - 1);
	assert_int_equal(shunt_event_notify(event, ONE), 0);
	assert_int_equal(shunt_event_notify(event, ONE), -EOVERFLOW);
	assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_event_notify(event, ONE), 0);
	assert_int_equal(shunt_event_notify(event, ONE), -EOVERFLOW);
	assert_int_equal(shunt_event_notify(event, ALL), 0);
	scribble(one, 0);
}

/* ---- sleepers ---------------------------------------------------------------
 */

#define SLEEPERS 8
#define ROUNDS   300

static int
wait_for_all(void *arg)
{
	struct shunt_event *e;

	(void)arg;
	NEED(shunt_event_open(&e, name, NULL) == 0);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t n = ++world->returned;
		if (n == SLEEPERS * (i + 1))
			step_to(&world->step[0], i + 1);
		uint64_t start = test_now();
		NEED(shunt_event_wait(e, SOON) == 0);
		world->late += test_now() - start > 200 * MS;
	}
	NEED(shunt_event_wait(e, SHUNT_NOWAIT) == -EAGAIN);
	shunt_event_close(&e);
	return 0;
}

static void
all_wakes_every_process(void **state)
{
	pid_t pid[SLEEPERS];

	(void)state;
	for (int i = 0; i < SLEEPERS; i++)
		pid[i] = peer_start(wait_for_all, NULL);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		step_wait(&world->step[0], i + 1);
		assert_int_equal(shunt_event_notify(event, ALL), 0);
	}
	for (int i = 0; i < SLEEPERS; i++)
		assert_int_equal(peer_end(pid[i]), 0);
	/* Woken, not late by a bounded sleep. */
	assert_true(world->late < ROUNDS / 10);
	assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), 0);
}

#define EACH 500

static int
take_some(void *arg)
{
	struct shunt_event *e;

	(void)arg;
	NEED(shunt_event_open(&e, name, NULL) == 0);
	for (uint32_t i = 0; i < EACH; i++) {
		uint64_t start = test_now();
		NEED(shunt_event_wait(e, SOON) == 0);
		world->late += test_now() - start > 240 * MS;
		world->returned++;
	}
	shunt_event_close(&e);
	return 0;
}

static int
give_some(void *arg)
{
	struct shunt_event *e;

	(void)arg;
	NEED(shunt_event_open(&e, name, NULL) == 0);
	for (uint32_t i = 0; i < EACH; i++)
		NEED(shunt_event_notify(e, ONE) == 0);
	shunt_event_close(&e);
	return 0;
}

static void
as_many_return_as_were_notified(void **state)
{
	pid_t pid[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		pid[i] = peer_start(i < 4 ? take_some : give_some, NULL);
	for (int i = 0; i < 8; i++)
		assert_int_equal(peer_end(pid[i]), 0);
	assert_int_equal(world->returned, 4 * EACH);
	assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), -EAGAIN);
	assert_true(world->late <= 8);
}

/* Threads that share a handle share what it has seen. */
static void *
wait_once(void *arg)
{
	(void)arg;
	int e = shunt_event_wait(event, 400 * (int64_t)MS);

	if (e == 0)
		world->returned++;
	else if (e != -ETIMEDOUT)
		world->late++;
	return NULL;
}

static void
of_the_threads_of_a_handle_one_returns(void **state)
{
	pthread_t t[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, wait_once, NULL), 0);
	assert_int_equal(shunt_event_notify(event, ALL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(world->returned, 1);
	assert_int_equal(world->late, 0);
}

static int
wait_for_ever(void *arg)
{
	struct shunt_event *e;

	(void)arg;
	NEED(shunt_event_open(&e, name, NULL) == 0);
	step_to(&world->step[0], world->step[0].n + 1);
	shunt_event_wait(e, SHUNT_FOREVER);
	return 0;
}

static void
a_waiter_that_is_killed_leaves_nothing(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 20; i++) {
		pid_t pid = peer_start(wait_for_ever, NULL);
		step_wait(&world->step[0], i);
		peer_kill(pid);
	}
	assert_int_equal(shunt_event_notify(event, ONE), 0);
	assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_event_notify(event, ALL), 0);
	assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), -EAGAIN);
}

static int (*real_wait)(const void *word, uint32_t expect, int64_t ns);
static int64_t slept[8];
static int n_slept;

/* Whoever notified it was killed before he woke anybody. */
static int
notified_without_a_wake(const void *w, uint32_t expect, int64_t ns)
{
	(void)w;
	assert_true(expect & SHUNT__CROWD_ASLEEP);
	slept[n_slept++] = ns;
	if (n_slept == 4)
		scribble(offsetof(struct shunt__event_lay, ev_one), 1);
	return -ETIMEDOUT;
}

static void
sleeps_are_bounded(void **state)
{
	(void)state;
	real_wait = shunt__os.futex_wait;
	shunt__os.futex_wait = notified_without_a_wake;
	n_slept = 0;
	int e = shunt_event_wait(event, SHUNT_FOREVER);
	shunt__os.futex_wait = real_wait;
	assert_int_equal(e, 0);
	assert_int_equal(n_slept, 4);
	assert_int_equal(slept[0], 250 * (int64_t)MS);
	assert_int_equal(slept[1], 500 * (int64_t)MS);
	assert_int_equal(slept[2], 1000 * (int64_t)MS);
	assert_int_equal(slept[3], 1000 * (int64_t)MS);
}

/* Notified for others all the time; the name goes in the second sleep. */
static int
woken_for_nothing(const void *w, uint32_t expect, int64_t ns)
{
	uint64_t start = test_now();

	(void)w;
	(void)expect;
	(void)ns;
	if (++n_slept == 2)
		unlink(test_path(name));
	while (test_now() - start < 60 * MS)
		sched_yield();
	return n_slept % 2 ? 0 : -EINTR;
}

static void
sleeps_cut_short_do_not_hide_a_removal(void **state)
{
	(void)state;
	real_wait = shunt__os.futex_wait;
	shunt__os.futex_wait = woken_for_nothing;
	n_slept = 0;
	int e = shunt_event_wait(event, 5000 * (int64_t)MS);
	shunt__os.futex_wait = real_wait;
	assert_int_equal(e, SHUNT_E_REMOVED);
	assert_in_range(n_slept, 3, 10);
}

/* ---- handlers, children, and what others do to it ---------------------------
 */

static int in_handler;

static void
on_signal(int sig)
{
	(void)sig;
	in_handler = shunt_event_notify(event, ONE);
}

static int
interrupted(const void *w, uint32_t expect, int64_t ns)
{
	(void)w;
	(void)expect;
	(void)ns;
	raise(SIGUSR1);
	return -EINTR;
}

static void
a_handler_may_notify(void **state)
{
	struct sigaction sa = {.sa_handler = on_signal}, old;

	(void)state;
	sigaction(SIGUSR1, &sa, &old);
	real_wait = shunt__os.futex_wait;
	shunt__os.futex_wait = interrupted;
	in_handler = 1;
	int e = shunt_event_wait(event, SOON);
	shunt__os.futex_wait = real_wait;
	sigaction(SIGUSR1, &old, NULL);
	assert_int_equal(in_handler, 0);
	assert_int_equal(e, 0);
	assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), -EAGAIN);
}

static int
child(void *arg)
{
	struct shunt_event *e;

	(void)arg;
	NEED(shunt_event_wait(event, 0) == SHUNT_E_FORKED);
	NEED(shunt_event_notify(event, ALL) == SHUNT_E_FORKED);
	shunt_event_close(&event);
	NEED(event == NULL);
	NEED(shunt_event_open(&e, name, NULL) == 0);
	NEED(shunt_event_notify(e, ONE) == 0);
	shunt_event_close(&e);
	return 0;
}

static void
a_child_opens_it_itself(void **state)
{
	(void)state;
	assert_int_equal(peer_end(peer_start(child, NULL)), 0);
	assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), 0);
}

/* Ten of all were heard; a scribbler sets their count back. */
static void
a_count_that_went_back_is_corrupt_and_deafens_nobody(void **state)
{
	const size_t all = offsetof(struct shunt__event_lay, ev_all);

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(shunt_event_notify(event, ALL), 0);
	assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), 0);
	scribble(all, 0);
	assert_int_equal(
	    shunt_event_wait(event, SHUNT_NOWAIT), SHUNT_E_CORRUPT);
	assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(shunt_event_notify(event, ALL), 0);
	assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), 0);
	/* Notified meanwhile, too: one is said to be corrupt, the next counts.
	 */
	assert_int_equal(shunt_event_notify(event, ALL), 0);
	assert_int_equal(shunt_event_notify(event, ALL), 0);
	assert_int_equal(shunt_event_wait(event, SHUNT_NOWAIT), 0);
	scribble(all, 0);
	assert_int_equal(shunt_event_notify(event, ALL), 0);
	assert_int_equal(shunt_event_wait(event, SOON), SHUNT_E_CORRUPT);
	assert_int_equal(shunt_event_notify(event, ALL), 0);
	assert_int_equal(shunt_event_wait(event, SOON), 0);
}

static void
removed_it_says_so(void **state)
{
	const struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};

	(void)state;
	assert_int_equal(unlink(test_path(name)), 0);
	assert_int_equal(shunt_event_wait(event, SOON), SHUNT_E_REMOVED);
	shunt_event_close(&event);
	assert_int_equal(shunt_event_open(&event, name, NULL), 1);
	assert_int_equal(shunt_remove(name, &force), 0);
	assert_int_equal(
	    shunt_event_wait(event, SHUNT_NOWAIT), SHUNT_E_REMOVED);
	assert_int_equal(shunt_event_notify(event, ALL), SHUNT_E_REMOVED);
}

static void
truncated_it_says_so(void **state)
{
	(void)state;
	/* Of its one lane; what is left can still be touched. */
	assert_int_equal(truncate(test_path(name), 12288), 0);
	assert_int_equal(shunt_event_wait(event, SOON), SHUNT_E_TRUNCATED);
	shunt_event_close(&event);
	assert_int_equal(unlink(test_path(name)), 0);
}

static int
cut_off_while_asleep(const void *w, uint32_t expect, int64_t ns)
{
	(void)w;
	(void)expect;
	(void)ns;
	NEED(truncate(test_path(name), 0) == 0);
	return -ETIMEDOUT;
}

/* In a child, for what would be touched is gone. */
static int
sleep_while_it_is_cut_off(void *arg)
{
	struct shunt_event *e;

	(void)arg;
	NEED(shunt_event_open(&e, name, NULL) == 0);
	shunt__os.futex_wait = cut_off_while_asleep;
	NEED(shunt_event_wait(e, SOON) == SHUNT_E_TRUNCATED);
	shunt_event_close(&e);
	return 0;
}

static void
truncated_to_nothing_while_asleep_it_says_so(void **state)
{
	(void)state;
	assert_int_equal(
	    peer_end(peer_start(sleep_while_it_is_cut_off, NULL)), 0);
	shunt_event_close(&event);
	assert_int_equal(unlink(test_path(name)), 0);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(it_is_made_once_and_goes_with_the_last),
	    FRESH(what_cannot_be),
	    FRESH(one_is_for_one_and_is_not_lost),
	    FRESH(all_is_for_every_handle_once),
	    FRESH(nobody_asleep_no_call),
	    FRESH(too_many_are_refused),
	    FRESH(all_wakes_every_process),
	    FRESH(as_many_return_as_were_notified),
	    FRESH(of_the_threads_of_a_handle_one_returns),
	    FRESH(a_waiter_that_is_killed_leaves_nothing),
	    FRESH(sleeps_are_bounded),
	    FRESH(sleeps_cut_short_do_not_hide_a_removal),
	    FRESH(a_handler_may_notify),
	    FRESH(a_child_opens_it_itself),
	    FRESH(a_count_that_went_back_is_corrupt_and_deafens_nobody),
	    FRESH(removed_it_says_so),
	    FRESH(truncated_it_says_so),
	    FRESH(truncated_to_nothing_while_asleep_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
