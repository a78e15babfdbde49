/* SPDX-License-Identifier: MIT */
/* Waiting on several ends at once. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include <shunt.h>

#include "channel/queue.h"
#include "lib/peers.h"
#include "os/os.h"
#include "unit/faults.h"

#define N 5

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};
static const struct shunt_recv_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};

static const char *name[N];
static struct shunt_queue *to[N], *from[N];
static struct shunt_wait_item items[N];
static struct shunt__os real;

static int
open_all(void **state)
{
	(void)state;
	real = shunt__os;
	for (int i = 0; i < N; i++) {
		name[i] = test_name("many");
		if (shunt_queue_open(&to[i], name[i], &small) != 1 ||
		    shunt_queue_open(&from[i], name[i], &small) != 0)
			return -1;
		items[i] =
		    (struct shunt_wait_item){.end = shunt_queue_end(from[i])};
	}
	return 0;
}

static int
receive_all(int i)
{
	char buf[64];
	int n = 0;
	ssize_t e;

	while (
	    (e = shunt_queue_recv(from[i], buf, sizeof(buf), NULL, &now)) >= 0)
		n++;
	assert_true(e == -EAGAIN || e == SHUNT_E_REMOVED);
	return n;
}

static int
close_all(void **state)
{
	(void)state;
	shunt__os = real;
	for (int i = 0; i < N; i++) {
		receive_all(i);
		shunt_queue_close(&to[i]);
		shunt_queue_close(&from[i]);
	}
	return 0;
}

static void
send_to(int i)
{
	assert_int_equal(shunt_queue_send(to[i], "text", 4, NULL), 0);
}

/* No bell of those that nobody else sleeps on is left armed. */
static void
all_up_again(void)
{
	for (int i = 0; i < N; i++)
		assert_false(!(from[i]->end.flags & SHUNT__END_SHARED) &&
			     (shunt__load32(from[i]->end.bell) &
				 SHUNT__BELL_ASLEEP) != 0);
}

