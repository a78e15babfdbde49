/* SPDX-License-Identifier: MIT */
/* The lane's rules, one thread; test_lane_threads.c has two. */
#include "unit/unit.h"
#include <cmocka.h>

#include "lib/peers.h"
#include "unit/lane.h"

static void
an_empty_lane_has_nothing(void **state)
{
	struct test_lane l = test_lane_make(4096);
	struct shunt__lane_tx tx;
	struct shunt__lane_rx rx;
	int corrupt;

	(void)state;
	assert_int_equal(test_lane_tx(&tx, &l), 0);
	assert_int_equal(tx.head, 0);
	test_lane_rx(&rx, &l);
	assert_int_equal(test_lane_recv(&rx, 0), -EAGAIN);
	assert_int_equal(shunt__lane_unread(l.ring, l.cap, 0, &corrupt), 0);
	assert_int_equal(corrupt, 0);
	test_lane_free(&l);
}

/* Every length at every place of the ring, with pads where they are due. */
static void
every_length_at_every_place(void **state)
{
	struct test_lane l = test_lane_make(256);
	struct shunt__lane_tx tx;
	struct shunt__lane_rx rx;
	uint64_t n = 0;

	(void)state;
	assert_int_equal(test_lane_tx(&tx, &l), 0);
	test_lane_rx(&rx, &l);
	assert_int_equal(shunt__lane_max(l.cap), 120);
	for (uint64_t len = 0; len <= 120; len++) {
		for (int i = 0; i < 64; i++, n++) {
			/* An empty record moves the place on by a header. */
			assert_int_equal(test_lane_send(&tx, n, 0), 0);
			assert_int_equal(test_lane_recv(&rx, n), 0);
			assert_int_equal(test_lane_send(&tx, n, len), 0);
			assert_int_equal(test_lane_recv(&rx, n), len);
			assert_int_equal(test_lane_recv(&rx, n), -EAGAIN);
			assert_true((tx.head & 7) == 0);
			assert_true(rx.tail == tx.head);
		}
	}
	test_lane_free(&l);
}

/* Filled up with records of one length from every place: what is in it comes
 * out whole, and one header stays free. */
static void
exactly_full_erases_nothing(void **state)
{
	struct test_lane l = test_lane_make(128);
	struct shunt__lane_tx tx;
	struct shunt__lane_rx rx;
	uint64_t n = 0, tightest = UINT64_MAX;

	(void)state;
	assert_int_equal(test_lane_tx(&tx, &l), 0);
	test_lane_rx(&rx, &l);
	for (uint64_t len = 0; len <= shunt__lane_max(l.cap); len++) {
		for (int place = 0; place < 16; place++) {
			uint64_t first = n, slack;
			while (test_lane_send(&tx, n, len) == 0)
				n++;
			slack = l.cap - (tx.head - rx.tail);
			assert_true(slack >= SHUNT__LANE_HEAD);
			tightest = slack < tightest ? slack : tightest;
			assert_true(n > first);
			for (; first < n; first++)
				assert_int_equal(
				    test_lane_recv(&rx, first), len);
			assert_int_equal(test_lane_recv(&rx, n), -EAGAIN);
			assert_int_equal(test_lane_send(&tx, n, 0), 0);
			assert_int_equal(test_lane_recv(&rx, n), 0);
		}
	}
	assert_int_equal(tightest, SHUNT__LANE_HEAD);
	test_lane_free(&l);
}

static void
a_lane_takes_as_many_empty_records_as_headers_less_one(void **state)
{
	struct test_lane l = test_lane_make(256);
	struct shunt__lane_tx tx, heir;
	uint64_t n = 0;

	(void)state;
	assert_int_equal(test_lane_tx(&tx, &l), 0);
	while (test_lane_send(&tx, n, 0) == 0)
		n++;
	assert_int_equal(n, 256 / 8 - 1);
	assert_int_equal(test_lane_tx(&heir, &l), 0);
	assert_int_equal(heir.head, tx.head);
	test_lane_free(&l);
}

