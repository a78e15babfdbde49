/* SPDX-License-Identifier: MIT */
/*
 * Streams, one after the other through one object.  Each 8-byte word says
 * which stream it belongs to and where; how long a stream is follows from its
 * number.  The writer notes what it has written, the reader what it is about
 * to release.  So the reader, whichever of its lives, must see every word once
 * (those being released when it was killed: perhaps twice), every end at its
 * place, and a break just there where a writer was killed.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include <shunt.h>

#include "proc/libsquad.h"

enum { WRITER, READER, BOTH };

#define IDS 65536u /* of streams that are remembered */

/* A place is stream << 32 | word. */
struct world {
	char name[64];
	_Atomic uint32_t stop, finish;
	_Atomic uint64_t progress;
	_Atomic uint64_t stream;        /* the last one begun, from 1 on */
	_Atomic uint32_t written[IDS];  /* words, noted after the call */
	_Atomic uint32_t finished[IDS]; /* likewise */
	_Atomic uint64_t from, to;      /* of what the reader releases: it is
					   at `to` if that was done */
	_Atomic uint64_t words, ends, breaks, none, again;
};

static uint32_t
length(uint64_t stream)
{
	uint64_t x = stream * UINT64_C(0x9e3779b97f4a7c15);

	return 1 + (uint32_t)(x >> 32) % 20000;
}

static const struct shunt_stream_options small = {
    .sz = sizeof(small), .lane_bytes = 16384};

static void
write_stream(struct world *w, struct shunt_stream_writer *writer, uint64_t id)
{
	uint32_t all = length(id), done = 0;
	uint64_t words[400];

	while (done < all) {
		uint32_t n = 1 + (uint32_t)(id + done) % 400;
		if (n > all - done)
			n = all - done;
		for (uint32_t i = 0; i < n; i++)
			words[i] = id << 32 | (done + i);
		ssize_t len = n * (ssize_t)sizeof(words[0]);
		NEED(shunt_stream_writer_write(
			 writer, words, (size_t)len, NULL) == len);
		done += n;
		w->written[id % IDS] = done;
	}
	NEED(shunt_stream_writer_finish(writer, NULL) == 0);
	w->finished[id % IDS] = 1;
}

static struct shunt_stream_writer *my_writer;
static struct shunt_stream_reader *my_reader;

static int
take_writer(void *world)
{
	return shunt_stream_writer_open(
	    &my_writer, ((struct world *)world)->name, &small);
}

static int
take_reader(void *world)
{
	return shunt_stream_reader_open(
	    &my_reader, ((struct world *)world)->name, &small);
}

static int
write_all(struct world *w)
{
	NEED(peer_succeed(take_writer, w) >= 0);
	struct shunt_stream_writer *writer = my_writer;
	while (!w->stop) {
		uint64_t id = w->stream + 1;
		w->written[id % IDS] = w->finished[id % IDS] = 0;
		w->stream = id;
		write_stream(w, writer, id);
	}
	shunt_stream_writer_close(&writer);
	return 0;
}

static uint64_t
next_stream(uint64_t place)
{
	return ((place >> 32) + 1) << 32;
}

/* This was seen, up to @to; kept by a kill between here and the release. */
static void
note(struct world *w, uint64_t from, uint64_t to)
{
	w->from = from;
	w->to = to;
	w->progress++;
}

/* @fresh: the last reader was killed, and may not have released. */
static void
take_words(struct world *w, const uint64_t *words, size_t n, int fresh)
{
	uint64_t first = words[0], place = w->to;

	if (fresh && first == w->from && first != place) {
		w->again += n;
		place = first;
	}
	if (first != place) {
		/* Of streams that were passed over nothing was written. */
		NEED((uint32_t)first == 0 && (uint32_t)place == 0);
		NEED(first > place && first >> 32 <= w->stream);
		for (uint64_t id = place >> 32; id < first >> 32; id++)
			NEED(w->written[id % IDS] == 0);
	}
	for (size_t i = 1; i < n; i++)
		NEED(words[i] == first + i);
	NEED((uint32_t)words[n - 1] < length(first >> 32));
	note(w, first, first + n);
	w->words += n;
}

