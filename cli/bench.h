/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_BENCH_H
#define SHUNT_CLI_BENCH_H

/*
 * The measuring inside of `shunt bench`.  A cell says what is measured (size,
 * how many to how many, polling or sleeping, round trips or a flood), a
 * driver how one way of passing messages does it.  bench/peers gives drivers
 * for other people's ways to the same machinery.
 */

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define BENCH_SIDES  8  /* processes of a cell */
#define BENCH_SLICES 12 /* a flood is cut into so many pieces of time */
#define BENCH_MANY   4  /* "many" in 4:1, 1:4 and 4:4 */

struct bench_cell {
	size_t size; /* bytes of each message, at least 8 */
	int producers, consumers;
	int sleeping; /* receivers sleep while there is nothing; else poll */
	int trips;    /* one message there and back; else as many as can be */
};

/* What a driver can do. */
enum {
	BENCH_TRIPS = 1u << 0,
	BENCH_FLOOD = 1u << 1,
	BENCH_POLL = 1u << 2,
	BENCH_SLEEP = 1u << 3,
	BENCH_FROM_MANY = 1u << 4, /* several producers at once */
	BENCH_TO_MANY = 1u << 5,   /* several consumers at once */
	BENCH_EACH = 1u << 6,      /* each consumer gets every message */
	BENCH_ONE_WAY = 1u << 7,   /* no consumer at all: memcpy */
	BENCH_LINE = 1u << 8,      /* a cache line, whatever the size */
	BENCH_CONTROL = 1u << 9,   /* what others are compared with */
	BENCH_OURS = 1u << 10,
	BENCH_IN_PLACE = 1u << 11, /* written and read where it lies */
};

/* ---- log buckets, 32 for each doubling (bench_hist.c) ---- */

#define BENCH_BUCKETS 2048
struct bench_hist {
	uint64_t n, max;
	uint32_t bucket[BENCH_BUCKETS];
};
/* What 100 * @p of 100 are at or below, to 3 %. */
double bench_hist_at(const struct bench_hist *h, double p);

static inline void
bench_hist_add(struct bench_hist *h, uint64_t v)
{
	unsigned high = v < 64 ? 0 : 58u - (unsigned)__builtin_clzll(v);
	unsigned i = high * 32 + (unsigned)(v >> high);

	h->bucket[i < BENCH_BUCKETS ? i : BENCH_BUCKETS - 1]++;
	h->n++;
	if (v > h->max)
		h->max = v;
}

/* ---- what the processes of a cell share, and what each has ---- */

struct bench_seat {
	_Alignas(128) _Atomic uint64_t count; /* sent, or received so far */
	_Alignas(128) uint64_t sum;           /* of all words */
	uint64_t begin_ns, end_ns, cpu_ns;
	int result;      /* 1: well, -1: bench_fail(); 0 as long as it runs */
	int descriptors; /* more than before it joined */
	char error[200];
	uint64_t mark[BENCH_SLICES + 1]; /* received at each slice's begin */
	struct bench_hist hist;
};

struct bench_shared {
	_Alignas(128) _Atomic int ready;
	_Alignas(128) _Atomic int go;
	_Alignas(128) _Atomic int stop;
	_Alignas(128) _Atomic int producers_done;
	_Alignas(128) _Atomic int consumers_done;
	uint64_t slice_ns;
	struct bench_seat seat[BENCH_SIDES];
};

/* One process of a cell.  The first `producers` of them produce. */
struct bench_side {
	struct bench_cell cell;
	int index;    /* among all */
	int producer; /* does it produce? */
	int number;   /* among its likes */
	int each;     /* BENCH_EACH */
	struct bench_shared *shared;
	struct bench_seat *seat;
	char *buf; /* room for a message; touched, 4096-aligned */
	int slice;
	void *end;  /* the driver's own */
	void *cpus; /* all that this run may use */
};

struct bench_driver {
	const char *id;   /* "shunt-queue" */
	const char *what; /* one line for people */
	unsigned can;
	size_t most; /* the longest message; 0: any */
	/* NULL, or why this cell cannot be; may be NULL itself. */
	const char *(*lacks)(const struct bench_cell *cell);
	/* In the parent, before and after; 0 or bench_fail(). */
	int (*setup)(const struct bench_cell *cell);
	void (*teardown)(void);
	/* In each process. */
	int (*join)(struct bench_side *me);
	int (*run)(struct bench_side *me);
	void (*leave)(struct bench_side *me);
};