static void
reserving_and_giving_up_stores_nothing(void **state)
{
	struct test_lane l = test_lane_make(256);
	struct shunt__lane_tx tx, heir;
	struct shunt__lane_rx rx;
	unsigned char before[256];
	void *at = NULL;

	(void)state;
	assert_int_equal(test_lane_tx(&tx, &l), 0);
	test_lane_rx(&rx, &l);
	for (uint64_t n = 0; n < 500; n++) {
		memcpy(before, l.ring, sizeof(before));
		assert_int_equal(shunt__lane_reserve(&tx, n % 121, &at), 0);
		assert_memory_equal(before, l.ring, sizeof(before));
		/* Killed after the payload: it is not there for anybody. */
		memset(at, 0xff, n % 121);
		assert_int_equal(test_lane_recv(&rx, n), -EAGAIN);
		assert_int_equal(test_lane_tx(&heir, &l), 0);
		assert_true(heir.head == tx.head);
		tx = heir;
		assert_int_equal(test_lane_send(&tx, n, n % 57), 0);
		assert_int_equal(test_lane_recv(&rx, n), n % 57);
	}
	test_lane_free(&l);
}

static void
less_may_be_committed_than_was_reserved(void **state)
{
	struct test_lane l = test_lane_make(256);
	struct shunt__lane_tx tx;
	struct shunt__lane_rx rx;
	void *at = NULL;

	(void)state;
	assert_int_equal(test_lane_tx(&tx, &l), 0);
	test_lane_rx(&rx, &l);
	for (uint64_t n = 0; n < 500; n++) {
		uint64_t room = n % 121, len = room == 0 ? 0 : n % room;
		assert_int_equal(shunt__lane_reserve(&tx, room, &at), 0);
		test_lane_fill(at, n, len);
		shunt__lane_commit(&tx, len, (uint16_t)n);
		assert_int_equal(test_lane_recv(&rx, n), len);
	}
	test_lane_free(&l);
}

/* Killed between pad and record, a pad is all there is. */
static void
a_pad_without_its_record_is_legal(void **state)
{
	struct test_lane l = test_lane_make(256);
	struct shunt__lane_tx tx, heir;
	struct shunt__lane_rx rx;

	(void)state;
	for (uint64_t at = 8; at < 256; at += 8) {
		memset(l.ring, 0xa5, l.cap);
		memset(l.ring, 0, SHUNT__LANE_HEAD);
		shunt__store64(&l.ctl->ln_tail, 0);
		assert_int_equal(test_lane_tx(&tx, &l), 0);
		test_lane_rx(&rx, &l);
		while (tx.head < at) {
			assert_int_equal(test_lane_send(&tx, 1, 0), 0);
			assert_int_equal(test_lane_recv(&rx, 1), 0);
		}
		shunt__store64(shunt__lane_word(l.ring, l.cap, 0), 0);
		shunt__release64(shunt__lane_word(l.ring, l.cap, at),
		    SHUNT__LANE_REC | SHUNT__LANE_PAD);
		assert_int_equal(test_lane_tx(&heir, &l), 0);
		assert_int_equal(heir.head, 256);
		/* A pad as long as this leaves no room until it is read. */
		if (256 - at + 58 + 8 > 256)
			assert_int_equal(test_lane_recv(&rx, 2), -EAGAIN);
		assert_int_equal(test_lane_send(&heir, 2, 50), 0);
		assert_int_equal(test_lane_recv(&rx, 2), 50);
		assert_int_equal(test_lane_recv(&rx, 3), -EAGAIN);
		/* The pad is released with what follows it. */
		assert_int_equal(shunt__load64(&l.ctl->ln_tail), 256 + 64);
	}
	test_lane_free(&l);
}

/* An empty lane must not look unread because of a pad. */
static void
a_pad_alone_is_released(void **state)
{
	struct test_lane l = test_lane_make(256);
	struct shunt__lane_tx tx;
	struct shunt__lane_rx rx;
	int corrupt;

	(void)state;
	assert_int_equal(test_lane_tx(&tx, &l), 0);
	test_lane_rx(&rx, &l);
	assert_int_equal(test_lane_send(&tx, 1, 100), 0);
	assert_int_equal(test_lane_recv(&rx, 1), 100);
	shunt__store64(shunt__lane_word(l.ring, l.cap, 0), 0);
	shunt__release64(shunt__lane_word(l.ring, l.cap, tx.head),
	    SHUNT__LANE_REC | SHUNT__LANE_PAD);
	assert_int_equal(test_lane_recv(&rx, 2), -EAGAIN);
	assert_int_equal(shunt__load64(&l.ctl->ln_tail), 256);
	assert_int_equal(shunt__lane_unread(l.ring, l.cap, 256, &corrupt), 0);
	assert_int_equal(corrupt, 0);
	test_lane_free(&l);
}

