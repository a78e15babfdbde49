/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PROC_LIBGOLDEN_H
#define TESTS_PROC_LIBGOLDEN_H

/*
 * Objects of each kind, as small as they can be, with something in them that
 * the living and the dead have left there: how they are made today, and what
 * must be found in them whenever they were made.
 */

struct golden {
	const char *kind;
	void (*make)(const char *name);
	void (*use)(const char *name);
};

extern const struct golden goldens[]; /* ends with one without a kind */

/* The exit status of a user to whom the object is another build's. */
#define GOLDEN_OTHER 97

/* What opens it: 0, 1, or the end of this process. */
#define GOLDEN_OPEN(call) NEED(golden_opened(call) >= 0)
int golden_opened(int e);

/* A process that leaves something behind and kills itself. */
void golden_dies(int (*f)(void *name), const char *name);

/* libgolden_flow.c */
void golden_stream_make(const char *name);
void golden_stream_use(const char *name);
void golden_topic_make(const char *name);
void golden_topic_use(const char *name);
void golden_service_make(const char *name);
void golden_service_use(const char *name);

#endif /* TESTS_PROC_LIBGOLDEN_H */
