/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Semaphores by name: a pool whose permits the dead give back, and a counter.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>

#include <shunt.h>

#include "lib/peers.h"
#include "lock/layout.h"
#include "os/os.h"
#include "segment/object.h"
#include "unit/faults.h"

#define SOON (20000 * (int64_t)MS)

static const char *name;
static struct shunt_semaphore *sem;

static struct world {
	struct step step[4];
	_Atomic int inside, most, wrong;
	_Atomic int64_t pid;
} * world;

static int
begin(void **state)
{
	const struct shunt_semaphore_options o = {
	    .sz = sizeof(o), .permits = 3};

	(void)state;
	name = test_name("sem");
	if (world == NULL)
		world = test_shared(sizeof(*world));
	memset(world, 0, sizeof(*world));
	return shunt_semaphore_open(&sem, name, &o) == 1 ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	shunt_semaphore_close(&sem);
	return test_there(name) ? -1 : 0;
}

static struct shunt_semaphore *
another(void)
{
	struct shunt_semaphore *s;

	assert_int_equal(shunt_semaphore_open(&s, name, NULL), 0);
	return s;
}

static void
scribble(uint32_t permit, uint32_t w)
{
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);
	off_t at = (off_t)(SHUNT__AREA_OFF +
			   offsetof(struct shunt__semaphore_lay, sm_permit) +
			   permit * sizeof(w));

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &w, sizeof(w), at), sizeof(w));
	close(fd);
}

/* ---- opening --------------------------------------------------------------
 */

static void
made_as_asked(
    uint32_t flags, uint32_t permits, uint32_t max, int value, uint32_t most)
{
	struct shunt_semaphore_options o = {
	    .sz = sizeof(o), .flags = flags, .permits = permits, .max = max};
	const char *other = test_name("sem");
	struct shunt_semaphore *s;
	struct shunt_segment_info info = {.sz = sizeof(info)};

	assert_int_equal(shunt_semaphore_open(&s, other, &o), 1);
	assert_int_equal(shunt_semaphore_value(s), value);
	assert_int_equal(shunt_segment_stat(other, &info, NULL, 0), 0);
	assert_int_equal(info.kind, SHUNT_KIND_SEMAPHORE);
	assert_int_equal(info.value, value);
	assert_int_equal(info.most, most);
	assert_int_equal(info.held, 0);
	shunt_semaphore_close(&s);
	assert_false(test_there(other));
}

static void
permits_at_first_and_at_most(void **state)
{
	const uint32_t empty = SHUNT_SEMAPHORE_EMPTY;

	(void)state;
	made_as_asked(0, 0, 0, 1, 1);
	made_as_asked(0, 5, 0, 5, 5);
	made_as_asked(0, 5, 9, 5, 9);
	made_as_asked(0, 0, 9, 1, 9);
	made_as_asked(empty, 0, 0, 0, 1024);
	made_as_asked(empty, 0, 65536, 0, 65536);
	made_as_asked(0, 65536, 0, 65536, 65536);
}

static void
options_that_cannot_be(void **state)
{
	static const struct shunt_semaphore_options bad[] = {
	    {.sz = sizeof(bad[0]), .permits = 2, .max = 1},
	    {.sz = sizeof(bad[0]), .permits = 65537},
	    {.sz = sizeof(bad[0]), .max = 65537},
	    {.sz = sizeof(bad[0]),
		.permits = 1,
		.flags = SHUNT_SEMAPHORE_EMPTY},
	    {.sz = sizeof(bad[0]), .threads = 4097},
	    {.sz = sizeof(bad[0]), .flags = 16},
	    {.sz = sizeof(bad[0]), .reserved = 1},
	    {.sz = sizeof(bad[0]), .mode = 01000},
	    {.sz = sizeof(size_t)},
	};
	struct shunt_semaphore *s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    shunt_semaphore_open(&s, name, &bad[i]), -EINVAL);
		assert_null(s);
	}
	assert_int_equal(shunt_semaphore_wait(NULL, 0), -EINVAL);
	assert_int_equal(shunt_semaphore_consume(NULL, 0), -EINVAL);
	assert_int_equal(shunt_semaphore_post(NULL), -EINVAL);
	assert_int_equal(shunt_semaphore_value(NULL), -EINVAL);
	assert_int_equal(shunt_semaphore_fd(NULL), -EINVAL);
	shunt_semaphore_close(NULL);
	shunt_semaphore_close(&s);
}

