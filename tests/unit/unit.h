/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

/* What every unit test includes first: cmocka.h wants these before itself. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEST(f) cmocka_unit_test(f)

/* A code and what the thread's sentence must say of it. */
#define assert_detail(part)                                                    \
	do {                                                                   \
		if (strstr(shunt_error_detail(), part) == NULL)                \
			fail_msg("\"%s\" does not say \"%s\"",                 \
			    shunt_error_detail(), part);                       \
	} while (0)

#endif /* TESTS_UNIT_UNIT_H */
