/* SPDX-License-Identifier: MIT */
/* A receiving end's descriptor: when it is readable, when it is not, and what
 * it costs while nobody sleeps. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <shunt.h>

#include "channel/queue.h"
#include "lib/peers.h"
#include "os/os.h"
#include "unit/faults.h"

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};
static const struct shunt_recv_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};

static const char *name;
static struct shunt_queue *to, *from;
static struct shunt__os real;

static int
open_both(void **state)
{
	(void)state;
	name = test_name("end");
	real = shunt__os;
	assert_int_equal(shunt_queue_open(&to, name, &small), 1);
	assert_int_equal(shunt_queue_open(&from, name, &small), 0);
	return 0;
}

static int
close_both(void **state)
{
	char buf[64];

	(void)state;
	shunt__os = real;
	while (shunt_queue_recv(from, buf, sizeof(buf), NULL, &now) >= 0)
		;
	shunt_queue_close(&to);
	shunt_queue_close(&from);
	return 0;
}

static int
readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0);
}

/* Everything that is there; how many. */
static int
receive_all(struct shunt_queue *queue)
{
	char buf[64];
	int n = 0;

	for (;; n++) {
		ssize_t len =
		    shunt_queue_recv(queue, buf, sizeof(buf), NULL, &now);
		if (len == -EAGAIN)
			return n;
		assert_true(len >= 0);
	}
}

static void
send_one(void)
{
	assert_int_equal(shunt_queue_send(to, "text", 4, NULL), 0);
}

/* ---- readable ------------------------------------------------------------ */

static void
round_of(struct shunt_queue *queue)
{
	int fd = shunt_queue_fd(queue);

	assert_true(fd >= 0);
	assert_int_equal(shunt_queue_fd(queue), fd);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(readable(fd), 1); /* look first */
	receive_all(queue);
	assert_int_equal(readable(fd), 0);
	for (int i = 0; i < 5; i++) {
		send_one();
		send_one();
		assert_int_equal(readable(fd), 1);
		assert_int_equal(receive_all(queue), 2);
		assert_int_equal(readable(fd), 0);
		assert_int_equal(receive_all(queue), 0);
		assert_int_equal(readable(fd), 0);
	}
}

static void
it_is_readable_when_something_is_there(void **state)
{
	(void)state;
	round_of(from);
}

static void
what_was_there_before_is_seen(void **state)
{
	(void)state;
	send_one();
	int fd = shunt_queue_fd(from);
	assert_int_equal(readable(fd), 1);
	assert_int_equal(receive_all(from), 1);
	assert_int_equal(readable(fd), 0);
}

static void
with_queue(const char *what)
{
	struct shunt_queue *keep = to, *other;

	assert_true(shunt_queue_open(&to, what, &small) >= 0);
	assert_true(shunt_queue_open(&other, what, &small) >= 0);
	round_of(other);
	shunt_queue_close(&to);
	shunt_queue_close(&other);
	to = keep;
}

static void
of_a_file(void **state)
{
	char what[300];

	(void)state;
	snprintf(what, sizeof(what), "file:%s/end-%d",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp",
	    (int)getpid());
	with_queue(what);
	unlink(what + 5);
}

static void
of_a_file_without_a_name(void **state)
{
	char what[32];
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);

	(void)state;
	/* The same queue by its descriptor, as one who was handed it. */
	snprintf(what, sizeof(what), "fd:%d", fd);
	with_queue(what);
	close(fd);
}

static int
no_proc(int in, const char *path, uint32_t mask)
{
	return strncmp(path, "/proc", 5) == 0
		   ? -ENOENT
		   : real.inotify_watch(in, path, mask);
}

static void
without_proc_the_name_serves(void **state)
{
	(void)state;
	shunt__os.inotify_watch = no_proc;
	round_of(from);
}

static int
not_the_owner(int fd)
{
	(void)fd;
	return -EACCES;
}

/* A sender that gave its rights away may write, and not touch. */
static void
who_may_not_touch_is_heard(void **state)
{
	(void)state;
	shunt__os.touch = not_the_owner;
	round_of(from);
}

static void
removal_makes_it_readable(void **state)
{
	char buf[8];
	int fd = shunt_queue_fd(from);

	(void)state;
	receive_all(from);
	assert_int_equal(readable(fd), 0);
	assert_int_equal(unlink(test_path(name)), 0);
	assert_int_equal(readable(fd), 1);
	assert_int_equal(shunt_queue_recv(from, buf, sizeof(buf), NULL, &now),
	    SHUNT_E_REMOVED);
}

