/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Locks by name: one at a time, and the dead give theirs to the next one. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#include <shunt.h>

#include "lib/peers.h"
#include "lock/layout.h"
#include "os/os.h"
#include "segment/object.h"
#include "unit/faults.h"

#define SOON (20000 * (int64_t)MS)

static const char *name;
static struct shunt_lock *lock;
static struct step *steps;

/* Shared with the children, as what a lock guards. */
static struct world {
	struct step step[4];
	uint64_t a, b;
	_Atomic int repairs;
	_Atomic int64_t answer;
} * world;

static int
mend(void *arg)
{
	struct world *w = arg;

	w->repairs++;
	w->b = w->a;
	return 0;
}

static struct shunt_lock_options
mending(void)
{
	return (struct shunt_lock_options){
	    .sz = sizeof(struct shunt_lock_options),
	    .repair = mend,
	    .repair_arg = world};
}

static int
begin(void **state)
{
	(void)state;
	name = test_name("lock");
	if (world == NULL)
		world = test_shared(sizeof(*world));
	memset(world, 0, sizeof(*world));
	steps = world->step;
	return shunt_lock_open(&lock, name, NULL) == 1 ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	shunt_lock_close(&lock);
	return test_there(name) ? -1 : 0;
}

static struct shunt_lock *
another(void)
{
	struct shunt_lock *l;

	assert_int_equal(shunt_lock_open(&l, name, NULL), 0);
	return l;
}

/* The word as it stands in the file. */
static uint32_t
word(void)
{
	uint32_t w = 0;

	assert_int_equal(
	    shunt_segment_read(name, SHUNT__AREA_OFF, &w, sizeof(w), NULL),
	    sizeof(w));
	return w;
}

static void
scribble(uint32_t w)
{
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &w, sizeof(w), SHUNT__AREA_OFF), sizeof(w));
	close(fd);
}

/* ---- opening --------------------------------------------------------------
 */

static void
it_is_made_once_and_goes_with_the_last(void **state)
{
	struct shunt_lock_options o = {.sz = sizeof(o)};
	struct shunt_lock *l;

	(void)state;
	l = another();
	shunt_lock_close(&l);
	assert_null(l);
	assert_true(test_there(name));
	o.flags = SHUNT_LOCK_EXCLUSIVE;
	assert_int_equal(shunt_lock_open(&l, name, &o), -EEXIST);
	assert_null(l);
	assert_detail(name);
	const char *other = test_name("lock");
	o.flags = SHUNT_LOCK_EXISTING;
	assert_int_equal(shunt_lock_open(&l, other, &o), -ENOENT);
	o.flags = SHUNT_LOCK_PERSISTENT | SHUNT_LOCK_EXCLUSIVE;
	o.mode = 0640;
	o.threads = 4096;
	assert_int_equal(shunt_lock_open(&l, other, &o), 1);
	shunt_lock_close(&l);
	assert_true(test_there(other));
	struct shunt_segment_info info = {.sz = sizeof(info)};
	assert_int_equal(shunt_segment_stat(other, &info, NULL, 0), 0);
	assert_int_equal(info.kind, SHUNT_KIND_LOCK);
	assert_int_equal(info.mode, 0640);
	assert_int_equal(info.lanes, 4096);
	assert_int_equal(info.lane_bytes, 0);
	assert_int_equal(info.persistent, 1);
	assert_int_equal(info.state, SHUNT_STATE_IDLE);
	assert_int_equal(shunt_remove(other, NULL), 0);
}

static void
options_that_cannot_be(void **state)
{
	struct shunt_lock_options o = {.sz = sizeof(o), .threads = 4097};
	struct shunt_lock *l;

	(void)state;
	assert_int_equal(shunt_lock_open(&l, name, &o), -EINVAL);
	assert_detail("4096");
	o = (struct shunt_lock_options){.sz = sizeof(o), .flags = 8};
	assert_int_equal(shunt_lock_open(&l, name, &o), -EINVAL);
	o = (struct shunt_lock_options){.sz = sizeof(o), .reserved = 1};
	assert_int_equal(shunt_lock_open(&l, name, &o), -EINVAL);
	o = (struct shunt_lock_options){.sz = sizeof(o), .mode = 01777};
	assert_int_equal(shunt_lock_open(&l, name, &o), -EINVAL);
	o = (struct shunt_lock_options){.sz = sizeof(size_t)};
	assert_int_equal(shunt_lock_open(&l, name, &o), -EINVAL);
	assert_null(l);
	assert_int_equal(shunt_lock_open(&l, "a/b", NULL), SHUNT_E_NAME);
	assert_int_equal(shunt_lock_acquire(NULL, 0), -EINVAL);
	assert_int_equal(shunt_lock_release(NULL), -EINVAL);
	assert_int_equal(shunt_lock_fd(NULL), -EINVAL);
	shunt_lock_close(NULL);
	shunt_lock_close(&l);
}

