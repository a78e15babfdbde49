/* SPDX-License-Identifier: MIT */

/*
 * libqb's ring: one writer, one reader.  Who finds it full must try again by
 * himself; who waits for a chunk has its semaphore, or polls without one.
 */

#include "bench_loops.h"
#include "peers.h"

#if __has_include(<qb/qbrb.h>)
#include <sched.h>

#include <qb/qbrb.h>

static qb_ringbuffer_t *ways[2];

static int
setup(const struct bench_cell *cell)
{
	uint32_t flags = QB_RB_FLAG_CREATE | QB_RB_FLAG_SHARED_PROCESS;
	char name[BENCH_NAME];

	if (!cell->sleeping)
		flags |= QB_RB_FLAG_NO_SEMAPHORE;
	for (int i = 0; i < 2; i++) {
		bench_name(name);
		ways[i] = qb_rb_open(name + 1,
		    cell->size * 4 > 131072 ? cell->size * 4 : 131072, flags,
		    0);
		if (ways[i] == NULL)
			return bench_fail("qb_rb_open: %s", strerror(errno));
	}
	return 0;
}

static void
teardown(void)
{
	for (int i = 0; i < 2; i++) {
		if (ways[i] != NULL)
			qb_rb_close(ways[i]);
		ways[i] = NULL;
	}
}

/* The mapping of the parent is inherited. */
static int
join(struct bench_side *me)
{
	(void)me;
	return 0;
}

static int
code(const char *what, ssize_t r)
{
	errno = (int)-r;
	return bench_errno(what);
}

static inline int
put(struct bench_side *me, uint64_t word)
{
	ssize_t n;

	bench_stamp(me->buf, me->cell.size, word);
	n = qb_rb_chunk_write(ways[!me->producer], me->buf, me->cell.size);
	if (n >= 0)
		return 0;
	if (me->cell.sleeping)
		sched_yield();
	return code("qb_rb_chunk_write", n);
}

static inline int
get(struct bench_side *me, uint64_t *word)
{
	ssize_t n = qb_rb_chunk_read(ways[me->producer], me->buf,
	    me->cell.size + 8, me->cell.sleeping ? 20 : 0);

	return n <= 0 ? n == 0 ? -EAGAIN : code("qb_rb_chunk_read", n)
		      : bench_check(me->buf, (size_t)n, me->cell.size, word);
}

BENCH_RUN(run, put, get, NULL)
#define DRIVE .setup = setup, .teardown = teardown, .join = join, .run = run
#else
PEER_ABSENT("libqb-dev")
#define DRIVE .lacks = absent
#endif

const struct bench_driver peer_qb_ring = {
    .id = "libqb-ring",
    .what = "libqb's ring buffer",
    .can = BENCH_TRIPS | BENCH_FLOOD | BENCH_POLL | BENCH_SLEEP,
    DRIVE,
};
