/* SPDX-License-Identifier: MIT */
/* A receiver that found nothing: it spins a little, then sleeps. */
#include <linux/membarrier.h>

#include "base/options.h"
#include "channel/receiver.h"
#include "os/os.h"

#define NAP_FIRST  INT64_C(50000)     /* others were quicker */
#define NAP_LAST   INT64_C(1000000)   /* ... again and again */
#define STUCK_LAST INT64_C(100000000) /* one of them does not go on */
#define HELD_UP    32u /* polls that others hold up before they get our turn */
#define FRESH_NS   UINT64_C(100000000)

/* Into a call and a look; out of it again if there is nothing. */
static int
try_once(struct shunt_queue *queue, int (*find)(struct shunt_queue *))
{
	shunt__receiver_begin(queue);
	int e = find(queue);
	if (e != 0)
		shunt__receiver_leave(queue->receiver);
	return e;
}

/* Finished, and nothing is left?  Then whoever sends now is refused: E, see
 * shunt_queue_finish(). */
static int
look_at_end(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;
	struct shunt__control_lay *ct = queue->obj->control;

	if (!(shunt__load32(&ct->ct_bell) & SHUNT__BELL_ENDED))
		return -EAGAIN;
	for (int round = 0; round < 2; round++) {
		/* E: what was sent by who did not see the end is visible. */
		shunt__arm_surely(&ct->ct_bell, 0);
		int e = try_once(queue, shunt__poll_all);
		if (e != -EAGAIN)
			return e;
		if (r->others || r->contended)
			return -EAGAIN; /* it may come back to us */
		shunt__store32(&ct->ct_ended, SHUNT__ENDED_TOLD);
	}
	return SHUNT_E_CLOSED;
}

/* -EBUSY: others were quicker, or are at what is there: come back soon,
 * without an alarm for each message. */
static int
all_ready(void *arg)
{
	struct shunt_queue *queue = arg;
	struct shunt__receiver *r = queue->receiver;
	int e = try_once(queue, shunt__poll_all);

	if (e == -EAGAIN)
		e = look_at_end(queue);
	if (e != -EAGAIN)
		return e;
	if (r->contended)
		return -EBUSY;
	uint64_t now = shunt__now();
	int again =
	    r->sharing && r->looks++ != 0 && now - r->last_look < FRESH_NS;
	r->last_look = now;
	return again ? -EBUSY : -EAGAIN;
}

int
shunt__receiver_ready(void *arg)
{
	struct shunt_queue *queue = arg;

	if (queue->receiver == NULL) {
		int e = shunt__receiver_open(queue);
		if (e < 0)
			return e;
	}
	struct shunt__receiver *r = queue->receiver;
	if (r->in_hand != SHUNT__HAND_NONE)
		return 0;
	if (shunt__load32(&queue->obj->control->ct_removed) != 0)
		return SHUNT_E_REMOVED;
	int e = try_once(queue, shunt__poll_all);
	if (e == -EAGAIN)
		e = look_at_end(queue);
	if (e == 0) {
		/* Seen, not taken. */
		shunt__lane_give_back(queue, r->rec.lane);
		shunt__receiver_leave(r);
	}
	/* Who keeps a claim and was in a call goes out of it without a word. */
	return e == -EAGAIN && r->contended ? -EBUSY : e;
}

/* Sleeps until something may be there for us; @nap is how long it was last. */
static int
nap(struct shunt_queue *queue, int64_t *ns, uint64_t deadline)
{
	struct shunt__receiver *r = queue->receiver;
	int64_t most = r->contended ? STUCK_LAST : NAP_LAST;
	int64_t left = *ns;

	if (deadline != 0) {
		uint64_t now = shunt__now();
		if (now >= deadline)
			return -ETIMEDOUT;
		if (deadline - now < (uint64_t)left)
			left = (int64_t)(deadline - now);
	}
	/* Who holds us up rings when he goes; for messages that others get we
	 * are not woken. */
	if (r->contended)
		shunt__bell_wait(
		    &queue->obj->control->ct_bell, SHUNT__BELL_ASLEEP, left);
	else
		shunt__os.nanosleep(left);
	*ns = *ns * 2 < most ? *ns * 2 : most;
	return 0;
}

static int
sleep_for_record(struct shunt_queue *queue, int64_t wait_ns)
{
	uint64_t deadline = shunt__deadline(wait_ns);
	int64_t ns = NAP_FIRST;

	queue->receiver->looks = 0;
	for (;;) {
		int e = shunt__wait(queue->obj, &queue->obj->control->ct_bell,
		    SHUNT__BELL_ASLEEP | SHUNT__WAIT_SHARED, deadline,
		    all_ready, queue);
		if (e != -EBUSY)
			return e;
		e = nap(queue, &ns, deadline);
		/* Who holds us up may be stopped: is it still there? */
		if (e == 0 && ns == STUCK_LAST)
			e = shunt__object_check(queue->obj);
		if (e != 0)
			return e == -ESTALE ? SHUNT_E_REMOVED : e;
		queue->receiver->looks = 0;
	}
}

/*
 * Others are at what is there.  When that goes on, one of them has lost his
 * processor in a call, perhaps to us who look at him all the time: more
 * receivers than processors would lose most of their turns so.
 */
static void
let_others(struct shunt__receiver *r)
{
	if (!r->contended) {
		r->held_up = 0;
		return;
	}
	r->contended = 0;
	if (++r->held_up % HELD_UP == 0)
		shunt__os.yield();
}

/* Nothing, and the caller does not wait. */
static int
nothing_now(struct shunt_queue *queue)
{
	let_others(queue->receiver);
	int e = look_at_end(queue);

	if (e != -EAGAIN)
		return e; /* 0: in a call, which is not to be begun twice */
	e = shunt__end_empty(&queue->end);
	return e == 0 ? try_once(queue, shunt__poll_all) : e;
}

int
shunt__wait_for_record(
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
		return nothing_now(queue);
	uint32_t turns = shunt__spin_turns(&r->spin);
	for (uint32_t i = 0; i < turns; i++) {
		shunt__pause();
		e = try_once(queue, shunt__poll_once);
		if (e != -EAGAIN) {
			shunt__spin_learn(&r->spin, 1);
			return e;
		}
	}
	shunt__spin_learn(&r->spin, 0);
	return sleep_for_record(queue, o.wait_ns);
}
