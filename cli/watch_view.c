/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "watch_view.h"

/* What changed since the last look, and how long ago each byte did. */

#define TICK_NS (INT64_C(1000000) * 10)
#define PIECE   4096 /* compared at once: most of a segment is at rest */

int64_t
view_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

void
view_free(struct view *v)
{
	free(v->bytes);
	free(v->fresh);
	free(v->when);
	*v = (struct view){0};
}

void
view_move(struct view *v, uint64_t at, uint64_t want)
{
	view_free(v);
	v->at = at;
	v->want = want < VIEW_MOST ? want : VIEW_MOST;
	v->born_ns = view_now();
}

/* When the bytes from @i on changed is of no interest any more. */
static void
forget_from(struct view *v, size_t i)
{
	if (v->when != NULL && i < v->len)
		memset(v->when + i, 0, (v->len - i) * sizeof(*v->when));
}

void
view_forget(struct view *v)
{
	forget_from(v, 0);
	v->known = 0;
	v->len = 0;
	v->last_ns = 0;
}

/* Room for @want bytes; untouched pages of it cost nothing. */
static int
make_room(struct view *v)
{
	size_t want = v->want > 0 ? (size_t)v->want : 1;

	if (v->room >= want)
		return 0;
	v->bytes = calloc(1, want);
	v->fresh = calloc(1, want);
	v->when = calloc(want, sizeof(*v->when));
	if (v->bytes == NULL || v->fresh == NULL || v->when == NULL) {
		uint64_t at = v->at, bytes = v->want;

		view_move(v, at, bytes);
		return -ENOMEM;
	}
	v->room = want;
	return 0;
}

ssize_t
view_read(
    struct view *v, const char *name, const struct shunt_segment_options *opts)
{
	int r = make_room(v);

	if (r < 0)
		return r;
	return shunt_segment_read(name, v->at, v->fresh, (size_t)v->want, opts);
}

static uint32_t
tick(const struct view *v, int64_t now_ns)
{
	int64_t ticks = (now_ns - v->born_ns) / TICK_NS + 1;

	return ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX;
}

/* The end of the run of changes that begins at @i. */
static size_t
run_end(const struct view *v, size_t i, size_t n)
{
	while (i < n && v->bytes[i] != v->fresh[i])
		i++;
	return i;
}

/* Where the next difference from @i on is, or @n. */
static size_t
differs(const struct view *v, size_t i, size_t n)
{
	while (i < n) {
		size_t m = n - i < PIECE ? n - i : PIECE;

		if (memcmp(v->bytes + i, v->fresh + i, m) == 0) {
			i += m;
			continue;
		}
		while (v->bytes[i] == v->fresh[i])
			i++;
		return i;
	}
	return n;
}

uint64_t
view_take(struct view *v, size_t n, view_change_fn *fn, void *arg)
{
	/* Bytes that were not there before have no old value. */
	size_t both = !v->known ? 0 : n < v->len ? n : v->len;
	int64_t now_ns = view_now();
	unsigned char *old = v->bytes;
	uint64_t runs = 0;

	for (size_t i = differs(v, 0, both); i < both;) {
		size_t end = run_end(v, i, both);

		for (size_t k = i; k < end; k++)
			v->when[k] = tick(v, now_ns);
		if (fn != NULL)
			fn(arg, v->at + i, end - i, old + i, v->fresh + i);
		v->last = v->at + i;
		v->last_ns = now_ns;
		runs++;
		i = differs(v, end, both);
	}
	forget_from(v, n);
	v->bytes = v->fresh;
	v->fresh = old;
	v->len = n;
	v->known = 1;
	return runs;
}

int64_t
view_age(const struct view *v, uint64_t off, int64_t now_ns)
{
	uint64_t i = off - v->at;

	if (off < v->at || i >= v->len || v->when[i] == 0)
		return -1;
	return (int64_t)(tick(v, now_ns) - v->when[i]) * TICK_NS;
}

uint64_t
view_next(const struct view *v, uint64_t off)
{
	for (uint64_t i = off > v->at ? off - v->at : 0; i < v->len; i++)
		if (v->when[i] != 0)
			return v->at + i;
	return UINT64_MAX;
}
