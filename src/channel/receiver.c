/* SPDX-License-Identifier: MIT */
/*
 * The receiving end.  It polls the lanes that have had records lately (the
 * active ones), learns of others by the ready bits, and looks at all lanes
 * about every millisecond and before it sleeps: bits are hints, a sender can
 * die between its commit and its bit.
 */
#include <stdlib.h>

#include "base/copy.h"
#include "base/options.h"
#include "channel/queue.h"
#include "os/os.h"
#include "segment/wait.h"

#define SCAN_NS   UINT64_C(1000000) /* between two looks at all lanes */
#define SCAN_ASK  63u               /* polls between two looks at the clock */
#define FEW       8u                /* so many lanes are always polled */
#define IDLE_MOST 200u /* scans without a record before a lane is dropped */
#define AWAIT     64u  /* looks at one place for an answer on its way */
#define TURN_MOST 64u  /* records in a row from one lane, if there are more */

struct lane {
	struct shunt__lane_rx rx;
	uint32_t number;
	uint32_t idle;   /* scans since its last record */
	uint8_t adopted; /* rx is set up */
	uint8_t active;
	uint8_t bad;     /* its words lied: left alone, reported once */
	uint8_t drained; /* its sender was rung when it ran empty */
};

struct shunt__receiver {
	struct lane *cur; /* polled first */
	struct lane *peeked;
	const void *payload;
	int64_t len;
	uint32_t turn; /* records taken from cur in a row */
	uint32_t turns;
	uint32_t polls;
	uint32_t scan; /* the next look at all lanes begins here */
	uint32_t n_active;
	uint32_t high; /* lanes below are polled or were dropped */
	uint64_t last_scan;
	struct shunt__spin spin;
	struct lane **active;
	struct lane *lanes;
	uint64_t known[SHUNT__LANES_MAX / 64]; /* the active ones, as bits */
};

static int
claim(struct shunt_queue *queue)
{
	struct shunt__object *obj = queue->obj;
	struct shunt__control_lay *ct = obj->control;
	struct shunt__receiver *r;
	int e = shunt__object_lock(obj, SHUNT__BYTE_RECEIVER);

	if (e < 0)
		return e;
	r = calloc(1, sizeof(*r));
	if (r != NULL) {
		r->lanes = calloc(obj->geo.lanes, sizeof(*r->lanes));
		r->active = calloc(obj->geo.lanes, sizeof(struct lane *));
	}
	if (r == NULL || r->lanes == NULL || r->active == NULL) {
		if (r != NULL) {
			free(r->lanes);
			free(r->active);
		}
		free(r);
		shunt__object_unlock(obj, SHUNT__BYTE_RECEIVER);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < obj->geo.lanes; i++)
		r->lanes[i].number = i;
	queue->receiver = r;
	shunt__store32(&ct->ct_pid, (uint32_t)shunt__os.getpid());
	shunt__store32(&ct->ct_uid, shunt__os.geteuid());
	shunt__store64(&ct->ct_since, shunt__now());
	shunt__who_comm(ct->ct_comm);
	/* A predecessor may have died asleep. */
	shunt__bell_disarm(&ct->ct_bell, SHUNT__BELL_ASLEEP);
	return 0;
}

void
shunt__receiver_close(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;

	if (r == NULL)
		return;
	free(r->active);
	free(r->lanes);
	free(r);
	queue->receiver = NULL;
	if (!shunt__object_forked(queue->obj))
		shunt__object_unlock(queue->obj, SHUNT__BYTE_RECEIVER);
}

/* The lane's sender sleeps for want of room: there is some now. */
static inline void
ring_sender(struct shunt_queue *queue, struct lane *lane)
{
	struct shunt__u32 *bell = &lane->rx.ctl->ln_waiting;

	if (shunt__bell_look(bell, queue->fence) & SHUNT__BELL_ASLEEP)
		shunt__bell_ring(bell, SHUNT__BELL_ASLEEP);
}

/* A record in this lane?  0, -EAGAIN or SHUNT_E_CORRUPT (once). */
static inline int
look(struct shunt_queue *queue, struct lane *lane)
{
	struct shunt__receiver *r = queue->receiver;
	const void *payload;
	uint16_t tag;
	int64_t len;

	if (__builtin_expect(lane->bad, 0))
		return -EAGAIN;
	len = shunt__lane_peek(&lane->rx, &payload, &tag);
	if (len >= 0) {
		r->peeked = lane;
		r->payload = payload;
		r->len = len;
		lane->drained = 0;
		return 0;
	}
	if (len == SHUNT_E_CORRUPT) {
		lane->bad = 1;
		return SHUNT_E_CORRUPT;
	}
	if (!lane->drained) {
		lane->drained = 1;
		ring_sender(queue, lane);
	}
	return -EAGAIN;
}

