/* SPDX-License-Identifier: MIT */
/*
 * The lane with two threads over one block of memory, where ThreadSanitizer
 * sees what two mappings would hide.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "lib/peers.h"
#include "unit/lane.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SLOWER 8
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLOWER 8
#endif
#endif
#ifndef SLOWER
#define SLOWER 1
#endif

struct run {
	struct test_lane lane;
	uint64_t count;  /* messages in all */
	uint64_t most;   /* bytes of the longest */
	uint64_t change; /* messages of one owner */
	uint64_t bad;    /* 1 + the first message that was wrong */
};

/* Length of message @n: often 0 and often the longest. */
static uint64_t
length_of(const struct run *run, uint64_t n)
{
	uint64_t x = n * UINT64_C(0x9e3779b97f4a7c15) | 1;

	x = test_random(&x) >> 20;
	return x % 8 == 0 ? 0 : x % 32 == 1 ? run->most : x % (run->most + 1);
}

static void *
produce(void *arg)
{
	struct run *run = arg;
	struct shunt__lane_tx tx;

	for (uint64_t n = 0; n < run->count;) {
		if (n % run->change == 0 && test_lane_tx(&tx, &run->lane) != 0)
			return "take-over";
		int e = test_lane_send(&tx, n, length_of(run, n));
		if (e == 0)
			n++;
		else if (e == -EAGAIN)
			sched_yield();
		else
			return "send";
		/* Full at a change of owners: walk again, it costs nothing
		 * but time. */
	}
	return NULL;
}

static void *
consume(void *arg)
{
	struct run *run = arg;
	struct shunt__lane_rx rx;

	test_lane_rx(&rx, &run->lane);
	for (uint64_t n = 0; n < run->count;) {
		int64_t len = test_lane_recv(&rx, n);
		if (len == (int64_t)length_of(run, n)) {
			n++;
			if (n % run->change == 0)
				test_lane_rx(&rx, &run->lane);
		} else if (len == -EAGAIN) {
			sched_yield();
		} else {
			run->bad = n + 1;
			return "receive";
		}
	}
	return NULL;
}

static void
all_arrive(uint64_t cap, uint64_t most, uint64_t count, uint64_t change)
{
	struct run run = {.lane = test_lane_make(cap),
	    .count = count / SLOWER,
	    .most = most < shunt__lane_max(cap) ? most : shunt__lane_max(cap),
	    .change = change};
	pthread_t a, b;
	void *sent, *got;

	assert_int_equal(pthread_create(&a, NULL, produce, &run), 0);
	assert_int_equal(pthread_create(&b, NULL, consume, &run), 0);
	pthread_join(b, &got);
	if (got != NULL) /* the producer may wait for ever */
		fail_msg(
		    "message %llu is wrong", (unsigned long long)run.bad - 1);
	pthread_join(a, &sent);
	assert_null(sent);
	test_lane_free(&run.lane);
}

static void
a_million_short_ones(void **state)
{
	(void)state;
	all_arrive(65536, 56, 2000000, 1000000000);
}

static void
all_lengths_in_a_small_lane(void **state)
{
	(void)state;
	all_arrive(256, 1000, 500000, 1000000000);
}

static void
all_lengths_in_a_large_lane(void **state)
{
	(void)state;
	all_arrive(16384, 10000, 200000, 1000000000);
}

static void
the_smallest_lane(void **state)
{
	(void)state;
	all_arrive(32, 8, 200000, 1000000000);
}

static void
both_ends_change_their_owners(void **state)
{
	(void)state;
	all_arrive(4096, 500, 300000, 37);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_million_short_ones),
	    TEST(all_lengths_in_a_small_lane),
	    TEST(all_lengths_in_a_large_lane),
	    TEST(the_smallest_lane),
	    TEST(both_ends_change_their_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
