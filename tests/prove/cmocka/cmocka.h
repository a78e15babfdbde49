/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PROVE_CMOCKA_H
#define TESTS_PROVE_CMOCKA_H

/*
 * What our tests use of cmocka, for machines for which nobody packages it:
 * `make CMOCKA=own` puts this header and cmocka.c in its place.  The lines
 * that it prints are cmocka's own, so that tests/run counts them alike.
 *
 * SHUNT_LEFT_OUT, in the environment, has the tests that this machine cannot
 * run, with a blank on each side of each name.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef void (*CMUnitTestFunction)(void **state);
typedef int (*CMFixtureFunction)(void **state);

struct CMUnitTest {
	const char *name;
	CMUnitTestFunction test_func;
	CMFixtureFunction setup_func;
	CMFixtureFunction teardown_func;
	void *initial_state;
};

#define cmocka_unit_test_setup_teardown(f, setup, teardown)                    \
	{                                                                      \
#f, f, setup, teardown, NULL                                   \
	}
#define cmocka_unit_test(f) cmocka_unit_test_setup_teardown(f, NULL, NULL)
#define cmocka_unit_test_setup(f, setup)                                       \
	cmocka_unit_test_setup_teardown(f, setup, NULL)
#define cmocka_unit_test_teardown(f, teardown)                                 \
	cmocka_unit_test_setup_teardown(f, NULL, teardown)

#define cmocka_run_group_tests(tests, setup, teardown)                         \
	cmocka_run_group_tests_name(#tests, tests, setup, teardown)
#define cmocka_run_group_tests_name(name, tests, setup, teardown)              \
	cmocka__run(                                                           \
	    name, tests, sizeof(tests) / sizeof(tests[0]), setup, teardown)

int cmocka__run(const char *group, const struct CMUnitTest *tests, size_t n,
    CMFixtureFunction setup, CMFixtureFunction teardown);

/* Both end the test that runs. */
_Noreturn void cmocka__fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void cmocka__skip(const char *file, int line);

void cmocka__within(uintmax_t v, uintmax_t least, uintmax_t most,
    const char *what, const char *file, int line);
void cmocka__same_text(
    const char *a, const char *b, const char *file, int line);
void cmocka__same_bytes(
    const void *a, const void *b, size_t n, const char *file, int line);

void print_message(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#define skip()        cmocka__skip(__FILE__, __LINE__)
#define fail()        cmocka__fail(__FILE__, __LINE__, "fail()")
#define fail_msg(...) cmocka__fail(__FILE__, __LINE__, __VA_ARGS__)

#define assert_true(c)                                                         \
	do {                                                                   \
		if (!(c))                                                      \
			fail_msg("%s", #c);                                    \
	} while (0)
#define assert_false(c) assert_true(!(c))

/* As numbers of the widest kind, each once. */
#define cmocka__compare(a, op, b)                                              \
	do {                                                                   \
		uintmax_t a_ = (uintmax_t)(a), b_ = (uintmax_t)(b);            \
		if (!(a_ op b_))                                               \
			fail_msg("%s %s %s: %#jx, %#jx", #a, #op, #b, a_, b_); \
	} while (0)
#define assert_int_equal(a, b)     cmocka__compare(a, ==, b)
#define assert_int_not_equal(a, b) cmocka__compare(a, !=, b)

#define assert_in_range(v, least, most)                                        \
	cmocka__within(v, least, most, #v, __FILE__, __LINE__)

#define assert_ptr_equal(a, b)                                                 \
	cmocka__compare((uintptr_t)(a), ==, (uintptr_t)(b))
#define assert_ptr_not_equal(a, b)                                             \
	cmocka__compare((uintptr_t)(a), !=, (uintptr_t)(b))
#define assert_null(p)     assert_ptr_equal(p, NULL)
#define assert_non_null(p) assert_ptr_not_equal(p, NULL)

#define assert_string_equal(a, b) cmocka__same_text(a, b, __FILE__, __LINE__)
#define assert_memory_equal(a, b, n)                                           \
	cmocka__same_bytes(a, b, n, __FILE__, __LINE__)

#endif /* TESTS_PROVE_CMOCKA_H */
