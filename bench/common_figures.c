/* SPDX-License-Identifier: MIT */

/* Clocks, percentiles, and the sentence that says why a run failed. */

#include "common.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

static char sentence[400];

int
fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof sentence, fmt, ap);
	va_end(ap);
	return -1;
}

const char *
why(void)
{
	return sentence[0] ? sentence : "no reason was given";
}

static uint64_t
read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t
clock_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t
cpu_ns(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void
sleep_ns(uint64_t ns)
{
	struct timespec t = {
	    (time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		continue;
}

/*
 * On x86-64 the cycle counter between two load fences: nothing of the timed
 * call is counted outside, nothing from outside inside.  The fences keep the
 * call from overlapping with its surroundings, so a figure is rather too high
 * than too low.
 */
uint64_t
ticks(void)
{
#if defined(__x86_64__)
	uint64_t t;

	_mm_lfence();
	t = __rdtsc();
	_mm_lfence();
	return t;
#else
	return clock_ns();
#endif
}

double
ns_per_tick(void)
{
	static double ratio;
	uint64_t t0, c0;

	if (ratio > 0)
		return ratio;
	c0 = clock_ns();
	t0 = ticks();
	while (clock_ns() - c0 < 50000000u)
		continue;
	ratio = (double)(clock_ns() - c0) / (double)(ticks() - t0);
	return ratio;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void
sort_figures(double *v, size_t n)
{
	qsort(v, n, sizeof *v, by_size);
}

double
percentile(const double *v, size_t n, double p)
{
	double at = p * (double)(n - 1);
	size_t i = (size_t)at;

	if (n == 0)
		return 0;
	if (i + 1 >= n)
		return v[n - 1];
	return v[i] + (at - (double)i) * (v[i + 1] - v[i]);
}

double
median_of(const double *v, size_t n)
{
	double *copy = malloc((n ? n : 1) * sizeof *copy), m;

	if (copy == NULL)
		return 0;
	for (size_t i = 0; i < n; i++)
		copy[i] = v[i];
	sort_figures(copy, n);
	m = percentile(copy, n, 0.5);
	free(copy);
	return m;
}