static void
it_goes_when_its_permits_are_as_at_first(void **state)
{
	struct shunt_semaphore_options o = {
	    .sz = sizeof(o), .flags = SHUNT_SEMAPHORE_EXISTING};
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_semaphore *s;

	(void)state;
	assert_int_equal(shunt_semaphore_open(&s, name, &o), 0);
	shunt_semaphore_close(&s);
	o.flags = SHUNT_SEMAPHORE_EXCLUSIVE;
	assert_int_equal(shunt_semaphore_open(&s, name, &o), -EEXIST);
	assert_int_equal(shunt_semaphore_consume(sem, 0), 0);
	shunt_semaphore_close(&sem);
	assert_true(test_there(name));
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 0);
	assert_int_equal(info.state, SHUNT_STATE_IDLE);
	assert_int_equal(info.value, 2);
	/* What it was made with stands, whatever is asked for now. */
	o.flags = 0;
	o.permits = 77;
	assert_int_equal(shunt_semaphore_open(&sem, name, &o), 0);
	assert_int_equal(shunt_semaphore_value(sem), 2);
	assert_int_equal(shunt_semaphore_post(sem), 0);
	/* Held ones are free with the handle's end: it goes. */
	assert_int_equal(shunt_semaphore_wait(sem, 0), 0);
	shunt_semaphore_close(&sem);
	assert_false(test_there(name));
	o.flags = SHUNT_SEMAPHORE_PERSISTENT;
	assert_int_equal(shunt_semaphore_open(&s, name, &o), 1);
	shunt_semaphore_close(&s);
	assert_true(test_there(name));
	assert_int_equal(shunt_remove(name, NULL), 0);
}

/* ---- a pool and a counter ---------------------------------------------------
 */

