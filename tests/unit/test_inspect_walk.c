/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/* Walking over a ring whose users are at work, or lie: the walk ends, soon, and
 * what it tells is no more than a ring holds. */
#include "unit/unit.h"

#include <errno.h>

#include <cmocka.h>

#include <shunt.h>

#include "channel/queue_layout.h"
#include "inspect/look.h"
#include "lib/peers.h"
#include "unit/forge.h"

static struct forged f;
static struct shunt__look at;

static void
make(uint64_t lane_bytes)
{
	struct shunt__spec spec = {.kind = SHUNT_KIND_QUEUE,
	    .lanes = 2,
	    .area_bytes = 4096,
	    .lane_bytes = lane_bytes,
	    .print = shunt__queue_fingerprint()};

	f = forge(&spec);
	forge_high(&f, 1, 0);
	assert_int_equal(shunt__look_open(&at, f.name, NULL, 1), 0);
	assert_int_equal(at.code, 0);
}

static void
end(void)
{
	shunt__look_close(&at);
	forge_end(&f);
}

/* From @tail on, with @then before each look at where the tail is. */
static struct shunt__walk
walk(uint64_t tail, int cast, void (*then)(unsigned nth), int code)
{
	struct shunt__walk w = {.tail = tail, .end = tail, .cast = cast};

	forge_tail(&f, 0, tail);
	forge_watch(f.geo.lanes_off, then);
	int e = shunt__look_walk(&at, 0, &w);
	forge_calm();
	assert_int_equal(e, code);
	assert_true(w.end - w.tail <= f.geo.lane_bytes);
	return w;
}

static void
all_that_a_ring_holds_is_counted(void **state)
{
	uint64_t pos = 3072, n = 0;
	struct shunt__walk w;

	(void)state;
	make(4096);
	while (pos < 4096 - 32)
		pos = forge_record(&f, 0, pos, 0, &n, sizeof(n)), n++;
	pos = forge_pad(&f, 0, pos);
	for (int i = 0; i < 10; i++)
		pos = forge_record(&f, 0, pos, 0, &n, sizeof(n)), n++;
	w = walk(3072, 0, NULL, 0);
	assert_int_equal(w.records, n);
	assert_int_equal(w.end, pos);
	assert_int_equal(w.newest, n - 1);
	/* A ring of pads, or one that bites its tail, is none. */
	forge_pad(&f, 0, 4096);
	w = walk(4096, 0, NULL, SHUNT_E_CORRUPT);
	assert_int_equal(w.records, 0);
	for (pos = 3072; pos < 3072 + 4096;)
		pos = forge_record(&f, 0, pos, 0, &n, sizeof(n));
	w = walk(3072, 0, NULL, SHUNT_E_CORRUPT);
	assert_int_equal(w.records, 255);
	walk(3073, 0, NULL, SHUNT_E_CORRUPT);
	end();
}

static uint64_t tail;

/* A lap at each look: nothing that was fetched can be believed. */
static void
run_away(unsigned nth)
{
	(void)nth;
	forge_tail(&f, 0, tail += f.geo.lane_bytes);
}

static void
who_is_always_faster_is_not_followed_for_ever(void **state)
{
	(void)state;
	make(4096);
	tail = 0;
	struct shunt__walk w = walk(0, 0, run_away, 0);
	assert_int_equal(w.records, 0);
	assert_int_equal(w.tail, tail);
	assert_in_range(forge_reads(), 10, 1000);
	end();
}

/* A lap at each look but the first: half of a ring is found, and is gone. */
static void
run_ahead(unsigned nth)
{
	if (nth > 0)
		forge_tail(&f, 0, tail += f.geo.lane_bytes);
}

static void
nor_is_who_is_found_behind_each_half(void **state)
{
	uint64_t pos = 2048, n = 1;

	(void)state;
	make(4096);
	while (pos < 4096)
		pos = forge_record(&f, 0, pos, 0, &n, sizeof(n));
	tail = 2048;
	struct shunt__walk w = walk(2048, 0, run_ahead, 0);
	assert_int_equal(w.records, 0);
	assert_int_equal(w.tail, w.end);
	assert_in_range(tail, 4096 * 8, 4096 * 20); /* and not for 100 laps */
	end();
}

