/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * One queue of small lanes, and its receivers wait in different ways: asleep
 * in recv, with messages in hand, by batches, in shunt_wait(), and in poll(2),
 * where no sleep has a bound of ours: a wake-up that is missed there ends this
 * test by its limit.  Senders wait for room, for messages of every length.
 * Every message comes once, whole, and those of a sender to one receiver in
 * the order sent; when the queue is finished, all are told.
 */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define SENDERS 3
#define MOST    (1u << 20) /* messages of a sender */
#define RUN_MS  800
#define BATCH   8

struct message {
	uint32_t sender;
	uint32_t number;
	unsigned char rest[2032];
};

#define HEAD offsetof(struct message, rest)

static struct shared {
	char name[64];
	atomic_int stop;
	atomic_uint sent[SENDERS];
	atomic_uchar came[SENDERS][MOST];
} * shared;

static const struct shunt_queue_options options = {
    .sz = sizeof(options), .lane_bytes = 4096, .lanes = 4};
static const struct shunt_recv_options at_once = {
    .sz = sizeof(at_once), .wait_ns = SHUNT_NOWAIT};

/* The length tells the bytes, and the other way round. */
static size_t
length_of(uint32_t sender, uint32_t number)
{
	uint32_t x = (number * 2654435761u) >> 16;

	return HEAD + (x % 4 == 0 ? x % 2033 : (x + sender) % 64);
}

static int
produce(void *arg)
{
	struct message m = {.sender = (uint32_t)(uintptr_t)arg};
	uint64_t seed = test_now() | 1;
	struct shunt_queue *q;

	NEED(shunt_queue_open(&q, shared->name, &options) == 0);
	for (; !shared->stop && m.number < MOST; m.number++) {
		size_t len = length_of(m.sender, m.number);
		memset(m.rest, (int)m.number, len - HEAD);
		NEED(shunt_queue_send(q, &m, len, NULL) == 0);
		atomic_store(&shared->sent[m.sender], m.number + 1);
		/* Now and then the receivers have nothing. */
		if (test_random(&seed) % 64 == 0)
			usleep((useconds_t)(test_random(&seed) % 2000));
	}
	shunt_queue_close(&q);
	return 0;
}

static void
take(const void *at, size_t len, uint32_t *next)
{
	struct message m;

	NEED(len >= HEAD && len <= sizeof(m));
	memcpy(&m, at, len);
	NEED(m.sender < SENDERS && m.number < MOST);
	NEED(len == length_of(m.sender, m.number));
	for (size_t i = 0; i < len - HEAD; i++)
		NEED(m.rest[i] == (unsigned char)m.number);
	NEED(m.number >= next[m.sender]);
	next[m.sender] = m.number + 1;
	NEED(atomic_fetch_add(&shared->came[m.sender][m.number], 1) == 0);
}

/* One of each way: bytes, or a code; -EAGAIN: nothing was there. */
static ssize_t
by_recv(
    struct shunt_queue *q, const struct shunt_recv_options *o, uint32_t *next)
{
	struct message m;
	ssize_t n = shunt_queue_recv(q, &m, sizeof(m), NULL, o);

	if (n >= 0)
		take(&m, (size_t)n, next);
	return n;
}

static ssize_t
by_hand(
    struct shunt_queue *q, const struct shunt_recv_options *o, uint32_t *next)
{
	struct shunt_message info = {.sz = sizeof(info)};
	const void *at;
	ssize_t n = shunt_queue_peek(q, &at, &info, o);

	if (n < 0)
		return n;
	NEED(info.flags == 0);
	take(at, (size_t)n, next);
	NEED(shunt_queue_release(q) == 0);
	return n;
}

static ssize_t
by_batch(
    struct shunt_queue *q, const struct shunt_recv_options *o, uint32_t *next)
{
	struct shunt_message infos[BATCH] = {{.sz = sizeof(infos[0])}};
	static char buf[BATCH * 1000];
	char *at = buf;
	int n = shunt_queue_recv_batch(q, buf, sizeof(buf), infos, BATCH, o);

	for (int i = 0; i < n; at += infos[i++].len)
		take(at, infos[i].len, next);
	return n;
}

enum { ASLEEP, IN_POLL, IN_WAIT };

static const struct way {
	ssize_t (*one)(struct shunt_queue *q,
	    const struct shunt_recv_options *o, uint32_t *next);
	int where;
} ways[] = {{by_recv, ASLEEP}, {by_hand, ASLEEP}, {by_batch, ASLEEP},
    {by_recv, IN_POLL}, {by_hand, IN_POLL}, {by_recv, IN_WAIT},
    {by_hand, IN_POLL}};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static int
consume(void *arg)
{
	const struct way *way = arg;
	struct pollfd p = {.events = POLLIN};
	struct shunt_wait_item item = {0};
	uint32_t next[SENDERS] = {0};
	struct shunt_queue *q;
	ssize_t n = 0;

	NEED(shunt_queue_open(&q, shared->name, &options) == 0);
	item.end = shunt_queue_end(q);
	if (way->where == IN_POLL)
		NEED((p.fd = shunt_queue_fd(q)) >= 0);
	while (n != SHUNT_E_CLOSED) {
		n = way->one(q, way->where == ASLEEP ? NULL : &at_once, next);
		NEED(n >= 0 || n == SHUNT_E_CLOSED ||
		     (n == -EAGAIN && way->where != ASLEEP));
		if (n == -EAGAIN && way->where == IN_POLL)
			NEED(poll(&p, 1, -1) == 1);
		if (n == -EAGAIN && way->where == IN_WAIT)
			NEED(shunt_wait(&item, 1, SHUNT_FOREVER) == 1);
	}
	shunt_queue_close(&q);
	return 0;
}

int
main(void)
{
	struct shunt_queue *keeper;
	pid_t from[SENDERS], to[WAYS];
	uint32_t total = 0, lost = 0;

	alarm(50);
	shared = test_shared(sizeof(*shared));
	snprintf(shared->name, sizeof(shared->name), "%s", test_name("ways"));
	NEED(shunt_queue_open(&keeper, shared->name, &options) == 1);
	for (uint32_t i = 0; i < WAYS; i++)
		to[i] = peer_start(consume, (void *)&ways[i]);
	for (uint32_t i = 0; i < SENDERS; i++)
		from[i] = peer_start(produce, (void *)(uintptr_t)i);
	usleep(RUN_MS * 1000);
	shared->stop = 1;
	for (uint32_t i = 0; i < SENDERS; i++)
		NEED(peer_end(from[i]) == 0);
	NEED(shunt_queue_finish(keeper) == 0);
	for (uint32_t i = 0; i < WAYS; i++)
		NEED(peer_end(to[i]) == 0);
	for (uint32_t s = 0; s < SENDERS; s++) {
		total += shared->sent[s];
		for (uint32_t n = 0; n < shared->sent[s]; n++)
			lost += shared->came[s][n] != 1;
	}
	printf("%u messages, %u lost\n", total, lost);
	NEED(lost == 0 && total > 100);
	shunt_queue_close(&keeper);
	NEED(!test_there(shared->name));
	return 0;
}
