/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

/*
 * The sweep of one case: which points, what is judged after the kill, and the
 * second kill of the one who repairs.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep_int.h"

enum {
	VICTIM_MS = 5000,
	MAX_FAILURES = 20,
	MAX_HUNG = 5, /* each costs seconds, and they come in flocks */
	RECOVER_POINTS = 8,
};

/* ---- the world ---- */

int
run_world(struct run *u)
{
	if (u->ctx != NULL)
		return 0;
	guard_on(u->c->name, "setup");
	u->ctx = u->c->setup(u->c->arg);
	guard_off();
	if (u->ctx != NULL)
		return 0;
	snprintf(u->why, sizeof(u->why), "setup made no world");
	return -1;
}

void
run_world_used(struct run *u, bool broken)
{
	bool kept = false;

	if (u->ctx == NULL)
		return;
	guard_on(u->c->name, "rearm or teardown");
	if (!broken && u->c->rearm != NULL)
		kept = u->c->rearm(u->ctx) == 0;
	if (!kept && u->c->teardown != NULL)
		u->c->teardown(u->ctx);
	guard_off();
	if (!kept)
		u->ctx = NULL;
}

bool
run_over(struct run *u)
{
	unsigned max = u->o->max_failures;
	const struct sweep_report *r = u->r;

	if (sweep_stopping() || r->hung >= MAX_HUNG ||
	    r->failures >= (max != 0 ? max : MAX_FAILURES) ||
	    (u->until > 0 && now_s() >= u->until))
		u->r->cut = true;
	return u->r->cut;
}

unsigned
run_victim_ms(const struct run *u)
{
	return u->c->victim_ms != 0 ? u->c->victim_ms : VICTIM_MS;
}

/* ---- failures ---- */

void
run_failed(struct run *u, unsigned long point, unsigned long second,
    const struct trace *tr2)
{
	struct sweep_report *r = u->r;
	char place[256];

	if (sweep_stopping())
		return;
	r->failures++;
	r->hung += u->hung;
	if (r->failures == 1) {
		snprintf(r->why, sizeof(r->why), "%s", u->why);
		r->point = point;
		r->second = second;
	}
	if (u->o->quiet)
		return;
	fprintf(stderr, "FAIL %s: %s\n", u->c->name, u->why);
	if (point == SWEEP_NO_POINT)
		return;
	report_place(place, sizeof(place), &u->tr, point);
	fprintf(stderr, "  point %lu of %zu: %s\n", point, u->tr.points, place);
	if (second != SWEEP_NO_POINT) {
		report_place(place, sizeof(place), tr2, second);
		fprintf(stderr, "  second %lu of %zu: %s\n", second,
		    tr2->points, place);
	}
	fprintf(stderr, "  again: %s --case %s --point %lu", report_argv0(),
	    u->c->name, point);
	if (second != SWEEP_NO_POINT)
		fprintf(stderr, " --second %lu", second);
	fprintf(stderr, "\n");
}

int
run_judge(struct run *u, unsigned long point, unsigned long second,
    const struct trace *tr2)
{
	if (run_check(u, point) == 0)
		return 0;
	run_failed(u, point, second, tr2);
	return -1;
}

/* ---- one kill ---- */

static bool
image_differs(struct run *u, const struct trace *tr, const struct point *p)
{
	const struct insn *in = &tr->insn[p->insn];

	if ((u->c->flags & SWEEP_EXACT) == 0 || !tr->has_image ||
	    p->stage == ST_DURING)
		return false;
	if (p->stage == ST_EXIT)
		in++;
	if (u->c->image(u->ctx) == in->image)
		return false;
	u->hung = false;
	snprintf(
	    u->why, sizeof(u->why), "the image is not what the trace saw here");
	return true;
}

/*
 * Kill fn at p.  A victim that misses its point is killed all the same, at its
 * end, and is judged like any other, but the point counts as missed.
 */
static enum arrival
kill_at(struct run *u, void (*fn)(void *), const struct trace *tr,
    const struct point *p)
{
	struct tracee t;
	enum arrival got;

	deadline_arm(run_victim_ms(u));
	got = run_send(u, &t, fn, tr, p);
	u->r->kills += t.pid != 0;
	tracee_kill(&t);
	deadline_off();
	u->r->missed += got == MISSED;
	if (got == ARRIVED && image_differs(u, tr, p))
		got = FAILED;
	return got;
}

/* A world in which the victim was just killed at point i; false: reported. */
static bool
broken_world(struct run *u, unsigned long i)
{
	enum arrival got = FAILED;

	u->hung = false;
	if (run_world(u) == 0)
		got = kill_at(u, u->c->victim, &u->tr, &u->tr.point[i]);
	if (got == ARRIVED || got == MISSED)
		return true;
	if (got == FAILED)
		run_failed(u, i, SWEEP_NO_POINT, NULL);
	run_world_used(u, true);
	return false;
}

