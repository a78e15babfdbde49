/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/* The records of a log whose server died at any place, is at work, or whose
 * words lie: what can be read is shown in order, what cannot is told. */
#include "unit/unit.h"

#include <errno.h>
#include <time.h>

#include <cmocka.h>

#include <shunt.h>

#include "channel/queue_layout.h"
#include "lib/peers.h"
#include "lock/named.h"
#include "log/log_layout.h"
#include "log/spec.h"
#include "os/os.h"
#include "unit/forge.h"

static struct forged f;

static void
make(uint32_t lanes, uint64_t lane_bytes)
{
	struct shunt__spec spec;

	shunt__log_spec(&spec, lanes, lane_bytes);
	f = forge(&spec);
	forge_high(&f, lanes, 0);
}

/* A record of level 6, with this stamp; where the next one goes. */
static uint64_t
record(uint32_t lane, uint64_t pos, uint64_t stamp, const char *text)
{
	unsigned char payload[100];
	struct shunt__log_record_lay lr = {
	    .lr_stamp = stamp, .lr_pid = 42, .lr_tid = 43};

	memcpy(payload, &lr, sizeof(lr));
	memcpy(payload + sizeof(lr), text, strlen(text));
	return forge_record(
	    &f, lane, pos, 6, payload, (uint32_t)(sizeof(lr) + strlen(text)));
}

static char shown[4096]; /* the messages, "a,b," */

/* How the lines end, in their order; the code at the end. */
static int
messages(void)
{
	struct shunt_tail *t;
	const char *line;
	ssize_t n;
	int e = shunt_tail_open(&t, f.name, NULL, SHUNT_FORMAT_ISO);

	shown[0] = 0;
	if (e < 0) {
		assert_null(t);
		assert_detail(f.name);
		return e;
	}
	while ((n = shunt_tail_next(t, &line)) > 0) {
		const char *last = strrchr(line, ' ');
		size_t have = strlen(shown);
		assert_int_equal(strlen(line), n);
		assert_int_equal(line[n - 1], '\n');
		if (have + 40 < sizeof(shown))
			snprintf(shown + have, 40, "%.*s,",
			    (int)strcspn(last + 1, "\n"), last + 1);
	}
	assert_int_equal(shunt_tail_next(t, &line), 0);
	shunt_tail_close(&t);
	return (int)n;
}

#define SHOWS(text, code)                                                      \
	do {                                                                   \
		int e = messages();                                            \
		assert_string_equal(shown, text);                              \
		assert_int_equal(e, code);                                     \
	} while (0)

static void
only_logs_have_records(void **state)
{
	struct shunt__spec spec = {.kind = SHUNT_KIND_LOCK,
	    .lanes = 4,
	    .area_bytes = shunt__lock_area(SHUNT_KIND_LOCK, 0),
	    .print = shunt__lock_print(SHUNT_KIND_LOCK)};
	struct shunt_tail *t;
	const char *line;

	(void)state;
	f = forge(&spec);
	assert_int_equal(messages(), SHUNT_E_KIND);
	assert_detail("an object of another kind");
	forge_end(&f);
	/* One whose area has not the room for all its lanes. */
	shunt__log_spec(&spec, 1024, 4096);
	spec.area_bytes = 8192;
	f = forge(&spec);
	assert_int_equal(messages(), SHUNT_E_LAYOUT);
	assert_detail("8192 bytes");
	forge_end(&f);
	assert_int_equal(shunt_tail_next(NULL, &line), -EINVAL);
	make(1, 4096);
	assert_int_equal(shunt_tail_open(&t, f.name, NULL, 0), 0);
	assert_int_equal(shunt_tail_next(t, NULL), -EINVAL);
	assert_int_equal(shunt_tail_next(t, &line), 0);
	shunt_tail_close(&t);
	shunt_tail_close(&t);
	shunt_tail_close(NULL);
	assert_string_equal(shunt_tail_file(NULL), "");
	assert_int_equal(shunt_tail_open(NULL, f.name, NULL, 0), -EINVAL);
	forge_end(&f);
}