static void
take_end(struct world *w, int fresh)
{
	uint64_t place = w->to;

	if (fresh && (uint32_t)place == 0) {
		place = w->from;
		w->again++;
	}
	NEED((uint32_t)place == length(place >> 32));
	note(w, place, next_stream(place));
	w->ends++;
}

/* All that was noted came before; a writer that had nothing is no news. */
static void
take_break(struct world *w, int fresh)
{
	uint64_t place = w->to, id = place >> 32;

	if ((uint32_t)place == 0) {
		w->none++;
		w->again += (uint64_t)fresh;
		return;
	}
	NEED(w->written[id % IDS] <= (uint32_t)place);
	NEED(w->finished[id % IDS] == 0);
	note(w, place, next_stream(place));
	w->breaks++;
}

/* Something is there or comes soon, whatever happens to the writer; unless he
 * was the last one. */
static ssize_t
wait_for_some(const struct world *w, struct shunt_stream_reader *reader,
    const void **bytes, int way)
{
	const struct shunt_recv_options soon = {
	    .sz = sizeof(soon), .wait_ns = way == 2 ? -1 : 50 * (int64_t)MS};
	ssize_t n = shunt_stream_reader_peek(reader, bytes, &soon);

	if (way != 2 || n != -EAGAIN)
		return n == -ETIMEDOUT ? -EAGAIN : n;
	struct pollfd p = {
	    .fd = shunt_stream_reader_fd(reader), .events = POLLIN};
	uint64_t end = test_now() + STILL_MOST * MS;
	NEED(p.fd >= 0);
	while (poll(&p, 1, 100) != 1 && !w->finish)
		NEED(test_now() < end);
	return n;
}

static int
read_all(struct world *w, uint32_t life)
{
	int fresh = 1, way = (int)(life % 3);

	NEED(peer_succeed(take_reader, w) >= 0);
	struct shunt_stream_reader *reader = my_reader;
	for (;;) {
		const void *bytes;
		int last = (int)w->finish;
		ssize_t n = wait_for_some(w, reader, &bytes, last ? 0 : way);
		if (n == -EAGAIN && last)
			break;
		if (n == -EAGAIN)
			continue;
		NEED(n >= 0 || n == SHUNT_E_BROKEN);
		NEED(n < 0 || n % 8 == 0);
		if (n > 0)
			take_words(w, bytes, (size_t)n / 8, fresh);
		else if (n == 0)
			take_end(w, fresh);
		else
			take_break(w, fresh);
		fresh = 0;
		NEED(shunt_stream_reader_release(
			 reader, n > 0 ? (size_t)n : 0) == 0);
	}
	shunt_stream_reader_close(&reader);
	return 0;
}

static int
run(void *world, uint32_t member, uint32_t life)
{
	return member == WRITER ? write_all(world) : read_all(world, life);
}

int
soak_stream(uint64_t seed, uint64_t ms)
{
	struct world *w = test_shared(sizeof(*w));
	struct squad squad = {
	    .n = BOTH, .world = w, .run = run, .progress = &w->progress};
	struct shunt_stream_reader *none;

	w->to = w->from = UINT64_C(1) << 32;
	snprintf(w->name, sizeof(w->name), "%s", test_name("soak-stream"));
	squad_begin(&squad);
	squad_suffer(&squad, &seed, ms);
	squad_free(&squad);
	w->stop = 1;
	squad_end(&squad, WRITER, READER);
	w->finish = 1;
	squad_end(&squad, READER, BOTH);
	/* To the end of the last one that was finished. */
	int bad = w->to != (w->stream + 1) << 32;
	printf("soak stream: %llu words, %llu ends, %llu breaks, %llu of them "
	       "without a word, %llu kills, %llu stops, %llu again, %d lost\n",
	    (unsigned long long)w->words, (unsigned long long)w->ends,
	    (unsigned long long)(w->breaks + w->none),
	    (unsigned long long)w->none, (unsigned long long)squad.kills,
	    (unsigned long long)squad.stops, (unsigned long long)w->again, bad);
	NEED(w->words > 0 && w->ends > 0 && w->breaks > 0);
	/* All may have died at once: the last one may have left it. */
	if (shunt_stream_reader_open(&none, w->name, &small) >= 0)
		shunt_stream_reader_close(&none);
	NEED(!test_there(w->name));
	return bad;
}
