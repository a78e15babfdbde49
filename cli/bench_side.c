/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "bench_loops.h"

/* What the loops and the drivers call off their straight way. */

static char sentence[200];

int
bench_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	return -1;
}

const char *
bench_why(void)
{
	return sentence[0] != 0 ? sentence : "no reason was given";
}

int
bench_errno(const char *what)
{
	int e = errno;

	/* EINTR: the parent lets nobody sleep through the end of a flood. */
	if (e == EAGAIN || e == EINTR || e == ETIMEDOUT)
		return -EAGAIN;
	return bench_fail("%s: %s", what, strerror(e));
}

void
bench_name(char *out)
{
	static unsigned serial;

	snprintf(
	    out, BENCH_NAME, "/shunt-bench-%ld-%u", (long)getpid(), serial++);
}

int
bench_entries(const char *path, const char *start)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int n = 0;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		n += e->d_name[0] != '.' &&
		     strncmp(e->d_name, start, strlen(start)) == 0;
	if (dir != NULL)
		closedir(dir);
	return n;
}

uint64_t
bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void
bench_sleep(uint64_t ns)
{
	struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u),
	    .tv_nsec = (long)(ns % 1000000000u)};

	nanosleep(&t, NULL);
}

double
bench_ns_per_tick(void)
{
	static double ratio;
	uint64_t c, t;

	if (ratio > 0)
		return ratio;
	c = bench_now();
	t = bench_ticks();
	while (bench_now() - c < 20000000u)
		continue;
	ratio = (double)(bench_now() - c) / (double)(bench_ticks() - t);
	return ratio;
}

/* The count at the begin of each slice that passed since the last call. */
void
bench_mark(struct bench_side *me, uint64_t n)
{
	uint64_t now = bench_now(), at;

	at = (now - me->seat->begin_ns) / me->shared->slice_ns;
	while (me->slice < BENCH_SLICES && (uint64_t)me->slice < at)
		me->seat->mark[++me->slice] = n;
}

int
bench_all_here(struct bench_side *me, uint64_t n)
{
	struct bench_shared *sh = me->shared;
	int senders = me->cell.producers, all = senders + me->cell.consumers;
	uint64_t sent = 0, got = 0;

	if (n != atomic_load(&me->seat->count)) {
		me->seat->end_ns = bench_now();
		atomic_store(&me->seat->count, n);
	}
	if (atomic_load(&sh->producers_done) < senders)
		return 0;
	for (int i = 0; i < senders; i++)
		sent += atomic_load(&sh->seat[i].count);
	if (me->each)
		return n >= sent;
	for (int i = senders; i < all; i++)
		got += atomic_load(&sh->seat[i].count);
	return got >= sent;
}

void
bench_after_consumers(const struct bench_side *me)
{
	while (atomic_load(&me->shared->ready) < me->cell.consumers)
		bench_sleep(100000);
}

static cpu_set_t everywhere;

/*
 * Producers on the first half of the processors, consumers on the second; each
 * has its own if there are enough.
 */
void
bench_pin(struct bench_side *me)
{
	int cpu[CPU_SETSIZE], n = 0, half, want;
	int sides = me->cell.producers + me->cell.consumers;
	cpu_set_t set;

	if (me->cpus == NULL &&
	    sched_getaffinity(0, sizeof(everywhere), &everywhere) < 0)
		return;
	me->cpus = &everywhere;
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &everywhere))
			cpu[n++] = i;
	half = n / 2;
	if (n >= sides)
		want = me->index;
	else if (n < 2)
		want = 0;
	else
		want = me->producer ? me->number % half
				    : half + me->number % (n - half);
	CPU_ZERO(&set);
	CPU_SET(cpu[want], &set);
	sched_setaffinity(0, sizeof(set), &set);
}

void
bench_unpin(struct bench_side *me)
{
	if (me->cpus != NULL)
		sched_setaffinity(0, sizeof(everywhere), &everywhere);
}
