/* SPDX-License-Identifier: MIT */
/* Lines of a log: what stands in them, and that nothing can break them. */
#define _TIME_BITS 64 /* as the library has it */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <shunt/logd.h>
#include <shunt/text.h>

#include "base/text.h"
#include "log/format.h"

#define WALL INT64_C(1795235979123456789) /* 2026-11-21 04:39:39 UTC */

/* One line, with guard bytes behind the room that was asked for. */
static char *
line_at(uint32_t kind, uint64_t stamp, int64_t off, const char *tag,
    const void *msg, size_t len)
{
	static struct shunt__format f;
	static char *out;
	size_t room = shunt__format_room(kind, strlen(tag), len);

	free(out);
	out = malloc(room + 16);
	assert_non_null(out);
	memset(out + room, 0x5a, 16);
	shunt__format_init(&f, kind);
	f.wall_off = off;
	size_t n = shunt__format_line(
	    &f, out, stamp, 1234, 1235, 6, tag, strlen(tag), msg, len);
	assert_true(n < room);
	for (int i = 0; i < 16; i++)
		assert_int_equal(out[room + (size_t)i], 0x5a);
	out[n] = 0;
	assert_int_equal(out[n - 1], '\n');
	return out;
}

static char *
line(uint32_t kind, const void *msg, size_t len)
{
	return line_at(kind, 123456789, WALL - 123456789, "cat", msg, len);
}

static void
zone(const char *tz)
{
	setenv("TZ", tz, 1);
	tzset();
}

static void
a_classic_line_is_pid_ctime_and_message(void **state)
{
	char want[128];
	time_t t = WALL / 1000000000;

	(void)state;
	zone("Europe/Berlin");
	assert_string_equal(line(SHUNT_FORMAT_CLASSIC, "hello world", 11),
	    "1234: Sat Nov 21 05:39:39 2026 hello world\n");
	for (int i = 0; i < 4000; i++, t += 7919 * 71) {
		char *day = ctime(&t);
		day[24] = 0;
		snprintf(want, sizeof(want), "1234: %s x\n", day);
		assert_string_equal(line_at(SHUNT_FORMAT_CLASSIC, 0,
					(int64_t)t * 1000000000, "", "x", 1),
		    want);
	}
}

static void
an_iso_line_has_nanoseconds_zone_level_and_tag(void **state)
{
	(void)state;
	zone("UTC");
	assert_string_equal(line(SHUNT_FORMAT_ISO, "hello", 5),
	    "2026-11-21T04:39:39.123456789+00:00 info 1234.1235 cat: hello\n");
	zone("<-0330>3:30");
	assert_string_equal(line_at(SHUNT_FORMAT_ISO, 0, WALL, "", "", 0),
	    "2026-11-21T01:09:39.123456789-03:30 info 1234.1235 -: \n");
}

static void
summer_time_begins_and_ends_within_one_run(void **state)
{
	struct shunt__format f;
	char out[256];
	/* 2026-03-29 01:00 UTC and 2026-10-25 01:00 UTC, in nanoseconds. */
	const uint64_t turn[] = {
	    UINT64_C(1774746000000000000), UINT64_C(1792890000000000000)};
	const char *const before[] = {
	    "01:59:59.999999999+01:00", "02:59:59.999999999+02:00"};
	const char *const after[] = {
	    "03:00:00.000000000+02:00", "02:00:00.000000000+01:00"};

	(void)state;
	zone("Europe/Berlin");
	shunt__format_init(&f, SHUNT_FORMAT_ISO);
	for (int i = 0; i < 2; i++) {
		shunt__format_line(&f, out, turn[i] - 1, 1, 1, 6, "", 0, "", 0);
		assert_memory_equal(out + 11, before[i], 24);
		shunt__format_line(&f, out, turn[i], 1, 1, 6, "", 0, "", 0);
		assert_memory_equal(out + 11, after[i], 24);
	}
}

static void
a_line_stays_one_line(void **state)
{
	static const char nasty[] =
	    "a\nb\rc\td\0e\x1b[31mf\x7fg\xc2\x85h\xffi\xe2\x80\xaej\xc3\xa4";

	(void)state;
	assert_non_null(
	    strstr(line(SHUNT_FORMAT_CLASSIC, nasty, sizeof(nasty) - 1),
		" a\\nb\\rc\\td\\x00e\\x1b[31mf\\x7fg\\xc2\\x85h\\xffi"
		"\\xe2\\x80\\xaej\xc3\xa4\n"));
	assert_non_null(
	    strstr(line(SHUNT_FORMAT_ISO, nasty, 5), "a\\nb\\rc\n"));
	assert_non_null(strstr(
	    line_at(SHUNT_FORMAT_ISO, 0, WALL, "t\ng", "x", 1), " t\\ng: x\n"));
}