/* Others come and go: an event that brings nothing is gone after one look. */
static void
an_idle_event_is_taken_out(void **state)
{
	struct shunt_queue *other;
	int fd = shunt_queue_fd(from);

	(void)state;
	receive_all(from);
	assert_int_equal(shunt_queue_open(&other, name, NULL), 0);
	shunt_queue_close(&other);
	assert_int_equal(readable(fd), 1);
	assert_int_equal(receive_all(from), 0);
	assert_int_equal(readable(fd), 0);
	send_one();
	assert_int_equal(readable(fd), 1);
}

static void
after_a_blocking_call_it_is_armed_again(void **state)
{
	struct shunt_recv_options soon = {
	    .sz = sizeof(soon), .wait_ns = (int64_t)MS};
	int fd = shunt_queue_fd(from);
	char buf[8];

	(void)state;
	receive_all(from);
	assert_int_equal(
	    shunt_queue_recv(from, buf, sizeof(buf), NULL, &soon), -ETIMEDOUT);
	receive_all(from);
	send_one();
	assert_int_equal(readable(fd), 1);
	struct shunt_wait_item item = {.end = shunt_queue_end(from)};
	receive_all(from);
	assert_int_equal(shunt_wait(&item, 1, (int64_t)MS), -ETIMEDOUT);
	receive_all(from);
	assert_int_equal(readable(fd), 0);
	send_one();
	assert_int_equal(readable(fd), 1);
}

/* ---- costs --------------------------------------------------------------- */

static int touched, woken, armed, looked;

static int
count_touch(int fd)
{
	touched++;
	return real.touch(fd);
}

static int
count_wake(const void *word, int n)
{
	woken++;
	return real.futex_wake(word, n);
}

static int
count_membarrier(int cmd)
{
	armed++;
	return real.membarrier(cmd);
}

static ssize_t
count_read(int fd, void *buf, size_t n)
{
	looked++;
	return real.read(fd, buf, n);
}

static void
count(void)
{
	touched = woken = armed = looked = 0;
	shunt__os.touch = count_touch;
	shunt__os.futex_wake = count_wake;
	shunt__os.membarrier = count_membarrier;
	shunt__os.read = count_read;
}

static void
while_nobody_sleeps_it_costs_no_call(void **state)
{
	char buf[8];

	(void)state;
	assert_true(shunt_queue_fd(from) >= 0);
	send_one(); /* takes the lane, and the receiver's place */
	assert_int_equal(
	    shunt_queue_recv(from, buf, sizeof(buf), NULL, &now), 4);
	/* Every call of the library would fail from here on. */
	faults_on(1, EIO, 1);
	for (int i = 0; i < 1000; i++) {
		send_one();
		assert_int_equal(
		    shunt_queue_recv(from, buf, sizeof(buf), NULL, &now), 4);
	}
	assert_int_equal(faults_off(), 0);
}

static void
an_armed_end_is_touched_once(void **state)
{
	(void)state;
	assert_true(shunt_queue_fd(from) >= 0);
	receive_all(from);
	count();
	for (int i = 0; i < 10; i++)
		send_one();
	assert_int_equal(touched, 1);
	assert_int_equal(woken, 1);
	assert_int_equal(receive_all(from), 10);
	assert_int_equal(armed, 1);
	/* Armed it stays armed: the descriptor alone is looked at. */
	looked = 0;
	for (int i = 0; i < 10; i++)
		assert_int_equal(receive_all(from), 0);
	assert_int_equal(armed, 1);
	assert_int_equal(looked, 10);
}

static void
who_never_asked_pays_nothing(void **state)
{
	(void)state;
	receive_all(from);
	faults_on(1, EIO, 1);
	for (int i = 0; i < 10; i++)
		assert_int_equal(receive_all(from), 0);
	assert_int_equal(faults_off(), 0);
	send_one();
}

static void
close_takes_the_descriptor_with_it(void **state)
{
	int before = test_fds();
	struct shunt_queue *other;

	(void)state;
	assert_int_equal(shunt_queue_open(&other, name, NULL), 0);
	assert_true(shunt_queue_fd(other) >= 0);
	assert_int_equal(receive_all(other), 0);
	shunt_queue_close(&other);
	assert_int_equal(test_fds(), before);
	count();
	send_one(); /* nobody is asleep */
	assert_int_equal(touched, 0);
}

