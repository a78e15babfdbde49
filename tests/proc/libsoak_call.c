/* SPDX-License-Identifier: MIT */
/*
 * Calls.  A client has up to four requests open and waits for what becomes of
 * each: its own reply, or that its server died; nothing else, and soon.  The
 * servers note what they execute before they reply: each request at most once,
 * in the order sent, and whatever was replied to was executed.  Each death of
 * a server costs at most one call.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "proc/libsquad.h"

#define CLIENTS 3
#define SERVERS 2
#define LIVES   4096
#define OPEN    4u

struct world {
	char name[64];
	_Atomic uint32_t stop, finish;
	_Atomic uint64_t progress;
	_Atomic uint32_t executed[CLIENTS][LIVES]; /* the last number */
	_Atomic uint64_t replies, dead;
};

struct message {
	uint32_t client, life, number, len;
	unsigned char fill[400];
};

#define HEAD offsetof(struct message, fill)

static const struct shunt_service_options small = {
    .sz = sizeof(small), .lane_bytes = 8192, .clients = 16, .servers = 8};
static const struct shunt_call_options limit = {
    .sz = sizeof(limit), .wait_ns = STILL_MOST * (int64_t)MS};

static void
send_one(struct shunt_client *client, struct message *m, uint64_t *id)
{
	m->number++;
	m->len = (uint32_t)HEAD + m->number * 37 % sizeof(m->fill);
	memset(m->fill, (int)(m->number & 0xff), m->len - HEAD);
	int e = shunt_client_send(client, m, m->len, id, &limit);
	if (e != 0)
		fprintf(stderr, "send: %s\n", shunt_error_name(e));
	NEED(e == 0);
}

/* By its descriptor, or asleep in the call. */
static ssize_t
poll_one(struct shunt_client *client, struct message *reply,
    struct shunt_reply *info, int by_fd)
{
	const struct shunt_call_options at_once = {
	    .sz = sizeof(at_once), .wait_ns = SHUNT_NOWAIT};
	uint64_t end = test_now() + STILL_MOST * MS;
	ssize_t n;

	if (!by_fd)
		return shunt_client_poll(
		    client, reply, sizeof(*reply), info, &limit);
	struct pollfd p = {.fd = shunt_client_fd(client), .events = POLLIN};
	NEED(p.fd >= 0);
	while ((n = shunt_client_poll(client, reply, sizeof(*reply), info,
		    &at_once)) == -EAGAIN) {
		NEED(test_now() < end);
		NEED(poll(&p, 1, STILL_MOST) == 1);
	}
	return n;
}

static void
expect(struct world *w, struct shunt_client *client, const struct message *m,
    uint32_t number, uint64_t id, int by_fd)
{
	struct shunt_reply info = {.sz = sizeof(info)};
	struct message reply;
	ssize_t n = poll_one(client, &reply, &info, by_fd);

	if (n < 0 && n != SHUNT_E_PEERDEAD)
		fprintf(stderr, "poll: %s\n", shunt_error_name((int)n));
	NEED(n >= 0 || n == SHUNT_E_PEERDEAD);
	NEED(info.id == id);
	if (n == SHUNT_E_PEERDEAD) {
		w->dead++;
		return;
	}
	NEED(n >= (ssize_t)HEAD && reply.len == n && info.status == 7);
	NEED(reply.client == m->client && reply.life == m->life);
	NEED(reply.number == number);
	for (size_t i = 0; i < (size_t)n - HEAD; i++)
		NEED(reply.fill[i] == (unsigned char)~number);
	NEED(w->executed[m->client][m->life % LIVES] >= number);
	w->replies++;
}

