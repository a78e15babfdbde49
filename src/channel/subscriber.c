/* SPDX-License-Identifier: MIT */
/*
 * The subscribing end.  It polls the ring that brought the last message, and
 * the others in turn, a few at a time: there are no hints to rely on, for
 * publishers write nothing beside their messages.
 */
#include "channel/subscriber.h"

#include "base/options.h"
#include "os/os.h"
#include "segment/wait.h"

#define FEW        8u  /* rings looked at in one turn */
#define TURN_MOST  64u /* messages in a row from one ring, if there are more */
#define TRIES      16u /* looks at a ring that is overrun again and again */
#define POLL_LEAST INT64_C(1000000)  /* read-only: between two looks, */
#define POLL_MOST  INT64_C(10000000) /* growing while nothing comes */

/* It was overrun and stands elsewhere.  With policy EVICT that is told. */
static int
overrun(struct shunt_subscriber *sub)
{
	if (sub->topic.policy != SHUNT_TOPIC_EVICT || sub->evicted)
		return 0;
	sub->evicted = 1;
	return SHUNT_E_EVICTED;
}

/* Nobody is to wait for one that does not read on. */
static int
spoiled(struct shunt_subscriber *sub, struct shunt__feed *feed)
{
	feed->bad = SHUNT__FEED_LIED;
	shunt__subscriber_let_go(sub, feed);
	return SHUNT_E_CORRUPT;
}

/* What could not be touched may have wanted for memory only. */
static int
opened(const struct shunt_subscriber *sub, struct shunt__feed *feed)
{
	if (feed->bad != SHUNT__FEED_CLOSED ||
	    shunt__object_probe_lane(sub->topic.obj, feed->number) < 0)
		return 0;
	feed->bad = 0;
	return 1;
}

/* Empty: for the first time since it had something, others are told. */
static int
ran_empty(struct shunt_subscriber *sub, struct shunt__feed *feed)
{
	if (!feed->drained) {
		feed->drained = 1;
		shunt__subscriber_note(sub, feed);
		shunt__subscriber_ring(sub, feed);
	}
	return -EAGAIN;
}

/* A message in this ring?  0, -EAGAIN, SHUNT_E_EVICTED or SHUNT_E_CORRUPT
 * (each once). */
static inline int
look(struct shunt_subscriber *sub, struct shunt__feed *feed)
{
	if (__builtin_expect(feed->bad != 0, 0) && !opened(sub, feed))
		return -EAGAIN;
	for (uint32_t i = 0; i < TRIES; i++) {
		int e = shunt__cast_look(&feed->rx);
		if (__builtin_expect(e == 0, 1)) {
			sub->peeked = feed;
			feed->drained = 0;
			return 0;
		}
		if (e == -EAGAIN)
			return ran_empty(sub, feed);
		if (e != SHUNT_E_OVERRUN)
			return spoiled(sub, feed);
		e = overrun(sub);
		if (e != 0)
			return e;
	}
	return -EAGAIN;
}

/* The next @n rings of all. */
static int
look_at_some(struct shunt_subscriber *sub, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (sub->rotor >= sub->high)
			sub->rotor = 0;
		struct shunt__feed *feed = &sub->feeds[sub->rotor++];
		int e = look(sub, feed);
		if (e == 0) {
			sub->cur = feed;
			sub->turn = 1;
			sub->lull = 0;
		}
		if (e != -EAGAIN)
			return e;
	}
	return -EAGAIN;
}

static int
look_at_all(struct shunt_subscriber *sub)
{
	if (sub->peeked != NULL)
		return 0;
	shunt__subscriber_meet(sub);
	return look_at_some(sub, sub->high);
}

/* Nothing in the ring polled first, or its turn is over. */
static int
look_around(struct shunt_subscriber *sub)
{
	/* Several in a row, then none: a publisher at full speed, and we were
	 * quicker.  A lone message is a conversation: look again at once. */
	if (sub->turn - sub->lull > 1 && sub->turn < TURN_MOST)
		shunt__lane_stand_back();
	else if (sub->turn >= TURN_MOST)
		shunt__subscriber_note(sub, sub->cur);
	sub->turn = sub->lull = 0;
	if (__builtin_expect(shunt__object_high(sub->topic.obj) > sub->high, 0))
		shunt__subscriber_meet(sub);
	return look_at_some(sub, sub->high < FEW ? sub->high : FEW);
}

