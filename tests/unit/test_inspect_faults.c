/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * The k-th system call fails while somebody looks: at one object of each kind,
 * at all that there is, at the records of a log, at who maps what.  Each look
 * ends in an answer or a code, leaves no descriptor open, and changes nothing.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>

#include <shunt.h>

#include "lib/peers.h"
#include "unit/faults.h"

static const int errors[] = {EIO, ENOMEM, ENOENT, EINTR};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

/* One object of each kind, with something in it and somebody at it. */
static struct scene {
	const char *queue, *lock, *pool, *event, *topic, *stream, *service;
	const char *log, *raw;
	struct shunt_queue *q;
	struct shunt_lock *l;
	struct shunt_semaphore *s;
	struct shunt_event *v;
	struct shunt_publisher *pub;
	struct shunt_subscriber *sub;
	struct shunt_stream_writer *w;
	struct shunt_client *client;
	struct shunt_log *logged;
	struct shunt_segment *seg;
} at;

static int
make_all(void **state)
{
	static const struct shunt_queue_options small = {
	    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};
	static const struct shunt_log_options lo = {.sz = sizeof(lo)};

	(void)state;
	at.queue = test_name("queue");
	at.lock = test_name("lock");
	at.pool = test_name("pool");
	at.event = test_name("event");
	at.topic = test_name("topic");
	at.stream = test_name("stream");
	at.service = test_name("service");
	at.log = test_name("log");
	at.raw = test_name("raw");
	assert_int_equal(shunt_queue_open(&at.q, at.queue, &small), 1);
	assert_int_equal(shunt_queue_send(at.q, "text", 4, NULL), 0);
	assert_int_equal(shunt_lock_open(&at.l, at.lock, NULL), 1);
	assert_int_equal(shunt_lock_acquire(at.l, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_semaphore_open(&at.s, at.pool, NULL), 1);
	assert_int_equal(shunt_semaphore_wait(at.s, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_event_open(&at.v, at.event, NULL), 1);
	assert_int_equal(shunt_publisher_open(&at.pub, at.topic, NULL), 1);
	assert_int_equal(shunt_subscriber_open(&at.sub, at.topic, NULL), 0);
	assert_true(shunt_stream_writer_open(&at.w, at.stream, NULL) >= 0);
	assert_int_equal(shunt_client_open(&at.client, at.service, NULL), 1);
	assert_true(shunt_log_open(&at.logged, at.log, &lo) >= 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(
		    shunt_log_printf(at.logged, 3, "line %d", i), 0);
	assert_int_equal(shunt_segment_create(&at.seg, at.raw, 5000, NULL), 0);
	return 0;
}

static int
drop_all(void **state)
{
	(void)state;
	shunt_queue_close(&at.q);
	shunt_lock_close(&at.l);
	shunt_semaphore_close(&at.s);
	shunt_event_close(&at.v);
	shunt_subscriber_close(&at.sub);
	shunt_publisher_close(&at.pub);
	shunt_stream_writer_close(&at.w);
	shunt_client_close(&at.client);
	shunt_log_close(&at.logged);
	shunt_segment_close(&at.seg);
	return 0;
}

static int
look(const char *name)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_participant list[8];

	return shunt_segment_stat(name, &info, list, 8);
}

static int
recoveries(const char *name)
{
	struct shunt_recovery list[16];

	return shunt_recoveries(name, list, 16);
}

static int
mappers(const char *name)
{
	int64_t pids[8];

	return shunt_segment_mappers(name, pids, 8);
}

static int
records(const char *name)
{
	struct shunt_tail *tail;
	const char *line;
	ssize_t n;
	int e = shunt_tail_open(&tail, name, NULL, 0);

	assert_true((e < 0) == (tail == NULL));
	if (e < 0)
		return e;
	for (int i = 0; i <= 100; i++) {
		assert_true(i < 100);
		n = shunt_tail_next(tail, &line);
		if (n <= 0)
			break;
		assert_int_equal(strlen(line), n);
	}
	shunt_tail_close(&tail);
	return (int)n;
}

static int
all(const char *name)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_scan *scan;
	int64_t pids[8];
	int e = shunt_scan_open(&scan, NULL);

	(void)name;
	assert_true((e < 0) == (scan == NULL));
	if (e < 0)
		return e;
	while ((e = shunt_scan_next(scan, &info)) == 1)
		if (shunt_scan_users(scan, pids, 8) < 0)
			break;
	shunt_scan_close(&scan);
	return e;
}

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
	assert_int_equal(shunt_lock_acquire(at.l, SHUNT_NOWAIT), -EDEADLK);
	assert_int_equal(shunt_segment_size(at.seg), 5000);
}

static void
each_kind_by_name(void **state)
{
	const char *const names[] = {at.queue, at.lock, at.pool, at.event,
	    at.topic, at.stream, at.service, at.log, at.raw};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		try_all(look, names[i], 0);
		try_all(look, names[i], 1);
	}
}

static void
recoveries_and_mappers(void **state)
{
	(void)state;
	try_all(recoveries, at.lock, 0);
	try_all(recoveries, at.pool, 1);
	try_all(mappers, at.raw, 0);
	try_all(mappers, at.queue, 1);
}

static void
records_of_a_log(void **state)
{
	(void)state;
	try_all(records, at.log, 0);
	try_all(records, at.log, 1);
}

static void
all_that_there_is(void **state)
{
	(void)state;
	try_all(all, "", 0);
	try_all(all, "", 1);
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
	return cmocka_run_group_tests(tests, make_all, drop_all);
}
