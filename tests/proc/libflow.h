/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PROC_LIBFLOW_H
#define TESTS_PROC_LIBFLOW_H

/*
 * Messages of several processes through one queue, every one accounted for.
 *
 * A producer has a number and, each time it is started anew, another life.
 * After each send has returned it stores the sequence number in memory that
 * survives it.  The consumer peeks, checks, stores what it has, releases.  So
 * a killed producer may have sent one message more than it noted, a killed
 * consumer gets at most one message again, and nothing else may differ.
 */

#include <stdint.h>
#include <sys/types.h>

#include "lib/peers.h"

#define FLOW_PRODUCERS 16

struct flow_life {
	_Atomic uint64_t sent;   /* noted by the producer after each return */
	_Atomic uint64_t got;    /* noted by the consumer before release */
	_Atomic uint32_t killed; /* by us, so that one more may have come */
};

struct flow {
	char name[64];
	uint64_t lane_bytes;
	uint32_t lanes;
	uint32_t producers;
	uint32_t lives;          /* room for so many of each producer */
	uint32_t most;           /* bytes of a message, at most */
	uint64_t count;          /* messages of each life; 0: until stop */
	_Atomic uint32_t stop;   /* producers: end after the message at hand */
	_Atomic uint32_t finish; /* consumer: end when there is nothing left */
	_Atomic uint64_t total;  /* messages that the consumer has seen */
	_Atomic uint64_t again;  /* of them, seen for the second time */
	_Atomic uint32_t consumers; /* lives of the consumer */
	struct flow_life life[];    /* producer * lives + life */
};

/* Shared memory for it; the queue gets a fresh name. */
struct flow *flow_new(const char *what, uint32_t producers, uint32_t lives);

static inline struct flow_life *
flow_life(struct flow *flow, uint32_t producer, uint32_t life)
{
	return &flow->life[producer * flow->lives + life];
}

/* Starts one; it ends with 0, or with 99 when something does not hold. */
pid_t flow_produce(struct flow *flow, uint32_t producer, uint32_t life);
pid_t flow_consume(struct flow *flow);

/* When all are done: the number of messages that are missing or too many;
 * each is told on stderr. */
uint64_t flow_losses(struct flow *flow);

#endif /* TESTS_PROC_LIBFLOW_H */
