/* SPDX-License-Identifier: MIT */
/*
 * A stream through a small ring whose position stands 1,000 bytes before its
 * end, so that the pieces of a victim go over it.  The bytes are those of all
 * messages, one behind the other.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <shunt.h>

#include "cases.h"

#define BYTES 2464u /* of all messages */
#define HALF  856u  /* of the first three */

static const struct shunt_send_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options at_once = {
    .sz = sizeof(at_once), .wait_ns = SHUNT_NOWAIT};

static unsigned char all[BYTES]; /* filled in the harness */

static void
fill_all(void)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < MESSAGES; i++) {
		memcpy(all + at, message_text(i), message_size[i]);
		at += message_size[i];
	}
	if (at != BYTES)
		printf("the messages have %u bytes\n", at);
}

static struct shunt_stream_writer *
writer(const struct world *w, uint32_t flags)
{
	struct shunt_stream_writer *s = NULL;
	struct shunt_stream_options o = {
	    .sz = sizeof(o), .flags = flags, .lane_bytes = 4096};

	if (strstr(w->name, "stream-over") != NULL)
		o.flags |= SHUNT_STREAM_OVERWRITE;
	if (shunt_stream_writer_open(&s, w->name, &o) < 0)
		printf("%s\n", shunt_error_detail());
	return s;
}

static struct shunt_stream_reader *
reader(const struct world *w)
{
	struct shunt_stream_reader *s = NULL;

	if (shunt_stream_reader_open(&s, w->name, NULL) < 0)
		printf("%s\n", shunt_error_detail());
	return s;
}

static int
put(struct shunt_stream_writer *s, uint32_t from, uint32_t to)
{
	return shunt_stream_writer_write(s, all + from, to - from, &now) ==
	       (ssize_t)(to - from);
}

/* Persistent; position near the end; then @bytes, and their end or not. */
static struct world *
make_world(const char *stem, uint32_t bytes, int ended)
{
	struct world *w = world_make(stem);
	unsigned char buf[4096];
	struct shunt_stream_writer *out;
	struct shunt_stream_reader *in;

	fill_all();
	if (w == NULL)
		return NULL;
	out = writer(w, SHUNT_STREAM_PERSISTENT | SHUNT_STREAM_EXCLUSIVE);
	in = reader(w);
	if (out == NULL || in == NULL)
		return NULL;
	memset(buf, 0, sizeof(buf));
	if (shunt_stream_writer_write(out, buf, 3080, &now) != 3080 ||
	    shunt_stream_writer_finish(out, &now) != 0)
		return NULL;
	ssize_t n;
	while (
	    (n = shunt_stream_reader_read(in, buf, sizeof(buf), &at_once)) > 0)
		;
	if (n != 0 || (bytes != 0 && !put(out, 0, bytes)) ||
	    (ended && shunt_stream_writer_finish(out, &now) != 0))
		return NULL;
	shunt_stream_writer_close(&out);
	shunt_stream_reader_close(&in);
	world_keep(w);
	return w;
}

static void *
setup_empty(void *arg)
{
	return make_world(arg, 0, 0);
}

static void *
setup_broken(void *arg)
{
	return make_world(arg, HALF, 0);
}

static void *
setup_whole(void *arg)
{
	return make_world(arg, BYTES, 1);
}

/* All bytes up to an end (0), a break or nothing more: which, and how many. */
static int
rest(struct shunt_stream_reader *s, unsigned char *buf, uint32_t *len)
{
	ssize_t n;

	*len = 0;
	while ((n = shunt_stream_reader_read(
		    s, buf + *len, 4096 - *len, &at_once)) > 0)
		*len += (uint32_t)n;
	return (int)n;
}

/* Whatever was, the next stream is whole. */
static int
goes_on(struct world *w, struct shunt_stream_reader *in)
{
	struct shunt_stream_writer *out = writer(w, SHUNT_STREAM_EXISTING);
	unsigned char buf[4096];
	uint32_t len;

	CHECK(out != NULL);
	for (int round = 0; round < 3; round++) {
		CHECK(put(out, 0, BYTES));
		CHECK(shunt_stream_writer_finish(out, &now) == 0);
		CHECK(rest(in, buf, &len) == 0);
		CHECK(len == BYTES && memcmp(buf, all, len) == 0);
	}
	CHECK(rest(in, buf, &len) == -EAGAIN && len == 0);
	shunt_stream_writer_close(&out);
	shunt_stream_reader_close(&in);
	CHECK(world_leftovers(w) == 0);
	return 0;
}

/* ---- writing ---- */

