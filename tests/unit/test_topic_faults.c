/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * The k-th system call of a topic's life fails, for every k until none does:
 * each call answers with a code or does without, nothing leaks, and once no
 * call fails any more everything works.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>

#include <shunt.h>

#include "lib/peers.h"
#include "unit/faults.h"

static const int errors[] = {EIO, ENOMEM, EINTR, ENOSYS};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

static struct shunt_publisher_options wish = {
    .sz = sizeof(wish), .lane_bytes = 4096, .publishers = 2, .subscribers = 2};
static const struct shunt_send_options send_soon = {
    .sz = sizeof(send_soon), .wait_ns = 200000};
static const struct shunt_recv_options recv_soon = {
    .sz = sizeof(recv_soon), .wait_ns = 200000};

/* Subscribe, publish more than a ring takes, receive.  What was published is
 * received or counted as lost, whatever failed.  0 or the first code. */
static int
live(const char *name, int forever)
{
	struct shunt_publisher *pub = NULL;
	struct shunt_subscriber *sub = NULL;
	uint64_t sent = 0, got = 0, value;
	int e = shunt_publisher_open(&pub, name, &wish), code;

	assert_true((e >= 0) == (pub != NULL));
	code = e < 0 ? e : 0;
	e = shunt_subscriber_open(&sub, name, NULL);
	assert_true((e >= 0) == (sub != NULL));
	if (code == 0 && e < 0)
		code = e;
	for (int i = 0; pub != NULL && i < 400; i++) {
		e = shunt_publisher_send(pub, &sent, 8, &send_soon);
		if (e == 0)
			sent++;
		else if (e == -ETIMEDOUT)
			break; /* a subscriber is a ring behind */
		else if (e != SHUNT_E_DROPPED) {
			code = code == 0 ? e : code;
			break;
		}
	}
	ssize_t n = 0;
	for (int i = 0; sub != NULL && pub != NULL && i < 1000; i++) {
		n = shunt_subscriber_recv(sub, &value, 8, NULL, &recv_soon);
		if (n == 8)
			got++;
		else if (n == -ETIMEDOUT)
			break;
		else if (n != SHUNT_E_EVICTED) {
			code = code == 0 ? (int)n : code;
			break;
		}
	}
	/* A ring that can never be touched is never read. */
	if (!forever && sub != NULL && pub != NULL && n == -ETIMEDOUT &&
	    got + shunt_subscriber_lost(sub) < sent)
		fail_msg("%s failed: of %d sent %d came", faults_call(),
		    (int)sent, (int)got);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
	return code;
}

static void
each_call_fails_once_and_for_ever(void **state)
{
	int fds = test_fds();

	(void)state;
	for (uint32_t policy = SHUNT_TOPIC_LOSSY; policy <= SHUNT_TOPIC_EVICT;
	     policy++) {
		wish.policy = policy;
		for (size_t i = 0; i < 2 * ERRORS; i++) {
			int failed = 1;
			/* A signal does not come for ever. */
			if (errors[i / 2] == EINTR && i % 2 != 0)
				continue;
			for (unsigned k = 1; failed; k++) {
				const char *name = test_name("topic");
				faults_on(k, errors[i / 2], i % 2);
				int e = live(name, i % 2);
				failed = faults_off();
				assert_true(failed || e == 0);
				if (test_fds() != fds)
					fail_msg("%s failed: a descriptor is "
						 "left",
					    faults_call());
				assert_true(k < 300);
				shunt_remove(name, NULL);
			}
		}
		assert_int_equal(live(test_name("topic"), 0), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_call_fails_once_and_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
