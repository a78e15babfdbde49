/* SPDX-License-Identifier: MIT */

/*
 * libqb's IPC over shared memory: clients send to one server, which answers
 * round trips.  The server is its main loop, so it sleeps and never polls.
 */

#include "bench_loops.h"
#include "peers.h"

#if __has_include(<qb/qbipcs.h>)
#include <sched.h>
#include <stdlib.h>

#include <qb/qbdefs.h>
#include <qb/qbipcc.h>
#include <qb/qbipcs.h>
#include <qb/qbloop.h>

/* Its own header stands in front of each message. */
#define HEAD sizeof(struct qb_ipc_request_header)

static char name[BENCH_NAME];

/* The server's process has one service; callbacks find it here. */
static struct {
	struct bench_side *me;
	struct bench_intake in;
	qb_loop_t *loop;
	qb_ipcs_service_t *service;
	int result;
} server;

struct packet {
	struct qb_ipc_request_header head;
	char bytes[];
};

static int
setup(const struct bench_cell *cell)
{
	(void)cell;
	bench_name(name);
	return 0;
}

static int32_t
job_add(enum qb_loop_priority p, void *data, qb_loop_job_dispatch_fn fn)
{
	return qb_loop_job_add(server.loop, p, data, fn);
}

static int32_t
poll_add(enum qb_loop_priority p, int32_t fd, int32_t events, void *data,
    qb_ipcs_dispatch_fn_t fn)
{
	return qb_loop_poll_add(server.loop, p, fd, events, data, fn);
}

static int32_t
poll_mod(enum qb_loop_priority p, int32_t fd, int32_t events, void *data,
    qb_ipcs_dispatch_fn_t fn)
{
	return qb_loop_poll_mod(server.loop, p, fd, events, data, fn);
}

static int32_t
poll_del(int32_t fd)
{
	return qb_loop_poll_del(server.loop, fd);
}

static int32_t
accept_all(qb_ipcs_connection_t *c, uid_t uid, gid_t gid)
{
	(void)c, (void)uid, (void)gid;
	return 0;
}

static void
stop(int result)
{
	server.result = result;
	qb_loop_stop(server.loop);
}

static int32_t
answer(qb_ipcs_connection_t *c, struct packet *p, size_t size)
{
	struct bench_side *me = server.me;
	uint64_t word = 0;
	ssize_t n;

	if (bench_check(p->bytes, size - HEAD, me->cell.size, &word) < 0) {
		stop(-1);
		return -1;
	}
	if (!me->cell.trips) {
		if (bench_take(me, &server.in, word) < 0)
			stop(-1);
		return 0;
	}
	if (word == BENCH_END) {
		atomic_store(&me->seat->count, server.in.n);
		stop(0);
		return 0;
	}
	server.in.n++;
	while ((n = qb_ipcs_response_send(c, p, size)) == -EAGAIN)
		continue;
	if (n < 0)
		stop(
		    bench_fail("qb_ipcs_response_send: %s", strerror((int)-n)));
	return 0;
}

static int32_t
process(qb_ipcs_connection_t *c, void *data, size_t size)
{
	return answer(c, data, size);
}

/* Every 5 ms: was that all? */
static void
look(void *data)
{
	qb_loop_timer_handle handle;

	(void)data;
	server.me->seat->sum = server.in.sum;
	if (bench_stop(server.me) && bench_all_here(server.me, server.in.n))
		stop(0);
	else
		qb_loop_timer_add(
		    server.loop, QB_LOOP_LOW, 5000000, NULL, look, &handle);
}

static int
serve_from(struct bench_side *me)
{
	static struct qb_ipcs_service_handlers handlers = {
	    .connection_accept = accept_all, .msg_process = process};
	static struct qb_ipcs_poll_handlers polls = {.job_add = job_add,
	    .dispatch_add = poll_add,
	    .dispatch_mod = poll_mod,
	    .dispatch_del = poll_del};

	server.me = me;
	server.in = bench_intake(me);
	server.loop = qb_loop_create();
	server.service = qb_ipcs_create(name + 1, 0, QB_IPC_SHM, &handlers);
	if (server.loop == NULL || server.service == NULL)
		return bench_fail("qb_ipcs_create: %s", strerror(errno));
	qb_ipcs_enforce_buffer_size(
	    server.service, (uint32_t)(me->cell.size + 65536));
	qb_ipcs_poll_handlers_set(server.service, &polls);
	qb_ipcs_request_rate_limit(server.service, QB_IPCS_RATE_FAST);
	return qb_ipcs_run(server.service) == 0
		   ? 0
		   : bench_fail("qb_ipcs_run failed");
}

/* Connecting needs a server that is in its loop: so it is done in run(). */
static int
join(struct bench_side *me)
{
	return me->producer ? 0 : serve_from(me);
}

static int
code(const char *what, ssize_t n)
{
	errno = (int)-n;
	return bench_errno(what);
}

static inline int
put(struct bench_side *me, uint64_t word)
{
	struct packet *p = (struct packet *)me->buf;
	ssize_t n;

	p->head.size = (int32_t)(me->cell.size + HEAD);
	p->head.id = QB_IPC_MSG_USER_START + 1;
	bench_stamp(p->bytes, me->cell.size, word);
	n = qb_ipcc_send(me->end, p, me->cell.size + HEAD);
	if (n >= 0)
		return 0;
	sched_yield(); /* it has no way to wait for room */
	return code("qb_ipcc_send", n);
}

static inline int
get(struct bench_side *me, uint64_t *word)
{
	ssize_t n = qb_ipcc_recv(me->end, me->buf, me->cell.size + 64, 20);

	return n < 0 ? code("qb_ipcc_recv", n)
		     : bench_check(me->buf + HEAD, (size_t)n - HEAD,
			   me->cell.size, word);
}

static int
client(struct bench_side *me)
{
	/* The server may not be in its loop yet, or serve another one. */
	for (int i = 0; i < 1000 && me->end == NULL; i++) {
		me->end = qb_ipcc_connect(name + 1, me->cell.size + 65536);
		if (me->end == NULL)
			bench_sleep(1000000);
	}
	if (me->end == NULL)
		return bench_fail("qb_ipcc_connect: %s", strerror(errno));
	me->seat->begin_ns = bench_now();
	return bench_loop(me, put, get, NULL);
}

static int
run(struct bench_side *me)
{
	if (me->producer)
		return client(me);
	if (!me->cell.trips)
		look(NULL);
	qb_loop_run(server.loop);
	return server.result;
}

static void
leave(struct bench_side *me)
{
	if (me->producer && me->end != NULL)
		qb_ipcc_disconnect(me->end);
	else if (!me->producer && server.service != NULL)
		qb_ipcs_destroy(server.service);
}
#define DRIVE .setup = setup, .join = join, .run = run, .leave = leave
#else
PEER_ABSENT("libqb-dev")
#define DRIVE .lacks = absent
#endif

const struct bench_driver peer_qb_ipc = {
    .id = "libqb-ipc",
    .what = "libqb's client and server over shared memory",
    .can = BENCH_TRIPS | BENCH_FLOOD | BENCH_SLEEP | BENCH_FROM_MANY,
    DRIVE,
};
