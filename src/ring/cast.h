/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_RING_CAST_H
#define SHUNT_RING_CAST_H

/*
 * A cast: a lane whose records any number of readers get, each by a position
 * of its own.  It is a lane as in ring/lane.h but for two things: its producer
 * moves the tail, and the first 8 bytes of each payload are the record's
 * sequence number.  It works on bare memory and knows no process.
 *
 * The tail never moves back and is moved before anything below it is
 * overwritten: a reader that has read at a position, and then finds the tail
 * not beyond it, has read what was written there.  It is moved by an eighth of
 * the ring or so, that its line is written rarely, and never past the newest
 * record: a record is at most a quarter of the ring, so there is always room.
 *
 * A reader that must not be overrun has a cursor, a word that its producers
 * look at before they overwrite.  docs/ordering.md, "topic", names the pairs:
 *   C  producer's commit       -> V  reader's look at a header
 *   I  producer's tail         -> J  reader's look at the tail
 *   K  reader's cursor         -> S  producer's scan of the cursors
 */

#include <sys/uio.h>

#include "base/copy.h"
#include "ring/lane.h"

/* A cursor word: a position, a multiple of 8, and what it is worth. */
#define SHUNT__CURSOR_KEPT  UINT64_C(1) /* not to be overwritten */
#define SHUNT__CURSOR_SHOWN UINT64_C(2) /* for people only */
#define SHUNT__CURSOR_BITS  UINT64_C(7)

#define SHUNT__CAST_SEQ   8 /* bytes of the sequence number */
#define SHUNT__CAST_PARTS 8
#define SHUNT__CAST_MARKS 16 /* of two laps, so that none is mistaken */

/* The cursors of one cast, of all readers. */
struct shunt__cast_cursors {
	unsigned char *first; /* NULL: nobody is waited for */
	size_t stride;
	const struct shunt__u32 *high; /* so many were in use, but at most */
	uint32_t most;
};

struct shunt__cast_tx {
	struct shunt__lane_tx lane; /* tail_seen: below it we may write */
	uint64_t tail;              /* as the readers know it */
	uint64_t last;              /* where the newest record begins */
	uint64_t next;              /* sequence number of the next record */
	uint32_t blocker; /* whose cursor was in the way, after -EAGAIN */
	/* Of each part of the ring, the first record or pad that does not
	 * begin before it. */
	uint64_t marks[SHUNT__CAST_MARKS];
	struct shunt__cast_cursors cursors;
};

struct shunt__cast_rx {
	const unsigned char *ring;
	uint64_t cap;
	uint64_t pos;  /* next header is looked for here */
	uint64_t next; /* sequence number that is expected there */
	uint64_t lost;
	struct shunt__lane_lay *ctl;
	struct shunt__u64 *cursor; /* or NULL */
	uint32_t kept;             /* the cursor holds back the producer */
	uint32_t overruns;         /* since the last record */

	/* The record that was looked at. */
	const void *payload;
	uint64_t len;
	uint64_t seq;
	uint64_t step;
};

/* The longest message. */
static inline uint64_t
shunt__cast_max(uint64_t cap)
{
	return cap / SHUNT__CAST_PARTS * 2 - SHUNT__LANE_HEAD - SHUNT__CAST_SEQ;
}

/* Bytes of the record of a message of @len bytes. */
static inline uint64_t
shunt__cast_need(uint64_t len)
{
	return shunt__lane_need(SHUNT__CAST_SEQ + len);
}

/*
 * Becomes the producer; the caller holds the lane's byte.  As for a lane, what
 * its predecessor committed is where it goes on.  0 or SHUNT_E_CORRUPT.
 */
int shunt__cast_tx_adopt(struct shunt__cast_tx *tx, void *ring, uint64_t cap,
    struct shunt__lane_lay *ctl, const struct shunt__cast_cursors *cursors);

/* The number behind those of the last that were dropped; 0: none ever were, or
 * it is one that nobody comes to by counting. */
static inline uint64_t
shunt__cast_skipped(const struct shunt__lane_lay *ctl)
{
	uint64_t behind = shunt__load64(&ctl->ln_drop_since);

	return behind >> 62 == 0 ? behind : 0;
}

/* The next @n messages are dropped: their numbers are passed over, also by the
 * next owner of the ring. */
