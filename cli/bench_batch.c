/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <shunt.h>

#include "bench.h"
#include "bench_loops.h"
#include "bench_queue.h"

/* The queue by batches: one commit, and one release, for many messages. */

#define BATCH 32
#define MOST  1024 /* bytes: of longer ones copying is what counts */

struct batch {
	struct iovec out[BATCH];
	struct shunt_message in[BATCH];
	int first, n;  /* of `out`: not sent yet */
	int at, there; /* of `in`: not handed on yet */
	char *next;    /* its bytes */
	char room[BATCH * MOST];
};

static int
join(struct bench_side *me)
{
	struct batch *b;
	int bad = bench_queue_join(me);

	if (bad)
		return bad;
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return bench_fail("no memory");
	for (int i = 0; i < BATCH; i++)
		b->out[i] = (struct iovec){
		    b->room + (size_t)i * me->cell.size, me->cell.size};
	((struct bench_ends *)me->end)->more = b;
	return 0;
}

/* 0 when all is sent; what there was no room for stays in the batch. */
static inline int
flush(struct bench_side *me)
{
	struct bench_ends *e = me->end;
	struct batch *b = e->more;
	int r;

	while (b->first < b->n) {
		r = shunt_queue_send_batch(
		    e->out, b->out + b->first, b->n - b->first, &e->send);
		if (r < 0)
			return bench_code(r);
		b->first += r;
	}
	b->first = b->n = 0;
	return 0;
}

static inline int
put(struct bench_side *me, uint64_t word)
{
	struct batch *b = ((struct bench_ends *)me->end)->more;
	int r;

	if (b->n == BATCH && (r = flush(me)) < 0)
		return r;
	bench_stamp(b->out[b->n++].iov_base, me->cell.size, word);
	return 0;
}

static inline int
get(struct bench_side *me, uint64_t *word)
{
	struct bench_ends *e = me->end;
	struct batch *b = e->more;
	char *msg;

	if (b->at == b->there) {
		b->in[0].sz = sizeof(b->in[0]);
		b->there = shunt_queue_recv_batch(
		    e->in, b->room, sizeof(b->room), b->in, BATCH, &e->recv);
		b->at = 0;
		b->next = b->room;
		if (b->there < 0) {
			int r = b->there;

			b->there = 0;
			return bench_code(r);
		}
	}
	msg = b->next;
	b->next += b->in[b->at].len;
	return bench_check(msg, b->in[b->at++].len, me->cell.size, word);
}

BENCH_RUN(run, put, get, flush)

const struct bench_driver bench_queue_batch = {
    .id = "shunt-queue-batch",
    .what = "queue, 32 messages sent and received at once",
    .can = BENCH_FLOOD | BENCH_POLL | BENCH_SLEEP | BENCH_FROM_MANY |
	   BENCH_TO_MANY | BENCH_OURS,
    .most = MOST,
    .setup = bench_queue_setup,
    .teardown = bench_queue_teardown,
    .join = join,
    .run = run,
    .leave = bench_queue_leave,
};
