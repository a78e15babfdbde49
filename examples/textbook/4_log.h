/* SPDX-License-Identifier: MIT */
#ifndef TEXTBOOK_LOG_H
#define TEXTBOOK_LOG_H

/*
 * What the plain log server and its clients share: ten slots, a semaphore as
 * mutex for the index, one that counts free slots and one that counts filled
 * ones.  The semaphores lie in the memory itself, so there is one name to
 * make and to remove; sem_open() would give each a name of its own.
 *
 * The versions with libshunt share a log object instead, and no header.
 */

#include <err.h>
#include <errno.h>
#include <semaphore.h>
#include <stdint.h>

#define LOG_NAME "/textbook-log"

#define SLOTS     10
#define SLOT_SIZE 256

struct log {
	sem_t mutex;       /* one client at a time moves next_in */
	sem_t free;        /* slots that a client may fill */
	sem_t filled;      /* slots that the server may write */
	uint32_t next_in;  /* under the mutex: slots ever filled */
	uint32_t next_out; /* the server's own: slots ever written */
	uint32_t over;     /* under the mutex: the server has ended */
	char slot[SLOTS][SLOT_SIZE];
};

/* Runs once, before the memory has its name: see meet.h. */
static inline void
log_prepare(void *memory)
{
	struct log *log = memory;

	/* 1: between processes, not only threads.  Tutorials forget it. */
	if (sem_init(&log->mutex, 1, 1) < 0 ||
	    sem_init(&log->free, 1, SLOTS) < 0 ||
	    sem_init(&log->filled, 1, 0) < 0)
		err(1, "sem_init");
}

static inline void
log_down(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0)
		if (errno != EINTR)
			err(1, "sem_wait");
}

static inline void
log_up(sem_t *semaphore)
{
	if (sem_post(semaphore) < 0)
		err(1, "sem_post");
}

#endif /* TEXTBOOK_LOG_H */
