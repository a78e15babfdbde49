/* SPDX-License-Identifier: MIT */

/*
 * Concurrency Kit's ring.  With one producer it is given the faster of its
 * two ways to enqueue, in place; with several those of its functions that
 * allow them.  It knows slots of one size, so each size has its own.
 */

#include "bench_loops.h"
#include "peers.h"

#if __has_include(<ck_ring.h>)
#include <stdlib.h>
#include <sys/mman.h>

/* The header's own conversions are not ours to warn about. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#include <ck_ring.h>

#define RING_BYTES(size)                                                       \
	((size) >= 65536 ? (size)*4 : (size_t)131072 / (size) * (size))

struct shared {
	_Alignas(128) ck_ring_t ring[2];
	_Alignas(128) char slots[];
};
static struct shared *shared;
static size_t half; /* of the slots: there, back */

#define OF_SIZE(S)                                                             \
	struct slot##S {                                                       \
		char bytes[S];                                                 \
	};                                                                     \
	CK_RING_PROTOTYPE(s##S, slot##S)                                       \
                                                                               \
	BENCH_INLINE ck_ring_t *ring##S(                                       \
	    const struct bench_side *me, int in, struct slot##S **slots)       \
	{                                                                      \
		int way = in ? me->producer : !me->producer;                   \
                                                                               \
		*slots = (struct slot##S *)(shared->slots + way * half);       \
		return &shared->ring[way];                                     \
	}                                                                      \
                                                                               \
	BENCH_INLINE int put_one##S(struct bench_side *me, uint64_t word)      \
	{                                                                      \
		struct slot##S *slots, *room;                                  \
		ck_ring_t *ring = ring##S(me, 0, &slots);                      \
                                                                               \
		room = ck_ring_enqueue_reserve_spsc_s##S(ring, slots);         \
		if (room == NULL)                                              \
			return -EAGAIN;                                        \
		bench_stamp(me->buf, S, word);                                 \
		memcpy(room, me->buf, S);                                      \
		ck_ring_enqueue_commit_spsc(ring);                             \
		return 0;                                                      \
	}                                                                      \
                                                                               \
	BENCH_INLINE int get_one##S(struct bench_side *me, uint64_t *word)     \
	{                                                                      \
		struct slot##S *slots;                                         \
		ck_ring_t *ring = ring##S(me, 1, &slots);                      \
                                                                               \
		return ck_ring_dequeue_spsc_s##S(ring, slots, (void *)me->buf) \
			   ? bench_check(me->buf, S, S, word)                  \
			   : -EAGAIN;                                          \
	}                                                                      \
                                                                               \
	BENCH_INLINE int put_many##S(struct bench_side *me, uint64_t word)     \
	{                                                                      \
		struct slot##S *slots;                                         \
		ck_ring_t *ring = ring##S(me, 0, &slots);                      \
		int done;                                                      \
                                                                               \
		bench_stamp(me->buf, S, word);                                 \
		if (me->cell.consumers > 1 && me->cell.producers == 1)         \
			done = ck_ring_enqueue_spmc_s##S(                      \
			    ring, slots, (void *)me->buf);                     \
		else if (me->cell.consumers == 1)                              \
			done = ck_ring_enqueue_mpsc_s##S(                      \
			    ring, slots, (void *)me->buf);                     \
		else                                                           \
			done = ck_ring_enqueue_mpmc_s##S(                      \
			    ring, slots, (void *)me->buf);                     \
		return done ? 0 : -EAGAIN;                                     \
	}                                                                      \
                                                                               \
	BENCH_INLINE int get_many##S(struct bench_side *me, uint64_t *word)    \
	{                                                                      \
		struct slot##S *slots;                                         \
		ck_ring_t *ring = ring##S(me, 1, &slots);                      \
		int got;                                                       \
                                                                               \
		if (me->cell.consumers > 1 && me->cell.producers == 1)         \
			got = ck_ring_dequeue_spmc_s##S(                       \
			    ring, slots, (void *)me->buf);                     \
		else if (me->cell.consumers == 1)                              \
			got = ck_ring_dequeue_mpsc_s##S(                       \
			    ring, slots, (void *)me->buf);                     \
		else                                                           \
			got = ck_ring_dequeue_mpmc_s##S(                       \
			    ring, slots, (void *)me->buf);                     \
		return got ? bench_check(me->buf, S, S, word) : -EAGAIN;       \
	}                                                                      \
                                                                               \
	BENCH_RUN(one##S, put_one##S, get_one##S, NULL)                        \
	BENCH_RUN(many##S, put_many##S, get_many##S, NULL)

OF_SIZE(8)
OF_SIZE(64)
OF_SIZE(1024)
OF_SIZE(65536)
OF_SIZE(1048576)
#pragma GCC diagnostic pop

static const struct {
	size_t size;
	int (*one)(struct bench_side *me), (*many)(struct bench_side *me);
} runs[] = {{8, one8, many8}, {64, one64, many64}, {1024, one1024, many1024},
    {65536, one65536, many65536}, {1048576, one1048576, many1048576}};

static int
which(size_t size)
{
	for (int i = 0; i < 5; i++)
		if (runs[i].size == size)
			return i;
	return -1;
}

static const char *
lacks(const struct bench_cell *cell)
{
	return which(cell->size) < 0
		   ? "built for slots of 8, 64, 1K, 64K and 1M alone"
		   : NULL;
}

static int
setup(const struct bench_cell *cell)
{
	half = RING_BYTES(cell->size);
	shared = mmap(NULL, sizeof *shared + 2 * half, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (shared == MAP_FAILED)
		return bench_fail("mmap: %s", strerror(errno));
	for (int i = 0; i < 2; i++)
		ck_ring_init(&shared->ring[i], (unsigned)(half / cell->size));
	return 0;
}

static void
teardown(void)
{
	if (shared != MAP_FAILED)
		munmap(shared, sizeof *shared + 2 * half);
}

static int
join(struct bench_side *me)
{
	(void)me;
	return 0;
}

static int
run(struct bench_side *me)
{
	int i = which(me->cell.size);

	return me->cell.producers > 1 || me->cell.consumers > 1
		   ? runs[i].many(me)
		   : runs[i].one(me);
}
#define DRIVE                                                                  \
	.lacks = lacks, .setup = setup, .teardown = teardown, .join = join,    \
	.run = run
#else
PEER_ABSENT("libck-dev")
#define DRIVE .lacks = absent
#endif

const struct bench_driver peer_ck = {
    .id = "ck_ring",
    .what = "Concurrency Kit's ring, slots of the message's size",
    .can = BENCH_TRIPS | BENCH_FLOOD | BENCH_POLL | BENCH_FROM_MANY |
	   BENCH_TO_MANY,
    DRIVE,
};