static void
other_kinds_are_refused(void **state)
{
	struct shunt_semaphore *sem;
	struct shunt_queue *queue;
	struct shunt_event *event;
	struct shunt_segment *seg;
	struct shunt_lock *l;
	const char *raw = test_name("lock");

	(void)state;
	assert_int_equal(shunt_queue_open(&queue, name, NULL), SHUNT_E_KIND);
	assert_detail("it is a lock, not a queue");
	assert_int_equal(shunt_semaphore_open(&sem, name, NULL), SHUNT_E_KIND);
	assert_detail("it is a lock, not a semaphore");
	assert_int_equal(shunt_event_open(&event, name, NULL), SHUNT_E_KIND);
	assert_int_equal(shunt_segment_create(&seg, raw, 5000, NULL), 0);
	assert_int_equal(shunt_lock_open(&l, raw, NULL), SHUNT_E_KIND);
	assert_detail("raw segment, not a lock");
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(raw, NULL), 0);
	assert_int_equal(shunt_queue_open(&queue, raw, NULL), 1);
	assert_int_equal(shunt_lock_open(&l, raw, NULL), SHUNT_E_KIND);
	assert_detail("it is a queue, not a lock");
	shunt_queue_close(&queue);
}

/* ---- taking it and giving it back ------------------------------------------
 */

