/* SPDX-License-Identifier: MIT */

/*
 * Queues between two pinned processes through the public interface of the
 * shared library, default options, polling: round trip and throughput of
 * messages of 56 bytes, which with their header fill one cache line.
 */

#include "suite.h"

#include <errno.h>
#include <string.h>

#include <shunt/error.h>
#include <shunt/queue.h>

struct names {
	char there[NAME_ROOM], back[NAME_ROOM];
	int in_place;
};

static const struct shunt_send_options send_now = {
    .sz = sizeof send_now,
    .wait_ns = SHUNT_NOWAIT,
};
static const struct shunt_recv_options recv_now = {
    .sz = sizeof recv_now,
    .wait_ns = SHUNT_NOWAIT,
};

static int
said(const char *what, int64_t code)
{
	return fail("%s: %s (%s)", what, shunt_error_name((int)code),
	    shunt_error_text((int)code));
}

static int
open_queue(struct shunt_queue **out, const char *name)
{
	int r = shunt_queue_open(out, name, NULL);

	return r < 0 ? fail("%s: %s", name, shunt_error_detail()) : 0;
}

static int
send_one(struct shunt_queue *q, const struct payload *p)
{
	int r;

	while ((r = shunt_queue_send(q, p, sizeof *p, &send_now)) < 0)
		if (r != -EAGAIN)
			return said("send", r);
	return 0;
}

static int
recv_one(struct shunt_queue *q, struct payload *p, uint64_t seq)
{
	ssize_t n;

	while ((n = shunt_queue_recv(q, p, sizeof *p, NULL, &recv_now)) < 0)
		if (n != -EAGAIN)
			return said("recv", n);
	if (n == sizeof *p && p->seq == seq)
		return 0;
	return fail("got %lld for %lld", (long long)p->seq, (long long)seq);
}

static int
echo(struct shunt_queue *in, struct shunt_queue *out, uint64_t n)
{
	struct payload p;
	int bad = 0;

	for (uint64_t i = 1; i < n && !bad; i++)
		bad = recv_one(in, &p, i) || send_one(out, &p);
	return bad;
}

static int
ask(struct shunt_queue *out, struct shunt_queue *in, uint64_t from, uint64_t to)
{
	struct payload p = {.seq = 0};
	int bad = 0;

	for (uint64_t i = from; i < to && !bad; i++) {
		p.seq = i;
		bad = send_one(out, &p) || recv_one(in, &p, i);
	}
	return bad;
}

static int
rtt_play(struct shunt_queue *there, struct shunt_queue *back, double *ns)
{
	uint64_t n = rtt_block(), at[BLOCKS + 1];
	int bad = ask(there, back, 1, 10 * n); /* warm up */

	for (uint64_t i = 0; i < BLOCKS && !bad; i++) {
		at[i] = clock_ns();
		bad = ask(there, back, (i + 10) * n, (i + 11) * n);
	}
	at[BLOCKS] = clock_ns();
	if (!bad)
		*ns = median_block(at) / (double)n;
	return bad;
}

static int
rtt_child(struct mail *mail, int seat, void *arg)
{
	const struct names *name = arg;
	struct shunt_queue *there, *back;
	int bad;

	if (open_queue(&there, name->there) || open_queue(&back, name->back))
		return -1;
	crew_ready(mail);
	if (seat == 1)
		bad = echo(there, back, (BLOCKS + 10) * rtt_block());
	else
		bad = rtt_play(there, back, &mail->seat[0].figure[0]);
	shunt_queue_close(&there);
	shunt_queue_close(&back);
	return bad;
}

static int
rtt(const struct bench *b, struct sample *s)
{
	struct crew crew = {0};
	struct names name;
	int bad;

	(void)b;
	fresh_name(name.there, "there");
	fresh_name(name.back, "back");
	bad = run_duo(&crew, rtt_child, &name);
	if (!bad)
		s->value = crew.mail->seat[0].figure[0];
	crew_free(&crew);
	return bad;
}

