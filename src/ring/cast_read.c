/* SPDX-License-Identifier: MIT */
/* The reading side of a cast, off the common way: beginning, pads, overruns. */
#include "ring/cast.h"

/* A walk over the headers from one position on. */
struct walk {
	struct shunt__cast_rx at; /* cursor and lost are not used */
	uint64_t last;            /* where the last record began */
	uint64_t from;            /* it goes on from here without a jump, */
	uint64_t records;         /* over so many */
	int known;                /* at.next is the number of what follows */
};

/*
 * One record or pad further.  1; 0: nothing there; SHUNT_E_OVERRUN: what is at
 * the position was not written for it, or SHUNT_E_CORRUPT.
 */
static int
step(struct walk *w)
{
	struct shunt__cast_rx *rx = &w->at;
	/* V: as shunt__cast_look(). */
	uint64_t head =
	    shunt__acquire64(shunt__lane_word(rx->ring, rx->cap, rx->pos));
	uint64_t seq = shunt__load64(
	    shunt__lane_word(rx->ring, rx->cap, rx->pos + SHUNT__LANE_HEAD));

	if (!shunt__cast_whole(rx))
		return SHUNT_E_OVERRUN;
	if (head == 0)
		return 0;
	int64_t len = shunt__lane_check(head, rx->pos, rx->cap);
	if (len == -1) {
		rx->pos += rx->cap - (rx->pos & (rx->cap - 1));
		return 1;
	}
	if (len < SHUNT__CAST_SEQ)
		return SHUNT_E_CORRUPT;
	w->last = rx->pos;
	w->records++;
	w->known = 1;
	rx->next = seq + 1;
	rx->pos += shunt__lane_need((uint64_t)len);
	return 1;
}

static uint64_t
tail_of(const struct shunt__cast_rx *rx)
{
	/* J: as shunt__cast_whole(), for who goes there. */
	return shunt__acquire64(&rx->ctl->ln_tail) & ~UINT64_C(7);
}

static void
walk_from(struct walk *w, uint64_t pos)
{
	w->at.pos = w->last = w->from = pos;
	w->records = 0;
}

/* Begins at the tail; what is expected there is not known yet. */
static void
walk_begin(struct walk *w, const struct shunt__cast_rx *rx)
{
	w->at = *rx;
	w->at.kept = 0;
	walk_from(w, tail_of(rx));
	w->at.next = 0;
	w->known = 1; /* an unused ring's first is 0 */
}

#define JUMPS 1000

/* Overrun: on to the tail.  As walk_to_end(). */
static int
jump(struct walk *w, uint64_t begin, int *jumps)
{
	uint64_t tail = tail_of(&w->at);

	/* It only grows, and not so far that it comes round to where the walk
	 * has been: all else is nonsense. */
	if (tail - begin <= w->at.pos - begin)
		return SHUNT_E_CORRUPT;
	walk_from(w, tail);
	w->known = 0;
	return ++*jumps < JUMPS ? 0 : SHUNT_E_OVERRUN;
}

/*
 * To where nothing follows, or a whole ring beyond where it began: what stands
 * there was written after the walk began.  Overrun, it goes on at the tail, so
 * the position only grows.  0, SHUNT_E_CORRUPT, or SHUNT_E_OVERRUN: the tail
 * runs away, again and again.
 */
static int
walk_to_end(struct walk *w)
{
	uint64_t begin = w->at.pos;
	int jumps = 0;

	while (!w->known || w->at.pos - begin < w->at.cap) {
		int e = step(w);
		if (e == 0)
			return w->known ? 0 : SHUNT_E_CORRUPT;
		if (e == SHUNT_E_OVERRUN)
			e = jump(w, begin, &jumps);
		if (e < 0)
			return e;
	}
	return 0;
}

/* To the first record with a number of at least @number that has at least
 * @skip records before it. */
static int
walk_to_record(struct walk *w, uint64_t number, uint64_t skip)
{
	for (uint64_t n = 0; n <= w->at.cap / SHUNT__LANE_HEAD; n++) {
		struct walk before = *w;
		int e = step(w);
		if (e != 1)
			return e == 0 ? 0 : e;
		if (w->records != before.records && w->at.next > number &&
		    before.records >= skip) {
			w->at.pos = before.at.pos;
			w->at.next--;
			return 0;
		}
	}
	return SHUNT_E_CORRUPT;
}

/* Back to the newest @history of a walk to the end.  @gaps: dropped messages
 * have numbers, so records are counted, as long as the tail stands still. */
