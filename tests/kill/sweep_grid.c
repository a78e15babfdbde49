/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

/*
 * Two victims on one world: A stands at its point i and B at its point j, A is
 * killed, B must come to its end by itself.  This is the real code in one
 * sequentially consistent interleaving; what weak memory adds is for the
 * models.
 */

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "sweep_int.h"

enum {
	PAIRS = 2000,
	BLOCKED_MS = 30, /* B does not come: it waits for A, who is alive */
};

/* A in the middle of a system call would not stand still; skip that stage. */
static bool
fits(const struct run *u, const struct trace *tr, size_t i)
{
	if (tr->point[i].stage == ST_DURING)
		return false;
	if (tr == &u->peer && tr->point[i].stage != ST_BEFORE)
		return false;
	return u->o->mode != SWEEP_CHANGED || tr->point[i].key;
}

static unsigned long
fitting(const struct run *u, const struct trace *tr)
{
	unsigned long n = 0;
	size_t i;

	for (i = 0; i < tr->points; i++)
		n += fits(u, tr, i);
	return n;
}

/* The n-th fitting point. */
static unsigned long
nth_point(const struct run *u, const struct trace *tr, unsigned long n)
{
	size_t i;

	for (i = 0; i < tr->points; i++)
		if (fits(u, tr, i) && n-- == 0)
			break;
	return i;
}

unsigned long
grid_size(const struct run *u)
{
	unsigned long max = u->c->grid_points, n;

	n = fitting(u, &u->tr) * fitting(u, &u->peer);
	if (max == 0)
		max = PAIRS;
	if (u->o->mode == SWEEP_SAMPLE && u->o->sample != 0)
		max = u->o->sample;
	return n < max ? n : max;
}

/* B alone, on a fresh world. */
int
grid_open(struct run *u)
{
	const char *why = NULL;

	if (run_world(u) == 0) {
		why = trace_take(&u->peer, u->c, u->c->peer->victim, u->ctx);
		if (why != NULL)
			snprintf(u->why, sizeof(u->why), "peer: %s", why);
	} else {
		why = u->why;
	}
	run_world_used(u, why != NULL);
	if (why == NULL)
		return 0;
	run_failed(u, SWEEP_NO_POINT, SWEEP_NO_POINT, NULL);
	return -1;
}

/*
 * B to its point while A stands.  Not coming is no failure yet: it may wait,
 * as it should, for one who is alive; it then goes on running.
 */
static enum arrival
send_peer(struct run *u, struct tracee *b, const struct point *p, bool *running)
{
	enum arrival got;

	deadline_arm(BLOCKED_MS);
	got = run_goto(u, b, &u->peer, p);
	deadline_off();
	*running = got == FAILED && u->hung;
	if (*running) {
		u->r->blocked++;
		return ARRIVED;
	}
	u->r->missed += got == MISSED;
	return got;
}

/*
 * After the death of A: to the end, whatever stands in the way.  The end mark
 * and a breakpoint that a blocked B had not reached stop it on the way.
 */
static enum arrival
finish_peer(struct run *u, struct tracee *b, bool running)
{
	enum event ev = EV_TRAP;

	deadline_arm(run_victim_ms(u));
	if (running)
		ev = tracee_wait(b);
	while (ev == EV_TRAP || ev == EV_SYSCALL) {
		tracee_unbreak(b);
		ev = tracee_cont(b);
	}
	deadline_off();
	if (ev == EV_DEAD && WIFEXITED(b->status) &&
	    WEXITSTATUS(b->status) == 0)
		return ARRIVED;
	return run_lost(u, b, ev);
}

static enum arrival
start_both(struct run *u, struct tracee *a, struct tracee *b)
{
	enum event ev;

	ev = tracee_start(a, u->c->victim, u->ctx);
	if (ev != EV_TRAP)
		return run_lost(u, a, ev);
	ev = tracee_start(b, u->c->peer->victim, u->ctx);
	if (ev != EV_TRAP)
		return run_lost(u, b, ev);
	return ARRIVED;
}

static enum arrival
drive_pair(struct run *u, struct tracee *a, struct tracee *b,
    const struct point *pa, const struct point *pb)
{
	bool running = false;
	enum arrival got;

	deadline_arm(run_victim_ms(u));
	got = start_both(u, a, b);
	if (got == ARRIVED)
		got = run_goto(u, a, &u->tr, pa);
	deadline_off();
	if (got == MISSED)
		u->r->missed++;
	else if (got != ARRIVED)
		return got;
	got = send_peer(u, b, pb, &running);
	if (got != ARRIVED && got != MISSED)
		return got;
	u->r->kills++;
	tracee_kill(a);
	return finish_peer(u, b, running);
}

static void
sweep_pair(struct run *u, unsigned long i, unsigned long j)
{
	struct tracee a = {0}, b = {0};
	enum arrival got = FAILED;
	int rc = -1;

	u->r->taken++;
	u->hung = false;
	if (run_world(u) == 0)
		got = drive_pair(u, &a, &b, &u->tr.point[i], &u->peer.point[j]);
	tracee_kill(&a);
	tracee_kill(&b);
	deadline_off();
	if (got == FAILED)
		run_failed(u, i, j, &u->peer);
	else if (got == ARRIVED)
		rc = run_judge(u, i, j, &u->peer);
	run_world_used(u, rc != 0);
}

/*
 * All pairs if they are few enough, else random ones; more passes until there
 * were `kills` of them.
 */
void
grid_sweep(struct run *u, unsigned long kills)
{
	unsigned long na = fitting(u, &u->tr), nb = fitting(u, &u->peer);
	unsigned long want = grid_size(u), k, pair;

	if (u->o->one) {
		if (u->o->point < u->tr.points && u->o->second < u->peer.points)
			sweep_pair(u, u->o->point, u->o->second);
		return;
	}
	u->r->points = want;
	if (kills != 0)
		want = kills;
	for (k = 0; k < want && !run_over(u); k++) {
		pair = k;
		if (u->r->points < na * nb || k >= na * nb)
			pair = rnd_mix(&u->rnd) % (na * nb);
		sweep_pair(u, nth_point(u, &u->tr, pair / nb),
		    nth_point(u, &u->peer, pair % nb));
	}
}

long
sweep_grid(const struct sweep_case *a, const struct sweep_case *b,
    unsigned max_points, const struct sweep_options *o, struct sweep_report *r)
{
	struct sweep_case c = *a;

	c.peer = b;
	c.grid_points = max_points;
	return sweep_run(&c, o, r);
}
