/* SPDX-License-Identifier: MIT */
/*
 * A process that is stopped at any instruction holds up nobody but itself,
 * and goes on where it was.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "proc/libflow.h"

static void
stop(pid_t pid)
{
	int status;

	NEED(kill(pid, SIGSTOP) == 0);
	NEED(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
}

/* Until @n more messages have come; they must come within 10 s. */
static void
progress(struct flow *flow, uint64_t n)
{
	uint64_t from = flow->total, end = test_now() + 10000 * MS;

	while (flow->total < from + n) {
		NEED(test_now() < end);
		usleep(200);
	}
}

/* Until nothing has come for a while: all producers wait for room. */
static void
standstill(struct flow *flow)
{
	uint64_t sent, before = UINT64_MAX, end = test_now() + 10000 * MS;

	for (;; usleep(20000)) {
		sent = 0;
		for (uint32_t p = 0; p < flow->producers; p++)
			sent += flow_life(flow, p, 0)->sent;
		if (sent == before)
			return;
		before = sent;
		NEED(test_now() < end);
	}
}

int
main(void)
{
	struct flow *flow = flow_new("stop", 3, 1);
	pid_t pid[3], consumer;
	uint64_t seed = test_now() | 1;

	alarm(50);
	consumer = flow_consume(flow);
	for (uint32_t p = 0; p < 3; p++)
		pid[p] = flow_produce(flow, p, 0);
	progress(flow, 1000);
	/* One producer, anywhere in its call: the others go on. */
	for (int i = 0; i < 100; i++) {
		pid_t victim = pid[test_random(&seed) % 3];
		stop(victim);
		progress(flow, 500);
		NEED(kill(victim, SIGCONT) == 0);
		progress(flow, 10);
	}
	/* The consumer: they wait for room, and go on when it does. */
	for (int i = 0; i < 5; i++) {
		stop(consumer);
		standstill(flow);
		NEED(kill(consumer, SIGCONT) == 0);
		progress(flow, 5000);
	}
	/* Killed while it is stopped, its lane is free for others. */
	stop(pid[0]);
	flow_life(flow, 0, 0)->killed = 1;
	peer_kill(pid[0]);
	progress(flow, 1000);
	flow->stop = 1;
	for (uint32_t p = 1; p < 3; p++)
		NEED(peer_end(pid[p]) == 0);
	flow->finish = 1;
	NEED(peer_end(consumer) == 0);
	NEED(flow_losses(flow) == 0 && flow->again == 0);
	NEED(!test_there(flow->name));
	printf("%llu messages\n", (unsigned long long)flow->total);
	return 0;
}