/* Keeps one sentence for who reports it; returns -1. */
int bench_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const char *bench_why(void);
/* -EAGAIN for what is tried again, else -errno after bench_fail(). */
int bench_errno(const char *what);
/* A fresh "/shunt-bench-PID-N"; @out has BENCH_NAME bytes. */
#define BENCH_NAME 64
void bench_name(char *out);
/* How many entries of a folder begin with @start. */
int bench_entries(const char *path, const char *start);
uint64_t bench_now(void);
double bench_ns_per_tick(void);
/* Has everything that was sent arrived? Called when there is nothing. */
int bench_all_here(struct bench_side *me, uint64_t n);
void bench_mark(struct bench_side *me, uint64_t n);
void bench_sleep(uint64_t ns);
/* A producer's join: waits until all consumers have joined. */
void bench_after_consumers(const struct bench_side *me);
/* Threads that a driver starts in between may run on every processor. */
void bench_unpin(struct bench_side *me);
void bench_pin(struct bench_side *me);

/* ---- one cell (bench_run.c) ---- */

struct bench_result {
	double p50, p99, p999, max; /* round trips, ns */
	double rate;                /* messages received a second, by all */
	double cpu_ns;              /* of all processes, for each message */
	uint64_t messages;          /* received, or round trips */
	int descriptors; /* of the side that has most, for what it joined */
	int files;       /* names in /dev/shm, while it ran */
};

/* 0; -1 and bench_why(). */
int bench_run(const struct bench_driver *d, const struct bench_cell *cell,
    double seconds, struct bench_result *out);
/* Ctrl-C and the like: everything ends soon, and is cleaned up. */
extern volatile sig_atomic_t bench_stopped;

/* ---- controls (bench_control.c, bench_futex.c) ---- */

extern const struct bench_driver bench_bare, bench_futex, bench_memcpy,
    bench_seqpacket;

/* ---- ours (bench_queue.c and its likes) ---- */

extern const struct bench_driver bench_queue, bench_queue_place,
    bench_queue_batch, bench_topic, bench_topic_place, bench_stream, bench_call;
#define BENCH_OURS_ALL                                                         \
	&bench_queue, &bench_queue_place, &bench_queue_batch, &bench_topic,    \
	    &bench_topic_place, &bench_stream, &bench_call

/* -EAGAIN, or -1 after telling what the library's code means. */
int bench_code(int r);
/* Bytes of a lane for messages of @size. */
uint64_t bench_lane(size_t size);
void bench_remove(const char *name);

/* ---- rows with their control (bench_row.c) ---- */

struct bench_row {
	const struct bench_driver *driver, *control;
	struct bench_cell cell;
	struct bench_result result;
	double before, after; /* the control: ns, messages or bytes a second */
	double ratio;         /* to the control; see bench_ratio_means() */
	int tries, steady;    /* not steady: they differ by over 30 % */
	int ok, skipped;
	char error[200]; /* why it failed or was skipped */
};

struct bench_plan {
	const struct bench_driver *const *drivers; /* closed by NULL */
	const size_t *sizes;                       /* closed by 0 */
	double seconds;                            /* of each flood */
	unsigned modes, kinds; /* BENCH_POLL | SLEEP, BENCH_TRIPS | FLOOD */
	const char *only;      /* part of "trips 1:1 64 polling NAME" */
	const char *patterns;  /* "1:1 4:1", or NULL for all */
	int tries;
	int progress; /* a line on standard error */
	/* Each row as it comes; non-zero ends the run. */
	int (*each)(const struct bench_row *row, void *arg);
	void *arg;
};

/* Runs all cells; the rows are malloced, closed by no driver.  NULL: none. */
struct bench_row *bench_all(const struct bench_plan *plan);
const char *bench_ratio_means(const struct bench_row *row);
/* "1:1", "4:1" and so on. */
const char *bench_pattern(const struct bench_cell *cell);

/* ---- what is printed (bench_out.c) ---- */

int bench_json_row(const struct bench_row *row);
int bench_json_machine(const char *command);
void bench_table(const struct bench_row *rows);
void bench_text_machine(FILE *to, const char *command);
void bench_size_text(char *out, size_t room, size_t size);

/* ---- what an object costs (bench_cost.c) ---- */

struct bench_cost {
	double first_us; /* create, attach, first message */
	double wakeups;  /* a second, of a receiver that waits */
};
int bench_cost(struct bench_cost *out, double idle_seconds);

#endif /* SHUNT_CLI_BENCH_H */
