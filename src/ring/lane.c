/* SPDX-License-Identifier: MIT */
#include "base/checksum.h"
#include "ring/lane.h"

int
shunt__lane_tx_adopt(struct shunt__lane_tx *tx, void *ring, uint64_t cap,
    struct shunt__lane_lay *ctl)
{
	/*
	 * The tail is read after the byte is ours, never before: an owner
	 * that ended since may have gone round the ring.  The consumer may
	 * move on while we walk; it writes nothing into the ring.
	 */
	uint64_t tail = shunt__acquire64(&ctl->ln_tail);
	uint64_t pos = tail;

	if ((tail & 7) != 0)
		return SHUNT_E_CORRUPT;
	/* Each step is a header's length at least, and a lap ends it. */
	for (;;) {
		/* V: pairs with C of the owners before us. */
		uint64_t head =
		    shunt__acquire64(shunt__lane_word(ring, cap, pos));
		if (head == 0) {
			memset(tx, 0, sizeof(*tx));
			tx->ring = ring;
			tx->cap = cap;
			tx->ctl = ctl;
			tx->head = pos;
			tx->tail_seen = tail;
			tx->most = shunt__load64(&ctl->ln_most);
			return 0;
		}
		int64_t len = shunt__lane_check_any(head, pos, cap);
		if (len < -1)
			return SHUNT_E_CORRUPT;
		pos += len == -1 ? cap - (pos & (cap - 1))
				 : shunt__lane_need((uint64_t)len);
		if (pos - tail > cap - SHUNT__LANE_HEAD)
			return SHUNT_E_CORRUPT;
	}
}

void
shunt__lane_rx_adopt(struct shunt__lane_rx *rx, void *ring, uint64_t cap,
    struct shunt__lane_lay *ctl)
{
	memset(rx, 0, sizeof(*rx));
	rx->ring = ring;
	rx->cap = cap;
	rx->ctl = ctl;
	/* The word is ours while we hold the byte: no order is needed. */
	rx->tail = shunt__load64(&ctl->ln_tail) & ~UINT64_C(7);
	rx->count = shunt__load64(&ctl->ln_count);
}

int64_t
shunt__lane_peek_slow(struct shunt__lane_rx *rx, uint64_t head,
    const void **payload, uint16_t *tag)
{
	if (shunt__lane_check(head, rx->tail, rx->cap) != -1)
		return SHUNT_E_CORRUPT;
	rx->tail += rx->cap - (rx->tail & (rx->cap - 1));
	shunt__lane_publish_tail(rx);
	/* V again, at word 0, where no pad can stand: no loop is possible. */
	head = shunt__acquire64(shunt__lane_word(rx->ring, rx->cap, 0));
	if (head == 0)
		return -EAGAIN;
	int64_t len = shunt__lane_check(head, rx->tail, rx->cap);
	if (len < 0)
		return SHUNT_E_CORRUPT;
	rx->step = shunt__lane_need((uint64_t)len);
	*payload = rx->ring + SHUNT__LANE_HEAD;
	*tag = (uint16_t)(head >> 32);
	return len;
}

uint64_t
shunt__lane_unread(const void *ring, uint64_t cap, uint64_t tail, int *corrupt)
{
	uint64_t pos = tail & ~UINT64_C(7);
	int left = 0; /* a record that nobody is done with */

	*corrupt = 0;
	for (;;) {
		/* V: as the walk above, and as far. */
		uint64_t head =
		    shunt__acquire64(shunt__lane_word(ring, cap, pos));
		if (head == 0)
			return left ? pos - tail : 0;
		int64_t len = shunt__lane_check_any(head, pos, cap);
		if (len < -1)
			break;
		/* Nobody misses a pad whose record was never written. */
		left |= len != -1 && !(head & SHUNT__LANE_DONE);
		pos += len == -1 ? cap - (pos & (cap - 1))
				 : shunt__lane_need((uint64_t)len);
		if (pos - tail > cap)
			break;
	}
	*corrupt = 1;
	return pos - tail;
}

int64_t
shunt__lane_check_marked(uint64_t head, uint64_t pos, uint64_t cap)
{
	if (!(head & SHUNT__LANE_REC) || (head & SHUNT__LANE_PAD) ||
	    shunt__lane_taker(head) > SHUNT__LANE_TAKERS)
		return shunt__lane_check(head, pos, cap);
	return shunt__lane_check(head & ~SHUNT__LANE_ZERO, pos, cap);
}

uint64_t
shunt__lane_fingerprint(void)
{
	static const uint32_t offsets[] = {
	    sizeof(struct shunt__lane_lay),
	    offsetof(struct shunt__lane_lay, ln_tail),
	    offsetof(struct shunt__lane_lay, ln_durable),
	    offsetof(struct shunt__lane_lay, ln_told),
	    offsetof(struct shunt__lane_lay, ln_count),
	    offsetof(struct shunt__lane_lay, ln_claim),
	    offsetof(struct shunt__lane_lay, ln_pid),
	    offsetof(struct shunt__lane_lay, ln_tid),
	    offsetof(struct shunt__lane_lay, ln_uid),
	    offsetof(struct shunt__lane_lay, ln_owners),
	    offsetof(struct shunt__lane_lay, ln_since),
	    offsetof(struct shunt__lane_lay, ln_comm),
	    offsetof(struct shunt__lane_lay, ln_waiting),
	    offsetof(struct shunt__lane_lay, ln_flush),
	    offsetof(struct shunt__lane_lay, ln_dropped),
	    offsetof(struct shunt__lane_lay, ln_drop_since),
	    offsetof(struct shunt__lane_lay, ln_most),
	    offsetof(struct shunt__lane_lay, ln_busy),
	    SHUNT__LANE_HEAD,
	};

	return shunt__checksum(offsets, sizeof(offsets));
}
