/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "bench.h"
#include "bench_loops.h"
#include "bench_queue.h"

/* The queue: by copy, and written and read where it lies. */

static char names[2][BENCH_NAME]; /* there, back */

int
bench_queue_setup(const struct bench_cell *cell)
{
	(void)cell;
	bench_name(names[0]);
	bench_name(names[1]);
	return 0;
}

void
bench_queue_teardown(void)
{
	bench_remove(names[0]);
	bench_remove(names[1]);
}

static int
open_one(struct shunt_queue **out, const char *name, size_t size)
{
	const struct shunt_queue_options o = {
	    .sz = sizeof(o), .lane_bytes = bench_lane(size)};
	int r;

	r = shunt_queue_open(out, name, &o);
	return r < 0 ? bench_fail("%s", shunt_error_detail()) : 0;
}

int
bench_queue_join(struct bench_side *me)
{
	/* The limit lets a receiver see that the flood is over. */
	int64_t wait = me->cell.sleeping ? 20000000 : SHUNT_NOWAIT;
	struct bench_ends *e = calloc(1, sizeof(*e));
	int bad = 0;

	if (e == NULL)
		return bench_fail("no memory");
	me->end = e;
	e->send = (struct shunt_send_options){sizeof(e->send), wait};
	e->recv = (struct shunt_recv_options){sizeof(e->recv), wait};
	if (me->producer || me->cell.trips)
		bad = open_one(&e->out, names[!me->producer], me->cell.size);
	if (!bad && (!me->producer || me->cell.trips))
		bad = open_one(&e->in, names[me->producer], me->cell.size);
	return bad;
}

void
bench_queue_leave(struct bench_side *me)
{
	struct bench_ends *e = me->end;

	if (e != NULL) {
		shunt_queue_close(&e->in);
		shunt_queue_close(&e->out);
		free(e->more);
		free(e);
	}
}

static inline int
copy_send(struct bench_side *me, uint64_t word)
{
	struct bench_ends *e = me->end;
	int r;

	bench_stamp(me->buf, me->cell.size, word);
	r = shunt_queue_send(e->out, me->buf, me->cell.size, &e->send);
	return __builtin_expect(r == 0, 1) ? 0 : bench_code(r);
}

static inline int
copy_recv(struct bench_side *me, uint64_t *word)
{
	struct bench_ends *e = me->end;
	ssize_t n =
	    shunt_queue_recv(e->in, me->buf, me->cell.size, NULL, &e->recv);

	if (__builtin_expect(n < 0, 0))
		return bench_code((int)n);
	return bench_check(me->buf, (size_t)n, me->cell.size, word);
}

BENCH_RUN(copy_run, copy_send, copy_recv, NULL)

static inline int
place_send(struct bench_side *me, uint64_t word)
{
	struct bench_ends *e = me->end;
	void *room;
	int r = shunt_queue_reserve(e->out, me->cell.size, &room, &e->send);

	if (__builtin_expect(r < 0, 0))
		return bench_code(r);
	bench_stamp(room, me->cell.size, word);
	r = shunt_queue_commit(e->out, me->cell.size);
	return r == 0 ? 0 : bench_code(r);
}

static inline int
place_recv(struct bench_side *me, uint64_t *word)
{
	struct bench_ends *e = me->end;
	const void *msg;
	ssize_t n = shunt_queue_peek(e->in, &msg, NULL, &e->recv);
	int r;

	if (__builtin_expect(n < 0, 0))
		return bench_code((int)n);
	r = bench_check(msg, (size_t)n, me->cell.size, word);
	shunt_queue_release(e->in);
	return r;
}

BENCH_RUN(place_run, place_send, place_recv, NULL)

#define CAN                                                                    \
	(BENCH_TRIPS | BENCH_FLOOD | BENCH_POLL | BENCH_SLEEP |                \
	    BENCH_FROM_MANY | BENCH_TO_MANY | BENCH_OURS)

const struct bench_driver bench_queue = {
    .id = "shunt-queue",
    .what = "queue, messages copied in and out",
    .can = CAN,
    .setup = bench_queue_setup,
    .teardown = bench_queue_teardown,
    .join = bench_queue_join,
    .run = copy_run,
    .leave = bench_queue_leave,
};

const struct bench_driver bench_queue_place = {
    .id = "shunt-queue-place",
    .what = "queue, messages written and read where they lie",
    .can = CAN | BENCH_IN_PLACE,
    .setup = bench_queue_setup,
    .teardown = bench_queue_teardown,
    .join = bench_queue_join,
    .run = place_run,
    .leave = bench_queue_leave,
};
