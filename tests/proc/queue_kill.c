/* SPDX-License-Identifier: MIT */
/*
 * Producers and the consumer are killed at random and started again: what a
 * producer noted as sent arrives exactly once and in order.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <shunt.h>

#include "proc/libflow.h"

#define PRODUCERS 4
#define LIVES     2000
#define RUN_MS    2500

int
main(void)
{
	struct flow *flow = flow_new("kill", PRODUCERS, LIVES);
	pid_t consumer, pid[PRODUCERS];
	uint32_t life[PRODUCERS] = {0}, kills = 0;
	uint64_t seed = test_now() | 1, end = test_now() + RUN_MS * MS;
	struct shunt_queue *keeper;
	const struct shunt_queue_options o = {.sz = sizeof(o),
	    .lanes = flow->lanes,
	    .lane_bytes = flow->lane_bytes};

	alarm(50);
	printf("seed %llu\n", (unsigned long long)seed);
	/* All may be dead at once: without us the queue might go. */
	NEED(shunt_queue_open(&keeper, flow->name, &o) == 1);
	consumer = flow_consume(flow);
	for (uint32_t p = 0; p < PRODUCERS; p++)
		pid[p] = flow_produce(flow, p, 0);
	while (test_now() < end) {
		uint64_t x = test_random(&seed);
		uint32_t p = (uint32_t)(x >> 8) % (PRODUCERS + 1);
		usleep((useconds_t)(x >> 32) % 4000);
		if (p == PRODUCERS) {
			NEED(kill(consumer, SIGKILL) == 0);
			NEED(peer_end(consumer) == -SIGKILL);
			consumer = flow_consume(flow);
		} else {
			flow_life(flow, p, life[p])->killed = 1;
			NEED(kill(pid[p], SIGKILL) == 0);
			NEED(peer_end(pid[p]) == -SIGKILL);
			life[p]++;
			NEED(life[p] < LIVES);
			pid[p] = flow_produce(flow, p, life[p]);
		}
		kills++;
	}
	flow->stop = 1;
	for (uint32_t p = 0; p < PRODUCERS; p++)
		NEED(peer_end(pid[p]) == 0);
	flow->finish = 1;
	NEED(peer_end(consumer) == 0);
	NEED(flow_losses(flow) == 0);
	NEED(flow->again < flow->consumers);
	NEED(kills > 100 && flow->total > 10000);
	shunt_queue_close(&keeper);
	NEED(!test_there(flow->name));
	printf("%llu messages, %u kills, %llu delivered again\n",
	    (unsigned long long)flow->total, kills,
	    (unsigned long long)flow->again);
	return 0;
}