static void
one_handle_at_a_time(void **state)
{
	struct shunt_lock *l = another();

	(void)state;
	assert_int_equal(shunt_lock_release(lock), -EPERM);
	assert_int_equal(shunt_lock_acquire(lock, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_lock_acquire(lock, SHUNT_NOWAIT), -EDEADLK);
	assert_int_equal(shunt_lock_acquire(lock, SHUNT_FOREVER), -EDEADLK);
	assert_int_equal(shunt_lock_release(l), -EPERM);
	assert_int_equal(shunt_lock_acquire(l, SHUNT_NOWAIT), -EAGAIN);
	uint64_t start = test_now();
	assert_int_equal(shunt_lock_acquire(l, 30 * (int64_t)MS), -ETIMEDOUT);
	assert_in_range(test_now() - start, 30 * MS, 5000 * MS);
	assert_int_equal(shunt_lock_release(lock), 0);
	assert_int_equal(shunt_lock_release(lock), -EPERM);
	assert_int_equal(shunt_lock_acquire(l, SHUNT_FOREVER), 0);
	assert_int_equal(shunt_lock_acquire(lock, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(shunt_lock_release(l), 0);
	shunt_lock_close(&l);
	assert_int_equal(word(), 0);
}

static void
alone_it_makes_no_system_call(void **state)
{
	int wrong = 0;

	(void)state;
	assert_int_equal(shunt_lock_acquire(lock, 0), 0);
	assert_int_equal(shunt_lock_release(lock), 0);
	faults_on(1, EIO, 1); /* every call would fail */
	for (int i = 0; i < 1000; i++)
		wrong += shunt_lock_acquire(lock, SHUNT_FOREVER) != 0 ||
			 shunt_lock_release(lock) != 0;
	assert_int_equal(faults_off(), 0);
	assert_int_equal(wrong, 0);
}

/* A thread asks, and where it is not yet its turn, says so. */
static void *
try_once(void *l)
{
	return (void *)(intptr_t)shunt_lock_acquire(l, SHUNT_NOWAIT);
}

static void *
release_once(void *l)
{
	return (void *)(intptr_t)shunt_lock_release(l);
}

static int64_t
in_a_thread(void *(*f)(void *), void *arg)
{
	pthread_t t;
	void *answer;

	assert_int_equal(pthread_create(&t, NULL, f, arg), 0);
	pthread_join(t, &answer);
	return (intptr_t)answer;
}

static void
threads_of_a_handle_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(shunt_lock_acquire(lock, 0), 0);
	assert_int_equal(in_a_thread(try_once, lock), -EAGAIN);
	assert_int_equal(in_a_thread(release_once, lock), -EPERM);
	assert_int_equal(shunt_lock_release(lock), 0);
}

static void
more_threads_than_places(void **state)
{
	const char *narrow = test_name("lock");
	struct shunt_lock_options o = {.sz = sizeof(o), .threads = 1};
	struct shunt_lock *a, *b;

	(void)state;
	assert_int_equal(shunt_lock_open(&a, narrow, &o), 1);
	assert_int_equal(shunt_lock_open(&b, narrow, NULL), 0);
	assert_int_equal(shunt_lock_acquire(a, 0), 0);
	assert_int_equal(shunt_lock_acquire(b, 0), SHUNT_E_SLOTS);
	assert_int_equal(shunt_lock_release(a), 0);
	assert_int_equal(shunt_lock_acquire(b, 0), SHUNT_E_SLOTS);
	shunt_lock_close(&a);
	assert_int_equal(shunt_lock_acquire(b, 0), 0);
	assert_int_equal(shunt_lock_release(b), 0);
	shunt_lock_close(&b);
	assert_false(test_there(narrow));
}

#define PROCESSES 8
#define ROUNDS    3000

static int
count_up(void *arg)
{
	struct shunt_lock *l;

	(void)arg;
	NEED(shunt_lock_open(&l, name, NULL) == 0);
	step_wait(&steps[0], 1);
	for (int i = 0; i < ROUNDS; i++) {
		NEED(shunt_lock_acquire(l, SOON) == 0);
		NEED(world->a == world->b);
		world->a++;
		world->b++;
		NEED(shunt_lock_release(l) == 0);
	}
	shunt_lock_close(&l);
	return 0;
}

static void
processes_count_exactly(void **state)
{
	pid_t pid[PROCESSES];

	(void)state;
	for (int i = 0; i < PROCESSES; i++)
		pid[i] = peer_start(count_up, NULL);
	step_to(&steps[0], 1);
	for (int i = 0; i < PROCESSES; i++)
		assert_int_equal(peer_end(pid[i]), 0);
	assert_int_equal(world->a, PROCESSES * ROUNDS);
	assert_int_equal(world->b, PROCESSES * ROUNDS);
	assert_int_equal(word() & ~SHUNT__LOCK_WAITERS, 0);
}

/* ---- death ------------------------------------------------------------------
 */

/* Takes it, is in the middle of a change, and waits for its end. */
static int
take_and_stay(void *arg)
{
	struct shunt_lock_options o = mending();
	struct shunt_lock *l;

	(void)arg;
	NEED(shunt_lock_open(&l, name, &o) == 0);
	NEED(shunt_lock_acquire(l, SOON) == 0);
	NEED(world->a == world->b);
	world->a++;
	step_to(&steps[0], steps[0].n + 1);
	for (;;)
		pause();
}

static void
a_holder_is_killed(void)
{
	uint32_t next = steps[0].n + 1;
	pid_t pid = peer_start(take_and_stay, NULL);

	step_wait(&steps[0], next);
	assert_int_equal(shunt_lock_acquire(lock, SHUNT_NOWAIT), -EAGAIN);
	peer_kill(pid);
}

static void
the_next_one_gets_it_and_is_told(void **state)
{
	(void)state;
	a_holder_is_killed();
	uint64_t start = test_now();
	/* Even one who does not wait. */
	assert_int_equal(shunt_lock_acquire(lock, SHUNT_NOWAIT), 1);
	assert_true(test_now() - start < 1000 * MS);
	/* Not repaired: whoever dies with it now hands it on as it is. */
	assert_int_equal(word(), 2 | SHUNT__LOCK_DIRTY);
	world->b = world->a;
	assert_int_equal(shunt_lock_release(lock), 0);
	assert_int_equal(word(), 0);
	assert_int_equal(shunt_lock_acquire(lock, 0), 0);
	assert_int_equal(shunt_lock_release(lock), 0);
}

static int
acquire_once(void *arg)
{
	struct shunt_lock_options o = mending();
	struct shunt_lock *l;

	(void)arg;
	NEED(shunt_lock_open(&l, name, &o) == 0);
	step_to(&steps[1], steps[1].n + 1);
	world->answer = shunt_lock_acquire(l, SOON);
	NEED(world->a == world->b);
	NEED(shunt_lock_release(l) == 0);
	shunt_lock_close(&l);
	return 0;
}

static void
it_is_repaired_once_before_anybody_enters(void **state)
{
	(void)state;
	a_holder_is_killed();
	assert_int_equal(peer_end(peer_start(acquire_once, NULL)), 0);
	assert_int_equal(world->answer, 0);
	assert_int_equal(world->repairs, 1);
	assert_int_equal(peer_end(peer_start(acquire_once, NULL)), 0);
	assert_int_equal(world->repairs, 1);
	assert_int_equal(word(), 0);
}

static int64_t longest;
static int (*real_wait)(const void *word, uint32_t expect, int64_t ns);

/* Asleep: now its holder dies. */
static int
kill_while_asleep(const void *w, uint32_t expect, int64_t ns)
{
	longest = ns > longest ? ns : longest;
	if (world->answer > 1) {
		kill((pid_t)world->answer, SIGKILL);
		world->answer = 0;
	}
	return real_wait(w, expect, ns);
}

static void
who_sleeps_gets_it_within_a_second(void **state)
{
	pid_t pid = peer_start(take_and_stay, NULL);

	(void)state;
	step_wait(&steps[0], 1);
	real_wait = shunt__os.futex_wait;
	shunt__os.futex_wait = kill_while_asleep;
	longest = 0;
	world->answer = pid;
	uint64_t start = test_now();
	int e = shunt_lock_acquire(lock, SOON);
	shunt__os.futex_wait = real_wait;
	assert_int_equal(e, 1);
	assert_true(longest <= 1000 * (int64_t)MS);
	assert_true(test_now() - start < 5000 * MS); /* a loaded machine */
	peer_end(pid);
	world->b = world->a;
	assert_int_equal(shunt_lock_release(lock), 0);
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
	step_wait(&steps[0], 1);
	real_wait = shunt__os.futex_wait;
	shunt__os.futex_wait = kill_while_asleep;
	world->answer = pid;
	sigaction(SIGALRM, &sa, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	uint64_t start = test_now();
	int e = shunt_lock_acquire(lock, SOON);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	shunt__os.futex_wait = real_wait;
	assert_true(test_now() - start < 5000 * MS); /* a loaded machine */
	peer_end(pid);
	assert_int_equal(e, 1);
	world->b = world->a;
	assert_int_equal(shunt_lock_release(lock), 0);
}

static int
die_repairing(void *arg)
{
	(void)arg;
	world->repairs++;
	raise(SIGKILL);
	return 0;
}

static int
acquire_and_die(void *arg)
{
	struct shunt_lock_options o = mending();
	struct shunt_lock *l;

	(void)arg;
	o.repair = die_repairing;
	NEED(shunt_lock_open(&l, name, &o) == 0);
	shunt_lock_acquire(l, SOON);
	return 0;
}

static void
killed_repairing_the_next_one_repairs_again(void **state)
{
	(void)state;
	a_holder_is_killed();
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(
		    peer_end(peer_start(acquire_and_die, NULL)), -SIGKILL);
		assert_int_equal(world->repairs, i);
	}
	assert_int_equal(peer_end(peer_start(acquire_once, NULL)), 0);
	assert_int_equal(world->repairs, 4);
	assert_int_equal(world->answer, 0);
}

static int
refuse(void *arg)
{
	(void)arg;
	world->repairs++;
	return world->repairs < 3 ? -EIO : 0;
}

static void
a_repair_that_fails_leaves_it_unrepaired(void **state)
{
	struct shunt_lock_options o = mending();
	struct shunt_lock *l;

	(void)state;
	a_holder_is_killed();
	o.repair = refuse;
	assert_int_equal(shunt_lock_open(&l, name, &o), 0);
	assert_int_equal(shunt_lock_acquire(l, 0), -EIO);
	assert_int_equal(word(), SHUNT__LOCK_DIRTY);
	assert_int_equal(shunt_lock_release(l), -EPERM);
	assert_int_equal(shunt_lock_acquire(l, SHUNT_NOWAIT), -EIO);
	assert_int_equal(shunt_lock_acquire(l, SHUNT_NOWAIT), 0);
	assert_int_equal(world->repairs, 3);
	assert_int_equal(shunt_lock_release(l), 0);
	assert_int_equal(word(), 0);
	shunt_lock_close(&l);
}

static struct shunt_lock *repaired, *other_lock;

static int
use_locks(void *arg)
{
	int e;

	(void)arg;
	world->repairs++;
	e = shunt_lock_acquire(repaired, 0);
	if (e != -EDEADLK)
		return -1000;
	e = shunt_lock_release(repaired);
	if (e != -EPERM)
		return -1001;
	if (shunt_lock_acquire(other_lock, 0) != 0 ||
	    shunt_lock_release(other_lock) != 0)
		return -1002;
	return 7; /* anything but a code */
}

static void
a_repair_may_use_other_locks_alone(void **state)
{
	struct shunt_lock_options o = mending();
	const char *second = test_name("lock");

	(void)state;
	a_holder_is_killed();
	o.repair = use_locks;
	assert_int_equal(shunt_lock_open(&repaired, name, &o), 0);
	assert_int_equal(shunt_lock_open(&other_lock, second, NULL), 1);
	assert_int_equal(shunt_lock_acquire(repaired, 0), 0);
	assert_int_equal(world->repairs, 1);
	assert_int_equal(shunt_lock_release(repaired), 0);
	shunt_lock_close(&repaired);
	shunt_lock_close(&other_lock);
}

/* The lane of the dead is the first that anybody takes. */
static void
who_takes_the_place_of_the_dead_finds_it_unrepaired(void **state)
{
	const char *narrow = test_name("lock"), *wide = name;
	struct shunt_lock_options o = {
	    .sz = sizeof(o), .threads = 1, .flags = SHUNT_LOCK_PERSISTENT};
	struct shunt_lock *l;

	(void)state;
	assert_int_equal(shunt_lock_open(&l, narrow, &o), 1);
	shunt_lock_close(&l);
	name = narrow;
	pid_t pid = peer_start(take_and_stay, NULL);
	step_wait(&steps[0], 1);
	peer_kill(pid);
	assert_int_equal(word(), 1);
	assert_int_equal(shunt_lock_open(&l, name, &o), 0);
	assert_int_equal(shunt_lock_acquire(l, SHUNT_NOWAIT), 1);
	assert_int_equal(word(), 1 | SHUNT__LOCK_DIRTY);
	struct shunt_recovery r;
	assert_int_equal(shunt_recoveries(name, &r, 1), 1);
	assert_int_equal(r.dead_pid, pid);
	assert_int_equal(shunt_lock_release(l), 0);
	shunt_lock_close(&l);
	assert_int_equal(shunt_remove(name, NULL), 0);
	name = wide;
}

static void
a_thread_that_ends_with_it_counts_as_dead(void **state)
{
	struct shunt_lock *l = another();

	(void)state;
	assert_int_equal(in_a_thread(try_once, lock), 0);
	assert_int_equal(word(), SHUNT__LOCK_DIRTY);
	assert_int_equal(shunt_lock_acquire(l, SHUNT_NOWAIT), 1);
	/* And so does a handle. */
	shunt_lock_close(&l);
	assert_int_equal(word(), SHUNT__LOCK_DIRTY);
	assert_int_equal(shunt_lock_acquire(lock, SHUNT_NOWAIT), 1);
	assert_int_equal(shunt_lock_release(lock), 0);
	assert_int_equal(word(), 0);
}

static void
one_left_unrepaired_stays_when_all_have_gone(void **state)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};

	(void)state;
	assert_int_equal(shunt_lock_acquire(lock, 0), 0);
	shunt_lock_close(&lock);
	assert_true(test_there(name));
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 0);
	assert_int_equal(info.state, SHUNT_STATE_IDLE);
	assert_int_equal(info.unrepaired, 1);
	assert_int_equal(shunt_lock_open(&lock, name, NULL), 0);
	assert_int_equal(shunt_lock_acquire(lock, 0), 1);
	assert_int_equal(shunt_lock_release(lock), 0);
}

