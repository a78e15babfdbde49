/* SPDX-License-Identifier: MIT */
#ifndef BENCH_FLOOD_H
#define BENCH_FLOOD_H

/* Clients that log real text as fast as they can; see common_flood.c. */

#include "common.h"

/* What a client leaves behind, killed or not: a mapped file of its own. */
struct count {
	_Atomic int64_t intent;   /* the call that was begun last */
	_Atomic int64_t last;     /* the call that returned last */
	_Atomic int64_t doubtful; /* a predecessor's killed call, or 0 */
	_Atomic uint64_t end_ns;
	_Atomic int ready;
	double cpu_ns_each; /* processor time a line, since the last start */
};

struct board {
	_Atomic int go;
};

struct flood {
	int clients;
	const struct text *text;
	const char *log;  /* a log of ours, or NULL: */
	const char *file; /* append to this */
	int64_t lines_each;
	struct board *board; /* shared by inheritance */
	struct count *count[CREW_MAX];
	pid_t pid[CREW_MAX];
	uint64_t start_ns;
};

struct count *count_map(int client);
/* Forks all clients and waits until each is ready to log. */
int flood_start(struct flood *f);
void flood_go(struct flood *f);
/* Forks one client, which goes on where its predecessor was killed. */
int flood_client(struct flood *f, int client);
int64_t flood_lines(const struct flood *f);
int flood_ended(struct flood *f);
double flood_cpu_ns(const struct flood *f);
uint64_t flood_end_ns(const struct flood *f);
void flood_free(struct flood *f);

#endif /* BENCH_FLOOD_H */
