/* SPDX-License-Identifier: MIT */
/* Records that are final (horizon.c), merged by stamp into a batch. */
#include "log/drain.h"
#include "os/os.h"

/* The record has a stamp that cannot be: of the future.  It gets the time of
 * our first look, once and for all, or it would block its lane. */
static __attribute__((noinline)) uint64_t
future(struct shunt__cursor *c, uint64_t stamp)
{
	if (c->lie_pos == c->pos) {
		c->skewed = 1;
		return c->lie_stamp;
	}
	uint64_t now = shunt__now();
	if (stamp > now) {
		c->lie_pos = c->pos;
		c->lie_stamp = stamp = now;
		c->skewed = 1;
	}
	return stamp;
}

static void
stamp_of(struct shunt__cursor *c, uint64_t horizon)
{
	const struct shunt__u64 *at = (const void *)c->record;
	uint64_t stamp = c->len >= 8 ? shunt__load64(at) : c->last;

	c->skewed = 0;
	if (__builtin_expect(stamp >= horizon, 0))
		stamp = future(c, stamp);
	if (__builtin_expect(stamp < c->last, 0)) {
		stamp = c->last;
		c->skewed = 1;
	}
	c->stamp = stamp;
}

/* A header that no producer of ours writes: what is behind it is lost. */
static __attribute__((noinline, cold)) int
corrupt(struct shunt__cursor *c)
{
	c->state = SHUNT__CURSOR_CORRUPT;
	return 0;
}

/*
 * S4, S5: looks at the next record of a lane.  1 if it is there and final.
 * The cursor is private: tail words move in S11 only.
 */
static inline int
look(struct shunt__cursor *c, uint64_t horizon)
{
	/* V: pairs with C in shunt__lane_commit(). */
	uint64_t head =
	    shunt__acquire64(shunt__lane_word(c->ring, c->cap, c->pos));
	if (head == 0)
		return 0;
	int64_t len = shunt__lane_check(head, c->pos, c->cap);
	if (__builtin_expect(len == -1, 0)) {
		c->pos += c->cap - (c->pos & (c->cap - 1));
		head =
		    shunt__acquire64(shunt__lane_word(c->ring, c->cap, c->pos));
		if (head == 0)
			return 0;
		/* At the ring's start no pad can stand. */
		len = shunt__lane_check(head, c->pos, c->cap);
	}
	if (__builtin_expect(len < 0, 0))
		return corrupt(c);
	/* A producer cannot be further ahead than this: a ring full of stale
	 * headers is not walked for ever. */
	if (__builtin_expect(
		c->pos + shunt__lane_need((uint64_t)len) - c->tail >
		    c->cap - SHUNT__LANE_HEAD,
		0))
		return corrupt(c);
	c->record = c->ring + (c->pos & (c->cap - 1)) + SHUNT__LANE_HEAD;
	c->len = (uint64_t)len;
	c->tag = (uint32_t)(head >> 32) & 0xffff;
	stamp_of(c, horizon);
	return c->stamp < horizon;
}

static void
sift_down(struct shunt__heap_entry *heap, uint32_t n, uint32_t i)
{
	struct shunt__heap_entry e = heap[i];

	for (uint32_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && heap[child + 1].stamp < heap[child].stamp)
			child++;
		if (heap[child].stamp >= e.stamp)
			break;
		heap[i] = heap[child];
	}
	heap[i] = e;
}

/* The least stamp of all other lanes. */
static uint64_t
second(const struct shunt__source *s)
{
	uint64_t a = s->count_heap > 1 ? s->heap[1].stamp : UINT64_MAX;
	uint64_t b = s->count_heap > 2 ? s->heap[2].stamp : UINT64_MAX;

	return a < b ? a : b;
}

/*
 * Takes records of the first lane while none of another is older.  1 when the
 * lane has to wait for others, 0 when it has no more, -1: the batch is full.
 */
static int
take_run(struct shunt__source *s, struct shunt__cursor *c, uint64_t horizon,
    struct shunt__format *f, struct shunt__stage *st)
{
	uint64_t bound = second(s);

	do {
		__builtin_prefetch(c->record + 768);
		if (!shunt__line_put(s, c, f, st))
			return -1;
		c->last = c->stamp;
		c->pos += shunt__lane_need(c->len);
		if (!look(c, horizon))
			return 0;
	} while (c->stamp <= bound);
	return 1;
}

/* What was given up on is told behind the lines that were there. */
static void
drops(struct shunt__source *s, uint64_t horizon, struct shunt__format *f,
    struct shunt__stage *st)
{
	/* Nothing older is there; another boot's clock knows no now. */
	uint64_t stamp = s->foreign_boot ? s->next.lc_last : horizon - 1;

	for (uint32_t i = 0; i < s->known && !st->cut; i++)
		shunt__line_drops(s, &s->lanes[i], stamp, f, st);
}

void
shunt__order_fill(struct shunt__source *s, uint64_t horizon,
    struct shunt__format *f, struct shunt__stage *st)
{
	uint32_t n = 0;

	st->len = 0;
	st->lines = 0;
	st->cut = 0;
	s->next = s->done;
	for (uint32_t i = 0; i < s->known; i++)
		if (s->lanes[i].state == SHUNT__CURSOR_READ &&
		    look(&s->lanes[i], horizon))
			s->heap[n++] =
			    (struct shunt__heap_entry){s->lanes[i].stamp, i};
	s->count_heap = n;
	for (uint32_t i = n / 2; i-- > 0;)
		sift_down(s->heap, n, i);
	while (s->count_heap > 0) {
		struct shunt__cursor *c = &s->lanes[s->heap[0].lane];
		int more = take_run(s, c, horizon, f, st);
		if (more < 0)
			break;
		if (more == 0)
			s->heap[0] = s->heap[--s->count_heap];
		else
			s->heap[0].stamp = c->stamp;
		if (s->count_heap > 1)
			sift_down(s->heap, s->count_heap, 0);
	}
	if (!st->cut)
		drops(s, horizon, f, st);
	s->next.lc_lines += st->lines;
	s->next.lc_bytes += st->len;
	s->next.lc_batches++;
}

/* The batch did not happen: what was taken is read again. */
void
shunt__order_rewind(struct shunt__source *s)
{
	for (uint32_t i = 0; i < s->known; i++) {
		struct shunt__cursor *c = &s->lanes[i];
		if (c->state == SHUNT__CURSOR_CORRUPT && c->pos != c->tail)
			c->state = SHUNT__CURSOR_READ;
		if (c->state == SHUNT__CURSOR_READ)
			c->pos = c->tail;
		c->last = c->last_done;
		c->next_told = c->told;
	}
}
