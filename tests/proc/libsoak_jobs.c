/* SPDX-License-Identifier: MIT */
/*
 * A queue with several consumers.  Each message has a number of its own and a
 * byte for it in memory that survives everybody: sent, noted after the call,
 * and how often it was seen, noted before the release.  What was sent is seen
 * at least once; what is seen again says so, and there are no more of these
 * than consumers were killed.
 */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <shunt.h>

#include "proc/libsquad.h"

#define PRODUCERS 3
#define CONSUMERS 3
#define NUMBERS   (UINT64_C(1) << 26) /* then from the beginning */

enum { SENT = 0x80, SEEN = 0x7f };

struct world {
	char name[64];
	_Atomic uint32_t stop, finish;
	_Atomic uint64_t progress;
	_Atomic uint64_t next; /* number */
	_Atomic uint64_t again;
	_Atomic uint8_t state[NUMBERS];
};

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 16, .receivers = 8};

static int
produce(struct world *w, uint32_t me, uint32_t life)
{
	struct shunt_queue *queue;
	uint64_t rng = ((uint64_t)life << 8) + me + 1, message[16];

	NEED(shunt_queue_open(&queue, w->name, &small) >= 0);
	while (!w->stop) {
		uint64_t id = w->next++;
		_Atomic uint8_t *state = &w->state[id % NUMBERS];
		size_t words = 1 + test_random(&rng) % 16;

		NEED(!(*state & SENT) || (*state & SEEN));
		*state = 0;
		for (size_t i = 0; i < words; i++)
			message[i] = id;
		NEED(shunt_queue_send(queue, message,
			 words * sizeof(message[0]), NULL) == 0);
		*state |= SENT;
		if (id % 32 == 0)
			usleep(50);
	}
	shunt_queue_close(&queue);
	return 0;
}

static void
see(struct world *w, const uint64_t *message, ssize_t n, uint32_t flags)
{
	uint64_t id = message[0];

	NEED(n >= 8 && n % 8 == 0 && id < w->next);
	for (ssize_t i = 1; i < n / 8; i++)
		NEED(message[i] == id);
	uint8_t old = atomic_fetch_add(&w->state[id % NUMBERS], 1);
	if ((old & SEEN) != 0) {
		NEED(flags & SHUNT_MESSAGE_REDELIVERED);
		w->again++;
	}
	w->progress++;
}

static int
consume(struct world *w, uint32_t life)
{
	struct shunt_recv_options soon = {
	    .sz = sizeof(soon), .wait_ns = 20 * (int64_t)MS};
	struct shunt_message info = {.sz = sizeof(info)};
	struct shunt_queue *queue;
	int by_poll = (int)(life % 2);

	NEED(shunt_queue_open(&queue, w->name, &small) >= 0);
	for (;;) {
		const void *msg;
		int last = (int)w->finish;
		soon.wait_ns =
		    by_poll && !last ? SHUNT_NOWAIT : 20 * (int64_t)MS;
		ssize_t n = shunt_queue_peek(queue, &msg, &info, &soon);
		if (n == -EAGAIN) {
			struct pollfd p = {
			    .fd = shunt_queue_fd(queue), .events = POLLIN};
			NEED(p.fd >= 0 && poll(&p, 1, 50) >= 0);
			continue;
		}
		if (n == -ETIMEDOUT && last)
			break;
		if (n == -ETIMEDOUT)
			continue;
		NEED(n >= 0);
		see(w, msg, n, info.flags);
		if (w->progress % 64 == 0)
			usleep(100); /* killed in here it comes again */
		NEED(shunt_queue_release(queue) == 0);
	}
	shunt_queue_close(&queue);
	return 0;
}

static int
run(void *world, uint32_t member, uint32_t life)
{
	return member < PRODUCERS ? produce(world, member, life)
				  : consume(world, life);
}

int
soak_jobs(uint64_t seed, uint64_t ms)
{
	struct world *w = test_shared(sizeof(*w));
	struct squad squad = {.n = PRODUCERS + CONSUMERS,
	    .world = w,
	    .run = run,
	    .progress = &w->progress};
	uint64_t kills = 0, lost = 0;
	struct shunt_queue *keeper;

	snprintf(w->name, sizeof(w->name), "%s", test_name("soak-jobs"));
	NEED(shunt_queue_open(&keeper, w->name, &small) == 1);
	squad_begin(&squad);
	squad_suffer(&squad, &seed, ms);
	squad_free(&squad);
	w->stop = 1;
	squad_end(&squad, 0, PRODUCERS);
	w->finish = 1;
	squad_end(&squad, PRODUCERS, squad.n);
	for (uint64_t i = 0; i < w->next && i < NUMBERS; i++)
		lost += (w->state[i] & SENT) && !(w->state[i] & SEEN);
	for (uint32_t i = PRODUCERS; i < squad.n; i++)
		kills += squad.member[i].kills;
	printf("soak jobs: %llu messages to %d consumers, %llu kills, %llu "
	       "stops, %llu delivered again, %llu lost\n",
	    (unsigned long long)w->progress, CONSUMERS,
	    (unsigned long long)squad.kills, (unsigned long long)squad.stops,
	    (unsigned long long)w->again, (unsigned long long)lost);
	NEED(w->progress > 0 && w->again <= kills);
	shunt_queue_close(&keeper);
	NEED(!test_there(w->name));
	return lost != 0;
}
