/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_BENCH_LOOPS_H
#define SHUNT_CLI_BENCH_LOOPS_H

/*
 * The loops that every driver runs, compiled anew into each with its own send
 * and receive, so that no call through a pointer stands between them and what
 * is measured.
 */

#include <errno.h>
#include <string.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "bench.h"

#define BENCH_SEQ ((UINT64_C(1) << 56) - 1)
#define BENCH_END UINT64_MAX /* the last word of round trips */

/*
 * A message is a word, the number of its producer over its place in the
 * sequence, and the word's mixture in the middle and at the end.
 */
static inline void
bench_stamp(void *msg, size_t size, uint64_t word)
{
	uint64_t mix = word * UINT64_C(0x9e3779b97f4a7c15);

	memcpy(msg, &word, 8);
	if (size >= 16)
		memcpy((char *)msg + size - 8, &mix, 8);
	if (size >= 1024)
		memcpy((char *)msg + size / 2, &mix, 8);
}

static inline int
bench_check(const void *msg, size_t len, size_t size, uint64_t *word)
{
	uint64_t mix, tail, middle;

	if (__builtin_expect(len != size, 0))
		return bench_fail(
		    "a message of %zu bytes came, not %zu", len, size);
	memcpy(word, msg, 8);
	mix = *word * UINT64_C(0x9e3779b97f4a7c15);
	tail = middle = mix;
	if (size >= 16)
		memcpy(&tail, (const char *)msg + size - 8, 8);
	if (size >= 1024)
		memcpy(&middle, (const char *)msg + size / 2, 8);
	if (__builtin_expect(tail != mix || middle != mix, 0))
		return bench_fail("a message is not what was sent");
	return 0;
}

static inline uint64_t
bench_ticks(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#else
	return bench_now();
#endif
}

/* 0: sent or received; -EAGAIN: not now; other negative: bench_fail() told. */
typedef int bench_send(struct bench_side *me, uint64_t word);
typedef int bench_recv(struct bench_side *me, uint64_t *word);
typedef int bench_flush(struct bench_side *me);

#define BENCH_INLINE static inline __attribute__((always_inline))

BENCH_INLINE int
bench_stop(struct bench_side *me)
{
	return atomic_load_explicit(&me->shared->stop, memory_order_relaxed);
}

BENCH_INLINE int
bench_trip(
    struct bench_side *me, uint64_t word, bench_send *send, bench_recv *recv)
{
	uint64_t back = 0;
	int r;

	while ((r = send(me, word)) == -EAGAIN)
		continue;
	if (r < 0)
		return r;
	while ((r = recv(me, &back)) == -EAGAIN)
		continue;
	if (r == 0 && back != word)
		r = bench_fail("another message came back than was sent");
	return r;
}

/* The first trips, of the first slices at most, warm up: not counted. */
BENCH_INLINE int
bench_warm(const struct bench_side *me, uint64_t n)
{
	return n < (me->cell.sleeping ? 20 : 1000) &&
	       bench_now() - me->seat->begin_ns < 2 * me->shared->slice_ns;
}

BENCH_INLINE int
bench_ping(struct bench_side *me, bench_send *send, bench_recv *recv)
{
	uint64_t n = 0, then, now;
	int r = 0;

	for (; r == 0 && bench_warm(me, n); n++)
		r = bench_trip(me, n, send, recv);
	then = bench_ticks();
	/* One at least, however slow. */
	for (; r == 0 && (!bench_stop(me) || me->seat->hist.n == 0); n++) {
		r = bench_trip(me, n, send, recv);
		now = bench_ticks();
		bench_hist_add(&me->seat->hist, now - then);
		then = now;
	}
	while (r == 0 && (r = send(me, BENCH_END)) == -EAGAIN)
		r = 0;
	atomic_store(&me->seat->count, n);
	return r;
}

BENCH_INLINE int
bench_pong(struct bench_side *me, bench_send *send, bench_recv *recv)
{
	uint64_t n = 0, word = 0;
	int r;

	for (;;) {
		while ((r = recv(me, &word)) == -EAGAIN)
			continue;
		if (r < 0 || word == BENCH_END)
			break;
		if (word != n++)
			return bench_fail("message %llu is missing",
			    (unsigned long long)(n - 1));
		while ((r = send(me, word)) == -EAGAIN)
			continue;
		if (r < 0)
			break;
	}
	atomic_store(&me->seat->count, n);
	return r;
}

BENCH_INLINE int
bench_flood_out(struct bench_side *me, bench_send *send, bench_flush *flush)
{
	uint64_t base = (uint64_t)me->number << 56, n = 0, sum = 0;
	int r = 0;

	while (!bench_stop(me)) {
		r = send(me, base | n);
		if (r == 0) {
			sum += base | n;
			n++;
		} else if (r != -EAGAIN)
			return r;
	}
	/* What a batch holds back goes now. */
	while (flush != NULL && (r = flush(me)) == -EAGAIN)
		continue;
	if (r < 0 && r != -EAGAIN)
		return r;
	me->seat->sum = sum;
	atomic_store(&me->seat->count, n);
	atomic_fetch_add(&me->shared->producers_done, 1);
	return 0;
}

/* What one consumer has received so far. */
struct bench_intake {
	uint64_t n, sum, often, next[BENCH_SIDES];
	int exact;
};

BENCH_INLINE struct bench_intake
bench_intake(const struct bench_side *me)
{
	return (struct bench_intake){.often = me->cell.size > 1024 ? 0 : 255,
	    .exact = me->each || me->cell.consumers == 1};
}

/* Counts and checks one message; those of a producer come in its order. */
BENCH_INLINE int
bench_take(struct bench_side *me, struct bench_intake *in, uint64_t word)
{
	uint64_t from = word >> 56, seq = word & BENCH_SEQ;

	if (__builtin_expect(
		from >= (unsigned)me->cell.producers ||
		    (in->exact ? seq != in->next[from] : seq < in->next[from]),
		0))
		return bench_fail("message %llu of producer %llu came for %llu",
		    (unsigned long long)seq, (unsigned long long)from,
		    (unsigned long long)in->next[from % BENCH_SIDES]);
	in->next[from] = seq + 1;
	in->sum += word;
	if ((++in->n & in->often) == 0)
		bench_mark(me, in->n);
	return 0;
}

BENCH_INLINE int
bench_flood_in(struct bench_side *me, bench_recv *recv)
{
	struct bench_intake in = bench_intake(me);
	uint64_t word = 0;
	int r;

	for (;;) {
		r = recv(me, &word);
		if (__builtin_expect(r == 0, 1))
			r = bench_take(me, &in, word);
		if (__builtin_expect(r == 0, 1))
			continue;
		if (r != -EAGAIN)
			return r;
		me->seat->sum = in.sum;
		if (bench_stop(me) && bench_all_here(me, in.n))
			return 0;
	}
}

BENCH_INLINE int
bench_loop(struct bench_side *me, bench_send *send, bench_recv *recv,
    bench_flush *flush)
{
	if (me->cell.trips)
		return me->producer ? bench_ping(me, send, recv)
				    : bench_pong(me, send, recv);
	return me->producer ? bench_flood_out(me, send, flush)
			    : bench_flood_in(me, recv);
}

/* Defines @name as a driver's `run`. */
#define BENCH_RUN(name, send, recv, flush)                                     \
	static int name(struct bench_side *me)                                 \
	{                                                                      \
		return bench_loop(me, send, recv, flush);                      \
	}

#endif /* SHUNT_CLI_BENCH_LOOPS_H */
