/* SPDX-License-Identifier: MIT */
/*
 * Lanes as the server meets them when something is wrong: unreadable, closed,
 * damaged, with a client killed between two stores; and batches that end just
 * where a sentence of the server's own should stand.
 */
#include "unit/unit.h"

#include <errno.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "lib/log_producer.h"
#include "lib/peers.h"
#include "log/drain.h"
#include "os/os.h"
#include "sync/bell.h"

static struct shunt__os real;
static const char *name;
static struct shunt__source src;
static struct shunt__format format;
static struct shunt__stage stage;
static struct producer p[3];

static int
setup(void **state)
{
	struct shunt__object *obj;
	struct shunt__spec spec;

	(void)state;
	real = shunt__os;
	name = test_name("lanes");
	shunt__log_spec(&spec, 4, 16384);
	assert_int_equal(shunt__object_attach(&obj, name, &spec), 1);
	assert_int_equal(shunt__source_init(&src, obj), 0);
	assert_int_equal(shunt__stage_init(&stage), 0);
	shunt__format_init(&format, SHUNT_FORMAT_CLASSIC);
	for (int i = 0; i < 3; i++)
		assert_int_equal(producer_open(&p[i], name, &spec), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shunt__os = real;
	for (int i = 0; i < 3; i++)
		producer_close(&p[i]);
	shunt__object_detach(src.obj, NULL);
	shunt__source_fini(&src);
	free(stage.buf);
	unlink(test_path(name));
	return 0;
}

static void
put(int i, const char *msg)
{
	assert_int_equal(producer_put(&p[i], msg, strlen(msg)), 0);
}

/* Lines of a pass over all that lies there. */
static uint64_t
fill(void)
{
	shunt__source_scan(&src);
	shunt__order_fill(&src, shunt__now() + 1, &format, &stage);
	return stage.lines;
}

/* ---- lanes that cannot be read ---- */

static int hidden;

static int
hide(void *at, size_t n, int advice)
{
	if (advice == MADV_POPULATE_READ && hidden > 0) {
		hidden--;
		return -ENOMEM;
	}
	return real.madvise(at, n, advice);
}

static void
a_lane_that_cannot_be_read_is_read_when_it_can(void **state)
{
	(void)state;
	put(0, "a");
	shunt__os.madvise = hide;
	hidden = 2;
	assert_int_equal(fill(), 0);
	assert_int_equal(src.lanes[0].state, SHUNT__CURSOR_UNREADY);
	assert_int_equal(src.lanes[1].state, SHUNT__CURSOR_UNREADY);
	/* A batch that failed makes no difference to it. */
	shunt__order_rewind(&src);
	assert_int_equal(src.lanes[0].state, SHUNT__CURSOR_UNREADY);
	hidden = 2;
	assert_int_equal(shunt__source_any(&src), 0);
	assert_int_equal(shunt__source_any(&src), 1);
	assert_int_equal(fill(), 1);
}

static void
a_lane_that_a_predecessor_closed_stays_closed(void **state)
{
	(void)state;
	put(0, "a");
	put(1, "b");
	shunt__store64(&p[0].ctl->ln_tail, SHUNT__TAIL_CLOSED);
	assert_int_equal(fill(), 1);
	assert_int_equal(src.lanes[0].state, SHUNT__CURSOR_CORRUPT);
	shunt__publish_lanes(&src, 0);
	assert_int_equal(shunt__load64(&p[0].ctl->ln_tail), SHUNT__TAIL_CLOSED);
	assert_int_equal(shunt__source_any(&src), 0);
	/* Its owner's drops are told all the same. */
	shunt__store64(&p[0].ctl->ln_dropped, 3);
	assert_int_equal(shunt__source_any(&src), 1);
	assert_int_equal(fill(), 1);
}

static void
damage(int i)
{
	shunt__store64(
	    shunt__lane_word(p[i].tx.ring, p[i].tx.cap, p[i].tx.head),
	    UINT64_C(0x1234567812345678));
}

static void
a_damaged_lane_gives_its_records_again_if_the_batch_fails(void **state)
{
	(void)state;
	put(0, "a");
	damage(0);
	damage(1); /* and one that has nothing else */
	assert_int_equal(fill(), 1);
	shunt__order_rewind(&src);
	assert_int_equal(src.lanes[0].state, SHUNT__CURSOR_READ);
	assert_int_equal(fill(), 1);
	shunt__publish_lanes(&src, 1);
	assert_int_equal(shunt__load64(&p[0].ctl->ln_tail),
	    p[0].tx.head | SHUNT__TAIL_CLOSED);
	assert_int_equal(shunt__load64(&p[1].ctl->ln_tail), SHUNT__TAIL_CLOSED);
	/* Once more changes nothing. */
	shunt__publish_lanes(&src, 1);
	shunt__publish_pads(&src);
	assert_int_equal(shunt__load64(&p[1].ctl->ln_tail), SHUNT__TAIL_CLOSED);
}

static void
a_damaged_lane_that_is_alone_is_closed_too(void **state)
{
	(void)state;
	damage(1);
	assert_int_equal(fill(), 0);
	shunt__publish_pads(&src);
	assert_int_equal(shunt__load64(&p[1].ctl->ln_tail), SHUNT__TAIL_CLOSED);
	assert_int_equal(shunt__load64(&p[0].ctl->ln_tail), 0);
}

/* Killed between the pad and the record behind it. */
static void
a_pad_without_a_record_is_passed_over(void **state)
{
	struct shunt__lane_tx *tx = &p[0].tx;

	(void)state;
	put(0, "a");
	assert_int_equal(fill(), 1);
	shunt__publish_lanes(&src, 0);
	shunt__store64(shunt__lane_word(tx->ring, tx->cap, 0), 0);
	shunt__release64(shunt__lane_word(tx->ring, tx->cap, tx->head),
	    SHUNT__LANE_REC | SHUNT__LANE_PAD);
	assert_int_equal(fill(), 0);
	shunt__publish_pads(&src);
	assert_int_equal(shunt__load64(&p[0].ctl->ln_tail), tx->cap);
	/* The next owner goes on from there. */
	assert_int_equal(
	    shunt__lane_tx_adopt(tx, tx->ring, tx->cap, p[0].ctl), 0);
	put(0, "b");
	assert_int_equal(fill(), 1);
}

/* ---- in mid-call ---- */

static void
end_the_call(void)
{
	producer_end(&p[0]);
}

static void (*napping)(void);

static int
nap(int64_t ns)
{
	(void)ns;
	napping();
	return 0;
}

static void
a_call_that_ends_while_the_server_waits_is_in_the_batch(void **state)
{
	void *at;

	(void)state;
	assert_int_equal(producer_begin(&p[0], 1, &at), 0);
	producer_commit(&p[0], at, shunt__now(), 6, "x", 1);
	shunt__os.nanosleep = nap;
	napping = end_the_call;
	uint64_t horizon = shunt__order_horizon(&src);
	assert_int_equal(src.lanes[0].gave_up, 0);
	shunt__order_fill(&src, horizon, &format, &stage);
	assert_int_equal(stage.lines, 1);
}

/* ---- sentences of the server's own ---- */

static void
a_tag_that_is_too_long_makes_a_malformed_record(void **state)
{
	struct shunt__log_record_lay r = {10, 1, 1};
	unsigned char bytes[80];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, &r, sizeof(r));
	assert_int_equal(producer_raw(&p[0], bytes, 80, 40 << 8 | 6), 0);
	assert_int_equal(fill(), 1);
	assert_int_equal(src.next.lc_skewed, 1);
	stage.buf[stage.len] = 0;
	assert_non_null(strstr(stage.buf, "malformed record"));
}

