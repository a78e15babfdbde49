/* SPDX-License-Identifier: MIT */
/*
 * Forks at moments that nobody chooses: while the process has no page for its
 * mark, in the middle of one's own open, and while others come to open.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>

#include <shunt.h>

#include "lib/peers.h"
#include "segment/object.h"
#include "unit/answers.h"

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};

/* A queue that works. */
static int
use(const char *name, int answer)
{
	struct shunt_queue *queue;
	int e = shunt_queue_open(&queue, name, &small);

	if (e == answer &&
	    (shunt_queue_send(queue, "x", 1, NULL) != 0 ||
		shunt_queue_recv(queue, (char[8]){0}, 8, NULL, NULL) != 1))
		e = -EIO;
	shunt_queue_close(&queue);
	return e == answer;
}

static int
end_of(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static int
opens(const char *name)
{
	struct shunt_queue *queue;
	int e = shunt_queue_open(&queue, name, &small);

	shunt_queue_close(&queue);
	return e == 0;
}

/* ---- no memory for the mark -------------------------------------------------
 */

static int
no_page(void **out, size_t size, int prot, int flags, int fd)
{
	if (flags & MAP_ANONYMOUS)
		return -ENOMEM;
	return real_os.mmap(out, size, prot, flags, fd);
}

static int
without_a_page(void *arg)
{
	struct shunt_queue *queue;
	const char *name = arg;

	answers_begin(NULL);
	shunt__os.mmap = no_page;
	NEED(shunt_queue_open(&queue, name, &small) == -ENOMEM);
	NEED(queue == NULL);
	/* A child of now has none either, until it can. */
	pid_t pid = fork();
	if (pid == 0) {
		NEED(shunt_queue_open(&queue, name, &small) == -ENOMEM);
		shunt__os = real_os;
		_exit(!use(name, 1));
	}
	NEED(end_of(pid) == 0);
	shunt__os = real_os;
	NEED(use(name, 1));
	return 0;
}

static void
without_memory_for_the_mark_nothing_is_opened(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "%s", test_name("page"));
	assert_int_equal(peer_end(peer_start(without_a_page, name)), 0);
}

/* ---- in the middle of one's own open ----------------------------------------
 *
 * As a signal handler may fork: the child goes on with the call.
 */

static pid_t forked = -1;
static int forks;

static int
fork_and_open(const char *path, int flags, mode_t mode)
{
	if (strncmp(path, "/dev/shm/", 9) == 0 && forks > 0 && --forks == 0)
		forked = fork();
	return real_os.open(path, flags, mode);
}

static void
a_fork_in_the_middle_of_an_open(void **state)
{
	const char *name = test_name("middle");
	struct shunt_queue *first, *queue = NULL;
	int e;

	(void)state;
	assert_int_equal(shunt_queue_open(&first, name, &small), 1);
	shunt__os.open = fork_and_open;
	forks = 1;
	e = shunt_queue_open(&queue, name, &small);
	shunt__os = real_os;
	if (forked == 0) {
		alarm(20);
		/* It is a handle of the parent's, or none. */
		int bad = e == 0 && shunt_queue_send(queue, "c", 1, NULL) !=
					SHUNT_E_FORKED;
		shunt_queue_close(&queue);
		bad = bad ||
		      shunt_queue_send(first, "c", 1, NULL) != SHUNT_E_FORKED;
		shunt_queue_close(&first);
		_exit(bad || !use(name, 0));
	}
	int child = end_of(forked);
	assert_int_equal(e, 0);
	assert_int_equal(child, 0);
	/* The parent's are as they were. */
	assert_int_equal(shunt_remove(name, NULL), -EBUSY);
	shunt_queue_close(&first);
	assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
	assert_int_equal(
	    shunt_queue_recv(queue, (char[8]){0}, 8, NULL, NULL), 1);
	shunt_queue_close(&queue);
	assert_false(test_there(name));
}

/* ---- others come to open while one waits to fork ----------------------------
 */

static struct {
	char name[64];
	struct step opening, waits, comes;
	_Atomic int opened_since;
} meet;

enum role { NOBODY, OPENS, FORKS, COMES };
static _Thread_local enum role role;

static int
open_meeting(const char *path, int flags, mode_t mode)
{
	if (role == OPENS && meet.opening.n == 0) {
		step_to(&meet.opening, 1);
		step_wait(&meet.waits, 1);
		/* What is begun goes on, though one waits to fork. */
		shunt__fork_hold();
		shunt__fork_let_go();
		step_wait(&meet.comes, 1);
	} else if (role == COMES) {
		meet.opened_since++;
	}
	return real_os.open(path, flags, mode);
}

static int
sleep_meeting(int64_t ns)
{
	if (role == FORKS)
		step_to(&meet.waits, 1);
	if (role == COMES)
		step_to(&meet.comes, 1);
	return real_os.nanosleep(ns);
}

static void *
open_first(void *ok)
{
	role = OPENS;
	*(int *)ok = opens(meet.name);
	return NULL;
}

static void *
fork_meanwhile(void *ok)
{
	role = FORKS;
	step_wait(&meet.opening, 1);
	pid_t pid = fork();
	if (pid == 0)
		_exit(meet.opened_since != 0);
	*(int *)ok = end_of(pid) == 0;
	return NULL;
}

static void *
come_and_open(void *ok)
{
	role = COMES;
	step_wait(&meet.waits, 1);
	*(int *)ok = opens(meet.name);
	return NULL;
}

static void
who_forks_goes_before_who_comes_to_open(void **state)
{
	static void *(*const f[])(void *) = {
	    open_first, fork_meanwhile, come_and_open};
	struct shunt_queue *queue;
	pthread_t t[3];
	int ok[3] = {0};

	(void)state;
	snprintf(meet.name, sizeof(meet.name), "%s", test_name("meet"));
	assert_int_equal(shunt_queue_open(&queue, meet.name, &small), 1);
	shunt__os.open = open_meeting;
	shunt__os.nanosleep = sleep_meeting;
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, f[i], &ok[i]);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	shunt__os = real_os;
	for (int i = 0; i < 3; i++)
		assert_true(ok[i]);
	assert_true(meet.opened_since > 0);
	shunt_queue_close(&queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ANSWERED(without_memory_for_the_mark_nothing_is_opened),
	    ANSWERED(a_fork_in_the_middle_of_an_open),
	    ANSWERED(who_forks_goes_before_who_comes_to_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
