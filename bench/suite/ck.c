/* SPDX-License-Identifier: MIT */

/*
 * Concurrency Kit's ring, single producer and single consumer, moving slots
 * of 64 bytes: the best known ring of its kind in C.  Of its two ways to
 * enqueue it is given the faster: in place, reserve and commit.  (Nine pairs
 * of both, 2 cores of a Xeon guest: 47 M/s in place, 42 M/s by copy.)
 */

#include "suite.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__has_include)
#if __has_include(<ck_ring.h>)
#define HAVE_CK 1
#endif
#endif

#ifdef HAVE_CK

/* By a macro, so that without the library this file is built all the same. */
#define CK_HEADER <ck_ring.h>

/* The header's own conversions are not ours to warn about. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wshadow"
#include CK_HEADER

struct slot {
	_Alignas(64) struct payload payload;
};
CK_RING_PROTOTYPE(slot, slot)
#pragma GCC diagnostic pop

/* As many slots as a lane of 128 KiB has records of 64 bytes. */
#define RING_SLOTS 2048

struct shared {
	_Alignas(128) ck_ring_t ring;
	_Alignas(128) struct slot slot[RING_SLOTS];
};

static void
produce(struct shared *r, uint64_t n)
{
	struct slot out = {.payload = {.seq = 0}};
	struct slot *room;

	for (uint64_t i = 0; i < n; i++) {
		out.payload.seq = i;
		while ((room = ck_ring_enqueue_reserve_spsc_slot(
			    &r->ring, r->slot)) == NULL)
			continue;
		*room = out;
		ck_ring_enqueue_commit_spsc(&r->ring);
	}
}

static int
consume(struct shared *r, uint64_t from, uint64_t to)
{
	struct slot in;

	for (uint64_t i = from; i < to; i++) {
		while (!ck_ring_dequeue_spsc_slot(&r->ring, r->slot, &in))
			continue;
		if (in.payload.seq != i)
			return fail("ck_ring gave %llu for %llu",
			    (unsigned long long)in.payload.seq,
			    (unsigned long long)i);
	}
	return 0;
}

static int
work(struct mail *mail, int seat, void *arg)
{
	uint64_t n = throughput_block(), at[BLOCKS + 1];
	struct shared *r = arg;
	int bad = 0;

	crew_ready(mail);
	if (seat == 0) {
		produce(r, BLOCKS * n);
		return 0;
	}
	at[0] = clock_ns();
	for (uint64_t i = 0; i < BLOCKS && !bad; i++) {
		bad = consume(r, i * n, (i + 1) * n);
		at[i + 1] = clock_ns();
	}
	if (!bad)
		mail->seat[1].figure[0] = (double)n * 1e9 / median_block(at);
	return bad;
}

int
ck_throughput(const struct bench *b, struct sample *s)
{
	struct crew crew = {0};
	struct shared *r = mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	int bad;

	(void)b;
	if (r == MAP_FAILED)
		return fail("mmap: %s", strerror(errno));
	ck_ring_init(&r->ring, RING_SLOTS);
	bad = run_duo(&crew, work, r);
	if (!bad)
		s->value = crew.mail->seat[1].figure[0];
	crew_free(&crew);
	munmap(r, sizeof *r);
	return bad;
}

const char *
ck_lacks(void)
{
	return NULL;
}

#else

int
ck_throughput(const struct bench *b, struct sample *s)
{
	(void)b;
	(void)s;
	return fail("built without libck-dev");
}

const char *
ck_lacks(void)
{
	return "built without Concurrency Kit (Debian: libck-dev)";
}

#endif

uint64_t
throughput_block(void)
{
	return quick_run ? 10000 : 50000;
}