/* ---- the dead and the stopped -------------------------------------------- */

static int
die_touching(int fd)
{
	(void)fd;
	raise(SIGKILL);
	return 0;
}

static int
die_waking(const void *word, int n)
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

	NEED(shunt_queue_open(&queue, name, NULL) == 0);
	if (arg != NULL)
		shunt__os.touch = die_touching;
	else
		shunt__os.futex_wake = die_waking;
	shunt_queue_send(queue, "dead", 4, NULL);
	return 1; /* not reached */
}

/* poll without a time-out: the test's own limit would end it. */
static void
dies(void *where)
{
	int fd = shunt_queue_fd(from);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int got = 0;

	receive_all(from);
	pid_t pid = peer_start(send_and_die, where);
	while (got == 0) {
		assert_int_equal(poll(&p, 1, -1), 1);
		got = receive_all(from);
	}
	assert_int_equal(peer_end(pid), -SIGKILL);
	assert_int_equal(got, 1);
}

static void
a_sender_that_dies_before_the_touch_is_heard(void **state)
{
	(void)state;
	dies(&name);
}

static void
a_sender_that_dies_before_the_wake_is_heard(void **state)
{
	(void)state;
	dies(NULL);
}

/* Another waker comes while one stands still between touch and wake, or the
 * receiver arms again: its bits are not the ones that were seen. */
static int nested;

static int
arm_in_between(int fd)
{
	int e = real.touch(fd);

	if (nested++ == 0)
		receive_all(from);
	return e;
}

static void
bits_of_a_later_arming_are_not_lost(void **state)
{
	int fd = shunt_queue_fd(from);

	(void)state;
	receive_all(from);
	nested = 0;
	shunt__os.touch = arm_in_between;
	send_one();
	assert_int_equal(receive_all(from), 0); /* was taken in between */
	assert_int_equal(readable(fd), 0);
	send_one();
	assert_int_equal(readable(fd), 1);
}

static int
in_child(void *arg)
{
	char buf[8];
	struct shunt_wait_item item = {.end = shunt_queue_end(from)};

	(void)arg;
	NEED(shunt_queue_fd(from) == SHUNT_E_FORKED);
	NEED(shunt_queue_recv(from, buf, 8, NULL, &now) == SHUNT_E_FORKED);
	NEED(shunt_wait(&item, 1, SHUNT_NOWAIT) == SHUNT_E_FORKED);
	shunt_queue_close(&from);
	return 0;
}

static void
a_child_cannot_use_it_and_takes_nothing(void **state)
{
	int fd = shunt_queue_fd(from);

	(void)state;
	receive_all(from);
	assert_int_equal(peer_end(peer_start(in_child, NULL)), 0);
	receive_all(from);
	send_one();
	assert_int_equal(readable(fd), 1);
}

/* ---- deaths that show late ------------------------------------------------
 * An end whose ready() asks for a lock byte, which the kernel gives back after
 * it told of the closing. */

static int looks, found_at;

static int
found_late(void *arg)
{
	(void)arg;
	return ++looks >= found_at ? 0 : -EAGAIN;
}

static void
begin_late(struct shunt_end *end, int at)
{
	shunt__end_init(end, from->obj, &from->obj->control->ct_bell,
	    SHUNT__END_DEATHS, found_late, NULL);
	assert_true(shunt__end_fd(end) >= 0);
	looks = 0;
	found_at = 1000;
	assert_int_equal(readable(end->fd), 1);
	assert_int_equal(shunt__end_empty(end), -EAGAIN);
	assert_int_equal(readable(end->fd), 0);
	looks = 0;
	found_at = at;
}

static void
come_and_go(void)
{
	struct shunt_queue *other;

	assert_int_equal(shunt_queue_open(&other, name, NULL), 0);
	shunt_queue_close(&other);
}

/* Polls without a time-out, as one who trusts it. */
static int
poll_until_found(struct shunt_end *end)
{
	struct pollfd p = {.fd = end->fd, .events = POLLIN};
	int e;

	do {
		assert_int_equal(poll(&p, 1, -1), 1);
		e = shunt__end_empty(end);
	} while (e == -EAGAIN);
	return e;
}