/* Notes: bytes written, and whether the end was. */
static void
write_all(struct world *w, struct shunt_stream_writer *s)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < MESSAGES; i++) {
		w->p->done[2] = at + message_size[i];
		sweep_require(put(s, at, at + message_size[i]));
		w->p->done[0] = at += message_size[i];
	}
	w->p->done[3] = 1;
	sweep_require(shunt_stream_writer_finish(s, &now) == 0);
	w->p->done[1] = 1;
}

static void
victim_write(void *ctx)
{
	struct world *w = ctx;
	struct shunt_stream_writer *s = writer(w, 0);

	sweep_require(s != NULL);
	sweep_begin();
	write_all(w, s);
	sweep_end();
}

static void
victim_open(void *ctx)
{
	struct world *w = ctx;

	sweep_begin();
	struct shunt_stream_writer *s = writer(w, 0);
	sweep_require(s != NULL);
	sweep_require(put(s, 0, message_size[0]));
	w->p->done[0] = message_size[0];
	shunt_stream_writer_close(&s);
	sweep_end();
}

static void
victim_reserve(void *ctx)
{
	struct world *w = ctx;
	struct shunt_stream_writer *s = writer(w, 0);
	uint32_t at = 0;
	void *room;

	sweep_require(s != NULL);
	sweep_begin();
	while (at < BYTES) {
		ssize_t n = shunt_stream_writer_reserve(s, 900, &room, &now);
		sweep_require(n > 0);
		n = n < (ssize_t)(BYTES - at) ? n : (ssize_t)(BYTES - at);
		memcpy(room, all + at, (size_t)n);
		w->p->done[2] = at + (uint32_t)n;
		sweep_require(shunt_stream_writer_commit(s, (size_t)n) == 0);
		w->p->done[0] = at += (uint32_t)n;
	}
	w->p->done[3] = 1;
	sweep_require(shunt_stream_writer_finish(s, &now) == 0);
	w->p->done[1] = 1;
	sweep_end();
}

/* What was written is there, at most the call at hand beside it, and what
 * came of the stream is told. */
static int
written(struct world *w, struct shunt_stream_reader *s, uint32_t most)
{
	unsigned char buf[4096];
	uint32_t len;
	int end = rest(s, buf, &len);

	CHECK(len >= w->p->done[0] && len <= most);
	CHECK(memcmp(buf, all, len) == 0);
	if (w->p->done[1]) {
		CHECK(end == 0);
	} else if (w->p->done[3]) {
		CHECK(end == 0 || end == SHUNT_E_BROKEN);
	} else if (len > 0) {
		CHECK(end == SHUNT_E_BROKEN);
	} else { /* its pad may be there, and nothing else */
		CHECK(end == -EAGAIN || end == SHUNT_E_BROKEN);
	}
	CHECK(rest(s, buf, &len) == -EAGAIN && len == 0);
	return 0;
}

static int
check_written(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	struct shunt_stream_reader *s = reader(w);

	(void)point;
	CHECK(s != NULL);
	return written(w, s, w->p->done[2]) || goes_on(w, s);
}

static int
check_opened(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	struct shunt_stream_reader *s = reader(w);

	(void)point;
	CHECK(s != NULL);
	return written(w, s, message_size[0]) || goes_on(w, s);
}

/* Behind a break that is told once, whether its writer came to say so or not.
 */
static void
victim_takeover(void *ctx)
{
	struct world *w = ctx;

	sweep_begin();
	struct shunt_stream_writer *s = writer(w, 0);
	sweep_require(s != NULL);
	write_all(w, s);
	sweep_end();
}

static int
check_takeover(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	struct shunt_stream_reader *s = reader(w);
	unsigned char buf[4096];
	uint32_t len;

	(void)point;
	CHECK(s != NULL);
	CHECK(rest(s, buf, &len) == SHUNT_E_BROKEN);
	CHECK(len == HALF && memcmp(buf, all, len) == 0);
	return written(w, s, w->p->done[2]) || goes_on(w, s);
}

/* ---- a full ring: the writer spins, sleeps and times out ---- */

static void
victim_full(void *ctx)
{
	struct world *w = ctx;
	struct shunt_stream_writer *s = writer(w, 0);
	struct shunt_send_options brief = {
	    .sz = sizeof(brief), .wait_ns = 200000};
	unsigned char buf[4096];

	sweep_require(s != NULL);
	memset(buf, 0, sizeof(buf));
	while (shunt_stream_writer_write(s, buf, 4096, &now) > 0)
		;
	sweep_begin();
	sweep_require(
	    shunt_stream_writer_write(s, buf, 100, &brief) == -ETIMEDOUT);
	sweep_end();
}