/*
 * A conversation stays one, however long it is.  But its messages count as a
 * turn: an answer that is always there in time must not hide other rings, and
 * where there are any, two of them are as many as they wait for.
 */
static inline int
await(struct shunt_subscriber *sub, const struct shunt__feed *cur)
{
	if (sub->turn - sub->lull > 1 || (sub->turn > 1 && sub->high > 1) ||
	    !shunt__lane_await(cur->rx.ring, cur->rx.cap, cur->rx.pos))
		return 0;
	sub->lull = sub->turn;
	return 1;
}

/* One poll.  0: sub->peeked is set; or as look(). */
static inline int
poll_once(struct shunt_subscriber *sub)
{
	struct shunt__feed *cur = sub->cur;

	if (__builtin_expect(sub->peeked != NULL, 0))
		return 0;
	if (__builtin_expect(cur != NULL, 1) && sub->turn < TURN_MOST) {
		int e = look(sub, cur);
		if (e == -EAGAIN && await(sub, cur))
			e = look(sub, cur);
		if (__builtin_expect(e == 0, 1)) {
			sub->turn++;
			return 0;
		}
		if (e != -EAGAIN)
			return e;
	}
	return look_around(sub);
}

/* Everything, and whether that was all: for who is about to sleep. */
int
shunt__subscriber_ready(void *arg)
{
	struct shunt_subscriber *sub = arg;
	/* E: pairs with E in shunt_publisher_finish(); before the look, for
	 * what was published before the end is then seen by it. */
	uint32_t ended = shunt__acquire32(&sub->topic.obj->control->ct_ended);
	int e = sub->due != 0 ? sub->due : look_at_all(sub);

	/* What is told once is told by a receiving call: here it may be
	 * shunt_wait() that asks. */
	if (e == SHUNT_E_EVICTED || e == SHUNT_E_CORRUPT)
		sub->due = e;
	if (e == -EAGAIN)
		shunt__subscriber_insist(sub);
	return e == -EAGAIN && ended != 0 ? SHUNT_E_CLOSED : e;
}

/* Without permission to write nobody can be asked to wake us. */
static int
wait_readonly(struct shunt_subscriber *sub, uint64_t deadline)
{
	int64_t pause = POLL_LEAST;
	uint64_t checked = 0;

	for (;;) {
		int e = shunt__subscriber_ready(sub);
		if (e != -EAGAIN)
			return e;
		uint64_t now = shunt__now();
		if (deadline != 0 && now >= deadline)
			return -ETIMEDOUT;
		if (now - checked > (uint64_t)SHUNT__SLEEP_FIRST) {
			checked = now;
			e = shunt__object_check(sub->topic.obj);
			if (e != 0)
				return e == -ESTALE ? SHUNT_E_REMOVED : e;
		}
		int64_t left = pause;
		if (deadline != 0 && deadline - now < (uint64_t)left)
			left = (int64_t)(deadline - now);
		shunt__os.nanosleep(left);
		if (pause < POLL_MOST)
			pause += POLL_LEAST;
	}
}

/* Nothing at once: spin a little, then sleep.  As poll_once(). */
static int
wait_for_message(
    struct shunt_subscriber *sub, const struct shunt_recv_options *opts)
{
	struct shunt_recv_options o;
	struct shunt__object *obj = sub->topic.obj;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);

	if (e < 0)
		return e;
	e = shunt__subscriber_ready(sub);
	if (e != -EAGAIN)
		return e;
	if (shunt__load32(&obj->control->ct_removed) != 0)
		return SHUNT_E_REMOVED;
	if (o.wait_ns < 0)
		return shunt__end_empty(&sub->end);
	uint32_t turns = shunt__spin_turns(&sub->spin);
	for (uint32_t i = 0; i < turns; i++) {
		shunt__pause();
		e = poll_once(sub);
		if (e != -EAGAIN) {
			shunt__spin_learn(&sub->spin, 1);
			return e;
		}
	}
	shunt__spin_learn(&sub->spin, 0);
	if (obj->readonly)
		return wait_readonly(sub, shunt__deadline(o.wait_ns));
	return shunt__wait(obj, &obj->control->ct_bell,
	    SHUNT__BELL_ASLEEP | SHUNT__WAIT_SHARED, shunt__deadline(o.wait_ns),
	    shunt__subscriber_ready, sub);
}

