/* SPDX-License-Identifier: MIT */
#ifndef LITMUS_H
#define LITMUS_H

/*
 * Two threads and what must hold of every execution of theirs.  GenMC goes
 * through all that the memory model allows; without it the program just runs
 * ROUNDS times.  The accesses are the library's own (base/atomics.h), the
 * labels those of docs/ordering.md.  Payload is plain memory, so that an order
 * that is missing is a data race as well.
 *
 * WRONG=1, 2, ... leaves one order out each: GenMC must find it.
 */

#include <assert.h>
#include <pthread.h>
#include <stddef.h>

#include "base/atomics.h"

#ifndef WRONG
#define WRONG 0
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif

static void begin(void);  /* the world as it is before */
static void first(void);  /* one thread */
static void second(void); /* the other */
static void after(void);  /* what must hold of both */

static void *
run_first(void *unused)
{
	first();
	return unused;
}

static void *
run_second(void *unused)
{
	second();
	return unused;
}

int
main(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_t a, b;

		begin();
		if (pthread_create(&a, NULL, run_first, NULL) != 0 ||
		    pthread_create(&b, NULL, run_second, NULL) != 0)
			return 2;
		pthread_join(a, NULL);
		pthread_join(b, NULL);
		after();
	}
	return 0;
}

/* The membarrier makes running peers fence wherever they are.  In a model
 * without it that is a fence at the one place where it matters. */
static inline void
fenced_by_membarrier(void)
{
	shunt__fence();
}

#endif /* LITMUS_H */