/* ---- children ---------------------------------------------------------------
 */

static int
child_of_a_holder(void *arg)
{
	struct shunt_lock *mine;

	(void)arg;
	NEED(shunt_lock_acquire(lock, 0) == SHUNT_E_FORKED);
	NEED(shunt_lock_release(lock) == SHUNT_E_FORKED);
	NEED(shunt_lock_fd(lock) == SHUNT_E_FORKED);
	NEED(shunt_lock_open(&mine, name, NULL) == 0);
	NEED(shunt_lock_acquire(mine, SHUNT_NOWAIT) == -EAGAIN);
	shunt_lock_close(&mine);
	shunt_lock_close(&lock);
	NEED(lock == NULL);
	return 0;
}

static void
a_child_does_not_hold_what_its_parent_holds(void **state)
{
	(void)state;
	assert_int_equal(shunt_lock_acquire(lock, 0), 0);
	assert_int_equal(peer_end(peer_start(child_of_a_holder, NULL)), 0);
	assert_int_equal(word(), 1);
	assert_int_equal(shunt_lock_release(lock), 0);
}

/* Leaves a child with the descriptor, and dies. */
static int
lend(void *arg)
{
	struct shunt_lock *l;
	int fd;

	(void)arg;
	NEED(shunt_lock_open(&l, name, NULL) == 0);
	NEED(shunt_lock_acquire(l, 0) == 0);
	fd = shunt_lock_fd(l);
	NEED(fd >= 0);
	NEED((fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0);
	pid_t pid = fork();
	NEED(pid >= 0);
	if (pid == 0) {
		/* The program: it knows nothing of the lock. */
		alarm(60);
		world->answer = getpid();
		step_to(&steps[0], 1);
		step_wait(&steps[1], 1);
		_exit(0);
	}
	step_wait(&steps[0], 1);
	raise(SIGKILL);
	return 0;
}

static void
a_descriptor_keeps_the_dead_holding(void **state)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};

	(void)state;
	assert_int_equal(peer_end(peer_start(lend, NULL)), -SIGKILL);
	assert_int_equal(shunt_lock_acquire(lock, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(
	    shunt_lock_acquire(lock, 300 * (int64_t)MS), -ETIMEDOUT);
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 2);
	assert_int_equal(info.held, 1);
	step_to(&steps[1], 1);
	assert_int_equal(shunt_lock_acquire(lock, SOON), 1);
	assert_int_equal(shunt_lock_release(lock), 0);
}

