/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * Four producers and four consumers with explicit acknowledge, killed and
 * stopped at random and started again.  Every message that a producer noted as
 * sent is given to somebody; what was given before comes again only with its
 * mark; and when the queue is finished, all are told that nothing is left.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define EACH   4
#define MOST   (1u << 21) /* messages of a producer */
#define RUN_MS 2500

struct message {
	uint32_t producer;
	uint32_t number;
	uint32_t check;
};

static struct shared {
	char name[64];
	atomic_int stop;
	atomic_uint sent[EACH];  /* send returned for those before */
	atomic_uint begun[EACH]; /* no number was used twice */
	atomic_uint marked;
	atomic_uchar given[EACH][MOST];
} * shared;

static const struct shunt_queue_options options = {
    .sz = sizeof(options), .lane_bytes = 16384, .lanes = 8};

static uint32_t
check_of(const struct message *m)
{
	return (m->producer + 1) * 2654435761u ^ m->number * 40503u;
}

static int
produce(void *arg)
{
	uint32_t p = (uint32_t)(uintptr_t)arg;
	const struct shunt_send_options soon = {
	    .sz = sizeof(soon), .wait_ns = 20 * (int64_t)MS};
	struct shunt_queue *q;

	NEED(shunt_queue_open(&q, shared->name, &options) == 0);
	while (!shared->stop) {
		uint32_t n = atomic_fetch_add(&shared->begun[p], 1);
		struct message m = {p, n, 0};
		m.check = check_of(&m);
		if (n >= MOST) { /* enough of them */
			usleep(1000);
			continue;
		}
		int e;
		do
			e = shunt_queue_send(q, &m, sizeof(m), &soon);
		while (e == -ETIMEDOUT && !shared->stop);
		NEED(e == 0 || e == -ETIMEDOUT);
		/* The high bit: it was sent.  Below, how often it was given. */
		if (e == 0) {
			atomic_fetch_or(&shared->given[p][n], 128);
			atomic_fetch_add(&shared->sent[p], 1);
		}
	}
	shunt_queue_close(&q);
	return 0;
}

static void
take(const struct message *m, uint32_t flags)
{
	NEED(m->producer < EACH && m->number < MOST);
	NEED(m->check == check_of(m));
	unsigned char old =
	    atomic_fetch_add(&shared->given[m->producer][m->number], 1);
	NEED((old & 127) < 100);
	if (flags & SHUNT_MESSAGE_REDELIVERED)
		atomic_fetch_add(&shared->marked, 1);
	else if ((old & 127) != 0)
		fprintf(stderr, "producer %u: %u came again without a mark\n",
		    m->producer, m->number);
	NEED((flags & SHUNT_MESSAGE_REDELIVERED) || (old & 127) == 0);
}

static int
consume(void *arg)
{
	struct shunt_queue *q;
	struct shunt_message info = {.sz = sizeof(info)};

	(void)arg;
	NEED(shunt_queue_open(&q, shared->name, &options) == 0);
	for (;;) {
		const void *at;
		struct message m;
		ssize_t n = shunt_queue_peek(q, &at, &info, NULL);
		if (n == SHUNT_E_CLOSED)
			break;
		if (n < 0)
			fprintf(stderr, "peek: %s\n", shunt_error_name((int)n));
		NEED(n == sizeof(m));
		__builtin_memcpy(&m, at, sizeof(m));
		take(&m, info.flags);
		NEED(shunt_queue_release(q) == 0);
	}
	shunt_queue_close(&q);
	return 0;
}

static pid_t
start(uint32_t i)
{
	return i < EACH ? peer_start(produce, (void *)(uintptr_t)i)
			: peer_start(consume, NULL);
}

static void
disturb(pid_t *pid, uint64_t x, uint32_t *kills)
{
	uint32_t i = (uint32_t)(x >> 8) % (2 * EACH);

	if ((x & 7) == 0) { /* stands still for a while, wherever it is */
		NEED(kill(pid[i], SIGSTOP) == 0);
		usleep(1000);
		NEED(kill(pid[i], SIGCONT) == 0);
		return;
	}
	NEED(kill(pid[i], SIGKILL) == 0);
	NEED(peer_end(pid[i]) == -SIGKILL);
	pid[i] = start(i);
	(*kills)++;
}

int
main(void)
{
	uint64_t seed = test_now() | 1, end;
	struct shunt_queue *keeper;
	pid_t pid[2 * EACH];
	uint32_t kills = 0, total = 0, lost = 0;

	alarm(50);
	printf("seed %llu\n", (unsigned long long)seed);
	shared = test_shared(sizeof(*shared));
	snprintf(shared->name, sizeof(shared->name), "%s", test_name("share"));
	NEED(shunt_queue_open(&keeper, shared->name, &options) == 1);
	for (uint32_t i = 0; i < 2 * EACH; i++)
		pid[i] = start(i);
	for (end = test_now() + RUN_MS * MS; test_now() < end;) {
		uint64_t x = test_random(&seed);
		usleep((useconds_t)(x >> 32) % 8000);
		disturb(pid, x, &kills);
	}
	shared->stop = 1;
	for (uint32_t i = 0; i < EACH; i++)
		NEED(peer_end(pid[i]) == 0);
	NEED(shunt_queue_finish(keeper) == 0);
	for (uint32_t i = EACH; i < 2 * EACH; i++)
		NEED(peer_end(pid[i]) == 0);
	for (uint32_t p = 0; p < EACH; p++) {
		total += shared->sent[p];
		for (uint32_t n = 0; n < shared->begun[p] && n < MOST; n++)
			lost += shared->given[p][n] == 128;
	}
	printf("%u messages, %u kills, %u with a mark, %u lost\n", total, kills,
	    shared->marked, lost);
	NEED(lost == 0);
	NEED(kills > 30 && total > 1000);
	shunt_queue_close(&keeper);
	NEED(!test_there(shared->name));
	return 0;
}
