/* SPDX-License-Identifier: MIT */

/*
 * A ring of slots in shared memory with two eventfds, one that counts what is
 * there and one that counts what is free: what people build by hand.  One
 * read takes the whole count, so a busy receiver pays a call for many.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench_loops.h"
#include "peers.h"

struct way {
	int there, space; /* eventfds */
	char *slots;
	unsigned n;
	size_t bytes;
};
static struct way ways[2];

/* Each process its own: what it may take before it asks the kernel. */
struct own {
	uint64_t out_at, in_at;
	uint64_t credit; /* slots known to be free */
	uint64_t pending, freed;
};

static int
open_way(struct way *w, const struct bench_cell *cell)
{
	int flags = EFD_CLOEXEC | (cell->sleeping ? 0 : EFD_NONBLOCK);

	w->n = peer_depth(cell->size, 4, 16384);
	w->bytes = w->n * cell->size;
	w->there = eventfd(0, flags);
	w->space = eventfd(w->n, flags);
	w->slots = mmap(NULL, w->bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	return w->there < 0 || w->space < 0 || w->slots == MAP_FAILED
		   ? bench_fail("eventfd: %s", strerror(errno))
		   : 0;
}

static int
setup(const struct bench_cell *cell)
{
	return open_way(&ways[0], cell) < 0 ? -1 : open_way(&ways[1], cell);
}

static void
teardown(void)
{
	for (int i = 0; i < 2; i++) {
		close(ways[i].there);
		close(ways[i].space);
		munmap(ways[i].slots, ways[i].bytes);
	}
}

static int
join(struct bench_side *me)
{
	me->end = calloc(1, sizeof(struct own));
	return me->end == NULL ? bench_fail("no memory") : 0;
}

/* The system calls order what is in the slots. */
static inline int
put(struct bench_side *me, uint64_t word)
{
	struct way *w = &ways[!me->producer];
	struct own *o = me->end;
	uint64_t one = 1;

	if (o->credit == 0 && read(w->space, &o->credit, 8) < 0) {
		o->credit = 0;
		return bench_errno("eventfd");
	}
	o->credit--;
	bench_stamp(me->buf, me->cell.size, word);
	memcpy(w->slots + o->out_at++ % w->n * me->cell.size, me->buf,
	    me->cell.size);
	while (write(w->there, &one, 8) < 0)
		if (bench_errno("eventfd") != -EAGAIN)
			return -1;
	return 0;
}

static inline int
get(struct bench_side *me, uint64_t *word)
{
	struct way *w = &ways[me->producer];
	struct own *o = me->end;

	if (o->pending == 0 && read(w->there, &o->pending, 8) < 0) {
		o->pending = 0;
		return bench_errno("eventfd");
	}
	memcpy(me->buf, w->slots + o->in_at++ % w->n * me->cell.size,
	    me->cell.size);
	o->freed++;
	if (--o->pending == 0 || o->freed >= w->n / 2) {
		while (write(w->space, &o->freed, 8) < 0)
			if (bench_errno("eventfd") != -EAGAIN)
				return -1;
		o->freed = 0;
	}
	return bench_check(me->buf, me->cell.size, me->cell.size, word);
}

BENCH_RUN(run, put, get, NULL)

const struct bench_driver peer_eventfd = {
    .id = "eventfd-shm",
    .what = "a ring by hand, woken by eventfd(2)",
    .can = BENCH_TRIPS | BENCH_FLOOD | BENCH_POLL | BENCH_SLEEP,
    .setup = setup,
    .teardown = teardown,
    .join = join,
    .run = run,
};
