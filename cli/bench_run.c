/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

/*
 * One cell: a process for each side, all begin together, the parent says when
 * to stop, and what they counted is put together.  Whatever happens, within
 * some seconds no process of a cell is left.
 */

#define READY_NS UINT64_C(10000000000) /* to attach; some peers are slow */
#define DRAIN_NS UINT64_C(8000000000)  /* to receive the rest */

volatile sig_atomic_t bench_stopped;

struct run {
	const struct bench_driver *driver;
	const struct bench_cell *cell;
	struct bench_shared *shared;
	int sides, left, files;
	pid_t pid[BENCH_SIDES];
};

static void
wake(int sig)
{
	(void)sig;
}

static uint64_t
used_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000u;
}

static void
wait_go(const struct bench_side *me)
{
	atomic_fetch_add(&me->shared->ready, 1);
	while (!atomic_load(&me->shared->go))
		bench_sleep(20000);
}

static int
work(const struct bench_driver *d, struct bench_side *me)
{
	int before = bench_entries("/proc/self/fd", ""), r = d->join(me);

	if (r < 0)
		return r;
	wait_go(me);
	me->seat->begin_ns = me->seat->end_ns = bench_now();
	me->seat->cpu_ns = used_ns();
	r = d->run(me);
	me->seat->cpu_ns = used_ns() - me->seat->cpu_ns;
	if (me->producer)
		me->seat->end_ns = bench_now();
	me->seat->descriptors = bench_entries("/proc/self/fd", "") - before;
	return r;
}

static void
side(struct run *run, int i)
{
	struct sigaction sa = {.sa_handler = wake};
	struct bench_side me = {.cell = *run->cell,
	    .index = i,
	    .producer = i < run->cell->producers,
	    .each = (run->driver->can & BENCH_EACH) != 0,
	    .shared = run->shared,
	    .seat = &run->shared->seat[i]};
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGUSR1, &sa, NULL);
	signal(SIGINT, SIG_IGN); /* the parent ends us, when it has cleaned */
	signal(SIGPIPE, SIG_IGN);
	me.number = me.producer ? i : i - me.cell.producers;
	bench_pin(&me);
	me.buf = mmap(NULL, me.cell.size + 8192, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (me.buf == MAP_FAILED)
		_exit(1);
	r = work(run->driver, &me);
	if (r < 0)
		snprintf(
		    me.seat->error, sizeof(me.seat->error), "%s", bench_why());
	me.seat->result = r < 0 ? -1 : 1;
	/* Some ways lose what is under way when its sender goes. */
	if (!me.producer)
		atomic_fetch_add(&run->shared->consumers_done, 1);
	else
		while (r >= 0 && atomic_load(&run->shared->consumers_done) <
				     me.cell.consumers)
			bench_sleep(100000);
	if (run->driver->leave != NULL)
		run->driver->leave(&me);
	_exit(r < 0);
}

static void
kill_all(struct run *run, int sig)
{
	for (int i = 0; i < run->sides; i++)
		if (run->pid[i] > 0)
			kill(run->pid[i], sig);
}

/* 0, or -1 if one of them failed. */
static int
reap(struct run *run, int flags)
{
	int status, bad = 0;

	for (int i = 0; i < run->sides; i++) {
		if (run->pid[i] <= 0 ||
		    waitpid(run->pid[i], &status, flags) != run->pid[i])
			continue;
		run->pid[i] = 0;
		run->left--;
		if (run->shared->seat[i].result == 1)
			continue; /* how it then left is not our matter */
		bad = bench_fail("%s", run->shared->seat[i].error[0]
					   ? run->shared->seat[i].error
					   : "a process of it died");
	}
	return bad;
}

static int
late(const struct run *run)
{
	const struct bench_cell *cell = run->cell;
	uint64_t sent = 0, got = 0;

	if (bench_stopped)
		return bench_fail("stopped by a signal");
	for (int i = 0; i < run->sides; i++)
		*(i < cell->producers ? &sent : &got) +=
		    atomic_load(&run->shared->seat[i].count);
	if (cell->trips)
		return bench_fail("an answer did not come in time");
	return bench_fail("not done in time: %llu sent, %llu received",
	    (unsigned long long)sent, (unsigned long long)got);
}

static int
wait_ready(struct run *run)
{
	uint64_t end = bench_now() + READY_NS;

	while (atomic_load(&run->shared->ready) < run->sides) {
		if (reap(run, WNOHANG) < 0)
			return -1;
		if (bench_stopped || bench_now() > end)
			return bench_stopped ? late(run)
					     : bench_fail("it did not attach "
							  "in time");
		bench_sleep(100000);
	}
	return 0;
}

