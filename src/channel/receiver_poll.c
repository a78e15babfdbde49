/* SPDX-License-Identifier: MIT */
/*
 * Where to look for a record.  A receiver polls the lanes that have had some
 * lately (the active ones), learns of others by the ready bits, and looks at
 * all lanes about every millisecond and before it sleeps: bits are hints, a
 * sender can die between its commit and its bit.
 */
#include "base/error.h"
#include "channel/receiver.h"
#include "os/os.h"

#define SCAN_NS   UINT64_C(1000000) /* between two looks at all lanes */
#define SCAN_ASK  63u               /* polls between two looks at the clock */
#define FEW       8u                /* so many lanes are always polled */
#define IDLE_MOST 200u /* scans without a record before a lane is dropped */

/* Nothing for us.  0 is what answers "nobody was rung for that yet". */
static int
empty(struct shunt_queue *queue, struct shunt__rlane *lane)
{
	if (!lane->drained) {
		lane->drained = 1;
		shunt__ring_sender(queue, lane);
	}
	return -EAGAIN;
}

/* Walks over what others have in hand or are done with. */
static int
look_among(struct shunt_queue *queue, struct shunt__rlane *lane)
{
	struct shunt__receiver *r = queue->receiver;
	uint64_t from = lane->rx.tail;
	int e = shunt__record_find(r, lane);

	shunt__lane_moved(queue, lane, from);
	if (e == 0) {
		lane->drained = 0;
		return 0;
	}
	shunt__lane_give_back(queue, lane);
	if (e == SHUNT_E_CORRUPT) {
		lane->bad = 1;
		return e;
	}
	return empty(queue, lane);
}

/* A lane that we have no claim of: without one there is only a hint whether
 * anything is there. */
static int
look_unclaimed(struct shunt_queue *queue, struct shunt__rlane *lane)
{
	struct shunt__receiver *r = queue->receiver;
	struct shunt__lane_rx *rx = &lane->rx;
	uint64_t tail = shunt__acquire64(&rx->ctl->ln_tail) & ~UINT64_C(7);
	uint64_t at = tail == lane->seen_tail && !r->thorough && !lane->fresh
			  ? lane->seen
			  : tail;

	/* V: only asks whether to look. */
	int any =
	    shunt__acquire64(shunt__lane_word(rx->ring, rx->cap, at)) != 0;
	if (r->sharing && !any)
		return -EAGAIN;
	if (shunt__claim(queue, lane) != 0) {
		r->others |= any;
		return -EAGAIN;
	}
	return look_among(queue, lane);
}

/* A record in this lane?  0, -EAGAIN or SHUNT_E_CORRUPT (once). */
static inline int
look(struct shunt_queue *queue, struct shunt__rlane *lane)
{
	struct shunt__receiver *r = queue->receiver;
	const struct shunt__lane_rx *rx = &lane->rx;

	if (__builtin_expect(lane->bad, 0))
		return -EAGAIN;
	if (__builtin_expect(lane->claim == 0, 0))
		return look_unclaimed(queue, lane);
	/* V: pairs with C in shunt__lane_commit(). */
	uint64_t head =
	    shunt__acquire64(shunt__lane_word(rx->ring, rx->cap, rx->tail));
	if (head == 0)
		return empty(queue, lane);
	int64_t len = shunt__lane_check(head, rx->tail, rx->cap);
	if (__builtin_expect(len < 0, 0))
		return look_among(queue, lane);
	r->rec = (struct shunt__rrecord){.lane = lane,
	    .payload = rx->ring + (rx->tail & (rx->cap - 1)) + SHUNT__LANE_HEAD,
	    .len = len,
	    .pos = rx->tail,
	    .head = head};
	lane->drained = 0;
	return 0;
}

int
shunt__lane_meet(struct shunt_queue *queue, struct shunt__rlane *lane)
{
	struct shunt__object *obj = queue->obj;

	if (lane->adopted)
		return 0;
	lane->number = (uint32_t)(lane - queue->receiver->lanes);
	int e = shunt__object_probe_lane(obj, lane->number);
	if (e < 0)
		return e;
	shunt__lane_rx_adopt(&lane->rx, shunt__object_ring(obj, lane->number),
	    obj->geo.lane_bytes, shunt__object_lane(obj, lane->number));
	lane->seen_tail = lane->seen = lane->rx.tail;
	lane->adopted = lane->fresh = 1;
	if (queue->receiver->met <= lane->number)
		queue->receiver->met = lane->number + 1;
	return 0;
}

static void
activate(struct shunt__receiver *r, struct shunt__rlane *lane)
{
	lane->idle = 0;
	if (lane->active)
		return;
	lane->active = 1;
	r->active[r->n_active++] = lane;
	r->known[lane->number / 64] |= UINT64_C(1) << (lane->number % 64);
	if (r->cur == NULL)
		r->cur = lane;
}

/* Lanes that were claimed since we looked last: poll them from now on, their
 * senders may have died before they set the bit. */
static void
meet_new(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;
	uint32_t high = shunt__object_high(queue->obj);

	for (; r->high < high; r->high++)
		if (shunt__lane_meet(queue, &r->lanes[r->high]) == 0)
			activate(r, &r->lanes[r->high]);
}

