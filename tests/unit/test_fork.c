/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* What a child of a process with open queues can and cannot do. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <shunt.h>

#include "lib/peers.h"
#include "os/os.h"
#include "segment/object.h"

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 16};
static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_now = {
    .sz = sizeof(recv_now), .wait_ns = SHUNT_NOWAIT};

static struct shunt_queue *queue;
static const char *name;

static int
open_one(void **state)
{
	(void)state;
	name = test_name("fork");
	return shunt_queue_open(&queue, name, &small) == 1 ? 0 : -1;
}

static int
close_it(void **state)
{
	(void)state;
	shunt_queue_close(&queue);
	if (!test_there(name))
		return 0;
	shunt_remove(name, NULL);
	return -1; /* it was to go with the last close */
}

static int
is_mapped(const char *what)
{
	char line[600];
	int found = 0;
	FILE *f = fopen("/proc/self/maps", "re");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		found |= strstr(line, what) != NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

/* Every call of the parent's handle, then one of its own. */
static int
child_of(void *arg)
{
	struct shunt_queue *mine;
	const void *msg;
	void *at;
	char buf[8];

	(void)arg;
	NEED(!is_mapped(name));
	NEED(shunt_queue_send(queue, "x", 1, NULL) == SHUNT_E_FORKED);
	NEED(shunt_queue_reserve(queue, 1, &at, NULL) == SHUNT_E_FORKED);
	NEED(shunt_queue_commit(queue, 1) == SHUNT_E_FORKED);
	shunt_queue_abort(queue);
	NEED(
	    shunt_queue_recv(queue, buf, 8, NULL, &recv_now) == SHUNT_E_FORKED);
	NEED(shunt_queue_peek(queue, &msg, NULL, &recv_now) == SHUNT_E_FORKED);
	NEED(shunt_queue_release(queue) == SHUNT_E_FORKED);
	NEED(shunt_queue_max(queue) == 2040);
	NEED(shunt_queue_open(&mine, name, &small) == 0);
	NEED(is_mapped(name));
	NEED(shunt_queue_send(mine, "child", 5, NULL) == 0);
	NEED(shunt_queue_send(queue, "x", 1, NULL) == SHUNT_E_FORKED);
	NEED(shunt_queue_recv(mine, buf, 8, NULL, &recv_now) == 5);
	NEED(shunt_queue_send(mine, "child", 5, NULL) == 0);
	shunt_queue_close(&queue);
	NEED(queue == NULL);
	NEED(shunt_queue_send(mine, "child", 5, NULL) == 0);
	shunt_queue_close(&mine);
	return 0;
}

/* The parent's end has not suffered. */
static void
parent_goes_on(int children)
{
	char buf[8];

	for (int i = 0; i < 2 * children; i++)
		assert_int_equal(
		    shunt_queue_recv(queue, buf, 8, NULL, &recv_now), 5);
	assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
	assert_int_equal(shunt_queue_recv(queue, buf, 8, NULL, &recv_now), 1);
	assert_int_equal(
	    shunt_queue_recv(queue, buf, 8, NULL, &recv_now), -EAGAIN);
}

static void
a_child_must_open_the_queue_itself(void **state)
{
	char buf[8];

	(void)state;
	assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
	assert_int_equal(shunt_queue_recv(queue, buf, 8, NULL, NULL), 1);
	assert_int_equal(peer_end(peer_start(child_of, NULL)), 0);
	assert_int_equal(peer_end(peer_start(child_of, NULL)), 0);
	parent_goes_on(2);
}

/* No atfork handler runs. */
static void
so_must_a_child_of_a_bare_clone(void **state)
{
	char buf[8];

	(void)state;
	assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
	assert_int_equal(shunt_queue_recv(queue, buf, 8, NULL, NULL), 1);
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		alarm(20);
		_exit(child_of(NULL));
	}
	assert_int_equal(peer_end(pid), 0);
	parent_goes_on(1);
}

static int
grandchild_of(void *arg)
{
	struct shunt_queue *mine;

	NEED(shunt_queue_open(&mine, name, &small) == 0);
	NEED(shunt_queue_send(mine, "child", 5, NULL) == 0);
	struct shunt_queue *parents = queue;
	queue = mine;
	NEED(peer_end(peer_start(child_of, arg)) == 0);
	NEED(shunt_queue_send(mine, "child", 5, NULL) == 0);
	NEED(shunt_queue_send(parents, "x", 1, NULL) == SHUNT_E_FORKED);
	shunt_queue_close(&parents);
	shunt_queue_close(&mine);
	return 0;
}

