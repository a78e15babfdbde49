/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/*
 * What a subscriber has in its hands when the ring is written over, by its
 * publisher or by somebody who has no business there: it is told, once, by
 * the call that comes next.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include <shunt.h>

#include "channel/publisher.h"
#include "channel/subscriber.h"
#include "lib/peers.h"

#define CAP 4096

static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_now = {
    .sz = sizeof(recv_now), .wait_ns = SHUNT_NOWAIT};

static const char *name;
static struct shunt_publisher *pub;
static struct shunt_subscriber *sub;
static char buf[64];

static int
begin_with(uint32_t policy)
{
	struct shunt_publisher_options o = {.sz = sizeof(o),
	    .lane_bytes = CAP,
	    .publishers = 4,
	    .subscribers = 4,
	    .policy = policy};

	name = test_name("sublie");
	return shunt_publisher_open(&pub, name, &o) == 1 &&
		       shunt_subscriber_open(&sub, name, NULL) == 0
		   ? 0
		   : -1;
}

static int
begin(void **state)
{
	(void)state;
	return begin_with(SHUNT_TOPIC_LOSSY);
}

static int
begin_evict(void **state)
{
	(void)state;
	return begin_with(SHUNT_TOPIC_EVICT);
}

static int
end(void **state)
{
	(void)state;
	shunt_publisher_close(&pub);
	shunt_subscriber_close(&sub);
	return 0;
}

static void
publish(int n)
{
	for (int i = 0; i < n; i++)
		assert_int_equal(
		    shunt_publisher_send(pub, "12345678", 8, &send_now), 0);
}

static ssize_t
next(void)
{
	return shunt_subscriber_recv(sub, buf, 8, NULL, &recv_now);
}

static struct shunt__u64 *
word(uint64_t pos)
{
	return shunt__lane_word(
	    shunt__object_ring(pub->topic.obj, 0), CAP, pos);
}

static void
a_tail_that_lies_under_what_is_in_hand(void **state)
{
	struct shunt__lane_lay *ctl = shunt__object_lane(pub->topic.obj, 0);
	const void *msg;

	(void)state;
	publish(2);
	assert_int_equal(shunt_subscriber_peek(sub, &msg, NULL, &recv_now), 8);
	shunt__store64(&ctl->ln_tail, 4);
	assert_int_equal(shunt_subscriber_valid(sub), 0);
	assert_int_equal(shunt_subscriber_release(sub), SHUNT_E_CORRUPT);
	assert_int_equal(shunt_subscriber_release(sub), -EINVAL);
	assert_int_equal(next(), -EAGAIN);
}

static void
who_only_peeks_is_told_that_he_is_too_slow(void **state)
{
	const void *msg;
	ssize_t n = 8;
	int i;

	(void)state;
	publish(1);
	for (i = 0; i < 100 && n == 8; i++) {
		n = shunt_subscriber_peek(sub, &msg, NULL, &recv_now);
		publish(300);
	}
	assert_int_equal(n, SHUNT_E_OVERRUN);
	assert_true(i > 10);
	assert_int_equal(next(), 8);
}

static void
a_lie_that_shunt_wait_found_is_told_by_the_next_call(void **state)
{
	struct shunt_wait_item item = {.end = shunt_subscriber_end(sub)};

	(void)state;
	publish(1);
	shunt__store64(word(0), UINT64_C(0x1234567812345678));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(shunt_wait(&item, 1, SHUNT_NOWAIT), 1);
		assert_int_equal(item.ready, SHUNT_E_CORRUPT);
	}
	assert_int_equal(next(), SHUNT_E_CORRUPT);
	assert_int_equal(next(), -EAGAIN);
	assert_int_equal(shunt_wait(&item, 1, SHUNT_NOWAIT), -EAGAIN);
}

static void
a_lie_inside_of_a_batch_is_told_by_the_next_call(void **state)
{
	struct shunt_topic_message infos[4] = {{.sz = sizeof(infos[0])}};

	(void)state;
	publish(2);
	assert_int_equal(
	    shunt_subscriber_recv_batch(sub, buf, 64, infos, 4, &recv_now), 2);
	publish(3);
	/* The fifth one's number goes back. */
	shunt__store64(word(4 * 24 + 8), 0);
	assert_int_equal(
	    shunt_subscriber_recv_batch(sub, buf, 64, infos, 4, &recv_now), 2);
	assert_int_equal(infos[1].sequence, 3);
	assert_int_equal(next(), SHUNT_E_CORRUPT);
	assert_int_equal(next(), -EAGAIN);
}

