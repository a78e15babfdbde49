/* SPDX-License-Identifier: MIT */
#ifndef TEXTBOOK_PLAIN_H
#define TEXTBOOK_PLAIN_H

/*
 * What the plain writer and reader share: a line for each direction, and a
 * semaphore each that says "it is your turn to read".
 */

#include <err.h>
#include <errno.h>
#include <semaphore.h>
#include <stdint.h>

#define GREETING_NAME "/my_shm"
#define GREETING_PATH "/dev/shm/my_shm"

struct greeting {
	sem_t greeted;   /* up by the writer, down by the reader */
	sem_t answered;  /* up by the reader, down by the writer */
	uint32_t rounds; /* set before the first greeting */
	char hello[64];  /* from the writer */
	char answer[64]; /* from the reader */
};

/* Runs once, before the memory has its name: see meet.h. */
static inline void
greeting_prepare(void *memory)
{
	struct greeting *g = memory;

	if (sem_init(&g->greeted, 1, 0) < 0 || sem_init(&g->answered, 1, 0) < 0)
		err(1, "sem_init");
}

static inline void
greeting_down(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0)
		if (errno != EINTR)
			err(1, "sem_wait");
}

static inline void
greeting_up(sem_t *semaphore)
{
	if (sem_post(semaphore) < 0)
		err(1, "sem_post");
}

#endif /* TEXTBOOK_PLAIN_H */
