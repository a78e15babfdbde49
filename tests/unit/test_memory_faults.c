/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * The k-th allocation of private memory fails, for every k until none does:
 * -ENOMEM or none the worse, nothing leaks, and what is done next works.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>

#include <shunt.h>

#include "lib/peers.h"
#include "unit/allocations.h"
#include "unit/lives.h"

static void
each_allocation_fails_once(void **state)
{
	(void)state;
#ifndef OURS
	skip();
#endif
	for (size_t i = 0; i < lives_count; i++) {
		const struct life *life = &lives[i];
		int fds = 0;

		/* What the first one makes for good is no leak. */
		long e = life->live(test_name(life->name));
		if (e < 0)
			print_message("%s as it is: %ld\n", life->name, e);
		fds = test_fds();
		has_failed = 1;
		for (unsigned k = 1; has_failed; k++) {
			const char *name = test_name(life->name);

			assert_true(k < 5000);
			has_failed = 0;
			countdown = k;
			long got = life->live(name);
			countdown = 0;
			if (got < 0 && got != -ENOMEM && got != e)
				fail_msg("%s, allocation %u: %ld (%s)",
				    life->name, k, got, shunt_error_detail());
			/* What nobody could receive is kept. */
			if (test_there(name))
				assert_int_equal(shunt_remove(name, NULL), 0);
			if (test_fds() != fds)
				fail_msg("%s, allocation %u: a descriptor",
				    life->name, k);
		}
		assert_int_equal(life->live(test_name(life->name)), e);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_allocation_fails_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
