/* SPDX-License-Identifier: MIT */
/* The producing side of a cast: taking over, and moving the tail. */
#include "ring/cast.h"

static struct shunt__u64 *
cursor_at(const struct shunt__cast_cursors *all, uint32_t n)
{
	return (struct shunt__u64 *)(void *)(all->first + n * all->stride);
}

/* Where a reader stands that must not be overrun, if it is below @upto: the
 * lowest of them all, else @upto. */
static uint64_t
scan(struct shunt__cast_tx *tx, uint64_t upto)
{
	const struct shunt__cast_cursors *all = &tx->cursors;
	uint64_t low = upto;

	if (all->first == NULL)
		return low;
	uint32_t high = shunt__acquire32(all->high);
	if (high > all->most)
		high = all->most;
	for (uint32_t n = 0; n < high; n++) {
		/* S: pairs with K in shunt__cast_take(): the reader's reads
		 * below are done before we overwrite. */
		uint64_t at = shunt__acquire64(cursor_at(all, n));
		if (!(at & SHUNT__CURSOR_KEPT) ||
		    (at & ~SHUNT__CURSOR_BITS) >= low)
			continue;
		low = at & ~SHUNT__CURSOR_BITS;
		tx->blocker = n;
	}
	return low;
}

void
shunt__cast_mark(struct shunt__cast_tx *tx, uint64_t from, uint64_t to)
{
	uint64_t part = tx->lane.cap / SHUNT__CAST_PARTS;

	for (uint64_t b = from / part + 1; b * part <= to; b++)
		tx->marks[b % SHUNT__CAST_MARKS] = to;
}

/* The first record that does not begin before @wanted, as far as the marks
 * know, but never one behind the newest. */
static uint64_t
mark_behind(const struct shunt__cast_tx *tx, uint64_t wanted)
{
	uint64_t part = tx->lane.cap / SHUNT__CAST_PARTS;

	for (uint64_t b = wanted / part; b * part <= tx->last; b++) {
		uint64_t mark = tx->marks[b % SHUNT__CAST_MARKS];
		if (mark >= wanted && mark <= tx->last)
			return mark;
	}
	return tx->last;
}

int
shunt__cast_make_room(struct shunt__cast_tx *tx, uint64_t need, uint64_t pad)
{
	struct shunt__lane_tx *lane = &tx->lane;
	/* It does not fit, so this is above tail_seen. */
	uint64_t wanted =
	    lane->head + pad + need + SHUNT__LANE_HEAD - lane->cap;

	if (tx->tail < wanted) {
		uint64_t to = mark_behind(tx, wanted);
		/* Of what shunt__lane_tx_adopt() has let pass, the newest
		 * record alone cannot be in the way: it is a quarter at most.
		 */
		if (to < wanted)
			return SHUNT_E_CORRUPT;
		if (scan(tx, to) < to)
			return -EAGAIN;
		tx->tail = to;
		/*
		 * I: pairs with J in shunt__cast_whole(): whoever reads what
		 * we write from now on finds the tail beyond it.  And half of
		 * a pair with shunt__cast_join(): who comes at this moment
		 * finds the new tail, or we find his cursor below.
		 */
		shunt__release64(&lane->ctl->ln_tail, to);
		shunt__fence();
	}
	lane->tail_seen = scan(tx, tx->tail);
	return shunt__lane_fits(lane, need, pad) ? 0 : -EAGAIN;
}

int
shunt__cast_tx_adopt(struct shunt__cast_tx *tx, void *ring, uint64_t cap,
    struct shunt__lane_lay *ctl, const struct shunt__cast_cursors *cursors)
{
	struct shunt__lane_tx lane;
	int e = shunt__lane_tx_adopt(&lane, ring, cap, ctl);

