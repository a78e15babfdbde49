/* SPDX-License-Identifier: MIT */

/* nng over ipc: pair for round trips, push and pull for floods. */

#include "bench_loops.h"
#include "peers.h"

#if __has_include(<nng/nng.h>)
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <stdio.h>
#include <stdlib.h>

static char name[BENCH_NAME];

static int
setup(const struct bench_cell *cell)
{
	(void)cell;
	bench_name(name);
	return 0;
}

static int
code(const char *what, int r)
{
	if (r == NNG_EAGAIN || r == NNG_ETIMEDOUT || r == NNG_EINTR)
		return -EAGAIN;
	return bench_fail("%s: %s", what, nng_strerror(r));
}

static int
meet(struct bench_side *me, nng_socket socket)
{
	char address[BENCH_NAME + 32];
	int r = 0;

	for (int i = 0; i < me->cell.consumers && r == 0; i++) {
		if (!me->producer && i != me->number)
			continue;
		/* Abstract: no file is left, whatever happens. */
		snprintf(
		    address, sizeof address, "abstract://%s-%d", name + 1, i);
		if (!me->producer)
			r = nng_listen(socket, address, NULL, 0);
		else
			r = nng_dial(socket, address, NULL, 0);
	}
	return r == 0 ? 0 : bench_fail("nng: %s", nng_strerror(r));
}

static int
join(struct bench_side *me)
{
	nng_socket *s = calloc(1, sizeof *s);
	int r, bad;

	if (s == NULL)
		return bench_fail("no memory");
	bench_unpin(me); /* its threads work beside ours */
	r = me->cell.trips ? nng_pair0_open(s)
	    : me->producer ? nng_push0_open(s)
			   : nng_pull0_open(s);
	if (r != 0)
		return bench_fail("nng: %s", nng_strerror(r));
	me->end = s;
	nng_socket_set_size(*s, NNG_OPT_RECVMAXSZ, 0); /* any length */
	nng_socket_set_ms(*s, NNG_OPT_RECVTIMEO, 20);
	nng_socket_set_ms(*s, NNG_OPT_SENDTIMEO, 20);
	/* As many as it takes: push has room for none but those under way. */
	nng_socket_set_int(*s, NNG_OPT_SENDBUF, 128);
	nng_socket_set_int(*s, NNG_OPT_RECVBUF, 128);
	if (me->producer)
		bench_after_consumers(me);
	bad = meet(me, *s);
	bench_pin(me);
	return bad;
}

static void
leave(struct bench_side *me)
{
	if (me->end != NULL)
		nng_close(*(nng_socket *)me->end);
}

static inline int
put(struct bench_side *me, uint64_t word)
{
	int r;

	bench_stamp(me->buf, me->cell.size, word);
	r = nng_send(*(nng_socket *)me->end, me->buf, me->cell.size,
	    me->cell.sleeping ? 0 : NNG_FLAG_NONBLOCK);
	return r == 0 ? 0 : code("nng_send", r);
}

static inline int
get(struct bench_side *me, uint64_t *word)
{
	size_t n = me->cell.size + 8;
	int r = nng_recv(*(nng_socket *)me->end, me->buf, &n,
	    me->cell.sleeping ? 0 : NNG_FLAG_NONBLOCK);

	return r != 0 ? code("nng_recv", r)
		      : bench_check(me->buf, n, me->cell.size, word);
}

BENCH_RUN(run, put, get, NULL)
#define DRIVE .setup = setup, .join = join, .run = run, .leave = leave
#else
PEER_ABSENT("libnng-dev")
#define DRIVE .lacks = absent
#endif

const struct bench_driver peer_nng = {
    .id = "nng-ipc",
    .what = "nng, ipc transport",
    .can = BENCH_TRIPS | BENCH_FLOOD | BENCH_POLL | BENCH_SLEEP |
	   BENCH_FROM_MANY | BENCH_TO_MANY,
    DRIVE,
};
