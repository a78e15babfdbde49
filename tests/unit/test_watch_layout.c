/* SPDX-License-Identifier: MIT */
#include "unit/unit.h"
#include <cmocka.h>

/* The layouts of `shunt watch --as`: they need nothing of the command. */
#include "../../cli/watch_layout.c"
#include "../../cli/watch_value.c"

/* What C's compiler says about the same declarations. */
struct reference {
	int8_t a;
	int32_t b;
	char c[3];
	double d;
	uint16_t e[5];
	int64_t f;
};

static struct layout
parsed(const char *text)
{
	struct layout l;
	char why[256] = "";

	if (layout_parse(&l, text, why, sizeof(why)) < 0)
		fail_msg("%s: %s", text, why);
	return l;
}

static void
refused(const char *text, const char *about)
{
	struct layout l;
	char why[256] = "";

	assert_int_equal(layout_parse(&l, text, why, sizeof(why)), -1);
	if (strstr(why, about) == NULL)
		fail_msg("%s: \"%s\" says nothing of \"%s\"", text, why, about);
	assert_null(l.fields);
}

static void
fields_stand_where_the_compiler_puts_them(void **state)
{
	struct layout l =
	    parsed("i8 a; i32 b; char c[3]; f64 d; u16 e[5]; i64 f");

	(void)state;
	assert_int_equal(l.count, 6);
	assert_int_equal(l.fields[0].at, offsetof(struct reference, a));
	assert_int_equal(l.fields[1].at, offsetof(struct reference, b));
	assert_int_equal(l.fields[2].at, offsetof(struct reference, c));
	assert_int_equal(l.fields[3].at, offsetof(struct reference, d));
	assert_int_equal(l.fields[4].at, offsetof(struct reference, e));
	assert_int_equal(l.fields[5].at, offsetof(struct reference, f));
	assert_int_equal(l.size, sizeof(struct reference));
	layout_free(&l);
}

static void
packed_leaves_no_gaps(void **state)
{
	struct layout l = parsed("packed; i8 a; i32 b; f64 c;");

	(void)state;
	assert_int_equal(l.fields[1].at, 1);
	assert_int_equal(l.fields[2].at, 5);
	assert_int_equal(l.size, 13);
	layout_free(&l);
}

static void
several_ways_to_say_it(void **state)
{
	struct layout l = parsed(" ;; const volatile int a , b[ 0x2 ];"
				 "char[8] name;_Atomic uint32_t _[3], _;\n"
				 "hex[2] key");

	(void)state;
	assert_int_equal(l.count, 6);
	assert_string_equal(l.fields[1].name, "b");
	assert_int_equal(l.fields[1].count, 2);
	assert_int_equal(layout_cells(&l.fields[1]), 2);
	assert_int_equal(layout_cell_at(&l.fields[1], 1), 8);
	assert_int_equal(layout_cells(&l.fields[2]), 1);
	assert_int_equal(layout_cell_bytes(&l.fields[2]), 8);
	assert_true(l.fields[3].quiet && l.fields[4].quiet);
	assert_int_equal(l.fields[5].at, 36);
	layout_free(&l);
}

static void
mistakes_are_told(void **state)
{
	char many[2000] = "";

	(void)state;
	refused("", "no field");
	refused("packed", "no field");
	refused("i3 x", "\"i3\"; there are i8");
	refused("i32", "name of a field is missing before the end");
	refused("i32 7", "name of a field is missing");
	refused("i32 x y", "; is missing before \"y\"");
	refused("i32 x[", "number of elements");
	refused("i32 x[0]", "not \"0\"");
	refused("i32 x[-1]", "number of elements");
	refused("i32 x[2k]", "not \"2k\"");
	refused("i32 x[99999999999999999999]", "number of elements");
	refused("i32 x[4", "] is missing before the end");
	refused("i32 x[4][4]", "; is missing");
	refused("i32[4] x[4]", "array of arrays");
	refused("char *s", "pointer");
	refused("i32 x; i8 x", "two fields \"x\"");
	refused("hex a[137438953472]; hex b[1099511627000]", "number of");
	refused("i64 a[137438953471]; i64 b[137438953471]", "too large");
	refused("= 4", "type is missing before \"=\"");
	refused("\033[31m", "type is missing before ?");
	memset(many, 'x', 1000);
	memcpy(many, "i8 ", 3);
	refused(many, "too long");
}

static void
shows(const char *type, const void *bytes, const char *expect)
{
	char text[64], out[LAYOUT_TEXT];
	struct layout l;

	snprintf(text, sizeof(text), "%s", type);
	l = parsed(text);
	layout_text(&l.fields[0], bytes, out);
	assert_string_equal(out, expect);
	layout_free(&l);
}

static void
values_as_text(void **state)
{
	const int32_t minus = -7;
	const float third = 1.0f / 3;
	const double tenth = 0.1;

	(void)state;
	shows("i8 x", "\x80", "-128");
	shows("u8 x", "\x80", "128");
	shows("i32 x", &minus, "-7");
	shows("le_u16 x", "\x01\x02", "513");
	shows("be_u16 x", "\x01\x02", "258");
	shows("be_i32 x", "\xff\xff\xff\xfe", "-2");
	shows("i64 x", "\xff\xff\xff\xff\xff\xff\xff\xff", "-1");
	shows("u64 x", "\xff\xff\xff\xff\xff\xff\xff\xff",
	    "18446744073709551615");
	shows("f32 x", &third, "0.33333334");
	shows("f64 x", &tenth, "0.1");
	shows("be_f32 x", "\x3f\x80\0\0", "1");
	shows("f64 x", "\0\0\0\0\0\0\xf8\x7f", "nan");
	shows("char x[4]", "ab\0z", "\"ab\"");
	shows("char x[4]", "abcd", "\"abcd\"");
	shows("char x[3]", "\033[m", "\"\\x1b[m\"");
	shows("hex x[3]", "\0\x7f\xff", "00 7f ff");
}

static void
long_values_are_cut(void **state)
{
	char bytes[300], out[LAYOUT_TEXT];
	struct layout l = parsed("char a[300]; hex b[300]");

	(void)state;
	memset(bytes, 0x1b, sizeof(bytes));
	layout_text(&l.fields[0], (unsigned char *)bytes, out);
	assert_int_equal(strlen(out), 2 + 96 * 4 + 3);
	layout_text(&l.fields[1], (unsigned char *)bytes, out);
	assert_int_equal(strlen(out), 96 * 3 - 1 + 3);
	layout_free(&l);
}

static void
labels(void **state)
{
	struct layout l = parsed("u8 a[3]; u8 b; char c[4]");
	char out[LAYOUT_TEXT];

	(void)state;
	layout_label(&l.fields[0], 2, out);
	assert_string_equal(out, "a[2]");
	layout_label(&l.fields[1], 0, out);
	assert_string_equal(out, "b");
	layout_label(&l.fields[2], 0, out);
	assert_string_equal(out, "c");
	layout_free(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_stand_where_the_compiler_puts_them),
	    cmocka_unit_test(packed_leaves_no_gaps),
	    cmocka_unit_test(several_ways_to_say_it),
	    cmocka_unit_test(mistakes_are_told),
	    cmocka_unit_test(values_as_text),
	    cmocka_unit_test(long_values_are_cut),
	    cmocka_unit_test(labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
