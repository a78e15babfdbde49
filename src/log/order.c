/* SPDX-License-Identifier: MIT */
/*
 * Strict order without a lock: the horizon.  A client makes its lane's busy
 * word odd, then reads the clock, commits, and makes the word even.  We read
 * the clock (T0), then the busy words, wait until each odd one has moved, and
 * only then read the lanes.  A record stamped before T0 belongs to a call that
 * was odd before T0: either we saw it odd and waited for its commit, or it was
 * even again, and committed.  So those records, and only those, are final.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log/drain.h"
#include "os/os.h"

/* Turns to spin for a client that runs on another processor: a call takes
 * less than a microsecond.  One that was preempted needs our processor. */
#define BUSY_SPINS 200

int
shunt__source_init(struct shunt__source *s, struct shunt__object *obj)
{
	memset(s, 0, sizeof(*s));
	s->lanes = calloc(obj->geo.lanes, sizeof(s->lanes[0]));
	s->heap = calloc(obj->geo.lanes, sizeof(s->heap[0]));
	if (s->lanes == NULL || s->heap == NULL) {
		shunt__source_fini(s);
		return -ENOMEM;
	}
	s->obj = obj;
	s->server = shunt__log_server(obj);
	s->note = shunt__log_note(obj);
	return 0;
}

void
shunt__source_fini(struct shunt__source *s)
{
	free(s->lanes);
	free(s->heap);
	s->lanes = NULL;
	s->heap = NULL;
}

static void
begin_lane(struct shunt__source *s, uint32_t i)
{
	struct shunt__cursor *c = &s->lanes[i];

	memset(c, 0, sizeof(*c));
	c->ctl = shunt__object_lane(s->obj, i);
	c->ring = shunt__object_ring(s->obj, i);
	c->cap = s->obj->geo.lane_bytes;
	/* Ours to write while we hold the server's byte: no order needed. */
	c->tail = shunt__load64(&c->ctl->ln_tail);
	c->told = c->next_told = shunt__load64(&c->ctl->ln_told);
	c->durable = shunt__load64(&c->ctl->ln_durable);
	c->pos = c->tail;
	c->lie_pos = UINT64_MAX;
	if ((c->tail & 7) != 0) /* a predecessor's mark, or a scribbler's */
		c->state = SHUNT__CURSOR_CORRUPT;
	else if (shunt__object_probe_lane(s->obj, i) != 0)
		c->state = SHUNT__CURSOR_UNREADY;
}

void
shunt__source_scan(struct shunt__source *s)
{
	uint32_t high = shunt__object_high(s->obj);

	for (; __builtin_expect(s->known < high, 0); s->known++)
		begin_lane(s, s->known);
}

/* Lanes that could not be read may be readable by now: a system call each,
 * so this is asked before a sleep. */
static int
ready(struct shunt__source *s, uint32_t i)
{
	struct shunt__cursor *c = &s->lanes[i];

	if (c->state == SHUNT__CURSOR_UNREADY &&
	    shunt__object_probe_lane(s->obj, i) == 0)
		c->state = SHUNT__CURSOR_READ;
	return c->state == SHUNT__CURSOR_READ;
}

int
shunt__source_any(struct shunt__source *s)
{
	shunt__source_scan(s);
	for (uint32_t i = 0; i < s->known; i++) {
		struct shunt__cursor *c = &s->lanes[i];
		/* V: as below; this only asks whether to look. */
		if (ready(s, i) &&
		    shunt__acquire64(
			shunt__lane_word(c->ring, c->cap, c->pos)) != 0)
			return 1;
		if (shunt__load64(&c->ctl->ln_dropped) > c->told)
			return 1;
	}
	return 0;
}

static int
dead(struct shunt__source *s, uint32_t lane)
{
	/* The kernel frees the byte after the last store of its holder. */
	return shunt__lane_held(s->obj, lane) == 0;
}

/* S3 for one lane that was seen at @busy, odd. */
static void
wait_for(struct shunt__source *s, uint32_t lane, uint32_t busy, uint64_t until)
{
	struct shunt__cursor *c = &s->lanes[lane];
	int64_t nap = 20000;

	for (unsigned i = 0; i < BUSY_SPINS; i++) {
		/* Pairs with C6, the client's even: its commit is visible. */
		if (shunt__acquire32(&c->ctl->ln_busy) != busy)
			return;
		shunt__pause();
	}
	while (shunt__acquire32(&c->ctl->ln_busy) == busy &&
	    !dead(s, lane)) {
		if (shunt__now() >= until) {
			/* Stopped in mid-call.  It delayed the file once; not
			 * again, while it stands at this very call. */
			c->gave_up = busy;
			return;
		}
		shunt__os.nanosleep(nap);
		if (nap < 1000000)
			nap *= 2;
	}
}

/* The clock, and nothing that is read later before it. */
static uint64_t
clock_then_reads(void)
{
	uint64_t now = shunt__now();
#if defined(__x86_64__)
	/* rdtsc may be overtaken by later loads; the vDSO fences before it
	 * only. */
	__builtin_ia32_lfence();
#elif defined(__aarch64__)
	__asm__ volatile("dsb ish\n\tisb" ::: "memory");
#else
	shunt__fence();
#endif
	return now;
}

uint64_t
shunt__order_horizon(struct shunt__source *s)
{
	shunt__source_scan(s);
	if (s->foreign_boot) /* what lies there is no matter of now */
		return UINT64_MAX;
	/*
	 * A lane that was claimed since the scan is not missed: its first
	 * call reads the clock after ct_high was raised.  If that was before
	 * T0, the second scan, behind the fence, sees it.
	 */
	uint64_t t0 = clock_then_reads(); /* S2 */
	shunt__source_scan(s);
	for (uint32_t i = 0; i < s->known; i++) { /* S3 */
		struct shunt__cursor *c = &s->lanes[i];
		uint32_t busy = shunt__acquire32(&c->ctl->ln_busy);
		if (__builtin_expect(busy & 1, 0) && busy != c->gave_up)
			wait_for(s, i, busy, t0 + SHUNT__HOLD_NS);
	}
	return t0;
}

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
		head = shunt__acquire64(
		    shunt__lane_word(c->ring, c->cap, c->pos));
		if (head == 0)
			return 0;
		/* At the ring's start no pad can stand. */
		len = shunt__lane_check(head, c->pos, c->cap);
	}
	if (__builtin_expect(len < 0, 0))
		return corrupt(c);
	/* A producer cannot be further ahead than this: a ring full of stale
	 * headers is not walked for ever. */
	if (__builtin_expect(c->pos + shunt__lane_need((uint64_t)len) -
			    c->tail > c->cap - SHUNT__LANE_HEAD, 0))
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
			s->heap[n++] = (struct shunt__heap_entry){
			    s->lanes[i].stamp, i};
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
