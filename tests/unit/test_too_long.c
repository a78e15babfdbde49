/* SPDX-License-Identifier: MIT */
/* A message that is too long: the sentence has the number to set, and with
 * that number it fits. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>

#include <shunt.h>

#include "lib/peers.h"
#include "channel/too_long.h"

/* What the last sentence says: "... lanes of N (lane_bytes)". */
static uint64_t
number_to_set(void)
{
	const char *with = strstr(shunt_error_detail(), "with lanes of ");

	assert_non_null(with);
	return strtoull(with + strlen("with lanes of "), NULL, 10);
}

static void
a_queue_says_what_to_set(void **state)
{
	static char buf[1 << 17];
	const char *name = test_name("queue");
	struct shunt_queue_options o = {.sz = sizeof(o), .lane_bytes = 4096};
	struct shunt_queue *q;

	(void)state;
	for (size_t len = 2041; len <= sizeof(buf); len += 997) {
		o.lane_bytes = 4096;
		assert_int_equal(shunt_queue_open(&q, name, &o), 1);
		assert_int_equal(
		    shunt_queue_send(q, buf, len, NULL), -EMSGSIZE);
		assert_detail(name);
		o.lane_bytes = number_to_set();
		shunt_queue_close(&q);
		assert_int_equal(shunt_queue_open(&q, name, &o), 1);
		assert_in_range(len, o.lane_bytes / 4 - 7, shunt_queue_max(q));
		shunt_queue_close(&q);
	}
}

static void
a_publisher_says_what_to_set(void **state)
{
	static char buf[1 << 16];
	const char *name = test_name("topic");
	struct shunt_publisher_options o = {.sz = sizeof(o)};
	struct shunt_publisher *pub;

	(void)state;
	for (size_t len = 1009; len <= sizeof(buf); len += 997) {
		struct iovec one = {buf, len};
		o.lane_bytes = 4096;
		assert_int_equal(shunt_publisher_open(&pub, name, &o), 1);
		assert_int_equal(
		    shunt_publisher_send(pub, buf, len, NULL), -EMSGSIZE);
		o.lane_bytes = number_to_set();
		assert_int_equal(
		    shunt_publisher_send(pub, buf, 2000, NULL), -EMSGSIZE);
		assert_detail("2000 bytes");
		assert_int_equal(
		    shunt_publisher_send_batch(pub, &one, 1, NULL), -EMSGSIZE);
		assert_detail(name);
		assert_true(number_to_set() == o.lane_bytes);
		shunt_publisher_close(&pub);
		assert_int_equal(shunt_publisher_open(&pub, name, &o), 1);
		assert_in_range(
		    len, o.lane_bytes / 8 - 15, shunt_publisher_max(pub));
		shunt_publisher_close(&pub);
	}
}

static void
client_and_server_say_what_to_set(void **state)
{
	static char buf[20000];
	const char *name = test_name("service");
	struct shunt_service_options o = {.sz = sizeof(o), .lane_bytes = 4096};
	struct shunt_client *client;
	struct shunt_service *service;
	const void *msg;

	(void)state;
	assert_int_equal(shunt_client_open(&client, name, &o), 1);
	assert_int_equal(shunt_service_open(&service, name, NULL), 0);
	assert_int_equal(
	    shunt_client_send(client, buf, 20000, NULL, NULL), -EMSGSIZE);
	assert_detail(name);
	assert_true(number_to_set() == 65536);
	assert_int_equal(shunt_client_send(client, NULL, 0, NULL, NULL), 0);
	assert_int_equal(shunt_service_next(service, &msg, NULL, NULL), 0);
	assert_int_equal(shunt_service_reply(service, 0, buf, 2033), -EMSGSIZE);
	assert_detail("2033 bytes");
	assert_true(number_to_set() == 8192);
	shunt_service_close(&service);
	shunt_client_close(&client);
}

static void
longer_than_any_lane_has_no_number(void **state)
{
	struct shunt_queue *q;
	size_t max = (size_t)1 << 29;

	(void)state;
	assert_true(shunt__lane_for(4096, 2040, 2, max - 8) == 2 * max);
	assert_true(shunt__lane_for(4096, 2040, 2, max - 7) == 0);
	assert_true(shunt__lane_for(4096, 2040, 2, SIZE_MAX) == 0);
	assert_int_equal(shunt_queue_open(&q, test_name("none"), NULL), 1);
	assert_int_equal(shunt_queue_send(q, "", SIZE_MAX, NULL), -EMSGSIZE);
	assert_detail("stream");
	shunt_queue_close(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_queue_says_what_to_set),
	    cmocka_unit_test(a_publisher_says_what_to_set),
	    cmocka_unit_test(client_and_server_say_what_to_set),
	    cmocka_unit_test(longer_than_any_lane_has_no_number),
	};

	return cmocka_run_group_tests_name("too long", tests, NULL, NULL);
}