/* ---- overrun while it is copied ---------------------------------------------
 * The caller's second page may not be written at first: whoever writes there
 * stops in the middle of the copy, and the publisher goes on meanwhile.
 */

static char *pages;

static void
go_round(int sig)
{
	(void)sig;
	if (mprotect(pages, 2 * 4096, PROT_READ | PROT_WRITE) != 0)
		_exit(99);
	for (int i = 0; i < 400; i++)
		if (shunt_publisher_send(pub, "abcdefgh", 8, &send_now) != 0)
			_exit(98);
}

static int
receive_while_it_goes_round(struct shunt_topic_message *infos)
{
	struct sigaction sa = {.sa_handler = go_round}, before;

	pages = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + 4096, 4096, PROT_NONE), 0);
	assert_int_equal(sigaction(SIGSEGV, &sa, &before), 0);
	int n = shunt_subscriber_recv_batch(
	    sub, pages + 4096 - 8, 8 + 4096, infos, 3, &recv_now);
	assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
	assert_memory_equal(pages + 4096 - 8, "12345678", 8);
	munmap(pages, 2 * 4096);
	return n;
}

static void
what_is_overrun_while_it_is_copied_does_not_come(void **state)
{
	struct shunt_topic_message infos[3] = {{.sz = sizeof(infos[0])}};

	(void)state;
	publish(3);
	assert_int_equal(receive_while_it_goes_round(infos), 1);
	uint64_t got = 1;
	while (next() == 8) {
		assert_memory_equal(buf, "abcdefgh", 8);
		got++;
	}
	assert_int_equal(got + shunt_subscriber_lost(sub), 403);
}

static void
evicted_while_it_is_copied_it_is_told_next(void **state)
{
	struct shunt_topic_message infos[3] = {{.sz = sizeof(infos[0])}};

	(void)state;
	publish(3);
	assert_int_equal(receive_while_it_goes_round(infos), 1);
	assert_int_equal(next(), SHUNT_E_EVICTED);
	assert_int_equal(next(), 8);
	assert_memory_equal(buf, "abcdefgh", 8);
}

/* ---- fair -------------------------------------------------------------------
 */

/* Its answers were always there in time: that is a turn all the same. */
static void
a_conversation_hides_no_other_ring(void **state)
{
	struct shunt_publisher *other;

	(void)state;
	publish(1);
	/* There is no other. */
	assert_int_equal(next(), 8);
	sub->turn = 2;
	sub->lull = 1;
	assert_int_equal(next(), -EAGAIN);
	publish(1);
	assert_int_equal(shunt_publisher_open(&other, name, NULL), 0);
	assert_int_equal(shunt_publisher_send(other, "b", 1, &send_now), 0);
	assert_int_equal(next(), 8);
	assert_int_equal(next(), 1);
	assert_int_equal(next(), -EAGAIN);
	publish(1);
	assert_int_equal(next(), 8);
	assert_int_equal(shunt_publisher_send(other, "b", 1, &send_now), 0);
	sub->turn = 2;
	sub->lull = 1;
	assert_int_equal(next(), 1);
	assert_true(sub->turn <= 1);
	shunt_publisher_close(&other);
}

#define ON(what, f) cmocka_unit_test_setup_teardown(f, what, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ON(begin, a_tail_that_lies_under_what_is_in_hand),
	    ON(begin, who_only_peeks_is_told_that_he_is_too_slow),
	    ON(begin, a_lie_that_shunt_wait_found_is_told_by_the_next_call),
	    ON(begin, a_lie_inside_of_a_batch_is_told_by_the_next_call),
	    ON(begin, what_is_overrun_while_it_is_copied_does_not_come),
	    ON(begin_evict, evicted_while_it_is_copied_it_is_told_next),
	    ON(begin, a_conversation_hides_no_other_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