static void
json_keeps_every_byte(void **state)
{
	(void)state;
	zone("UTC");
	assert_string_equal(line(SHUNT_FORMAT_JSON, "hello", 5),
	    "{\"time\":\"2026-11-21T04:39:39.123456789+00:00\","
	    "\"level\":\"info\",\"pid\":1234,\"tid\":1235,\"tag\":\"cat\","
	    "\"message\":\"hello\"}\n");
	assert_non_null(strstr(
	    line(SHUNT_FORMAT_JSON, "\"\\\n\0\x1b\x7f\xc3\xa4\xc2\x85", 10),
	    "\"message\":"
	    "\"\\\"\\\\\\n\\u0000\\u001b\\u007f\xc3\xa4\\u0085\"}"));
	assert_non_null(strstr(line(SHUNT_FORMAT_JSON, "a\xff\xc3", 3),
	    "\"message\":\"a\\ufffd\\ufffd\",\"message_base64\":\"Yf/D\"}"));
	assert_non_null(strstr(line(SHUNT_FORMAT_JSON, "\xed\xa0\x80z", 4),
	    "\"message_base64\":\"7aCAeg==\"}"));
	assert_non_null(strstr(
	    line_at(SHUNT_FORMAT_JSON, 0, WALL, "\xfe", "", 0),
	    "\"tag\":\"\\ufffd\",\"tag_base64\":\"/g==\",\"message\":\"\""));
}

/* What JSON allows and a terminal would obey: it is escaped; its neighbours
 * stay as they are. */
static void
json_escapes_what_turns_or_breaks_text(void **state)
{
	static const struct {
		const char *bytes;
		const char *want; /* NULL: as they are */
	} of[] = {{"\xc2\x9f", "\\u009f"}, {"\xc2\xa0", NULL},
	    {"\xe2\x80\xa7", NULL}, {"\xe2\x80\xa8", "\\u2028"},
	    {"\xe2\x80\xa9", "\\u2029"}, {"\xe2\x80\xaa", "\\u202a"},
	    {"\xe2\x80\xae", "\\u202e"}, {"\xe2\x80\xaf", NULL},
	    {"\xe2\x81\xa5", NULL}, {"\xe2\x81\xa6", "\\u2066"},
	    {"\xe2\x81\xa9", "\\u2069"}, {"\xe2\x81\xaa", NULL},
	    {"\xf0\x9f\x98\x80", NULL}, {"\xf4\x8f\xbf\xbf", NULL},
	    {"\xed\x9f\xbf", NULL}, {"\xee\x80\x80", NULL}};
	char want[80];

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		snprintf(want, sizeof(want), "\"message\":\"%s\"}",
		    of[i].want != NULL ? of[i].want : of[i].bytes);
		if (strstr(line(SHUNT_FORMAT_JSON, of[i].bytes,
			       strlen(of[i].bytes)),
			want) == NULL)
			fail_msg("%zu: no %s", i, want);
	}
}

/* No UTF-8, however near to it: the bytes are kept beside the text. */
static void
json_keeps_bytes_that_are_nearly_utf8(void **state)
{
	static const char *const bad[] = {
	    "\xe0\x80\x80",     /* longer than need be */
	    "\xf0\x80\x80\x80", /* so, too */
	    "\xf4\x90\x80\x80", /* beyond the last one */
	    "\xf5\x80\x80\x80", "\xed\xa0\x80", "\xed\xbf\xbf", "\xc1\x80",
	    "\xe2\x80", "\xe2\x28\xa1", "\x80"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *got =
		    line(SHUNT_FORMAT_JSON, bad[i], strlen(bad[i]));
		if (strstr(got, "\\ufffd") == NULL ||
		    strstr(got, "\"message_base64\":\"") == NULL)
			fail_msg("%zu: %s", i, got);
	}
}

static void
a_tag_has_an_end_or_is_not_there(void **state)
{
	char tag[400], want[300];

	(void)state;
	memset(tag, 't', sizeof(tag) - 1);
	tag[sizeof(tag) - 1] = 0;
	snprintf(want, sizeof(want), " %.255s: x\n", tag);
	assert_non_null(
	    strstr(line_at(SHUNT_FORMAT_ISO, 0, WALL, tag, "x", 1), want));
	snprintf(want, sizeof(want), "\"tag\":\"%.255s\"", tag);
	assert_non_null(
	    strstr(line_at(SHUNT_FORMAT_JSON, 0, WALL, tag, "x", 1), want));
	assert_non_null(
	    strstr(line_at(SHUNT_FORMAT_ISO, 0, WALL, "", "x", 1), " -: x\n"));
	assert_non_null(strstr(line_at(SHUNT_FORMAT_JSON, 0, WALL, "", "x", 1),
	    "\"tag\":\"\",\"message\":\"x\""));
}

