/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <shunt.h>

#include "base/checksum.h"
#include "proc/libflow.h"

struct message {
	uint64_t sum; /* of all that follows */
	uint32_t producer;
	uint32_t life;
	uint64_t seq;
	unsigned char text[];
};

struct flow *
flow_new(const char *what, uint32_t producers, uint32_t lives)
{
	size_t size = sizeof(struct flow) +
		      (size_t)producers * lives * sizeof(struct flow_life);
	struct flow *flow = test_shared(size);

	snprintf(flow->name, sizeof(flow->name), "%s", test_name(what));
	flow->producers = producers;
	flow->lives = lives;
	flow->lanes = 4 * producers;
	flow->lane_bytes = 16384;
	flow->most = 400;
	return flow;
}

static struct shunt_queue *
open_queue(const struct flow *flow)
{
	const struct shunt_queue_options o = {.sz = sizeof(o),
	    .lanes = flow->lanes,
	    .lane_bytes = flow->lane_bytes};
	struct shunt_queue *queue;
	int e = shunt_queue_open(&queue, flow->name, &o);

	if (e < 0)
		fprintf(stderr, "%s\n", shunt_error_detail());
	NEED(e >= 0);
	return queue;
}

struct role {
	struct flow *flow;
	uint32_t producer;
	uint32_t life;
};

static size_t
build(struct message *m, const struct role *r, uint64_t seq, size_t len)
{
	m->producer = r->producer;
	m->life = r->life;
	m->seq = seq;
	memset(m->text, (int)seq, len);
	len += sizeof(*m);
	m->sum = shunt__checksum(&m->producer, len - 8);
	return len;
}

static int
produce(void *arg)
{
	struct role *r = arg;
	struct flow *flow = r->flow;
	struct flow_life *life = flow_life(flow, r->producer, r->life);
	struct shunt_queue *queue = open_queue(flow);
	uint64_t seed = r->producer * 7919 + r->life * 104729 + 1;
	_Alignas(8) unsigned char buf[sizeof(struct message) + 65536];

	for (uint64_t seq = 1; !flow->stop; seq++) {
		uint64_t x = test_random(&seed);
		size_t len = x % 64 == 0 ? flow->most : x % (flow->most / 8);
		int e;
		if (x >> 60 < 8) { /* copied, or written in place */
			struct message *m = (void *)buf;
			len = build(m, r, seq, len);
			e = shunt_queue_send(queue, m, len, NULL);
		} else {
			void *at;
			e = shunt_queue_reserve(
			    queue, sizeof(struct message) + len, &at, NULL);
			NEED(e == 0);
			len = build(at, r, seq, len);
			e = shunt_queue_commit(queue, len);
		}
		if (e != 0)
			fprintf(stderr, "send: %s\n", shunt_error_name(e));
		NEED(e == 0);
		life->sent = seq;
		if (flow->count != 0 && seq == flow->count)
			break;
	}
	shunt_queue_close(&queue);
	return 0;
}

/* One message more: is it the one that must come next? */
static void
account(struct flow *flow, const struct message *m, size_t len, int *again)
{
	NEED(len >= sizeof(*m));
	NEED(m->sum == shunt__checksum(&m->producer, len - 8));
	NEED(m->producer < flow->producers && m->life < flow->lives);
	struct flow_life *life = flow_life(flow, m->producer, m->life);
	uint64_t got = life->got;
	if (m->seq == got && *again == 0) {
		/* The one that our predecessor had noted and not released. */
		*again = 1;
		flow->again++;
		return;
	}
	if (m->seq != got + 1)
		fprintf(stderr, "producer %u, life %u: %llu after %llu\n",
		    m->producer, m->life, (unsigned long long)m->seq,
		    (unsigned long long)got);
	NEED(m->seq == got + 1);
	life->got = m->seq;
	flow->total++;
}

static int
consume(void *arg)
{
	struct flow *flow = arg;
	struct shunt_queue *queue = open_queue(flow);
	const struct shunt_recv_options soon = {
	    .sz = sizeof(soon), .wait_ns = 20 * (int64_t)MS};
	_Alignas(8) unsigned char buf[sizeof(struct message) + 65536];
	/* The first life has no predecessor. */
	int again = flow->consumers++ == 0;

	for (;;) {
		uint32_t finish = flow->finish;
		const void *at;
		ssize_t len = shunt_queue_peek(queue, &at, NULL, &soon);
		if (len == -ETIMEDOUT && finish)
			break;
		if (len == -ETIMEDOUT)
			continue;
		if (len < 0)
			fprintf(
			    stderr, "peek: %s\n", shunt_error_name((int)len));
		NEED(len >= 0 && (size_t)len <= sizeof(buf));
		memcpy(buf, at, (size_t)len);
		account(flow, (void *)buf, (size_t)len, &again);
		NEED(shunt_queue_release(queue) == 0);
	}
	shunt_queue_close(&queue);
	return 0;
}

pid_t
flow_produce(struct flow *flow, uint32_t producer, uint32_t life)
{
	struct role r = {flow, producer, life};

	return peer_start(produce, &r);
}

pid_t
flow_consume(struct flow *flow)
{
	return peer_start(consume, flow);
}

uint64_t
flow_losses(struct flow *flow)
{
	uint64_t losses = 0;

	for (uint32_t p = 0; p < flow->producers; p++) {
		for (uint32_t i = 0; i < flow->lives; i++) {
			struct flow_life *life = flow_life(flow, p, i);
			uint64_t sent = life->sent, got = life->got;
			if (got == sent || (got == sent + 1 && life->killed))
				continue;
			fprintf(stderr,
			    "producer %u, life %u: sent %llu, got %llu\n", p, i,
			    (unsigned long long)sent, (unsigned long long)got);
			losses += got > sent ? got - sent : sent - got;
		}
	}
	return losses;
}
