/* SPDX-License-Identifier: MIT */
/*
 * A lane whose other side scribbles.  Whatever the words say: no access out
 * of the ring (ASan looks on), no endless walk, an answer.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include "lib/peers.h"
#include "unit/lane.h"

#define CAP 256

/* Receives until there is no more; the number of records or CORRUPT. */
static int64_t
drain(const struct test_lane *l)
{
	struct shunt__lane_rx rx;
	const unsigned char *p;
	const void *at;
	uint16_t tag;

	test_lane_rx(&rx, l);
	for (int64_t n = 0; n <= (int64_t)(l->cap / 8); n++) {
		int64_t len = shunt__lane_peek(&rx, &at, &tag);
		if (len == -EAGAIN)
			return n;
		if (len == SHUNT_E_CORRUPT)
			return len;
		assert_true(len >= 0);
		assert_in_range((uint64_t)len, 0, shunt__lane_max(l->cap));
		p = at;
		assert_true(p >= l->ring + 8 && p + len <= l->ring + l->cap);
		for (int64_t i = 0; i < len; i++) /* for ASan to see */
			tag ^= p[i];
		shunt__lane_release(&rx);
	}
	return 1000; /* a producer at work could feed it for ever: legal */
}

/* Takes the lane over and uses what the walk answers. */
static int
take_over(const struct test_lane *l)
{
	struct shunt__lane_tx tx;
	unsigned char *p;
	void *at = NULL;
	int e = test_lane_tx(&tx, l);

	if (e != 0) {
		assert_int_equal(e, SHUNT_E_CORRUPT);
		return e;
	}
	for (int i = 0; i < 40; i++) {
		uint64_t len = (uint64_t)i * 3;
		e = shunt__lane_reserve(&tx, len, &at);
		if (e != 0)
			return e == -EAGAIN ? 0 : e;
		p = at;
		assert_true(p >= l->ring + 8 && p + len <= l->ring + l->cap);
		memset(p, 1, len);
		shunt__lane_commit(&tx, len, 0);
	}
	return 0;
}

/* A lane with records of several lengths and a pad, half way round. */
static struct test_lane
busy_lane(void)
{
	static const uint64_t lens[] = {0, 5, 40, 8, 50};
	struct test_lane l = test_lane_make(CAP);
	struct shunt__lane_tx tx;
	struct shunt__lane_rx rx;

	assert_int_equal(test_lane_tx(&tx, &l), 0);
	test_lane_rx(&rx, &l);
	assert_int_equal(test_lane_send(&tx, 0, 110), 0);
	assert_int_equal(test_lane_recv(&rx, 0), 110);
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(test_lane_send(&tx, i, lens[i]), 0);
	assert_true(tx.head > CAP); /* it has gone round */
	return l;
}

/* Runs @look on every image that differs from a busy lane's by one bit. */
static void
every_flip(void (*look)(const struct test_lane *l, uint64_t word, int bit))
{
	struct test_lane l = busy_lane();
	unsigned char ring[CAP];
	struct shunt__lane_lay ctl;

	memcpy(ring, l.ring, CAP);
	memcpy(&ctl, l.ctl, sizeof(ctl));
	for (uint64_t word = 0; word <= CAP / 8; word++) {
		for (int bit = 0; bit < 64; bit++) {
			uint64_t x = UINT64_C(1) << bit;
			memcpy(l.ring, ring, CAP);
			memcpy(l.ctl, &ctl, sizeof(ctl));
			struct shunt__u64 *w =
			    word < CAP / 8
				? shunt__lane_word(l.ring, CAP, word * 8)
				: &l.ctl->ln_tail;
			shunt__store64(w, shunt__load64(w) ^ x);
			look(&l, word, bit);
		}
	}
	test_lane_free(&l);
}

static void
look_drain(const struct test_lane *l, uint64_t word, int bit)
{
	(void)word;
	(void)bit;
	drain(l);
}

static void
look_take_over(const struct test_lane *l, uint64_t word, int bit)
{
	(void)word;
	(void)bit;
	take_over(l);
	drain(l);
}

static void
look_unread(const struct test_lane *l, uint64_t word, int bit)
{
	int corrupt = 7;
	uint64_t tail = shunt__load64(&l->ctl->ln_tail);
	uint64_t n = shunt__lane_unread(l->ring, l->cap, tail, &corrupt);

	(void)word;
	(void)bit;
	assert_in_range(corrupt, 0, 1);
	if (!corrupt && (tail & 7) == 0)
		assert_true(n <= l->cap);
}

static void
every_flipped_bit_is_drained(void **state)
{
	(void)state;
	every_flip(look_drain);
}

static void
every_flipped_bit_is_taken_over(void **state)
{
	(void)state;
	every_flip(look_take_over);
}

static void
every_flipped_bit_is_counted(void **state)
{
	(void)state;
	every_flip(look_unread);
}

/* Both sides must refuse, on the first look, a header at @pos. */
static void
refused(uint64_t head, uint64_t pos)
{
	struct test_lane l = test_lane_make(CAP);
	struct shunt__lane_tx tx;
	int corrupt;

	shunt__store64(&l.ctl->ln_tail, pos);
	shunt__store64(shunt__lane_word(l.ring, CAP, 0), 0);
	shunt__store64(shunt__lane_word(l.ring, CAP, pos), head);
	assert_int_equal(drain(&l), SHUNT_E_CORRUPT);
	shunt__store64(&l.ctl->ln_tail, pos);
	assert_int_equal(test_lane_tx(&tx, &l), SHUNT_E_CORRUPT);
	shunt__lane_unread(l.ring, CAP, pos, &corrupt);
	assert_int_equal(corrupt, 1);
	test_lane_free(&l);
}