/* ---- from a signal handler --------------------------------------------------
 */

static int in_handler[2];

static void
on_signal(int sig)
{
	(void)sig;
	in_handler[0] = shunt_lock_acquire(lock, SHUNT_NOWAIT);
	in_handler[1] = shunt_lock_release(lock);
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
	struct shunt_lock *l = another();

	(void)state;
	sigaction(SIGUSR1, &sa, &old);
	assert_int_equal(shunt_lock_acquire(l, 0), 0);
	real_wait = shunt__os.futex_wait;
	shunt__os.futex_wait = interrupted;
	/* And EINTR is never returned. */
	int e = shunt_lock_acquire(lock, 20 * (int64_t)MS);
	shunt__os.futex_wait = real_wait;
	assert_int_equal(e, -ETIMEDOUT);
	assert_int_equal(in_handler[0], -EBUSY);
	assert_int_equal(in_handler[1], -EPERM);
	assert_int_equal(shunt_lock_release(l), 0);
	/* Between calls it is as the thread itself. */
	raise(SIGUSR1);
	assert_int_equal(in_handler[0], 0);
	assert_int_equal(in_handler[1], 0);
	sigaction(SIGUSR1, &old, NULL);
	shunt_lock_close(&l);
}

static int (*real_lock)(int fd, int cmd, struct flock *fl);

