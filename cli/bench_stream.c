/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "bench.h"
#include "bench_loops.h"

/* The stream: bytes, of which both sides know how many make a message. */

static char names[2][BENCH_NAME]; /* there, back */

struct ends {
	struct shunt_stream_reader *in;
	struct shunt_stream_writer *out;
	struct shunt_send_options send;
	struct shunt_recv_options recv;
};

static int
setup(const struct bench_cell *cell)
{
	(void)cell;
	bench_name(names[0]);
	bench_name(names[1]);
	return 0;
}

static void
teardown(void)
{
	bench_remove(names[0]);
	bench_remove(names[1]);
}

static int
open_end(struct ends *e, const char *name, int in, size_t size)
{
	const struct shunt_stream_options o = {
	    .sz = sizeof(o), .lane_bytes = bench_lane(size)};
	int r = in ? shunt_stream_reader_open(&e->in, name, &o)
		   : shunt_stream_writer_open(&e->out, name, &o);

	return r < 0 ? bench_fail("%s", shunt_error_detail()) : 0;
}

static int
join(struct bench_side *me)
{
	int64_t wait = me->cell.sleeping ? 20000000 : SHUNT_NOWAIT;
	struct ends *e = calloc(1, sizeof(*e));
	int bad = 0;

	if (e == NULL)
		return bench_fail("no memory");
	me->end = e;
	e->send = (struct shunt_send_options){sizeof(e->send), wait};
	e->recv = (struct shunt_recv_options){sizeof(e->recv), wait};
	if (me->producer || me->cell.trips)
		bad = open_end(e, names[!me->producer], 0, me->cell.size);
	if (!bad && (!me->producer || me->cell.trips))
		bad = open_end(e, names[me->producer], 1, me->cell.size);
	return bad;
}

static void
leave(struct bench_side *me)
{
	struct ends *e = me->end;

	if (e != NULL) {
		shunt_stream_reader_close(&e->in);
		shunt_stream_writer_close(&e->out);
		free(e);
	}
}

/* Who could pass a part of a message waits for the rest. */
static inline int
put(struct bench_side *me, uint64_t word)
{
	struct ends *e = me->end;
	size_t at = 0;

	bench_stamp(me->buf, me->cell.size, word);
	while (at < me->cell.size) {
		ssize_t n = shunt_stream_writer_write(
		    e->out, me->buf + at, me->cell.size - at, &e->send);

		if (__builtin_expect(n >= 0, 1))
			at += (size_t)n;
		else if (bench_code((int)n) != -EAGAIN)
			return -1;
		else if (at == 0)
			return -EAGAIN;
	}
	return 0;
}

static inline int
get(struct bench_side *me, uint64_t *word)
{
	struct ends *e = me->end;
	size_t at = 0;

	while (at < me->cell.size) {
		ssize_t n = shunt_stream_reader_read(
		    e->in, me->buf + at, me->cell.size - at, &e->recv);

		if (__builtin_expect(n > 0, 1))
			at += (size_t)n;
		else if (n == 0)
			return bench_fail("the stream ended early");
		else if (bench_code((int)n) != -EAGAIN)
			return -1;
		else if (at == 0)
			return -EAGAIN;
	}
	return bench_check(me->buf, at, me->cell.size, word);
}

BENCH_RUN(run, put, get, NULL)

const struct bench_driver bench_stream = {
    .id = "shunt-stream",
    .what = "stream of bytes, copied in and out",
    .can = BENCH_TRIPS | BENCH_FLOOD | BENCH_POLL | BENCH_SLEEP | BENCH_OURS,
    .setup = setup,
    .teardown = teardown,
    .join = join,
    .run = run,
    .leave = leave,
};
