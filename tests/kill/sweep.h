/* SPDX-License-Identifier: MIT */
#ifndef SWEEP_H
#define SWEEP_H

/*
 * The kill sweep: run one operation in a child process, kill -9 it at a
 * chosen machine instruction, let a survivor look at what is left; then do it
 * again at the next instruction, and the next.
 *
 * A *case* is five callbacks.  The engine traces the operation once, one
 * instruction at a time, and so learns every place where it can be killed;
 * then it goes through these places ("points") with a hardware breakpoint and
 * a hit count, at some thousands of real kills per second.
 *
 *	setup(arg)            harness   make a fresh world, return ctx
 *	victim(ctx)           child 1   open things; sweep_begin(); the
 *	                                operation; sweep_end()
 *	  ... SIGKILL, reaped ...
 *	check(ctx, point)     child 2   the survivor: 0, or print what broke
 *	teardown(ctx)         harness   take the world away again
 *
 * "harness" is the process that called sweep_main() or sweep_run(); the
 * children are forked from it and see everything that setup() left in memory.
 * What victim and check have to tell each other goes through a MAP_SHARED
 * mapping that setup() made: private memory of the victim dies with it.
 *
 * README.md in this folder has a worked example and the limits.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sweep_case {
	const char *name; /* one word, unique in its program; see --case */

	/*
	 * Make the world and return its ctx, NULL if that failed.  Must do
	 * the same thing every time: same sizes, same names (put the pid of
	 * the harness into them), same contents.  Must not leave a library
	 * handle open that victim or check would inherit by fork.
	 */
	void *(*setup)(void *arg);

	/*
	 * Runs in a forked child and is killed between its own calls of
	 * sweep_begin() and sweep_end().  What stands before sweep_begin() is
	 * preparation at full speed.  Wrap results in sweep_require(), or a
	 * broken operation is swept as if it were a good one.
	 */
	void (*victim)(void *ctx);

	/*
	 * The survivor, in a child of its own; 0 = everything holds.  May
	 * crash, hang (10 s) or exit: all of these are failures of the point.
	 */
	int (*check)(void *ctx, unsigned long point);

	void (*teardown)(void *ctx); /* may be NULL; also after a failure */
	void *arg;                   /* handed to setup() and skip() */

	/* What follows is optional: zero is the default. */

	/*
	 * A cheap hash of all that others can see (sweep_hash(), or
	 * sweep_hash_fd() for a file), called in the harness after every
	 * traced instruction.  Without it mode `changed` cannot know what
	 * changed and takes every instruction.
	 */
	uint64_t (*image)(void *ctx);

	/*
	 * Bring a used world back to what setup() makes, in place and much
	 * cheaper; called in the harness between two points.  Non-zero: could
	 * not; the engine then does teardown() and setup().
	 */
	int (*rearm)(void *ctx);

	/*
	 * Killing the one who repairs: after a kill, a second victim runs
	 * this (again with sweep_begin() and sweep_end() around the part to
	 * kill in) and is killed in its turn before check() looks.
	 */
	void (*recover)(void *ctx);
	unsigned recover_every;  /* at each k-th point; 0 means at each */
	unsigned recover_points; /* kills per such point; 0 means 8 */

	/*
	 * Set: this is a grid case.  A is this case's victim, B the peer's,
	 * both on the world of this case; A stands at its point i, B at its
	 * point j, A is killed, B must come to its end by itself.
	 */
	const struct sweep_case *peer;
	unsigned grid_points; /* pairs to take at most; 0 means 2,000 */

	/* Why this case cannot run here, NULL if it can. */
	const char *(*skip)(void *arg);

	unsigned flags; /* SWEEP_... below */

	unsigned victim_ms; /* to arrive or to end; 0 means 5,000 */
	unsigned check_ms;  /* limit of one check; 0 means 10,000 */
};

enum {
	/*
	 * After the kill image() must be what the trace saw at this point;
	 * for worlds without pids or clocks in them.  Proves that the engine
	 * killed where it says.
	 */
	SWEEP_EXACT = 1u << 0,
	/*
	 * Run check() in the harness, not in a child: nearly twice as fast,
	 * for checks that only read mapped memory.  A crash or a hang is still
	 * caught, but what it held is not given back.
	 */
	SWEEP_CHECK_INLINE = 1u << 1,
	/* Use recover(); without the flag it is ignored. */
	SWEEP_RECOVER = 1u << 2,
};

