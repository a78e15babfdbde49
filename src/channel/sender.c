/* SPDX-License-Identifier: MIT */
/* The sending end: each thread has a lane of its own, so sends never wait
 * for one another. */
#include "base/copy.h"
#include "channel/sender.h"
#include "os/os.h"

int
shunt__sender_claim(struct shunt__seat *seat, void *arg, int last)
{
	struct shunt_queue *queue = arg;
	struct shunt__object *obj = queue->obj;
	struct shunt__lane_lay *ctl = shunt__object_lane(obj, seat->lane);
	struct shunt__sender *s = shunt__sender_of(seat);
	int e = shunt__object_probe_lane(obj, seat->lane);

	if (e == 0)
		e = shunt__lane_tx_adopt(&s->tx,
		    shunt__object_ring(obj, seat->lane), obj->geo.lane_bytes,
		    ctl);
	if (e < 0)
		return e;
	/* A lane with unread records serves as well as an empty one, as long
	 * as there is room: else 2,000 short-lived senders use 2,000. */
	if (!last && s->tx.head - s->tx.tail_seen > s->tx.cap / 2)
		return -EAGAIN;
	s->ready = &obj->control->ct_ready[seat->lane / 64];
	s->bit = UINT64_C(1) << (seat->lane % 64);
	shunt__store32(&ctl->ln_pid, (uint32_t)shunt__os.getpid());
	shunt__store32(&ctl->ln_tid, (uint32_t)shunt__os.gettid());
	shunt__store32(&ctl->ln_uid, shunt__os.geteuid());
	shunt__store64(&ctl->ln_since, shunt__now());
	shunt__store32(&ctl->ln_owners, shunt__load32(&ctl->ln_owners) + 1);
	shunt__who_comm(ctl->ln_comm);
	/* A predecessor may have died asleep: nobody sleeps here now. */
	shunt__bell_disarm(&ctl->ln_waiting, SHUNT__BELL_ASLEEP);
	return 0;
}

/* With room, without a pad: what nearly every message meets.  The lane's
 * fields stay in registers, for bytes that are copied may lie anywhere.
 * 0, or -EAGAIN: go the long way. */
static inline int
send_at_once(struct shunt_queue *queue, struct shunt__sender *s,
    const void *msg, size_t len)
{
	unsigned char *ring = s->tx.ring;
	const uint64_t cap = s->tx.cap, head = s->tx.head;
	const uint64_t pos = head & (cap - 1);
	const uint64_t need = shunt__lane_need(len);

	if (__builtin_expect(len > queue->max || s->tx.open ||
				 cap - pos < need ||
				 !shunt__lane_fits(&s->tx, need, 0),
		0))
		return -EAGAIN;
	/* First, for its line may have to come: stores become visible one after
	 * the other, and a receiver who looks between those to the record's
	 * line takes that away. */
	shunt__store64(shunt__lane_word(ring, cap, head + need), 0);
	shunt__compiler_barrier();
	shunt__copy(ring + pos + SHUNT__LANE_HEAD, msg, len);
	/* C: as in shunt__lane_commit(). */
	shunt__release64(
	    shunt__lane_word(ring, cap, head), SHUNT__LANE_REC | len);
	s->tx.head = head + need;
	shunt__lane_prefetch(&s->tx);
	return 0;
}

int
shunt_queue_send(struct shunt_queue *queue, const void *msg, size_t len,
    const struct shunt_send_options *opts)
{
	struct shunt__seat *seat;
	void *room;
	int e = shunt__sender_enter(queue, &seat);

	if (__builtin_expect(e != 0, 0))
		return e;
	struct shunt__sender *s = shunt__sender_of(seat);
	uint64_t from = s->tx.head;
	if (__builtin_expect(send_at_once(queue, s, msg, len) != 0, 0)) {
		e = shunt__sender_room(queue, s, len, &room, opts);
		if (e == 0) {
			shunt__copy(room, msg, len);
			shunt__lane_commit(&s->tx, len, 0);
		}
	}
	if (__builtin_expect(e == 0, 1))
		e = shunt__sender_announce(queue, s, from);
	shunt__sender_leave(seat);
	return e;
}

int
shunt_queue_reserve(struct shunt_queue *queue, size_t len, void **msg,
    const struct shunt_send_options *opts)
{
	struct shunt__seat *seat;
	int e = shunt__sender_enter(queue, &seat);

	if (__builtin_expect(e != 0, 0))
		return e;
	e = shunt__sender_room(queue, shunt__sender_of(seat), len, msg, opts);
	shunt__sender_leave(seat);
	return e;
}

int
shunt_queue_commit(struct shunt_queue *queue, size_t len)
{
	struct shunt__seat *seat;
	int e = shunt__sender_enter(queue, &seat);

	if (__builtin_expect(e != 0, 0)) {
		if (e == SHUNT_E_CLOSED)
			shunt_queue_abort(queue);
		return e;
	}
	struct shunt__sender *s = shunt__sender_of(seat);
	if (!s->tx.open || len > s->tx.room) {
		e = -EINVAL;
	} else {
		uint64_t from = s->tx.head;
		shunt__lane_commit(&s->tx, len, 0);
		e = shunt__sender_announce(queue, s, from);
	}
	shunt__sender_leave(seat);
	return e;
}

void
shunt_queue_abort(struct shunt_queue *queue)
{
	struct shunt__seat *seat;

	if (shunt__sender_seat(queue, &seat) != 0)
		return;
	shunt__sender_of(seat)->tx.open = 0; /* nothing shared was stored */
	shunt__sender_leave(seat);
}
