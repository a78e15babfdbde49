/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * The k-th system call fails, for every k until none does, at both ends of a
 * stream: each call answers with that error or does without, leaks nothing,
 * and leaves a stream that works or none.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>

#include <shunt.h>

#include "lib/peers.h"
#include "unit/faults.h"

static const int errors[] = {EIO, ENOMEM, EINTR, EACCES, EAGAIN};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

static const struct shunt_stream_options small = {
    .sz = sizeof(small), .lane_bytes = 4096};
static const struct shunt_send_options send_soon = {
    .sz = sizeof(send_soon), .wait_ns = 50000};
static const struct shunt_recv_options recv_soon = {
    .sz = sizeof(recv_soon), .wait_ns = 50000};

static const char *name;

/* Bytes and an end, with waits on both sides that end in time. */
static int
use_both(struct shunt_stream_writer *w, struct shunt_stream_reader *r)
{
	char buf[8192];
	ssize_t n, all;

	memset(buf, 7, sizeof(buf));
	/* What a reader finds that was here before is not of interest. */
	do
		n = shunt_stream_reader_read(r, buf, sizeof(buf), &recv_soon);
	while (n >= 0 || n == SHUNT_E_BROKEN);
	if (n != -ETIMEDOUT)
		return (int)n;
	n = shunt_stream_writer_write(w, buf, 8192, &send_soon);
	if (n < 0)
		return (int)n;
	all = n;
	int e = shunt_stream_writer_finish(w, &send_soon);
	if (e != 0)
		return e;
	while (
	    (n = shunt_stream_reader_read(r, buf, sizeof(buf), &recv_soon)) > 0)
		all -= n;
	if (n == 0)
		assert_int_equal(all, 0);
	return (int)n;
}

static int
use(void)
{
	struct shunt_stream_writer *w;
	struct shunt_stream_reader *r;
	int e = shunt_stream_writer_open(&w, name, &small);

	assert_true((e < 0) == (w == NULL));
	if (e < 0)
		return e;
	e = shunt_stream_reader_open(&r, name, &small);
	assert_true((e < 0) == (r == NULL));
	if (e >= 0)
		e = use_both(w, r);
	shunt_stream_writer_close(&w);
	shunt_stream_reader_close(&r);
	return e;
}

/* A break that nobody is there to tell. */
static int
read_a_break(void)
{
	struct shunt_stream_writer *w;
	struct shunt_stream_reader *r;
	char c;
	int e = shunt_stream_writer_open(&w, name, &small);

	if (e < 0)
		return e;
	ssize_t n = shunt_stream_writer_write(w, "x", 1, &send_soon);
	shunt_stream_writer_close(&w);
	if (n < 0)
		return (int)n;
	e = shunt_stream_reader_open(&r, name, &small);
	if (e < 0)
		return e;
	while ((n = shunt_stream_reader_read(r, &c, 1, &recv_soon)) >= 0)
		;
	shunt_stream_reader_close(&r);
	/* One more break, of a round that failed, may stand before it. */
	return n == SHUNT_E_BROKEN ? 0 : (int)n;
}

/* Some errors have a meaning of their own at the place where they come. */
static int
is_right(int e, int err, const char *call)
{
	if (e == 0 || e == -err)
		return 1;
	if ((err == EACCES || err == EAGAIN) && strcmp(call, "lock") == 0)
		return e == -EBUSY || e == -ETIMEDOUT;
	/* A probe that fails is taken for a file that was cut. */
	return err == ENOMEM && e == SHUNT_E_TRUNCATED;
}

static void
start_anew(int there)
{
	struct shunt_stream_options o = small;
	struct shunt_stream_writer *w;

	if (test_there(name))
		assert_int_equal(shunt_remove(name, NULL), 0);
	if (!there)
		return;
	o.flags = SHUNT_STREAM_PERSISTENT;
	assert_int_equal(shunt_stream_writer_open(&w, name, &o), 1);
	shunt_stream_writer_close(&w);
}

static void
try_all(int (*f)(void), int there)
{
	unsigned most = 0;

	name = test_name("streamfault");
	start_anew(there);
	assert_int_equal(f(), 0); /* and what is made once is made now */
	for (size_t i = 0; i < ERRORS; i++) {
		for (unsigned k = 1;; k++) {
			start_anew(there);
			int fds = test_fds();
			faults_on(k, errors[i], 0);
			int e = f();
			int hit = faults_off();
			if (test_fds() != fds)
				fail_msg("%s (%u): a descriptor leaks",
				    faults_call(), k);
			if (!is_right(e, errors[i], faults_call()))
				fail_msg("%s (%u) fails with %s: %s (%s)",
				    faults_call(), k,
				    shunt_error_name(-errors[i]),
				    shunt_error_name(e), shunt_error_detail());
			e = f();
			if (e != 0)
				fail_msg("after %s (%u) with %s: %s (%s)",
				    faults_call(), k,
				    shunt_error_name(-errors[i]),
				    shunt_error_name(e), shunt_error_detail());
			if (!hit)
				break;
			most = k > most ? k : most;
		}
	}
	assert_true(most > 10);
	start_anew(0);
}

static void
making_and_using(void **state)
{
	(void)state;
	try_all(use, 0);
}

static void
using_what_is_there(void **state)
{
	(void)state;
	try_all(use, 1);
}

static void
finding_a_break(void **state)
{
	(void)state;
	try_all(read_a_break, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(making_and_using),
	    TEST(using_what_is_there),
	    TEST(finding_a_break),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