static int
produce_in_place(struct shunt_queue *q, uint64_t n)
{
	struct payload p = {.seq = 0};
	void *room;
	int r = 0;

	for (uint64_t i = 0; i < n; i++) {
		p.seq = i;
		while ((r = shunt_queue_reserve(
			    q, sizeof p, &room, &send_now)) < 0)
			if (r != -EAGAIN)
				return said("reserve", r);
		memcpy(room, &p, sizeof p);
		r = shunt_queue_commit(q, sizeof p);
		if (r < 0)
			return said("commit", r);
	}
	return 0;
}

static int
consume_in_place(struct shunt_queue *q, uint64_t from, uint64_t to)
{
	const void *msg;
	ssize_t len;
	uint64_t seq;

	for (uint64_t i = from; i < to; i++) {
		while ((len = shunt_queue_peek(q, &msg, NULL, &recv_now)) < 0)
			if (len != -EAGAIN)
				return said("peek", len);
		memcpy(&seq, msg, sizeof seq);
		shunt_queue_release(q);
		if (len != PAYLOAD || seq != i)
			return fail(
			    "got %lld for %lld", (long long)seq, (long long)i);
	}
	return 0;
}

static int
produce(struct shunt_queue *q, uint64_t n)
{
	struct payload p = {.seq = 0};
	int bad = 0;

	for (uint64_t i = 0; i < n && !bad; i++) {
		p.seq = i;
		bad = send_one(q, &p);
	}
	return bad;
}

static int
consume(struct shunt_queue *q, uint64_t from, uint64_t to)
{
	struct payload p;
	int bad = 0;

	for (uint64_t i = from; i < to && !bad; i++)
		bad = recv_one(q, &p, i);
	return bad;
}

static int
flow_consume(struct shunt_queue *q, int in_place, double *rate)
{
	uint64_t n = throughput_block(), at[BLOCKS + 1];
	int bad = 0;

	at[0] = clock_ns();
	for (uint64_t i = 0; i < BLOCKS && !bad; i++) {
		bad = in_place ? consume_in_place(q, i * n, (i + 1) * n)
			       : consume(q, i * n, (i + 1) * n);
		at[i + 1] = clock_ns();
	}
	if (!bad)
		*rate = (double)n * 1e9 / median_block(at);
	return bad;
}

static int
flow_child(struct mail *mail, int seat, void *arg)
{
	const struct names *name = arg;
	uint64_t all = BLOCKS * throughput_block();
	struct shunt_queue *q;
	int bad;

	if (open_queue(&q, name->there))
		return -1;
	crew_ready(mail);
	if (seat == 1)
		bad = flow_consume(q, name->in_place, &mail->seat[1].figure[0]);
	else
		bad =
		    name->in_place ? produce_in_place(q, all) : produce(q, all);
	shunt_queue_close(&q);
	return bad;
}

static int
flow(int in_place, double *rate)
{
	struct crew crew = {0};
	struct names name = {.in_place = in_place};
	int bad;

	fresh_name(name.there, "flow");
	bad = run_duo(&crew, flow_child, &name);
	if (!bad)
		*rate = crew.mail->seat[1].figure[0];
	crew_free(&crew);
	return bad;
}

static int
throughput(const struct bench *b, struct sample *s)
{
	(void)b;
	return flow(0, &s->value) || flow(1, &s->extra[0]);
}

const struct bench lane_benches[] = {
    {
	.name = "lane.rtt",
	.unit = "ns",
	.what = "round trip of a 56-byte message, two queues, polling",
	.control = "bare",
	.bar = 1.1,
	.pairs = 31,
	.quick = 5,
	.measure_control = bare_rtt,
	.measure = rtt,
    },
    {
	.name = "lane.throughput",
	.unit = "msg/s",
	.what = "56-byte messages from one process to another, copied in "
		"and out",
	.control = "ck_ring",
	.bar = 1.25,
	.higher = 1,
	.pairs = 15,
	.quick = 3,
	.measure_control = ck_throughput,
	.measure = throughput,
	.extra = {"in_place"},
	.lacks = ck_lacks,
    },
    {.name = NULL},
};
