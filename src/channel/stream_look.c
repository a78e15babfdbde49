/* SPDX-License-Identifier: MIT */
/*
 * What a reader finds at the tail when it is not plain bytes: the end, a
 * break, nothing yet.  And waiting for it.
 */
#include "base/options.h"
#include "channel/stream.h"
#include "os/os.h"

#define ASK_NS UINT64_C(1000000) /* between two questions who lives */

/* Nobody has written yet, or the lane is ours to read from now on. */
static int
adopt(struct shunt_stream_reader *r)
{
	struct shunt__object *obj = r->obj;
	int e;

	if (shunt__object_high(obj) == 0)
		return -EAGAIN;
	e = shunt__object_probe_lane(obj, 0);
	if (e < 0)
		return e;
	shunt__lane_rx_adopt(&r->rx, shunt__object_ring(obj, 0),
	    obj->geo.lane_bytes, shunt__object_lane(obj, 0));
	r->adopted = 1;
	return 0;
}

int
shunt__stream_lies(struct shunt_stream_reader *r)
{
	r->bad = 1;
	return SHUNT_E_CORRUPT;
}

/* The first record that we see: our predecessor may have read some of it. */
void
shunt__stream_resume(struct shunt_stream_reader *r)
{
	uint64_t first = r->rx.tail + SHUNT__LANE_HEAD;

	if (r->resume > first && r->resume - first < r->len)
		r->off = r->resume - first;
	r->resume = 0;
}

int
shunt__stream_look_slow(
    struct shunt_stream_reader *r, int64_t len, uint16_t tag)
{
	if (r->bad)
		return SHUNT_E_CORRUPT;
	if (r->over)
		return shunt__stream_over_look(r);
	if (!r->adopted) {
		int e = adopt(r);
		return e < 0 ? e : shunt__stream_look(r);
	}
	if (len == -EAGAIN) {
		if (r->off != 0)
			return shunt__stream_lies(
			    r); /* its header was there before */
		if (!r->drained) {
			r->drained = 1;
			shunt__stream_ring(r);
		}
		return -EAGAIN;
	}
	if (len != 0 || r->off != 0)
		return shunt__stream_lies(r);
	r->resume = 0;
	if (tag == SHUNT__STREAM_END)
		return SHUNT__STREAM_ENDED;
	if (tag != SHUNT__STREAM_BROKEN)
		return shunt__stream_lies(r);
	if (shunt__load64(shunt__stream_word(r, SHUNT__STREAM_TOLD)) !=
	    r->rx.tail + 1)
		return SHUNT__STREAM_BROKE;
	shunt__stream_release(r); /* that was told already */
	return shunt__stream_look(r);
}

/*
 * Nothing is at the tail.  In the middle of a stream, and nobody there who
 * could write the rest?  The order is: st_ended, then the byte, then the tail
 * once more.  Who has stored st_ended for his END holds the byte, or the END
 * is there, or he is dead.
 */
static int
look_for_writer(struct shunt_stream_reader *r)
{
	/* Every word but the lane's own is one that a peer may scribble. */
	uint64_t ended = shunt__acquire64(&r->lay->st_ended);
	uint64_t tail = r->rx.tail;
	int held, e;

	if ((!r->adopted && !r->over_adopted) || ended == tail ||
	    shunt__load64(shunt__stream_word(r, SHUNT__STREAM_TOLD)) ==
		tail + 1)
		return -EAGAIN;
	held = shunt__lane_held(r->obj, 0);
	if (held != 0)
		return held < 0 ? held : -EAGAIN;
	e = shunt__stream_look(r);
	/* A pad alone, and dead behind it: the tail has moved over it. */
	return e == -EAGAIN ? SHUNT__STREAM_LEFT : e;
}

/* Looks at everything, as shunt__wait() wants it. */
static int
look_at_all(void *arg)
{
	struct shunt_stream_reader *r = arg;
	int e = shunt__stream_look(r);

	return e == -EAGAIN ? look_for_writer(r) : e;
}

/* Who polls asks the kernel about the writer once a millisecond. */
static int
poll_writer(struct shunt_stream_reader *r)
{
	uint64_t now = shunt__now();

	if (now < r->next_ask)
		return -EAGAIN;
	r->next_ask = now + ASK_NS;
	return look_for_writer(r);
}

int
shunt__stream_ready(void *arg)
{
	struct shunt_stream_reader *r = arg;
	int e;

	/* A descriptor that was armed just now waits for a new event, so it
	 * must not rest on a question of a moment ago. */
	if (r->end.fd >= 0)
		e = look_at_all(r);
	else if ((e = shunt__stream_look(r)) == -EAGAIN)
		e = poll_writer(r);
	if (e == -EAGAIN && shunt__load32(&r->obj->control->ct_removed) != 0)
		return SHUNT_E_REMOVED;
	return e > 0 ? 0 : e;
}

/* Nothing is there, and the caller does not wait. */
static int
do_not_wait(struct shunt_stream_reader *r)
{
	int e = poll_writer(r);

	if (e == -EAGAIN)
		e = shunt__end_empty(&r->end);
	return e == 0 ? look_at_all(r) : e;
}

/* Nothing at once: spin a little, then sleep. */
int
shunt__stream_wait(
    struct shunt_stream_reader *r, const struct shunt_recv_options *opts)
{
	struct shunt_recv_options o;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);

	if (e < 0)
		return e;
	if (shunt__load32(&r->obj->control->ct_removed) != 0)
		return SHUNT_E_REMOVED;
	if (o.wait_ns < 0)
		return do_not_wait(r);
	uint32_t turns = shunt__spin_turns(&r->spin);
	for (uint32_t i = 0; i < turns; i++) {
		shunt__pause();
		e = shunt__stream_look(r);
		if (e != -EAGAIN) {
			shunt__spin_learn(&r->spin, 1);
			return e;
		}
	}
	shunt__spin_learn(&r->spin, 0);
	return shunt__wait(r->obj, &r->obj->control->ct_bell,
	    SHUNT__BELL_ASLEEP, shunt__deadline(o.wait_ns), look_at_all, r);
}
