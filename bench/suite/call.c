/* SPDX-License-Identifier: MIT */

/*
 * What one call costs the client: messages of 100 bytes at 10,000 a second to
 * a running server, each call timed by itself with ticks(), less the cost of
 * the timer (the median of two readings with nothing between them).  Between
 * calls the client spins on the clock, so its processor stays awake; what a
 * client sees that sleeps in between stands beside it as `slept_...`, where
 * the cold caches of a processor that was halted are counted as ours.
 */

#include "suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <shunt/error.h>
#include <shunt/log.h>

#define MESSAGE 100
#define PERIOD  100000 /* ns */

struct job {
	char log[NAME_ROOM];
	int asleep; /* sleep between the calls instead of spinning */
};

enum { P50, P99, P999, TIMER };

static int
calls(void)
{
	return quick_run ? 5000 : 20000;
}

static double
timer_cost(void)
{
	double v[2001];

	for (int i = 0; i < 2001; i++) {
		uint64_t t = ticks();

		v[i] = (double)(ticks() - t);
	}
	return median_of(v, 2001);
}

static void
pause_until(uint64_t t, int asleep)
{
	uint64_t now = clock_ns();

	if (asleep && now < t)
		sleep_ns(t - now);
	while (clock_ns() < t)
		continue;
}

/* @cost may be NULL: the first half second is not counted. */
static int
paced(struct shunt_log *log, int n, int asleep, double *cost)
{
	char text[MESSAGE];
	uint64_t next = clock_ns(), t;
	int r = 0;

	memset(text, 'x', sizeof text);
	for (int i = 0; i < n && r == 0; i++) {
		next += PERIOD;
		pause_until(next, asleep);
		t = ticks();
		r = shunt_log_write(log, SHUNT_LOG_INFO, text, MESSAGE);
		t = ticks() - t;
		if (cost != NULL)
			cost[i] = (double)t;
	}
	return r == 0 ? 0 : fail("log: %s", shunt_error_name(r));
}

static int
caller(struct mail *mail, int seat, void *arg)
{
	const struct job *job = arg;
	double *cost = malloc((size_t)calls() * sizeof *cost), timer;
	double *figure = mail->seat[seat].figure;
	size_t n = (size_t)calls();
	struct shunt_log *log;
	int bad;

	if (cost == NULL || shunt_log_open(&log, job->log, NULL) < 0)
		return fail("%s: %s", job->log, shunt_error_detail());
	memset(cost, 0, n * sizeof *cost); /* its pages are there now */
	ns_per_tick();
	timer = timer_cost();
	crew_ready(mail);
	bad = paced(log, 5000, job->asleep, NULL) ||
	      paced(log, (int)n, job->asleep, cost);
	shunt_log_close(&log);
	for (size_t i = 0; i < n; i++)
		cost[i] =
		    (cost[i] > timer ? cost[i] - timer : 0) * ns_per_tick();
	sort_figures(cost, n);
	figure[P50] = percentile(cost, n, 0.5);
	figure[P99] = percentile(cost, n, 0.99);
	figure[P999] = percentile(cost, n, 0.999);
	figure[TIMER] = timer * ns_per_tick();
	free(cost);
	return bad;
}

static int
session(int asleep, double figure[CREW_FIGURES])
{
	struct job job = {.asleep = asleep};
	struct server server = {0};
	struct crew crew = {0};
	char file[PATH_ROOM];
	int bad, where;

	cpus();
	where = nth_cpu(1);
	fresh_name(job.log, "call");
	scratch_path(file, "call.log");
	if (server_start(&server, job.log, file, "never", nth_cpu(0)) < 0)
		return -1;
	bad = crew_start(&crew, 1, &where, caller, &job);
	if (!bad) {
		crew_go(&crew);
		bad = crew_finish(&crew, 60);
		memcpy(figure, crew.mail->seat[0].figure,
		    CREW_FIGURES * sizeof *figure);
	}
	crew_free(&crew);
	if (bad)
		server_kill(&server);
	else
		bad = server_stop(&server);
	return bad;
}

static int
one_percentile(struct sample *s, int which)
{
	double spun[CREW_FIGURES], slept[CREW_FIGURES];

	if (session(0, spun) < 0 || session(1, slept) < 0)
		return -1;
	s->value = spun[which];
	s->extra[0] = slept[which];
	s->extra[1] = spun[TIMER];
	s->extra[2] = spun[P999];
	return 0;
}

static int
median_call(const struct bench *b, struct sample *s)
{
	(void)b;
	return one_percentile(s, P50);
}

static int
slow_call(const struct bench *b, struct sample *s)
{
	(void)b;
	return one_percentile(s, P99);
}

const struct bench call_benches[] = {
    {
	.name = "log.call.p50",
	.unit = "ns",
	.what = "a client's call at 10,000 a second, median",
	.bar = 60,
	.pairs = 5,
	.quick = 1,
	.measure = median_call,
	.extra = {"slept_p50", "timer_taken_off", "p999"},
    },
    {
	.name = "log.call.p99",
	.unit = "ns",
	.what = "a client's call at 10,000 a second, 99 of 100",
	.bar = 3000,
	.pairs = 5,
	.quick = 1,
	.measure = slow_call,
	.extra = {"slept_p99", "timer_taken_off", "p999"},
    },
    {.name = NULL},
};
