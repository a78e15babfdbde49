/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/*
 * What a stream's calls answer at their limits: lengths that are none, options
 * that are looked at only where a call would wait, a file that is full, and
 * what others do while a call asks whether they live.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <limits.h>

#include <shunt.h>

#include "channel/stream.h"
#include "lib/peers.h"
#include "os/os.h"

#define CAP 4096

static const struct shunt_stream_options plain = {
    .sz = sizeof(plain), .lane_bytes = CAP};
static const struct shunt_stream_options over = {
    .sz = sizeof(over), .lane_bytes = CAP, .flags = SHUNT_STREAM_OVERWRITE};
static const struct shunt_stream_options last = {
    .sz = sizeof(last), .lane_bytes = CAP, .flags = SHUNT_STREAM_LAST};
static const struct shunt_recv_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_send_options send_wrong = {.sz = 3};
static const struct shunt_recv_options recv_wrong = {.sz = 3};

static const char *name;
static struct shunt_stream_writer *w;
static struct shunt_stream_reader *r;
static char buf[2 * CAP];
static struct shunt__os real;

static int
begin(void **state)
{
	(void)state;
	real = shunt__os;
	name = test_name("streamlimit");
	return shunt_stream_writer_open(&w, name, &plain) == 1 &&
		       shunt_stream_reader_open(&r, name, &plain) == 0
		   ? 0
		   : -1;
}

static int
end(void **state)
{
	(void)state;
	shunt__os = real;
	shunt_stream_writer_close(&w);
	shunt_stream_reader_close(&r);
	unlink(test_path(name));
	return 0;
}

static void
fill(void)
{
	while (shunt_stream_writer_write(w, buf, CAP, &send_now) > 0)
		;
}

static void
options_are_looked_at_where_a_call_would_wait(void **state)
{
	struct iovec one = {buf, 100};

	(void)state;
	assert_int_equal(
	    shunt_stream_reader_read(r, buf, 8, &recv_wrong), -EINVAL);
	fill();
	assert_int_equal(
	    shunt_stream_writer_write(w, buf, 8, &send_wrong), -EINVAL);
	assert_int_equal(
	    shunt_stream_writer_writev(w, &one, 1, &send_wrong), -EINVAL);
	assert_int_equal(
	    shunt_stream_writer_writev(w, &one, 1, &send_now), -EAGAIN);
	int e = 0;
	while (e == 0)
		e = shunt_stream_writer_finish(w, &send_now);
	assert_int_equal(e, -EAGAIN);
	assert_int_equal(shunt_stream_writer_finish(w, &send_wrong), -EINVAL);
	/* Nothing of it was done by halves. */
	ssize_t n;
	while ((n = shunt_stream_reader_read(r, buf, CAP, &now)) > 0)
		;
	assert_int_equal(n, 0);
}

static void
lengths_that_nothing_can_have(void **state)
{
	struct iovec two[] = {{buf, SSIZE_MAX}, {buf, 1}};

	(void)state;
	assert_int_equal(
	    shunt_stream_writer_writev(w, two, 2, &send_now), -EINVAL);
	assert_int_equal(
	    shunt_stream_writer_write(w, buf, SIZE_MAX, &send_now), -EINVAL);
	assert_int_equal(shunt_stream_writer_writev(w, two, 0, &send_now), 0);
	assert_int_equal(shunt_stream_writer_write(w, "abc", 3, &send_now), 3);
	/* As much as there is, into room without end. */
	volatile size_t all = SIZE_MAX;
	assert_int_equal(shunt_stream_reader_read(r, buf, all, &now), 3);
}

/* ---- while a call sleeps or asks --------------------------------------------
 */

static int
close_reader_then_sleep(const void *word, uint32_t expect, int64_t ns)
{
	shunt_stream_reader_close(&r);
	return real.futex_wait(word, expect, ns);
}

static void
the_last_reader_closes_while_an_end_waits_for_room(void **state)
{
	(void)state;
	shunt_stream_reader_close(&r);
	assert_int_equal(shunt_stream_reader_open(&r, name, &last), 0);
	int e = 0;
	while (e == 0)
		e = shunt_stream_writer_finish(w, &send_now);
	assert_int_equal(e, -EAGAIN);
	shunt__os.futex_wait = close_reader_then_sleep;
	assert_int_equal(shunt_stream_writer_finish(w, NULL), SHUNT_E_CLOSED);
	assert_null(r);
}

static int
lock_then_write(int fd, int cmd, struct flock *fl)
{
	int asks = cmd == F_OFD_GETLK, e;

	/* He writes, then dies: his byte is free, and his bytes are there. */
	if (asks && w != NULL) {
		shunt__os = real;
		assert_int_equal(
		    shunt_stream_writer_write(w, "late", 4, &send_now), 4);
		shunt_stream_writer_close(&w);
	}
	e = real.lock(fd, cmd, fl);
	return e;
}