static inline void
shunt__cast_skip(struct shunt__cast_tx *tx, uint64_t n)
{
	tx->next += n;
	shunt__store64(&tx->lane.ctl->ln_drop_since, tx->next);
}

/* Moves the tail, or waits for cursors: room for @need behind @pad.  0,
 * -EAGAIN (tx->blocker is in the way) or SHUNT_E_CORRUPT. */
int shunt__cast_make_room(
    struct shunt__cast_tx *tx, uint64_t need, uint64_t pad);

/* Behind a commit of what lies in [@from, @to). */
void shunt__cast_mark(struct shunt__cast_tx *tx, uint64_t from, uint64_t to);

static inline uint64_t
shunt__cast_pad(const struct shunt__cast_tx *tx, uint64_t need)
{
	uint64_t rest = tx->lane.cap - (tx->lane.head & (tx->lane.cap - 1));

	return rest < need ? rest : 0;
}

/* Gets room for @len bytes, at most shunt__cast_max().  0 or as above. */
static inline int
shunt__cast_reserve(struct shunt__cast_tx *tx, uint64_t len, void **msg)
{
	struct shunt__lane_tx *lane = &tx->lane;
	uint64_t need = shunt__cast_need(len);
	uint64_t pad = shunt__cast_pad(tx, need);

	if (__builtin_expect(!shunt__lane_fits(lane, need, pad), 0)) {
		int e = shunt__cast_make_room(tx, need, pad);
		if (e != 0)
			return e;
	}
	lane->room = len;
	lane->pad = pad;
	lane->open = 1;
	*msg = lane->ring + ((lane->head + pad) & (lane->cap - 1)) +
	       SHUNT__LANE_HEAD + SHUNT__CAST_SEQ;
	return 0;
}

/* C: as shunt__lane_commit(); the record has the next sequence number. */
static inline void
shunt__cast_commit(struct shunt__cast_tx *tx, uint64_t len)
{
	struct shunt__lane_tx *lane = &tx->lane;
	uint64_t from = lane->head;
	uint64_t at = from + lane->pad;

	shunt__store64(
	    shunt__lane_word(lane->ring, lane->cap, at + SHUNT__LANE_HEAD),
	    tx->next);
	shunt__lane_commit(lane, SHUNT__CAST_SEQ + len, 0);
	tx->next++;
	tx->last = at;
	if (__builtin_expect(((from ^ lane->head) &
				 ~(lane->cap / SHUNT__CAST_PARTS - 1)) != 0,
		0)) {
		shunt__cast_mark(tx, from, at);
		shunt__cast_mark(tx, at, lane->head);
	}
}

/*
 * Publishes the first messages of @msgs by one store: as many as fit the rest
 * of the lap and a quarter of the ring, at least one.  How many, or a code as
 * reserve.  No message is longer than shunt__cast_max().
 */
int shunt__cast_batch(
    struct shunt__cast_tx *tx, const struct iovec *msgs, int n);

/* ---- readers ---- */

/*
 * Begins: with the newest @history messages, with what comes from now on (0),
 * or with all that is there (UINT64_MAX).  With rx->kept, no record from there
 * on is overwritten before it was taken.  0 or SHUNT_E_CORRUPT.
 */
int shunt__cast_join(struct shunt__cast_rx *rx, uint64_t history);

/* The same for a ring that nobody has used yet, which is not touched.  0, or
 * -EAGAIN: somebody has by now. */
int shunt__cast_join_unused(struct shunt__cast_rx *rx);

/* Messages that are committed and not taken. */
uint64_t shunt__cast_behind(const struct shunt__cast_rx *rx);

/* Pads, overruns, rubbish: as shunt__cast_look(). */
int shunt__cast_look_slow(struct shunt__cast_rx *rx, uint64_t head);

/* The reader was overrun: goes to what is there.  SHUNT_E_OVERRUN. */
int shunt__cast_overrun(struct shunt__cast_rx *rx);

/* Is what was read at the position still what was written there? */
static inline int
shunt__cast_whole(const struct shunt__cast_rx *rx)
{
	if (rx->kept)
		return 1;
	/*
	 * J: pairs with I in shunt__cast_make_room().  Who has read a byte of
	 * a later lap finds the tail beyond its position.
	 */
	shunt__fence_acquire();
	return shunt__load64(&rx->ctl->ln_tail) <= rx->pos;
}

