/* SPDX-License-Identifier: MIT */
/* What a pass of the log server takes, in which order, and what it does with
 * clients that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/log_producer.h"
#include "log/drain.h"
#include "os/os.h"
#include "sync/bell.h"

static char name[64];
static struct shunt__spec spec;
static struct shunt__source src;
static struct shunt__format format;
static struct shunt__stage stage;
static struct producer p[3];

static void
begin(uint64_t lane_bytes)
{
	struct shunt__object *obj;

	snprintf(name, sizeof(name), "/shunt-test-order-%d", getpid());
	shunt__log_spec(&spec, 8, lane_bytes);
	assert_int_equal(shunt__object_attach(&obj, name, &spec), 1);
	assert_int_equal(shunt__source_init(&src, obj), 0);
	assert_int_equal(shunt__stage_init(&stage), 0);
	shunt__format_init(&format, SHUNT_FORMAT_CLASSIC);
	for (int i = 0; i < 3; i++)
		assert_int_equal(producer_open(&p[i], name, &spec), 0);
}

static int
setup(void **state)
{
	(void)state;
	begin(16384);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		producer_close(&p[i]);
	shunt__object_detach(src.obj, NULL);
	shunt__source_fini(&src);
	free(stage.buf);
	char path[100];
	snprintf(path, sizeof(path), "/dev/shm%s", name);
	unlink(path);
	return 0;
}

static void
put(struct producer *q, uint64_t stamp, const char *msg)
{
	void *at;

	assert_int_equal(producer_begin(q, strlen(msg), &at), 0);
	producer_commit(q, at, stamp, 6, msg, strlen(msg));
	producer_end(q);
}

/* The messages of the stage, with a blank behind each. */
static const char *
messages(void)
{
	static char out[16384];
	size_t n = 0;

	stage.buf[stage.len] = 0;
	for (char *l = strtok(stage.buf, "\n"); l; l = strtok(NULL, "\n")) {
		const char *m = strstr(l, ": ");
		n += (size_t)snprintf(
		    out + n, sizeof(out) - n, "%s ", m + 2 + 25);
	}
	out[n] = 0;
	return out;
}

static const char *
fill(uint64_t horizon)
{
	shunt__source_scan(&src);
	shunt__order_fill(&src, horizon, &format, &stage);
	return messages();
}

static void
publish(void)
{
	shunt__publish_lanes(&src, 0);
	shunt__publish_count(&src);
}

static void
lanes_are_merged_by_stamp(void **state)
{
	(void)state;
	put(&p[0], 10, "a");
	put(&p[0], 40, "d");
	put(&p[1], 20, "b");
	put(&p[1], 50, "e");
	put(&p[1], 55, "f");
	put(&p[2], 30, "c");
	put(&p[2], 60, "g");
	assert_string_equal(fill(1000), "a b c d e f g ");
	assert_int_equal(src.next.lc_lines, 7);
	assert_int_equal(src.next.lc_last, 60);
	assert_int_equal(src.next.lc_late, 0);
}

static void
what_is_not_final_waits(void **state)
{
	(void)state;
	put(&p[0], 10, "a");
	put(&p[0], 30, "c");
	put(&p[1], 20, "b");
	put(&p[1], 29, "x");
	assert_string_equal(fill(29), "a b ");
	publish();
	assert_string_equal(fill(29), "");
	assert_string_equal(fill(31), "x c ");
}

static void
a_batch_that_failed_comes_again(void **state)
{
	(void)state;
	put(&p[0], 10, "a");
	put(&p[1], 20, "b");
	assert_string_equal(fill(1000), "a b ");
	shunt__order_rewind(&src);
	put(&p[1], 30, "c");
	assert_string_equal(fill(1000), "a b c ");
	assert_int_equal(src.next.lc_lines, 3);
	assert_int_equal(src.next.lc_skewed, 0);
}

static void
a_stamp_of_the_future_does_not_block_its_lane(void **state)
{
	uint64_t now = shunt__now();

	(void)state;
	put(&p[0], now + UINT64_C(3600000000000), "lie");
	put(&p[0], now, "next");
	put(&p[1], now - 5, "true");
	assert_string_equal(fill(shunt__now()), "true ");
	publish();
	/* It got the time of the first look, and the next one that. */
	assert_string_equal(fill(shunt__now()), "lie next ");
	assert_int_equal(src.next.lc_skewed, 2);
	assert_int_equal(src.next.lc_late, 0);
}

static void
a_stamp_below_its_lanes_last_is_lifted(void **state)
{
	(void)state;
	put(&p[0], 50, "a");
	put(&p[0], 7, "b");
	put(&p[1], 51, "c");
	assert_string_equal(fill(1000), "a b c ");
	assert_int_equal(src.next.lc_skewed, 1);
	assert_int_equal(src.next.lc_late, 0);
}