/* ---- the second kill ---- */

static void
second_kill(
    struct run *u, unsigned long i, const struct trace *tr2, unsigned long j)
{
	enum arrival got;
	int rc = -1;

	if (j >= tr2->points) {
		snprintf(u->why, sizeof(u->why),
		    "there is no second point %lu, they are %zu", j,
		    tr2->points);
		run_failed(u, i, SWEEP_NO_POINT, NULL);
		return;
	}
	if (!broken_world(u, i))
		return;
	got = kill_at(u, u->c->recover, tr2, &tr2->point[j]);
	if (got == FAILED)
		run_failed(u, i, j, tr2);
	else if (got != INTERRUPTED)
		rc = run_judge(u, i, j, tr2);
	run_world_used(u, rc != 0);
}

/* w of `total` candidates, evenly spread from a random start. */
static size_t
spread(size_t nth, size_t w, size_t total, double offset)
{
	return (size_t)(((double)nth + offset) * (double)total / (double)w);
}

static double
rnd_unit(struct run *u)
{
	return (double)(rnd_mix(&u->rnd) >> 11) / 9007199254740992.0;
}

static void
second_kills(struct run *u, unsigned long i, const struct trace *tr2)
{
	size_t want = u->c->recover_points, total, rank = 0, nth = 0, j;
	bool every = u->o->mode == SWEEP_ALL;
	double off = rnd_unit(u);

	total = every ? tr2->points : tr2->keys;
	if (want == 0)
		want = RECOVER_POINTS;
	if (want > total)
		want = total;
	for (j = 0; j < tr2->points && nth < want && !run_over(u); j++) {
		if (!every && !tr2->point[j].key)
			continue;
		if (rank++ != spread(nth, want, total, off))
			continue;
		nth++;
		second_kill(u, i, tr2, j);
	}
}

/*
 * What the repair does depends on where the first kill fell: so it is traced
 * anew in each broken world.
 */
static void
recover_at(struct run *u, unsigned long i)
{
	const char *why;
	struct trace tr2;
	int rc = -1;

	if (!broken_world(u, i))
		return;
	why = trace_take(&tr2, u->c, u->c->recover, u->ctx);
	u->r->kills++;
	if (why != NULL) {
		snprintf(u->why, sizeof(u->why), "recover: %s", why);
		run_failed(u, i, SWEEP_NO_POINT, NULL);
		run_world_used(u, true);
		return;
	}
	rc = run_judge(u, i, tr2.points - 1, &tr2);
	run_world_used(u, rc != 0);
	if (!u->o->one || u->o->second == SWEEP_NO_POINT)
		second_kills(u, i, &tr2);
	else
		second_kill(u, i, &tr2, u->o->second);
	trace_free(&tr2);
}

/* ---- all kills ---- */

static void
sweep_point(struct run *u, unsigned long i)
{
	unsigned every = u->c->recover_every;
	int rc;

	u->r->taken++;
	if (!broken_world(u, i))
		return;
	rc = run_judge(u, i, SWEEP_NO_POINT, NULL);
	run_world_used(u, rc != 0);
	if ((u->c->flags & SWEEP_RECOVER) == 0 || u->c->recover == NULL)
		return;
	if (every < 2 || u->o->one || u->r->taken % every == 0)
		recover_at(u, i);
}

/* Which points a pass takes. */
enum which { KEYS, OTHERS, EVERY };

static bool
taken_by(const struct point *p, enum which which)
{
	return which == EVERY || p->key == (which == KEYS);
}

/*
 * Up to `want` points, in an order that is even over the trace at each moment:
 * what is cut has seen all of its parts.  Goes on behind *step, where the one
 * before was cut.
 */
static void
pass(struct run *u, enum which which, size_t *step, unsigned long want,
    unsigned long kills)
{
	size_t i;

	for (; want > 0 && *step < u->tr.points && !run_over(u); (*step)++) {
		i = (u->first + *step * u->stride) % u->tr.points;
		if (!taken_by(&u->tr.point[i], which))
			continue;
		if (kills != 0 && u->r->kills >= kills)
			return;
		sweep_point(u, i);
		want--;
	}
}

static size_t
common_divisor(size_t a, size_t b)
{
	while (b != 0) {
		size_t c = a % b;

		a = b;
		b = c;
	}
	return a;
}

/* A step of the golden part of them all meets each point once. */
static void
plan_steps(struct run *u)
{
	size_t n = u->tr.points;

	u->first = rnd_mix(&u->rnd) % n;
	u->stride = 1 + (size_t)((double)n * 0.6180339887);
	while (common_divisor(u->stride, n) != 1)
		u->stride++;
}

