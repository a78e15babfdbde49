/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

/*
 * One child under ptrace: start it, step it, run it to a breakpoint, kill it.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sweep_int.h"

static volatile bool traced;             /* true in a victim */
static enum sweep_method method, chosen; /* in use; asked for */

/* ---- one tracee ---- */

/* For the report: who dies of it cannot be asked any more. */
static void
note_fault(struct tracee *t, int sig)
{
	siginfo_t info;

	if (sig != SIGSEGV && sig != SIGBUS && sig != SIGILL && sig != SIGFPE)
		return;
	if (ptrace(PTRACE_GETSIGINFO, t->pid, NULL, &info) < 0)
		return;
	t->sig = sig;
	t->sig_code = info.si_code;
	t->sig_addr = (uint64_t)(uintptr_t)info.si_addr;
	t->sig_pc = arch_pc(t->pid);
}

/*
 * A stop that is not ours is a signal: the victim gets what it would have got
 * without us.  Fatal ones come back as EV_DEAD.
 */
enum event
tracee_wait(struct tracee *t)
{
	enum event ev;
	int sig;

	for (;;) {
		ev = child_reap(t->pid, &t->status);
		if (ev != EV_TRAP)
			return ev;
		if (!WIFSTOPPED(t->status)) {
			child_forget(t->pid);
			t->pid = 0;
			return EV_DEAD;
		}
		sig = WSTOPSIG(t->status);
		if (sig == SIGTRAP)
			return EV_TRAP;
		if (sig == (SIGTRAP | 0x80))
			return EV_SYSCALL;
		note_fault(t, sig);
		ptrace(t->request, t->pid, NULL, (void *)(long)sig);
	}
}

static enum event
go(struct tracee *t, int request)
{
	t->request = request;
	if (ptrace(request, t->pid, NULL, NULL) < 0 && errno != ESRCH) {
		perror("ptrace");
		exit(2);
	}
	return tracee_wait(t);
}

enum event
tracee_step(struct tracee *t)
{
	return go(t, PTRACE_SINGLESTEP);
}

enum event
tracee_to_syscall(struct tracee *t)
{
	return go(t, PTRACE_SYSCALL);
}

enum event
tracee_cont(struct tracee *t)
{
	return go(t, PTRACE_CONT);
}

int
tracee_resume_syscall(struct tracee *t)
{
	t->request = PTRACE_SYSCALL;
	return ptrace(PTRACE_SYSCALL, t->pid, NULL, NULL) < 0 ? -errno : 0;
}

