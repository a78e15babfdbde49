/* SPDX-License-Identifier: MIT */
#include "unit/unit.h"
#include <cmocka.h>

#include <shunt/text.h>

#include "base/text.h"

static void
escapes_to(const void *src, size_t len, const char *expect)
{
	char out[SHUNT_TEXT_ROOM(64)], copy[SHUNT_TEXT_ROOM(64)];
	size_t n = shunt_text_escape(out, src, len);

	assert_string_equal(out, expect);
	assert_int_equal(n, strlen(expect));
	n = shunt__text_copy(copy, src, len);
	assert_int_equal(n, strlen(expect));
	assert_memory_equal(copy, expect, n);
}
#define ESCAPES(src, expect) escapes_to(src, sizeof(src) - 1, expect)
#define STAYS(src)           escapes_to(src, sizeof(src) - 1, src)

static void
every_single_byte(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char src = (char)c, expect[8];
		if (c == '\n' || c == '\r' || c == '\t')
			snprintf(expect, sizeof(expect), "\\%c",
			    c == '\n'   ? 'n'
			    : c == '\r' ? 'r'
					: 't');
		else if (c >= 0x20 && c < 0x7f)
			snprintf(expect, sizeof(expect), "%c", c);
		else
			snprintf(expect, sizeof(expect), "\\x%02x", c);
		escapes_to(&src, 1, expect);
		assert_int_equal(
		    shunt__text_plain(&src, 1), c >= 0x20 && c < 0x7f);
	}
}

/* The quick path takes 16 bytes at a time: an odd one at any place. */
static void
an_odd_byte_at_any_place(void **state)
{
	char src[49], expect[100];

	(void)state;
	for (size_t len = 1; len <= 48; len++) {
		for (size_t at = 0; at < len; at++) {
			memset(src, 'p', len);
			assert_int_equal(shunt__text_plain(src, len), 1);
			src[at] = 0x1b;
			memset(expect, 'p', sizeof(expect));
			memcpy(expect + at, "\\x1b", 4);
			expect[len + 3] = 0;
			escapes_to(src, len, expect);
			assert_int_equal(shunt__text_plain(src, len), 0);
		}
	}
}

static void
valid_utf8_stays(void **state)
{
	(void)state;
	STAYS("gr\xc3\xbc\xc3\x9f");
	STAYS("\xc2\xa0");         /* U+00A0, the first after C1 */
	STAYS("\xdf\xbf");         /* U+07FF */
	STAYS("\xe0\xa0\x80");     /* U+0800 */
	STAYS("\xed\x9f\xbf");     /* U+D7FF, before the surrogates */
	STAYS("\xee\x80\x80");     /* U+E000, behind them */
	STAYS("\xef\xbf\xbd");     /* U+FFFD */
	STAYS("\xf0\x90\x80\x80"); /* U+10000 */
	STAYS("\xf4\x8f\xbf\xbf"); /* U+10FFFF */
	STAYS("back\\slash \\n stays");
}

static void
invalid_utf8_is_escaped(void **state)
{
	(void)state;
	ESCAPES("\x80", "\\x80"); /* alone */
	ESCAPES("\xc3", "\\xc3"); /* cut */
	ESCAPES("\xc3z", "\\xc3z");
	ESCAPES("\xe2\x82", "\\xe2\\x82");          /* cut */
	ESCAPES("\xf0\x9f\x98", "\\xf0\\x9f\\x98"); /* cut */
	ESCAPES("\xc0\xaf", "\\xc0\\xaf");          /* overlong slash */
	ESCAPES("\xc1\xbf", "\\xc1\\xbf");
	ESCAPES("\xe0\x80\xaf", "\\xe0\\x80\\xaf"); /* overlong */
	ESCAPES("\xe0\x9f\xbf", "\\xe0\\x9f\\xbf");
	ESCAPES("\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf");
	ESCAPES("\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf");
	ESCAPES("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* surrogates */
	ESCAPES("\xed\xbf\xbf", "\\xed\\xbf\\xbf");
	ESCAPES("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	ESCAPES("\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80");
	ESCAPES("\xff\xfe", "\\xff\\xfe");
}

static void
controls_in_utf8_are_escaped(void **state)
{
	(void)state;
	ESCAPES("\xc2\x80", "\\xc2\\x80"); /* C1: U+0080 */
	ESCAPES("\xc2\x9b", "\\xc2\\x9b"); /* C1: CSI, as ESC [ */
	ESCAPES("\xc2\x9f", "\\xc2\\x9f");
	ESCAPES("\xe2\x80\xa8", "\\xe2\\x80\\xa8"); /* line separator */
	ESCAPES("\xe2\x80\xa9", "\\xe2\\x80\\xa9"); /* paragraph */
	ESCAPES("\xe2\x80\xaa", "\\xe2\\x80\\xaa"); /* turned text */
	ESCAPES("\xe2\x80\xae", "\\xe2\\x80\\xae");
	ESCAPES("\xe2\x81\xa6", "\\xe2\\x81\\xa6");
	ESCAPES("\xe2\x81\xa9", "\\xe2\\x81\\xa9");
	STAYS("\xe2\x80\xa7"); /* their neighbours */
	STAYS("\xe2\x80\xaf");
	STAYS("\xe2\x81\xa5");
	STAYS("\xe2\x81\xaa");
}

static void
marks_of_direction_are_escaped(void **state)
{
	(void)state;
	ESCAPES("\xe2\x80\x8e", "\\xe2\\x80\\x8e"); /* left to right */
	ESCAPES("\xe2\x80\x8f", "\\xe2\\x80\\x8f"); /* right to left */
	ESCAPES("\xd8\x9c", "\\xd8\\x9c");          /* Arabic letter mark */
}

/* Whatever comes: no control, valid UTF-8, never longer than the room. */
static void
any_bytes_come_out_harmless(void **state)
{
	unsigned char src[200], out[SHUNT_TEXT_ROOM(200) + 8];
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t len = (size_t)(round % 200);
		for (size_t i = 0; i < len; i++) {
			seed = seed * 1103515245 + 12345;
			src[i] = (unsigned char)(seed >> 16);
			if (round & 1) /* UTF-8's own bytes more often */
				src[i] |= 0x80;
		}
		memset(out, 0xee, sizeof(out));
		size_t n = shunt_text_escape((char *)out, src, len);
		assert_true(n <= len * 4);
		assert_int_equal(out[n], 0);
		assert_int_equal(out[n + 1], 0xee);
		for (size_t i = 0; i < n;) {
			size_t k = 1;
			assert_true(out[i] >= 0x20 && out[i] != 0x7f);
			if (out[i] >= 0x80)
				k = shunt__utf8(out + i, n - i);
			assert_true(k > 0);
			i += k;
		}
		unsigned char copy[SHUNT_TEXT_ROOM(200)];
		assert_int_equal(shunt__text_copy((char *)copy, src, len), n);
		assert_memory_equal(copy, out, n);
	}
}

static void
nothing_comes_out_of_nothing(void **state)
{
	char out[1] = {'x'};

	(void)state;
	assert_int_equal(shunt_text_escape(out, NULL, 0), 0);
	assert_int_equal(out[0], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_single_byte),
	    TEST(an_odd_byte_at_any_place),
	    TEST(valid_utf8_stays),
	    TEST(invalid_utf8_is_escaped),
	    TEST(controls_in_utf8_are_escaped),
	    TEST(marks_of_direction_are_escaped),
	    TEST(any_bytes_come_out_harmless),
	    TEST(nothing_comes_out_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