static int
ask(struct world *w, uint32_t me, uint32_t life)
{
	struct message m = {.client = me, .life = life};
	struct shunt_client *client;
	uint64_t rng = ((uint64_t)life << 8) + me + 1, id[OPEN];

	w->executed[me][life % LIVES] = 0;
	NEED(shunt_client_open(&client, w->name, &small) >= 0);
	while (!w->stop) {
		uint32_t n = 1 + (uint32_t)test_random(&rng) % OPEN;
		uint32_t first = m.number + 1;
		for (uint32_t i = 0; i < n; i++)
			send_one(client, &m, &id[i]);
		for (uint32_t i = 0; i < n; i++)
			expect(w, client, &m, first + i, id[i], life % 2);
		w->progress++;
	}
	shunt_client_close(&client);
	return 0;
}

/* What came is noted, checked and sent back turned round. */
static void
answer(
    struct world *w, struct shunt_service *service, const void *msg, ssize_t n)
{
	struct message m;

	NEED(n >= (ssize_t)HEAD && n <= (ssize_t)sizeof(m));
	memcpy(&m, msg, (size_t)n);
	NEED(m.len == n && m.client < CLIENTS);
	for (size_t i = 0; i < (size_t)n - HEAD; i++)
		NEED(m.fill[i] == (m.number & 0xff));
	_Atomic uint32_t *last = &w->executed[m.client][m.life % LIVES];
	NEED(m.number > *last);
	*last = m.number;
	if (m.number % 16 == 0)
		usleep(200); /* killed in here it costs a call */
	for (size_t i = 0; i < (size_t)n - HEAD; i++)
		m.fill[i] = (unsigned char)~m.number;
	int e = shunt_service_reply(service, 7, &m, (size_t)n);
	NEED(e == 0 || e == SHUNT_E_PEERDEAD || e == -ETIMEDOUT);
}

static int
serve(struct world *w, uint32_t life)
{
	const struct shunt_call_options soon = {.sz = sizeof(soon),
	    .wait_ns = life % 2 ? SHUNT_NOWAIT : 20 * (int64_t)MS};
	struct shunt_service *service;
	const void *msg;

	NEED(shunt_service_open(&service, w->name, &small) >= 0);
	while (!w->finish) {
		ssize_t n = shunt_service_next(service, &msg, NULL, &soon);
		if (n >= 0) {
			answer(w, service, msg, n);
		} else if (n == -EAGAIN) {
			struct pollfd p = {
			    .fd = shunt_service_fd(service), .events = POLLIN};
			NEED(p.fd >= 0 && poll(&p, 1, 50) >= 0);
		} else {
			NEED(n == -ETIMEDOUT);
		}
	}
	shunt_service_close(&service);
	return 0;
}

static int
run(void *world, uint32_t member, uint32_t life)
{
	return member < CLIENTS ? ask(world, member, life + 1)
				: serve(world, life);
}

int
soak_call(uint64_t seed, uint64_t ms)
{
	struct world *w = test_shared(sizeof(*w));
	struct squad squad = {.n = CLIENTS + SERVERS,
	    .world = w,
	    .run = run,
	    .progress = &w->progress};
	struct shunt_client *keeper;
	uint64_t kills = 0;

	snprintf(w->name, sizeof(w->name), "%s", test_name("soak-call"));
	NEED(shunt_client_open(&keeper, w->name, &small) == 1);
	squad_begin(&squad);
	squad_suffer(&squad, &seed, ms);
	squad_free(&squad);
	w->stop = 1;
	squad_end(&squad, 0, CLIENTS);
	w->finish = 1;
	squad_end(&squad, CLIENTS, squad.n);
	for (uint32_t i = CLIENTS; i < squad.n; i++)
		kills += squad.member[i].kills;
	printf("soak call: %llu replies, %llu calls ended by %llu deaths of "
	       "servers, %llu kills, %llu stops\n",
	    (unsigned long long)w->replies, (unsigned long long)w->dead,
	    (unsigned long long)kills, (unsigned long long)squad.kills,
	    (unsigned long long)squad.stops);
	NEED(w->replies > 0 && w->dead <= kills);
	shunt_client_close(&keeper);
	shunt_remove(w->name, NULL); /* requests of the dead may be left */
	NEED(!test_there(w->name));
	return 0;
}
