/* SPDX-License-Identifier: MIT */
/*
 * A writer and a reader are killed at random and started again: every byte of
 * every stream comes once and in order, every stream has its end or its break,
 * and none is taken for the other.
 *
 * Byte k of stream s tells both: (k + 17 s) modulo 251.  The writer notes what
 * it is about to do and what it has done.  So does the reader: of what its
 * predecessor was about to release, it sees by the first byte whether it was
 * (no release is a multiple of 251).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define STREAMS 100000
#define RUN_MS  2500
#define MOST    20000

enum { WRITING = 0, FINISHING = 1, FINISHED = 2 };

struct stream {
	_Atomic uint64_t begun; /* bytes that the calls so far were given */
	_Atomic uint64_t done;  /* bytes of those that returned */
	_Atomic uint32_t state;
};

struct world {
	char name[64];
	_Atomic uint32_t started; /* streams 1 to this one */
	_Atomic uint32_t stop;    /* writer: finish what is begun, and end */
	_Atomic uint32_t over;    /* reader: end when nothing is left */
	_Atomic uint32_t writers; /* lives */
	/* The reader's notes. */
	_Atomic uint32_t at;    /* 2 * stream; + 1: its first byte was seen, and
				   no end yet; those before are accounted for */
	_Atomic uint64_t had;   /* bytes of it */
	_Atomic uint64_t about; /* that a release is about to make of them */
	_Atomic uint64_t bytes, ends, breaks, empty, again;
	struct stream streams[STREAMS];
};

static unsigned char
byte_of(uint32_t stream, uint64_t k)
{
	return (unsigned char)((k + 17 * (uint64_t)stream) % 251);
}

/* ---- writer ---- */

static ssize_t
write_some(struct shunt_stream_writer *w, const unsigned char *buf, size_t len,
    uint64_t way)
{
	if (way % 4 == 0) {
		void *at;
		ssize_t n = shunt_stream_writer_reserve(w, len, &at, NULL);
		if (n <= 0)
			return n;
		memcpy(at, buf, (size_t)n);
		NEED(shunt_stream_writer_commit(w, (size_t)n) == 0);
		return n;
	}
	if (way % 4 == 1) {
		struct iovec v[] = {{(void *)(uintptr_t)buf, len / 3},
		    {(void *)(uintptr_t)(buf + len / 3), len - len / 3}};
		return shunt_stream_writer_writev(w, v, 2, NULL);
	}
	return shunt_stream_writer_write(w, buf, len, NULL);
}

static void
write_stream(struct world *world, struct shunt_stream_writer *w, uint64_t *seed)
{
	uint32_t number = world->started + 1;
	struct stream *s = &world->streams[number];
	uint64_t left = 1 + test_random(seed) % 60000;
	unsigned char buf[MOST];

	NEED(number < STREAMS);
	world->started = number;
	while (left > 0) {
		uint64_t x = test_random(seed);
		size_t len = 1 + (x >> 8) % (x % 8 == 0 ? MOST : 300);

		len = len < left ? len : (size_t)left;
		for (size_t i = 0; i < len; i++)
			buf[i] = byte_of(number, s->done + i);
		s->begun = s->done + len;
		ssize_t n = write_some(w, buf, len, x >> 40);
		if (n < 0)
			fprintf(
			    stderr, "write: %s\n", shunt_error_name((int)n));
		NEED(n > 0 && (size_t)n <= len);
		s->done += (uint64_t)n;
		left -= (uint64_t)n;
	}
	s->state = FINISHING;
	NEED(shunt_stream_writer_finish(w, NULL) == 0);
	s->state = FINISHED;
}

struct place {
	const char *name;
	struct shunt_stream_writer *w;
	struct shunt_stream_reader *r;
};

static int
take_writer(void *arg)
{
	const struct shunt_stream_options o = {
	    .sz = sizeof(o), .lane_bytes = 16384};
	struct place *p = arg;

	return shunt_stream_writer_open(&p->w, p->name, &o);
}

static int
take_reader(void *arg)
{
	struct place *p = arg;

	return shunt_stream_reader_open(&p->r, p->name, NULL);
}

static int
run_writer(void *arg)
{
	struct world *world = arg;
	uint64_t seed = 104729 + 7919 * (uint64_t)world->writers++;
	struct place p = {.name = world->name};

	NEED(peer_succeed(take_writer, &p) >= 0);
	while (!world->stop)
		write_stream(world, p.w, &seed);
	shunt_stream_writer_close(&p.w);
	return 0;
}

/* ---- reader ---- */

/* The first byte of a stream: one that was begun, with none left out of which
 * anything is sure to be there. */
static void
begin(struct world *world, unsigned char byte)
{
	uint32_t number = world->at / 2 + 1;

	while (byte != byte_of(number, 0)) {
		NEED(world->streams[number].done == 0);
		number++;
		NEED(number <= world->started);
	}
	world->had = world->about = 0;
	world->at = number * 2 + 1;
}