static void
headers_that_cannot_be_are_refused(void **state)
{
	const uint64_t rec = SHUNT__LANE_REC, pad = SHUNT__LANE_PAD;

	(void)state;
	refused(1, 0);             /* neither record nor pad */
	refused(pad, 8);           /* pad without record */
	refused(rec | pad, 0);     /* a pad at the beginning */
	refused(rec | pad | 8, 8); /* a pad with a length */
	refused(rec | pad | 1ull << 32, 8);
	refused(rec | (CAP / 2 - 7), 0); /* over half the ring */
	refused(rec | 0xffffffff, 0);
	refused(rec | 0xfffffff9, 8); /* rounded up it would overflow */
	refused(rec | 1, CAP - 8);    /* past the end of the ring */
	refused(rec | 17, CAP - 24);
	for (int bit = 48; bit < 62; bit++)
		refused(rec | 1ull << bit, 8);
	/* The longest and the last that can be. */
	assert_int_equal(
	    shunt__lane_check(rec | (CAP / 2 - 8), 0, CAP), CAP / 2 - 8);
	assert_int_equal(shunt__lane_check(rec | 16, CAP - 24, CAP), 16);
	assert_int_equal(shunt__lane_check(rec | pad, 8, CAP), -1);
}

static void
a_ring_without_an_end_is_refused(void **state)
{
	struct test_lane l = test_lane_make(CAP);
	struct shunt__lane_tx tx;
	int corrupt;

	(void)state;
	for (uint64_t pos = 0; pos < CAP; pos += 8)
		shunt__store64(
		    shunt__lane_word(l.ring, CAP, pos), SHUNT__LANE_REC);
	assert_int_equal(test_lane_tx(&tx, &l), SHUNT_E_CORRUPT);
	shunt__lane_unread(l.ring, CAP, 0, &corrupt);
	assert_int_equal(corrupt, 1);
	/* Pad after pad. */
	for (uint64_t pos = 0; pos < CAP; pos += 8)
		shunt__store64(shunt__lane_word(l.ring, CAP, pos),
		    SHUNT__LANE_REC | SHUNT__LANE_PAD);
	shunt__store64(&l.ctl->ln_tail, 8);
	assert_int_equal(test_lane_tx(&tx, &l), SHUNT_E_CORRUPT);
	assert_int_equal(drain(&l), SHUNT_E_CORRUPT);
	test_lane_free(&l);
}

/* The consumer's word while a producer is at work. */
static void
impossible_tails_are_refused(void **state)
{
	static const int64_t lies[] = {
	    8, 64, CAP, CAP + 8, -8, -CAP, INT64_MAX, INT64_MIN};
	struct test_lane l = test_lane_make(CAP);
	struct shunt__lane_tx tx;
	struct shunt__lane_rx rx;
	void *at = NULL;

	(void)state;
	assert_int_equal(test_lane_tx(&tx, &l), 0);
	test_lane_rx(&rx, &l);
	for (uint64_t n = 0; n < 300; n++) {
		assert_int_equal(test_lane_send(&tx, n, 20), 0);
		assert_int_equal(test_lane_recv(&rx, n), 20);
	}
	assert_int_equal(shunt__lane_tx_refresh(&tx), 0);
	while (test_lane_send(&tx, 1, 20) == 0)
		;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		/* Ahead of what was sent, or back behind what it said. */
		uint64_t from = lies[i] > 0 ? tx.head : rx.tail;
		shunt__store64(&l.ctl->ln_tail, from + (uint64_t)lies[i]);
		assert_int_equal(
		    shunt__lane_reserve(&tx, 120, &at), SHUNT_E_CORRUPT);
	}
	/* One that is no multiple of 8 gives no more room than there is. */
	for (uint64_t odd = 1; odd < 8; odd++) {
		shunt__store64(&l.ctl->ln_tail, rx.tail + odd);
		assert_int_equal(shunt__lane_reserve(&tx, 20, &at), -EAGAIN);
	}
	test_lane_free(&l);
}

static void
random_rings_are_answered(void **state)
{
	struct test_lane l = test_lane_make(CAP);
	uint64_t seed = 99;

	(void)state;
	for (int round = 0; round < 100000; round++) {
		for (uint64_t pos = 0; pos < CAP; pos += 8) {
			uint64_t r = test_random(&seed);
			/* Mostly headers that look right. */
			shunt__store64(shunt__lane_word(l.ring, CAP, pos),
			    r % 8 == 0   ? 0
			    : r % 8 == 1 ? r
			    : r % 8 == 2 ? SHUNT__LANE_REC | SHUNT__LANE_PAD
					 : SHUNT__LANE_REC | (r >> 8) % 64);
		}
		uint64_t tail = test_random(&seed);
		shunt__store64(&l.ctl->ln_tail, tail & ~UINT64_C(7));
		drain(&l);
		shunt__store64(
		    &l.ctl->ln_tail, round % 4 ? tail & ~UINT64_C(7) : tail);
		take_over(&l);
	}
	test_lane_free(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_flipped_bit_is_drained),
	    TEST(every_flipped_bit_is_taken_over),
	    TEST(every_flipped_bit_is_counted),
	    TEST(headers_that_cannot_be_are_refused),
	    TEST(a_ring_without_an_end_is_refused),
	    TEST(impossible_tails_are_refused),
	    TEST(random_rings_are_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