/* The tail jumps to where the walk is, in the middle of a record. */
static void
jump(unsigned nth)
{
	if (nth == 1)
		forge_tail(&f, 0, tail);
}

static void
a_record_that_was_released_in_the_middle_is_not_told(void **state)
{
	static char long_one[16384];
	uint64_t pos = 0, n = 7;

	(void)state;
	make(65536);
	/* The last word of what one look fetches is a record's header. */
	pos = forge_record(&f, 0, 0, 0, long_one, sizeof(long_one) - 8);
	pos = forge_record(&f, 0, pos, 0, long_one, sizeof(long_one) - 16);
	assert_int_equal(pos, 32768 - 8);
	pos = forge_record(&f, 0, pos, 0, &n, sizeof(n));
	struct shunt__walk w = walk(0, 0, NULL, 0);
	assert_int_equal(w.records, 3);
	assert_int_equal(w.newest, 7);
	tail = pos;
	w = walk(0, 0, jump, 0);
	assert_int_equal(w.tail, pos);
	assert_int_equal(w.records, 0);
	/* And if just that cannot be read. */
	int e = 0;
	for (unsigned k = 1; e == 0 || e == -EIO; k++) {
		w = (struct shunt__walk){.tail = 0};
		forge_tail(&f, 0, 0);
		forge_fail(k, EIO);
		e = shunt__look_walk(&at, 0, &w);
		if (!forge_calm())
			break;
		assert_int_equal(e, -EIO);
		assert_in_range(w.records, 0, 3);
	}
	assert_int_equal(e, 0);
	end();
}

static uint64_t rnd;

/* Anywhere, backwards too, and now and then between two words. */
static void
anywhere(unsigned nth)
{
	uint64_t to = test_random(&rnd) % (f.geo.lane_bytes * 3);

	if (nth % 3 == 0)
		forge_tail(
		    &f, 0, test_random(&rnd) % 16 == 0 ? to : to & ~7ull);
}

static void
a_tail_that_moves_as_it_likes_ends_every_walk(void **state)
{
	int codes[2] = {0, 0};

	(void)state;
	make(4096);
	rnd = 1234567;
	for (unsigned round = 0; round < 1500; round++) {
		struct shunt__walk w = {
		    .tail = test_random(&rnd) % 8192 & ~7ull,
		    .cast = round % 2 == 0};
		/* Records, and what is none in some of them. */
		for (uint64_t pos = w.tail & 15; pos < 4096 - 16;) {
			uint64_t n = test_random(&rnd);
			pos =
			    forge_record(&f, 0, pos, 0, &n, (uint32_t)(n % 9));
			if (round % 5 == 0 && n % 64 == 0)
				forge_word(
				    &f, f.geo.rings_off + (pos & 4088), n);
		}
		forge_tail(&f, 0, w.tail);
		forge_watch(f.geo.lanes_off, anywhere);
		int e = shunt__look_walk(&at, 0, &w);
		forge_calm();
		assert_true(e == 0 || e == SHUNT_E_CORRUPT);
		assert_in_range(forge_reads(), 1, 1000);
		assert_true(w.end - w.tail <= 3 * 4096);
		assert_true(w.records <= 3 * 4096 / 8);
		codes[e != 0]++;
	}
	/* Else nothing of this was looked at. */
	assert_true(codes[0] > 50 && codes[1] > 50);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(all_that_a_ring_holds_is_counted),
	    TEST(who_is_always_faster_is_not_followed_for_ever),
	    TEST(nor_is_who_is_found_behind_each_half),
	    TEST(a_record_that_was_released_in_the_middle_is_not_told),
	    TEST(a_tail_that_moves_as_it_likes_ends_every_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