static int
check_full(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	struct shunt_stream_reader *s = reader(w);
	unsigned char buf[8192];
	uint32_t len;

	(void)point;
	CHECK(s != NULL);
	CHECK(rest(s, buf, &len) == 0);
	CHECK(len == BYTES && memcmp(buf, all, len) == 0);
	CHECK(rest(s, buf, &len) == SHUNT_E_BROKEN && len > 1000);
	return goes_on(w, s);
}

/* ---- reading ---- */

static const uint32_t part[] = {100, 30, 700, 50, 1000, 584};
#define PARTS (sizeof(part) / sizeof(part[0]))

/* Notes: bytes that were had, bytes that may have been, the end. */
static void
victim_read(void *ctx)
{
	struct world *w = ctx;
	unsigned char buf[2048];
	uint32_t at = 0;

	sweep_begin();
	struct shunt_stream_reader *s = reader(w);
	sweep_require(s != NULL);
	for (uint32_t i = 0; i < PARTS; i++) {
		w->p->done[2] = at + part[i];
		sweep_require(shunt_stream_reader_read(s, buf, part[i],
				  &at_once) == (ssize_t)part[i]);
		sweep_require(memcmp(buf, all + at, part[i]) == 0);
		w->p->done[0] = at += part[i];
	}
	w->p->done[3] = 1;
	sweep_require(shunt_stream_reader_read(s, buf, part[0], &at_once) == 0);
	w->p->done[1] = 1;
	sweep_require(
	    shunt_stream_reader_read(s, buf, part[0], &at_once) == -EAGAIN);
	sweep_end();
}

static void
victim_peek(void *ctx)
{
	struct world *w = ctx;
	struct shunt_stream_reader *s = reader(w);
	const void *bytes;
	uint32_t at = 0;

	sweep_require(s != NULL);
	sweep_begin();
	while (at < BYTES) {
		ssize_t n = shunt_stream_reader_peek(s, &bytes, &at_once);
		sweep_require(n > 0);
		n = n > 300 ? 300 : n;
		sweep_require(memcmp(bytes, all + at, (size_t)n) == 0);
		w->p->done[2] = at + (uint32_t)n;
		sweep_require(shunt_stream_reader_release(s, (size_t)n) == 0);
		w->p->done[0] = at += (uint32_t)n;
	}
	sweep_require(shunt_stream_reader_peek(s, &bytes, &at_once) == 0);
	w->p->done[3] = 1;
	sweep_require(shunt_stream_reader_release(s, 0) == 0);
	w->p->done[1] = 1;
	shunt_stream_reader_close(&s);
	sweep_end();
}

/* The next reader goes on at the byte, and has the end unless it was had. */
static int
check_read(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	struct shunt_stream_reader *s = reader(w);
	unsigned char buf[4096];
	uint32_t len, from;
	int end;

	(void)point;
	CHECK(s != NULL);
	end = rest(s, buf, &len);
	CHECK(len <= BYTES);
	from = BYTES - len;
	CHECK(from >= w->p->done[0] && from <= w->p->done[2]);
	CHECK(memcmp(buf, all + from, len) == 0);
	if (w->p->done[1]) {
		CHECK(end == -EAGAIN);
	} else if (w->p->done[3]) {
		CHECK(end == 0 || end == -EAGAIN);
	} else {
		CHECK(end == 0);
	}
	return goes_on(w, s);
}

/* Nobody is there to say that it is broken. */
static void
victim_left(void *ctx)
{
	struct world *w = ctx;
	struct shunt_stream_reader *s = reader(w);
	unsigned char buf[2048];
	const void *bytes;

	sweep_require(s != NULL);
	sweep_begin();
	sweep_require(shunt_stream_reader_read(s, buf, HALF, &at_once) == HALF);
	w->p->done[0] = w->p->done[2] = HALF;
	sweep_require(
	    shunt_stream_reader_peek(s, &bytes, &at_once) == SHUNT_E_BROKEN);
	w->p->done[3] = 1;
	sweep_require(shunt_stream_reader_release(s, 0) == 0);
	w->p->done[1] = 1;
	sweep_require(shunt_stream_reader_peek(s, &bytes, &at_once) == -EAGAIN);
	sweep_end();
}

static int
check_left(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	struct shunt_stream_reader *s = reader(w);
	unsigned char buf[4096];
	uint32_t len;
	int end;

	(void)point;
	CHECK(s != NULL);
	end = rest(s, buf, &len);
	CHECK(len <= HALF - w->p->done[0]);
	CHECK(memcmp(buf, all + (HALF - len), len) == 0);
	if (w->p->done[1]) {
		CHECK(end == -EAGAIN);
	} else if (w->p->done[3]) {
		CHECK(end == SHUNT_E_BROKEN || end == -EAGAIN);
	} else {
		CHECK(end == SHUNT_E_BROKEN);
	}
	return goes_on(w, s);
}