static void
a_death_that_shows_late_is_seen(void **state)
{
	struct shunt_end end;
	int before = test_fds();

	(void)state;
	for (int at = 1; at <= 5; at++) {
		begin_late(&end, at);
		come_and_go();
		uint64_t begin = test_now();
		assert_int_equal(poll_until_found(&end), 0);
		assert_int_equal(looks, at);
		if (at == 5) /* there was time in between: 85 ms */
			assert_in_range(test_now() - begin, 84 * MS, 9000 * MS);
		shunt__end_fini(&end);
		assert_int_equal(test_fds(), before);
	}
}

/* Something else was there at one of the looks: the next one comes all the
 * same. */
static void
a_late_look_that_finds_something_is_not_the_last(void **state)
{
	struct shunt_end end;

	(void)state;
	begin_late(&end, 1000);
	come_and_go();
	assert_int_equal(shunt__end_empty(&end), -EAGAIN);
	for (int i = 0; i < 4; i++) {
		struct pollfd p = {.fd = end.fd, .events = POLLIN};
		assert_int_equal(poll(&p, 1, 5000), 1);
		found_at = looks + 1;
		assert_int_equal(shunt__end_empty(&end), 0);
		found_at = 1000;
		assert_int_equal(shunt__end_empty(&end), -EAGAIN);
		assert_int_equal(readable(end.fd), 0);
	}
	shunt__end_fini(&end);
}

static int
no_timer(void)
{
	return -EMFILE;
}

/* One look more at least. */
static void
without_a_timer_it_looks_at_once(void **state)
{
	struct shunt_end end;

	(void)state;
	begin_late(&end, 2);
	shunt__os.timer = no_timer;
	come_and_go();
	assert_int_equal(poll_until_found(&end), 0);
	assert_int_equal(looks, 2);
	shunt__end_fini(&end);
}

static void
messages_are_seen_by_such_an_end(void **state)
{
	struct shunt_end end;

	(void)state;
	begin_late(&end, 2);
	for (int i = 0; i < 3; i++) {
		send_one();
		assert_int_equal(readable(end.fd), 1);
		assert_int_equal(shunt__end_empty(&end), i == 0 ? -EAGAIN : 0);
		assert_int_equal(readable(end.fd), 0);
	}
	shunt__end_fini(&end);
}

static void
late_looks_come_to_an_end(void **state)
{
	struct shunt_end end;

	(void)state;
	begin_late(&end, 1000);
	come_and_go();
	assert_int_equal(readable(end.fd), 1);
	assert_int_equal(shunt__end_empty(&end), -EAGAIN);
	assert_true(end.timer >= 0);
	/* As time goes by: 1, 5, 21, 85, 341, 1365 ms. */
	int n = 0;
	for (; end.timer >= 0; n++) {
		assert_in_range(n, 0, 20);
		shunt__os.timer_set(end.timer, 1);
		struct pollfd p = {.fd = end.fd, .events = POLLIN};
		assert_int_equal(poll(&p, 1, -1), 1);
		assert_int_equal(shunt__end_empty(&end), -EAGAIN);
	}
	assert_int_equal(n, 6);
	assert_int_equal(readable(end.fd), 0);
	shunt__end_fini(&end);
}

/* ---- refused ------------------------------------------------------------- */

static int answer;

static int
refused(void)
{
	return answer;
}

static int
not_watched(int in, const char *path, uint32_t mask)
{
	(void)in;
	(void)path;
	(void)mask;
	return answer;
}

static void
refusals_say_what_to_do(void **state)
{
	int before = test_fds();

	(void)state;
	shunt__os.inotify = refused;
	answer = -EMFILE;
	assert_int_equal(shunt_queue_fd(from), -EMFILE);
	assert_detail(name);
	assert_detail("fs.inotify.max_user_instances");
	answer = -ENOSYS;
	assert_int_equal(shunt_queue_fd(from), -ENOSYS);
	assert_detail("inotify");
	shunt__os.inotify = real.inotify;
	shunt__os.inotify_watch = not_watched;
	answer = -ENOSPC;
	assert_int_equal(shunt_queue_fd(from), -ENOSPC);
	assert_detail("fs.inotify.max_user_watches");
	answer = -EACCES;
	assert_int_equal(shunt_queue_fd(from), -EACCES);
	assert_detail(name);
	assert_int_equal(test_fds(), before);
	assert_int_equal(shunt_queue_fd(NULL), -EINVAL);
	assert_null(shunt_queue_end(NULL));
}

