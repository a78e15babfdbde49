/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/*
 * One who is answered and has the next message there at once is a sender that
 * a receiver waits for with patience: but not so that others wait for ever.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include <shunt.h>

#include "lib/peers.h"

#define TALK  5000u /* messages of the one who converses */
#define BEGIN 100u  /* ... before the other one sends his */
#define MOST  200u  /* ... that may come in between */

static const char *name;
static _Atomic uint32_t answered;
static int (*send_one)(void *to, uint32_t n);

struct talker {
	void *to;
	int failed;
};

static void *
converse(void *arg)
{
	struct talker *t = arg;

	for (uint32_t n = 1; n <= TALK && t->failed == 0; n++) {
		while (
		    atomic_load_explicit(&answered, memory_order_acquire) != n)
			if (atomic_load_explicit(
				&answered, memory_order_relaxed) > TALK)
				return NULL;
		t->failed = send_one(t->to, n);
	}
	return NULL;
}

/* @receive: the next message's number; 0 is the other one's. */
static void
the_other_one_is_heard(
    void *talker, void *other, void *from, uint32_t (*receive)(void *))
{
	struct talker t = {.to = talker};
	uint32_t n = 0, since = 0;
	pthread_t thread;

	/* Both have their rings, and the receiver knows them. */
	assert_int_equal(send_one(other, 0), 0);
	assert_int_equal(receive(from), 0);
	atomic_store(&answered, 0);
	assert_int_equal(pthread_create(&thread, NULL, converse, &t), 0);
	for (uint32_t told = 1; told <= TALK; told++) {
		atomic_store_explicit(&answered, told, memory_order_release);
		n = receive(from);
		if (n == 0)
			break;
		if (n == BEGIN)
			assert_int_equal(send_one(other, 0), 0);
		since += n > BEGIN;
	}
	atomic_store(&answered, TALK + 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(t.failed, 0);
	assert_int_equal(n, 0);
	assert_in_range(since, 0, MOST);
}

static int
queue_send(void *to, uint32_t n)
{
	return shunt_queue_send(to, &n, sizeof(n), NULL);
}

static uint32_t
queue_receive(void *from)
{
	uint32_t n = UINT32_MAX;

	assert_int_equal(
	    shunt_queue_recv(from, &n, sizeof(n), NULL, NULL), sizeof(n));
	return n;
}

static void
in_a_queue(void **state)
{
	struct shunt_queue *talker, *other, *from;
	char buf[8];

	(void)state;
	name = test_name("fair");
	send_one = queue_send;
	assert_int_equal(shunt_queue_open(&talker, name, NULL), 1);
	assert_int_equal(shunt_queue_open(&other, name, NULL), 0);
	assert_int_equal(shunt_queue_open(&from, name, NULL), 0);
	the_other_one_is_heard(talker, other, from, queue_receive);
	while (shunt_queue_recv(from, buf, sizeof(buf), NULL,
		   &(struct shunt_recv_options){
		       sizeof(struct shunt_recv_options), SHUNT_NOWAIT}) >= 0)
		;
	shunt_queue_close(&talker);
	shunt_queue_close(&other);
	shunt_queue_close(&from);
}

static int
topic_send(void *to, uint32_t n)
{
	return shunt_publisher_send(to, &n, sizeof(n), NULL);
}

static uint32_t
topic_receive(void *from)
{
	uint32_t n = UINT32_MAX;

	assert_int_equal(
	    shunt_subscriber_recv(from, &n, sizeof(n), NULL, NULL), sizeof(n));
	return n;
}

static void
in_a_topic(void **state)
{
	struct shunt_publisher *talker, *other;
	struct shunt_subscriber *from;

	(void)state;
	name = test_name("fair");
	send_one = topic_send;
	assert_int_equal(shunt_publisher_open(&talker, name, NULL), 1);
	assert_int_equal(shunt_publisher_open(&other, name, NULL), 0);
	assert_int_equal(shunt_subscriber_open(&from, name, NULL), 0);
	the_other_one_is_heard(talker, other, from, topic_receive);
	shunt_publisher_close(&talker);
	shunt_publisher_close(&other);
	shunt_subscriber_close(&from);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(in_a_queue),
	    TEST(in_a_topic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