/* The first byte that is taken is that of the thread's lane. */
static int
interrupted_at_its_lane(int fd, int cmd, struct flock *fl)
{
	shunt__os.lock = real_lock;
	raise(SIGUSR1);
	return real_lock(fd, cmd, fl);
}

static int
interrupt_the_first_call(void *arg)
{
	struct sigaction sa = {.sa_handler = on_signal};

	(void)arg;
	alarm(10); /* what hangs is killed */
	NEED(shunt_lock_open(&lock, name, NULL) == 0);
	sigaction(SIGUSR1, &sa, NULL);
	in_handler[0] = in_handler[1] = 0;
	real_lock = shunt__os.lock;
	shunt__os.lock = interrupted_at_its_lane;
	NEED(shunt_lock_acquire(lock, 0) == 0);
	NEED(in_handler[0] == -EBUSY);
	NEED(in_handler[1] == -EPERM);
	NEED(shunt_lock_release(lock) == 0);
	/* It has its place now: as the thread itself. */
	raise(SIGUSR1);
	NEED(in_handler[0] == 0);
	NEED(in_handler[1] == 0);
	shunt_lock_close(&lock);
	return 0;
}

static void
a_handler_that_interrupts_the_first_call_is_told_so(void **state)
{
	(void)state;
	assert_int_equal(
	    peer_end(peer_start(interrupt_the_first_call, NULL)), 0);
}

/* ---- what others do to it ---------------------------------------------------
 */

static void
scribbled_over_it_is_corrupt(void **state)
{
	(void)state;
	assert_int_equal(shunt_lock_acquire(lock, 0), 0);
	scribble(99);
	assert_int_equal(shunt_lock_release(lock), SHUNT_E_CORRUPT);
	scribble(1); /* me, who do not hold it any more */
	assert_int_equal(shunt_lock_acquire(lock, 0), SHUNT_E_CORRUPT);
	scribble(257);
	assert_int_equal(
	    shunt_lock_acquire(lock, SHUNT_NOWAIT), SHUNT_E_CORRUPT);
	scribble(1u << 20);
	assert_int_equal(shunt_lock_acquire(lock, SOON), SHUNT_E_CORRUPT);
	scribble(0);
	assert_int_equal(shunt_lock_acquire(lock, 0), 0);
	assert_int_equal(shunt_lock_release(lock), 0);
}

/* A header that is sound in itself, of a lock that cannot be. */
#define LIE(field, value)                                                      \
	do {                                                                   \
		struct shunt__header_lay lie = h;                              \
		lie.field = (value);                                           \
		lie.hd_check =                                                 \
		    shunt__checksum(&lie, offsetof(typeof(lie), hd_check));    \
		assert_int_equal(                                              \
		    pwrite(fd, &lie, sizeof(lie), 0), sizeof(lie));            \
		assert_int_equal(                                              \
		    shunt_lock_open(&l, name, NULL), SHUNT_E_CORRUPT);         \
		assert_null(l);                                                \
		assert_int_equal(shunt_recoveries(name, r, 2), told);          \
	} while (0)

static void
a_header_that_lies_is_refused(void **state)
{
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);
	int told = SHUNT_E_CORRUPT;
	struct shunt__header_lay h;
	struct shunt_recovery r[2];
	struct shunt_lock *l;

	(void)state;
	assert_int_equal(pread(fd, &h, sizeof(h), 0), sizeof(h));
	LIE(hd_param, 1);
	LIE(hd_lane_bytes, 4096);
	LIE(hd_lanes, 0);
	LIE(hd_lanes, 4097);
	LIE(hd_size, h.hd_size + 4096);
	LIE(hd_area_bytes, 0);
	/* As a geometry it could be. */
	assert_int_equal(ftruncate(fd, (off_t)h.hd_size + 4096), 0);
	told = SHUNT_E_LAYOUT;
	h.hd_area_bytes = 8192;
	LIE(hd_size, h.hd_size + 4096);
	h.hd_area_bytes = 0;
	LIE(hd_size, h.hd_size - 4096);
	h.hd_area_bytes = 4096;
	h.hd_check = shunt__checksum(&h, offsetof(typeof(h), hd_check));
	assert_int_equal(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
	close(fd);
}

