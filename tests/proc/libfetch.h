/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PROC_LIBFETCH_H
#define TESTS_PROC_LIBFETCH_H

/*
 * What double_fetch.c does to an object: one call of each kind, on a handle
 * that another function has opened before.
 */

#include <stdint.h>

#include <shunt.h>

enum {
	FETCH_CAN = 64, /* bytes of canary behind the buffer */
	FETCH_ROOM = 2048,
};

struct fetch_call {
	const char *name;
	void (*make)(void);       /* the object, with something in it */
	void *(*open)(void);      /* a handle, and all that precedes */
	int64_t (*call)(void *h); /* what is watched: its answer */
};

/* Each ends with one that has no name. */
extern const struct fetch_call fetch_locks[]; /* and queues */
extern const struct fetch_call fetch_ends[];

extern const char *fetch_name; /* of the object at hand */
extern unsigned char fetch_buf[FETCH_ROOM + FETCH_CAN];

/* Nobody waits. */
extern const struct shunt_send_options fetch_send;
extern const struct shunt_recv_options fetch_recv;

#endif /* TESTS_PROC_LIBFETCH_H */