/* The two marks inside victim() and recover(); nothing outside a sweep. */
void sweep_begin(void);
void sweep_end(void);

/* In a victim: end with a message; the engine counts it as a failure. */
void sweep_fail(const char *file, int line, const char *what)
    __attribute__((noreturn));
#define sweep_require(x) ((x) ? (void)0 : sweep_fail(__FILE__, __LINE__, #x))

/*
 * Hashes for image(): chain them through `h`, start with 0.  sweep_hash_fd()
 * reads by pread, skips holes without filling them, and takes in size and
 * link count; a file that is not there is written as fd < 0.
 */
uint64_t sweep_hash(uint64_t h, const void *mem, size_t len);
uint64_t sweep_hash_fd(uint64_t h, int fd);
uint64_t sweep_hash_path(uint64_t h, const char *path);

enum sweep_mode {
	SWEEP_CHANGED, /* where the shared image changed, and system calls */
	SWEEP_ALL,     /* every instruction */
	SWEEP_SAMPLE,  /* every k-th, so that about `sample` points are taken */
};

/* How the victim is brought to its point. */
enum sweep_method {
	SWEEP_AUTO,  /* the first of these that works here */
	SWEEP_HW,    /* hardware breakpoint and hit count */
	SWEEP_INT3,  /* the same with a breakpoint instruction */
	SWEEP_STEPS, /* single steps all the way: slow */
};

#define SWEEP_NO_POINT (~0ul)

struct sweep_options {
	enum sweep_mode mode;
	enum sweep_method method;
	unsigned long sample;  /* for SWEEP_SAMPLE; 0 means 1,000 */
	unsigned long kills;   /* repeat with new samples up to this; 0: once */
	double seconds;        /* stop then; 0: no limit */
	uint64_t seed;         /* 0: taken from the clock, and printed */
	unsigned max_failures; /* give a case up after so many; 0 means 20 */
	bool one;              /* only the points below */
	unsigned long point;
	unsigned long second; /* of recover() or of B, or SWEEP_NO_POINT */
	bool quiet;           /* print no failures; the report has the first */
};

struct sweep_report {
	const char *name;
	unsigned long instructions; /* traced from begin to end (grid: of A) */
	unsigned long syscalls;
	unsigned long changes; /* instructions that changed the image */
	unsigned long points;  /* in the mode asked for */
	unsigned long taken;   /* points at which a kill was done */
	unsigned long kills;   /* SIGKILLs, those of recoverers too */
	unsigned long missed;  /* not reached: killed at the end instead */
	unsigned long blocked; /* grid: B waited for A, alive but stopped */
	unsigned long failures;
	unsigned long hung; /* of these, by a time limit */
	double seconds;
	bool cut; /* a limit ended it before all points */
	bool skipped;
	char why[256];       /* first failure, or why skipped */
	unsigned long point; /* of the first failure */
	unsigned long second;
	const char *method;
};

/*
 * Sweep one case (a grid if it has a peer).  Returns the number of failures,
 * -1 if interrupted.  The report is filled in any case.
 */
long sweep_run(const struct sweep_case *c, const struct sweep_options *o,
    struct sweep_report *r);

/* A killed at i and B at j, at most `max_points` pairs; else as sweep_run(). */
long sweep_grid(const struct sweep_case *a, const struct sweep_case *b,
    unsigned max_points, const struct sweep_options *o, struct sweep_report *r);

/* n kills at random points of the whole trace; cheap smoke for `make test`. */
long sweep_random(const struct sweep_case *c, unsigned long n, uint64_t seed,
    struct sweep_report *r);

/*
 * main() of a sweep program: --list --case --point --second --mode --kills
 * --seconds --seed --json and more (--help).  Returns the exit status: 0, 1 if
 * a case failed, 2 for bad options, 77 if all were skipped, 130 interrupted.
 */
int sweep_main(int argc, char **argv, const struct sweep_case *cases, size_t n);

#endif /* SWEEP_H */
