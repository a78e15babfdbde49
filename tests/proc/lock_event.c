/* SPDX-License-Identifier: MIT */
/*
 * Events, under waiters and notifiers that are killed at random.  After each
 * notification of all every live waiter comes back; notifications of one are
 * had once each, but for those that the dead had no time to note.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define WAITERS 4
#define PEERS   (WAITERS + 1) /* and the notifier, who is the last */
#define RUN_MS  2500

struct board {
	char name[64];
	_Atomic uint32_t stop;
	_Atomic uint32_t round; /* that was notified, or is about to be */
	_Atomic uint32_t at[WAITERS];
	_Atomic uint64_t made, had[WAITERS]; /* of one, noted after */
	uint64_t deaths[2];                  /* of waiters, of notifiers */
};

static struct board *board;
static unsigned waiter;

static struct shunt_event *
attach(const struct board *b)
{
	const struct shunt_event_options o = {
	    .sz = sizeof(o), .flags = SHUNT_EVENT_EXISTING};
	struct shunt_event *event;

	NEED(shunt_event_open(&event, b->name, &o) == 0);
	return event;
}

/* ---- all ---- */

static int
wait_for_all(void *arg)
{
	struct board *b = arg;
	struct shunt_event *event = attach(b);

	/* What was notified before this is not for us. */
	b->at[waiter] = b->round;
	while (!b->stop) {
		NEED(shunt_event_wait(event, 10000 * (int64_t)MS) == 0);
		b->at[waiter] = b->round;
	}
	return 0;
}

static int
everybody_at(const struct board *b, uint32_t round)
{
	for (unsigned i = 0; i < WAITERS; i++)
		if (b->at[i] < round)
			return 0;
	return 1;
}

/* The next round begins when everybody has come back from this one. */
static int
notify_all(void *arg)
{
	struct board *b = arg;
	struct shunt_event *event = attach(b);

	/* A predecessor may have died before it said so. */
	NEED(shunt_event_notify(event, SHUNT_EVENT_ALL) == 0);
	for (;;) {
		while (!b->stop && !everybody_at(b, b->round))
			usleep(20);
		b->round++;
		NEED(shunt_event_notify(event, SHUNT_EVENT_ALL) == 0);
		if (b->stop)
			return 0;
	}
}

/* ---- one ---- */

static int
wait_for_one(void *arg)
{
	struct board *b = arg;
	struct shunt_event *event = attach(b);

	while (!b->stop) {
		int e = shunt_event_wait(event, 20 * (int64_t)MS);
		NEED(e == 0 || e == -ETIMEDOUT);
		if (e == 0)
			b->had[waiter]++;
	}
	return 0;
}

static int
notify_one(void *arg)
{
	struct board *b = arg;
	struct shunt_event *event = attach(b);

	while (!b->stop) {
		NEED(shunt_event_notify(event, SHUNT_EVENT_ONE) == 0);
		b->made++;
		usleep(10);
	}
	return 0;
}

typedef int job(void *);

static pid_t
start(job *const jobs[2], unsigned i)
{
	waiter = i;
	return peer_start(jobs[i == WAITERS], board);
}

static void
run(job *const jobs[2], uint64_t *seed)
{
	pid_t pid[PEERS];
	uint64_t end;

	board->stop = 0;
	for (unsigned i = 0; i < PEERS; i++)
		pid[i] = start(jobs, i);
	for (end = test_now() + RUN_MS * MS; test_now() < end;) {
		uint64_t x = test_random(seed);
		unsigned i = (unsigned)(x >> 8) % PEERS;
		usleep((useconds_t)(x >> 24) % 20000);
		NEED(kill(pid[i], SIGKILL) == 0);
		NEED(peer_end(pid[i]) == -SIGKILL);
		board->deaths[i == WAITERS]++;
		pid[i] = start(jobs, i);
	}
	board->stop = 1;
	/* The notifier's last word reaches all who sleep. */
	for (unsigned i = PEERS; i-- > 0;)
		NEED(peer_end(pid[i]) == 0);
}

int
main(void)
{
	static job *const all[2] = {wait_for_all, notify_all};
	static job *const one[2] = {wait_for_one, notify_one};
	uint64_t seed = test_now() | 1, had = 0;
	struct shunt_event *keeper;

	alarm(50);
	board = test_shared(sizeof(*board));
	snprintf(board->name, sizeof(board->name), "%s", test_name("event"));
	printf("seed %llu\n", (unsigned long long)seed);
	NEED(shunt_event_open(&keeper, board->name, NULL) == 1);
	run(all, &seed);
	NEED(board->round > 300);
	NEED(board->deaths[0] > 20 && board->deaths[1] > 5);
	printf("%u rounds, %llu waiters and %llu notifiers died\n",
	    board->round, (unsigned long long)board->deaths[0],
	    (unsigned long long)board->deaths[1]);
	while (shunt_event_wait(keeper, SHUNT_NOWAIT) == 0)
		;
	board->deaths[0] = board->deaths[1] = 0;
	run(one, &seed);
	for (unsigned i = 0; i < WAITERS; i++)
		had += board->had[i];
	while (shunt_event_wait(keeper, SHUNT_NOWAIT) == 0)
		had++;
	NEED(board->made > 1000);
	NEED(had + board->deaths[0] >= board->made);
	NEED(had <= board->made + board->deaths[1]);
	printf("%llu notified, %llu had, %llu died\n",
	    (unsigned long long)board->made, (unsigned long long)had,
	    (unsigned long long)(board->deaths[0] + board->deaths[1]));
	shunt_event_close(&keeper);
	NEED(!test_there(board->name));
	return 0;
}