static void
the_worst_message_fits_the_room(void **state)
{
	static unsigned char msg[70000];
	static const unsigned char fill[] = {0xff, 0, '"', 'a', 0xc3, 0x0a};
	const size_t lens[] = {
	    0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 100, 255, 4096, 70000};

	(void)state;
	for (uint32_t kind = 0; kind < 3; kind++)
		for (size_t f = 0; f < sizeof(fill); f++)
			for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]);
			     i++) {
				memset(msg, fill[f], lens[i]);
				line(kind, msg, lens[i]);
			}
}

/* Vectors and the plain way must agree, for every length and odd byte. */
static void
the_quick_copy_equals_the_careful_escape(void **state)
{
	unsigned char src[80];
	char want[SHUNT_TEXT_ROOM(80)], got[SHUNT_TEXT_ROOM(80)];
	unsigned seed = 1;

	(void)state;
	for (size_t len = 0; len <= 80; len++)
		for (size_t at = 0; at <= len; at++) {
			int plain = 1;
			for (size_t i = 0; i < len; i++)
				src[i] =
				    (unsigned char)(0x20 +
						    (seed = seed * 1103515245 +
							    12345) %
							95);
			if (at < len) {
				src[at] = (unsigned char)(seed >> 16);
				plain = src[at] >= 0x20 && src[at] <= 0x7e;
			}
			/* A byte at a time is the careful way. */
			size_t n = 0;
			for (size_t i = 0; i < len; i++)
				n += shunt_text_escape(want + n, src + i, 1);
			size_t m = shunt__text_copy(got, src, len);
			assert_int_equal(shunt__text_plain(src, len), plain);
			assert_int_equal(m, n);
			assert_memory_equal(got, want, n);
			assert_int_equal(shunt_text_escape(got, src, len), n);
			assert_memory_equal(got, want, n);
		}
}

static void
utf8_passes_at_any_place(void **state)
{
	static const char *const ok[] = {
	    "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	char src[64], got[SHUNT_TEXT_ROOM(64)];

	(void)state;
	for (int k = 0; k < 3; k++)
		for (size_t at = 0; at + 4 <= sizeof(src); at++) {
			memset(src, 'x', sizeof(src));
			memcpy(src + at, ok[k], strlen(ok[k]));
			assert_int_equal(
			    shunt__text_copy(got, src, sizeof(src)),
			    sizeof(src));
			assert_memory_equal(got, src, sizeof(src));
		}
}

static void
pids_that_share_a_cache_entry_do_not_mix(void **state)
{
	struct shunt__format f;
	char out[256];
	const uint32_t pids[] = {1, 17, 4294967295u, 0, 33, 1, 16, 4194304};

	(void)state;
	shunt__format_init(&f, SHUNT_FORMAT_CLASSIC);
	for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++) {
		char want[16];
		int n = snprintf(want, sizeof(want), "%u: ", pids[i]);
		shunt__format_line(&f, out, WALL, pids[i], 1, 6, "", 0, "x", 1);
		assert_memory_equal(out, want, (size_t)n);
	}
}

static void
levels_have_names_and_strange_ones_numbers(void **state)
{
	char out[16];
	size_t n = shunt__format_level(out, 0);

	(void)state;
	assert_memory_equal(out, "emerg", n);
	n = shunt__format_level(out, 4);
	assert_int_equal(n, 7);
	assert_memory_equal(out, "warning", n);
	n = shunt__format_level(out, 200);
	assert_memory_equal(out, "200", n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_classic_line_is_pid_ctime_and_message),
	    cmocka_unit_test(an_iso_line_has_nanoseconds_zone_level_and_tag),
	    cmocka_unit_test(summer_time_begins_and_ends_within_one_run),
	    cmocka_unit_test(a_line_stays_one_line),
	    cmocka_unit_test(json_keeps_every_byte),
	    cmocka_unit_test(json_escapes_what_turns_or_breaks_text),
	    cmocka_unit_test(json_keeps_bytes_that_are_nearly_utf8),
	    cmocka_unit_test(a_tag_has_an_end_or_is_not_there),
	    cmocka_unit_test(the_worst_message_fits_the_room),
	    cmocka_unit_test(the_quick_copy_equals_the_careful_escape),
	    cmocka_unit_test(utf8_passes_at_any_place),
	    cmocka_unit_test(pids_that_share_a_cache_entry_do_not_mix),
	    cmocka_unit_test(levels_have_names_and_strange_ones_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