/* A batch has room for one sentence of @len bytes, and a few bytes more. */
static void
room_for_one(size_t len)
{
	stage.room = shunt__format_room(SHUNT_FORMAT_CLASSIC, 5, len) + 10;
}

static void
what_does_not_fit_the_batch_comes_with_the_next(void **state)
{
	const char drops[] = "shunt: 1 messages dropped from pid 4194304";
	const char mark[] = "shunt: malformed record: abc";
	size_t room = stage.room;

	(void)state;
	/* One sentence at a time, of three. */
	for (int i = 0; i < 3; i++)
		shunt__store64(&p[i].ctl->ln_dropped, 1);
	room_for_one(strlen(drops));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fill(), 1);
		assert_int_equal(stage.cut, i < 2);
		shunt__publish_lanes(&src, 0);
		shunt__publish_count(&src);
		for (int k = 0; k < 3; k++)
			assert_int_equal(
			    shunt__load64(&p[k].ctl->ln_told), k <= i);
	}
	/* The same of a record that is none. */
	put(0, "a");
	assert_int_equal(producer_raw(&p[0], "abc", 3, 6), 0);
	room_for_one(strlen(mark));
	assert_int_equal(fill(), 1);
	assert_true(stage.cut);
	assert_int_equal(src.next.lc_skewed, 0);
	shunt__publish_lanes(&src, 0);
	stage.room = room;
	assert_int_equal(fill(), 1);
	assert_int_equal(src.next.lc_skewed, 1);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    CASE(a_lane_that_cannot_be_read_is_read_when_it_can),
	    CASE(a_lane_that_a_predecessor_closed_stays_closed),
	    CASE(a_damaged_lane_gives_its_records_again_if_the_batch_fails),
	    CASE(a_damaged_lane_that_is_alone_is_closed_too),
	    CASE(a_pad_without_a_record_is_passed_over),
	    CASE(a_call_that_ends_while_the_server_waits_is_in_the_batch),
	    CASE(a_tag_that_is_too_long_makes_a_malformed_record),
	    CASE(what_does_not_fit_the_batch_comes_with_the_next),
	};

	alarm(50);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
