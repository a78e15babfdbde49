/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/*
 * Words of a stream that somebody scribbled over: each end says so, again and
 * again, and neither reads what is not there nor runs for ever.
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
static const struct shunt_recv_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};

static const char *name;
static struct shunt_stream_writer *w;
static struct shunt_stream_reader *r;
static char buf[2 * CAP];

static int
begin(const struct shunt_stream_options *o)
{
	name = test_name("streamlie");
	return shunt_stream_writer_open(&w, name, o) == 1 &&
		       shunt_stream_reader_open(&r, name, o) == 0
		   ? 0
		   : -1;
}

static int
begin_plain(void **state)
{
	(void)state;
	return begin(&plain);
}

static int
begin_over(void **state)
{
	(void)state;
	return begin(&over);
}

static int
end(void **state)
{
	(void)state;
	shunt_stream_writer_close(&w);
	shunt_stream_reader_close(&r);
	unlink(test_path(name));
	return 0;
}

/* A word of the ring at a position. */
static void
scribble(uint64_t pos, uint64_t value)
{
	struct shunt__object *obj = r != NULL ? r->obj : w->obj;

	shunt__store64(
	    shunt__lane_word(shunt__object_ring(obj, 0), CAP, pos), value);
}

static void
put(size_t len)
{
	assert_int_equal(
	    shunt_stream_writer_write(w, buf, len, &send_now), len);
}

static ssize_t
get(size_t len)
{
	return shunt_stream_reader_read(r, buf, len, &now);
}

/* It lies, and for as long as this reader asks. */
static void
expect_lie(void)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(get(8), SHUNT_E_CORRUPT);
}

static void
new_reader(const struct shunt_stream_options *o)
{
	shunt_stream_reader_close(&r);
	assert_int_equal(shunt_stream_reader_open(&r, name, o), 0);
}

#define REC(len) (SHUNT__LANE_REC | (uint64_t)(len))
/* What lies between the header of an overwriting stream's record and bytes. */
#define SEQ_AT 8
#define TAG_AT 16

static void
a_record_that_changes_while_it_is_read(void **state)
{
	(void)state;
	put(16);
	assert_int_equal(get(8), 8);
	/* An end where there were bytes. */
	scribble(0, REC(0) | (uint64_t)SHUNT__STREAM_END << 32);
	expect_lie();
}

static void
a_record_that_vanishes_while_it_is_read(void **state)
{
	(void)state;
	put(16);
	assert_int_equal(get(8), 8);
	scribble(0, 0);
	expect_lie();
}

/* Tag and length of a record of an overwriting stream. */
static void
records_that_no_writer_makes(void **state)
{
	static const struct {
		uint64_t at, word;
	} lies[] = {
	    {0, REC(8)},                    /* too short for a tag */
	    {0, REC(4)},                    /* nor for a number */
	    {0, REC(CAP)},                  /* longer than can be */
	    {TAG_AT, SHUNT__STREAM_END},    /* with bytes */
	    {TAG_AT, SHUNT__STREAM_BROKEN}, /* likewise */
	    {TAG_AT, 99},
	};

	(void)state;
	end(NULL);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		for (uint64_t before = 0; before <= 32; before += 32) {
			assert_int_equal(begin(&over), 0);
			if (before != 0) {
				put(8);
				assert_int_equal(get(8), 8);
			}
			put(16);
			scribble(before + lies[i].at, lies[i].word);
			expect_lie();
			end(NULL);
		}
	}
	assert_int_equal(begin(&over), 0);
	assert_int_equal(shunt_stream_writer_finish(w, &send_now), 0);
	scribble(TAG_AT, SHUNT__STREAM_DATA);
	expect_lie(); /* no bytes, which are no record */
	end(NULL);
	assert_int_equal(begin(&over), 0);
	assert_int_equal(shunt_stream_writer_finish(w, &send_now), 0);
	scribble(TAG_AT, 99);
	expect_lie();
}

static void
what_was_half_read_is_not_an_end_now(void **state)
{
	(void)state;
	put(16);
	assert_int_equal(get(8), 8);
	scribble(0, REC(16));
	scribble(TAG_AT, SHUNT__STREAM_END);
	expect_lie();
	end(NULL);
	assert_int_equal(begin(&over), 0);
	put(16);
	assert_int_equal(get(8), 8);
	scribble(0, 0);
	expect_lie();
	end(NULL);
	assert_int_equal(begin(&over), 0);
	put(16);
	assert_int_equal(get(8), 8);
	/* Shorter than what was read of it. */
	scribble(0, REC(16 + 4));
	expect_lie();
}

static void
a_number_that_goes_back(void **state)
{
	(void)state;
	put(8);
	put(8);
	assert_int_equal(get(8), 8);
	scribble(32 + SEQ_AT, 0);
	/* The bytes are out before the number is asked for: these are told. */
	assert_int_equal(get(16), 8);
	expect_lie();
}

static void
a_number_that_goes_back_at_an_end(void **state)
{
	(void)state;
	put(8);
	assert_int_equal(get(8), 8);
	assert_int_equal(shunt_stream_writer_finish(w, &send_now), 0);
	scribble(32 + SEQ_AT, 0);
	assert_int_equal(get(8), 0);
	expect_lie();
}