static void
a_late_line_is_counted(void **state)
{
	(void)state;
	put(&p[0], 50, "a");
	assert_string_equal(fill(1000), "a ");
	publish();
	put(&p[1], 40, "b");
	put(&p[1], 60, "c");
	assert_string_equal(fill(1000), "b c ");
	assert_int_equal(src.next.lc_late, 1);
	assert_int_equal(src.next.lc_last, 60);
}

static void
malformed_records_become_marked_lines(void **state)
{
	struct shunt__log_record_lay r = {10, 1, 1};
	unsigned char longer[20];

	(void)state;
	memset(longer, 'x', sizeof(longer));
	memcpy(longer, &r, sizeof(r));
	producer_raw(&p[0], "a\nb", 3, 6);           /* no record at all */
	producer_raw(&p[0], longer, 20, 5 << 8 | 6); /* tag beyond the end */
	producer_raw(&p[0], longer, 20, 99);         /* no such level */
	producer_raw(&p[0], longer, 20, 4 << 8 | 6); /* just right: no text */
	producer_raw(&p[0], "", 0, 0);
	shunt__source_scan(&src);
	shunt__order_fill(&src, 1000, &format, &stage);
	assert_int_equal(src.next.lc_lines, 5);
	assert_int_equal(src.next.lc_skewed, 4);
	stage.buf[stage.len] = 0;
	assert_non_null(strstr(stage.buf, "shunt: malformed record: a\\nb\n"));
	unsigned lines = 0;
	for (size_t i = 0; i < stage.len; i++)
		lines += stage.buf[i] == '\n';
	assert_int_equal(lines, 5);
}

static void
a_corrupt_lane_is_read_to_the_lie_and_closed(void **state)
{
	void *at;

	(void)state;
	put(&p[0], 10, "a");
	/* Where the next header will be: flags that no one writes. */
	shunt__store64(
	    shunt__lane_word(p[0].tx.ring, p[0].tx.cap, p[0].tx.head),
	    UINT64_C(0x1234567812345678));
	put(&p[1], 20, "b");
	assert_string_equal(fill(1000), "a b ");
	publish();
	assert_string_equal(fill(1000), "");
	assert_int_equal(shunt__load64(&p[0].ctl->ln_tail) & 7, 1);
	/* Its owner learns it when he looks for room; others go on. */
	p[0].wait = 0;
	int e = 0;
	for (int i = 0; i < 1000 && e == 0; i++)
		if ((e = producer_begin(&p[0], 1000, &at)) == 0) {
			producer_commit(&p[0], at, 30, 6, name, 10);
			producer_end(&p[0]);
		}
	assert_int_equal(e, SHUNT_E_CORRUPT);
	put(&p[1], 40, "c");
	assert_string_equal(fill(1000), "c ");
}

/* A producer that hands round a ring full of valid headers cannot make one
 * pass walk for ever. */
static void
a_lane_without_end_is_cut_at_its_capacity(void **state)
{
	struct shunt__lane_tx *tx = &p[0].tx;

	(void)state;
	for (uint64_t at = 0; at < tx->cap; at += 8)
		shunt__store64(shunt__lane_word(tx->ring, tx->cap, at),
		    SHUNT__LANE_REC | 0);
	shunt__source_scan(&src);
	shunt__order_fill(&src, 1000, &format, &stage);
	assert_true(src.next.lc_lines < tx->cap / 8);
	assert_int_equal(src.lanes[0].state, SHUNT__CURSOR_CORRUPT);
	/* What is read after the teardown has to be sane. */
	publish();
}

static uint64_t
horizon_took(void)
{
	uint64_t before = shunt__now();

	shunt__order_horizon(&src);
	return shunt__now() - before;
}

static void
a_stopped_client_delays_once(void **state)
{
	void *at;

	(void)state;
	assert_int_equal(producer_begin(&p[0], 1, &at), 0);
	/* In a call, and alive as far as the kernel knows. */
	assert_true(horizon_took() >= SHUNT__HOLD_NS);
	assert_true(horizon_took() < SHUNT__HOLD_NS / 2);
	producer_commit(&p[0], at, 5, 6, "z", 1);
	producer_end(&p[0]);
	/* The next call is another one. */
	assert_int_equal(producer_begin(&p[0], 1, &at), 0);
	assert_true(horizon_took() >= SHUNT__HOLD_NS);
	producer_end(&p[0]);
}

static void
a_dead_client_delays_not_at_all(void **state)
{
	void *at;

	(void)state;
	assert_int_equal(producer_begin(&p[0], 1, &at), 0);
	shunt__lane_unlock(p[0].obj, p[0].lane);
	assert_true(horizon_took() < SHUNT__HOLD_NS / 2);
}

