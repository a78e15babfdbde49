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
fits(const struct run *u, const struct trace *tr, size_t i, bool every)
{
	if (tr->point[i].stage == ST_DURING)
		return false;
	if (tr == &u->peer && tr->point[i].stage != ST_BEFORE)
		return false;
	return every || tr->point[i].key;
}

static unsigned long
fitting(const struct run *u, const struct trace *tr, bool every)
{
	unsigned long n = 0;
	size_t i;

	for (i = 0; i < tr->points; i++)
		n += fits(u, tr, i, every);
	return n;
}

/* The n-th fitting point. */
static unsigned long
nth_point(
    const struct run *u, const struct trace *tr, unsigned long n, bool every)
{
	size_t i;

	for (i = 0; i < tr->points; i++)
		if (fits(u, tr, i, every) && n-- == 0)
			break;
	return i;
}

/* How many pairs of points of mode `changed`, or of all. */
static unsigned long
pairs(const struct run *u, bool every)
{
	return fitting(u, &u->tr, every) * fitting(u, &u->peer, every);
}

static unsigned long
at_most(unsigned long n, unsigned long max)
{
	return n < max ? n : max;
}

/* Mode `all`: first where memory changed, then as many again of any. */
unsigned long
grid_size(const struct run *u)
{
	unsigned long max = u->c->grid_points;

	if (max == 0)
		max = PAIRS;
	if (u->o->mode == SWEEP_CHANGED)
		return at_most(pairs(u, false), max);
	if (u->o->mode == SWEEP_ALL)
		return at_most(pairs(u, false), PAIRS) +
		       at_most(pairs(u, true), PAIRS);
	if (u->o->sample != 0)
		max = u->o->sample;
	return at_most(pairs(u, true), max);
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

/* The k-th pair of `of`, if they are few enough to take each, else any. */
static void
take_pair(struct run *u, unsigned long k, unsigned long of, bool every)
{
	unsigned long nb = fitting(u, &u->peer, every), n = pairs(u, every);

	if (n == 0)
		return;
	if (of < n || k >= n)
		k = rnd_mix(&u->rnd) % n;
	sweep_pair(u, nth_point(u, &u->tr, k / nb, every),
	    nth_point(u, &u->peer, k % nb, every));
}

/* More of them until there were `kills`; goes on where it was cut. */
void
grid_sweep(struct run *u, unsigned long kills)
{
	unsigned long keys = 0, want = grid_size(u), k;

	if (u->o->one) {
		if (u->o->point < u->tr.points && u->o->second < u->peer.points)
			sweep_pair(u, u->o->point, u->o->second);
		return;
	}
	u->r->points = want;
	if (u->o->mode == SWEEP_CHANGED)
		keys = ~0ul;
	else if (u->o->mode == SWEEP_ALL)
		keys = at_most(pairs(u, false), PAIRS);
	if (kills != 0)
		want = kills;
	while ((k = u->r->taken) < want && !run_over(u)) {
		if (k < keys)
			take_pair(u, k, at_most(u->r->points, keys), false);
		else
			take_pair(u, k - keys, u->r->points - keys, true);
		if (u->r->taken == k)
			return; /* there is nothing to pair */
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
