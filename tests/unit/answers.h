/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_ANSWERS_H
#define TESTS_UNIT_ANSWERS_H

/*
 * A system call that gives one certain answer, by the table of src/os:
 *
 *	ANSWER(int, fchmod, (int fd, mode_t m), (fd, m))
 *
 *	SAY(fchmod, 1, 3, -EIO);	the first does it, three say -EIO
 *	... what is tested ...
 *
 * Included by one file only, after cmocka.h; ANSWERED(f) is a test whose
 * answers end with it, also when it fails.
 */

#include "os/os.h"

static struct shunt__os real_os;

static inline int
answers_begin(void **state)
{
	(void)state;
	real_os = shunt__os;
	return 0;
}

static inline int
answers_end(void **state)
{
	(void)state;
	shunt__os = real_os;
	return 0;
}

#define FOR_EVER 1000000

#define ANSWER(type, call, params, args)                                       \
	static struct {                                                        \
		int skip, times;                                               \
		type code;                                                     \
	} call##_answer;                                                       \
	static type answered_##call params                                     \
	{                                                                      \
		if (call##_answer.skip > 0) {                                  \
			call##_answer.skip--;                                  \
		} else if (call##_answer.times > 0) {                          \
			call##_answer.times--;                                 \
			return call##_answer.code;                             \
		}                                                              \
		return real_os.call args;                                      \
	}

/* After @n calls @t ones say @what. */
#define SAY(call, n, t, what)                                                  \
	do {                                                                   \
		call##_answer.skip = n;                                        \
		call##_answer.times = t;                                       \
		call##_answer.code = what;                                     \
		shunt__os.call = answered_##call;                              \
	} while (0)

#define ANSWERED(f)                                                            \
	cmocka_unit_test_setup_teardown(f, answers_begin, answers_end)

#endif /* TESTS_UNIT_ANSWERS_H */
