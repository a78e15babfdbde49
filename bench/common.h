/* SPDX-License-Identifier: MIT */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

/*
 * What the benchmarks and the demo share: clocks and figures, a crew of
 * children that start together, a log server to measure, and a guardian that
 * leaves nothing behind however a run ends.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* ---- figures (common_figures.c) ---- */

uint64_t clock_ns(void);
uint64_t cpu_ns(void);
void sleep_ns(uint64_t ns);
void sort_figures(double *v, size_t n);
/* @v sorted; @p from 0 to 1. */
double percentile(const double *v, size_t n, double p);
double median_of(const double *v, size_t n);

/* A short interval timer: ticks of the cycle counter, or nanoseconds. */
uint64_t ticks(void);
/* Calibrates on first use, 50 ms; then a constant. */
double ns_per_tick(void);

/* ---- why a run failed: one sentence, kept for the one who reports it ---- */

/* Returns -1, so that `return fail("...")` reads well. */
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const char *why(void);

/* ---- the guardian (common_guard.c) ---- */

/*
 * Runs @work in a child and, however that ends, removes the scratch folder
 * and every shared-memory name of this run.  Returns the exit status.
 */
int guarded(
    const char *prefix, int (*work)(int, char **), int argc, char **argv);
const char *scratch_dir(void);
/* A path in the scratch folder; @out has PATH_ROOM bytes. */
#define PATH_ROOM 512
void scratch_path(char *out, const char *file);
/* A name for a queue, a log or semaphores that nobody else uses. */
#define NAME_ROOM 64
void fresh_name(char *out, const char *what);
/* How many names of this run stand in /dev/shm now. */
int names_left(void);
/* The folder of the running program, and a file near it. */
void beside(char *out, const char *relative);
/* Die with the parent; every child calls it first. */
void die_with_parent(void);

/* ---- a crew of children (common_crew.c) ---- */

#define CREW_MAX     8
#define CREW_FIGURES 8
#define ANY_CPU      (-1)

struct seat {
	uint64_t begin_ns, end_ns; /* set by the child */
	double figure[CREW_FIGURES];
	char error[200];
	char pad[128];
};

struct mail {
	int n;
	_Alignas(128) _Atomic int ready;
	_Alignas(128) _Atomic int go;
	_Alignas(128) struct seat seat[CREW_MAX];
};

struct crew {
	struct mail *mail;
	int n;
	pid_t pid[CREW_MAX];
};

/* What a child does; 0, or -1 after fail(). */
typedef int crew_work(struct mail *mail, int seat, void *arg);

int pin(int cpu);
/* The @i-th processor that this process may run on, going round. */
int nth_cpu(int i);
int cpus(void);
/* Forks @n children, each pinned to cpu[i]; cpu may be NULL. */
int crew_start(
    struct crew *crew, int n, const int *cpu, crew_work *work, void *arg);
/* In the child: announce, then wait for crew_go(). */
void crew_ready(struct mail *mail);
/* Waits until all are ready and lets them run; returns the time or 0. */
uint64_t crew_go(struct crew *crew);
/* Waits for all, kills them after @seconds.  0 or -1 after fail(). */
int crew_finish(struct crew *crew, int seconds);
uint64_t crew_end(const struct crew *crew);
uint64_t crew_begin(const struct crew *crew);
void crew_free(struct crew *crew);

/* ---- other programs (common_server.c) ---- */

struct server {
	pid_t pid;
};

/* `shunt logd` on @log, writing @file; returns when it says it is ready. */
int server_start(struct server *server, const char *log, const char *file,
    const char *sync, int cpu);
/* SIGTERM, which drains; -1 if it does not end well within 20 s. */
int server_stop(struct server *server);
void server_kill(struct server *server);
/* Runs @argv, gives its standard output; -1 if it fails or hangs. */
int run_program(char *const argv[], char *out, size_t room, int seconds);
/* The textbook logger under load: lines a second over @seconds. */
int textbook_rate(int clients, double seconds, int osync, const char *input,
    double *rate, double *cpu_ns_each);

/* ---- a file as a log (common_file.c) ---- */

/* "PID: " and ctime's 24 characters, made anew only when the second changes. */
struct stamp {
	char text[64];
	size_t len;
	int64_t second;
};
void stamp_now(struct stamp *stamp, pid_t pid);
/* Bytes of the classic line for a message of @len bytes from @pid. */
size_t classic_line(pid_t pid, size_t len);
/* The control: one write(2) of the whole line to an O_APPEND descriptor. */
int append_line(
    int fd, struct stamp *stamp, pid_t pid, const char *msg, size_t len);
int64_t file_size(const char *path);
/* Waits until @path has @size bytes; the time it was seen, or 0. */
uint64_t await_size(const char *path, int64_t size, int seconds);
int64_t count_lines(const char *path);
/*
 * On a virtual machine the host takes free pages back within seconds, and the
 * first touch of one then costs microseconds: a run that writes to fresh
 * pages measures the host.  So a run keeps its file, which holds as many
 * pages, until the next run of its kind is about to start.
 */
void memory_hold(const char *path, const char *kind);
void memory_free(const char *kind);

/* ---- real text for the demo (common_text.c) ---- */

#define LINE_MOST 160 /* longer lines of the text are folded */
#define MESSAGE_ROOM                                                           \
	200 /* a message, also in a slot of the textbook logger                \
	     */

struct text {
	char *bytes;
	size_t have;
	const char **line; /* line[i] to line[i + 1], less a closing NUL */
	int lines, files;
};
/* The machine's own: package status, licences, logs as far as readable. */
int text_gather(struct text *text);
/* "c2 0012345 000123456789 TEXT": client, sequence, monotonic time; length. */
size_t message_make(
    char *out, const struct text *text, int client, int64_t seq, uint64_t ns);

/* ---- the demo's check of a log file (common_check.c) ---- */

struct check {
	int clients;
	int64_t lines_each;         /* sequence numbers from 1 to this */
	int64_t last[CREW_MAX];     /* by client: the last call that returned */
	int64_t doubtful[CREW_MAX]; /* by client: a killed call, or 0 */
	int64_t expected;           /* out: lines that must be in the file */
	int64_t in_file;            /* out: lines that are */
	int64_t lost, duplicated;   /* out */
	int64_t out_of_order; /* out: against the client's or the clock's */
	int64_t damaged;      /* out: no line of ours, or not its text */
	int64_t in_flight;    /* out: killed calls that had committed */
};
int check_file(const char *path, const struct text *text, struct check *c);

#endif /* BENCH_COMMON_H */