/* An empty stream: the reader spins, sleeps and times out. */
static void
victim_park(void *ctx)
{
	struct world *w = ctx;
	struct shunt_stream_reader *s = reader(w);
	struct shunt_recv_options brief = {
	    .sz = sizeof(brief), .wait_ns = 200000};
	unsigned char buf[64];

	sweep_require(s != NULL);
	sweep_begin();
	sweep_require(shunt_stream_reader_read(s, buf, sizeof(buf), &brief) ==
		      -ETIMEDOUT);
	sweep_end();
}

static int
check_parked(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	struct shunt_stream_reader *s = reader(w);
	unsigned char buf[4096];
	uint32_t len;

	(void)point;
	CHECK(s != NULL);
	CHECK(rest(s, buf, &len) == -EAGAIN && len == 0);
	return goes_on(w, s);
}

/* ---- a grid: the writer is killed while somebody reads ---- */

static void
victim_read_what_comes(void *ctx)
{
	struct world *w = ctx;
	struct shunt_stream_reader *s = reader(w);
	unsigned char buf[4096];
	ssize_t n;

	sweep_require(s != NULL);
	sweep_begin();
	while (
	    (n = shunt_stream_reader_read(s, buf, sizeof(buf), &at_once)) > 0) {
		uint32_t had = w->p->guard[0];
		sweep_require(memcmp(buf, all + had, (size_t)n) == 0);
		w->p->guard[0] = had + (uint32_t)n;
	}
	w->p->guard[1] = n == 0;
	w->p->guard[2] = n == SHUNT_E_BROKEN;
	sweep_require(n == 0 || n == SHUNT_E_BROKEN || n == -EAGAIN);
	sweep_end();
}

/* The reader and the survivor together: all bytes, and one end of them. */
static int
check_both(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	struct shunt_stream_reader *s = reader(w);
	uint32_t had = w->p->guard[0], len;
	unsigned char buf[4096];
	int end;

	(void)point;
	CHECK(s != NULL);
	end = rest(s, buf, &len);
	CHECK(had + len >= w->p->done[0] && had + len <= w->p->done[2]);
	CHECK(memcmp(buf, all + had, len) == 0);
	if (w->p->guard[1] || w->p->guard[2]) {
		CHECK(len == 0 && end == -EAGAIN);
		CHECK(!w->p->done[1] || w->p->guard[1]);
	} else if (w->p->done[1]) {
		CHECK(end == 0);
	} else if (had + len > 0) {
		CHECK(end == SHUNT_E_BROKEN || (end == 0 && w->p->done[3]));
	}
	return goes_on(w, s);
}

static const struct sweep_case other_reader = {.name = "other-reader",
    .setup = setup_empty,
    .victim = victim_read_what_comes,
    .check = check_both,
    .teardown = world_free,
    .image = world_image,
    .arg = (void *)"grid-stream"};

#define CASE(n, s, v, c)                                                       \
	{                                                                      \
		.name = n, .setup = s, .victim = v, .check = c,                \
		.teardown = world_free, .rearm = world_rearm,                  \
		.image = world_image, .arg = (void *)n                         \
	}

const struct sweep_case stream_cases[] = {
    CASE("stream-open", setup_empty, victim_open, check_opened),
    CASE("stream-write", setup_empty, victim_write, check_written),
    CASE("stream-reserve", setup_empty, victim_reserve, check_written),
    CASE("stream-takeover", setup_broken, victim_takeover, check_takeover),
    CASE("stream-full", setup_whole, victim_full, check_full),
    CASE("stream-read", setup_whole, victim_read, check_read),
    CASE("stream-peek", setup_whole, victim_peek, check_read),
    CASE("stream-left", setup_broken, victim_left, check_left),
    CASE("stream-park", setup_empty, victim_park, check_parked),
    CASE("stream-over-write", setup_empty, victim_write, check_written),
    CASE("stream-over-next", setup_broken, victim_takeover, check_takeover),
    CASE("stream-over-read", setup_whole, victim_read, check_read),
    {.name = "grid-stream",
	.setup = setup_empty,
	.victim = victim_write,
	.check = check_both,
	.teardown = world_free,
	.rearm = world_rearm,
	.image = world_image,
	.arg = (void *)"grid-stream",
	.peer = &other_reader,
	.grid_points = 150},
};

const size_t stream_case_count = sizeof(stream_cases) / sizeof(stream_cases[0]);