/* One call fails: an error or none, but what is sent is seen by poll or by
 * the next receive, and no descriptor is lost. */
static void
any_call_may_fail(void **state)
{
	static const int errors[] = {
	    EIO, EINTR, ENOSYS, EMFILE, EACCES, EAGAIN};
	unsigned k = 1, e = 0;

	(void)state;
	while (e < sizeof(errors) / sizeof(errors[0])) {
		struct shunt_queue *queue;
		char buf[8];
		int before = test_fds();

		assert_int_equal(shunt_queue_open(&queue, name, NULL), 0);
		faults_on(k, errors[e], 0);
		int fd = shunt_queue_fd(queue);
		ssize_t n = shunt_queue_recv(queue, buf, 8, NULL, &now);
		int sent = shunt_queue_send(to, "text", 4, NULL);
		int more = faults_off();
		if (sent == 0 && n == -EAGAIN && fd >= 0)
			if (readable(fd) != 1)
				fail_msg("%s failed with %d: not readable",
				    faults_call(), errors[e]);
		if (sent == 0)
			assert_int_equal(receive_all(queue), 1);
		shunt_queue_close(&queue);
		assert_int_equal(test_fds(), before);
		k = more ? k + 1 : 1;
		e += more ? 0 : 1;
	}
}

/* Of an end that learns of deaths: whatever failed, the next look of a caller
 * that polls is not lost, and no descriptor is. */
static void
any_call_may_fail_of_such_an_end(void **state)
{
	static const int errors[] = {EIO, ENOSYS, EMFILE};
	unsigned k = 1, e = 0;

	(void)state;
	while (e < sizeof(errors) / sizeof(errors[0])) {
		struct shunt_end end;
		int before = test_fds();

		shunt__end_init(&end, from->obj, &from->obj->control->ct_bell,
		    SHUNT__END_DEATHS, found_late, NULL);
		looks = 0;
		found_at = 1000;
		faults_on(k, errors[e], 0);
		int fd = shunt__end_fd(&end);
		int n = fd < 0 ? fd : shunt__end_empty(&end);
		shunt__end_fini(&end);
		int more = faults_off();
		if (fd >= 0 && n != -EAGAIN && n != -errors[e] &&
		    n != SHUNT_E_REMOVED)
			fail_msg("%s failed: %d", faults_call(), n);
		assert_int_equal(test_fds(), before);

		/* And after somebody has gone. */
		begin_late(&end, 2);
		come_and_go();
		faults_on(k, errors[e], 0);
		n = shunt__end_empty(&end);
		more |= faults_off();
		if (n == -EAGAIN)
			assert_int_equal(poll_until_found(&end), 0);
		shunt__end_fini(&end);
		assert_int_equal(test_fds(), before);
		k = more ? k + 1 : 1;
		e += more ? 0 : 1;
	}
}

#define OPENED(f) cmocka_unit_test_setup_teardown(f, open_both, close_both)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    OPENED(it_is_readable_when_something_is_there),
	    OPENED(what_was_there_before_is_seen),
	    OPENED(of_a_file),
	    OPENED(of_a_file_without_a_name),
	    OPENED(without_proc_the_name_serves),
	    OPENED(who_may_not_touch_is_heard),
	    OPENED(removal_makes_it_readable),
	    OPENED(an_idle_event_is_taken_out),
	    OPENED(after_a_blocking_call_it_is_armed_again),
	    OPENED(while_nobody_sleeps_it_costs_no_call),
	    OPENED(an_armed_end_is_touched_once),
	    OPENED(who_never_asked_pays_nothing),
	    OPENED(close_takes_the_descriptor_with_it),
	    OPENED(a_sender_that_dies_before_the_touch_is_heard),
	    OPENED(a_sender_that_dies_before_the_wake_is_heard),
	    OPENED(bits_of_a_later_arming_are_not_lost),
	    OPENED(a_child_cannot_use_it_and_takes_nothing),
	    OPENED(a_death_that_shows_late_is_seen),
	    OPENED(a_late_look_that_finds_something_is_not_the_last),
	    OPENED(without_a_timer_it_looks_at_once),
	    OPENED(messages_are_seen_by_such_an_end),
	    OPENED(late_looks_come_to_an_end),
	    OPENED(refusals_say_what_to_do),
	    OPENED(any_call_may_fail),
	    OPENED(any_call_may_fail_of_such_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
