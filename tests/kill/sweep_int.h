/* SPDX-License-Identifier: MIT */
#ifndef SWEEP_INT_H
#define SWEEP_INT_H

/*
 * Inside the engine.  Floors, each using those before it in this list only:
 * sweep_arch.c (what the instruction set asks), sweep_child.c (children and
 * the deadline), sweep_tracee.c (one child under ptrace), sweep_trace.c (the
 * one slow pass and its list of points), sweep_way.c (how to get to a point),
 * sweep_check.c (survivors and callbacks under a time limit), sweep.c (points
 * and recoverers), sweep_grid.c (two victims), sweep_report.c (words),
 * sweep_hash.c (for image callbacks), sweep_jobs.c (several harnesses),
 * sweep_main.c (options and budgets).
 */

#include <sys/types.h>

#include "sweep.h"

/* ---- sweep_arch.c: x86-64; anything else says that it cannot. ---- */

enum { ARCH_SYSCALL = 1, ARCH_REP = 2 };

struct arch_marks {
	uint64_t begin;     /* pc when a victim has stopped in sweep_begin() */
	uint64_t end;       /* the stopping instruction of sweep_end() */
	uint64_t after_end; /* pc when it has stopped there */
};

bool arch_usable(void);
const struct arch_marks *arch_marks(void);
void arch_stop_begin(void);
void arch_stop_end(void);
uint64_t arch_pc(pid_t pid);
int arch_set_pc(pid_t pid, uint64_t pc);
int arch_hw_set(pid_t pid, uint64_t pc);
int arch_hw_clear(pid_t pid);
/* The first bytes of an instruction: ARCH_SYSCALL, ARCH_REP or 0. */
unsigned arch_kind(uint64_t code);
/* `code` with a breakpoint instruction at its start. */
uint64_t arch_int3(uint64_t code);
enum { ARCH_INT3_LEN = 1 };

/* ---- sweep_child.c ---- */

enum event {
	EV_TRAP,    /* a step, a breakpoint or a mark */
	EV_SYSCALL, /* entry or exit of a system call */
	EV_DEAD,    /* gone by itself; t->status says how */
	EV_HUNG,    /* the deadline passed */
	EV_STOP,    /* somebody wants the harness to end */
};

int child_init(void);
/* fork(), with all that a child of the harness needs. */
pid_t child_fork(void);
/* waitpid() under the deadline: EV_TRAP, EV_HUNG or EV_STOP. */
enum event child_reap(pid_t pid, int *status);
/* SIGKILL and the corpse. */
void child_kill(pid_t pid);
/* It is reaped. */
void child_forget(pid_t pid);
/* To its end; EV_HUNG and EV_STOP: killed. */
enum event child_wait(pid_t pid, int *status);

/* The one deadline; children do not inherit it. */
void deadline_arm(unsigned ms);
void deadline_off(void);
/* Every limit so many times as long: the machine has much else to do. */
void deadline_patience(unsigned times);
bool deadline_passed(void);
/* Called from the signal handler when the deadline passes; NULL: nobody. */
void deadline_calls(void (*fn)(void));
bool sweep_stopping(void);

double now_s(void);
uint64_t rnd_mix(uint64_t *state);

/* ---- sweep_tracee.c ---- */

struct tracee {
	pid_t pid; /* 0: none */
	int status;
	int request;   /* how it was let go the last time */
	uint64_t brk;  /* where the breakpoint stands, 0: none */
	uint64_t code; /* what SWEEP_INT3 overwrote */
	bool brk_rep;
	bool brk_hit; /* standing on it, SWEEP_INT3 */
	/* The last fault, or 0: which signal, why, at which address, where. */
	int sig, sig_code;
	uint64_t sig_addr, sig_pc;
};

/* Say so once before anything else; picks and tests the method. */
int tracee_init(enum sweep_method want);
enum sweep_method tracee_method(void);
const char *tracee_method_name(enum sweep_method m);
/* Fork fn(ctx) and bring it to sweep_begin(). */
enum event tracee_start(struct tracee *t, void (*fn)(void *), void *ctx);
enum event tracee_step(struct tracee *t);
enum event tracee_to_syscall(struct tracee *t);
/* Let it run; only for the time after its marks or with a breakpoint set. */
enum event tracee_cont(struct tracee *t);
enum event tracee_wait(struct tracee *t);
int tracee_resume_syscall(struct tracee *t);
int tracee_break(struct tracee *t, uint64_t pc, bool rep);
void tracee_unbreak(struct tracee *t);
/* On to the next hit of the breakpoint, or to the end mark. */
enum event tracee_next_hit(struct tracee *t);
bool tracee_at_end(struct tracee *t);
void tracee_kill(struct tracee *t);