static void
account(struct world *world, const unsigned char *bytes, size_t len, int first)
{
	/* Our predecessor may have released, and not noted it. */
	if (first && (world->at & 1) && world->about != world->had &&
	    bytes[0] == byte_of(world->at / 2, world->about))
		world->had = world->about;
	if (!(world->at & 1))
		begin(world, bytes[0]);
	for (size_t i = 0; i < len; i++)
		NEED(bytes[i] == byte_of(world->at / 2, world->had + i));
	NEED(world->had + len <= world->streams[world->at / 2].begun);
}

/* An end or a break, which our predecessor may have seen as well. */
static void
account_mark(struct world *world, int end, int first)
{
	struct stream *s = &world->streams[world->at / 2];

	if (!(world->at & 1) && first) {
		world->again++;
		return;
	}
	if (!(world->at & 1)) {
		/* Its writer was killed in its first write. */
		NEED(!end);
		world->empty++;
		return;
	}
	if (first && world->about != world->had)
		world->had = world->about;
	NEED(world->had >= s->done && world->had <= s->begun);
	NEED(end ? s->state != WRITING : s->state != FINISHED);
	if (end)
		world->ends++;
	else
		world->breaks++;
	world->at &= ~1u;
}

static void
release(struct world *world, struct shunt_stream_reader *r, size_t n)
{
	world->about = world->had + n;
	NEED(shunt_stream_reader_release(r, n) == 0);
	world->had = world->about;
	world->bytes += n;
}

static int
run_reader(void *arg)
{
	const struct shunt_recv_options soon = {
	    .sz = sizeof(soon), .wait_ns = 20 * (int64_t)MS};
	struct world *world = arg;
	struct place p = {.name = world->name};
	uint64_t seed = test_now() | 1;
	int first = 1;

	NEED(peer_succeed(take_reader, &p) >= 0);
	struct shunt_stream_reader *r = p.r;
	for (;;) {
		uint32_t over = world->over;
		const void *bytes;
		ssize_t n = shunt_stream_reader_peek(r, &bytes, &soon);
		if (n == -ETIMEDOUT && over)
			break;
		if (n == -ETIMEDOUT)
			continue;
		if (n > 0) {
			uint64_t x = test_random(&seed);
			if (x % 2 == 0)
				n = 1 + (ssize_t)((x >> 8) % (uint64_t)n);
			n -= n % 251 == 0;
			account(world, bytes, (size_t)n, first);
			if (n > 0)
				release(world, r, (size_t)n);
		} else {
			if (n != 0 && n != SHUNT_E_BROKEN)
				fprintf(stderr, "peek: %s\n",
				    shunt_error_name((int)n));
			NEED(n == 0 || n == SHUNT_E_BROKEN);
			account_mark(world, n == 0, first);
			NEED(shunt_stream_reader_release(r, 0) == 0);
		}
		first = 0;
	}
	shunt_stream_reader_close(&p.r);
	return 0;
}

/* ---- the killer ---- */

int
main(void)
{
	struct world *world = test_shared(sizeof(*world));
	uint64_t seed = test_now() | 1, end = test_now() + RUN_MS * MS;
	const struct shunt_stream_options o = {
	    .sz = sizeof(o), .lane_bytes = 16384};
	struct shunt_stream_writer *keeper;
	uint32_t kills[2] = {0};
	pid_t pid[2];

	alarm(50);
	printf("seed %llu\n", (unsigned long long)seed);
	snprintf(world->name, sizeof(world->name), "%s", test_name("stream"));
	NEED(shunt_stream_writer_open(&keeper, world->name, &o) == 1);
	shunt_stream_writer_close(&keeper);
	int (*const run[])(void *) = {run_writer, run_reader};
	for (int i = 0; i < 2; i++)
		pid[i] = peer_start(run[i], world);
	while (test_now() < end) {
		uint64_t x = test_random(&seed);
		int i = (int)(x >> 20 & 1);
		usleep((useconds_t)((x >> 32) % 4000));
		NEED(kill(pid[i], SIGKILL) == 0);
		NEED(peer_end(pid[i]) == -SIGKILL);
		pid[i] = peer_start(run[i], world);
		kills[i]++;
	}
	world->stop = 1;
	NEED(peer_end(pid[0]) == 0);
	world->over = 1;
	NEED(peer_end(pid[1]) == 0);
	NEED(!test_there(world->name));
	/* All of them, up to those of which nothing came for sure. */
	NEED(!(world->at & 1));
	for (uint32_t s = world->at / 2 + 1; s <= world->started; s++)
		NEED(world->streams[s].done == 0);
	NEED(world->empty <= kills[0]);
	NEED(world->ends + world->breaks <= world->started);
	NEED(kills[0] > 20 && kills[1] > 20 && world->ends > 20);
	NEED(world->breaks > 5 && world->breaks <= kills[0]);
	printf("%llu bytes, %llu ends, %llu breaks, %llu without a byte, "
	       "%u writers and %u readers killed\n",
	    (unsigned long long)world->bytes, (unsigned long long)world->ends,
	    (unsigned long long)world->breaks, (unsigned long long)world->empty,
	    kills[0], kills[1]);
	return 0;
}