/*
 * The next record: 0 and payload, len and seq are set, to be believed once
 * shunt__cast_whole() has said so after they were used; -EAGAIN;
 * SHUNT_E_OVERRUN: it was overrun and stands elsewhere, look again; or
 * SHUNT_E_CORRUPT.  The header is read once and only the copy is believed.
 */
static inline int
shunt__cast_look(struct shunt__cast_rx *rx)
{
	/* V: pairs with C in shunt__cast_commit(). */
	uint64_t head =
	    shunt__acquire64(shunt__lane_word(rx->ring, rx->cap, rx->pos));
	int64_t len = shunt__lane_check(head, rx->pos, rx->cap);

	if (__builtin_expect(len < SHUNT__CAST_SEQ, 0))
		return shunt__cast_look_slow(rx, head);
	rx->len = (uint64_t)len - SHUNT__CAST_SEQ;
	rx->step = shunt__lane_need((uint64_t)len);
	rx->payload = rx->ring + (rx->pos & (rx->cap - 1)) + SHUNT__LANE_HEAD +
		      SHUNT__CAST_SEQ;
	rx->seq = shunt__load64(
	    shunt__lane_word(rx->ring, rx->cap, rx->pos + SHUNT__LANE_HEAD));
	return 0;
}

/* Takes the record that was looked at and was whole.  How many were lost
 * before it is added to rx->lost.  0 or SHUNT_E_CORRUPT. */
static inline int
shunt__cast_take(struct shunt__cast_rx *rx)
{
	if (__builtin_expect(rx->seq != rx->next, 0)) {
		if (rx->seq < rx->next)
			return SHUNT_E_CORRUPT;
		rx->lost += rx->seq - rx->next;
	}
	rx->next = rx->seq + 1;
	rx->pos += rx->step;
	rx->step = 0;
	rx->overruns = 0;
	/* K: pairs with S: our reads of the record are done. */
	if (rx->kept)
		shunt__release64(rx->cursor, rx->pos | SHUNT__CURSOR_KEPT);
	return 0;
}

/*
 * ---- copies, whose bytes may be overwritten while they are read ----
 *
 * C11 has no copy of bytes that others write: this is memcpy(), between a look
 * at the header and shunt__cast_whole(), whose fence keeps the compiler from
 * moving it.  What was read is believed only then, so it may be anything
 * before.  ThreadSanitizer would be right to call it a race; it gets words,
 * each a relaxed load and store, and so checks all the rest.
 */
#if defined(__SANITIZE_THREAD__)
#define SHUNT__CAST_WORDS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SHUNT__CAST_WORDS 1
#endif
#endif
#ifndef SHUNT__CAST_WORDS
#define SHUNT__CAST_WORDS 0
#endif

static inline void
shunt__cast_put_words(void *at, const void *from, size_t len)
{
	struct shunt__u64 *to = at;
	const unsigned char *src = from;
	uint64_t word;

	for (; len >= 8; len -= 8, src += 8, to++) {
		memcpy(&word, src, 8);
		shunt__store64(to, word);
	}
	if (len != 0) {
		word = 0;
		memcpy(&word, src, len);
		shunt__store64(to, word);
	}
}

static inline void
shunt__cast_get_words(void *to, const void *at, size_t len)
{
	const struct shunt__u64 *from = at;
	unsigned char *dst = to;
	uint64_t word;

	for (; len >= 8; len -= 8, dst += 8, from++) {
		word = shunt__load64(from);
		memcpy(dst, &word, 8);
	}
	if (len != 0) {
		word = shunt__load64(from);
		memcpy(dst, &word, len);
	}
}

/* Into the ring, to a multiple of 8; up to the next such multiple the bytes
 * behind may be written, too. */
static inline void
shunt__cast_put(void *at, const void *from, size_t len)
{
	if (SHUNT__CAST_WORDS)
		shunt__cast_put_words(at, from, len);
	else
		shunt__copy(at, from, len);
}

/* Out of the ring, from a multiple of 8. */
static inline void
shunt__cast_get(void *to, const void *at, size_t len)
{
	if (SHUNT__CAST_WORDS)
		shunt__cast_get_words(to, at, len);
	else
		shunt__copy(to, at, len);
}

#endif /* SHUNT_RING_CAST_H */