static void
a_child_s_child_as_well(void **state)
{
	char buf[8];

	(void)state;
	assert_int_equal(
	    shunt_queue_recv(queue, buf, 8, NULL, &recv_now), -EAGAIN);
	assert_int_equal(peer_end(peer_start(grandchild_of, NULL)), 0);
	parent_goes_on(2);
}

/* ---- a parent that dies before its child ------------------------------------
 */

struct family {
	struct step step;
	pid_t child;
};

static int
stay(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

static int
parent_with_a_child(void *arg)
{
	struct family *f = arg;
	struct shunt_queue *mine;
	const void *msg;

	NEED(shunt_queue_open(&mine, name, &small) == 0);
	NEED(shunt_queue_send(mine, "x", 1, NULL) == 0);
	NEED(shunt_queue_peek(mine, &msg, NULL, NULL) == 1);
	pid_t child = fork();
	if (child == 0) {
		alarm(30);
		step_to(&f->step, 1); /* fork(2)'s handlers are through */
		stay(NULL);
	}
	NEED(child > 0);
	f->child = child;
	step_wait(&f->step, 1);
	step_to(&f->step, 2);
	return stay(NULL);
}

static void
its_death_is_seen_although_a_forked_child_lives(void **state)
{
	struct family *f = test_shared(sizeof(*f));
	char buf[8];

	(void)state;
	pid_t pid = peer_start(parent_with_a_child, f);
	step_wait(&f->step, 2);
	ssize_t before = shunt_queue_recv(queue, buf, 8, NULL, &recv_now);
	peer_kill(pid);
	ssize_t after = shunt_queue_recv(queue, buf, 8, NULL, NULL);
	assert_true(f->child > 0);
	assert_int_equal(kill(f->child, SIGKILL), 0); /* it lived until now */
	assert_int_equal(before, -EAGAIN); /* it had the message in hand */
	assert_int_equal(after, 1);
	/* Its lane is free for us: no second one is used. */
	assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
	struct shunt_message info = {.sz = sizeof(info)};
	assert_int_equal(shunt_queue_recv(queue, buf, 8, &info, &recv_now), 1);
	assert_int_equal(info.lane, 0);
}

/* ---- fork while other threads are in the library
 * ------------------------------ */

static _Atomic int stop;

static void *
send_and_end(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)shunt_queue_send(queue, "t", 1, &send_now);
}

static void *
come_and_go(void *arg)
{
	pthread_t t;

	(void)arg;
	while (!stop) {
		if (pthread_create(&t, NULL, send_and_end, NULL) == 0)
			pthread_join(t, NULL);
	}
	return NULL;
}

static int
open_send_close(void *arg)
{
	struct shunt_queue *mine;

	(void)arg;
	NEED(shunt_queue_open(&mine, name, &small) == 0);
	int e = shunt_queue_send(mine, "child", 5, &send_now);
	NEED(e == 0 || e == -EAGAIN);
	shunt_queue_close(&mine);
	shunt_queue_close(&queue);
	return 0;
}

static void
forking_while_threads_take_and_leave_lanes(void **state)
{
	pthread_t t[3];
	char buf[8];

	(void)state;
	stop = 0;
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, come_and_go, NULL);
	for (int i = 0; i < 60; i++) {
		assert_int_equal(
		    peer_end(peer_start(open_send_close, NULL)), 0);
		while (shunt_queue_recv(queue, buf, 8, NULL, &recv_now) >= 0)
			;
	}
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	while (shunt_queue_recv(queue, buf, 8, NULL, &recv_now) >= 0)
		;
}

/* ---- fork while another thread attaches or removes
 * --------------------------- */

static struct {
	int (*open)(const char *path, int flags, mode_t mode);
	int (*lock)(int fd, int cmd, struct flock *fl);
	_Atomic int fd, forked, kept, asked, answered;
} moment;

/* Has the child what the other thread was opening?  It must not: what locks
 * that descriptor carries would be held as long as the child lives. */
static void *
fork_now(void *arg)
{
	int fd = moment.fd, status = 0;
	pid_t pid = fork();

	(void)arg;
	if (pid == 0)
		_exit(fcntl(fd, F_GETFD) >= 0);
	moment.forked = 1;
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		moment.kept++;
	moment.answered++;
	return NULL;
}

