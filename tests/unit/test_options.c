/* SPDX-License-Identifier: MIT */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>

#include <shunt/error.h>

#include "base/options.h"

/* Ours, the one of an older program and the one of a newer program. */
struct ours {
	size_t sz;
	uint64_t a, b;
};
struct older {
	size_t sz;
	uint64_t a;
};
struct newer {
	size_t sz;
	uint64_t a, b, c;
	uint8_t d;
};

static void
null_is_all_defaults(void **state)
{
	struct ours o;

	(void)state;
	memset(&o, 0xff, sizeof(o));
	assert_int_equal(
	    shunt__options_read(&o, sizeof(o), sizeof(struct older), NULL), 0);
	assert_int_equal(o.sz, 0);
	assert_int_equal(o.a, 0);
	assert_int_equal(o.b, 0);
}

static void
equal_is_copied(void **state)
{
	struct ours in = {sizeof(in), 7, 8}, o;

	(void)state;
	memset(&o, 0xff, sizeof(o));
	assert_int_equal(
	    shunt__options_read(&o, sizeof(o), sizeof(struct older), &in), 0);
	assert_memory_equal(&o, &in, sizeof(o));
}

static void
short_is_filled_with_zeros(void **state)
{
	struct older in = {sizeof(in), 7};
	struct ours o;

	(void)state;
	memset(&o, 0xff, sizeof(o));
	assert_int_equal(
	    shunt__options_read(&o, sizeof(o), sizeof(struct older), &in), 0);
	assert_int_equal(o.a, 7);
	assert_int_equal(o.b, 0);
}

static void
too_short_is_refused(void **state)
{
	struct older in = {sizeof(in), 7};
	struct ours o;

	(void)state;
	for (size_t sz = 0; sz < sizeof(in); sz++) {
		in.sz = sz;
		assert_int_equal(shunt__options_read(
				     &o, sizeof(o), sizeof(struct older), &in),
		    -EINVAL);
	}
}

static void
long_with_zeros_is_read(void **state)
{
	struct newer in = {.sz = sizeof(in), .a = 7, .b = 8};
	struct ours o;

	(void)state;
	assert_int_equal(
	    shunt__options_read(&o, sizeof(o), sizeof(struct older), &in), 0);
	assert_int_equal(o.a, 7);
	assert_int_equal(o.b, 8);
}

static void
long_with_anything_set_is_refused(void **state)
{
	struct newer in = {.sz = offsetof(struct newer, d) + 1};
	struct ours o;

	(void)state;
	for (size_t i = sizeof(o); i < in.sz; i++) {
		((unsigned char *)&in)[i] = 1;
		assert_int_equal(shunt__options_read(
				     &o, sizeof(o), sizeof(struct older), &in),
		    -EINVAL);
		((unsigned char *)&in)[i] = 0;
	}
	assert_int_equal(
	    shunt__options_read(&o, sizeof(o), sizeof(struct older), &in), 0);
}

static void
answers_fill_what_the_caller_knows(void **state)
{
	const struct ours answer = {sizeof(answer), 7, 8};
	struct newer newer;
	struct ours equal = {.sz = sizeof(equal)};
	struct older_and_guard {
		struct older o;
		uint64_t guard;
	} older = {{sizeof(struct older), 0}, 99};

	(void)state;
	assert_int_equal(
	    shunt__answer_write(&equal, &answer, sizeof(answer)), 0);
	assert_memory_equal(&equal, &answer, sizeof(answer));

	assert_int_equal(
	    shunt__answer_write(&older.o, &answer, sizeof(answer)), 0);
	assert_int_equal(older.o.sz, sizeof(struct older));
	assert_int_equal(older.o.a, 7);
	assert_int_equal(older.guard, 99);

	memset(&newer, 0xff, sizeof(newer));
	newer.sz = sizeof(newer);
	assert_int_equal(
	    shunt__answer_write(&newer, &answer, sizeof(answer)), 0);
	assert_int_equal(newer.sz, sizeof(newer));
	assert_int_equal(newer.b, 8);
	assert_int_equal(newer.c, 0);
	assert_int_equal(newer.d, 0);

	equal.sz = sizeof(size_t) - 1;
	assert_int_equal(
	    shunt__answer_write(&equal, &answer, sizeof(answer)), -EINVAL);
}

/* The slip that everybody makes once has a sentence of its own. */
static void
the_sentence_says_that_sz_is_not_set(void **state)
{
	struct ours o = {0, 7, 8};

	(void)state;
	assert_int_equal(shunt__options_refuse(&o), -EINVAL);
	assert_detail("sz is 0");
	assert_detail(".sz = sizeof");
	o.sz = sizeof(o);
	assert_int_equal(shunt__options_refuse(&o), -EINVAL);
	assert_detail("does not know");
	assert_int_equal(shunt__options_refuse(NULL), -EINVAL);
	assert_detail("does not know");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(null_is_all_defaults),
	    TEST(equal_is_copied),
	    TEST(short_is_filled_with_zeros),
	    TEST(too_short_is_refused),
	    TEST(long_with_zeros_is_read),
	    TEST(long_with_anything_set_is_refused),
	    TEST(the_sentence_says_that_sz_is_not_set),
	    TEST(answers_fill_what_the_caller_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
