/* SPDX-License-Identifier: MIT */
#ifndef TESTS_LIB_LOG_PRODUCER_H
#define TESTS_LIB_LOG_PRODUCER_H

/*
 * A client of a log that is made of the lane alone, so that tests of the
 * server can do what a client of ours never does: lie about the time, stop in
 * mid-call, write rubbish.
 */

#include <stdint.h>

#include "log/spec.h"
#include "ring/lane.h"

struct producer {
	struct shunt__object *obj;
	struct shunt__lane_tx tx;
	struct shunt__lane_lay *ctl;
	uint32_t lane;
	uint32_t pid;
	int wait; /* for room, for ever; else -EAGAIN */
};

/* Attaches, makes the log if need be, and claims a lane.  0 or a code. */
int producer_open(
    struct producer *p, const char *name, const struct shunt__spec *spec);
void producer_close(struct producer *p);

/* One message as a client logs it (C0..C7). */
int producer_put(struct producer *p, const void *msg, size_t len);

/* Its parts: C1 and C2; C4, C5 with any stamp and tag; C6, C7. */
int producer_begin(struct producer *p, size_t len, void **room);
void producer_commit(struct producer *p, void *room, uint64_t stamp,
    unsigned level, const void *msg, size_t len);
void producer_end(struct producer *p);

/* A lane record of any bytes and any tag, committed. */
int producer_raw(
    struct producer *p, const void *bytes, size_t len, uint16_t tag);

/* Asks for the disk; 1 when it was done within @ns. */
int producer_flush(struct producer *p, int64_t ns);

#endif /* TESTS_LIB_LOG_PRODUCER_H */
