/* SPDX-License-Identifier: MIT */
#include "unit/unit.h"
#include <cmocka.h>

#include "lib/peers.h"
#include "unit/looks.h"

struct looks looks;

int
looks_make(void **state)
{
	static const struct shunt_queue_options small = {
	    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};
	static const struct shunt_log_options lo = {
	    .sz = sizeof(lo), .lane_bytes = 4096, .lanes = 4};

	(void)state;
	looks.queue = test_name("queue");
	looks.lock = test_name("lock");
	looks.pool = test_name("pool");
	looks.event = test_name("event");
	looks.topic = test_name("topic");
	looks.stream = test_name("stream");
	looks.service = test_name("service");
	looks.log = test_name("log");
	looks.raw = test_name("raw");
	assert_int_equal(shunt_queue_open(&looks.q, looks.queue, &small), 1);
	assert_int_equal(shunt_queue_send(looks.q, "text", 4, NULL), 0);
	assert_int_equal(shunt_lock_open(&looks.l, looks.lock, NULL), 1);
	assert_int_equal(shunt_lock_acquire(looks.l, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_semaphore_open(&looks.s, looks.pool, NULL), 1);
	assert_int_equal(shunt_semaphore_wait(looks.s, SHUNT_NOWAIT), 0);
	assert_int_equal(shunt_event_open(&looks.v, looks.event, NULL), 1);
	assert_int_equal(
	    shunt_publisher_open(&looks.pub, looks.topic, NULL), 1);
	assert_int_equal(
	    shunt_subscriber_open(&looks.sub, looks.topic, NULL), 0);
	assert_true(
	    shunt_stream_writer_open(&looks.w, looks.stream, NULL) >= 0);
	assert_int_equal(
	    shunt_client_open(&looks.client, looks.service, NULL), 1);
	assert_true(shunt_log_open(&looks.logged, looks.log, &lo) >= 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(
		    shunt_log_printf(looks.logged, 3, "line %d", i), 0);
	assert_int_equal(
	    shunt_segment_create(&looks.seg, looks.raw, 5000, NULL), 0);
	return 0;
}

int
looks_drop(void **state)
{
	(void)state;
	shunt_queue_close(&looks.q);
	shunt_lock_close(&looks.l);
	shunt_semaphore_close(&looks.s);
	shunt_event_close(&looks.v);
	shunt_subscriber_close(&looks.sub);
	shunt_publisher_close(&looks.pub);
	shunt_stream_writer_close(&looks.w);
	shunt_client_close(&looks.client);
	shunt_log_close(&looks.logged);
	shunt_segment_close(&looks.seg);
	return 0;
}

int
look_at(const char *name)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_participant list[8];
	int e = shunt_segment_stat(name, &info, list, 8);

	if (e < 0)
		return e;
	/* To be shown as text, whatever it says. */
	assert_non_null(memchr(info.name, 0, sizeof(info.name)));
	assert_non_null(memchr(info.type, 0, sizeof(info.type)));
	for (int i = 0; i < e && i < 8; i++)
		assert_non_null(memchr(list[i].comm, 0, sizeof(list[i].comm)));
	return e;
}

int
look_recoveries(const char *name)
{
	struct shunt_recovery list[16];

	return shunt_recoveries(name, list, 16);
}

int
look_mappers(const char *name)
{
	int64_t pids[8];

	return shunt_segment_mappers(name, pids, 8);
}

int
look_records(const char *name)
{
	struct shunt_tail *tail;
	const char *line;
	ssize_t n;
	int e = shunt_tail_open(&tail, name, NULL, 0);

	assert_true((e < 0) == (tail == NULL));
	if (e < 0)
		return e;
	/* There are five, and no more than a ring holds. */
	for (int i = 0; i <= 20000; i++) {
		assert_true(i < 20000);
		n = shunt_tail_next(tail, &line);
		if (n <= 0)
			break;
		assert_int_equal(strlen(line), n);
	}
	shunt_tail_close(&tail);
	return (int)n;
}

int
look_around(const char *name)
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