static inline int
next_message(
    struct shunt_subscriber *sub, const struct shunt_recv_options *opts)
{
	int e = sub->due;

	if (__builtin_expect(e != 0, 0)) {
		sub->due = 0;
		return e;
	}
	e = poll_once(sub);
	if (__builtin_expect(e == -EAGAIN, 0)) {
		e = wait_for_message(sub, opts);
		if (e == sub->due)
			sub->due = 0;
	}
	return e;
}

/* What was in our hands is not what it was.  0: look for the next one. */
static int
lost_hold(struct shunt_subscriber *sub)
{
	struct shunt__feed *feed = sub->peeked;

	sub->peeked = NULL;
	if (shunt__cast_overrun(&feed->rx) != SHUNT_E_OVERRUN)
		return spoiled(sub, feed);
	if (++sub->tries > TRIES) {
		sub->tries = 0;
		return SHUNT_E_OVERRUN;
	}
	return overrun(sub);
}

static int
tell(const struct shunt__feed *feed, struct shunt_topic_message *info)
{
	const struct shunt__cast_rx *rx = &feed->rx;
	struct shunt_topic_message m = {.len = (size_t)rx->len,
	    .sequence = rx->seq,
	    .lost = rx->seq - rx->next,
	    .lane = feed->number};

	return shunt__answer_write(info, &m, sizeof(m));
}

/* It was whole: it is ours.  0 or SHUNT_E_CORRUPT. */
static inline int
take(struct shunt_subscriber *sub)
{
	struct shunt__feed *feed = sub->peeked;
	uint64_t old = feed->rx.pos;

	sub->peeked = NULL;
	sub->tries = 0;
	if (__builtin_expect(shunt__cast_take(&feed->rx) != 0, 0))
		return spoiled(sub, feed);
	sub->received++;
	/* A sleeping publisher is rung each quarter of the ring and when it
	 * has run empty, not for each message: waking is dear. */
	if (__builtin_expect(
		((old ^ feed->rx.pos) & ~(feed->rx.cap / 4 - 1)) != 0, 0))
		shunt__subscriber_ring(sub, feed);
	return 0;
}

ssize_t
shunt_subscriber_recv(struct shunt_subscriber *sub, void *buf, size_t cap,
    struct shunt_topic_message *info, const struct shunt_recv_options *opts)
{
	int e = shunt__subscriber_check(sub);

	while (__builtin_expect(e == 0, 1)) {
		e = next_message(sub, opts);
		if (__builtin_expect(e != 0, 0))
			break;
		struct shunt__feed *feed = sub->peeked;
		size_t len = (size_t)feed->rx.len;
		if (__builtin_expect(len <= cap, 1))
			shunt__cast_get(buf, feed->rx.payload, len);
		if (__builtin_expect(!shunt__cast_whole(&feed->rx), 0)) {
			e = lost_hold(sub);
			continue;
		}
		if (info != NULL && (e = tell(feed, info)) < 0)
			break;
		if (__builtin_expect(len > cap, 0)) {
			sub->peeked = NULL; /* looked at anew next time */
			return -EMSGSIZE;
		}
		e = take(sub);
		return __builtin_expect(e == 0, 1) ? (ssize_t)len : e;
	}
	return e;
}

/* One more of the ring that brought the last one, if it is there and fits. */
static ssize_t
one_more(struct shunt_subscriber *sub, void *buf, size_t cap,
    struct shunt_topic_message *info)
{
	struct shunt__feed *feed = sub->cur;
	int e = look(sub, feed);