/*
 * Random lives: both ends are taken over at random places by new owners, who
 * find exactly what was committed and not released.
 */
static void
new_owners_find_what_there_is(void **state)
{
	static const uint64_t caps[] = {64, 128, 256, 4096};

	(void)state;
	for (size_t c = 0; c < 4; c++) {
		struct test_lane l = test_lane_make(caps[c]);
		struct shunt__lane_tx tx;
		struct shunt__lane_rx rx;
		uint64_t sent = 0, got = 0, lens[1024] = {0}, seed = 7;
		uint64_t max = shunt__lane_max(l.cap);

		assert_int_equal(test_lane_tx(&tx, &l), 0);
		test_lane_rx(&rx, &l);
		for (int i = 0; i < 200000; i++) {
			uint64_t r = test_random(&seed), head = tx.head;
			uint64_t len = (r >> 16) % (max + 1);
			if (r % 8 == 0) {
				assert_int_equal(test_lane_tx(&tx, &l), 0);
				assert_true(tx.head == head);
			} else if (r % 8 == 1) {
				test_lane_rx(&rx, &l);
			} else if (r % 8 < 5) {
				int e = test_lane_send(&tx, sent, len);
				if (e == 0)
					lens[sent++ % 1024] = len;
				else
					assert_int_equal(e, -EAGAIN);
			} else if (got < sent) {
				assert_int_equal(
				    test_lane_recv(&rx, got), lens[got % 1024]);
				got++;
			} else {
				assert_int_equal(
				    test_lane_recv(&rx, got), -EAGAIN);
			}
		}
		assert_true(sent > 10000);
		test_lane_free(&l);
	}
}

/* Not released, it comes again: to this consumer and to the next. */
static void
what_is_not_released_comes_again(void **state)
{
	struct test_lane l = test_lane_make(4096);
	struct shunt__lane_tx tx;
	struct shunt__lane_rx rx;
	const void *at;
	uint16_t tag;

	(void)state;
	assert_int_equal(test_lane_tx(&tx, &l), 0);
	test_lane_rx(&rx, &l);
	assert_int_equal(test_lane_send(&tx, 7, 9), 0);
	assert_int_equal(shunt__lane_peek(&rx, &at, &tag), 9);
	assert_int_equal(shunt__lane_peek(&rx, &at, &tag), 9);
	test_lane_rx(&rx, &l);
	assert_int_equal(test_lane_recv(&rx, 7), 9);
	test_lane_rx(&rx, &l);
	assert_int_equal(test_lane_recv(&rx, 8), -EAGAIN);
	test_lane_free(&l);
}

static void
tags_pass_unread(void **state)
{
	struct test_lane l = test_lane_make(4096);
	struct shunt__lane_tx tx;
	struct shunt__lane_rx rx;
	void *room;
	const void *at;
	uint16_t tag;

	(void)state;
	assert_int_equal(test_lane_tx(&tx, &l), 0);
	test_lane_rx(&rx, &l);
	for (uint32_t t = 0; t <= 0xffff; t += 0xff) {
		assert_int_equal(shunt__lane_reserve(&tx, 0, &room), 0);
		shunt__lane_commit(&tx, 0, (uint16_t)t);
		assert_int_equal(shunt__lane_peek(&rx, &at, &tag), 0);
		assert_int_equal(tag, t);
		shunt__lane_release(&rx);
	}
	test_lane_free(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_empty_lane_has_nothing),
	    TEST(every_length_at_every_place),
	    TEST(exactly_full_erases_nothing),
	    TEST(a_lane_takes_as_many_empty_records_as_headers_less_one),
	    TEST(reserving_and_giving_up_stores_nothing),
	    TEST(less_may_be_committed_than_was_reserved),
	    TEST(a_pad_without_its_record_is_legal),
	    TEST(a_pad_alone_is_released),
	    TEST(new_owners_find_what_there_is),
	    TEST(what_is_not_released_comes_again),
	    TEST(tags_pass_unread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
