/* SPDX-License-Identifier: MIT */

/* Boost.Interprocess message_queue, by its C++ shim. */

#include "bench_loops.h"
#include "boost_shim.h"
#include "peers.h"

#ifdef PEERS_HAVE_BOOST

#define WAIT_MS 20

static void *ways[2];
static char names[2][BENCH_NAME];

static int
setup(const struct bench_cell *cell)
{
	for (int i = 0; i < 2; i++) {
		bench_name(names[i]);
		ways[i] = boost_shim_open(
		    names[i] + 1, peer_depth(cell->size, 4, 2048), cell->size);
		if (ways[i] == NULL)
			return bench_fail("message_queue: not to be made");
	}
	return 0;
}

static void
teardown(void)
{
	for (int i = 0; i < 2; i++) {
		boost_shim_close(ways[i], names[i] + 1);
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
code(int r)
{
	return r > 0 ? 0 : r == 0 ? -EAGAIN : bench_fail("it threw");
}

static inline int
put(struct bench_side *me, uint64_t word)
{
	bench_stamp(me->buf, me->cell.size, word);
	return code(boost_shim_send(ways[!me->producer], me->buf, me->cell.size,
	    me->cell.sleeping ? WAIT_MS : 0));
}

static inline int
get(struct bench_side *me, uint64_t *word)
{
	size_t n;
	int r = code(boost_shim_recv(ways[me->producer], me->buf, me->cell.size,
	    &n, me->cell.sleeping ? WAIT_MS : 0));

	return r < 0 ? r : bench_check(me->buf, n, me->cell.size, word);
}

BENCH_RUN(run, put, get, NULL)
#define DRIVE .setup = setup, .teardown = teardown, .join = join, .run = run
#else
PEER_ABSENT("libboost-dev, or a C++ compiler,")
#define DRIVE .lacks = absent
#endif

const struct bench_driver peer_boost = {
    .id = "boost-mq",
    .what = "Boost.Interprocess message_queue",
    .can = BENCH_TRIPS | BENCH_FLOOD | BENCH_POLL | BENCH_SLEEP |
	   BENCH_FROM_MANY | BENCH_TO_MANY,
    DRIVE,
};
