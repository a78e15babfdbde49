/* SPDX-License-Identifier: MIT */

/*
 * The bare ping-pong: two processes, one cache line in each direction, a
 * store and a spinning load.  It is what the hardware can do; nothing that
 * carries a message between processes can do with fewer lines.
 */

#include "suite.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

struct lines {
	_Alignas(128) _Atomic uint64_t ping;
	_Alignas(128) _Atomic uint64_t pong;
	_Alignas(128) char end;
};

uint64_t
rtt_block(void)
{
	return quick_run ? 250 : 1000;
}

double
median_block(const uint64_t *at)
{
	double v[BLOCKS];

	for (int i = 0; i < BLOCKS; i++)
		v[i] = (double)(at[i + 1] - at[i]);
	return median_of(v, BLOCKS);
}

int
run_duo(struct crew *crew, crew_work *work, void *arg)
{
	int where[2];

	cpus();
	where[0] = nth_cpu(0);
	where[1] = nth_cpu(1);
	if (cpus() < 2)
		return fail("a pair of processes needs two processors");
	if (crew_start(crew, 2, where, work, arg) < 0)
		return -1;
	crew_go(crew);
	return crew_finish(crew, 60);
}

static void
serve(struct lines *l, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		while (
		    atomic_load_explicit(&l->ping, memory_order_acquire) != i)
			continue;
		atomic_store_explicit(&l->pong, i, memory_order_release);
	}
}

static void
play(struct lines *l, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		atomic_store_explicit(&l->ping, i, memory_order_release);
		while (
		    atomic_load_explicit(&l->pong, memory_order_acquire) != i)
			continue;
	}
}

static int
player(struct mail *mail, int seat, void *arg)
{
	uint64_t n = rtt_block(), at[BLOCKS + 1];
	struct lines *l = arg;

	crew_ready(mail);
	if (seat == 1) {
		serve(l, 1, (BLOCKS + 10) * n);
		return 0;
	}
	play(l, 1, 10 * n); /* warm up */
	for (uint64_t i = 0; i < BLOCKS; i++) {
		at[i] = clock_ns();
		play(l, (i + 10) * n, (i + 11) * n);
	}
	at[BLOCKS] = clock_ns();
	mail->seat[0].figure[0] = median_block(at) / (double)n;
	return 0;
}

int
bare_rtt(const struct bench *b, struct sample *s)
{
	struct crew crew = {0};
	struct lines *l = mmap(NULL, sizeof *l, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	int bad;

	(void)b;
	if (l == MAP_FAILED)
		return fail("mmap: %s", strerror(errno));
	bad = run_duo(&crew, player, l);
	if (!bad)
		s->value = crew.mail->seat[0].figure[0];
	crew_free(&crew);
	munmap(l, sizeof *l);
	return bad;
}
