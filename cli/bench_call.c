/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "bench.h"
#include "bench_loops.h"

/*
 * The call.  A round trip is one request with a reply as long; a flood is as
 * many open calls as a client may have, each with an empty reply.
 */

static char name[BENCH_NAME];

struct ends {
	struct shunt_client *client;
	struct shunt_service *service;
	struct shunt_call_options wait, nowait;
	unsigned open; /* calls */
};

static int
setup(const struct bench_cell *cell)
{
	(void)cell;
	bench_name(name);
	return 0;
}

static void
teardown(void)
{
	bench_remove(name);
}

static int
join(struct bench_side *me)
{
	const struct shunt_service_options o = {
	    .sz = sizeof(o), .lane_bytes = bench_lane(me->cell.size)};
	struct ends *e = calloc(1, sizeof(*e));
	int r;

	if (e == NULL)
		return bench_fail("no memory");
	me->end = e;
	e->nowait.sz = e->wait.sz = sizeof(e->wait);
	e->nowait.wait_ns = SHUNT_NOWAIT;
	e->wait.wait_ns = me->cell.sleeping ? 20000000 : SHUNT_NOWAIT;
	r = me->producer ? shunt_client_open(&e->client, name, &o)
			 : shunt_service_open(&e->service, name, &o);
	return r < 0 ? bench_fail("%s", shunt_error_detail()) : 0;
}

static void
leave(struct bench_side *me)
{
	struct ends *e = me->end;

	if (e != NULL) {
		shunt_client_close(&e->client);
		shunt_service_close(&e->service);
		free(e);
	}
}

static inline int
trip_send(struct bench_side *me, uint64_t word)
{
	struct ends *e = me->end;
	int r;

	bench_stamp(me->buf, me->cell.size, word);
	if (me->producer)
		r = shunt_client_send(
		    e->client, me->buf, me->cell.size, NULL, &e->wait);
	else
		r = shunt_service_reply(e->service, 0, me->buf, me->cell.size);
	return __builtin_expect(r >= 0, 1) ? 0 : bench_code(r);
}

static inline int
next(struct bench_side *me, uint64_t *word)
{
	struct ends *e = me->end;
	const void *msg;
	ssize_t n = shunt_service_next(e->service, &msg, NULL, &e->wait);

	if (__builtin_expect(n < 0, 0))
		return bench_code((int)n);
	return bench_check(msg, (size_t)n, me->cell.size, word);
}

static inline int
trip_recv(struct bench_side *me, uint64_t *word)
{
	struct ends *e = me->end;
	ssize_t n;

	if (!me->producer)
		return next(me, word);
	n = shunt_client_poll(
	    e->client, me->buf, me->cell.size, NULL, &e->wait);
	if (__builtin_expect(n < 0, 0))
		return bench_code((int)n);
	return bench_check(me->buf, (size_t)n, me->cell.size, word);
}

/* Takes the replies that are there; waits for the first if @wait says so. */
static int
replies(struct ends *e, const struct shunt_call_options *wait)
{
	char none[8];
	ssize_t n;

	while (e->open > 0) {
		n = shunt_client_poll(
		    e->client, none, sizeof(none), NULL, wait);
		if (n < 0)
			return bench_code((int)n);
		e->open--;
		wait = &e->nowait;
	}
	return 0;
}

static inline int
flood_send(struct bench_side *me, uint64_t word)
{
	struct ends *e = me->end;
	int r;

	if (e->open == SHUNT_CALLS_OPEN) {
		r = replies(e, &e->wait);
		if (r < 0 && (r != -EAGAIN || e->open == SHUNT_CALLS_OPEN))
			return r;
	}
	bench_stamp(me->buf, me->cell.size, word);
	r = shunt_client_send(
	    e->client, me->buf, me->cell.size, NULL, &e->nowait);
	if (r == 0) {
		e->open++;
		return 0;
	}
	/* No room: what is answered may make some. */
	r = bench_code(r);
	if (r == -EAGAIN && e->open > 0 && replies(e, &e->wait) == -1)
		r = -1;
	return r;
}

static int
flood_flush(struct bench_side *me)
{
	struct ends *e = me->end;

	return replies(e, &e->wait);
}

static inline int
flood_recv(struct bench_side *me, uint64_t *word)
{
	struct ends *e = me->end;
	int r = next(me, word);

	if (r == 0 && (r = shunt_service_reply(e->service, 0, NULL, 0)) < 0)
		return bench_code(r);
	return r < 0 ? r : 0;
}

static int
run(struct bench_side *me)
{
	if (me->cell.trips)
		return bench_loop(me, trip_send, trip_recv, NULL);
	return bench_loop(me, flood_send, flood_recv, flood_flush);
}

const struct bench_driver bench_call = {
    .id = "shunt-call",
    .what = "call: a request and its reply",
    .can = BENCH_TRIPS | BENCH_FLOOD | BENCH_POLL | BENCH_SLEEP |
	   BENCH_FROM_MANY | BENCH_TO_MANY | BENCH_OURS,
    .setup = setup,
    .teardown = teardown,
    .join = join,
    .run = run,
    .leave = leave,
};
