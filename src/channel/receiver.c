/* SPDX-License-Identifier: MIT */
/* The receiving calls.  Between receiver_begin() and receiver_leave() the
 * lanes that we have a claim of are ours alone. */
#include "base/copy.h"
#include "base/options.h"
#include "channel/receiver.h"
#include "os/os.h"

#define TRIES 8 /* words that change under us; a peer may scribble */

/* 0: in a call, and r->rec is the next record, or the one in hand. */
static inline int
next_record(struct shunt_queue *queue, const struct shunt_recv_options *opts)
{
	int e = shunt__queue_check(queue);

	if (__builtin_expect(e != 0, 0))
		return e;
	if (__builtin_expect(queue->receiver == NULL, 0)) {
		e = shunt__receiver_open(queue);
		if (e < 0)
			return e;
	}
	struct shunt__receiver *r = queue->receiver;
	shunt__receiver_begin(queue);
	if (__builtin_expect(r->in_hand != SHUNT__HAND_NONE, 0))
		return 0;
	/* What the dead left comes first. */
	e = __builtin_expect(r->fresh, 0) ? shunt__poll_all(queue)
					  : shunt__poll_once(queue);
	r->fresh = 0;
	if (__builtin_expect(e == 0, 1))
		return 0;
	shunt__receiver_leave(r);
	return e == -EAGAIN ? shunt__wait_for_record(queue, opts) : e;
}

/* Out of the call; what was found and not taken is anybody's. */
static void
leave(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;

	shunt__lane_give_back(queue, r->rec.lane);
	shunt__receiver_leave(r);
}

int
shunt__receiver_next(
    struct shunt_queue *queue, const struct shunt_recv_options *opts)
{
	return next_record(queue, opts);
}

void
shunt__receiver_out(struct shunt_queue *queue)
{
	leave(queue);
}

static int
tell(const struct shunt__receiver *r, struct shunt_message *info)
{
	struct shunt_message m = {.len = (size_t)r->rec.len,
	    .lane = r->rec.lane->number,
	    .flags = r->rec.flags};

	return shunt__answer_write(info, &m, sizeof(m));
}

ssize_t
shunt_queue_peek(struct shunt_queue *queue, const void **msg,
    struct shunt_message *info, const struct shunt_recv_options *opts)
{
	for (int i = 0; i < TRIES; i++) {
		int e = next_record(queue, opts);
		if (__builtin_expect(e != 0, 0))
			return e;
		struct shunt__receiver *r = queue->receiver;
		if (info != NULL)
			e = tell(r, info);
		if (e == 0 && r->in_hand == SHUNT__HAND_NONE)
			e = shunt__record_take(r);
		leave(queue);
		if (__builtin_expect(e == 0, 1)) {
			*msg = r->rec.payload;
			return (ssize_t)r->rec.len;
		}
		if (e != -ESTALE)
			return e;
	}
	return SHUNT_E_CORRUPT;
}

int
shunt_queue_release(struct shunt_queue *queue)
{
	int e = shunt__queue_check(queue);

	if (__builtin_expect(e != 0, 0))
		return e;
	struct shunt__receiver *r = queue->receiver;
	if (r == NULL || r->in_hand == SHUNT__HAND_NONE)
		return -EINVAL;
	shunt__receiver_begin(queue);
	e = shunt__record_acknowledge(queue);
	shunt__receiver_leave(r);
	return e;
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
	struct shunt__rlane *lane;

	if (__builtin_expect(r == NULL, 0) ||
	    __builtin_expect(shunt__receiver_enter(r), 0))
		return -EAGAIN;
	lane = r->cur;
	if (__builtin_expect(lane == NULL || r->in_hand != SHUNT__HAND_NONE ||
				 r->turn >= SHUNT__TURN_MOST,
		0))
		return -EAGAIN;
	if (__builtin_expect(lane->claim == 0 || lane->bad, 0))
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
		shunt__ring_sender(queue, lane);
	shunt__receiver_leave(r);
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
	struct shunt__receiver *r = queue->receiver;
	size_t len = (size_t)r->rec.len;
	if (info != NULL)
		e = tell(r, info);
	if (e == 0 && len > cap)
		e = -EMSGSIZE;
	if (e == 0) {
		shunt__copy(buf, r->rec.payload, len);
		if (r->in_hand != SHUNT__HAND_NONE)
			e = shunt__record_acknowledge(queue);
		else
			shunt__record_done(queue);
	}
	leave(queue);
	return e != 0 ? e : (ssize_t)len;
}
