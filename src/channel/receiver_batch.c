/* SPDX-License-Identifier: MIT */
/* Several messages by one call: they are released by one store. */
#include "base/copy.h"
#include "base/options.h"
#include "channel/receiver.h"

struct batch {
	unsigned char *buf;
	size_t cap;
	struct shunt_message *infos;
	int n; /* of infos */
	int got;
};

/* The caller's struct may be shorter or longer than ours: the first one's size
 * says how far apart they stand. */
static void
fill(struct batch *b, const struct shunt__rrecord *rec, const void *payload,
    size_t len)
{
	size_t sz = b->infos[0].sz;
	struct shunt_message m = {.sz = sz,
	    .len = len,
	    .lane = rec->lane->number,
	    .flags = rec->flags};
	char *to = (char *)b->infos + (size_t)b->got * sz;

	memcpy(to, &sz, sizeof(sz));
	shunt__answer_write(to, &m, sizeof(m));
	shunt__copy(b->buf, payload, len);
	b->buf += len;
	b->cap -= len;
	b->got++;
}

/* The records that follow at the tail, as many as fit, without a store to the
 * lane; what others had a hand in is not for this. */
static void
fill_more(struct batch *b, struct shunt__rlane *lane)
{
	struct shunt__lane_rx *rx = &lane->rx;
	uint64_t tail = rx->tail, count = rx->count;
	struct shunt__rrecord rec = {.lane = lane};

	while (b->got < b->n) {
		/* V: as in shunt__lane_peek(). */
		uint64_t head =
		    shunt__acquire64(shunt__lane_word(rx->ring, rx->cap, tail));
		if (head == (SHUNT__LANE_REC | SHUNT__LANE_PAD) &&
		    (tail & (rx->cap - 1)) != 0) {
			tail += rx->cap - (tail & (rx->cap - 1));
			head = shunt__acquire64(
			    shunt__lane_word(rx->ring, rx->cap, tail));
		}
		int64_t len = shunt__lane_check(head, tail, rx->cap);
		if (len < 0 || (uint64_t)len > b->cap ||
		    tail - rx->tail >= rx->cap)
			break;
		fill(b, &rec,
		    rx->ring + (tail & (rx->cap - 1)) + SHUNT__LANE_HEAD,
		    (size_t)len);
		tail += shunt__lane_need((uint64_t)len);
		count++;
	}
	rx->tail = tail;
	rx->count = count;
}

/* After the first one, whose lane is claimed. */
static void
take_all(struct shunt_queue *queue, struct batch *b)
{
	struct shunt__receiver *r = queue->receiver;
	struct shunt__rlane *lane = r->rec.lane;
	uint64_t from = lane->rx.tail;

	fill(b, &r->rec, r->rec.payload, (size_t)r->rec.len);
	if (r->rec.pos != from) {
		/* Behind one that somebody has in hand. */
		shunt__record_done(queue);
		return;
	}
	lane->rx.tail += shunt__lane_need((uint64_t)r->rec.len);
	lane->rx.count++;
	fill_more(b, lane);
	shunt__lane_publish_tail(&lane->rx);
	shunt__store64(&lane->rx.ctl->ln_count, lane->rx.count);
	lane->seen_tail = lane->seen = lane->rx.tail;
	if ((from ^ lane->rx.tail) & ~(lane->rx.cap / 4 - 1))
		shunt__ring_sender(queue, lane);
}

int
shunt_queue_recv_batch(struct shunt_queue *queue, void *buf, size_t cap,
    struct shunt_message *infos, int n, const struct shunt_recv_options *opts)
{
	struct batch b = {.buf = buf, .cap = cap, .infos = infos, .n = n};

	if (n < 1 || infos == NULL || infos[0].sz < sizeof(size_t) * 2)
		return -EINVAL;
	int e = shunt__receiver_next(queue, opts);
	if (e != 0)
		return e;
	struct shunt__receiver *r = queue->receiver;
	if ((size_t)r->rec.len > cap) {
		infos[0].len = (size_t)r->rec.len;
		e = -EMSGSIZE;
	} else if (r->in_hand != SHUNT__HAND_NONE) {
		fill(&b, &r->rec, r->rec.payload, (size_t)r->rec.len);
		e = shunt__record_acknowledge(queue);
	} else {
		take_all(queue, &b);
	}
	shunt__receiver_out(queue);
	return e != 0 ? e : b.got;
}
