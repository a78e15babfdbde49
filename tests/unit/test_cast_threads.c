/* SPDX-License-Identifier: MIT */
/*
 * A cast with threads over one block of memory, where ThreadSanitizer sees what
 * two mappings would hide: one that publishes, readers that it waits for and
 * readers that it does not, who come and go while it does.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "lib/peers.h"
#include "ring/cast.h"
#include "unit/lane.h"

#define READERS 4u
#define LONGEST 1008u

struct run {
	struct test_lane lane;
	struct shunt__u64 cursors[READERS][8]; /* a line each */
	struct shunt__u32 high;
	struct shunt__u32 ended;
	uint64_t count;  /* messages in all */
	uint64_t change; /* messages of one owner */
	int batch;
};

struct reader {
	struct run *run;
	uint32_t n;
	int kept;
	int again; /* comes and goes */
	uint64_t history;
	uint64_t got, lost, joins;
};

static uint64_t
length_of(uint64_t n)
{
	uint64_t x = n * UINT64_C(0x9e3779b97f4a7c15) | 1;

	x = test_random(&x) >> 20;
	return x % 16 == 1 ? LONGEST : x % 100;
}

static int
publish_one(struct shunt__cast_tx *tx, uint64_t n)
{
	unsigned char buf[LONGEST];
	void *at = NULL;
	int e = shunt__cast_reserve(tx, length_of(n), &at);

	if (e != 0)
		return e;
	test_lane_fill(buf, n, length_of(n));
	shunt__cast_put(at, buf, length_of(n));
	shunt__cast_commit(tx, length_of(n));
	return 1;
}

static int
publish_batch(struct shunt__cast_tx *tx, uint64_t n, uint64_t most)
{
	static unsigned char buf[8][LONGEST];
	struct iovec msgs[8];

	most = most < 8 ? most : 8;
	for (uint64_t i = 0; i < most; i++) {
		test_lane_fill(buf[i], n + i, length_of(n + i));
		msgs[i] = (struct iovec){buf[i], length_of(n + i)};
	}
	return shunt__cast_batch(tx, msgs, (int)most);
}

static void *
publish(void *arg)
{
	struct run *run = arg;
	struct shunt__cast_cursors cursors = {
	    .first = (unsigned char *)run->cursors,
	    .stride = sizeof(run->cursors[0]),
	    .high = &run->high,
	    .most = READERS};
	struct shunt__cast_tx tx;
	uint64_t next_change = 0;

	for (uint64_t n = 0; n < run->count;) {
		if (n >= next_change) {
			next_change = n + run->change;
			if (shunt__cast_tx_adopt(&tx, run->lane.ring,
				run->lane.cap, run->lane.ctl, &cursors) != 0 ||
			    tx.next != n)
				return "take-over";
		}
		int e = run->batch ? publish_batch(&tx, n, run->count - n)
				   : publish_one(&tx, n);
		if (e > 0)
			n += (uint64_t)e;
		else if (e == -EAGAIN)
			sched_yield();
		else
			return "publish";
	}
	shunt__release32(&run->ended, 1);
	return NULL;
}

/* 1 taken, 0 overrun or nothing, -1 wrong. */
static int
read_one(struct reader *r, struct shunt__cast_rx *rx)
{
	unsigned char buf[LONGEST];
	int e = shunt__cast_look(rx);

	if (e == -EAGAIN || e == SHUNT_E_OVERRUN)
		return e == SHUNT_E_OVERRUN && r->kept ? -1 : 0;
	if (e != 0 || rx->len > LONGEST)
		return shunt__cast_whole(rx) ? -1 : 0;
	shunt__cast_get(buf, rx->payload, rx->len);
	if (!shunt__cast_whole(rx))
		return shunt__cast_overrun(rx) == SHUNT_E_OVERRUN ? 0 : -1;
	if (rx->len != length_of(rx->seq) ||
	    !test_lane_intact(buf, rx->seq, rx->len))
		return -1;
	uint64_t lost = rx->lost;
	if (shunt__cast_take(rx) != 0 || (r->kept && rx->lost != lost))
		return -1;
	r->lost += rx->lost - lost;
	r->got++;
	return 1;
}

static void *
read_all(void *arg)
{
	struct reader *r = arg;
	struct run *run = r->run;
	struct shunt__cast_rx rx = {0};
	uint64_t first = 0, joined = 0;

	rx.ring = run->lane.ring;
	rx.cap = run->lane.cap;
	rx.ctl = run->lane.ctl;
	rx.cursor = &run->cursors[r->n][0];
	rx.kept = (uint32_t)r->kept;
	for (;;) {
		if (r->joins == 0 || (r->again && r->got - joined > 300)) {
			joined = r->got;
			if (r->kept && r->joins != 0)
				shunt__release64(rx.cursor, 0);
			if (shunt__cast_join(&rx, r->history) != 0)
				return "join";
			first = rx.next;
			r->lost = 0;
			r->joins++;
		}
		uint32_t ended = shunt__acquire32(&run->ended);
		int e = read_one(r, &rx);
		if (e < 0)
			return "read";
		if (e == 0 && ended && shunt__cast_behind(&rx) == 0)
			break;
		if (e == 0)
			sched_yield();
	}
	if (r->kept)
		shunt__release64(rx.cursor, 0);
	/* Since it joined last: each message was got or counted as lost. */
	if (r->got - joined + r->lost != run->count - first)
		return "miscounted";
	return rx.next == run->count ? NULL : "the end is missing";
}

static void
run_with(uint64_t count, int batch)
{
	struct run *run = aligned_alloc(64, (sizeof(*run) + 63) & ~63u);
	struct reader readers[READERS] = {{.kept = 1},
	    {.kept = 1, .again = 1, .history = 5}, {.kept = 0},
	    {.kept = 0, .again = 1, .history = UINT64_MAX}};
	pthread_t thread[READERS], publisher;
	void *wrong;

	memset(run, 0, sizeof(*run));
	run->lane = test_lane_make(4096);
	run->count = count;
	run->change = 1000;
	run->batch = batch;
	shunt__store32(&run->high, READERS);
	for (uint32_t k = 0; k < READERS; k++) {
		readers[k].run = run;
		readers[k].n = k;
	}
	/* Two are there from the beginning. */
	struct shunt__cast_rx rx = {
	    .ctl = run->lane.ctl, .cursor = &run->cursors[0][0], .kept = 1};
	assert_int_equal(shunt__cast_join_unused(&rx), 0);
	readers[0].history = UINT64_MAX;
	pthread_create(&thread[0], NULL, read_all, &readers[0]);
	pthread_create(&thread[2], NULL, read_all, &readers[2]);
	pthread_create(&publisher, NULL, publish, run);
	pthread_create(&thread[1], NULL, read_all, &readers[1]);
	pthread_create(&thread[3], NULL, read_all, &readers[3]);
	pthread_join(publisher, &wrong);
	assert_string_equal(wrong == NULL ? "" : wrong, "");
	for (uint32_t k = 0; k < READERS; k++) {
		pthread_join(thread[k], &wrong);
		assert_string_equal(wrong == NULL ? "" : wrong, "");
	}
	assert_int_equal(readers[0].got, count);
	assert_true(readers[1].joins > 1);
	test_lane_free(&run->lane);
	free(run);
}

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

static void
one_by_one(void **state)
{
	(void)state;
	run_with(200000 / SLOWER, 0);
}

static void
in_batches(void **state)
{
	(void)state;
	run_with(200000 / SLOWER, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(one_by_one), TEST(in_batches)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
