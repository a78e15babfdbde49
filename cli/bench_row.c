/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/*
 * All cells one after the other, each with its control before and after it.
 * A machine that others use moves the processors between near and far: where
 * the two controls differ by more than 30 %, the row is measured again.
 */

#define DIFFER 1.3
#define RUNS   1024 /* rows at most */
#define BIG    65536

struct sweep {
	const struct bench_plan *plan;
	struct bench_row *rows;
	size_t n;
	/* The control after the last row is the one before the next. */
	const struct bench_driver *control;
	struct bench_cell cell;
	double value;
};

const char *
bench_pattern(const struct bench_cell *c)
{
	static char text[4][16];
	static unsigned turn;
	char *to = text[turn++ % 4];

	snprintf(to, sizeof(text[0]), "%d:%d", c->producers, c->consumers);
	return to;
}

static int
many(const struct bench_cell *c)
{
	return c->producers > 1 || c->consumers > 1;
}

static const struct bench_driver *
control_of(const struct bench_cell *c)
{
	if (c->trips)
		return c->sleeping ? &bench_futex : &bench_bare;
	if (c->size >= BIG)
		return &bench_memcpy;
	return many(c) ? &bench_seqpacket : &bench_bare;
}

const char *
bench_ratio_means(const struct bench_row *row)
{
	const struct bench_cell *c = &row->cell;

	if (c->trips)
		return c->sleeping ? "round trips of a bare futex"
				   : "round trips of a bare cache line";
	if (c->size >= BIG)
		return "bandwidth of memcpy";
	return many(c) ? "rate of UNIX seqpacket, sleeping"
		       : "messages in a bare round trip";
}

static double
ratio(const struct bench_row *row)
{
	double control = (row->before + row->after) / 2;
	const struct bench_cell *c = &row->cell;

	if (!(control > 0))
		return 0;
	if (c->trips)
		return row->result.p50 / control;
	if (row->control == &bench_bare)
		return row->result.rate * control / 1e9;
	return row->result.rate / control;
}

/* Nanoseconds, or messages a second; 0 if the control failed. */
static double
control_value(const struct bench_row *row, double seconds)
{
	struct bench_cell c = row->cell;
	struct bench_result r;

	if (row->control->can & BENCH_LINE)
		c = (struct bench_cell){.size = 8,
		    .producers = 1,
		    .consumers = 1,
		    .sleeping = c.sleeping && c.trips,
		    .trips = 1};
	else if (row->control->can & BENCH_ONE_WAY)
		c.producers = 1, c.consumers = 0;
	else
		c.sleeping = 1;
	if (bench_run(row->control, &c, seconds, &r) < 0)
		return 0;
	return c.trips ? r.p50 : r.rate;
}

static double
control_before(struct sweep *s, const struct bench_row *row, double seconds)
{
	if (s->control == row->control && s->value > 0 &&
	    memcmp(&s->cell, &row->cell, sizeof(s->cell)) == 0)
		return s->value;
	return control_value(row, seconds);
}

static void
keep_control(struct sweep *s, const struct bench_row *row)
{
	s->control = row->control;
	s->cell = row->cell;
	s->value = row->after;
}

static void
measure(struct sweep *s, struct bench_row *row)
{
	double part = s->plan->seconds / 4, least;
	struct bench_cell cell = row->cell;

	row->control = control_of(&row->cell);
	least = row->control == &bench_seqpacket ? 0.04 : 0.015;
	part = part > least ? part : least;
	if (row->driver->can & BENCH_ONE_WAY)
		cell.consumers = 0;
	do {
		row->before = control_before(s, row, part);
		row->ok = bench_run(row->driver, &cell, s->plan->seconds,
			      &row->result) == 0;
		snprintf(row->error, sizeof(row->error), "%s",
		    row->ok ? "" : bench_why());
		if (bench_stopped)
			return;
		row->after = control_value(row, part);
		keep_control(s, row);
		row->tries++;
		row->steady = row->before < row->after * DIFFER &&
			      row->after < row->before * DIFFER;
	} while (!row->steady && row->ok && row->tries < s->plan->tries);
	row->ratio = row->ok ? ratio(row) : 0;
}

