/* SPDX-License-Identifier: MIT */
/* A ring is full because a subscriber that must not be overrun is slow, or
 * dead: then it is in nobody's way any more. */
#include "base/options.h"
#include "channel/publisher.h"
#include "os/os.h"
#include "segment/wait.h"

#define PROBE_NS                                                               \
	UINT64_C(1000000) /* between two questions whether it lives            \
			   */

static int
try(struct shunt__want *w)
{
	if (w->msgs != NULL)
		return shunt__cast_batch(&w->c->tx, w->msgs, w->n);
	return shunt__cast_reserve(&w->c->tx, w->len, w->msg);
}

/*
 * Whoever gets the slot's byte cleans up what its last owner left, and while
 * we hold it no new owner can come: a cursor that is taken away is a dead
 * one's.  Threads of this handle share the byte, so one at a time is here.
 * 1 if the slot was cleaned.
 */
static int
reap(struct shunt__topic *topic, uint32_t slot)
{
	struct shunt__object *obj = topic->obj;
	int64_t byte = SHUNT__BYTE_RECEIVER + slot;
	int free;

	if (pthread_mutex_trylock(&obj->mutex) != 0)
		return 0; /* another thread is there; we come back */
	free = shunt__object_lock(obj, byte) == 0;
	if (free) {
		shunt__topic_clear(topic, slot);
		shunt__object_unlock(obj, byte);
	}
	pthread_mutex_unlock(&obj->mutex);
	return free;
}

/* Once more, if the one in the way is dead; asked now and then. */
static int
try_without_dead(struct shunt__want *w, int e)
{
	struct shunt__caster *c = w->c;
	uint64_t now = shunt__now();

	if (e != -EAGAIN || now - c->probed < PROBE_NS)
		return e;
	/* Each turn cleans a slot, so there are no more turns than slots. */
	for (uint32_t i = 0; e == -EAGAIN && i < w->pub->topic.slots; i++) {
		if (!reap(&w->pub->topic, c->tx.blocker)) {
			c->probed = now;
			break;
		}
		e = try(w);
	}
	return e;
}

/* For shunt__wait(): room, or a reason to stop waiting for it. */
static int
ready(void *arg)
{
	struct shunt__want *w = arg;
	int e = try(w);

	if (e == -EAGAIN &&
	    shunt__load32(&w->pub->topic.obj->control->ct_ended) != 0)
		return SHUNT_E_CLOSED;
	return try_without_dead(w, e);
}

/* Gone for all, and each subscriber sees the gap. */
static int
drop(struct shunt__want *w)
{
	struct shunt__lane_lay *ctl = w->c->tx.lane.ctl;
	uint64_t n = w->msgs != NULL ? (uint64_t)w->n : 1;

	shunt__cast_skip(&w->c->tx, n);
	shunt__store64(&ctl->ln_dropped, shunt__load64(&ctl->ln_dropped) + n);
	return SHUNT_E_DROPPED;
}

int
shunt__publisher_full(
    struct shunt__want *w, const struct shunt_send_options *opts)
{
	struct shunt_send_options o;
	struct shunt_publisher *pub = w->pub;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);

	if (e < 0)
		return e;
	e = try_without_dead(w, -EAGAIN);
	if (e != -EAGAIN)
		return e;
	if (pub->topic.policy == SHUNT_TOPIC_DROP)
		return drop(w);
	if (o.wait_ns < 0)
		return -EAGAIN;
	uint32_t turns = shunt__spin_turns(&pub->spin);
	for (uint32_t i = 0; i < turns; i++) {
		shunt__pause();
		e = try(w);
		if (e != -EAGAIN) {
			shunt__spin_learn(&pub->spin, 1);
			return e;
		}
	}
	shunt__spin_learn(&pub->spin, 0);
	if (w->deadline == 0)
		w->deadline = shunt__deadline(o.wait_ns);
	return shunt__wait(pub->topic.obj, &w->c->tx.lane.ctl->ln_waiting,
	    SHUNT__BELL_ASLEEP, w->deadline, ready, w);
}
