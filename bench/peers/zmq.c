/* SPDX-License-Identifier: MIT */

/*
 * ZeroMQ over ipc: PAIR for round trips, PUSH and PULL for floods.  Each
 * consumer binds an abstract address, each producer connects to all.
 */

#include "bench_loops.h"
#include "peers.h"

#if __has_include(<zmq.h>)
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

static char name[BENCH_NAME];

struct own {
	void *context, *socket;
};

static int
setup(const struct bench_cell *cell)
{
	(void)cell;
	bench_name(name);
	return 0;
}

static int
complain(const char *what)
{
	return bench_fail("%s: %s", what, zmq_strerror(zmq_errno()));
}

/* As much under way as 4 MiB hold, or 4 messages. */
static void
bound(void *socket, const struct bench_cell *cell)
{
	int soon = 1, hwm = (int)peer_depth(cell->size / 32 + 1, 4, 1000),
	    wait = 20;

	zmq_setsockopt(socket, ZMQ_SNDHWM, &hwm, sizeof hwm);
	zmq_setsockopt(socket, ZMQ_RCVHWM, &hwm, sizeof hwm);
	zmq_setsockopt(socket, ZMQ_IMMEDIATE, &soon, sizeof soon);
	zmq_setsockopt(socket, ZMQ_RCVTIMEO, &wait, sizeof wait);
	zmq_setsockopt(socket, ZMQ_SNDTIMEO, &wait, sizeof wait);
}

static int
meet(struct bench_side *me, void *socket)
{
	char address[BENCH_NAME + 32];

	for (int i = 0; i < me->cell.consumers; i++) {
		if (!me->producer && i != me->number)
			continue;
		snprintf(address, sizeof address, "ipc://@%s-%d", name, i);
		if (me->producer ? zmq_connect(socket, address) < 0
				 : zmq_bind(socket, address) < 0)
			return complain(address);
	}
	return 0;
}

/* A producer is ready when somebody would take what it sends. */
static int
connected(const struct bench_side *me, void *socket)
{
	zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLOUT};

	if (!me->producer)
		return 0;
	if (zmq_poll(&item, 1, 5000) != 1)
		return bench_fail("zmq: no connection in 5 s");
	bench_sleep((uint64_t)me->cell.consumers * 1000000); /* the others */
	return 0;
}

static int
join(struct bench_side *me)
{
	struct own *o = calloc(1, sizeof *o);
	int bad;

	if (o == NULL)
		return bench_fail("no memory");
	me->end = o;
	bench_unpin(me); /* its threads work beside ours */
	o->context = zmq_ctx_new();
	o->socket = zmq_socket(o->context, me->cell.trips ? ZMQ_PAIR
					   : me->producer ? ZMQ_PUSH
							  : ZMQ_PULL);
	if (o->socket == NULL)
		return complain("zmq_socket");
	bound(o->socket, &me->cell);
	if (me->producer)
		bench_after_consumers(me);
	bad = meet(me, o->socket);
	if (!bad)
		bad = connected(me, o->socket);
	bench_pin(me);
	return bad;
}

static void
leave(struct bench_side *me)
{
	struct own *o = me->end;

	if (o == NULL || o->socket == NULL)
		return;
	zmq_close(o->socket);
	zmq_ctx_term(o->context);
}

static inline int
put(struct bench_side *me, uint64_t word)
{
	struct own *o = me->end;

	bench_stamp(me->buf, me->cell.size, word);
	return zmq_send(o->socket, me->buf, me->cell.size,
		   me->cell.sleeping ? 0 : ZMQ_DONTWAIT) >= 0
		   ? 0
		   : bench_errno("zmq_send");
}

static inline int
get(struct bench_side *me, uint64_t *word)
{
	struct own *o = me->end;
	int n = zmq_recv(o->socket, me->buf, me->cell.size + 8,
	    me->cell.sleeping ? 0 : ZMQ_DONTWAIT);

	return n < 0 ? bench_errno("zmq_recv")
		     : bench_check(me->buf, (size_t)n, me->cell.size, word);
}

BENCH_RUN(run, put, get, NULL)
#define DRIVE .setup = setup, .join = join, .run = run, .leave = leave
#else
PEER_ABSENT("libzmq3-dev")
#define DRIVE .lacks = absent
#endif

const struct bench_driver peer_zmq = {
    .id = "zeromq-ipc",
    .what = "ZeroMQ, ipc transport",
    .can = BENCH_TRIPS | BENCH_FLOOD | BENCH_POLL | BENCH_SLEEP |
	   BENCH_FROM_MANY | BENCH_TO_MANY,
    DRIVE,
};