/* Another thread forks now; it may have to wait until we are through. */
static void
at_this_moment(int fd)
{
	uint64_t start = test_now();
	pthread_attr_t detached;
	pthread_t t;

	moment.fd = fd;
	moment.forked = 0;
	moment.asked++;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&t, &detached, fork_now, NULL) != 0)
		abort();
	pthread_attr_destroy(&detached);
	while (!moment.forked && test_now() - start < 30 * MS)
		sched_yield();
}

static int
open_and_fork(const char *path, int flags, mode_t mode)
{
	int fd = moment.open(path, flags, mode);

	/* The other ones are of /proc, and carry no locks. */
	if (fd >= 0 && strncmp(path, "/dev/shm", 8) == 0)
		at_this_moment(fd);
	return fd;
}

static int
lock_and_fork(int fd, int cmd, struct flock *fl)
{
	int e = moment.lock(fd, cmd, fl);

	if (cmd == F_OFD_SETLK && fl->l_type != F_UNLCK)
		at_this_moment(fd);
	return e;
}

static void
forks_at_each_moment_of(void (*what)(void), int least)
{
	uint64_t start = test_now();

	moment.kept = moment.asked = moment.answered = 0;
	moment.open = shunt__os.open;
	moment.lock = shunt__os.lock;
	shunt__os.open = open_and_fork;
	shunt__os.lock = lock_and_fork;
	what();
	shunt__os.open = moment.open;
	shunt__os.lock = moment.lock;
	assert_true(moment.asked >= least);
	while (moment.answered < moment.asked) {
		assert_true(test_now() - start < 20000 * MS);
		sched_yield();
	}
	assert_int_equal(moment.kept, 0);
}

static struct shunt_lock *lock;
static const char *lock_name;

static void
make_it(void)
{
	assert_int_equal(shunt_lock_open(&lock, lock_name, NULL), 1);
}

static void
attach_to_it(void)
{
	struct shunt_lock *l;

	assert_int_equal(shunt_lock_open(&l, lock_name, NULL), 0);
	shunt_lock_close(&l);
}

static void
remove_it(void)
{
	assert_int_equal(shunt_remove(lock_name, NULL), -EBUSY);
}

static void
no_child_keeps_what_another_thread_was_opening(void **state)
{
	(void)state;
	lock_name = test_name("fork");
	forks_at_each_moment_of(make_it, 2);
	forks_at_each_moment_of(attach_to_it, 3);
	forks_at_each_moment_of(remove_it, 2);
	shunt_lock_close(&lock);
	assert_false(test_there(lock_name));
}

static void
what_is_executed_inherits_nothing(void **state)
{
	char command[300];

	(void)state;
	assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
	snprintf(command, sizeof(command),
	    "! ls -l /proc/self/fd | grep -q '%s'", name);
	assert_int_equal(system(command), 0);
	char buf[8];
	assert_int_equal(shunt_queue_recv(queue, buf, 8, NULL, NULL), 1);
}

static int
use_a_raw_one(void *seg)
{
	strcpy((char *)shunt_segment_data(seg) + 10, "child");
	struct shunt_segment *mine = seg;
	shunt_segment_close(&mine);
	return 0;
}

static void
raw_segments_are_inherited(void **state)
{
	const char *raw = test_name("raw");
	struct shunt_segment *seg;

	(void)state;
	assert_int_equal(shunt_segment_create(&seg, raw, 100, NULL), 0);
	assert_int_equal(peer_end(peer_start(use_a_raw_one, seg)), 0);
	assert_string_equal((char *)shunt_segment_data(seg) + 10, "child");
	shunt_segment_close(&seg);
	assert_int_equal(shunt_remove(raw, NULL), 0);
}

#define OPENED(f) cmocka_unit_test_setup_teardown(f, open_one, close_it)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    OPENED(a_child_must_open_the_queue_itself),
	    OPENED(so_must_a_child_of_a_bare_clone),
	    OPENED(a_child_s_child_as_well),
	    OPENED(its_death_is_seen_although_a_forked_child_lives),
	    OPENED(forking_while_threads_take_and_leave_lanes),
	    OPENED(no_child_keeps_what_another_thread_was_opening),
	    OPENED(what_is_executed_inherits_nothing),
	    OPENED(raw_segments_are_inherited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
