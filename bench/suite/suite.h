/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SUITE_H
#define BENCH_SUITE_H

/*
 * A benchmark is one or two functions that each make one sample in freshly
 * forked processes.  The driver runs them as pairs, control then ours, and
 * judges: with a control by the median of the ratios of the pairs, without
 * one by the median of the values.
 */

#include "common.h"

#define EXTRAS 3

struct sample {
	double value;
	double extra[EXTRAS]; /* further figures, named in the benchmark */
};

struct bench {
	const char *name;
	const char *unit;
	const char *what;    /* one line for people */
	const char *control; /* what we are compared with, or NULL */
	double bar;
	int higher;       /* is more better? */
	int pairs, quick; /* how many, and how many with --quick */
	int (*measure_control)(const struct bench *, struct sample *);
	int (*measure)(const struct bench *, struct sample *);
	const char *extra[EXTRAS];
	const char *(*lacks)(void); /* why it cannot run here, or NULL */
	int clients;                /* of the log benchmarks */
};

#define MOST_PAIRS 101

/* Figures of all pairs of one benchmark; judge() sorts them. */
struct outcome {
	int pairs;
	double value[MOST_PAIRS], control[MOST_PAIRS], ratio[MOST_PAIRS];
	double extra[EXTRAS][MOST_PAIRS];
	double judged; /* what is compared with the bar */
	int ok;
};

void judge(const struct bench *b, struct outcome *o);
void print_json(const struct bench *b, const struct outcome *o);
void print_text(const struct bench *b, const struct outcome *o);

/* With --quick everything is shorter; figures are then rough. */
extern int quick_run;

/* One array a file, closed by a NULL name. */
extern const struct bench lane_benches[];
extern const struct bench call_benches[];
extern const struct bench rate_benches[];
extern const struct bench syscall_benches[];
extern const struct bench quiet_benches[];
extern const struct bench lock_benches[];
extern const struct bench scan_benches[];

/* The controls of the lane: suite/pingpong.c, suite/ck.c. */
int bare_rtt(const struct bench *b, struct sample *s);
int ck_throughput(const struct bench *b, struct sample *s);
const char *ck_lacks(void);

/* `bench --syscall-worker log|lock NAME COUNT`, which runs under strace. */
int syscall_worker(int argc, char **argv);

/* What both sides of a lane move: 56 bytes, the sequence number first. */
#define PAYLOAD 56
struct payload {
	uint64_t seq;
	uint64_t rest[PAYLOAD / 8 - 1];
};
/*
 * A run is cut into blocks, each with its own time, and the median block
 * counts: on a machine that others use too, a block during which one of the
 * two processes was not running tells nothing about the lane.
 */
#define BLOCKS 200
uint64_t rtt_block(void);        /* round trips in a block */
uint64_t throughput_block(void); /* messages in a block */
/* Nanoseconds of the median block; @at has BLOCKS + 1 times. */
double median_block(const uint64_t *at);
/* A crew of two on the first two processors; see crew_start(). */
int run_duo(struct crew *crew, crew_work *work, void *arg);

#endif /* BENCH_SUITE_H */