static void
what_was_written_just_before_a_death_is_read_before_the_break(void **state)
{
	(void)state;
	assert_int_equal(shunt_stream_writer_write(w, "a", 1, &send_now), 1);
	assert_int_equal(shunt_stream_reader_read(r, buf, 8, &now), 1);
	shunt__os.lock = lock_then_write;
	assert_int_equal(shunt_stream_reader_read(r, buf, 8, NULL), 4);
	assert_memory_equal(buf, "late", 4);
	assert_int_equal(
	    shunt_stream_reader_read(r, buf, 8, NULL), SHUNT_E_BROKEN);
}

static void
an_end_that_was_removed_is_ready(void **state)
{
	struct shunt_wait_item item = {.end = shunt_stream_reader_end(r)};
	const struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};

	(void)state;
	assert_int_equal(shunt_wait(&item, 1, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(shunt_remove(name, &force), 0);
	assert_int_equal(shunt_wait(&item, 1, SHUNT_NOWAIT), 1);
	assert_int_equal(item.ready, SHUNT_E_REMOVED);
}

static int
close_it(void *arg)
{
	(void)arg;
	shunt_stream_reader_close(&r);
	shunt_stream_writer_close(&w);
	return r == NULL && w == NULL ? 0 : 1;
}

static void
a_child_that_closes_ends_nothing(void **state)
{
	(void)state;
	shunt_stream_reader_close(&r);
	assert_int_equal(shunt_stream_reader_open(&r, name, &last), 0);
	assert_int_equal(peer_end(peer_start(close_it, NULL)), 0);
	assert_int_equal(shunt_stream_writer_write(w, "a", 1, &send_now), 1);
	assert_int_equal(shunt_stream_reader_read(r, buf, 8, &now), 1);
	assert_int_equal(shunt_stream_reader_read(r, buf, 8, &now), -EAGAIN);
}

/* ---- no memory, no room -----------------------------------------------------
 */

static int
no_memory(void *at, size_t n, int advice)
{
	(void)at;
	(void)n;
	(void)advice;
	return -ENOMEM;
}

static int
over_quota(int fd, int mode, off_t off, off_t len)
{
	(void)fd;
	(void)mode;
	(void)off;
	(void)len;
	return -EDQUOT;
}

static void
a_ring_that_cannot_be_touched(void **state)
{
	(void)state;
	assert_int_equal(shunt_stream_writer_write(w, "a", 1, &send_now), 1);
	shunt_stream_writer_close(&w);
	shunt__os.madvise = no_memory;
	int fds = test_fds();
	assert_int_equal(shunt_stream_writer_open(&w, name, NULL), -ENOMEM);
	assert_null(w);
	assert_detail(name);
	assert_detail("its lane cannot be had");
	assert_int_equal(test_fds(), fds);
	assert_int_equal(shunt_stream_reader_read(r, buf, 8, &now), -ENOMEM);
	shunt__os = real;
	assert_int_equal(shunt_stream_reader_read(r, buf, 8, &now), 1);
	assert_int_equal(shunt_stream_writer_open(&w, name, NULL), 0);
}

static void
one_that_is_overwritten_cannot_be_touched(void **state)
{
	(void)state;
	end(NULL);
	name = test_name("streamlimit");
	assert_int_equal(shunt_stream_writer_open(&w, name, &over), 1);
	assert_int_equal(shunt_stream_reader_open(&r, name, &over), 0);
	assert_int_equal(shunt_stream_writer_write(w, "a", 1, &send_now), 1);
	shunt__os.madvise = no_memory;
	assert_int_equal(shunt_stream_reader_read(r, buf, 8, &now), -ENOMEM);
	shunt__os = real;
	assert_int_equal(shunt_stream_writer_write(w, "", 0, &send_now), 0);
	assert_int_equal(shunt_stream_reader_read(r, buf, 8, &now), 1);
	assert_int_equal(shunt_stream_reader_read(r, buf, 8, &now), -EAGAIN);
}

static void
no_room_for_the_lane(void **state)
{
	(void)state;
	end(NULL);
	name = test_name("streamlimit");
	assert_int_equal(shunt_stream_reader_open(&r, name, &plain), 1);
	shunt__os.fallocate = over_quota;
	assert_int_equal(shunt_stream_writer_open(&w, name, NULL), -ENOSPC);
	assert_null(w);
	assert_detail(name);
	shunt__os = real;
	assert_int_equal(shunt_stream_writer_open(&w, name, NULL), 0);
	assert_int_equal(shunt_stream_writer_write(w, "a", 1, &send_now), 1);
	assert_int_equal(shunt_stream_reader_read(r, buf, 8, &now), 1);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(options_are_looked_at_where_a_call_would_wait),
	    FRESH(lengths_that_nothing_can_have),
	    FRESH(the_last_reader_closes_while_an_end_waits_for_room),
	    FRESH(
		what_was_written_just_before_a_death_is_read_before_the_break),
	    FRESH(an_end_that_was_removed_is_ready),
	    FRESH(a_child_that_closes_ends_nothing),
	    FRESH(a_ring_that_cannot_be_touched),
	    FRESH(one_that_is_overwritten_cannot_be_touched),
	    FRESH(no_room_for_the_lane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
