/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_RING_LANE_H
#define SHUNT_RING_LANE_H

/*
 * A lane: one producer, one consumer, records of any length.  It works on
 * bare memory and knows no segment and no process: who may be its producer
 * or consumer is settled elsewhere, by lock bytes.
 *
 * Each side keeps its truth here, in private memory, and believes the other
 * side's words only within the capacity.  docs/ordering.md names the pairs:
 *   C  producer's commit   -> V  consumer's look at a header
 *   L  consumer's release  -> R  producer's look at the tail
 */

#include <errno.h>
#include <string.h>

#include <shunt/error.h>

#include "ring/lane_layout.h"

struct shunt__lane_tx {
	unsigned char *ring;
	uint64_t cap;
	uint64_t head;      /* next header goes here */
	uint64_t tail_seen; /* at least so much is released */
	struct shunt__lane_lay *ctl;
	uint64_t room; /* payload bytes of an open reservation */
	uint64_t pad;  /* bytes to skip before it */
	int open;      /* a reservation is open */
	uint64_t most; /* ln_most, as we know it */
};

struct shunt__lane_rx {
	unsigned char *ring;
	uint64_t cap;
	uint64_t tail; /* next header is looked for here */
	struct shunt__lane_lay *ctl;
	uint64_t step;  /* bytes of the record that was peeked, or 0 */
	uint64_t count; /* messages released, by us and those before us */
};

/* Becomes the producer of a lane; the caller holds its byte.  Walks from the
 * tail to the first zero header.  0 or SHUNT_E_CORRUPT. */
int shunt__lane_tx_adopt(struct shunt__lane_tx *tx, void *ring, uint64_t cap,
    struct shunt__lane_lay *ctl);

/* Becomes the consumer of a lane; the caller holds the receiver's byte. */
void shunt__lane_rx_adopt(struct shunt__lane_rx *rx, void *ring, uint64_t cap,
    struct shunt__lane_lay *ctl);

/* Of the lane's offsets: part of each object's fingerprint. */
uint64_t shunt__lane_fingerprint(void);

/* Bytes that are committed and not released, as far as the words agree; a
 * look from outside, by a private copy of the ring or in place. */
uint64_t shunt__lane_unread(
    const void *ring, uint64_t cap, uint64_t tail, int *corrupt);

static inline uint64_t
shunt__lane_need(uint64_t len)
{
	return SHUNT__LANE_HEAD + ((len + 7) & ~UINT64_C(7));
}

/* The longest payload: with its header half the ring, so that pad and record
 * together always fit an empty one with a header to spare. */
static inline uint64_t
shunt__lane_max(uint64_t cap)
{
	return cap / 2 - SHUNT__LANE_HEAD;
}

static inline struct shunt__u64 *
shunt__lane_word(const unsigned char *ring, uint64_t cap, uint64_t pos)
{
	return (struct shunt__u64 *)(void *)(ring + (pos & (cap - 1)));
}

/*
 * Is there room for @need bytes behind @pad?  One header more must stay free:
 * the commit zeroes the header behind the record, which in an exactly full
 * ring would be the oldest unread one.
 */
static inline int
shunt__lane_fits(const struct shunt__lane_tx *tx, uint64_t need, uint64_t pad)
{
	return tx->head - tx->tail_seen + pad + need + SHUNT__LANE_HEAD <=
	       tx->cap;
}

/* Looks at the consumer's tail again.  0 or SHUNT_E_CORRUPT. */
static inline int
shunt__lane_tx_refresh(struct shunt__lane_tx *tx)
{
	/*
	 * R: pairs with L in shunt__lane_release(): the consumer's reads of
	 * the records are done before we overwrite them.
	 */
	uint64_t tail = shunt__acquire64(&tx->ctl->ln_tail);

	if (tx->head - tail > tx->cap || tail < tx->tail_seen)
		return SHUNT_E_CORRUPT;
	tx->tail_seen = tail;
	/* For people: once a lap at least somebody comes by here. */
	if (tx->head - tail > tx->most) {
		tx->most = tx->head - tail;
		shunt__store64(&tx->ctl->ln_most, tx->most);
	}
	return 0;
}

/*
 * Nothing to do on a line that the other side is writing: who asks again at
 * once takes the line away each time and slows the other down.  Some hundred
 * nanoseconds of patience double the throughput (docs/bench.md).
 */
static inline void
shunt__lane_stand_back(void)
{
	for (int i = 0; i < 16; i++)
		shunt__pause();
}

/*
 * In a conversation the answer is on its way: some looks at its place see it
 * sooner than the way round all other places.  With a pause between them, for
 * each look takes the line from the sender, who may be between the payload's
 * store and the header's: without one a round trip takes a tenth longer.
 */
static inline int
shunt__lane_await(const unsigned char *ring, uint64_t cap, uint64_t pos)
{
	for (int i = 0; i < 4; i++) {
		/* V: only asks whether to look. */
		if (shunt__acquire64(shunt__lane_word(ring, cap, pos)) != 0)
			return 1;
		shunt__pause();
	}
	return 0;
}

/*
 * Gets the line after the next for writing while the caller does other
 * things; the consumer had it a lap ago.  Never one that is still unread:
 * that would take it from the consumer.
 */
static inline void
shunt__lane_prefetch(const struct shunt__lane_tx *tx)
{
	const uint64_t ahead = 128;

	if (tx->head + ahead + 64 > tx->tail_seen + tx->cap)
		return;
	shunt__prefetch_write(
	    shunt__lane_word(tx->ring, tx->cap, tx->head + ahead));
}

/*
 * Gets room for @len payload bytes, at most shunt__lane_max().  Stores
 * nothing shared: killed here, or never committed, it did not happen.
 * 0, -EAGAIN or SHUNT_E_CORRUPT.
 */