static void
it_tells_which_are_ready(void **state)
{
	(void)state;
	assert_int_equal(shunt_wait(items, N, SHUNT_NOWAIT), -EAGAIN);
	send_to(1);
	send_to(3);
	assert_int_equal(shunt_wait(items, N, SHUNT_NOWAIT), 2);
	for (int i = 0; i < N; i++)
		assert_int_equal(items[i].ready, i == 1 || i == 3);
	/* Until it is received. */
	assert_int_equal(shunt_wait(items, N, SHUNT_FOREVER), 2);
	assert_int_equal(receive_all(3), 1);
	assert_int_equal(shunt_wait(items, N, SHUNT_FOREVER), 1);
	assert_int_equal(items[1].ready, 1);
	assert_int_equal(items[3].ready, 0);
	assert_int_equal(receive_all(1), 1);
	assert_int_equal(shunt_wait(items, N, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(items[1].ready, 0);
}

static void
what_is_refused(void **state)
{
	struct shunt_wait_item none[2] = {{.ready = 7}, {.ready = 7}};
	struct shunt_wait_item few[2] = {{.end = NULL}, items[0]};

	(void)state;
	assert_int_equal(shunt_wait(NULL, 1, 0), -EINVAL);
	assert_int_equal(shunt_wait(items, 0, 0), -EINVAL);
	assert_int_equal(shunt_wait(items, -1, 0), -EINVAL);
	assert_int_equal(shunt_wait(items, SHUNT_WAIT_MOST + 1, 0), -EINVAL);
	assert_detail("128");
	assert_int_equal(shunt_wait(none, 2, 0), -EINVAL);
	/* One that has no end is passed over. */
	few[0].ready = 7;
	send_to(0);
	assert_int_equal(shunt_wait(few, 2, 0), 1);
	assert_int_equal(few[0].ready, 0);
	assert_int_equal(few[1].ready, 1);
}

static void
as_many_as_there_may_be(void **state)
{
	struct shunt_wait_item many[SHUNT_WAIT_MOST];

	(void)state;
	for (int i = 0; i < SHUNT_WAIT_MOST; i++)
		many[i].end = items[i % N].end;
	assert_int_equal(
	    shunt_wait(many, SHUNT_WAIT_MOST, 2 * (int64_t)MS), -ETIMEDOUT);
	all_up_again();
	send_to(2);
	assert_int_equal(shunt_wait(many, SHUNT_WAIT_MOST, 0),
	    (SHUNT_WAIT_MOST + N - 1 - 2) / N);
}

static void
the_limit_is_kept_to(void **state)
{
	(void)state;
	for (int n = 1; n <= N; n += N - 1) {
		uint64_t begin = test_now();
		assert_int_equal(
		    shunt_wait(items, n, 30 * (int64_t)MS), -ETIMEDOUT);
		assert_in_range(test_now() - begin, 30 * MS, 5000 * MS);
		all_up_again();
	}
}

/* ---- asleep -------------------------------------------------------------- */

static _Atomic int asleep; /* in the kernel for the so-manieth time */
static int64_t slept[16];
static int real_sleep;

static int
see_waitv(const struct shunt__waitv *of, int n, int64_t ns)
{
	if (asleep < 16)
		slept[asleep] = ns;
	asleep++;
	return real_sleep ? real.futex_waitv(of, n, ns) : -ETIMEDOUT;
}

static int
no_waitv(const struct shunt__waitv *of, int n, int64_t ns)
{
	(void)of;
	(void)n;
	(void)ns;
	asleep++;
	return -ENOSYS;
}

static void *
send_when_asleep(void *arg)
{
	uint64_t end = test_now() + 20000 * MS;

	while (asleep == 0 && test_now() < end)
		sched_yield();
	shunt_queue_send(to[*(int *)arg], "text", 4, NULL);
	return NULL;
}

static void
woken_by(int which)
{
	pthread_t thread;
	uint64_t begin = test_now();

	asleep = 0;
	real_sleep = 1;
	assert_int_equal(
	    pthread_create(&thread, NULL, send_when_asleep, &which), 0);
	assert_int_equal(shunt_wait(items, N, SHUNT_FOREVER), 1);
	assert_in_range(test_now() - begin, 0, 15000 * MS);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(items[which].ready, 1);
	assert_int_equal(receive_all(which), 1);
	all_up_again();
}

static void
any_of_them_wakes_it(void **state)
{
	(void)state;
	shunt__os.futex_waitv = see_waitv;
	for (int i = 0; i < N; i++)
		woken_by(i);
}

static void
an_old_kernel_will_do(void **state)
{
	(void)state;
	shunt__os.futex_waitv = no_waitv;
	for (int i = 0; i < N; i++)
		woken_by(i);
}

static void
sleeps_are_bounded(void **state)
{
	(void)state;
	shunt__os.futex_waitv = see_waitv;
	real_sleep = 0;
	asleep = 0;
	assert_int_equal(shunt_wait(items, N, 20 * (int64_t)MS), -ETIMEDOUT);
	assert_in_range(slept[0], 1, 20 * MS);
	asleep = 0;
	shunt__os.futex_waitv = see_waitv;
	assert_int_equal(unlink(test_path(name[4])), 0);
	assert_int_equal(shunt_wait(items, N, SHUNT_FOREVER), 1);
	assert_int_equal(items[4].ready, SHUNT_E_REMOVED);
	assert_int_equal(items[0].ready, 0);
	all_up_again();
}

/* A sender dies between commit and wake: the sleep has a bound. */
static int
die(const void *word, int n)
{
	(void)word;
	(void)n;
	raise(SIGKILL);
	return 0;
}

static int
send_and_die(void *arg)
{
	struct shunt_queue *queue;

	(void)arg;
	NEED(shunt_queue_open(&queue, name[2], NULL) == 0);
	shunt__os.futex_wake = die;
	/* Until somebody sleeps there. */
	for (;;) {
		NEED(shunt_queue_send(queue, "dead", 4, NULL) == 0);
		usleep(100);
	}
}

static void
the_dead_wake_it_late(void **state)
{
	uint64_t begin = test_now();
	int got = 0;

	(void)state;
	shunt__os.futex_waitv = see_waitv;
	real_sleep = 1;
	asleep = 0;
	pid_t pid = peer_start(send_and_die, NULL);
	int status = 0;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		int e = shunt_wait(items, N, 5000 * (int64_t)MS);
		assert_in_range(test_now() - begin, 0, 15000 * MS);
		if (e == -ETIMEDOUT) {
			/* The last one was had before its sender died. */
			assert_int_equal(receive_all(2), 0);
			continue;
		}
		assert_int_equal(e, 1);
		assert_int_equal(items[2].ready, 1);
		got += receive_all(2);
	}
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	got += receive_all(2);
	assert_true(got >= 1);
}

static void
any_call_may_fail(void **state)
{
	static const int errors[] = {EIO, EINTR, ENOSYS, EPERM, EAGAIN};
	unsigned k = 1, e = 0;

	(void)state;
	while (e < sizeof(errors) / sizeof(errors[0])) {
		faults_on(k, errors[e], 0);
		int n = shunt_wait(items, N, (int64_t)MS);
		int more = faults_off();
		/* A name that cannot be looked at is news, too. */
		if (n != -ETIMEDOUT && n != 1)
			fail_msg("%s failed with %d: %d", faults_call(),
			    errors[e], n);
		all_up_again();
		send_to(1);
		assert_int_equal(shunt_wait(items, N, SHUNT_FOREVER), 1);
		assert_int_equal(receive_all(1), 1);
		k = more ? k + 1 : 1;
		e += more ? 0 : 1;
	}
}

#define OPENED(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    OPENED(it_tells_which_are_ready),
	    OPENED(what_is_refused),
	    OPENED(as_many_as_there_may_be),
	    OPENED(the_limit_is_kept_to),
	    OPENED(any_of_them_wakes_it),
	    OPENED(an_old_kernel_will_do),
	    OPENED(sleeps_are_bounded),
	    OPENED(the_dead_wake_it_late),
	    OPENED(any_call_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
