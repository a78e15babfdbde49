/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PROC_LIBSQUAD_H
#define TESTS_PROC_LIBSQUAD_H

/*
 * Processes to which bad luck happens: each is killed and started anew, or
 * stopped for a while, at random.  A part of the soak is a squad and a world
 * in memory that survives all of them, where each notes what it has done.
 */

#include <stdint.h>
#include <sys/types.h>

#include "lib/peers.h"

#define SQUAD_MOST 8
/* ms without progress: somebody hangs.  Who hangs does so for ever; a machine
 * with much else to do lets others wait for seconds. */
#define STILL_MOST 30000
/* After so many ms without progress nobody is killed or stopped: a loaded
 * machine may take longer to start one than we to kill it. */
#define SPARED_AFTER 200

struct squad_member {
	pid_t pid;
	uint32_t life;    /* the so-manieth, from 0 on */
	uint64_t cont_at; /* stopped until then; 0: it runs */
	uint64_t kills;
};

struct squad {
	uint32_t n;
	void *world;
	int (*run)(void *world, uint32_t member, uint32_t life);
	_Atomic uint64_t *progress; /* grows while all is well */
	uint64_t seen, moved_at;
	uint64_t kills, stops;
	struct squad_member member[SQUAD_MOST];
};

/* Starts them. */
void squad_begin(struct squad *s);

/* Bad luck for @ms; ends this process if nothing moves for too long. */
void squad_suffer(struct squad *s, uint64_t *rng, uint64_t ms);

/* All run from here on; waits for members @from to @to - 1, told to stop by
 * the caller: each ends with 0. */
void squad_free(struct squad *s);
void squad_end(struct squad *s, uint32_t from, uint32_t to);

/* The parts; as soak_log(). */
int soak_jobs(uint64_t seed, uint64_t ms);
int soak_topic(uint64_t seed, uint64_t ms);
int soak_stream(uint64_t seed, uint64_t ms);
int soak_call(uint64_t seed, uint64_t ms);

#endif /* TESTS_PROC_LIBSQUAD_H */
