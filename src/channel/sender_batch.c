/* SPDX-License-Identifier: MIT */
/* Messages of several parts, and several messages with one commit. */
#include "base/copy.h"
#include "base/error.h"
#include "base/gather.h"
#include "channel/sender.h"

int
shunt_queue_sendv(struct shunt_queue *queue, const struct iovec *parts, int n,
    const struct shunt_send_options *opts)
{
	struct shunt__seat *seat;
	void *room;
	size_t len;
	int e = shunt__gather_length(parts, n, &len);

	if (e == 0)
		e = shunt__sender_enter(queue, &seat);
	if (e != 0)
		return e;
	struct shunt__sender *s = shunt__sender_of(seat);
	uint64_t from = s->tx.head;
	e = shunt__sender_room(queue, s, len, &room, opts);
	if (e == 0) {
		shunt__gather_copy(room, parts, n);
		shunt__lane_commit(&s->tx, len, 0);
		e = shunt__sender_announce(queue, s, from);
	}
	shunt__sender_leave(seat);
	return e;
}

/* Bytes that the ring's end wants skipped before @need of them. */
static inline uint64_t
pad_at(const struct shunt__lane_tx *tx, uint64_t pos, uint64_t need)
{
	uint64_t rest = tx->cap - (pos & (tx->cap - 1));

	return rest < need ? rest : 0;
}

/*
 * Lays one message out behind @at, as far as there is room: payload, and with
 * @later its header, by plain stores.  Nothing of it is reached from the
 * lane's head yet.  The end of it, or @at: no room.
 */
static uint64_t
lay_out(
    struct shunt__lane_tx *tx, uint64_t at, const struct iovec *msg, int later)
{
	uint64_t need = shunt__lane_need(msg->iov_len);
	uint64_t pad = pad_at(tx, at, need);
	uint64_t pos = at + pad;

	if (pos + need + SHUNT__LANE_HEAD - tx->tail_seen > tx->cap)
		return at;
	shunt__copy(tx->ring + (pos & (tx->cap - 1)) + SHUNT__LANE_HEAD,
	    msg->iov_base, msg->iov_len);
	if (later && pad != 0)
		shunt__store64(shunt__lane_word(tx->ring, tx->cap, at),
		    SHUNT__LANE_REC | SHUNT__LANE_PAD);
	if (later || pad != 0)
		shunt__store64(shunt__lane_word(tx->ring, tx->cap, pos),
		    SHUNT__LANE_REC | msg->iov_len);
	return pos + need;
}

/* LANEs' batch: everything is there when the first header is; killed before
 * that store nothing is.  How many went, at least one: there is room for it. */
static int
commit_all(struct shunt__lane_tx *tx, const struct iovec *msgs, int n)
{
	uint64_t first = SHUNT__LANE_REC | msgs[0].iov_len, at = tx->head;
	int k;

	if (pad_at(tx, at, shunt__lane_need(msgs[0].iov_len)) != 0)
		first = SHUNT__LANE_REC | SHUNT__LANE_PAD;
	for (k = 0; k < n; k++) {
		uint64_t next = lay_out(tx, at, &msgs[k], k != 0);
		if (next == at)
			break;
		at = next;
	}
	shunt__store64(shunt__lane_word(tx->ring, tx->cap, at), 0);
	/* C: as in shunt__lane_commit(), for all of them. */
	shunt__release64(shunt__lane_word(tx->ring, tx->cap, tx->head), first);
	tx->head = at;
	tx->open = 0;
	return k;
}

int
shunt_queue_send_batch(struct shunt_queue *queue, const struct iovec *msgs,
    int n, const struct shunt_send_options *opts)
{
	struct shunt__seat *seat;
	void *room;
	int e = shunt__sender_enter(queue, &seat);

	if (e != 0)
		return e;
	struct shunt__sender *s = shunt__sender_of(seat);
	uint64_t from = s->tx.head;
	if (n < 1 || msgs == NULL)
		e = n == 0 ? 0 : -EINVAL;
	for (int i = 0; i < n && e == 0; i++)
		if (msgs[i].iov_len > queue->max)
			e = shunt__sender_too_long(queue, msgs[i].iov_len);
	if (e == 0 && n > 0) {
		if (!s->tx.open)
			shunt__lane_tx_refresh(&s->tx);
		e = shunt__sender_room(queue, s, msgs[0].iov_len, &room, opts);
		if (e == 0) {
			n = commit_all(&s->tx, msgs, n);
			e = shunt__sender_announce(queue, s, from);
		}
	}
	shunt__sender_leave(seat);
	return e != 0 ? e : n;
}