static int
walk_back(
    struct walk *w, const struct shunt__cast_rx *rx, uint64_t history, int gaps)
{
	uint64_t newest = w->at.next, n = w->records, from = w->from;

	walk_begin(w, rx);
	if (!gaps)
		return walk_to_record(
		    w, history < newest ? newest - history : 0, 0);
	walk_from(w, from);
	return walk_to_record(w, 0, history < n ? n - history : 0);
}

#define EXACTLY 100 /* tries, of a tail that does not stand still */

/* Where a reader begins, at its @try.  0, SHUNT_E_OVERRUN (try again) or
 * SHUNT_E_CORRUPT. */
static int
find(struct shunt__cast_rx *rx, uint64_t history, int try)
{
	/* Before the walk: what it finds nothing at is written later, and so
	 * has a number that is not below. */
	uint64_t skipped = shunt__cast_skipped(rx->ctl);
	struct walk w;
	int e = 0;

	walk_begin(&w, rx);
	if (history != UINT64_MAX)
		e = walk_to_end(&w);
	if (e == 0 && history != 0)
		e = walk_back(&w, rx, history,
		    skipped != 0 && history != UINT64_MAX && try < EXACTLY);
	if (e == 0) {
		rx->pos = w.at.pos;
		rx->next = w.at.next;
		/* What was dropped before we came was not for us. */
		if (history == 0 && rx->next < skipped)
			rx->next = skipped;
	}
	return e;
}

/*
 * K: the other half of the pair in shunt__cast_make_room(): our cursor, then
 * its tail.  The tail not beyond us, the producer finds the cursor before it
 * overwrites anything from here on.
 */
static int
hold(struct shunt__cast_rx *rx)
{
	if (!rx->kept)
		return 1;
	shunt__exchange64(rx->cursor, rx->pos | SHUNT__CURSOR_KEPT);
	shunt__fence();
	return tail_of(rx) <= rx->pos;
}

#define TRIES  1000
#define FREELY 8 /* tries that do not hold up the producer */

int
shunt__cast_join(struct shunt__cast_rx *rx, uint64_t history)
{
	for (int i = 0; i < TRIES; i++) {
		int e = find(rx, history, i);
		if (e == SHUNT_E_CORRUPT)
			return e;
		if (e == SHUNT_E_OVERRUN)
			continue;
		if (hold(rx))
			return 0;
		/* Overtaken; if that happens again and again, the cursor stays
		 * and the producer waits for us. */
		if (i < FREELY)
			shunt__release64(rx->cursor, 0);
	}
	return SHUNT_E_CORRUPT;
}

int
shunt__cast_join_unused(struct shunt__cast_rx *rx)
{
	rx->pos = rx->next = 0;
	return tail_of(rx) == 0 && hold(rx) ? 0 : -EAGAIN;
}

uint64_t
shunt__cast_behind(const struct shunt__cast_rx *rx)
{
	uint64_t tail = tail_of(rx);
	struct walk w;

	w.at = *rx;
	w.known = 1;
	/* Overrun: what is behind the tail is told by the number there. */
	if (!rx->kept && tail > rx->pos) {
		w.at.pos = tail;
		w.known = 0;
	}
	walk_from(&w, w.at.pos);
	if (walk_to_end(&w) != 0 || w.at.next < rx->next)
		return 0;
	return w.at.next - rx->next;
}

int
shunt__cast_overrun(struct shunt__cast_rx *rx)
{
	struct walk w;

	walk_begin(&w, rx);
	if (w.at.pos <= rx->pos)
		return SHUNT_E_CORRUPT; /* the tail moved back */
	/* Twice without a record between: the producer is much faster than we
	 * are.  The newest record is the one that stays longest. */
	if (rx->overruns++ != 0 && walk_to_end(&w) == 0)
		w.at.pos = w.last;
	rx->pos = w.at.pos;
	return SHUNT_E_OVERRUN;
}

int
shunt__cast_look_slow(struct shunt__cast_rx *rx, uint64_t head)
{
	/* A zero may be the end of a later lap: the tail tells. */
	if (!shunt__cast_whole(rx))
		return shunt__cast_overrun(rx);
	if (head == 0)
		return -EAGAIN;
	if (shunt__lane_check(head, rx->pos, rx->cap) != -1)
		return SHUNT_E_CORRUPT;
	rx->pos += rx->cap - (rx->pos & (rx->cap - 1));
	if (rx->kept) /* K: as shunt__cast_take() */
		shunt__release64(rx->cursor, rx->pos | SHUNT__CURSOR_KEPT);
	/* Again, at word 0, where no pad can stand: no loop is possible. */
	return shunt__cast_look(rx);
}
