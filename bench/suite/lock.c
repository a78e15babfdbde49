/* SPDX-License-Identifier: MIT */

/*
 * Taking a lock and giving it back while nobody else wants it.  The control
 * is the mutex that one would put into shared memory by hand: process-shared,
 * not robust, so it does less than ours.
 */

#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include <shunt/error.h>
#include <shunt/lock.h>
#include <shunt/segment.h>

#define IN_BLOCK 20000

struct job {
	char name[NAME_ROOM];
	int ours;
};

/* What a lock guards: a word in shared memory, as anybody's would be. */
static volatile uint64_t *turns;

static double
blocks(uint64_t (*block)(void *), void *lock)
{
	static double each[BLOCKS];
	int n = quick_run ? BLOCKS / 4 : BLOCKS;

	for (int i = 0; i < n; i++) {
		uint64_t begin = clock_ns();

		if (block(lock) != IN_BLOCK)
			return -1;
		each[i] = (double)(clock_ns() - begin) / IN_BLOCK;
	}
	return median_of(each, (size_t)n);
}

static uint64_t
block_of_ours(void *arg)
{
	struct shunt_lock *lock = arg;
	uint64_t before = *turns;

	for (int i = 0; i < IN_BLOCK; i++) {
		if (shunt_lock_acquire(lock, SHUNT_FOREVER) != 0)
			return 0;
		++*turns;
		if (shunt_lock_release(lock) != 0)
			return 0;
	}
	return *turns - before;
}

static uint64_t
block_of_mutex(void *arg)
{
	uint64_t before = *turns;

	for (int i = 0; i < IN_BLOCK; i++) {
		if (pthread_mutex_lock(arg) != 0)
			return 0;
		++*turns;
		if (pthread_mutex_unlock(arg) != 0)
			return 0;
	}
	return *turns - before;
}

static double
measure_ours(const char *name)
{
	struct shunt_lock *lock;
	double ns = -1;

	if (shunt_lock_open(&lock, name, NULL) >= 0) {
		ns = blocks(block_of_ours, lock);
		shunt_lock_close(&lock);
	}
	return ns;
}

static double
measure_mutex(void)
{
	pthread_mutex_t *mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attr;
	double ns = -1;

	if (mutex == MAP_FAILED)
		return -1;
	if (pthread_mutexattr_init(&attr) == 0 &&
	    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0 &&
	    pthread_mutex_init(mutex, &attr) == 0)
		ns = blocks(block_of_mutex, mutex);
	munmap(mutex, 4096);
	return ns;
}

static int
user(struct mail *mail, int seat, void *arg)
{
	const struct job *job = arg;
	struct shunt_segment *word;
	double ns;

	if (shunt_segment_anon(&word, 4096, NULL) < 0)
		return fail("%s", shunt_error_detail());
	turns = shunt_segment_data(word);
	crew_ready(mail);
	ns = job->ours ? measure_ours(job->name) : measure_mutex();
	mail->seat[seat].figure[0] = ns;
	shunt_segment_close(&word);
	return ns > 0 ? 0 : fail("the lock failed: %s", shunt_error_detail());
}

static int
pair(int ours, struct sample *s)
{
	struct job job = {.ours = ours};
	struct crew crew = {0};
	int bad, where;

	cpus();
	where = nth_cpu(1);
	fresh_name(job.name, "lock");
	bad = crew_start(&crew, 1, &where, user, &job);
	if (!bad) {
		crew_go(&crew);
		bad = crew_finish(&crew, 60);
	}
	if (!bad)
		s->value = crew.mail->seat[0].figure[0];
	crew_free(&crew);
	return bad;
}

static int
mutex_pair(const struct bench *b, struct sample *s)
{
	(void)b;
	return pair(0, s);
}

static int
lock_pair(const struct bench *b, struct sample *s)
{
	(void)b;
	return pair(1, s);
}

const struct bench lock_benches[] = {
    {
	.name = "lock.pair",
	.unit = "ns",
	.what = "a lock that nobody else wants: acquire and release",
	.control = "pthread",
	.bar = 1.5,
	.pairs = 31,
	.quick = 5,
	.measure_control = mutex_pair,
	.measure = lock_pair,
    },
    {.name = NULL},
};