static void
a_waiting_owner_is_woken(void **state)
{
	(void)state;
	shunt__or32(&p[0].ctl->ln_waiting, SHUNT__BELL_ASLEEP);
	shunt__or32(&p[1].ctl->ln_waiting, SHUNT__BELL_ASLEEP);
	put(&p[0], 10, "a");
	fill(1000);
	assert_int_equal(shunt__load32(&p[0].ctl->ln_waiting), 1);
	publish();
	assert_int_equal(shunt__load32(&p[0].ctl->ln_waiting), 0);
	assert_int_equal(shunt__load32(&p[1].ctl->ln_waiting), 0);
	/* And whoever waits for the disk. */
	shunt__or32(&p[0].ctl->ln_waiting, SHUNT__BELL_ASLEEP);
	shunt__publish_durable(&src);
	assert_int_equal(shunt__load32(&p[0].ctl->ln_waiting), 0);
	assert_int_equal(shunt__load64(&p[0].ctl->ln_durable), p[0].tx.head);
}

static void
drops_are_told_once(void **state)
{
	(void)state;
	put(&p[0], 10, "a");
	shunt__store64(&p[0].ctl->ln_dropped, 17);
	shunt__store32(&p[0].ctl->ln_pid, 4711);
	assert_string_equal(
	    fill(1000), "a shunt: 17 messages dropped from pid 4711 ");
	assert_int_equal(src.next.lc_dropped, 17);
	publish();
	assert_int_equal(shunt__load64(&p[0].ctl->ln_told), 17);
	assert_string_equal(fill(1000), "");
	shunt__store64(&p[0].ctl->ln_dropped, 18);
	assert_string_equal(
	    fill(1000), "shunt: 1 messages dropped from pid 4711 ");
}

static void
pads_alone_are_passed_over(void **state)
{
	char text[6000];
	void *at;

	(void)state;
	memset(text, 'y', sizeof(text));
	text[sizeof(text) - 1] = 0;
	/* Two fill the ring's first part, the third needs a pad. */
	put(&p[0], 10, text);
	put(&p[0], 11, text);
	fill(1000);
	publish();
	assert_int_equal(producer_begin(&p[0], 5000, &at), 0);
	producer_commit(&p[0], at, 20, 6, text, 5000);
	producer_end(&p[0]);
	shunt__source_scan(&src);
	shunt__order_fill(&src, 1000, &format, &stage);
	assert_int_equal(stage.lines, 1);
	shunt__order_rewind(&src);
	shunt__order_fill(&src, 1000, &format, &stage);
	assert_int_equal(stage.lines, 1);
	publish();
	assert_int_equal(shunt__load64(&p[0].ctl->ln_tail), p[0].tx.head);
}

static void
more_than_a_batch_is_cut_in_order(void **state)
{
	char text[2001];
	uint64_t stamp = 1, lines = 0;
	int passes = 0;

	(void)state;
	teardown(NULL);
	begin(1 << 20);
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	for (int i = 0; i < 400; i++)
		for (int k = 0; k < 3; k++)
			put(&p[k], stamp++, text);
	do {
		shunt__source_scan(&src);
		shunt__order_fill(&src, 10000, &format, &stage);
		lines += stage.lines;
		assert_int_equal(src.next.lc_last, lines);
		publish();
		passes++;
	} while (stage.cut);
	assert_int_equal(lines, 1200);
	assert_int_equal(src.done.lc_late, 0);
	assert_in_range(passes, 3, 12);
}

static void
a_line_longer_than_a_batch_fits(void **state)
{
	size_t len = (3u << 19) + 5;
	char *text = malloc(len + 1);

	(void)state;
	teardown(NULL);
	begin(4 << 20);
	memset(text, '\n', len); /* each becomes two */
	text[len] = 0;
	put(&p[1], 5, "before");
	put(&p[0], 10, text);
	put(&p[1], 20, "behind");
	uint64_t lines = 0, bytes = 0;
	do {
		shunt__source_scan(&src);
		shunt__order_fill(&src, 10000, &format, &stage);
		lines += stage.lines;
		bytes += stage.len;
		publish();
	} while (stage.cut);
	assert_int_equal(lines, 3);
	assert_true(bytes > 2 * len && bytes < 2 * len + 300);
	free(text);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(lanes_are_merged_by_stamp),
	    TEST(what_is_not_final_waits),
	    TEST(a_batch_that_failed_comes_again),
	    TEST(a_stamp_of_the_future_does_not_block_its_lane),
	    TEST(a_stamp_below_its_lanes_last_is_lifted),
	    TEST(a_late_line_is_counted),
	    TEST(malformed_records_become_marked_lines),
	    TEST(a_corrupt_lane_is_read_to_the_lie_and_closed),
	    TEST(a_lane_without_end_is_cut_at_its_capacity),
	    TEST(a_stopped_client_delays_once),
	    TEST(a_dead_client_delays_not_at_all),
	    TEST(a_waiting_owner_is_woken),
	    TEST(drops_are_told_once),
	    TEST(pads_alone_are_passed_over),
	    TEST(more_than_a_batch_is_cut_in_order),
	    TEST(a_line_longer_than_a_batch_fits),
	};

	alarm(50);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