static void
removed_it_says_so(void **state)
{
	const struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};
	struct shunt_lock *l = another();

	(void)state;
	assert_int_equal(shunt_lock_acquire(lock, 0), 0);
	assert_int_equal(unlink(test_path(name)), 0);
	/* Who must wait looks at the name. */
	assert_int_equal(shunt_lock_acquire(l, SOON), SHUNT_E_REMOVED);
	assert_int_equal(shunt_lock_release(lock), 0);
	shunt_lock_close(&l);
	shunt_lock_close(&lock);
	assert_int_equal(shunt_lock_open(&lock, name, NULL), 1);
	assert_int_equal(shunt_lock_acquire(lock, 0), 0);
	assert_int_equal(shunt_remove(name, NULL), -EBUSY);
	assert_int_equal(shunt_remove(name, &force), 0);
	assert_int_equal(shunt_lock_release(lock), 0);
	assert_int_equal(
	    shunt_lock_acquire(lock, SHUNT_NOWAIT), SHUNT_E_REMOVED);
}

static int
removed_while_asleep(const void *w, uint32_t expect, int64_t ns)
{
	unlink(test_path(name));
	assert_true(ns <= 1000 * (int64_t)MS);
	return real_wait(w, expect, ns);
}

static void
who_sleeps_learns_that_it_was_removed(void **state)
{
	struct shunt_lock *l = another();

	(void)state;
	assert_int_equal(shunt_lock_acquire(lock, 0), 0);
	real_wait = shunt__os.futex_wait;
	shunt__os.futex_wait = removed_while_asleep;
	int e = shunt_lock_acquire(l, SOON);
	shunt__os.futex_wait = real_wait;
	assert_int_equal(e, SHUNT_E_REMOVED);
	assert_int_equal(shunt_lock_release(lock), 0);
	shunt_lock_close(&l);
}

static void
truncated_it_says_so(void **state)
{
	struct shunt_lock *l = another();

	(void)state;
	assert_int_equal(shunt_lock_acquire(lock, 0), 0);
	/* The last lanes' blocks: what is left can still be touched. */
	assert_int_equal(truncate(test_path(name), 65536), 0);
	assert_int_equal(shunt_lock_acquire(l, SOON), SHUNT_E_TRUNCATED);
	assert_int_equal(shunt_lock_release(lock), 0);
	shunt_lock_close(&l);
	shunt_lock_close(&lock);
	assert_int_equal(shunt_lock_open(&lock, name, NULL), SHUNT_E_TRUNCATED);
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
	struct shunt_lock *holds, *waits;

	(void)arg;
	NEED(shunt_lock_open(&holds, name, NULL) == 0);
	NEED(shunt_lock_open(&waits, name, NULL) == 0);
	NEED(shunt_lock_acquire(holds, 0) == 0);
	NEED(shunt_lock_acquire(waits, SHUNT_NOWAIT) == -EAGAIN);
	shunt__os.futex_wait = cut_off_while_asleep;
	NEED(shunt_lock_acquire(waits, SOON) == SHUNT_E_TRUNCATED);
	shunt_lock_close(&waits);
	return 0;
}

static void
truncated_to_nothing_while_asleep_it_says_so(void **state)
{
	(void)state;
	assert_int_equal(
	    peer_end(peer_start(sleep_while_it_is_cut_off, NULL)), 0);
	shunt_lock_close(&lock);
	assert_int_equal(unlink(test_path(name)), 0);
}

/* ---- looking at it ----------------------------------------------------------
 */

