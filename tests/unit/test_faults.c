/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * The k-th system call fails, for every k until none does: each call answers
 * with that error or does without, leaks nothing, and leaves under its name
 * either nothing or something whole.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>

#include <shunt.h>

#include "base/error.h"
#include "lib/peers.h"
#include "os/os.h"
#include "unit/faults.h"

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};
static const struct shunt_recv_options recv_now = {
    .sz = sizeof(recv_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_soon = {
    .sz = sizeof(recv_soon), .wait_ns = 2 * (int64_t)MS};

static const int errors[] = {
    EIO, ENOMEM, EMFILE, EINTR, ENOSPC, EACCES, EPERM, ENOSYS, EAGAIN};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

/* ---- what is tried: each answers 0 or a code -------------------------------
 */

static int
make_queue(const char *name)
{
	struct shunt_queue *queue;
	int e = shunt_queue_open(&queue, name, &small);

	assert_true(e < 0 ? queue == NULL : e == 1);
	shunt_queue_close(&queue);
	return e < 0 ? e : 0;
}

static int
attach_queue(const char *name)
{
	struct shunt_queue_options o = small;
	struct shunt_queue *queue;

	o.flags = SHUNT_QUEUE_EXISTING;
	int e = shunt_queue_open(&queue, name, &o);
	assert_true(e < 0 ? queue == NULL : e == 0);
	shunt_queue_close(&queue);
	return e;
}

/* Sends and receives; what was sent is received, whatever failed. */
static int
use_queue(const char *name)
{
	struct shunt_queue *queue;
	int e = shunt_queue_open(&queue, name, &small), sent;
	char buf[8];

	if (e < 0)
		return e;
	sent = shunt_queue_send(queue, "text", 4, NULL);
	e = (int)shunt_queue_recv(queue, buf, 8, NULL, &recv_now);
	if (sent == 0 && e == -EAGAIN)
		fail_msg("%s failed: sent, not received", faults_call());
	if (e == 4)
		assert_memory_equal(buf, "text", 4);
	e = sent < 0 ? sent : e < 0 ? e : 0;
	shunt_queue_close(&queue);
	return e;
}

/* A wait that nobody ends: it ends at its limit, or with the error. */
static int
wait_at_queue(const char *name)
{
	struct shunt_queue *queue;
	int e = shunt_queue_open(&queue, name, &small);
	char buf[8];

	if (e < 0)
		return e;
	e = (int)shunt_queue_recv(queue, buf, 8, NULL, &recv_soon);
	shunt_queue_close(&queue);
	return e == -ETIMEDOUT ? 0 : e;
}

static int
make_raw(const char *name)
{
	struct shunt_segment *seg;
	int e = shunt_segment_create(&seg, name, 5000, NULL);

	assert_true(e < 0 ? seg == NULL : e == 0);
	shunt_segment_close(&seg);
	return e;
}

static int
use_raw(const char *name)
{
	struct shunt_segment *seg;
	char buf[8];
	int e = shunt_segment_open(&seg, name, NULL);
	ssize_t n;

	assert_true((e == 0) == (seg != NULL));
	shunt_segment_close(&seg);
	if (e < 0)
		return e;
	n = shunt_segment_write(name, 7, "text", 4, NULL);
	if (n < 0)
		return (int)n;
	assert_int_equal(n, 4);
	n = shunt_segment_read(name, 7, buf, 4, NULL);
	if (n < 0)
		return (int)n;
	assert_int_equal(n, 4);
	assert_memory_equal(buf, "text", 4);
	return 0;
}

static int
make_anon(const char *name)
{
	struct shunt_segment *seg;
	int e = shunt_segment_anon(&seg, 5000, NULL);

	(void)name;
	assert_true((e == 0) == (seg != NULL));
	shunt_segment_close(&seg);
	return e;
}

static int
remove_it(const char *name)
{
	return shunt_remove(name, NULL);
}

/* ---- the loop
 * ----------------------------------------------------------------- */

enum { NONE, QUEUE, RAW };

static void
prepare(const char *name, int what)
{
	struct shunt_queue_options o = small;
	struct shunt_queue *queue;
	struct shunt_segment *seg;

	if (test_there(name))
		assert_int_equal(shunt_remove(name, NULL), 0);
	if (what == QUEUE) {
		o.flags = SHUNT_QUEUE_PERSISTENT;
		assert_int_equal(shunt_queue_open(&queue, name, &o), 1);
		shunt_queue_close(&queue);
	} else if (what == RAW) {
		assert_int_equal(
		    shunt_segment_create(&seg, name, 5000, NULL), 0);
		shunt_segment_close(&seg);
	}
}

/* Whatever is there now must be whole. */
static void
is_whole(const char *name, int raw)
{
	struct shunt_queue *queue;
	struct shunt_segment *seg;

	if (!test_there(name))
		return;
	if (raw) {
		assert_int_equal(shunt_segment_open(&seg, name, NULL), 0);
		assert_int_equal(shunt_segment_size(seg), 5000);
		shunt_segment_close(&seg);
		return;
	}
	assert_int_equal(shunt_queue_open(&queue, name, &small), 0);
	assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
	char buf[8];
	ssize_t n;
	while ((n = shunt_queue_recv(
		    queue, buf, sizeof(buf), NULL, &recv_now)) == 4)
		;
	assert_int_equal(n, 1);
	shunt_queue_close(&queue);
}

/* Some errors have a meaning of their own at the place where they come. */
static int
is_right(int e, int err, const char *call)
{
	if (e == 0 || e == -err)
		return 1;
	if (err == EACCES || err == EAGAIN) /* a lock that others have */
		return strcmp(call, "lock") == 0 &&
		       (e == -EBUSY || e == SHUNT_E_SLOTS);
	return 0;
}

/* By a signal, on a local file system. */
static int
can_be_interrupted(const char *call)
{
	return strstr("pread pwrite ftruncate fallocate lock madvise "
		      "futex_wait nanosleep",
		   call) != NULL;
}

static void
try_all(int (*f)(const char *name), int before, int raw, const char *what)
{
	const char *name = test_name("fault");
	unsigned most = 0;

	what = what == NULL ? name : what;

	prepare(name, before);
	assert_int_equal(f(name), 0); /* and what is made once is made now */
	for (size_t i = 0; i < ERRORS; i++) {
		for (unsigned k = 1;; k++) {
			prepare(name, before);
			int fds = test_fds();
			shunt__fail(0, "%s", "");
			faults_on(k, errors[i], 0);
			int e = f(name);
			int hit = faults_off();
			if (test_fds() != fds)
				fail_msg("%s (%u): a descriptor leaks",
				    faults_call(), k);
			if (!is_right(e, errors[i], faults_call()))
				fail_msg("%s (%u) fails with %s: %s (%s)",
				    faults_call(), k,
				    shunt_error_name(-errors[i]),
				    shunt_error_name(e), shunt_error_detail());
			if (e < 0 && strstr(shunt_error_detail(), what) == 0)
				fail_msg("%s (%u): \"%s\" does not name it",
				    faults_call(), k, shunt_error_detail());
			if (errors[i] == EINTR && e != 0 &&
			    can_be_interrupted(faults_call()))
				fail_msg("%s (%u) is interrupted: %s",
				    faults_call(), k, shunt_error_name(e));
			is_whole(name, raw);
			if (!hit)
				break;
			most = k > most ? k : most;
		}
	}
	assert_true(most > 3);
	prepare(name, NONE);
}

static void
making_a_queue(void **state)
{
	(void)state;
	try_all(make_queue, NONE, 0, NULL);
}

static void
attaching_to_a_queue(void **state)
{
	(void)state;
	try_all(attach_queue, QUEUE, 0, NULL);
}

static void
sending_and_receiving(void **state)
{
	(void)state;
	/* Calls on the hot path leave no sentence. */
	try_all(use_queue, QUEUE, 0, "");
	try_all(use_queue, NONE, 0, "");
}

static void
waiting(void **state)
{
	(void)state;
	try_all(wait_at_queue, QUEUE, 0, "");
}

static void
removing_a_queue(void **state)
{
	(void)state;
	try_all(remove_it, QUEUE, 0, NULL);
}

static void
making_a_raw_segment(void **state)
{
	(void)state;
	try_all(make_raw, NONE, 1, NULL);
}

static void
using_a_raw_segment(void **state)
{
	(void)state;
	try_all(use_raw, RAW, 1, NULL);
}

static void
removing_a_raw_segment(void **state)
{
	(void)state;
	try_all(remove_it, RAW, 1, NULL);
}

static void
making_anonymous_memory(void **state)
{
	(void)state;
	try_all(make_anon, NONE, 1, "anonymous memory");
}

/* Everything fails from the k-th call on: nothing hangs and nothing leaks. */
static void
for_ever(int (*f)(const char *name), int before)
{
	const char *name = test_name("ever");

	for (unsigned k = 1;; k++) {
		prepare(name, before);
		int fds = test_fds();
		faults_on(k, EIO, 1);
		int e = f(name);
		int hit = faults_off();
		assert_int_equal(test_fds(), fds);
		if (!hit)
			break;
		if (e != 0 && e != -EIO)
			fail_msg("%s (%u): %s", faults_call(), k,
			    shunt_error_name(e));
		is_whole(name, before == RAW || f == make_raw);
	}
	prepare(name, NONE);
}

static void
everything_fails_from_then_on(void **state)
{
	(void)state;
	for_ever(make_queue, NONE);
	for_ever(attach_queue, QUEUE);
	for_ever(use_queue, QUEUE);
	for_ever(use_queue, NONE);
	for_ever(wait_at_queue, QUEUE);
	for_ever(remove_it, QUEUE);
	for_ever(make_raw, NONE);
	for_ever(use_raw, RAW);
	for_ever(remove_it, RAW);
	for_ever(make_anon, NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(making_a_queue),
	    TEST(attaching_to_a_queue),
	    TEST(sending_and_receiving),
	    TEST(waiting),
	    TEST(removing_a_queue),
	    TEST(making_a_raw_segment),
	    TEST(using_a_raw_segment),
	    TEST(removing_a_raw_segment),
	    TEST(making_anonymous_memory),
	    TEST(everything_fails_from_then_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