static void
records_of_one_stamp_keep_the_order_of_their_lanes(void **state)
{
	uint64_t pos;

	(void)state;
	make(3, 4096);
	pos = record(0, 0, 5, "a5");
	pos = record(0, pos, 5, "b5");
	record(0, pos, 9, "c9");
	pos = record(1, 0, 5, "d5");
	/* A stamp that falls is at least the one before it. */
	record(1, pos, 1, "e1");
	pos = record(2, 0, 5, "f5");
	record(2, pos, 2, "g2");
	SHOWS("a5,b5,d5,e1,f5,g2,c9,", 0);
	/* A lane that its server gave up is left out. */
	forge_tail(&f, 1, 4);
	SHOWS("a5,b5,f5,g2,c9,", 0);
	forge_end(&f);
}

static void
a_thousand_records_and_a_ring_that_wraps_are_shown(void **state)
{
	uint64_t pos = 65536 - 512, n = 0;
	char text[16], last[16];

	(void)state;
	make(1, 65536);
	forge_tail(&f, 0, pos);
	while (pos <= 65536 - 40)
		pos = record(0, pos, ++n, "1234567890");
	pos = forge_pad(&f, 0, pos);
	assert_int_equal(pos, 65536);
	for (int i = 0; i < 1100; i++) {
		snprintf(text, sizeof(text), "%07d", i);
		pos = record(0, pos, ++n, text);
	}
	struct shunt_tail *t;
	const char *line;
	uint64_t lines = 0;
	assert_int_equal(
	    shunt_tail_open(&t, f.name, NULL, SHUNT_FORMAT_JSON), 0);
	while (shunt_tail_next(t, &line) > 0) {
		lines++;
		snprintf(last, sizeof(last), "%.15s",
		    strstr(line, "00010") != NULL ? "seen" : "");
	}
	assert_int_equal(lines, n);
	assert_string_equal(last, "seen");
	shunt_tail_close(&t);
	forge_end(&f);
}

static void
what_is_no_record_of_a_log_is_shown_whole(void **state)
{
	uint64_t pos;

	(void)state;
	make(1, 4096);
	/* Without a stamp, without a head, and a tag longer than all of it. */
	pos = forge_record(&f, 0, 0, 6, " abc", 4);
	pos = forge_record(&f, 0, pos, 6, "12345678 tiny", 13);
	pos = forge_record(&f, 0, pos, 0xff06, "123456789012345 long", 20);
	pos = forge_record(&f, 0, pos, 6, NULL, 0);
	record(0, pos, 0, "good");
	assert_int_equal(messages(), 0);
	assert_non_null(strstr(shown, "abc,"));
	assert_non_null(strstr(shown, "tiny,"));
	assert_non_null(strstr(shown, "long,"));
	assert_non_null(strstr(shown, "good,"));
	forge_end(&f);
}

/* ---- the note of a server that died ---- */

static void
note(uint64_t batch, uint32_t lanes, uint64_t lane_1)
{
	uint64_t at = SHUNT__AREA_OFF + SHUNT__LOG_NOTE_OFF;

	forge_word(&f, at, batch);
	forge_u32(
	    &f, at + offsetof(struct shunt__log_note_lay, nt_lanes), lanes);
	forge_word(&f, SHUNT__AREA_OFF + SHUNT__LOG_TAILS_OFF + 8, lane_1);
}

static void
what_a_dead_server_has_written_is_not_shown_again(void **state)
{
	const uint64_t done = 4 | SHUNT__NOTE_DONE;
	uint64_t second, third, end;

	(void)state;
	make(2, 4096);
	record(0, 0, 1, "other");
	second = record(1, 0, 2, "one");
	third = record(1, second, 3, "two");
	end = record(1, third, 4, "three");
	SHOWS("other,one,two,three,", 0);
	note(done, 2, second);
	SHOWS("other,two,three,", 0);
	note(done, 2, end);
	SHOWS("other,", 0);
	/* A batch that is on its way, one without this lane, and lies. */
	note(4 | SHUNT__NOTE_INTENT, 2, second);
	SHOWS("other,one,two,three,", 0);
	note(done, 1, second);
	SHOWS("other,one,two,three,", 0);
	note(done, 2, end + 8);
	SHOWS("other,one,two,three,", 0);
	note(done, 2, second + 4);
	SHOWS("other,one,two,three,", 0);
	forge_tail(&f, 1, third);
	note(done, 2, second);
	SHOWS("other,three,", 0);
	forge_end(&f);
}

/* ---- a server that is at work ---- */

static uint64_t moved[4], ends; /* of the lane, as it is looked at again */
static unsigned from_nth, scribbles;