static void
stat_tells_who_holds_it(void **state)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_participant who[4];
	struct shunt_recovery r[20];
	struct shunt_scan *scan;
	int seen = 0;

	(void)state;
	assert_int_equal(shunt_segment_stat(name, &info, who, 4), 0);
	assert_int_equal(info.held, 0);
	assert_int_equal(info.holder_pid, 0);
	assert_int_equal(info.state, SHUNT_STATE_LIVE);
	assert_int_equal(shunt_recoveries(name, r, 20), 0);
	assert_int_equal(shunt_lock_acquire(lock, 0), 0);
	assert_int_equal(shunt_segment_stat(name, &info, who, 4), 1);
	assert_int_equal(info.held, 1);
	assert_int_equal(info.holder_pid, getpid());
	assert_int_equal(info.unrepaired, 0);
	assert_int_equal(who[0].lane, 0);
	assert_int_equal(who[0].pid, getpid());
	assert_int_equal(who[0].alive, 1);
	assert_int_equal(shunt_scan_open(&scan, NULL), 0);
	while (shunt_scan_next(scan, &info) == 1)
		if (strcmp(info.name, name) == 0) {
			assert_int_equal(info.kind, SHUNT_KIND_LOCK);
			assert_int_equal(info.holder_pid, getpid());
			seen++;
		}
	assert_int_equal(seen, 1);
	shunt_scan_close(&scan);
	assert_int_equal(shunt_lock_release(lock), 0);
	a_holder_is_killed();
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 1);
	assert_int_equal(info.held, 0);
	assert_int_equal(info.unrepaired, 1);
	assert_int_equal(info.recoveries, 0); /* nobody has noticed */
	assert_int_equal(shunt_lock_acquire(lock, 0), 1);
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 1);
	assert_int_equal(info.held, 1);
	assert_int_equal(info.unrepaired, 1);
	assert_int_equal(info.recoveries, 1);
	assert_int_equal(shunt_lock_release(lock), 0);
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 1);
	assert_int_equal(info.unrepaired, 0);
	world->b = world->a;
}

static void
recoveries_are_told_newest_first(void **state)
{
	struct shunt_recovery r[20];
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_queue *queue;
	const char *other = test_name("lock");
	int64_t before = (int64_t)shunt__clock(CLOCK_REALTIME);

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(in_a_thread(try_once, lock), 0);
		if (i == 10)
			a_holder_is_killed();
		assert_int_equal(shunt_lock_acquire(lock, 0), 1);
		world->b = world->a;
		assert_int_equal(shunt_lock_release(lock), 0);
	}
	assert_int_equal(shunt_segment_stat(name, &info, NULL, 0), 1);
	assert_int_equal(info.recoveries, 21);
	assert_int_equal(shunt_recoveries(name, r, 20), 16);
	for (int i = 0; i < 16; i++) {
		/* Twenty-one: the killed one is the twelfth of them. */
		assert_int_equal(r[i].dead_pid == getpid(), i != 9);
		assert_int_equal(r[i].permits, 1);
		assert_int_equal(r[i].by_pid, getpid());
		assert_int_equal(r[i].dead_uid, geteuid());
		assert_true(strncmp(r[i].dead_comm, "test_lock", 9) == 0);
		assert_true(r[i].at_ns >= before);
		assert_true(i == 0 || r[i].at_ns <= r[i - 1].at_ns);
	}
	assert_int_equal(shunt_recoveries(name, r, 2), 2);
	assert_int_equal(shunt_recoveries(name, NULL, 0), 0);
	assert_int_equal(shunt_queue_open(&queue, other, NULL), 1);
	assert_int_equal(shunt_recoveries(other, r, 2), SHUNT_E_KIND);
	shunt_queue_close(&queue);
	assert_int_equal(shunt_recoveries(other, r, 2), -ENOENT);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(it_is_made_once_and_goes_with_the_last),
	    FRESH(options_that_cannot_be),
	    FRESH(other_kinds_are_refused),
	    FRESH(one_handle_at_a_time),
	    FRESH(alone_it_makes_no_system_call),
	    FRESH(threads_of_a_handle_are_told_apart),
	    FRESH(more_threads_than_places),
	    FRESH(processes_count_exactly),
	    FRESH(the_next_one_gets_it_and_is_told),
	    FRESH(it_is_repaired_once_before_anybody_enters),
	    FRESH(who_sleeps_gets_it_within_a_second),
	    FRESH(who_gets_signals_gets_it_within_a_second),
	    FRESH(killed_repairing_the_next_one_repairs_again),
	    FRESH(a_repair_that_fails_leaves_it_unrepaired),
	    FRESH(a_repair_may_use_other_locks_alone),
	    FRESH(who_takes_the_place_of_the_dead_finds_it_unrepaired),
	    FRESH(a_thread_that_ends_with_it_counts_as_dead),
	    FRESH(one_left_unrepaired_stays_when_all_have_gone),
	    FRESH(a_child_does_not_hold_what_its_parent_holds),
	    FRESH(a_descriptor_keeps_the_dead_holding),
	    FRESH(a_handler_that_interrupts_a_call_is_told_so),
	    FRESH(a_handler_that_interrupts_the_first_call_is_told_so),
	    FRESH(scribbled_over_it_is_corrupt),
	    FRESH(a_header_that_lies_is_refused),
	    FRESH(removed_it_says_so),
	    FRESH(who_sleeps_learns_that_it_was_removed),
	    FRESH(truncated_it_says_so),
	    FRESH(truncated_to_nothing_while_asleep_it_says_so),
	    FRESH(stat_tells_who_holds_it),
	    FRESH(recoveries_are_told_newest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
