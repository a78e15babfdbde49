/* SPDX-License-Identifier: MIT */
/* The sending end: each thread has a lane of its own, so sends never wait
 * for one another. */
#include "base/copy.h"
#include "base/options.h"
#include "channel/queue.h"
#include "os/os.h"
#include "segment/wait.h"

static struct shunt__sender *
sender_of(struct shunt__seat *seat)
{
	return (struct shunt__sender *)(void *)seat->end;
}

int
shunt__sender_claim(struct shunt__seat *seat, void *arg, int last)
{
	struct shunt_queue *queue = arg;
	struct shunt__object *obj = queue->obj;
	struct shunt__lane_lay *ctl = shunt__object_lane(obj, seat->lane);
	struct shunt__sender *s = sender_of(seat);
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

/* Into the call: the thread's seat, marked so that a signal handler that
 * interrupts us sees it. */
static inline int
enter(struct shunt_queue *queue, struct shunt__seat **out)
{
	struct shunt__seat *seat;
	int e = shunt__queue_check(queue);

	if (__builtin_expect(e != 0, 0))
		return e;
	if (__builtin_expect(
		shunt__load32(&queue->obj->control->ct_removed) != 0, 0))
		return SHUNT_E_REMOVED;
	e = shunt__seat_get(&queue->seats, &seat);
	if (__builtin_expect(e != 0, 0))
		return e;
	if (__builtin_expect(seat->in_call, 0))
		return -EBUSY;
	seat->in_call = 1;
	shunt__compiler_barrier();
	*out = seat;
	return 0;
}

static inline void
leave(struct shunt__seat *seat)
{
	shunt__compiler_barrier();
	seat->in_call = 0;
}

/* Lets the receiver know.  The order is ready bit, then bell: it clears bits
 * only before it looks at all lanes, and sleeps only after that. */
static inline void
announce(struct shunt_queue *queue, struct shunt__sender *s)
{
	struct shunt__u32 *bell = &queue->obj->control->ct_bell;

	shunt__compiler_barrier();
	if (__builtin_expect((shunt__load64(s->ready) & s->bit) == 0, 0))
		shunt__or64(s->ready, s->bit);
	uint32_t bits = shunt__bell_look(bell, queue->fence);
	if (__builtin_expect(bits & SHUNT__BELL_ASLEEP, 0))
		shunt__ring(queue->obj, bell);
}

struct room {
	struct shunt__lane_tx *tx;
	uint64_t len;
	void **msg;
};

static int
room_ready(void *arg)
{
	struct room *r = arg;

	return shunt__lane_reserve(r->tx, r->len, r->msg);
}

/* The lane is full: spin a little, then sleep until the receiver released. */
static int
wait_for_room(struct shunt_queue *queue, struct room *r,
    const struct shunt_send_options *opts)
{
	struct shunt_send_options o;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);

	if (e < 0)
		return e;
	if (o.wait_ns < 0)
		return -EAGAIN;
	uint32_t turns = shunt__spin_turns(&queue->spin);
	for (uint32_t i = 0; i < turns; i++) {
		shunt__pause();
		e = room_ready(r);
		if (e != -EAGAIN) {
			shunt__spin_learn(&queue->spin, 1);
			return e;
		}
	}
	shunt__spin_learn(&queue->spin, 0);
	return shunt__wait(queue->obj, &r->tx->ctl->ln_waiting,
	    SHUNT__BELL_ASLEEP, shunt__deadline(o.wait_ns), room_ready, r);
}

static inline int
get_room(struct shunt_queue *queue, struct shunt__sender *s, size_t len,
    void **msg, const struct shunt_send_options *opts)
{
	if (__builtin_expect(len > queue->max, 0))
		return -EMSGSIZE;
	if (__builtin_expect(s->tx.open, 0))
		return -EBUSY;
	int e = shunt__lane_reserve(&s->tx, len, msg);
	if (__builtin_expect(e == -EAGAIN, 0)) {
		struct room r = {&s->tx, len, msg};
		e = wait_for_room(queue, &r, opts);
	}
	return e;
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
	shunt__copy(ring + pos + SHUNT__LANE_HEAD, msg, len);
	shunt__store64(shunt__lane_word(ring, cap, head + need), 0);
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
	int e = enter(queue, &seat);

	if (__builtin_expect(e != 0, 0))
		return e;
	struct shunt__sender *s = sender_of(seat);
	if (__builtin_expect(send_at_once(queue, s, msg, len) != 0, 0)) {
		e = get_room(queue, s, len, &room, opts);
		if (e == 0) {
			shunt__copy(room, msg, len);
			shunt__lane_commit(&s->tx, len, 0);
		}
	}
	if (__builtin_expect(e == 0, 1))
		announce(queue, s);
	leave(seat);
	return e;
}

int
shunt_queue_reserve(struct shunt_queue *queue, size_t len, void **msg,
    const struct shunt_send_options *opts)
{
	struct shunt__seat *seat;
	int e = enter(queue, &seat);

	if (__builtin_expect(e != 0, 0))
		return e;
	e = get_room(queue, sender_of(seat), len, msg, opts);
	leave(seat);
	return e;
}

int
shunt_queue_commit(struct shunt_queue *queue, size_t len)
{
	struct shunt__seat *seat;
	int e = enter(queue, &seat);

	if (__builtin_expect(e != 0, 0))
		return e;
	struct shunt__sender *s = sender_of(seat);
	if (!s->tx.open || len > s->tx.room) {
		e = -EINVAL;
	} else {
		shunt__lane_commit(&s->tx, len, 0);
		announce(queue, s);
	}
	leave(seat);
	return e;
}

void
shunt_queue_abort(struct shunt_queue *queue)
{
	struct shunt__seat *seat;

	if (enter(queue, &seat) != 0)
		return;
	sender_of(seat)->tx.open = 0; /* nothing shared was stored */
	leave(seat);
}