/* Why a driver cannot do a cell; NULL if it can. */
static const char *
lacks(const struct bench_driver *d, const struct bench_cell *c)
{
	static char text[80];

	if (c->producers > 1 && !(d->can & BENCH_FROM_MANY))
		return "one producer only";
	if (c->consumers > 1 && !(d->can & BENCH_TO_MANY))
		return "one consumer only";
	if (!(d->can & (c->sleeping ? BENCH_SLEEP : BENCH_POLL)))
		return c->sleeping ? "has no way to sleep" : "cannot poll";
	if (d->most != 0 && c->size > d->most) {
		snprintf(
		    text, sizeof(text), "takes %zu bytes at most", d->most);
		return text;
	}
	return d->lacks != NULL ? d->lacks(c) : NULL;
}

/* Does this driver come into question at all for this kind of row? */
static int
asked(const struct bench_plan *p, const struct bench_driver *d,
    const struct bench_cell *c)
{
	char text[128], size[16];

	if (!(d->can & (c->trips ? BENCH_TRIPS : BENCH_FLOOD)))
		return 0;
	if ((d->can & BENCH_ONE_WAY) &&
	    (many(c) || c->sleeping || c->size < BIG))
		return 0;
	/* One line there and back says nothing about longer messages. */
	if ((d->can & BENCH_LINE) &&
	    (c->size > 64 ||
		!(d->can & (c->sleeping ? BENCH_SLEEP : BENCH_POLL))))
		return 0;
	if (p->patterns != NULL &&
	    strstr(p->patterns, bench_pattern(c)) == NULL)
		return 0;
	bench_size_text(size, sizeof(size), c->size);
	snprintf(text, sizeof(text), "%s %s %s %s %s ",
	    c->trips ? "trips" : "flood", bench_pattern(c), size,
	    c->sleeping ? "sleeping" : "polling", d->id);
	return p->only == NULL || strstr(text, p->only) != NULL;
}

static void
progress(const struct sweep *s, const struct bench_row *row)
{
	char size[16];

	if (!s->plan->progress)
		return;
	bench_size_text(size, sizeof(size), row->cell.size);
	fprintf(stderr, "\r\033[K%4zu  %s %s %s %s %s", s->n + 1,
	    row->cell.trips ? "round trips" : "flood",
	    bench_pattern(&row->cell), size,
	    row->cell.sleeping ? "sleeping" : "polling", row->driver->id);
	fflush(stderr);
}

static int
one(struct sweep *s, const struct bench_driver *d, const struct bench_cell *c)
{
	struct bench_row *row = &s->rows[s->n];
	const char *reason;

	if (bench_stopped)
		return -1;
	if (!asked(s->plan, d, c) || s->n + 1 >= RUNS)
		return 0;
	*row = (struct bench_row){.driver = d, .cell = *c, .steady = 1};
	progress(s, row);
	reason = lacks(d, c);
	if (reason != NULL) {
		row->skipped = 1;
		row->control = control_of(c);
		snprintf(row->error, sizeof(row->error), "%s", reason);
	} else
		measure(s, row);
	s->n++;
	return s->plan->each != NULL ? s->plan->each(row, s->plan->arg) : 0;
}

static int
all_drivers(struct sweep *s, const struct bench_cell *c)
{
	const struct bench_driver *const *d = s->plan->drivers;

	if (!(s->plan->modes & (c->sleeping ? BENCH_SLEEP : BENCH_POLL)) ||
	    !(s->plan->kinds & (c->trips ? BENCH_TRIPS : BENCH_FLOOD)))
		return 0;
	for (; *d != NULL; d++)
		if (one(s, *d, c) != 0)
			return -1;
	return 0;
}

static int
all_cells(struct sweep *s)
{
	/* Round trips, then floods. */
	static const struct bench_cell shape[] = {{0, 1, 1, 0, 1},
	    {0, 1, 1, 0, 0}, {0, BENCH_MANY, 1, 0, 0}, {0, 1, BENCH_MANY, 0, 0},
	    {0, BENCH_MANY, BENCH_MANY, 0, 0}};

	for (size_t i = 0; i < sizeof(shape) / sizeof(shape[0]); i++)
		for (int sleeping = 0; sleeping < 2; sleeping++)
			for (int j = 0; s->plan->sizes[j] != 0; j++) {
				struct bench_cell c = shape[i];

				c.sleeping = sleeping;
				c.size = s->plan->sizes[j];
				if (all_drivers(s, &c) < 0)
					return -1;
			}
	return 0;
}

struct bench_row *
bench_all(const struct bench_plan *plan)
{
	struct sweep s = {.plan = plan};

	s.rows = calloc(RUNS, sizeof(*s.rows));
	if (s.rows == NULL) {
		bench_fail("no memory");
		return NULL;
	}
	all_cells(&s);
	if (plan->progress)
		fprintf(stderr, "\r\033[K");
	return s.rows;
}