/* ---- sweep_trace.c ---- */

/* Where in relation to the instruction `insn` a point stands. */
enum stage {
	ST_BEFORE, /* it is next to run */
	ST_ENTRY,  /* a system call: in the kernel, nothing done yet */
	ST_DURING, /* somewhere inside, by a random delay */
	ST_EXIT,   /* done, not back in user mode */
};

struct insn {
	uint64_t pc;
	uint64_t image; /* the shared image when this is next to run */
	uint32_t from;  /* the stop before it on the way there */
	uint32_t cost;  /* stops on that way */
	uint32_t us;    /* a system call: how long it took */
	uint8_t kind;
	bool vdso;
	bool step; /* `from` is next to it: a single step, no breakpoint */
};

struct point {
	uint32_t insn;
	uint8_t stage;
	bool key; /* belongs to mode `changed` */
};

struct trace {
	struct insn *insn; /* n + 1: the last is the end mark */
	size_t n, room;
	struct point *point;
	size_t points, keys;
	size_t syscalls, changes;
	bool has_image;
};

/*
 * Run fn to its end, a step at a time, on a fresh world; leaves the victim
 * killed at the end mark.  NULL or why not.
 */
const char *trace_take(struct trace *tr, const struct sweep_case *c,
    void (*fn)(void *), void *ctx);
void trace_free(struct trace *tr);

/* ---- sweep.c ---- */

enum arrival { ARRIVED, MISSED, FAILED, INTERRUPTED };

struct run {
	const struct sweep_case *c;
	const struct sweep_options *o;
	struct sweep_report *r;
	void *ctx; /* the world, NULL if there is none */
	struct trace tr;
	struct trace peer; /* grid only */
	size_t first;      /* the order of points: this, and each further */
	size_t stride;     /* one so far behind the last */
	size_t step[3];    /* how far each kind of pass has come */
	uint32_t *way;     /* room for the stops on the way to a point */
	size_t way_room;
	double until;
	uint64_t rnd;
	bool isolate; /* an inline check crashed: no more of them */
	bool hung;    /* u->why is about a time limit */
	char why[256];
};

/* The trace and all numbers that do not need a kill; non-zero: reported. */
int run_open(struct run *u, const struct sweep_case *c,
    const struct sweep_options *o, struct sweep_report *r);
void run_sweep(struct run *u, unsigned long kills, double seconds);
void run_close(struct run *u);

int run_world(struct run *u);
void run_world_used(struct run *u, bool broken);
bool run_over(struct run *u);
/* Start fn on the world and bring it to a point. */
enum arrival run_send(struct run *u, struct tracee *t, void (*fn)(void *),
    const struct trace *tr, const struct point *p);
unsigned run_victim_ms(const struct run *u);
/* Bring t to a point, not killing it; FAILED leaves the reason in u->why. */
enum arrival run_goto(struct run *u, struct tracee *t, const struct trace *tr,
    const struct point *p);
/* What ev means for a victim that should have come somewhere: u->why. */
enum arrival run_lost(struct run *u, struct tracee *t, enum event ev);
/* Count and print what u->why says; `second` is a point of tr2. */
void run_failed(struct run *u, unsigned long point, unsigned long second,
    const struct trace *tr2);
/* check() at a point and, if it fails, run_failed(); 0 if it holds. */
int run_judge(struct run *u, unsigned long point, unsigned long second,
    const struct trace *tr2);

/* ---- sweep_check.c ---- */

/* One check() under its time limit; non-zero: u->why says what was wrong. */
int run_check(struct run *u, unsigned long point);
/* setup(), rearm() and teardown() run between these; hung: the end of all. */
void guard_on(const char *name, const char *what);
void guard_off(void);

/* ---- sweep_grid.c ---- */

int grid_open(struct run *u);
void grid_sweep(struct run *u, unsigned long pairs);
unsigned long grid_size(const struct run *u);

/* ---- sweep_jobs.c ---- */

unsigned jobs_default(void);
unsigned jobs_run(unsigned n, void (*fn)(unsigned, void *), void *arg);
bool jobs_told_to_end(void);

/* ---- sweep_report.c ---- */

/* The function and line of a pc, as far as they are known. */
void report_pc(char *buf, size_t len, uint64_t pc);
void report_place(
    char *buf, size_t len, const struct trace *tr, unsigned long point);
void report_table(const struct sweep_report *r, size_t n);
void report_json(const struct sweep_report *r, uint64_t seed);
/* What to print as the way to run this program again. */
void report_program(const char *argv0);
const char *report_argv0(void);

#endif /* SWEEP_INT_H */