	if (e == 0 && feed->rx.len > cap) {
		sub->peeked = NULL; /* looked at anew next time */
		return -EAGAIN;
	}
	if (e == 0) {
		size_t len = (size_t)feed->rx.len;
		shunt__cast_get(buf, feed->rx.payload, len);
		if (shunt__cast_whole(&feed->rx)) {
			tell(feed, info); /* of a size that was right before */
			e = take(sub);
			if (e == 0)
				return (ssize_t)len;
		} else {
			e = lost_hold(sub);
		}
	}
	/* What is told once is told by the next call. */
	if (e != -EAGAIN)
		sub->due = e;
	return -EAGAIN;
}

int
shunt_subscriber_recv_batch(struct shunt_subscriber *sub, void *buf, size_t cap,
    struct shunt_topic_message *infos, int n,
    const struct shunt_recv_options *opts)
{
	unsigned char *to = buf;
	int got = 0;

	if (n < 1 || infos == NULL || infos[0].sz < sizeof(size_t) * 2)
		return -EINVAL;
	size_t sz = infos[0].sz;
	ssize_t len = shunt_subscriber_recv(sub, to, cap, infos, opts);
	if (len < 0)
		return (int)len;
	do {
		to += len;
		cap -= (size_t)len;
		if (++got == n)
			break;
		/* The caller's struct may be shorter or longer than ours. */
		char *info = (char *)infos + (size_t)got * sz;
		memcpy(info, &sz, sizeof(sz));
		len = one_more(sub, to, cap, (void *)info);
	} while (len >= 0);
	return got;
}

ssize_t
shunt_subscriber_peek(struct shunt_subscriber *sub, const void **msg,
    struct shunt_topic_message *info, const struct shunt_recv_options *opts)
{
	int e = shunt__subscriber_check(sub);

	while (__builtin_expect(e == 0, 1)) {
		e = next_message(sub, opts);
		if (__builtin_expect(e != 0, 0))
			break;
		struct shunt__feed *feed = sub->peeked;
		/* Length and place, at least, are those of one message. */
		if (__builtin_expect(!shunt__cast_whole(&feed->rx), 0)) {
			e = lost_hold(sub);
			continue;
		}
		if (info != NULL && (e = tell(feed, info)) < 0)
			break;
		*msg = feed->rx.payload;
		return (ssize_t)feed->rx.len;
	}
	return e;
}

int
shunt_subscriber_valid(const struct shunt_subscriber *sub)
{
	return shunt__subscriber_check(sub) == 0 && sub->peeked != NULL &&
	       shunt__cast_whole(&sub->peeked->rx);
}

int
shunt_subscriber_release(struct shunt_subscriber *sub)
{
	int e = shunt__subscriber_check(sub);

	if (__builtin_expect(e != 0, 0))
		return e;
	if (sub->peeked == NULL)
		return -EINVAL;
	if (__builtin_expect(!shunt__cast_whole(&sub->peeked->rx), 0)) {
		e = lost_hold(sub);
		return e == 0 ? SHUNT_E_OVERRUN : e;
	}
	return take(sub);
}

uint64_t
shunt_subscriber_lost(const struct shunt_subscriber *sub)
{
	uint64_t lost = 0;

	if (shunt__subscriber_check(sub) != 0)
		return 0;
	for (uint32_t n = 0; n < sub->high; n++)
		lost += sub->feeds[n].rx.lost;
	return lost;
}

uint64_t
shunt_subscriber_lag(const struct shunt_subscriber *sub)
{
	uint64_t lag = 0;
	uint32_t high;

	if (shunt__subscriber_check(sub) != 0)
		return 0;
	high = shunt__object_high(sub->topic.obj);
	for (uint32_t n = 0; n < high; n++)
		if (!sub->feeds[n].bad &&
		    (n < sub->high ||
			shunt__object_probe_lane(sub->topic.obj, n) == 0))
			lag += shunt__cast_behind(&sub->feeds[n].rx);
	return lag;
}
