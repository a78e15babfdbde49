/* SPDX-License-Identifier: MIT */
/*
 * Who joins a cast while its publisher moves the tail, one step between the
 * other's two: each side's full fence is where the other acts.  The code under
 * test is compiled here once more, with a fence that calls.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include "base/atomics.h"

static void (*at_fence)(void);

static void
fence_and_act(void)
{
	void (*act)(void) = at_fence;

	shunt__fence();
	at_fence = NULL;
	if (act != NULL)
		act();
}

#define shunt__fence fence_and_act
#include "ring/cast.c"
#include "ring/cast_read.c"
#undef shunt__fence

#include "unit/lane.h"

/* With header and number a 32nd of the ring: no pads. */
#define LEN 112

static struct test_lane lane;
static struct shunt__u64 cursor;
static struct shunt__u32 high;
static struct shunt__cast_tx tx;
static struct shunt__cast_rx rx;

static int
publish(uint64_t len)
{
	unsigned char buf[1024];
	void *at;
	int e = shunt__cast_reserve(&tx, len, &at);

	if (e == 0) {
		test_lane_fill(buf, tx.next, len);
		shunt__cast_put(at, buf, len);
		shunt__cast_commit(&tx, len);
	}
	return e;
}

static int
setup(void **state)
{
	struct shunt__cast_cursors all = {
	    .first = (unsigned char *)&cursor, .high = &high, .most = 1};

	(void)state;
	lane = test_lane_make(4096);
	shunt__store32(&high, 1);
	shunt__store64(&cursor, 0);
	assert_int_equal(
	    shunt__cast_tx_adopt(&tx, lane.ring, lane.cap, lane.ctl, &all), 0);
	rx = (struct shunt__cast_rx){.ring = lane.ring,
	    .cap = lane.cap,
	    .ctl = lane.ctl,
	    .cursor = &cursor,
	    .kept = 1};
	/* To where the next message moves the tail. */
	for (int i = 0; i < 1000; i++)
		assert_int_equal(publish(LEN), 0);
	while (shunt__lane_fits(&tx.lane, shunt__cast_need(LEN), 0))
		assert_int_equal(publish(LEN), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	test_lane_free(&lane);
	return 0;
}

/* All that follows from where it stands, whole and without a gap. */
static void
reads_on(uint64_t at_least)
{
	uint64_t got = 0;

	while (shunt__cast_look(&rx) == 0) {
		assert_int_equal(rx.seq, rx.next);
		assert_true(test_lane_intact(rx.payload, rx.seq, rx.len));
		assert_int_equal(shunt__cast_take(&rx), 0);
		got++;
	}
	assert_int_equal(rx.next, tx.next);
	assert_true(got >= at_least);
}

static uint64_t old_tail;

/* A reader has looked at the tail before it was moved: it stands there, and
 * its own second look may have been before, too. */
static void
a_reader_appears(void)
{
	shunt__store64(&cursor, old_tail | SHUNT__CURSOR_KEPT);
}

static void
the_publisher_finds_who_came_while_it_moved_the_tail(void **state)
{
	(void)state;
	old_tail = tx.tail;
	at_fence = a_reader_appears;
	assert_int_equal(publish(LEN), -EAGAIN);
	assert_null(at_fence);
	assert_true(tx.tail > old_tail);
	assert_int_equal(tx.blocker, 0);
	/* And waits for it, also under its next owner. */
	assert_int_equal(publish(LEN), -EAGAIN);
	struct shunt__cast_cursors all = tx.cursors;
	assert_int_equal(
	    shunt__cast_tx_adopt(&tx, lane.ring, lane.cap, lane.ctl, &all), 0);
	assert_int_equal(publish(LEN), -EAGAIN);
	rx.pos = old_tail;
	rx.next = shunt__load64(
	    shunt__lane_word(lane.ring, lane.cap, old_tail + SHUNT__LANE_HEAD));
	reads_on(30);
	assert_int_equal(publish(LEN), 0);
	reads_on(1);
}

/* Enough to go over the place where the reader wants to begin. */
static void
the_publisher_goes_round(void)
{
	shunt__store64(&cursor, 0); /* which it does not see yet */
	for (int i = 0; i < 60; i++)
		assert_int_equal(publish(LEN), 0);
	shunt__store64(&cursor, old_tail | SHUNT__CURSOR_KEPT);
}

static void
a_reader_finds_that_the_tail_was_moved_while_it_came(void **state)
{
	(void)state;
	old_tail = tx.tail;
	at_fence = the_publisher_goes_round;
	assert_int_equal(shunt__cast_join(&rx, UINT64_MAX), 0);
	assert_null(at_fence);
	assert_true(rx.pos >= tx.tail);
	assert_int_equal(shunt__load64(&cursor), rx.pos | SHUNT__CURSOR_KEPT);
	/* From here on it is waited for. */
	int e = 0;
	for (int i = 0; i < 60 && e == 0; i++)
		e = publish(LEN);
	assert_int_equal(e, -EAGAIN);
	reads_on(25);
}

static void
the_publisher_takes_the_ring(void)
{
	shunt__store64(&cursor, 0);
	assert_int_equal(publish(LEN), 0);
	shunt__store64(&cursor, SHUNT__CURSOR_KEPT);
}

static void
a_ring_that_was_taken_meanwhile_is_not_an_unused_one(void **state)
{
	(void)state;
	assert_int_equal(shunt__cast_join_unused(&rx), -EAGAIN);
	/* The same, found out at the last moment. */
	test_lane_free(&lane);
	lane = test_lane_make(4096);
	struct shunt__cast_cursors all = tx.cursors;
	shunt__store64(&cursor, 0);
	assert_int_equal(
	    shunt__cast_tx_adopt(&tx, lane.ring, lane.cap, lane.ctl, &all), 0);
	rx.ring = lane.ring;
	rx.ctl = lane.ctl;
	while (shunt__lane_fits(&tx.lane, shunt__cast_need(LEN), 0))
		assert_int_equal(publish(LEN), 0);
	at_fence = the_publisher_takes_the_ring;
	assert_int_equal(shunt__cast_join_unused(&rx), -EAGAIN);
	assert_null(at_fence);
}

int
main(void)
{
#define RACE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    RACE(the_publisher_finds_who_came_while_it_moved_the_tail),
	    RACE(a_reader_finds_that_the_tail_was_moved_while_it_came),
	    RACE(a_ring_that_was_taken_meanwhile_is_not_an_unused_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