enum event
tracee_start(struct tracee *t, void (*fn)(void *), void *ctx)
{
	enum event ev;

	memset(t, 0, sizeof(*t));
	t->request = PTRACE_CONT;
	t->pid = child_fork();
	if (t->pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(126);
		traced = true;
		fn(ctx);
		fflush(NULL);
		_exit(0);
	}
	ev = tracee_wait(t);
	if (ev != EV_TRAP)
		return ev;
	ptrace(PTRACE_SETOPTIONS, t->pid, NULL,
	    (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	return EV_TRAP;
}

bool
tracee_at_end(struct tracee *t)
{
	return arch_pc(t->pid) == arch_marks()->after_end;
}

void
tracee_kill(struct tracee *t)
{
	if (t->pid > 0)
		child_kill(t->pid);
	t->pid = 0;
}

/* ---- breakpoints ---- */

static uint64_t
peek(struct tracee *t, uint64_t pc)
{
	return (uint64_t)ptrace(PTRACE_PEEKTEXT, t->pid, (void *)pc, NULL);
}

static int
poke(struct tracee *t, uint64_t pc, uint64_t code)
{
	if (ptrace(PTRACE_POKETEXT, t->pid, (void *)pc, (void *)code) < 0)
		return -errno;
	return 0;
}

int
tracee_break(struct tracee *t, uint64_t pc, bool rep)
{
	t->brk = pc;
	t->brk_rep = rep;
	t->brk_hit = arch_pc(t->pid) == pc;
	if (method == SWEEP_HW)
		return arch_hw_set(t->pid, pc);
	if (method == SWEEP_STEPS)
		return 0;
	t->code = peek(t, pc);
	return poke(t, pc, arch_int3(t->code));
}

void
tracee_unbreak(struct tracee *t)
{
	if (t->pid == 0 || t->brk == 0)
		return;
	if (method == SWEEP_HW)
		arch_hw_clear(t->pid);
	else if (method == SWEEP_INT3) {
		poke(t, t->brk, t->code);
		if (arch_pc(t->pid) == t->brk + ARCH_INT3_LEN)
			arch_set_pc(t->pid, t->brk); /* Hit unawaited. */
	}
	t->brk = 0;
	t->brk_hit = false;
}

/* Away from the breakpoint's place, all rounds of it if it repeats. */
static enum event
step_off(struct tracee *t)
{
	enum event ev;

	t->brk_hit = false;
	do
		ev = tracee_step(t);
	while (ev == EV_TRAP && t->brk_rep && arch_pc(t->pid) == t->brk);
	return ev;
}

/*
 * After a hit the kernel lets the instruction pass by itself; but a breakpoint
 * set where the victim already stands fires there at once, so it must first
 * step off without one.
 */
static enum event
next_hw(struct tracee *t)
{
	enum event ev;

	if (!t->brk_hit)
		return tracee_cont(t);
	arch_hw_clear(t->pid);
	ev = step_off(t);
	if (ev != EV_TRAP)
		return ev;
	if (arch_pc(t->pid) == t->brk || tracee_at_end(t))
		return ev;
	arch_hw_set(t->pid, t->brk);
	return tracee_cont(t);
}

static enum event
step_over(struct tracee *t)
{
	enum event ev;

	poke(t, t->brk, t->code);
	ev = step_off(t);
	if (ev == EV_TRAP)
		poke(t, t->brk, arch_int3(t->code));
	return ev;
}

static enum event
next_int3(struct tracee *t)
{
	enum event ev;

	if (t->brk_hit) {
		ev = step_over(t);
		if (ev != EV_TRAP || tracee_at_end(t))
			return ev;
		/* A jump to itself: the int3 is in place and is next. */
	}
	ev = tracee_cont(t);
	if (ev == EV_TRAP && arch_pc(t->pid) == t->brk + ARCH_INT3_LEN) {
		arch_set_pc(t->pid, t->brk);
		t->brk_hit = true;
	}
	return ev;
}

static enum event
next_steps(struct tracee *t)
{
	uint64_t pc = arch_pc(t->pid), was;
	enum event ev;

	do {
		was = pc;
		ev = tracee_step(t);
		if (ev != EV_TRAP)
			return ev;
		pc = arch_pc(t->pid);
		if (pc == t->brk && !(t->brk_rep && was == pc))
			return ev;
	} while (pc != arch_marks()->after_end);
	return ev;
}

enum event
tracee_next_hit(struct tracee *t)
{
	if (method == SWEEP_HW)
		return next_hw(t);
	return method == SWEEP_INT3 ? next_int3(t) : next_steps(t);
}

/* ---- which method works here ---- */

static __attribute__((noinline)) void
probe_target(void)
{
	__asm__ volatile("" ::: "memory");
}

static void
probe_victim(void *ctx)
{
	(void)ctx;
	sweep_begin();
	probe_target();
	sweep_end();
}

static bool
probe(enum sweep_method m)
{
	uint64_t pc = (uint64_t)(uintptr_t)probe_target;
	struct tracee t;
	bool ok;

	method = m;
	deadline_arm(2000);
	ok = tracee_start(&t, probe_victim, NULL) == EV_TRAP &&
	     tracee_break(&t, pc, false) == 0 &&
	     tracee_next_hit(&t) == EV_TRAP && arch_pc(t.pid) == pc;
	tracee_kill(&t);
	deadline_off();
	return ok;
}

int
tracee_init(enum sweep_method want)
{
	enum sweep_method m;
	int rc;

	if (!arch_usable())
		return -ENOTSUP;
	rc = child_init();
	if (rc < 0)
		return rc;
	if (method != SWEEP_AUTO && (want == method || want == chosen))
		return 0;
	chosen = want;
	for (m = SWEEP_HW; m <= SWEEP_STEPS; m++)
		if ((want == SWEEP_AUTO || want == m) && probe(m))
			return 0;
	return sweep_stopping() ? -EINTR : -ENODEV;
}

enum sweep_method
tracee_method(void)
{
	return method;
}

const char *
tracee_method_name(enum sweep_method m)
{
	static const char *const names[] = {"auto", "hw", "int3", "steps"};

	return names[m];
}

/* ---- the marks ---- */

void
sweep_begin(void)
{
	if (traced)
		arch_stop_begin();
}

void
sweep_end(void)
{
	if (traced)
		arch_stop_end();
}

void
sweep_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s does not hold\n", file, line, what);
	fflush(NULL);
	_exit(99);
}
