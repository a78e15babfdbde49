/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SEGMENT_SEAT_H
#define SHUNT_SEGMENT_SEAT_H

/*
 * Seats: the place of one thread at one object, that is a lane whose byte it
 * holds.  A thread takes its seat with its first call and gives it back when
 * it ends; a seat is private memory.
 */

#include <stddef.h>
#include <stdint.h>

#include "segment/object.h"

struct shunt__seat {
	struct shunt__seats *seats;
	struct shunt__seat *next;        /* in the handle */
	struct shunt__seat *thread_next; /* of the thread */
	uint32_t lane;
	int in_call; /* set while a call runs: a signal handler sees it */
	struct thread *thread;
	_Alignas(64) unsigned char end[]; /* the caller's, zeroed */
};

/* A handle's seats. */
struct shunt__seats {
	struct shunt__object *obj;
	uint64_t id; /* of no other handle, ever, in this process */
	size_t end_size;
	/* Lanes of a seat: its own, whose byte it holds, and those behind it
	 * up to the next seat's.  1, unless set to another after init. */
	uint32_t stride;
	/* Byte of lane taken, ring reserved: make it ours.  0, -EAGAIN (has
	 * no room: try another, @last: there is none) or a code. */
	int (*claim)(struct shunt__seat *seat, void *arg, int last);
	/* The thread ends or the handle closes; the byte is given back next. */
	void (*leave)(struct shunt__seat *seat, void *arg);
	void *arg;
	struct shunt__seat *first;
};

void shunt__seats_init(struct shunt__seats *seats, struct shunt__object *obj,
    size_t end_size, int (*claim)(struct shunt__seat *, void *, int),
    void (*leave)(struct shunt__seat *, void *), void *arg);
void shunt__seats_fini(struct shunt__seats *seats);

/* The calling thread's seat, slow: looks, else takes a lane.  -EBUSY: called
 * by a handler that interrupted its thread at its seats. */
int shunt__seat_take(struct shunt__seats *seats, struct shunt__seat **out);

/* The calling thread's seat if it has one, slow; or NULL. */
struct shunt__seat *shunt__seat_find(struct shunt__seats *seats);

/*
 * Gives back the calling thread's seat, if it has one and is not in a call
 * there.  1 if there are seats left; once it was 0, and nobody can take one
 * any more, no thread is inside of a call there.
 */
int shunt__seat_give(struct shunt__seats *seats);

/* The seats that this thread used last, of whatever handles: an entry for each
 * remainder of an id, so that one who goes between a few handles finds all. */
#define SHUNT__SEAT_CACHE 4
struct shunt__seat_cache {
	uint64_t id;
	struct shunt__seat *seat;
};
#if defined(__GLIBC__)
#define SHUNT__TLS __attribute__((tls_model("initial-exec")))
#else
#define SHUNT__TLS
#endif
extern _Thread_local struct shunt__seat_cache
    shunt__seat_cache[SHUNT__SEAT_CACHE] SHUNT__TLS;

/* This thread's seat of the handle with that id, if it is at hand; or NULL. */
static inline struct shunt__seat *
shunt__seat_cached(uint64_t id)
{
	const struct shunt__seat_cache *c =
	    &shunt__seat_cache[id % SHUNT__SEAT_CACHE];

	return __builtin_expect(c->id == id, 1) ? c->seat : NULL;
}

static inline int
shunt__seat_get(struct shunt__seats *seats, struct shunt__seat **out)
{
	*out = shunt__seat_cached(seats->id);
	if (__builtin_expect(*out != NULL, 1))
		return 0;
	return shunt__seat_take(seats, out);
}

#endif /* SHUNT_SEGMENT_SEAT_H */