static int
adopt(struct shunt_queue *queue, struct lane *lane)
{
	struct shunt__object *obj = queue->obj;

	if (lane->adopted)
		return 0;
	int e = shunt__object_probe_lane(obj, lane->number);
	if (e < 0)
		return e;
	shunt__lane_rx_adopt(&lane->rx, shunt__object_ring(obj, lane->number),
	    obj->geo.lane_bytes, shunt__object_lane(obj, lane->number));
	lane->adopted = 1;
	return 0;
}

static void
activate(struct shunt__receiver *r, struct lane *lane)
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
		if (adopt(queue, &r->lanes[r->high]) == 0)
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
			struct lane *lane = &r->lanes[n];
			if (adopt(queue, lane) < 0)
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
		struct lane *lane = r->active[i];
		if (lane->idle++ < IDLE_MOST || lane == r->peeked) {
			i++;
			continue;
		}
		uint64_t bit = UINT64_C(1) << (lane->number % 64);
		r->active[i] = r->active[--r->n_active];
		lane->active = 0;
		r->known[lane->number / 64] &= ~bit;
		if (r->cur == lane)
			r->cur = r->n_active != 0 ? r->active[0] : NULL;
		/* The clearing comes before a look at the lane (the full scan
		 * follows): a record of before the clearing is seen there. */
		shunt__and64(
		    &queue->obj->control->ct_ready[lane->number / 64], ~bit);
	}
}

/* All lanes, whatever the bits say, from where the last look ended: a lane
 * that always has a record must not hide those behind it. */
static int
look_at_all(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;
	uint32_t high = shunt__object_high(queue->obj);

	for (uint32_t i = 0; i < high; i++) {
		uint32_t n = r->scan < high ? r->scan : 0;
		struct lane *lane = &r->lanes[n];
		r->scan = n + 1;
		if (adopt(queue, lane) < 0)
			continue;
		int e = look(queue, lane);
		if (e == -EAGAIN)
			continue;
		activate(r, lane);
		return e;
	}
	return -EAGAIN;
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
	return look_at_all(queue);
}

