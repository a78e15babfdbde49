/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/* Words of a topic that somebody scribbled over, and what others do then: no
 * call runs for ever, and nobody waits for who does not read on. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>

#include <shunt.h>

#include "channel/publisher.h"
#include "channel/subscriber.h"
#include "lib/peers.h"
#include "unit/lane.h"

static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_now = {
    .sz = sizeof(recv_now), .wait_ns = SHUNT_NOWAIT};

static struct shunt_publisher *pub;
static struct shunt_subscriber *sub;

static int
setup(void **state)
{
	const char *name = test_name("topic");
	struct shunt_publisher_options o = {.sz = sizeof(o),
	    .lane_bytes = 4096,
	    .publishers = 4,
	    .subscribers = 4,
	    .policy = SHUNT_TOPIC_BLOCK};

	(void)state;
	return shunt_publisher_open(&pub, name, &o) == 1 &&
		       shunt_subscriber_open(&sub, name, NULL) == 0
		   ? 0
		   : -1;
}

static int
teardown(void **state)
{
	(void)state;
	shunt_publisher_close(&pub);
	shunt_subscriber_close(&sub);
	return 0;
}

static ssize_t
publish(void)
{
	return shunt_publisher_send(pub, "12345678", 8, &send_now);
}

static ssize_t
next(void)
{
	char buf[8];

	return shunt_subscriber_recv(sub, buf, sizeof(buf), NULL, &recv_now);
}

static void
a_ring_that_lies_holds_up_no_publisher(void **state)
{
	struct shunt__object *obj = pub->topic.obj;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(publish(), 0);
	shunt__store64(shunt__lane_word(shunt__object_ring(obj, 0), 4096, 72),
	    UINT64_C(0x1234567812345678));
	for (int i = 0; i < 3; i++)
		assert_int_equal(next(), 8);
	assert_int_equal(next(), SHUNT_E_CORRUPT);
	assert_int_equal(next(), -EAGAIN);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(publish(), 0);
}

static void
of_a_ring_that_lies_nothing_is_received_by_who_comes(void **state)
{
	struct shunt__object *obj = pub->topic.obj;
	struct shunt_subscriber *late;
	char buf[8];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(publish(), 0);
		assert_int_equal(next(), 8);
	}
	const struct shunt__cast_rx *rx = &sub->feeds[0].rx;
	shunt__store64(
	    shunt__lane_word(shunt__object_ring(obj, 0), 4096, rx->pos - 240),
	    UINT64_C(0x1234567812345678));
	assert_int_equal(
	    shunt_subscriber_open(&late, obj->name.shown, NULL), 0);
	assert_int_equal(shunt_subscriber_recv(late, buf, 8, NULL, &recv_now),
	    SHUNT_E_CORRUPT);
	assert_int_equal(
	    shunt_subscriber_recv(late, buf, 8, NULL, &recv_now), -EAGAIN);
	assert_int_equal(shunt_subscriber_lost(late), 0);
	/* Who was past it goes on, and nobody waits for the late one. */
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(publish(), 0);
		assert_int_equal(next(), 8);
	}
	shunt_subscriber_close(&late);
}

static void
a_number_that_lies_holds_up_no_publisher(void **state)
{
	struct shunt__object *obj = pub->topic.obj;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(publish(), 0);
	shunt__store64(
	    shunt__lane_word(shunt__object_ring(obj, 0), 4096, 80), 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(next(), 8);
	assert_int_equal(next(), SHUNT_E_CORRUPT);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(publish(), 0);
}

static void
a_cursor_that_was_moved_back_is_set_right(void **state)
{
	struct shunt__u64 *cursor;
	struct shunt__lane_lay *ctl;
	ssize_t e = 0;

	(void)state;
	for (int i = 0; i < 1000 && e == 0; i++) {
		assert_int_equal(publish(), 0);
		assert_int_equal(next(), 8);
		cursor = sub->feeds[0].rx.cursor;
		ctl = shunt__object_lane(pub->topic.obj, 0);
		shunt__store64(
		    cursor, shunt__load64(&ctl->ln_tail) | SHUNT__CURSOR_KEPT);
		/* All was received: by right there is room. */
		e = publish();
		if (e == 0)
			assert_int_equal(next(), 8);
	}
	assert_int_equal(e, -EAGAIN);
	/* The subscriber looks, as it does once a second while it sleeps. */
	assert_int_equal(next(), -EAGAIN);
	assert_int_equal(publish(), 0);
	assert_int_equal(next(), 8);
}

/* On a lane alone: whoever joins, whatever he asks for. */
static void
join(struct test_lane *l, uint64_t tail, uint64_t history)
{
	struct shunt__cast_rx rx = {
	    .ring = l->ring, .cap = l->cap, .ctl = l->ctl};

	shunt__store64(&l->ctl->ln_tail, tail);
	int e = shunt__cast_join(&rx, history);
	assert_true(e == 0 || e == SHUNT_E_CORRUPT);
	if (e == 0)
		shunt__cast_behind(&rx);
	/* Overrun from anywhere. */
	for (uint64_t pos = 0; pos < 64; pos += 8) {
		rx.pos = tail - 8 - pos;
		rx.overruns = 1;
		shunt__cast_behind(&rx);
		shunt__cast_overrun(&rx);
	}
}

static void
a_tail_at_the_end_of_all_numbers_is_no_endless_walk(void **state)
{
	struct test_lane l = test_lane_make(4096);

	(void)state;
	/* Nothing but records, and a pad that leads from the last word to the
	 * first. */
	for (uint64_t pos = 0; pos < l.cap; pos += 16) {
		shunt__store64(shunt__lane_word(l.ring, l.cap, pos),
		    SHUNT__LANE_REC | SHUNT__CAST_SEQ);
		shunt__store64(shunt__lane_word(l.ring, l.cap, pos + 8), 5);
	}
	shunt__store64(shunt__lane_word(l.ring, l.cap, l.cap - 8),
	    SHUNT__LANE_REC | SHUNT__LANE_PAD);
	alarm(5);
	for (uint64_t back = 8; back < 128; back += 8)
		for (uint64_t history = 0; history < 4; history++)
			join(&l, 0 - back, history);
	join(&l, 0 - (uint64_t)8, UINT64_MAX);
	join(&l, UINT64_C(1) << 63, 0);
	alarm(0);
	test_lane_free(&l);
}

int
main(void)
{
#define LIE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    LIE(a_ring_that_lies_holds_up_no_publisher),
	    LIE(of_a_ring_that_lies_nothing_is_received_by_who_comes),
	    LIE(a_number_that_lies_holds_up_no_publisher),
	    LIE(a_cursor_that_was_moved_back_is_set_right),
	    TEST(a_tail_at_the_end_of_all_numbers_is_no_endless_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
