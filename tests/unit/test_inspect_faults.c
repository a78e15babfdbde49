/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * The k-th system call fails while somebody looks: at one object of each kind,
 * at all that there is, at the records of a log, at who maps what.  Each
 * look ends in an answer or a code, leaves no descriptor open, and changes
 * nothing.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>

#include <shunt.h>

#include "lib/peers.h"
#include "unit/faults.h"
#include "unit/looks.h"

static const int errors[] = {EIO, ENOMEM, ENOENT, EINTR};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

/* For every k; where there are very many, for some. */
static void
try_all(int (*what)(const char *), const char *name, int forever)
{
	int fds = test_fds();

	/* A signal each time is asked again each time, and for ever. */
	for (size_t i = 0; i < ERRORS - (size_t)forever; i++)
		for (unsigned k = 1;; k += 1 + k / 2) {
			int e, more;

			faults_on(k, errors[i], forever);
			e = what(name);
			more = faults_off();
			if (test_fds() != fds)
				fail_msg("%s fails with %d: %d descriptors "
					 "are left open",
				    faults_call(), errors[i], test_fds() - fds);
			if (e < 0 && !more)
				fail_msg("%s: %s", name, shunt_error_detail());
			if (!more)
				break;
		}
	/* And all is as it was. */
	assert_int_equal(shunt_lock_acquire(looks.l, SHUNT_NOWAIT), -EDEADLK);
	assert_int_equal(shunt_segment_size(looks.seg), 5000);
}

static void
each_kind_by_name(void **state)
{
	const char *const names[] = {looks.queue, looks.lock, looks.pool,
	    looks.event, looks.topic, looks.stream, looks.service, looks.log,
	    looks.raw};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		try_all(look_at, names[i], 0);
		try_all(look_at, names[i], 1);
	}
}

static void
recoveries_and_mappers(void **state)
{
	(void)state;
	try_all(look_recoveries, looks.lock, 0);
	try_all(look_recoveries, looks.pool, 1);
	try_all(look_mappers, looks.raw, 0);
	try_all(look_mappers, looks.queue, 1);
}

static void
records_of_a_log(void **state)
{
	(void)state;
	try_all(look_records, looks.log, 0);
	try_all(look_records, looks.log, 1);
}

static void
all_that_there_is(void **state)
{
	(void)state;
	try_all(look_around, "", 0);
	try_all(look_around, "", 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_kind_by_name),
	    TEST(recoveries_and_mappers),
	    TEST(records_of_a_log),
	    TEST(all_that_there_is),
	};
	return cmocka_run_group_tests(tests, looks_make, looks_drop);
}