/* Nothing in the lane polled first: the others, the bits, now and then all. */
static int
look_around(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;
	int e;

	/* Several in a row, then none: a sender at full speed, and we were
	 * quicker.  A lone record is a conversation: look again at once. */
	if (r->turn > 1)
		shunt__lane_stand_back();
	r->turn = 0;
	if (__builtin_expect(shunt__object_high(queue->obj) > r->high, 0)) {
		meet_new(queue);
		if (r->cur != NULL && (e = look(queue, r->cur)) != -EAGAIN)
			return e;
	}
	for (uint32_t i = 0; i < r->n_active; i++) {
		struct lane *lane = r->active[i];
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
 * In a conversation the answer is on its way: a few looks at its place, which
 * cost a nanosecond each, see it sooner than the way round all other places.
 */
static inline int
await(const struct lane *lane)
{
	const struct shunt__lane_rx *rx = &lane->rx;

	for (uint32_t i = 0; i < AWAIT; i++)
		/* V: only asks whether to look. */
		if (shunt__acquire64(
			shunt__lane_word(rx->ring, rx->cap, rx->tail)) != 0)
			return 1;
	return 0;
}

/* One poll.  0: r->peeked is set; -EAGAIN; or SHUNT_E_CORRUPT. */
static inline int
poll_once(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;
	struct lane *cur = r->cur;

	if (__builtin_expect(r->peeked != NULL, 0))
		return 0;
	if (__builtin_expect(cur != NULL, 1) && r->turn < TURN_MOST) {
		int e = look(queue, cur);
		if (e == -EAGAIN && r->turn <= 1 && await(cur))
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
		r->turn = 0;
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

static int
all_ready(void *arg)
{
	struct shunt_queue *queue = arg;

	return look_at_all(queue);
}

int
shunt__receiver_ready(void *arg)
{
	struct shunt_queue *queue = arg;

	if (queue->receiver == NULL) {
		int e = claim(queue);
		if (e < 0)
			return e;
	}
	if (queue->receiver->peeked != NULL)
		return 0;
	if (shunt__load32(&queue->obj->control->ct_removed) != 0)
		return SHUNT_E_REMOVED;
	return look_at_all(queue);
}

/* Nothing at once: spin a little, then sleep.  As poll_once(). */
static int
wait_for_record(
    struct shunt_queue *queue, const struct shunt_recv_options *opts)
{
	struct shunt_recv_options o;
	struct shunt__receiver *r = queue->receiver;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);

	if (e < 0)
		return e;
	if (shunt__load32(&queue->obj->control->ct_removed) != 0)
		return SHUNT_E_REMOVED;
	if (o.wait_ns < 0)
		return shunt__end_empty(&queue->end);
	uint32_t turns = shunt__spin_turns(&r->spin);
	for (uint32_t i = 0; i < turns; i++) {
		shunt__pause();
		e = poll_once(queue);
		if (e != -EAGAIN) {
			shunt__spin_learn(&r->spin, 1);
			return e;
		}
	}
	shunt__spin_learn(&r->spin, 0);
	return shunt__wait(queue->obj, &queue->obj->control->ct_bell,
	    SHUNT__BELL_ASLEEP, shunt__deadline(o.wait_ns), all_ready, queue);
}

static inline int
next_record(struct shunt_queue *queue, const struct shunt_recv_options *opts)
{
	int e = shunt__queue_check(queue);

	if (__builtin_expect(e != 0, 0))
		return e;
	if (__builtin_expect(queue->receiver == NULL, 0)) {
		e = claim(queue);
		if (e < 0)
			return e;
	}
	e = poll_once(queue);
	if (__builtin_expect(e == -EAGAIN, 0))
		e = wait_for_record(queue, opts);
	return e;
}

static int
tell(const struct shunt__receiver *r, struct shunt_message *info)
{
	struct shunt_message m = {
	    .len = (size_t)r->len, .lane = r->peeked->number};

	return shunt__answer_write(info, &m, sizeof(m));
}

static inline void
release(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;
	struct lane *lane = r->peeked;
	uint64_t old = lane->rx.tail;

	r->peeked = NULL;
	shunt__lane_release(&lane->rx);
	/* A sleeping sender is rung each quarter of the lane and when it has
	 * run empty, not for each record: waking is dear. */
	if (__builtin_expect(
		(old ^ lane->rx.tail) & ~(lane->rx.cap / 4 - 1), 0))
		ring_sender(queue, lane);
}

ssize_t
shunt_queue_peek(struct shunt_queue *queue, const void **msg,
    struct shunt_message *info, const struct shunt_recv_options *opts)
{
	int e = next_record(queue, opts);

	if (__builtin_expect(e != 0, 0))
		return e;
	if (info != NULL && (e = tell(queue->receiver, info)) < 0)
		return e;
	*msg = queue->receiver->payload;
	return (ssize_t)queue->receiver->len;
}

int
shunt_queue_release(struct shunt_queue *queue)
{
	int e = shunt__queue_check(queue);

	if (__builtin_expect(e != 0, 0))
		return e;
	if (queue->receiver == NULL || queue->receiver->peeked == NULL)
		return -EINVAL;
	release(queue);
	return 0;
}

/*
 * The next record of the lane that is polled first, if it is there and fits:
 * what nearly every call meets.  Its place, length and the lane's fields stay
 * in registers.  Its bytes, or -EAGAIN: go the long way.
 */
static inline ssize_t
recv_at_once(struct shunt_queue *queue, void *buf, size_t room)
{
	struct shunt__receiver *r = queue->receiver;
	struct lane *lane;

	if (__builtin_expect(r == NULL || r->peeked != NULL, 0))
		return -EAGAIN;
	lane = r->cur;
	if (__builtin_expect(
		lane == NULL || lane->bad || r->turn >= TURN_MOST, 0))
		return -EAGAIN;
	struct shunt__lane_lay *ctl = lane->rx.ctl;
	const unsigned char *ring = lane->rx.ring;
	const uint64_t cap = lane->rx.cap, tail = lane->rx.tail;
	/* V: pairs with C in the sender's commit. */
	const uint64_t head =
	    shunt__acquire64(shunt__lane_word(ring, cap, tail));
	const int64_t len = shunt__lane_check(head, tail, cap);
	if (__builtin_expect(len < 0 || (uint64_t)len > room, 0))
		return -EAGAIN;
	shunt__copy(
	    buf, ring + (tail & (cap - 1)) + SHUNT__LANE_HEAD, (size_t)len);
	const uint64_t next = tail + shunt__lane_need((uint64_t)len);
	const uint64_t count = lane->rx.count + 1;
	/* L: as in shunt__lane_release(). */
	shunt__release64(&ctl->ln_tail, next);
	shunt__store64(&ctl->ln_count, count);
	lane->rx.tail = next;
	lane->rx.count = count;
	lane->drained = 0;
	lane->idle = 0;
	r->turn++;
	if (__builtin_expect((tail ^ next) & ~(cap / 4 - 1), 0))
		ring_sender(queue, lane);
	return len;
}

ssize_t
shunt_queue_recv(struct shunt_queue *queue, void *buf, size_t cap,
    struct shunt_message *info, const struct shunt_recv_options *opts)
{
	if (__builtin_expect(
		info == NULL && shunt__queue_check(queue) == 0, 1)) {
		ssize_t n = recv_at_once(queue, buf, cap);
		if (__builtin_expect(n >= 0, 1))
			return n;
	}
	int e = next_record(queue, opts);

	if (__builtin_expect(e != 0, 0))
		return e;
	int64_t len = queue->receiver->len;
	if (info != NULL && (e = tell(queue->receiver, info)) < 0)
		return e;
	if (__builtin_expect((uint64_t)len > cap, 0))
		return -EMSGSIZE;
	if (len != 0)
		memcpy(buf, queue->receiver->payload, (size_t)len);
	release(queue);
	return (ssize_t)len;
}
