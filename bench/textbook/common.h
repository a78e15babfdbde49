/* SPDX-License-Identifier: MIT */
#ifndef TEXTBOOK_COMMON_H
#define TEXTBOOK_COMMON_H

/*
 * The textbook logger, as courses on shared memory teach it: ten slots of 256
 * bytes in a POSIX shared memory object, a semaphore as mutex for the index,
 * one that counts free slots and one that counts filled ones.  It is the
 * baseline of the benchmarks, so it is as good as that design can be, and it
 * keeps the design's faults: see docs/reliability.md.
 */

#include <semaphore.h>
#include <stddef.h>
#include <sys/types.h>

#define SLOTS     10
#define SLOT_SIZE 256

/* What lies in shared memory. */
struct slots {
	int next_in;  /* under the mutex: where the next message goes */
	int next_out; /* the server's own */
	char text[SLOTS][SLOT_SIZE];
};

struct textbook {
	struct slots *slots;
	sem_t *mutex;  /* one client at a time moves next_in */
	sem_t *free;   /* slots that a client may fill */
	sem_t *filled; /* slots that the server may print */
	char name[200];
};

/* The server makes everything; a client opens it.  0, or -1 with errno. */
int textbook_make(struct textbook *t, const char *name);
int textbook_open(struct textbook *t, const char *name);
void textbook_close(struct textbook *t);
void textbook_unlink(const char *name);

/* The client's part: wait for a slot, stamp and copy under the mutex. */
int textbook_put(struct textbook *t, const char *message);

/*
 * The server's part: one slot to the file.  1, or 0 when `*stop` was set and
 * nothing is left, or -1 with errno.  Whoever sets `*stop` posts `filled`.
 */
int textbook_take(struct textbook *t, int fd, const volatile int *stop);
int textbook_file(const char *path, int osync);

#endif /* TEXTBOOK_COMMON_H */
