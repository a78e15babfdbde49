/* SPDX-License-Identifier: MIT */

/*
 * Concurrency Kit's ring, single producer and single consumer, moving slots
 * of 64 bytes: the best known ring of its kind in C.  It is given its best
 * form: both its ways to enqueue are run and the faster one counts.
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
	int in_place; /* reserve and commit instead of a copy */
};

static void
produce(struct shared *r, uint64_t n)
{
	struct slot out = {.payload = {.seq = 0}};

	for (uint64_t i = 0; i < n; i++) {
		out.payload.seq = i;
		while (!ck_ring_enqueue_spsc_slot(&r->ring, r->slot, &out))
			continue;
	}
}

static void
produce_in_place(struct shared *r, uint64_t n)
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
consume(struct shared *r, uint64_t n)
{
	struct slot in;

	for (uint64_t i = 0; i < n; i++) {
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
	struct shared *r = arg;
	int bad = 0;

	crew_ready(mail);
	mail->seat[seat].begin_ns = clock_ns();
	if (seat == 1)
		bad = consume(r, throughput_messages());
	else if (r->in_place)
		produce_in_place(r, throughput_messages());
	else
		produce(r, throughput_messages());
	mail->seat[seat].end_ns = clock_ns();
	return bad;
}

static int
run(int in_place, double *rate)
{
	struct crew crew = {0};
	struct shared *r = mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	int bad;

	if (r == MAP_FAILED)
		return fail("mmap: %s", strerror(errno));
	ck_ring_init(&r->ring, RING_SLOTS);
	r->in_place = in_place;
	bad = run_duo(&crew, work, r);
	if (!bad)
		*rate = (double)throughput_messages() * 1e9 /
			(double)(crew_end(&crew) - crew_begin(&crew));
	crew_free(&crew);
	munmap(r, sizeof *r);
	return bad;
}

int
ck_throughput(const struct bench *b, struct sample *s)
{
	double copied = 0, in_place = 0;

	(void)b;
	if (run(0, &copied) < 0 || run(1, &in_place) < 0)
		return -1;
	s->value = copied > in_place ? copied : in_place;
	return 0;
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
throughput_messages(void)
{
	return quick_run ? 2000000 : 10000000;
}
