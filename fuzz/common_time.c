/* SPDX-License-Identifier: MIT */
/* Sleep and time, as machine.h has them: nobody else is there, so whoever
 * sleeps does it to the end, which is now. */
#include <errno.h>
#include <time.h>

#include "machine.h"
#include "os/os.h"

static int running;
static unsigned asked; /* for processors */
static uint64_t passed;

void
machine_time(int on)
{
	passed = 0;
	asked = 0;
	running = on;
}

uint64_t
machine_passed(void)
{
	return passed;
}

static void
sleep_for(int64_t ns)
{
	passed += ns > 0 ? (uint64_t)ns : 0;
}

int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

/* The linker leads the library's calls here.  A look takes a little, so that
 * who looks until then gets there. */
int
__wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	const uint64_t began = UINT64_C(1000000000000);

	if (!running || id != CLOCK_MONOTONIC)
		return __real_clock_gettime(id, ts);
	passed += 50;
	ts->tv_sec = (time_t)((began + passed) / 1000000000u);
	ts->tv_nsec = (long)((began + passed) % 1000000000u);
	return 0;
}

static int
fake_nanosleep(int64_t ns)
{
	sleep_for(ns);
	return 0;
}

static int
fake_futex_wait(const void *word, uint32_t expect, int64_t ns)
{
	if (__atomic_load_n((const uint32_t *)word, __ATOMIC_SEQ_CST) != expect)
		return -EAGAIN;
	sleep_for(ns);
	return -ETIMEDOUT;
}

static int
fake_futex_waitv(const struct shunt__waitv *of, int n, int64_t ns)
{
	for (int i = 0; i < n; i++)
		if (__atomic_load_n((const uint32_t *)(uintptr_t)of[i].word,
			__ATOMIC_SEQ_CST) != (uint32_t)of[i].expect)
			return -EAGAIN;
	sleep_for(ns);
	return -ETIMEDOUT;
}

static int
fake_futex_wake(const void *word, int n)
{
	(void)word;
	(void)n;
	return 0;
}

static int
fake_membarrier(int cmd)
{
	(void)cmd;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return 0;
}

static int
fake_yield(void)
{
	sleep_for(1000);
	return 0;
}

/* Who has no other processor does not spin: that takes most of the time, so
 * one handle in four does. */
static int
fake_cpus(void)
{
	return 1 + (++asked % 4 == 3);
}

void
machine_time_table(void)
{
	shunt__os.futex_wait = fake_futex_wait;
	shunt__os.futex_wake = fake_futex_wake;
	shunt__os.futex_waitv = fake_futex_waitv;
	shunt__os.membarrier = fake_membarrier;
	shunt__os.nanosleep = fake_nanosleep;
	shunt__os.yield = fake_yield;
	shunt__os.cpus = fake_cpus;
}