	if (e != 0)
		return e;
	/* Nobody comes so far by writing; the marks count on beyond it. */
	if (lane.head >> 62 != 0)
		return SHUNT_E_CORRUPT;
	memset(tx, 0, sizeof(*tx));
	tx->lane = lane;
	tx->tail = tx->last = lane.tail_seen;
	if (cursors != NULL)
		tx->cursors = *cursors;
	/* Nobody writes here but we, if all are honest: if not, each header is
	 * checked again. */
	for (uint64_t pos = tx->tail; pos < lane.head;) {
		struct shunt__u64 *word = shunt__lane_word(ring, cap, pos);
		int64_t len = shunt__lane_check(shunt__load64(word), pos, cap);
		uint64_t to = pos;
		if (len == -1) {
			to += cap - (pos & (cap - 1));
		} else if (len >= SHUNT__CAST_SEQ &&
			   (uint64_t)len <=
			       shunt__cast_max(cap) + SHUNT__CAST_SEQ) {
			to += shunt__lane_need((uint64_t)len);
			tx->last = pos;
			tx->next = 1 + shunt__load64(shunt__lane_word(
					   ring, cap, pos + SHUNT__LANE_HEAD));
		} else {
			return SHUNT_E_CORRUPT;
		}
		shunt__cast_mark(tx, pos, to);
		pos = to;
	}
	/* Messages that our predecessors dropped after that have numbers. */
	uint64_t skipped = shunt__cast_skipped(ctl);
	if (skipped > tx->next)
		tx->next = skipped;
	/* Those that our predecessor waited for may stand below the tail. */
	tx->lane.tail_seen = scan(tx, tx->tail);
	return 0;
}

/* How many of @msgs go into one step, and the bytes that they need. */
static int
plan(const struct shunt__cast_tx *tx, const struct iovec *msgs, int n,
    uint64_t *bytes, uint64_t *pad)
{
	const struct shunt__lane_tx *lane = &tx->lane;
	uint64_t most = lane->cap / SHUNT__CAST_PARTS * 2;
	uint64_t rest = lane->cap - (lane->head & (lane->cap - 1));
	int k;

	*bytes = shunt__cast_need(msgs[0].iov_len);
	*pad = shunt__cast_pad(tx, *bytes);
	if (*pad == 0 && rest < most)
		most = rest;
	for (k = 1; k < n; k++) {
		uint64_t need = shunt__cast_need(msgs[k].iov_len);
		if (*bytes + need > most)
			break;
		*bytes += need;
	}
	return k;
}

/* Payload and number of one record, and the end of it. */
static uint64_t
lay(struct shunt__cast_tx *tx, uint64_t pos, const struct iovec *msg)
{
	struct shunt__lane_tx *lane = &tx->lane;
	struct shunt__u64 *word =
	    shunt__lane_word(lane->ring, lane->cap, pos + SHUNT__LANE_HEAD);

	shunt__store64(word, tx->next++);
	shunt__cast_put(word + 1, msg->iov_base, msg->iov_len);
	return pos + shunt__cast_need(msg->iov_len);
}

static uint64_t
header(const struct iovec *msg)
{
	return SHUNT__LANE_REC | (SHUNT__CAST_SEQ + msg->iov_len);
}

int
shunt__cast_batch(struct shunt__cast_tx *tx, const struct iovec *msgs, int n)
{
	struct shunt__lane_tx *lane = &tx->lane;
	uint64_t bytes, pad;
	int k = plan(tx, msgs, n, &bytes, &pad);

	if (!shunt__lane_fits(lane, bytes, pad)) {
		int e = shunt__cast_make_room(tx, bytes, pad);
		if (e != 0)
			return e;
	}
	uint64_t from = lane->head, first = from + pad, at = first;
	for (int i = 0; i < k; i++) {
		/* A header behind the first is found through that one only. */
		if (i != 0)
			shunt__store64(
			    shunt__lane_word(lane->ring, lane->cap, at),
			    header(&msgs[i]));
		tx->last = at;
		at = lay(tx, at, &msgs[i]);
	}
	shunt__store64(shunt__lane_word(lane->ring, lane->cap, at), 0);
	if (pad != 0) {
		shunt__store64(shunt__lane_word(lane->ring, lane->cap, 0), 0);
		/* C for the pad. */
		shunt__release64(shunt__lane_word(lane->ring, lane->cap, from),
		    SHUNT__LANE_REC | SHUNT__LANE_PAD);
		shunt__cast_mark(tx, from, first);
	}
	/* C: all of them from here on. */
	shunt__release64(
	    shunt__lane_word(lane->ring, lane->cap, first), header(&msgs[0]));
	lane->head = at;
	for (int i = 0; i < k; i++) {
		at = first + shunt__cast_need(msgs[i].iov_len);
		shunt__cast_mark(tx, first, at);
		first = at;
	}
	return k;
}