static void
a_pool(void **state)
{
	struct shunt_semaphore *s = another();

	(void)state;
	assert_int_equal(shunt_semaphore_wait(sem, 0), 0);
	assert_int_equal(shunt_semaphore_wait(s, 0), 0);
	assert_int_equal(shunt_semaphore_wait(s, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_semaphore_value(sem), 0);
	assert_int_equal(shunt_semaphore_wait(sem, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(shunt_semaphore_consume(s, SHUNT_NOWAIT), -EAGAIN);
	uint64_t start = test_now();
	assert_int_equal(
	    shunt_semaphore_wait(sem, 30 * (int64_t)MS), -ETIMEDOUT);
	assert_in_range(test_now() - start, 30 * MS, 5000 * MS);
	for (int i = 0; i < 2; i++)
		assert_int_equal(shunt_semaphore_post(s), 0);
	assert_int_equal(shunt_semaphore_value(s), 2);
	/* This thread holds none by that handle, and all there may be are. */
	assert_int_equal(shunt_semaphore_post(s), -EOVERFLOW);
	assert_int_equal(shunt_semaphore_post(sem), 0);
	assert_int_equal(shunt_semaphore_post(sem), -EOVERFLOW);
	assert_int_equal(shunt_semaphore_value(s), 3);
	shunt_semaphore_close(&s);
}

static void
alone_it_makes_no_system_call(void **state)
{
	int wrong = 0;

	(void)state;
	assert_int_equal(shunt_semaphore_wait(sem, 0), 0);
	assert_int_equal(shunt_semaphore_post(sem), 0);
	faults_on(1, EIO, 1); /* every call would fail */
	for (int i = 0; i < 1000; i++)
		wrong += shunt_semaphore_wait(sem, 0) != 0 ||
			 shunt_semaphore_post(sem) != 0 ||
			 shunt_semaphore_consume(sem, 0) != 0 ||
			 shunt_semaphore_post(sem) != 0;
	assert_int_equal(faults_off(), 0);
	assert_int_equal(wrong, 0);
}

#define PROCESSES 8
#define ROUNDS    2000

static int
come_and_go(void *arg)
{
	struct shunt_semaphore *s;

	(void)arg;
	NEED(shunt_semaphore_open(&s, name, NULL) == 0);
	step_wait(&world->step[0], 1);
	for (int i = 0; i < ROUNDS; i++) {
		NEED(shunt_semaphore_wait(s, SOON) == 0);
		int n = ++world->inside;
		NEED(n <= 3);
		if (n > world->most)
			world->most = n;
		if (i % 16 == 0)
			sched_yield(); /* off the processor, with it */
		world->inside--;
		NEED(shunt_semaphore_post(s) == 0);
	}
	shunt_semaphore_close(&s);
	return 0;
}

static void
no_more_inside_than_permits(void **state)
{
	pid_t pid[PROCESSES];

	(void)state;
	for (int i = 0; i < PROCESSES; i++)
		pid[i] = peer_start(come_and_go, NULL);
	step_to(&world->step[0], 1);
	for (int i = 0; i < PROCESSES; i++)
		assert_int_equal(peer_end(pid[i]), 0);
	assert_true(world->most > 1);
	assert_int_equal(shunt_semaphore_value(sem), 3);
}

static int
make_some(void *arg)
{
	struct shunt_semaphore *s;

	NEED(shunt_semaphore_open(&s, arg, NULL) == 0);
	for (int i = 0; i < ROUNDS; i++)
		NEED(shunt_semaphore_post(s) == 0);
	shunt_semaphore_close(&s);
	return 0;
}

static int
use_some(void *arg)
{
	struct shunt_semaphore *s;

	NEED(shunt_semaphore_open(&s, arg, NULL) == 0);
	for (int i = 0; i < ROUNDS; i++)
		NEED(shunt_semaphore_consume(s, SOON) == 0);
	shunt_semaphore_close(&s);
	return 0;
}

static void
all_that_is_made_is_used(void **state)
{
	struct shunt_semaphore_options o = {
	    .sz = sizeof(o), .flags = SHUNT_SEMAPHORE_EMPTY, .max = 4 * ROUNDS};
	const char *other = test_name("sem");
	struct shunt_semaphore *s;
	pid_t pid[8];

	(void)state;
	assert_int_equal(shunt_semaphore_open(&s, other, &o), 1);
	for (int i = 0; i < 8; i++)
		pid[i] = peer_start(
		    i % 2 ? use_some : make_some, (void *)(uintptr_t)other);
	for (int i = 0; i < 8; i++)
		assert_int_equal(peer_end(pid[i]), 0);
	assert_int_equal(shunt_semaphore_value(s), 0);
	assert_int_equal(shunt_semaphore_consume(s, SHUNT_NOWAIT), -EAGAIN);
	shunt_semaphore_close(&s);
	assert_false(test_there(other));
}

/* ---- death ------------------------------------------------------------------
 */

/* Holds two, and has used up one. */
static int
take_and_stay(void *arg)
{
	struct shunt_semaphore *s;

	(void)arg;
	NEED(shunt_semaphore_open(&s, name, NULL) == 0);
	NEED(shunt_semaphore_consume(s, SOON) == 0);
	NEED(shunt_semaphore_wait(s, SOON) == 0);
	NEED(shunt_semaphore_wait(s, SOON) == 0);
	step_to(&world->step[0], 1);
	for (;;)
		pause();
}

static void
what_the_dead_held_comes_back_what_they_used_does_not(void **state)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_recovery r[4];
	pid_t pid = peer_start(take_and_stay, NULL);

	(void)state;
	step_wait(&world->step[0], 1);
	assert_int_equal(shunt_semaphore_wait(sem, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 2);
	assert_int_equal(info.held, 2);
	assert_int_equal(info.value, 0);
	peer_kill(pid);
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 1);
	assert_int_equal(info.held, 0);
	assert_int_equal(shunt_semaphore_wait(sem, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_semaphore_value(sem), 1);
	assert_int_equal(shunt_semaphore_wait(sem, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_semaphore_wait(sem, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(shunt_recoveries(name, r, 4), 1);
	assert_int_equal(r[0].permits, 2);
	assert_int_equal(r[0].dead_pid, pid);
	assert_int_equal(r[0].by_pid, getpid());
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 1);
	assert_int_equal(info.held, 2);
	assert_int_equal(info.recoveries, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(shunt_semaphore_post(sem), 0);
	assert_int_equal(shunt_semaphore_value(sem), 3);
}

static int (*real_wait)(const void *word, uint32_t expect, int64_t ns);
static int64_t longest;

static int
kill_while_asleep(const void *w, uint32_t expect, int64_t ns)
{
	longest = ns > longest ? ns : longest;
	if (world->pid != 0)
		kill((pid_t)world->pid, SIGKILL);
	world->pid = 0;
	return real_wait(w, expect, ns);
}

static void
who_sleeps_gets_it_within_a_second(void **state)
{
	pid_t pid = peer_start(take_and_stay, NULL);

	(void)state;
	step_wait(&world->step[0], 1);
	real_wait = shunt__os.futex_wait;
	shunt__os.futex_wait = kill_while_asleep;
	longest = 0;
	world->pid = pid;
	uint64_t start = test_now();
	int e = shunt_semaphore_wait(sem, SOON);
	shunt__os.futex_wait = real_wait;
	assert_int_equal(e, 0);
	assert_true(longest <= 1000 * (int64_t)MS);
	assert_true(test_now() - start < 5000 * MS); /* a loaded machine */
	peer_end(pid);
	for (int i = 0; i < 2; i++)
		assert_int_equal(shunt_semaphore_post(sem), 0);
}

static void
on_tick(int sig)
{
	(void)sig;
}

/* A timer ends each sleep before its time. */
static void
who_gets_signals_gets_it_within_a_second(void **state)
{
	const struct itimerval often = {{0, 100000}, {0, 100000}}, never = {0};
	struct sigaction sa = {.sa_handler = on_tick}, old;
	pid_t pid = peer_start(take_and_stay, NULL);

	(void)state;
	step_wait(&world->step[0], 1);
	real_wait = shunt__os.futex_wait;
	shunt__os.futex_wait = kill_while_asleep;
	world->pid = pid;
	sigaction(SIGALRM, &sa, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	uint64_t start = test_now();
	int e = shunt_semaphore_wait(sem, SOON);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	shunt__os.futex_wait = real_wait;
	assert_true(test_now() - start < 5000 * MS); /* a loaded machine */
	peer_end(pid);
	assert_int_equal(e, 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(shunt_semaphore_post(sem), 0);
}

/* Each of those who come, ask once and go has lane 0, below the dead one's. */
static void
a_dead_one_among_many_is_found_by_who_asks_once(void **state)
{
	enum { MANY = 40 };
	const struct shunt_semaphore_options o = {
	    .sz = sizeof(o), .permits = MANY + 3};
	struct shunt_semaphore *held[MANY], *first;
	const char *three = name;
	int e = -1, asked = 0;

	(void)state;
	name = test_name("sem");
	assert_int_equal(shunt_semaphore_open(&first, name, &o), 1);
	assert_int_equal(shunt_semaphore_wait(first, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_semaphore_post(first), 0);
	for (int i = 0; i < MANY; i++) {
		held[i] = another();
		assert_int_equal(
		    shunt_semaphore_wait(held[i], SHUNT_NOWAIT), 0);
	}
	pid_t pid = peer_start(take_and_stay, NULL);
	step_wait(&world->step[0], 1);
	shunt_semaphore_close(&first);
	/* The dead one's permit is the last, and none is free. */
	for (uint32_t i = 0; i < MANY + 3; i++)
		scribble(i, i <= MANY ? i + 2 : SHUNT__PERMIT_ABSENT);
	peer_kill(pid);
	for (; asked < 20 && e != 0; asked++) {
		struct shunt_semaphore *s = another();
		e = shunt_semaphore_wait(s, SHUNT_NOWAIT);
		assert_true(e == 0 || e == -EAGAIN);
		shunt_semaphore_close(&s);
	}
	assert_int_equal(e, 0);
	for (int i = 0; i < MANY; i++)
		shunt_semaphore_close(&held[i]);
	assert_int_equal(shunt_remove(name, NULL), 0);
	name = three;
}

/* The lane of the dead is the first that anybody takes. */
static void
who_takes_the_place_of_the_dead_frees_what_they_held(void **state)
{
	const char *first = name;
	struct shunt_semaphore_options o = {.sz = sizeof(o),
	    .threads = 1,
	    .permits = 3,
	    .flags = SHUNT_SEMAPHORE_PERSISTENT};
	struct shunt_semaphore *s;

	(void)state;
	name = test_name("sem");
	assert_int_equal(shunt_semaphore_open(&s, name, &o), 1);
	pid_t pid = peer_start(take_and_stay, NULL);
	step_wait(&world->step[0], 1);
	assert_int_equal(shunt_semaphore_wait(s, 0), SHUNT_E_SLOTS);
	assert_int_equal(shunt_semaphore_value(s), 0);
	peer_kill(pid);
	assert_int_equal(shunt_semaphore_wait(s, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_semaphore_value(s), 1);
	shunt_semaphore_close(&s);
	assert_int_equal(shunt_remove(name, NULL), 0);
	name = first;
}

static void *
take_two(void *arg)
{
	struct shunt_semaphore *s = arg;

	return shunt_semaphore_wait(s, SHUNT_NOWAIT) == 0 &&
		       shunt_semaphore_wait(s, SHUNT_NOWAIT) == 0
		   ? NULL
		   : "wait";
}

static void
a_thread_that_ends_gives_its_permits_back(void **state)
{
	struct shunt_semaphore *s = another();
	pthread_t t;
	void *answer;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, take_two, sem), 0);
	pthread_join(t, &answer);
	assert_null(answer);
	assert_int_equal(shunt_semaphore_value(sem), 3);
	/* And so does a handle. */
	assert_null(take_two(s));
	assert_int_equal(shunt_semaphore_value(sem), 1);
	shunt_semaphore_close(&s);
	assert_int_equal(shunt_semaphore_value(sem), 3);
}

static int
child_of_a_holder(void *arg)
{
	(void)arg;
	NEED(shunt_semaphore_wait(sem, 0) == SHUNT_E_FORKED);
	NEED(shunt_semaphore_consume(sem, 0) == SHUNT_E_FORKED);
	NEED(shunt_semaphore_post(sem) == SHUNT_E_FORKED);
	NEED(shunt_semaphore_value(sem) == SHUNT_E_FORKED);
	NEED(shunt_semaphore_fd(sem) == SHUNT_E_FORKED);
	shunt_semaphore_close(&sem);
	NEED(sem == NULL);
	return 0;
}

static void
a_child_does_not_hold_what_its_parent_holds(void **state)
{
	(void)state;
	assert_int_equal(shunt_semaphore_wait(sem, 0), 0);
	assert_int_equal(peer_end(peer_start(child_of_a_holder, NULL)), 0);
	assert_int_equal(shunt_semaphore_value(sem), 2);
	assert_int_equal(shunt_semaphore_post(sem), 0);
}

/* Leaves a child with the descriptor, and dies. */
static int
lend(void *arg)
{
	struct shunt_semaphore *s;

	(void)arg;
	NEED(shunt_semaphore_open(&s, name, NULL) == 0);
	NEED(shunt_semaphore_wait(s, 0) == 0);
	int fd = shunt_semaphore_fd(s);
	NEED(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0);
	pid_t pid = fork();
	NEED(pid >= 0);
	if (pid == 0) {
		alarm(60);
		step_to(&world->step[0], 1);
		step_wait(&world->step[1], 1);
		_exit(0);
	}
	step_wait(&world->step[0], 1);
	raise(SIGKILL);
	return 0;
}

static void
a_descriptor_keeps_the_dead_holding(void **state)
{
	(void)state;
	assert_int_equal(peer_end(peer_start(lend, NULL)), -SIGKILL);
	for (int i = 0; i < 2; i++)
		assert_int_equal(shunt_semaphore_wait(sem, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_semaphore_wait(sem, SHUNT_NOWAIT), -EAGAIN);
	step_to(&world->step[1], 1);
	assert_int_equal(shunt_semaphore_wait(sem, SOON), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(shunt_semaphore_post(sem), 0);
}

/* ---- the rest ---------------------------------------------------------------
 */

static int in_handler[3];

static void
on_signal(int sig)
{
	(void)sig;
	in_handler[0] = shunt_semaphore_wait(sem, SHUNT_NOWAIT);
	in_handler[1] = shunt_semaphore_consume(sem, SHUNT_NOWAIT);
	in_handler[2] = shunt_semaphore_post(sem);
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
a_handler_that_interrupts_a_call_is_told_so(void **state)
{
	struct sigaction sa = {.sa_handler = on_signal}, old;

	(void)state;
	sigaction(SIGUSR1, &sa, &old);
	for (int i = 0; i < 3; i++)
		assert_int_equal(shunt_semaphore_wait(sem, 0), 0);
	real_wait = shunt__os.futex_wait;
	shunt__os.futex_wait = interrupted;
	int e = shunt_semaphore_wait(sem, 20 * (int64_t)MS);
	shunt__os.futex_wait = real_wait;
	sigaction(SIGUSR1, &old, NULL);
	assert_int_equal(e, -ETIMEDOUT);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(in_handler[i], -EBUSY);
		assert_int_equal(shunt_semaphore_post(sem), 0);
	}
}

static void
scribbled_over_it_is_corrupt(void **state)
{
	(void)state;
	assert_int_equal(shunt_semaphore_wait(sem, 0), 0);
	for (uint32_t i = 0; i < 3; i++)
		scribble(i, 0x12345678);
	assert_int_equal(
	    shunt_semaphore_wait(sem, SHUNT_FOREVER), SHUNT_E_CORRUPT);
	assert_int_equal(
	    shunt_semaphore_consume(sem, SHUNT_NOWAIT), SHUNT_E_CORRUPT);
	assert_int_equal(shunt_semaphore_post(sem), SHUNT_E_CORRUPT);
	assert_int_equal(shunt_semaphore_post(sem), -EOVERFLOW);
	assert_int_equal(shunt_semaphore_value(sem), 0);
	for (uint32_t i = 0; i < 3; i++)
		scribble(i, SHUNT__PERMIT_FREE);
	assert_int_equal(shunt_semaphore_wait(sem, 0), 0);
	assert_int_equal(shunt_semaphore_post(sem), 0);
}

/* A header that is sound in itself and promises more permits than the area
 * has words. */
static void
more_permits_than_room_are_refused(void **state)
{
	struct shunt__header_lay h;
	struct shunt_semaphore *s;
	struct shunt_segment_info info = {.sz = sizeof(info)};
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);

	(void)state;
	assert_int_equal(pread(fd, &h, sizeof(h), 0), sizeof(h));
	uint64_t param = h.hd_param;
	for (int i = 0; i < 2; i++) {
		h.hd_param =
		    i == 0 ? UINT64_C(60000) << 32 : UINT64_C(0xffffffff) << 32;
		h.hd_check = shunt__checksum(&h, offsetof(typeof(h), hd_check));
		assert_int_equal(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
		assert_int_equal(
		    shunt_semaphore_open(&s, name, NULL), SHUNT_E_CORRUPT);
		assert_detail(name);
		assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 0);
		assert_int_equal(info.kind, SHUNT_KIND_OTHER);
	}
	h.hd_param = param;
	h.hd_check = shunt__checksum(&h, offsetof(typeof(h), hd_check));
	assert_int_equal(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
	close(fd);
}

/* A header that promises more permits than there can be, and no area at all:
 * nothing and nothing must not pass for a match. */
static void
permits_without_an_area_are_refused(void **state)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);
	struct shunt__header_lay h, lie;
	struct shunt_recovery r[1];
	struct shunt_semaphore *s;

	(void)state;
	assert_int_equal(pread(fd, &h, sizeof(h), 0), sizeof(h));
	lie = h;
	lie.hd_param = UINT64_C(0xffffffff) << 32 | 1;
	lie.hd_size -= lie.hd_area_bytes;
	lie.hd_area_bytes = 0;
	lie.hd_check = shunt__checksum(&lie, offsetof(typeof(lie), hd_check));
	assert_int_equal(pwrite(fd, &lie, sizeof(lie), 0), sizeof(lie));
	assert_int_equal(shunt_semaphore_open(&s, name, NULL), SHUNT_E_CORRUPT);
	assert_null(s);
	assert_detail(name);
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 0);
	assert_int_equal(info.kind, SHUNT_KIND_OTHER);
	assert_int_equal(info.most, 0);
	assert_int_equal(shunt_recoveries(name, r, 1), SHUNT_E_LAYOUT);
	assert_int_equal(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
	close(fd);
}

static void
removed_it_says_so(void **state)
{
	const struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};
	struct shunt_semaphore *s;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(shunt_semaphore_wait(sem, 0), 0);
	s = another();
	assert_int_equal(unlink(test_path(name)), 0);
	assert_int_equal(shunt_semaphore_wait(s, SOON), SHUNT_E_REMOVED);
	shunt_semaphore_close(&s);
	shunt_semaphore_close(&sem);
	assert_int_equal(shunt_semaphore_open(&sem, name, NULL), 1);
	assert_int_equal(shunt_remove(name, &force), 0);
	assert_int_equal(shunt_semaphore_wait(sem, 0), SHUNT_E_REMOVED);
	assert_int_equal(shunt_semaphore_consume(sem, 0), SHUNT_E_REMOVED);
	assert_int_equal(shunt_semaphore_post(sem), SHUNT_E_REMOVED);
	assert_int_equal(shunt_semaphore_value(sem), SHUNT_E_REMOVED);
}

static void
truncated_it_says_so(void **state)
{
	struct shunt_semaphore *s = another();

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(shunt_semaphore_wait(sem, 0), 0);
	assert_int_equal(truncate(test_path(name), 65536), 0);
	assert_int_equal(shunt_semaphore_wait(s, SOON), SHUNT_E_TRUNCATED);
	shunt_semaphore_close(&s);
	shunt_semaphore_close(&sem);
	assert_int_equal(unlink(test_path(name)), 0);
}

static int
cut_off_while_asleep(const void *w, uint32_t expect, int64_t ns)
{
	NEED(truncate(test_path(name), 0) == 0);
	return real_wait(w, expect, ns); /* -EFAULT, as it is */
}

/* In a child, for what would be touched is gone. */
static int
sleep_while_it_is_cut_off(void *arg)
{
	struct shunt_semaphore *s;

	(void)arg;
	NEED(shunt_semaphore_open(&s, name, NULL) == 0);
	for (int i = 0; i < 3; i++)
		NEED(shunt_semaphore_consume(s, 0) == 0);
	real_wait = shunt__os.futex_wait;
	shunt__os.futex_wait = cut_off_while_asleep;
	NEED(shunt_semaphore_wait(s, SOON) == SHUNT_E_TRUNCATED);
	shunt_semaphore_close(&s);
	return 0;
}

static void
truncated_to_nothing_while_asleep_it_says_so(void **state)
{
	(void)state;
	assert_int_equal(
	    peer_end(peer_start(sleep_while_it_is_cut_off, NULL)), 0);
	shunt_semaphore_close(&sem);
	assert_int_equal(unlink(test_path(name)), 0);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(permits_at_first_and_at_most),
	    FRESH(options_that_cannot_be),
	    FRESH(it_goes_when_its_permits_are_as_at_first),
	    FRESH(a_pool),
	    FRESH(alone_it_makes_no_system_call),
	    FRESH(no_more_inside_than_permits),
	    FRESH(all_that_is_made_is_used),
	    FRESH(what_the_dead_held_comes_back_what_they_used_does_not),
	    FRESH(who_sleeps_gets_it_within_a_second),
	    FRESH(who_gets_signals_gets_it_within_a_second),
	    FRESH(a_dead_one_among_many_is_found_by_who_asks_once),
	    FRESH(who_takes_the_place_of_the_dead_frees_what_they_held),
	    FRESH(a_thread_that_ends_gives_its_permits_back),
	    FRESH(a_child_does_not_hold_what_its_parent_holds),
	    FRESH(a_descriptor_keeps_the_dead_holding),
	    FRESH(a_handler_that_interrupts_a_call_is_told_so),
	    FRESH(scribbled_over_it_is_corrupt),
	    FRESH(more_permits_than_room_are_refused),
	    FRESH(permits_without_an_area_are_refused),
	    FRESH(removed_it_says_so),
	    FRESH(truncated_it_says_so),
	    FRESH(truncated_to_nothing_while_asleep_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
