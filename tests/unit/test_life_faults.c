/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * In a short life of each kind the k-th system call fails, for each k of those
 * that make it up, with errors that mean something to one call and nothing to
 * the next: it ends with a code or is none the worse, no descriptor leaks, and
 * the next life is as ever.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>

#include <shunt.h>

#include "lib/peers.h"
#include "unit/faults.h"
#include "unit/lives.h"

/* Who looks through /proc makes thousands, most of them the same; each look
 * costs milliseconds. */
#define MOST      70
#define MOST_SLOW 12

static const int errors[] = {EINTR, EACCES, EOPNOTSUPP};

/* Whatever was left by a life that was disturbed is taken away. */
static void
clean(const char *name)
{
	const struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};

	if (test_there(name) && shunt_remove(name, &force) != 0)
		unlink(test_path(name));
}

static void
disturb(const struct life *life, int error)
{
	const char *name = test_name(life->name);
	int slow = strcmp(life->name, "scan") == 0 ||
		   strcmp(life->name, "segment") == 0 ||
		   strcmp(life->name, "log") == 0;
	unsigned most = slow ? MOST_SLOW : MOST;
	int failed = 1, fds = test_fds();

	for (unsigned k = 1; failed && k < most; k++) {
		faults_on(k, error, 0);
		life->live(name);
		failed = faults_off();
		if (test_fds() != fds)
			fail_msg("%s, error %d of call %u (%s): a descriptor",
			    life->name, error, k, faults_call());
		clean(name);
	}
}

static void
each_call_of_each_life_fails(void **state)
{
	(void)state;
	for (size_t i = 0; i < lives_count; i++) {
		/* test_inspect_faults.c is about looking. */
		if (strcmp(lives[i].name, "scan") == 0)
			continue;
		long e = lives[i].live(test_name(lives[i].name));

		for (size_t j = 0; j < sizeof(errors) / sizeof(errors[0]); j++)
			disturb(&lives[i], errors[j]);
		assert_int_equal(lives[i].live(test_name(lives[i].name)), e);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_call_of_each_life_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