static int
conduct(struct run *run, double seconds)
{
	uint64_t length = (uint64_t)(seconds * 1e9), stop;
	char mark[40];

	run->shared->slice_ns = length / BENCH_SLICES + 1;
	if (wait_ready(run) < 0)
		return -1;
	snprintf(mark, sizeof(mark), "shunt-bench-%ld-", (long)getpid());
	run->files = bench_entries("/dev/shm", mark);
	stop = bench_now() + length;
	atomic_store(&run->shared->go, 1);
	while (run->left > 0) {
		uint64_t now = bench_now();

		if (now >= stop) {
			atomic_store(&run->shared->stop, 1);
			kill_all(run, SIGUSR1);
		}
		if (reap(run, WNOHANG) < 0)
			return -1;
		if (bench_stopped || now > stop + DRAIN_NS)
			return late(run);
		if (run->left > 0)
			bench_sleep(now < stop && stop - now < 2000000
					? stop - now
					: 2000000);
	}
	return 0;
}

static int
start(struct run *run)
{
	fflush(NULL);
	for (int i = 0; i < run->sides; i++) {
		run->pid[i] = fork();
		if (run->pid[i] == 0)
			side(run, i);
		if (run->pid[i] < 0)
			return bench_fail("fork: %s", strerror(errno));
		run->left++;
	}
	return 0;
}

/*
 * For two sides the slices without the fastest and slowest quarter, so that a
 * moment when one of them did not run tells little; the whole time where more
 * take turns, or where so much comes in bursts that nothing would be left.
 */
static double
rate_of(const struct run *run, uint64_t got, uint64_t begin, uint64_t end)
{
	const struct bench_seat *last = &run->shared->seat[run->sides - 1];
	double v[BENCH_SLICES], sum = 0;

	for (int i = 0; i < BENCH_SLICES; i++) {
		double x = (double)(last->mark[i + 1] - last->mark[i]);
		int j = i;

		for (; j > 0 && v[j - 1] > x; j--)
			v[j] = v[j - 1];
		v[j] = x;
	}
	for (int i = BENCH_SLICES / 4; i < BENCH_SLICES - BENCH_SLICES / 4; i++)
		sum += v[i];
	if (run->sides <= 2 && last->mark[BENCH_SLICES] > 0 && sum > 0)
		return sum * 1e9 / (double)run->shared->slice_ns /
		       (BENCH_SLICES - BENCH_SLICES / 4 * 2);
	return end > begin ? (double)got * 1e9 / (double)(end - begin) : 0;
}

static int
gather(const struct run *run, struct bench_result *out)
{
	const struct bench_cell *cell = run->cell;
	const struct bench_hist *h = &run->shared->seat[0].hist;
	uint64_t sent = 0, got = 0, cpu = 0, begin = UINT64_MAX, end = 0;
	uint64_t sum[2] = {0, 0}, each = 1;

	for (int i = 0; i < run->sides; i++) {
		const struct bench_seat *s = &run->shared->seat[i];
		int in = i >= cell->producers;

		*(in ? &got : &sent) += s->count;
		sum[in] += s->sum;
		cpu += s->cpu_ns;
		if (s->descriptors > out->descriptors)
			out->descriptors = s->descriptors;
		begin = s->begin_ns < begin ? s->begin_ns : begin;
		if ((in || cell->consumers == 0) && s->end_ns > end)
			end = s->end_ns;
	}
	if (run->driver->can & BENCH_EACH)
		each = (unsigned)cell->consumers;
	if (cell->consumers == 0)
		got = sent;
	else if (got != sent * each ||
		 (!cell->trips && sum[1] != sum[0] * each))
		return bench_fail("%llu sent, %llu received: not the same",
		    (unsigned long long)sent, (unsigned long long)got);
	out->files = run->files;
	out->messages = cell->trips ? h->n : got;
	if (out->messages == 0)
		return bench_fail("nothing passed in the time");
	out->cpu_ns = (double)cpu / (double)got / (cell->trips ? 2 : 1);
	out->rate = rate_of(run, got, begin, end);
	if (cell->trips) {
		out->p50 = bench_hist_at(h, 0.5) * bench_ns_per_tick();
		out->p99 = bench_hist_at(h, 0.99) * bench_ns_per_tick();
		out->p999 = bench_hist_at(h, 0.999) * bench_ns_per_tick();
		out->max = (double)h->max * bench_ns_per_tick();
	}
	return 0;
}

int
bench_run(const struct bench_driver *d, const struct bench_cell *cell,
    double seconds, struct bench_result *out)
{
	struct run run = {.driver = d, .cell = cell};
	int bad;

	run.sides = cell->producers + cell->consumers;
	*out = (struct bench_result){0};
	bench_ns_per_tick(); /* measured once, while nobody else runs */
	run.shared = mmap(NULL, sizeof(*run.shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (run.shared == MAP_FAILED)
		return bench_fail("mmap: %s", strerror(errno));
	bad = d->setup != NULL ? d->setup(cell) : 0;
	if (bad == 0) {
		bad = start(&run);
		if (bad == 0)
			bad = conduct(&run, seconds);
		/* Those that are left now failed, or wait for one that did. */
		kill_all(&run, SIGKILL);
		if (run.left > 0) {
			char kept[200];

			snprintf(kept, sizeof(kept), "%s", bench_why());
			reap(&run, 0);
			bench_fail("%s", kept);
		}
		if (bad == 0)
			bad = gather(&run, out);
	}
	if (d->teardown != NULL)
		d->teardown();
	munmap(run.shared, sizeof(*run.shared));
	return bad;
}