/* Lanes whose bit is set and that we do not poll yet. */
static int
look_at_bits(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;
	struct shunt__control_lay *ct = queue->obj->control;
	uint32_t words = (r->high + 63) / 64; /* of lanes that were met */

	for (uint32_t w = 0; w < words; w++) {
		uint64_t news = shunt__load64(&ct->ct_ready[w]) & ~r->known[w];
		while (news != 0) {
			uint32_t n = w * 64 + (uint32_t)__builtin_ctzll(news);
			news &= news - 1;
			if (n >= r->high)
				break;
			struct shunt__rlane *lane = &r->lanes[n];
			if (shunt__lane_meet(queue, lane) < 0)
				continue;
			activate(r, lane);
			int e = look(queue, lane);
			if (e != -EAGAIN)
				return e;
		}
	}
	return -EAGAIN;
}

/* Without a record for long: its sender sets the bit again when it sends. */
static void
drop_idle(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;

	for (uint32_t i = 0; i < r->n_active && r->n_active > FEW;) {
		struct shunt__rlane *lane = r->active[i];
		if (lane->idle++ < IDLE_MOST) {
			i++;
			continue;
		}
		uint64_t bit = UINT64_C(1) << (lane->number % 64);
		r->active[i] = r->active[--r->n_active];
		lane->active = 0;
		r->known[lane->number / 64] &= ~bit;
		if (r->cur == lane)
			r->cur = r->active[0]; /* FEW are left */
		/* The clearing comes before a look at the lane (the full scan
		 * follows): a record of before the clearing is seen there. */
		shunt__and64(
		    &queue->obj->control->ct_ready[lane->number / 64], ~bit);
	}
}

/* Records may lie there that we cannot get: told once, tried again. */
static int
cannot_meet(struct shunt_queue *queue, struct shunt__rlane *lane, int e)
{
	lane->told = 1;
	return shunt__fail(e,
	    "%s: lane %u cannot be read, its memory is not there; when that "
	    "goes on, the object is damaged: shunt rm",
	    shunt__quote(queue->obj->name.shown), lane->number);
}

/* All lanes, whatever the bits say, from where the last look ended: a lane
 * that always has a record must not hide those behind it. */
static int
look_at_all(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;
	uint32_t high = shunt__object_high(queue->obj);
	int unmet = -EAGAIN;

	for (uint32_t i = 0; i < high; i++) {
		uint32_t n = r->scan < high ? r->scan : 0;
		struct shunt__rlane *lane = &r->lanes[n];
		r->scan = n + 1;
		int e = shunt__lane_meet(queue, lane);
		if (e < 0) {
			if (!lane->told)
				unmet = cannot_meet(queue, lane, e);
			continue;
		}
		e = look(queue, lane);
		if (e == -EAGAIN)
			continue;
		activate(r, lane);
		return e;
	}
	return unmet;
}

/* Lanes that are not polled: their bits, and now and then all of them. */
static int
look_for_news(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;
	int e = look_at_bits(queue);

	if (e != -EAGAIN || (++r->polls & SCAN_ASK) != 0)
		return e;
	uint64_t now = shunt__now();
	if (now - r->last_scan <= SCAN_NS)
		return -EAGAIN;
	r->last_scan = now;
	drop_idle(queue);
	return shunt__poll_all(queue);
}

/* Nothing in the lane polled first: the others, the bits, now and then all. */
static int
look_around(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;
	int e;

	/* Several in a row, then none: a sender at full speed, and we were
	 * quicker.  A lone record is a conversation: look again at once. */
	if (r->turn - r->lull > 1)
		shunt__lane_stand_back();
	r->turn = r->lull = 0;
	if (__builtin_expect(shunt__object_high(queue->obj) > r->high, 0)) {
		meet_new(queue);
		if (r->cur != NULL && (e = look(queue, r->cur)) != -EAGAIN)
			return e;
	}
	for (uint32_t i = 0; i < r->n_active; i++) {
		struct shunt__rlane *lane = r->active[i];
		if (lane == r->cur)
			continue;
		e = look(queue, lane);
		if (e == -EAGAIN)
			continue;
		r->cur = lane;
		lane->idle = 0;
		return e;
	}
	return look_for_news(queue);
}

/*
 * A conversation stays one, however long it is.  But its messages count as a
 * turn: an answer that is always there in time must not hide other lanes, and
 * where some are polled, two of them are as many as they wait for.
 */
static inline int
await(struct shunt__receiver *r, const struct shunt__rlane *lane)
{
	if (lane->claim == 0 || r->turn - r->lull > 1 ||
	    (r->turn > 1 && r->n_active > 1) ||
	    !shunt__lane_await(lane->rx.ring, lane->rx.cap, lane->rx.tail))
		return 0;
	r->lull = r->turn;
	return 1;
}

int
shunt__poll_once(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;
	struct shunt__rlane *cur = r->cur;

	if (__builtin_expect(cur != NULL, 1) && r->turn < SHUNT__TURN_MOST) {
		int e = look(queue, cur);
		if (e == -EAGAIN && await(r, cur))
			e = look(queue, cur);
		if (__builtin_expect(e == 0, 1)) {
			r->turn++;
			cur->idle = 0;
			return 0;
		}
		if (e != -EAGAIN)
			return e;
	} else if (cur != NULL) {
		/* Its turn is over, also if it is the only one: a lane that
		 * never runs empty must not hide those that we do not poll. */
		r->turn = r->lull = 0;
		meet_new(queue);
		int e = look_for_news(queue);
		if (e != -EAGAIN)
			return e;
		r->cur = r->active[r->turns++ % r->n_active];
		e = look(queue, r->cur);
		if (e != -EAGAIN)
			return e;
	}
	return look_around(queue);
}

int
shunt__poll_all(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;

	shunt__claim_alone(queue);
	r->others = 0;
	r->contended = 0;
	r->thorough = 1;
	int e = look_at_all(queue);
	r->thorough = 0;
	return e;
}
