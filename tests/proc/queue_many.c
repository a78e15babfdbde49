/* SPDX-License-Identifier: MIT */
/* Many processes send, one receives: each message once, in its sender's
 * order. */
#include <stdio.h>
#include <unistd.h>

#include <shunt.h>

#include "proc/libflow.h"

/* @producers at once, each living @lives times, @count messages a life. */
static void
run(const char *what, uint32_t producers, uint32_t lives, uint64_t count,
    uint32_t most)
{
	struct flow *flow = flow_new(what, producers, lives);
	pid_t consumer, pid[FLOW_PRODUCERS];

	flow->count = count;
	flow->most = most;
	consumer = flow_consume(flow);
	for (uint32_t life = 0; life < lives; life++) {
		for (uint32_t p = 0; p < producers; p++)
			pid[p] = flow_produce(flow, p, life);
		for (uint32_t p = 0; p < producers; p++)
			NEED(peer_end(pid[p]) == 0);
	}
	flow->finish = 1;
	NEED(peer_end(consumer) == 0);
	NEED(flow_losses(flow) == 0);
	NEED(flow->total == producers * lives * count);
	NEED(flow->again == 0);
	NEED(!test_there(flow->name)); /* ephemeral, and all is read */
	printf("%s: %llu messages of %u processes\n", what,
	    (unsigned long long)flow->total, producers * lives);
}

int
main(void)
{
	alarm(50);
	run("few", 2, 1, 200000, 400);
	run("many", 16, 1, 20000, 400);
	run("long", 3, 1, 20000, 6000);
	run("shortlived", 8, 30, 100, 400);
	return 0;
}
