/* SPDX-License-Identifier: MIT */
/*
 * Servers, and now and then clients, are killed at random and started again.
 * Each call ends in its own reply or in SHUNT_E_PEERDEAD, never in both, and
 * none is executed twice; who has lost his server learns of it soon.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define CLIENTS 3 /* that live, and one that is killed */
#define SERVERS 3
#define LIVES   4096
#define CALLS   (1u << 18) /* of a client at most */
#define OPEN    5
#define RUN_MS  2500
#define LATE_MS 1000 /* the library says 50; this machine may be busy */

struct world {
	const char *name;
	_Atomic int stop;   /* clients */
	_Atomic int finish; /* servers, when no client is left */
	_Atomic uint64_t killed[SERVERS][LIVES]; /* when */
	_Atomic uint64_t replies, dead, late, slowest, cancelled;
	_Atomic uint32_t sent[CLIENTS + 1]; /* numbers below may be */
	/* 0, or 1 + server * LIVES + life */
	_Atomic uint32_t done[CLIENTS + 1][CALLS];
};

static struct world *world;

struct job {
	uint32_t client, n;
};

struct who {
	uint32_t number, life;
};

static const struct shunt_service_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .clients = 16, .servers = 4};

static int
serve(void *arg)
{
	struct who me = *(struct who *)arg;
	struct shunt_call_options o = {.sz = sizeof(o), .wait_ns = 50 * MS};
	struct shunt_service *s;
	const void *msg;
	struct job job;
	unsigned char out[1000] = {0};

	NEED(shunt_service_open(&s, world->name, &small) >= 0);
	while (!world->finish) {
		ssize_t n = shunt_service_next(s, &msg, NULL, &o);
		if (n == -ETIMEDOUT)
			continue;
		NEED(n >= (ssize_t)sizeof(job));
		memcpy(&job, msg, sizeof(job));
		NEED(job.client <= CLIENTS && job.n < CALLS);
		/* It must be the first time, whoever it is. */
		NEED(atomic_exchange(&world->done[job.client][job.n],
			 1 + me.number * LIVES + me.life) == 0);
		if (job.n % 64 == 0) /* long enough to die in it */
			usleep(300);
		memcpy(out, &job.n, sizeof(job.n));
		int e = shunt_service_reply(s, (int32_t)job.client, out,
		    job.n % 32 == 0 ? sizeof(out) : sizeof(job.n));
		/* One client is killed, and its lane may be full of replies. */
		NEED(e == 0 || e == SHUNT_E_PEERDEAD);
	}
	shunt_service_close(&s);
	return 0;
}

/* What it took to learn of the death of who had it. */
static void
note_death(const struct job *job)
{
	uint32_t by = world->done[job->client][job->n];
	uint64_t at, took, most = world->slowest;

	world->dead++;
	if (by == 0)
		return; /* it died before it did anything */
	at = world->killed[(by - 1) / LIVES][(by - 1) % LIVES];
	NEED(at != 0); /* noted before it is killed: nobody else is lost */
	took = test_now() - at;
	while (most < took &&
	       !atomic_compare_exchange_weak(&world->slowest, &most, took))
		;
	if (took > LATE_MS * MS)
		world->late++;
}

static void
call_one(struct shunt_client *c, struct job *job)
{
	struct shunt_call_options brief = {
	    .sz = sizeof(brief), .wait_ns = 100000};
	unsigned char buf[1024];
	struct shunt_reply info = {.sz = sizeof(info)};
	uint32_t got;
	ssize_t e = shunt_client_call(c, job, sizeof(*job), buf, sizeof(buf),
	    &info, job->n % 16 == 7 ? &brief : NULL);

	if (e == SHUNT_E_PEERDEAD) {
		note_death(job);
	} else if (e == -ETIMEDOUT) {
		NEED(job->n % 16 == 7);
		world->cancelled++;
	} else {
		NEED(e >= (ssize_t)sizeof(got));
		memcpy(&got, buf, sizeof(got));
		NEED(got == job->n && info.status == (int32_t)job->client);
		NEED(world->done[job->client][job->n] != 0);
		world->replies++;
	}
	job->n++;
}