/* Who comes finds its place by the records before it. */
static void
a_reader_that_comes_to_records_that_lie(void **state)
{
	static const struct {
		uint64_t at, word;
	} lies[] = {
	    {0, REC(4)},
	    {0, REC(CAP)},
	    {32, REC(4)},
	    {32 + SEQ_AT, 0},
	};

	(void)state;
	end(NULL);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		assert_int_equal(begin(&over), 0);
		for (int k = 0; k < 4; k++)
			put(8);
		assert_int_equal(get(28), 28);
		scribble(lies[i].at, lies[i].word);
		new_reader(&over);
		expect_lie();
		end(NULL);
	}
	assert_int_equal(begin(&over), 0);
}

static void
a_place_of_the_last_reader_that_is_none(void **state)
{
	struct shunt__u64 *at;

	(void)state;
	for (int k = 0; k < 3; k++)
		put(8);
	assert_int_equal(get(8), 8);
	/* In a header; and behind all that there is. */
	at = shunt__stream_word(r, SHUNT__STREAM_AT);
	shunt__store64(at, 32 + 4);
	new_reader(&over);
	assert_int_equal(get(8), 8);
	at = shunt__stream_word(r, SHUNT__STREAM_AT);
	shunt__store64(at, 10 * CAP);
	new_reader(&over);
	assert_int_equal(get(8), -EAGAIN);
	put(5);
	assert_int_equal(get(8), 5);
	/* Records without end, none of which is the one. */
	for (uint64_t pos = 0; pos < CAP; pos += 16) {
		scribble(pos, REC(8));
		scribble(pos + 8, pos / 16);
	}
	shunt__store64(shunt__stream_word(r, SHUNT__STREAM_AT), UINT64_MAX);
	new_reader(&over);
	expect_lie();
}

/* Behind the bytes of a record that the place is in. */
static void
a_place_behind_the_bytes_is_where_they_begin(void **state)
{
	(void)state;
	put(5);
	shunt__store64(shunt__stream_word(r, SHUNT__STREAM_AT), 30);
	new_reader(&over);
	assert_int_equal(get(8), 5);
}

/* The break that was told already, with a number that goes back. */
static void
a_break_that_lies(void **state)
{
	(void)state;
	put(8);
	assert_int_equal(get(8), 8);
	shunt_stream_writer_close(&w);
	assert_int_equal(get(8), SHUNT_E_BROKEN);
	assert_int_equal(shunt_stream_writer_open(&w, name, NULL), 0);
	scribble(32 + SEQ_AT, 0);
	expect_lie();
}

/* The writer's own end: what it finds when it comes. */
static void
a_writer_comes_to_words_that_lie(void **state)
{
	const struct shunt_stream_options *const kinds[] = {&plain, &over};

	(void)state;
	end(NULL);
	for (int i = 0; i < 2; i++) {
		int fds = test_fds();

		assert_int_equal(begin(kinds[i]), 0);
		put(8);
		shunt_stream_writer_close(&w);
		scribble(0, UINT64_MAX);
		assert_int_equal(
		    shunt_stream_writer_open(&w, name, NULL), SHUNT_E_CORRUPT);
		assert_null(w);
		assert_detail(name);
		assert_detail("remove it");
		end(NULL);
		assert_int_equal(test_fds(), fds);
	}
	assert_int_equal(begin(&plain), 0);
}

/* A stream that was left unfinished, in a lane that has no room to say so,
 * which the writer before had kept. */
static void
a_lane_that_is_fuller_than_it_can_be(void **state)
{
	(void)state;
	put(8);
	shunt_stream_writer_close(&w);
	uint64_t pos = 0;
	for (; pos + 16 + 8 < CAP; pos += 16)
		scribble(pos, REC(8));
	for (; pos + 8 < CAP; pos += 8)
		scribble(pos, REC(0));
	scribble(pos, 0);
	assert_int_equal(
	    shunt_stream_writer_open(&w, name, NULL), SHUNT_E_CORRUPT);
	assert_detail("contradict");
}

static void
a_writer_whose_tail_was_moved(void **state)
{
	struct shunt__lane_lay *ctl = shunt__object_lane(w->obj, 0);

	(void)state;
	shunt__store64(&ctl->ln_tail, 5 * CAP);
	ssize_t n = 0;
	for (int i = 0; i < 10 && n >= 0; i++)
		n = shunt_stream_writer_write(w, buf, CAP / 2, &send_now);
	assert_int_equal(n, SHUNT_E_CORRUPT);
	struct iovec one = {buf, CAP / 2};
	assert_int_equal(
	    shunt_stream_writer_writev(w, &one, 1, &send_now), SHUNT_E_CORRUPT);
}

#define PLAIN(f) cmocka_unit_test_setup_teardown(f, begin_plain, end)
#define OVER(f)  cmocka_unit_test_setup_teardown(f, begin_over, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    PLAIN(a_record_that_changes_while_it_is_read),
	    PLAIN(a_record_that_vanishes_while_it_is_read),
	    OVER(records_that_no_writer_makes),
	    OVER(what_was_half_read_is_not_an_end_now),
	    OVER(a_number_that_goes_back),
	    OVER(a_number_that_goes_back_at_an_end),
	    OVER(a_reader_that_comes_to_records_that_lie),
	    OVER(a_place_of_the_last_reader_that_is_none),
	    OVER(a_place_behind_the_bytes_is_where_they_begin),
	    OVER(a_break_that_lies),
	    PLAIN(a_writer_comes_to_words_that_lie),
	    PLAIN(a_lane_that_is_fuller_than_it_can_be),
	    PLAIN(a_writer_whose_tail_was_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
