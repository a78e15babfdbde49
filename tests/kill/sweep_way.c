/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

/* The way of a victim to its point, and what it means if it does not come. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "sweep_int.h"

static void
tell_death(struct run *u, const struct tracee *t)
{
	char where[96];
	int sig = WTERMSIG(t->status);

	if (t->sig != sig) {
		snprintf(u->why, sizeof(u->why), "the victim died of %s",
		    strsignal(sig));
		return;
	}
	report_pc(where, sizeof(where), t->sig_pc);
	snprintf(u->why, sizeof(u->why),
	    "the victim died of %s: code %d, address %#lx, pc %#lx, %s",
	    strsignal(sig), t->sig_code, (unsigned long)t->sig_addr,
	    (unsigned long)t->sig_pc, where);
}

enum arrival
run_lost(struct run *u, struct tracee *t, enum event ev)
{
	u->hung = ev == EV_HUNG;
	if (ev == EV_STOP)
		return INTERRUPTED;
	if (ev == EV_HUNG)
		snprintf(u->why, sizeof(u->why), "the victim hung");
	else if (ev != EV_DEAD)
		snprintf(u->why, sizeof(u->why), "a stop nobody asked for");
	else if (WIFSIGNALED(t->status))
		tell_death(u, t);
	else
		snprintf(u->why, sizeof(u->why),
		    "the victim ended by itself with status %d",
		    WEXITSTATUS(t->status));
	return FAILED;
}

/* The stops before `insn`, last first; their number. */
static size_t
list_way(struct run *u, const struct trace *tr, uint32_t insn)
{
	size_t n = tr->insn[insn].cost, i;

	if (n > u->way_room) {
		free(u->way);
		u->way_room = n * 2;
		u->way = malloc(u->way_room * sizeof(*u->way));
		if (u->way == NULL) {
			perror("sweep: memory for the way");
			exit(2);
		}
	}
	for (i = 0; i < n; i++) {
		u->way[i] = insn;
		insn = tr->insn[insn].from;
	}
	return n;
}

static enum event
hop(struct tracee *t, const struct insn *in)
{
	if (in->step) {
		tracee_unbreak(t);
		return tracee_step(t);
	}
	if (t->brk != in->pc) {
		tracee_unbreak(t);
		tracee_break(t, in->pc, in->kind == ARCH_REP);
	}
	return tracee_next_hit(t);
}

static enum arrival
goto_insn(
    struct run *u, struct tracee *t, const struct trace *tr, uint32_t insn)
{
	size_t n = list_way(u, tr, insn);
	const struct insn *in;
	enum event ev;
	uint64_t pc;

	while (n-- > 0) {
		in = &tr->insn[u->way[n]];
		ev = hop(t, in);
		if (ev != EV_TRAP)
			return run_lost(u, t, ev);
		pc = arch_pc(t->pid);
		if (pc == in->pc)
			continue;
		/* Elsewhere: a step after a divergence, or the end. */
		return in->step || pc == arch_marks()->after_end
			   ? MISSED
			   : run_lost(u, t, EV_SYSCALL);
	}
	tracee_unbreak(t);
	return ARRIVED;
}

/*
 * Inside a system call there is no instruction to stop at.  Let it go for a
 * random part of the time that it took when traced; it stops by itself at its
 * exit if that was too long.
 */
static void
wait_inside(struct run *u, uint32_t us)
{
	uint64_t ns = rnd_mix(&u->rnd) % ((uint64_t)us * 1000 + 1);
	struct timespec ts = {0, 0};

	ts.tv_sec = (time_t)(ns / 1000000000);
	ts.tv_nsec = (long)(ns % 1000000000);
	nanosleep(&ts, NULL);
}

static enum arrival
goto_stage(struct run *u, struct tracee *t, const struct point *p, uint32_t us)
{
	enum event ev;

	if (p->stage == ST_BEFORE)
		return ARRIVED;
	ev = tracee_to_syscall(t);
	if (ev != EV_SYSCALL)
		return run_lost(u, t, ev);
	if (p->stage == ST_DURING) {
		tracee_resume_syscall(t);
		wait_inside(u, us);
	} else if (p->stage == ST_EXIT) {
		ev = tracee_to_syscall(t);
		if (ev != EV_SYSCALL)
			return run_lost(u, t, ev);
	}
	return ARRIVED;
}

enum arrival
run_goto(struct run *u, struct tracee *t, const struct trace *tr,
    const struct point *p)
{
	const struct insn *in = &tr->insn[p->insn];
	enum arrival got;
	enum event ev;

	if (p->insn == tr->n) {
		ev = tracee_cont(t);
		return ev == EV_TRAP && tracee_at_end(t) ? ARRIVED
							 : run_lost(u, t, ev);
	}
	got = goto_insn(u, t, tr, p->insn);
	if (got == ARRIVED)
		got = goto_stage(u, t, p, in->us);
	return got;
}

enum arrival
run_send(struct run *u, struct tracee *t, void (*fn)(void *),
    const struct trace *tr, const struct point *p)
{
	enum event ev = tracee_start(t, fn, u->ctx);

	if (ev != EV_TRAP)
		return run_lost(u, t, ev);
	return run_goto(u, t, tr, p);
}
