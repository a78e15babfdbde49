/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/*
 * The ready bits of a queue are hints.  A lane that was silent for long is
 * polled no more and its bit is off; a sender that is killed there between
 * its commit and its bit leaves a message that no bit tells of.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <shunt.h>

#include "channel/queue.h"
#include "lib/peers.h"

#define SENDERS 12 /* more than are polled for ever */
#define LONG    (5000 * MS)

static struct shunt_queue *sender[SENDERS], *receiver;
static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_now = {
    .sz = sizeof(recv_now), .wait_ns = SHUNT_NOWAIT};

static ssize_t
receive(void)
{
	char buf[16];

	return shunt_queue_recv(receiver, buf, sizeof(buf), NULL, &recv_now);
}

static struct shunt__u64 *
bits(void)
{
	return &receiver->obj->control->ct_ready[0];
}

/* Until lanes are not polled any more: those whose bits went out. */
static uint64_t
grow_silent(uint64_t all)
{
	uint64_t end = test_now() + LONG;

	while (shunt__load64(bits()) == all && test_now() < end)
		assert_int_equal(receive(), -EAGAIN);
	return all & ~shunt__load64(bits());
}

static void
a_message_without_its_bit_is_received(void **state)
{
	const char *name = test_name("ready");
	uint64_t silent, end;
	ssize_t n;

	(void)state;
	assert_int_equal(shunt_queue_open(&receiver, name, NULL), 1);
	for (int i = 0; i < SENDERS; i++) {
		assert_int_equal(shunt_queue_open(&sender[i], name, NULL), 0);
		assert_int_equal(
		    shunt_queue_send(sender[i], "first", 5, &send_now), 0);
		assert_int_equal(receive(), 5);
	}
	silent = grow_silent(shunt__load64(bits()));
	assert_int_not_equal(silent, 0);
	/* One of them sends, and is killed before it sets its bit. */
	for (int i = 0; i < SENDERS; i++) {
		assert_int_equal(
		    shunt_queue_send(sender[i], "second!", 7, &send_now), 0);
		if (shunt__load64(bits()) & silent)
			break;
		assert_int_equal(receive(), 7);
	}
	silent &= shunt__load64(bits());
	assert_int_not_equal(silent, 0);
	shunt__and64(bits(), ~silent);
	end = test_now() + LONG;
	do
		n = receive(); /* each looks at all lanes once in a while */
	while (n == -EAGAIN && test_now() < end);
	assert_int_equal(n, 7);
	for (int i = 0; i < SENDERS; i++)
		shunt_queue_close(&sender[i]);
	shunt_queue_close(&receiver);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_message_without_its_bit_is_received),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