/* Where the lane is looked at once its ring was copied. */
static void
move(unsigned nth)
{
	if (nth >= from_nth && nth - from_nth < 4)
		forge_tail(&f, 0, moved[nth - from_nth]);
}

static void
released(uint64_t a, uint64_t b)
{
	forge_tail(&f, 0, 0);
	from_nth = 2; /* after the lane's own look and the walk's */
	moved[0] = a;
	for (int i = 1; i < 4; i++)
		moved[i] = b;
	forge_watch(f.geo.lanes_off, move);
}

static void
what_is_released_meanwhile_is_left_out(void **state)
{
	uint64_t second, third;

	(void)state;
	make(2, 4096);
	record(1, 0, 9, "other");
	second = record(0, 0, 1, "one");
	third = record(0, second, 2, "two");
	ends = record(0, third, 3, "three");
	released(second, second);
	SHOWS("two,three,other,", 0);
	released(third, third);
	SHOWS("three,other,", 0);
	/* All of it, and more than that. */
	released(ends, ends);
	SHOWS("other,", 0);
	released(ends + 4096, ends + 4096);
	SHOWS("other,", 0);
	/* In the middle of a record: it cannot be; once more it can. */
	released(second + 8, third);
	SHOWS("three,other,", 0);
	/* No tail goes back, and none stands between two words. */
	forge_watch(f.geo.lanes_off, NULL);
	forge_tail(&f, 0, second);
	released(second + 1, second + 1);
	SHOWS("other,", SHUNT_E_CORRUPT);
	forge_calm();
	forge_end(&f);
}

/* Backwards, behind where the reading began. */
static void
move_back(unsigned nth)
{
	if (nth == 2)
		forge_tail(&f, 0, 0);
}

/* Always on, into the middle of records. */
static void
move_on(unsigned nth)
{
	if (nth % 3 == 0)
		forge_tail(&f, 0, 0);
	if (nth % 3 == 2)
		forge_tail(&f, 0, 8);
}

static void
a_tail_that_lies_is_told_and_hides_no_other_lane(void **state)
{
	uint64_t second;

	(void)state;
	make(3, 4096);
	record(1, 0, 9, "other");
	second = record(0, 0, 1, "one");
	record(0, second, 2, "two");
	forge_tail(&f, 0, second);
	forge_watch(f.geo.lanes_off, move_back);
	SHOWS("other,", SHUNT_E_CORRUPT);
	assert_detail("cannot be read");
	/* It never stands still: after some time nothing of it is shown. */
	forge_watch(f.geo.lanes_off, move_on);
	SHOWS("other,", -EAGAIN);
	assert_in_range(forge_reads(), 100, 5000);
	forge_calm();
	/* Two of them: the first one's code is told. */
	forge_tail(&f, 0, 0);
	forge_word(&f, f.geo.rings_off, 5);
	forge_word(&f, f.geo.rings_off + 2 * 4096, UINT64_MAX);
	SHOWS("other,", SHUNT_E_CORRUPT);
	forge_end(&f);
}

/* What the walk found is something else once it is copied. */
static void
scribble(unsigned nth)
{
	static const uint64_t words[] = {
	    0, 5, SHUNT__LANE_REC | SHUNT__LANE_PAD, SHUNT__LANE_REC | 1024};

	if (nth == 1)
		forge_word(&f, f.geo.rings_off + 32, words[scribbles]);
}

static void
a_ring_that_is_written_over_ends_where_it_fails(void **state)
{
	static const int codes[] = {
	    0, SHUNT_E_CORRUPT, SHUNT_E_CORRUPT, SHUNT_E_CORRUPT};
	char at_32[8];

	(void)state;
	make(2, 4096);
	record(1, 0, 9, "other");
	assert_int_equal(record(0, 0, 1, "one"), 32);
	record(0, 32, 2, "two");
	for (scribbles = 0; scribbles < 4; scribbles++) {
		memcpy(
		    at_32, &(uint64_t){SHUNT__LANE_REC | 6ull << 32 | 19}, 8);
		forge_put(&f, f.geo.rings_off + 32, at_32, 8);
		forge_watch(f.geo.rings_off, scribble);
		SHOWS("one,other,", codes[scribbles]);
		forge_calm();
	}
	forge_end(&f);
}

