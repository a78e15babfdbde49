/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_LOOKS_H
#define TESTS_UNIT_LOOKS_H

/*
 * One object of each kind, with something in it and somebody at it; and each
 * way to look, as the command does: its code, after what is true of any answer.
 */

#include <shunt.h>

extern struct looks {
	const char *queue, *lock, *pool, *event, *topic, *stream, *service;
	const char *log, *raw;
	struct shunt_queue *q;
	struct shunt_lock *l;
	struct shunt_semaphore *s;
	struct shunt_event *v;
	struct shunt_publisher *pub;
	struct shunt_subscriber *sub;
	struct shunt_stream_writer *w;
	struct shunt_client *client;
	struct shunt_log *logged;
	struct shunt_segment *seg;
} looks;

/* As cmocka has them. */
int looks_make(void **state);
int looks_drop(void **state);

int look_at(const char *name);         /* stat, why, ls NAME */
int look_recoveries(const char *name); /* why, of locks and semaphores */
int look_mappers(const char *name);
int look_records(const char *name); /* tail */
int look_around(const char *name);  /* ls, top, doctor; no name */

#endif /* TESTS_UNIT_LOOKS_H */
