/* SPDX-License-Identifier: MIT */
#include "proc/libguest.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_soon = {
    .sz = sizeof(recv_soon), .wait_ns = 10000 * (int64_t)MS};

/* A holder who died inside leaves something to repair. */
static int
repair(void *arg)
{
	++*(int *)arg;
	return 0;
}

static void
attach(const char *queue, const char *lock, struct shunt_queue **q,
    struct shunt_lock **l, int *repairs)
{
	static const struct shunt_queue_options small = {.sz = sizeof(small),
	    .lane_bytes = 4096,
	    .lanes = 4,
	    .flags = SHUNT_QUEUE_PERSISTENT};
	struct shunt_lock_options o = {
	    .sz = sizeof(o), .repair = repair, .repair_arg = repairs};

	NEED(shunt_queue_open(q, queue, &small) >= 0);
	NEED(shunt_lock_open(l, lock, &o) >= 0);
}

/* The guest, where it is: sees a live holder, waits as long as it says. */
static void
live(struct guest *g)
{
	struct shunt_queue *q;
	struct shunt_lock *l;
	int repairs = 0;
	uint64_t from;
	char buf[64];

	attach(g->queue_seen, g->lock_seen, &q, &l, &repairs);
	step_to(&g->guest, 1);
	step_wait(&g->host, 1);
	NEED(shunt_queue_recv(q, buf, sizeof(buf), NULL, &recv_soon) == 4);
	NEED(memcmp(buf, "host", 4) == 0);
	/* Longer than the time after which the holder's byte is asked. */
	from = test_now();
	NEED(shunt_lock_acquire(l, 400 * (int64_t)MS) == -ETIMEDOUT);
	NEED(test_now() - from >= 390 * MS && test_now() - from < 8000 * MS);
	step_to(&g->guest, 2);
	step_wait(&g->host, 2);
	NEED(shunt_lock_acquire(l, 10000 * (int64_t)MS) == 0);
	NEED(repairs == 0);
	NEED(shunt_queue_send(q, "guest", 5, &send_now) == 0);
	step_to(&g->guest, 3);
}

static void
host(struct guest *g, pid_t pid, void (*die)(struct guest *))
{
	struct shunt_queue *q;
	struct shunt_lock *l;
	int repairs = 0, end;
	char buf[64];

	attach(g->queue, g->lock, &q, &l, &repairs);
	NEED(shunt_lock_acquire(l, SHUNT_NOWAIT) == 0);
	/* Whoever comes first receives; it is the guest, then we. */
	NEED(shunt_queue_send(q, "host", 4, &send_now) == 0);
	step_to(&g->host, 1);
	step_wait(&g->guest, 2);
	if (!g->skipped) {
		NEED(shunt_lock_release(l) == 0);
		step_to(&g->host, 2);
		step_wait(&g->guest, 3);
		/* Alive, wherever it is. */
		NEED(shunt_lock_acquire(l, 400 * (int64_t)MS) == -ETIMEDOUT);
		if (die == NULL)
			kill(pid, SIGKILL);
		step_to(&g->host, 3);
		end = peer_end(pid);
		NEED(end == -SIGKILL);
		NEED(shunt_lock_acquire(l, 10000 * (int64_t)MS) == 0);
		NEED(repairs == 1);
		NEED(shunt_queue_recv(q, buf, sizeof(buf), NULL, &recv_soon) ==
		     5);
		NEED(memcmp(buf, "guest", 5) == 0);
	} else {
		NEED(peer_end(pid) == 0);
	}
	shunt_lock_close(&l);
	shunt_queue_close(&q);
	shunt_remove(g->queue, NULL);
	shunt_remove(g->lock, NULL);
}

int
guest_scene(const char *what, void (*enter)(struct guest *),
    void (*die)(struct guest *))
{
	struct guest *g = test_shared(sizeof(*g));
	pid_t pid;

	snprintf(g->queue, sizeof(g->queue), "%s", test_name("guest-queue"));
	snprintf(g->lock, sizeof(g->lock), "%s", test_name("guest-lock"));
	memcpy(g->queue_seen, g->queue, sizeof(g->queue));
	memcpy(g->lock_seen, g->lock, sizeof(g->lock));
	fflush(stdout);
	pid = fork();
	NEED(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(50);
		enter(g);
		live(g);
		step_wait(&g->host, 3);
		if (die != NULL)
			die(g);
		for (;;)
			pause();
	}
	host(g, pid, die);
	printf("%s: %s\n", what, g->skipped ? "skipped" : "ok");
	return g->skipped ? 77 : 0;
}
