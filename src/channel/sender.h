/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CHANNEL_SENDER_H
#define SHUNT_CHANNEL_SENDER_H

/* What the sending calls have in common: into the call, room, let it be known,
 * out of it. */

#include "channel/queue.h"
#include "segment/wait.h"

static inline struct shunt__sender *
shunt__sender_of(struct shunt__seat *seat)
{
	return (struct shunt__sender *)(void *)seat->end;
}

/* The thread's seat, marked so that a signal handler that interrupts us sees
 * it. */
static inline int
shunt__sender_seat(struct shunt_queue *queue, struct shunt__seat **out)
{
	struct shunt__seat *seat;
	int e = shunt__queue_check(queue);

	if (__builtin_expect(e != 0, 0))
		return e;
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

/* Into the call, if the queue still takes messages. */
static inline int
shunt__sender_enter(struct shunt_queue *queue, struct shunt__seat **out)
{
	const struct shunt__control_lay *ct;
	int e = shunt__queue_check(queue);

	if (__builtin_expect(e != 0, 0))
		return e;
	ct = queue->obj->control;
	/* Both lie on the line that is looked at after the commit. */
	if (__builtin_expect(shunt__load32(&ct->ct_removed) != 0, 0))
		return SHUNT_E_REMOVED;
	if (__builtin_expect(
		shunt__load32(&ct->ct_bell) & SHUNT__BELL_ENDED, 0))
		return SHUNT_E_CLOSED;
	return shunt__sender_seat(queue, out);
}

static inline void
shunt__sender_leave(struct shunt__seat *seat)
{
	shunt__compiler_barrier();
	seat->in_call = 0;
}

/* sender_room.c: the queue was finished while we sent what stands from @from
 * on: 0 it will be received, or SHUNT_E_CLOSED. */
int shunt__sender_settle(
    struct shunt_queue *queue, struct shunt__sender *s, uint64_t from);

/* sender_room.c: there is none at once. */
int shunt__sender_wait(struct shunt_queue *queue, struct shunt__sender *s,
    uint64_t len, void **msg, const struct shunt_send_options *opts);
int shunt__sender_too_long(const struct shunt_queue *queue, size_t len);

/*
 * Lets receivers know.  The order is ready bit, then bell: they clear bits
 * only before they look at all lanes, and sleep only after that.
 */
static inline int
shunt__sender_announce(
    struct shunt_queue *queue, struct shunt__sender *s, uint64_t from)
{
	struct shunt__u32 *bell = &queue->obj->control->ct_bell;

	shunt__compiler_barrier();
	if (__builtin_expect((shunt__load64(s->ready) & s->bit) == 0, 0))
		shunt__or64(s->ready, s->bit);
	uint32_t bits = shunt__bell_look(bell, queue->fence);
	if (__builtin_expect(
		!(bits & (SHUNT__BELL_ASLEEP | SHUNT__BELL_ENDED)), 1))
		return 0;
	if (bits & SHUNT__BELL_ASLEEP)
		shunt__ring(queue->obj, bell);
	return bits & SHUNT__BELL_ENDED ? shunt__sender_settle(queue, s, from)
					: 0;
}

static inline int
shunt__sender_room(struct shunt_queue *queue, struct shunt__sender *s,
    size_t len, void **msg, const struct shunt_send_options *opts)
{
	if (__builtin_expect(len > queue->max, 0))
		return shunt__sender_too_long(queue, len);
	if (__builtin_expect(s->tx.open, 0))
		return -EBUSY;
	int e = shunt__lane_reserve(&s->tx, len, msg);
	if (__builtin_expect(e == -EAGAIN, 0))
		e = shunt__sender_wait(queue, s, len, msg, opts);
	return e;
}

#endif /* SHUNT_CHANNEL_SENDER_H */