static void
call_several(struct shunt_client *c, struct job *job)
{
	struct shunt_reply info = {.sz = sizeof(info)};
	uint64_t id[OPEN];
	uint32_t first = job->n, got;
	unsigned char buf[1024];

	for (int i = 0; i < OPEN; i++, job->n++)
		NEED(
		    shunt_client_send(c, job, sizeof(*job), &id[i], NULL) == 0);
	for (uint32_t i = 0; i < OPEN; i++) {
		struct job this = {job->client, first + i};
		ssize_t e = shunt_client_poll(c, buf, sizeof(buf), &info, NULL);
		NEED(info.id == id[i]);
		if (e == SHUNT_E_PEERDEAD) {
			note_death(&this);
			continue;
		}
		NEED(e >= (ssize_t)sizeof(got));
		memcpy(&got, buf, sizeof(got));
		NEED(got == first + i);
		NEED(world->done[this.client][got] != 0);
		world->replies++;
	}
	NEED(shunt_client_poll(c, buf, sizeof(buf), NULL, NULL) == -ENOENT);
}

/* The one that is killed goes on where its calls were not yet made. */
static int
call(void *arg)
{
	struct job job = {*(uint32_t *)arg, 0};
	struct shunt_client *c;

	job.n = world->sent[job.client];
	NEED(shunt_client_open(&c, world->name, &small) >= 0);
	while (!world->stop && job.n < CALLS - OPEN) {
		/* Noted first: what the dead had sent may still be done. */
		world->sent[job.client] = job.n + OPEN;
		if (job.n % 3 == 0)
			call_several(c, &job);
		else
			call_one(c, &job);
	}
	shunt_client_close(&c);
	return 0;
}

static pid_t
start_server(uint32_t number, uint32_t life)
{
	struct who who = {number, life};

	return peer_start(serve, &who);
}

int
main(void)
{
	pid_t server[SERVERS], client[CLIENTS + 1];
	uint32_t life[SERVERS] = {0}, kills = 0;
	uint64_t seed = test_now() | 1, end = test_now() + RUN_MS * MS;
	struct shunt_client *keeper;

	alarm(9);
	printf("seed %llu\n", (unsigned long long)seed);
	world = test_shared(sizeof(*world));
	world->name = test_name("call");
	/* All may be dead at once: without us it might go. */
	NEED(shunt_client_open(&keeper, world->name, &small) == 1);
	for (uint32_t i = 0; i < SERVERS; i++)
		server[i] = start_server(i, 0);
	for (uint32_t i = 0; i <= CLIENTS; i++)
		client[i] = peer_start(call, &i);
	while (test_now() < end) {
		uint64_t x = test_random(&seed);
		uint32_t i = (uint32_t)(x >> 8) % (SERVERS + 1);
		usleep((useconds_t)(x >> 32) % 8000);
		kills++;
		if (i == SERVERS) {
			NEED(kill(client[CLIENTS], SIGKILL) == 0);
			NEED(peer_end(client[CLIENTS]) == -SIGKILL);
			i = CLIENTS;
			client[CLIENTS] = peer_start(call, &i);
			continue;
		}
		world->killed[i][life[i]] = test_now();
		NEED(kill(server[i], SIGKILL) == 0);
		NEED(peer_end(server[i]) == -SIGKILL);
		NEED(++life[i] < LIVES);
		server[i] = start_server(i, life[i]);
	}
	world->stop = 1;
	for (uint32_t i = 0; i <= CLIENTS; i++)
		NEED(peer_end(client[i]) == 0);
	world->finish = 1;
	for (uint32_t i = 0; i < SERVERS; i++)
		NEED(peer_end(server[i]) == 0);
	printf("%u kills, %llu replies, %llu lost with their server, %llu "
	       "given up; told within %.1f ms\n",
	    kills, (unsigned long long)world->replies,
	    (unsigned long long)world->dead,
	    (unsigned long long)world->cancelled, (double)world->slowest / 1e6);
	NEED(world->replies > 100 && world->dead > 0);
	NEED(world->late == 0);
	shunt_client_close(&keeper);
	/* What the killed client left unbegun keeps it: nobody else does. */
	struct shunt_service *last;
	const void *msg;
	const struct shunt_call_options now = {
	    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
	if (test_there(world->name)) {
		NEED(shunt_service_open(&last, world->name, &small) == 0);
		while (shunt_service_next(last, &msg, NULL, &now) >= 0)
			shunt_service_reply(last, 0, NULL, 0);
		shunt_service_close(&last);
	}
	NEED(!test_there(world->name));
	return 0;
}
