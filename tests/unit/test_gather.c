/* SPDX-License-Identifier: MIT */
/* Messages in several parts, and several by one call, of calls and topics;
 * those of a queue are in test_queue_batch.c. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>

#include <shunt.h>

#include "lib/peers.h"

static const struct shunt_recv_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};

static void
requests_and_replies_in_parts(void **state)
{
	const char *name = test_name("gather");
	struct iovec parts[3] = {{(void *)(uintptr_t) "one ", 4}, {NULL, 0},
	    {(void *)(uintptr_t) "two", 3}};
	struct shunt_client *client;
	struct shunt_service *service;
	struct shunt_reply info = {.sz = sizeof(info)};
	const void *msg;
	char in[16];
	uint64_t id;

	(void)state;
	assert_int_equal(shunt_client_open(&client, name, NULL), 1);
	assert_int_equal(shunt_service_open(&service, name, NULL), 0);
	assert_int_equal(shunt_client_sendv(client, parts, 3, &id, NULL), 0);
	assert_int_equal(shunt_service_next(service, &msg, NULL, NULL), 7);
	assert_memory_equal(msg, "one two", 7);
	assert_int_equal(shunt_service_replyv(service, 5, parts, -1), -EINVAL);
	assert_int_equal(shunt_service_replyv(service, 5, NULL, 1), -EINVAL);
	assert_int_equal(shunt_service_replyv(service, 5, parts, 3), 0);
	assert_int_equal(
	    shunt_client_poll(client, in, sizeof(in), &info, NULL), 7);
	assert_memory_equal(in, "one two", 7);
	assert_int_equal(info.status, 5);
	assert_true(info.id == id);

	assert_int_equal(shunt_client_sendv(client, NULL, 0, NULL, NULL), 0);
	assert_int_equal(shunt_service_next(service, &msg, NULL, NULL), 0);
	parts[0].iov_len = SIZE_MAX;
	assert_int_equal(shunt_service_replyv(service, 0, parts, 3), -EMSGSIZE);
	assert_int_equal(shunt_service_replyv(service, 0, NULL, 0), 0);
	assert_int_equal(
	    shunt_client_sendv(client, parts, 3, NULL, NULL), -EMSGSIZE);
	shunt_client_close(&client);
	shunt_service_close(&service);
}

/* In the order published, with the numbers and lengths, as many as fit. */
static void
a_subscriber_takes_several(void **state)
{
	const char *name = test_name("batch");
	struct shunt_topic_message infos[8] = {{.sz = sizeof(infos[0])}};
	struct shunt_publisher *pub;
	struct shunt_subscriber *sub;
	char in[64];

	(void)state;
	assert_int_equal(shunt_publisher_open(&pub, name, NULL), 1);
	assert_int_equal(shunt_subscriber_open(&sub, name, NULL), 0);
	assert_int_equal(
	    shunt_subscriber_recv_batch(sub, in, sizeof(in), infos, 8, &now),
	    -EAGAIN);
	for (int i = 0; i < 5; i++)
		assert_int_equal(
		    shunt_publisher_send(pub, "abcde", (size_t)i, NULL), 0);
	assert_int_equal(
	    shunt_subscriber_recv_batch(sub, in, sizeof(in), infos, 0, &now),
	    -EINVAL);
	assert_int_equal(
	    shunt_subscriber_recv_batch(sub, in, sizeof(in), infos, 3, &now),
	    3);
	assert_memory_equal(in, "aab", 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(infos[i].sz, sizeof(infos[0]));
		assert_int_equal(infos[i].len, i);
		assert_int_equal(infos[i].sequence, infos[0].sequence + i);
	}
	/* Three bytes are room for one of the two that are left. */
	assert_int_equal(
	    shunt_subscriber_recv_batch(sub, in, 3, infos, 8, &now), 1);
	assert_int_equal(
	    shunt_subscriber_recv_batch(sub, in, 3, infos, 8, &now), -EMSGSIZE);
	assert_int_equal(infos[0].len, 4);
	assert_int_equal(
	    shunt_subscriber_recv_batch(sub, in, 4, infos, 8, &now), 1);
	assert_memory_equal(in, "abcd", 4);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

/* That it was evicted is told by a call of its own, and once, wherever in a
 * batch it is noticed; lost and received are all that were sent. */
static void
a_batch_keeps_what_is_told_once(void **state)
{
	static const struct shunt_publisher_options small = {
	    .sz = sizeof(small),
	    .lane_bytes = 4096,
	    .policy = SHUNT_TOPIC_EVICT};
	const char *name = test_name("told");
	struct shunt_topic_message infos[64] = {{.sz = sizeof(infos[0])}};
	struct shunt_publisher *pub;
	struct shunt_subscriber *sub;
	char msg[56] = {0}, in[64 * 56];
	int got = 0, evicted = 0, n;

	(void)state;
	assert_int_equal(shunt_publisher_open(&pub, name, &small), 1);
	assert_int_equal(shunt_subscriber_open(&sub, name, NULL), 0);
	for (int i = 0; i < 500; i++)
		assert_int_equal(
		    shunt_publisher_send(pub, msg, sizeof(msg), NULL), 0);
	while ((n = shunt_subscriber_recv_batch(
		    sub, in, sizeof(in), infos, 64, &now)) != -EAGAIN) {
		if (n == SHUNT_E_EVICTED)
			evicted++;
		else
			got += n;
		assert_true(n > 0 || n == SHUNT_E_EVICTED);
	}
	assert_int_equal(evicted, 1);
	assert_true(got > 0);
	assert_int_equal((uint64_t)got + shunt_subscriber_lost(sub), 500);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_and_replies_in_parts),
	    cmocka_unit_test(a_subscriber_takes_several),
	    cmocka_unit_test(a_batch_keeps_what_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