static inline int
shunt__lane_reserve(struct shunt__lane_tx *tx, uint64_t len, void **payload)
{
	uint64_t need = shunt__lane_need(len);
	uint64_t pos = tx->head & (tx->cap - 1);
	uint64_t pad = tx->cap - pos < need ? tx->cap - pos : 0;

	if (__builtin_expect(!shunt__lane_fits(tx, need, pad), 0)) {
		int e = shunt__lane_tx_refresh(tx);
		if (e != 0)
			return e;
		if (!shunt__lane_fits(tx, need, pad)) {
			shunt__lane_stand_back();
			return -EAGAIN;
		}
	}
	tx->room = len;
	tx->pad = pad;
	tx->open = 1;
	*payload = tx->ring + ((pos + pad) & (tx->cap - 1)) + SHUNT__LANE_HEAD;
	return 0;
}

/*
 * C: the record exists for everybody from the last store on.  Killed before
 * it, the header at the old head still reads 0, and what was written behind
 * it is never looked at; killed between pad and record, a pad is all there is.
 */
static inline void
shunt__lane_commit(struct shunt__lane_tx *tx, uint64_t len, uint16_t tag)
{
	uint64_t need = shunt__lane_need(len);

	if (__builtin_expect(tx->pad != 0, 0)) {
		shunt__store64(shunt__lane_word(tx->ring, tx->cap, 0), 0);
		/* C for the pad: the zero above is seen by who sees it. */
		shunt__release64(shunt__lane_word(tx->ring, tx->cap, tx->head),
		    SHUNT__LANE_REC | SHUNT__LANE_PAD);
		tx->head += tx->pad;
	}
	shunt__store64(shunt__lane_word(tx->ring, tx->cap, tx->head + need), 0);
	/*
	 * C: pairs with V in shunt__lane_peek() and in the walk of the next
	 * owner: payload and the zero behind it are seen before the header.
	 */
	shunt__release64(shunt__lane_word(tx->ring, tx->cap, tx->head),
	    SHUNT__LANE_REC | (uint64_t)tag << 32 | len);
	tx->head += need;
	tx->open = 0;
	shunt__lane_prefetch(tx);
}

/* Payload bytes of a header at @pos, or SHUNT_E_CORRUPT; -1 is a pad. */
static inline int64_t
shunt__lane_check(uint64_t head, uint64_t pos, uint64_t cap)
{
	uint64_t len = head & 0xffffffff;

	if (__builtin_expect(
		(head & ~UINT64_C(0xffffffffffff)) != SHUNT__LANE_REC, 0))
		return head == (SHUNT__LANE_REC | SHUNT__LANE_PAD) &&
			       (pos & (cap - 1)) != 0
			   ? -1
			   : SHUNT_E_CORRUPT;
	uint64_t need = shunt__lane_need(len);
	if (need > cap / 2 || need > cap - (pos & (cap - 1)))
		return SHUNT_E_CORRUPT;
	return (int64_t)len;
}

/* Who took the record away: his slot + 1; 0: nobody did. */
static inline uint32_t
shunt__lane_taker(uint64_t head)
{
	return (uint32_t)(head >> 48) & 0x1fff;
}

#define SHUNT__LANE_TAKERS 1024u /* more of them there are not */

/* As shunt__lane_check(), of records that may be taken or done. */
int64_t shunt__lane_check_marked(uint64_t head, uint64_t pos, uint64_t cap);

static inline int64_t
shunt__lane_check_any(uint64_t head, uint64_t pos, uint64_t cap)
{
	return __builtin_expect((head & SHUNT__LANE_ZERO) != 0, 0)
		   ? shunt__lane_check_marked(head, pos, cap)
		   : shunt__lane_check(head, pos, cap);
}

/* Releases everything before rx->tail. */
static inline void
shunt__lane_publish_tail(struct shunt__lane_rx *rx)
{
	/* L: pairs with R in shunt__lane_tx_refresh(). */
	shunt__release64(&rx->ctl->ln_tail, rx->tail);
}

/* Pads are rare: out of the hot path.  As shunt__lane_peek(). */
int64_t shunt__lane_peek_slow(struct shunt__lane_rx *rx, uint64_t head,
    const void **payload, uint16_t *tag);

/*
 * The next record: its payload bytes, -EAGAIN or SHUNT_E_CORRUPT.  The header
 * is read once; only the copy is believed.
 */
static inline int64_t
shunt__lane_peek(struct shunt__lane_rx *rx, const void **payload, uint16_t *tag)
{
	/* V: pairs with C in shunt__lane_commit(). */
	uint64_t head =
	    shunt__acquire64(shunt__lane_word(rx->ring, rx->cap, rx->tail));

	if (head == 0)
		return -EAGAIN;
	int64_t len = shunt__lane_check(head, rx->tail, rx->cap);
	if (__builtin_expect(len < 0, 0))
		return shunt__lane_peek_slow(rx, head, payload, tag);
	rx->step = shunt__lane_need((uint64_t)len);
	*payload = rx->ring + (rx->tail & (rx->cap - 1)) + SHUNT__LANE_HEAD;
	*tag = (uint16_t)(head >> 32);
	return len;
}

/* Done with the record that was peeked: killed before, it comes again. */
static inline void
shunt__lane_release(struct shunt__lane_rx *rx)
{
	rx->tail += rx->step;
	rx->step = 0;
	shunt__lane_publish_tail(rx);
	/* For people, on the line that was just written; killed in between, it
	 * is one too few. */
	shunt__store64(&rx->ctl->ln_count, ++rx->count);
}

#endif /* SHUNT_RING_LANE_H */