static void
passes(struct run *u, unsigned long kills)
{
	unsigned long sample = u->o->sample != 0 ? u->o->sample : 1000;

	u->r->points = u->tr.points;
	if (u->o->mode == SWEEP_CHANGED)
		u->r->points = u->tr.keys;
	else if (u->o->mode == SWEEP_SAMPLE && sample < u->tr.points)
		u->r->points = sample;
	if (u->o->mode == SWEEP_SAMPLE && u->r->taken < u->r->points)
		pass(u, EVERY, &u->step[EVERY], u->r->points - u->r->taken,
		    kills);
	if (u->o->mode != SWEEP_SAMPLE)
		pass(u, KEYS, &u->step[KEYS], ~0ul, kills);
	if (u->o->mode == SWEEP_ALL)
		pass(u, OTHERS, &u->step[OTHERS], ~0ul, kills);
	while (u->r->kills < kills && !run_over(u)) {
		pass(u, EVERY, &u->step[EVERY], ~0ul, kills);
		if (u->step[EVERY] >= u->tr.points)
			u->step[EVERY] = 0;
	}
}

/* May be called again, to go on. */
void
run_sweep(struct run *u, unsigned long kills, double seconds)
{
	double t0 = now_s();

	u->until = seconds > 0 ? t0 + seconds : 0;
	u->r->cut = false;
	if (u->stride == 0)
		plan_steps(u);
	if (u->c->peer != NULL) {
		grid_sweep(u, kills);
	} else if (u->o->one) {
		if (u->o->point < u->tr.points)
			sweep_point(u, u->o->point);
	} else {
		passes(u, kills);
	}
	u->r->seconds += now_s() - t0;
}

/* ---- open and close ---- */

static uint64_t
seed_of(const struct sweep_case *c, uint64_t seed)
{
	return sweep_hash(seed, c->name, strlen(c->name));
}

/* The traced victim was killed at its end mark: so judge that, too. */
static int
open_traced(struct run *u)
{
	const char *why = trace_take(&u->tr, u->c, u->c->victim, u->ctx);

	if (why != NULL) {
		snprintf(u->why, sizeof(u->why), "%s", why);
		run_failed(u, SWEEP_NO_POINT, SWEEP_NO_POINT, NULL);
		return -1;
	}
	u->r->kills++;
	u->r->instructions = u->tr.n;
	u->r->syscalls = u->tr.syscalls;
	u->r->changes = u->tr.changes;
	if (u->c->peer != NULL)
		return 0; /* check() is for worlds where B ran, too. */
	return run_judge(u, u->tr.points - 1, SWEEP_NO_POINT, NULL);
}

int
run_open(struct run *u, const struct sweep_case *c,
    const struct sweep_options *o, struct sweep_report *r)
{
	double t0 = now_s();
	const char *why;
	int rc = -1;

	memset(u, 0, sizeof(*u));
	memset(r, 0, sizeof(*r));
	u->c = c;
	u->o = o;
	u->r = r;
	u->rnd = seed_of(c, o->seed);
	r->name = c->name;
	r->point = r->second = SWEEP_NO_POINT;
	why = c->skip == NULL ? NULL : c->skip(c->arg);
	if (tracee_init(o->method) < 0)
		why = "this machine or method gives no way to stop a victim";
	if (why != NULL) {
		snprintf(r->why, sizeof(r->why), "%s", why);
		r->skipped = true;
		return -1;
	}
	r->method = tracee_method_name(tracee_method());
	if (run_world(u) < 0)
		run_failed(u, SWEEP_NO_POINT, SWEEP_NO_POINT, NULL);
	else
		rc = open_traced(u);
	run_world_used(u, rc != 0);
	if (rc == 0 && c->peer != NULL)
		rc = grid_open(u);
	r->seconds = now_s() - t0;
	return rc;
}

void
run_close(struct run *u)
{
	run_world_used(u, true);
	trace_free(&u->tr);
	trace_free(&u->peer);
	free(u->way);
	u->way = NULL;
}

long
sweep_run(const struct sweep_case *c, const struct sweep_options *o,
    struct sweep_report *r)
{
	struct run u;

	if (run_open(&u, c, o, r) == 0)
		run_sweep(&u, o->kills, o->seconds);
	run_close(&u);
	return sweep_stopping() ? -1 : (long)r->failures;
}

long
sweep_random(const struct sweep_case *c, unsigned long n, uint64_t seed,
    struct sweep_report *r)
{
	struct sweep_options o = {.mode = SWEEP_ALL, .seed = seed};
	struct run u;
	double t0;

	if (run_open(&u, c, &o, r) == 0) {
		t0 = now_s();
		r->points = u.tr.points;
		while (n-- > 0 && !run_over(&u))
			sweep_point(&u, rnd_mix(&u.rnd) % u.tr.points);
		r->seconds += now_s() - t0;
	}
	run_close(&u);
	return sweep_stopping() ? -1 : (long)r->failures;
}