static void
each_read_that_fails_is_told(void **state)
{
	int e = 1, failed = 1, fds;

	(void)state;
	make(2, 4096);
	fds = test_fds();
	note(SHUNT__NOTE_DONE, 2, 0);
	record(0, record(0, 0, 1, "one"), 2, "two");
	record(1, 0, 3, "three");
	for (unsigned k = 1; failed; k++) {
		forge_fail(k, EIO);
		e = messages();
		failed = forge_calm();
		assert_true(e == 0 || e == -EIO);
		assert_int_equal(test_fds(), fds);
		/* The note alone may be missing: then it tells of nothing. */
		if (e == 0)
			assert_string_equal(shown, "one,two,three,");
	}
	assert_int_equal(e, 0);
	forge_end(&f);
}

/* ---- the clock of the server ---- */

static void
wall(const char *boot, int64_t offset)
{
	uint64_t at = SHUNT__AREA_OFF;

	forge_put(
	    &f, at + offsetof(struct shunt__log_server_lay, sv_boot), boot, 16);
	forge_word(&f, at + offsetof(struct shunt__log_server_lay, sv_wall),
	    (uint64_t)offset);
}

/* The year that the only line begins with. */
static int
year(void)
{
	struct shunt_tail *t;
	const char *line;
	int y;

	assert_int_equal(
	    shunt_tail_open(&t, f.name, NULL, SHUNT_FORMAT_ISO), 0);
	assert_true(shunt_tail_next(t, &line) > 0);
	y = atoi(line);
	shunt_tail_close(&t);
	return y;
}

static void
stamps_of_another_boot_are_told_by_its_own_clock(void **state)
{
	const int64_t day = INT64_C(86400) * 1000000000;
	int64_t now = (int64_t)shunt__clock(CLOCK_REALTIME);
	int64_t off = now - (int64_t)shunt__now();
	char ours[16], other[16];
	time_t t = (time_t)(now / 1000000000);
	struct tm tm;

	(void)state;
	localtime_r(&t, &tm);
	make(1, 4096);
	shunt__who_boot((uint8_t *)ours);
	memset(other, 'x', 16);
	record(0, 0, shunt__now(), "when");
	assert_in_range(year(), 1900 + tm.tm_year, 1901 + tm.tm_year);
	/* Of this boot: a clock that was set far since is believed as it is. */
	wall(ours, off);
	assert_in_range(year(), 1900 + tm.tm_year, 1901 + tm.tm_year);
	wall(ours, off - 3000 * day);
	assert_in_range(year(), 1900 + tm.tm_year, 1901 + tm.tm_year);
	wall(ours, off + 3000 * day);
	assert_in_range(year(), 1900 + tm.tm_year, 1901 + tm.tm_year);
	/* Of another: what its server left is all that there is. */
	wall(other, off - 3000 * day);
	assert_in_range(year(), 1890 + tm.tm_year, 1893 + tm.tm_year);
	forge_end(&f);
}

static void
a_file_without_an_end_of_its_name_has_none(void **state)
{
	uint64_t at =
	    SHUNT__AREA_OFF + offsetof(struct shunt__log_server_lay, sv_file);
	char name[256];
	struct shunt_tail *t;

	(void)state;
	make(1, 4096);
	for (int i = 0; i < 3; i++) {
		memset(name, 'n', sizeof(name));
		strcpy(name, i == 0 ? "/var/log/x" : "-");
		if (i == 2)
			memset(name, 'n', sizeof(name));
		forge_put(&f, at, name, sizeof(name));
		assert_int_equal(shunt_tail_open(&t, f.name, NULL, 0), 0);
		assert_string_equal(
		    shunt_tail_file(t), i == 0 ? "/var/log/x" : "");
		shunt_tail_close(&t);
	}
	forge_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(only_logs_have_records),
	    TEST(records_of_one_stamp_keep_the_order_of_their_lanes),
	    TEST(a_thousand_records_and_a_ring_that_wraps_are_shown),
	    TEST(what_is_no_record_of_a_log_is_shown_whole),
	    TEST(what_a_dead_server_has_written_is_not_shown_again),
	    TEST(what_is_released_meanwhile_is_left_out),
	    TEST(a_tail_that_lies_is_told_and_hides_no_other_lane),
	    TEST(a_ring_that_is_written_over_ends_where_it_fails),
	    TEST(each_read_that_fails_is_told),
	    TEST(stamps_of_another_boot_are_told_by_its_own_clock),
	    TEST(a_file_without_an_end_of_its_name_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
