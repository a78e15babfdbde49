/* SPDX-License-Identifier: MIT */
/*
 * A queue of small lanes whose position stands 1,000 bytes before the end of
 * the ring, so that the messages of a victim go over it with a pad.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <shunt.h>

#include "cases.h"

static const struct shunt_send_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options at_once = {
    .sz = sizeof(at_once), .wait_ns = SHUNT_NOWAIT};

static struct shunt_queue *
attach(const struct world *w, uint32_t flags)
{
	struct shunt_queue *q = NULL;
	struct shunt_queue_options o = {.sz = sizeof(o),
	    .flags = flags,
	    .lane_bytes = 4096,
	    /* With one lane a full one cannot be avoided. */
	    .lanes = strstr(w->name, "full") != NULL ? 1 : 4};

	if (shunt_queue_open(&q, w->name, &o) < 0)
		printf("%s\n", shunt_error_detail());
	return q;
}

static int
send_some(struct shunt_queue *q, uint32_t from, uint32_t to)
{

	for (uint32_t i = from; i < to; i++) {
		int e = message_send(q, i);
		if (e != 0)
			return e;
	}
	return 0;
}

/* Persistent, positions near the end, @unread messages in it. */
static struct world *
make_world(const char *stem, uint32_t unread)
{
	struct world *w = world_make(stem);
	unsigned char buf[2048];
	struct shunt_queue *q;

	if (w == NULL)
		return NULL;
	q = attach(w, SHUNT_QUEUE_PERSISTENT | SHUNT_QUEUE_EXCLUSIVE);
	if (q == NULL)
		return NULL;
	for (int i = 0; i < 3; i++)
		if (shunt_queue_send(q, buf, 1020, &now) != 0 ||
		    shunt_queue_recv(q, buf, sizeof(buf), NULL, &at_once) !=
			1020)
			return NULL;
	if (send_some(q, 0, unread) != 0)
		return NULL;
	shunt_queue_close(&q);
	world_keep(w);
	return w;
}

static void *
setup_empty(void *arg)
{
	return make_world(arg, 0);
}

static void *
setup_unread(void *arg)
{
	return make_world(arg, MESSAGES);
}

static void *
setup_half(void *arg)
{
	return make_world(arg, 3);
}

/* Everything that was committed is there, in order and whole; and all works
 * on: the survivor fills and drains the queue. */
static int
survivor(struct world *w, uint32_t first_least, uint32_t first_most,
    uint32_t end_least, uint32_t end_most)
{
	unsigned char buf[2048];
	struct shunt_queue *q = attach(w, SHUNT_QUEUE_EXISTING);
	uint32_t next = UINT32_MAX;
	ssize_t n;

	CHECK(q != NULL);
	while (
	    (n = shunt_queue_recv(q, buf, sizeof(buf), NULL, &at_once)) >= 0) {
		if (next == UINT32_MAX) {
			for (next = first_least; next < first_most; next++)
				if (message_right(buf, (size_t)n, next))
					break;
		}
		CHECK(message_right(buf, (size_t)n, next));
		next++;
	}
	CHECK(n == -EAGAIN);
	if (next == UINT32_MAX) {
		CHECK(first_most >= end_least);
	} else {
		CHECK(next >= end_least && next <= end_most);
	}
	for (int round = 0; round < 3; round++) {
		CHECK(send_some(q, 0, 5) == 0);
		for (uint32_t i = 0; i < 5; i++) {
			n = shunt_queue_recv(
			    q, buf, sizeof(buf), NULL, &at_once);
			CHECK(n >= 0 && message_right(buf, (size_t)n, i));
		}
	}
	shunt_queue_close(&q);
	CHECK(world_leftovers(w) == 0);
	return 0;
}

/* ---- sending ---- */

static void
victim_send(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);
	void *room;

	sweep_require(q != NULL);
	/* Takes the lane; nothing is sent. */
	sweep_require(shunt_queue_reserve(q, 8, &room, &now) == 0);
	shunt_queue_abort(q);
	sweep_begin();
	for (uint32_t i = 0; i < MESSAGES; i++) {
		sweep_require(message_send(q, i) == 0);
		w->p->done[0] = i + 1;
	}
	sweep_end();
}

/* The first send of a thread: it takes its lane in the call. */
static void
victim_claim(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);

	sweep_require(q != NULL);
	sweep_begin();
	sweep_require(message_send(q, 0) == 0);
	w->p->done[0] = 1;
	sweep_end();
}

/* A lane with three unread messages of a sender that has ended. */
static void
victim_takeover(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);

	sweep_require(q != NULL);
	w->p->done[0] = 3;
	sweep_begin();
	for (uint32_t i = 3; i < MESSAGES; i++) {
		sweep_require(message_send(q, i) == 0);
		w->p->done[0] = i + 1;
	}
	sweep_end();
}

static void
victim_reserve(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);
	void *room;

	sweep_require(q != NULL);
	sweep_require(shunt_queue_reserve(q, 8, &room, &now) == 0);
	shunt_queue_abort(q);
	sweep_begin();
	for (uint32_t i = 0; i < MESSAGES; i++) {
		/* More than is needed, and once for nothing. */
		if (i == 1) {
			sweep_require(
			    shunt_queue_reserve(q, 500, &room, &now) == 0);
			shunt_queue_abort(q);
		}
		sweep_require(
		    shunt_queue_reserve(
			q, i < 3 ? 900 : message_size[i], &room, &now) == 0);
		memcpy(room, message_text(i), message_size[i]);
		sweep_require(shunt_queue_commit(q, message_size[i]) == 0);
		w->p->done[0] = i + 1;
	}
	sweep_end();
}

static int
check_sent(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	uint32_t done = w->p->done[0];

	(void)point;
	return survivor(w, 0, 0, done, done + 1);
}

static int
check_takeover(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	uint32_t done = w->p->done[0];

	(void)point;
	return survivor(w, 0, 0, done > 3 ? done : 3, done + 1);
}

/* ---- a full lane: the sender spins, sleeps and times out ---- */

static void
victim_full(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);
	struct shunt_send_options brief = {
	    .sz = sizeof(brief), .wait_ns = 200000};
	unsigned char buf[2048];

	sweep_require(q != NULL);
	memset(buf, 0, sizeof(buf));
	sweep_begin();
	sweep_require(shunt_queue_send(q, buf, 2000, &brief) == -ETIMEDOUT);
	sweep_end();
}

static int
check_unread(void *ctx, unsigned long point)
{
	(void)point;
	return survivor(ctx, 0, 0, MESSAGES, MESSAGES);
}

/* ---- receiving ---- */

static void
victim_recv(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);
	unsigned char buf[2048];

	sweep_require(q != NULL);
	sweep_begin();
	for (uint32_t i = 0; i < MESSAGES; i++) {
		ssize_t n =
		    shunt_queue_recv(q, buf, sizeof(buf), NULL, &at_once);
		sweep_require(n >= 0 && message_right(buf, (size_t)n, i));
		w->p->done[0] = i + 1;
	}
	sweep_end();
}

static void
victim_peek(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);
	const void *msg;

	sweep_require(q != NULL);
	sweep_begin();
	for (uint32_t i = 0; i < MESSAGES; i++) {
		ssize_t n = shunt_queue_peek(q, &msg, NULL, &at_once);
		sweep_require(n >= 0 && message_right(msg, (size_t)n, i));
		sweep_require(shunt_queue_release(q) == 0);
		w->p->done[0] = i + 1;
	}
	sweep_end();
}

/* What was not received comes; what was being received may come again. */
static int
check_received(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	uint32_t done = w->p->done[0];

	(void)point;
	return survivor(w, done, done + 1, MESSAGES, MESSAGES);
}

/* An empty queue: the receiver spins, sleeps and times out. */
static void
victim_park(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);
	struct shunt_recv_options brief = {
	    .sz = sizeof(brief), .wait_ns = 200000};
	unsigned char buf[64];

	sweep_require(q != NULL);
	sweep_begin();
	sweep_require(
	    shunt_queue_recv(q, buf, sizeof(buf), NULL, &brief) == -ETIMEDOUT);
	sweep_end();
}

static int
check_empty(void *ctx, unsigned long point)
{
	(void)point;
	return survivor(ctx, 0, 0, 0, 0);
}

/* ---- grids ---- */

static void
victim_send_other(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);

	sweep_require(q != NULL);
	sweep_begin();
	for (uint32_t i = 0; i < 2; i++) {
		sweep_require(message_send(q, i) == 0);
		w->p->done[1] = i + 1;
	}
	sweep_end();
}

static void
victim_recv_what_comes(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);
	unsigned char buf[2048];

	sweep_require(q != NULL);
	sweep_begin();
	for (uint32_t i = 0; i < MESSAGES; i++) {
		ssize_t n =
		    shunt_queue_recv(q, buf, sizeof(buf), NULL, &at_once);
		if (n == -EAGAIN)
			break;
		sweep_require(n >= 0 && message_right(buf, (size_t)n, i));
		w->p->done[1] = i + 1;
	}
	sweep_end();
}

/* The sender is dead, the receiver came to its end: the rest is there. */
static int
check_send_recv(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	uint32_t sent = w->p->done[0], got = w->p->done[1];

	(void)point;
	CHECK(got <= sent + 1);
	if (got > sent)
		sent = got;
	return survivor(w, got, got, sent, sent + 1);
}

/* Two senders, lanes of their own, of which one died: count each. */
static int
check_two_senders(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, SHUNT_QUEUE_EXISTING);
	struct shunt_message info = {.sz = sizeof(info)};
	unsigned char buf[2048];
	uint32_t seen[4] = {0}, most = 0, all = 0;
	ssize_t n;

	(void)point;
	CHECK(q != NULL);
	while (
	    (n = shunt_queue_recv(q, buf, sizeof(buf), &info, &at_once)) >= 0) {
		CHECK(info.lane < 4);
		/* One took over the other's lane: its count begins anew. */
		if (!message_right(buf, (size_t)n, seen[info.lane]))
			seen[info.lane] = 0;
		CHECK(message_right(buf, (size_t)n, seen[info.lane]));
		seen[info.lane]++;
		all++;
	}
	CHECK(n == -EAGAIN);
	most = w->p->done[0] + w->p->done[1];
	CHECK(w->p->done[1] == 2);
	CHECK(all == most || all == most + 1);
	shunt_queue_close(&q);
	return 0;
}

static const struct sweep_case other_sender = {.name = "other-sender",
    .setup = setup_empty,
    .victim = victim_send_other,
    .check = check_two_senders,
    .teardown = world_free,
    .image = world_image,
    .arg = (void *)"grid-ss"};

static const struct sweep_case other_receiver = {.name = "other-receiver",
    .setup = setup_empty,
    .victim = victim_recv_what_comes,
    .check = check_send_recv,
    .teardown = world_free,
    .image = world_image,
    .arg = (void *)"grid-sr"};

/* ---- several receivers ---- */

/* What came, how often, and whether it may come again without a mark: only
 * what nobody had been given. */
static int
survivor_of_receivers(struct world *w, uint32_t had, uint32_t done)
{
	unsigned char buf[2048];
	struct shunt_queue *q = attach(w, SHUNT_QUEUE_EXISTING);
	struct shunt_message info = {.sz = sizeof(info)};
	uint32_t seen = 0;
	ssize_t n;

	CHECK(q != NULL);
	/* Of what the dead had in hand one learns now and then. */
	for (int tries = 0; tries < 20000; tries++) {
		n = shunt_queue_recv(q, buf, sizeof(buf), &info, &at_once);
		if (n == -EAGAIN)
			continue;
		CHECK(n >= 0);
		uint32_t i = 0;
		while (i < MESSAGES && !message_right(buf, (size_t)n, i))
			i++;
		CHECK(i < MESSAGES);
		CHECK(!(seen & 1u << i));
		seen |= 1u << i;
		if (had & 1u << i)
			CHECK(info.flags == SHUNT_MESSAGE_REDELIVERED);
		if (seen == (63u & ~done))
			break;
	}
	n = shunt_queue_recv(q, buf, sizeof(buf), NULL, &at_once);
	CHECK(n == -EAGAIN);
	/* One may be gone that was released just before the kill. */
	uint32_t gone = 63u & ~seen & ~done, again = seen & done;
	CHECK((gone & (gone - 1)) == 0 && again == 0);
	for (int round = 0; round < 3; round++) {
		CHECK(send_some(q, 0, 5) == 0);
		for (uint32_t i = 0; i < 5; i++) {
			n = shunt_queue_recv(
			    q, buf, sizeof(buf), &info, &at_once);
			CHECK(n >= 0 && message_right(buf, (size_t)n, i));
			CHECK(info.flags == 0);
		}
	}
	shunt_queue_close(&q);
	CHECK(world_leftovers(w) == 0);
	return 0;
}

/* done[0] is the set of those that were released, done[1] of those that were
 * given and not released. */
static int
check_receivers(void *ctx, unsigned long point)
{
	struct world *w = ctx;

	(void)point;
	return survivor_of_receivers(w, w->p->done[1], w->p->done[0]);
}

/* Alone, with records in hand. */
static void
victim_hand(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);
	const void *msg;

	sweep_require(q != NULL);
	sweep_begin();
	for (uint32_t i = 0; i < MESSAGES; i++) {
		ssize_t n = shunt_queue_peek(q, &msg, NULL, &at_once);
		sweep_require(n >= 0 && message_right(msg, (size_t)n, i));
		w->p->done[1] = 1u << i;
		sweep_require(shunt_queue_release(q) == 0);
		w->p->done[1] = 0;
		w->p->done[0] |= 1u << i;
	}
	sweep_end();
}

/* Two handles take turns: one is told to share, the other takes over. */
static void
victim_share(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *a = attach(w, 0), *b = attach(w, 0);
	const void *m1, *m2;
	unsigned char buf[2048];
	ssize_t n;

	sweep_require(a != NULL && b != NULL);
	sweep_begin();
	n = shunt_queue_peek(a, &m1, NULL, &at_once);
	sweep_require(n >= 0 && message_right(m1, (size_t)n, 0));
	w->p->done[1] = 1;
	/* Behind it, though A had the lane for himself. */
	n = shunt_queue_peek(b, &m2, NULL, &at_once);
	sweep_require(n >= 0 && message_right(m2, (size_t)n, 1));
	w->p->done[1] = 3;
	sweep_require(shunt_queue_release(b) == 0);
	w->p->done[1] = 1;
	w->p->done[0] = 2;
	n = shunt_queue_recv(b, buf, sizeof(buf), NULL, &at_once);
	sweep_require(n >= 0 && message_right(buf, (size_t)n, 2));
	w->p->done[0] = 6;
	sweep_require(shunt_queue_release(a) == 0);
	w->p->done[1] = 0;
	w->p->done[0] = 7;
	n = shunt_queue_peek(a, &m1, NULL, &at_once);
	sweep_require(n >= 0 && message_right(m1, (size_t)n, 3));
	w->p->done[1] = 8;
	sweep_require(shunt_queue_release(a) == 0);
	w->p->done[1] = 0;
	w->p->done[0] = 15;
	shunt_queue_close(&a);
	shunt_queue_close(&b);
	sweep_end();
}

/* Comes after one who was killed with a record in hand. */
static int
hold_one(struct world *w)
{
	struct shunt_queue *q = attach(w, SHUNT_QUEUE_EXISTING);
	const void *msg;

	return q != NULL && shunt_queue_peek(q, &msg, NULL, &at_once) >= 0 ? 0
									   : 1;
}

static void
victim_adopt(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q;
	struct shunt_message info = {.sz = sizeof(info)};
	unsigned char buf[2048];
	ssize_t n;

	pid_t holder = world_holder(w, hold_one);
	sweep_require(holder > 0);
	world_kill(holder);
	w->p->done[1] = 1;
	q = attach(w, 0);
	sweep_require(q != NULL);
	sweep_begin();
	n = shunt_queue_recv(q, buf, sizeof(buf), &info, &at_once);
	sweep_require(n >= 0 && message_right(buf, (size_t)n, 0));
	sweep_require(info.flags == SHUNT_MESSAGE_REDELIVERED);
	w->p->done[1] = 0;
	w->p->done[0] = 1;
	for (uint32_t i = 1; i < 3; i++) {
		n = shunt_queue_recv(q, buf, sizeof(buf), NULL, &at_once);
		sweep_require(n >= 0 && message_right(buf, (size_t)n, i));
		w->p->done[0] |= 1u << i;
	}
	sweep_end();
}

/* ---- batches, and the end ---- */

static void
victim_batch(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);
	struct iovec msgs[MESSAGES];
	void *room;

	sweep_require(q != NULL);
	sweep_require(shunt_queue_reserve(q, 8, &room, &now) == 0);
	shunt_queue_abort(q);
	for (uint32_t i = 0; i < MESSAGES; i++)
		msgs[i] = (struct iovec){
		    (void *)(uintptr_t)message_text(i), message_size[i]};
	sweep_begin();
	sweep_require(
	    shunt_queue_send_batch(q, msgs, MESSAGES, &now) == MESSAGES);
	w->p->done[0] = MESSAGES;
	sweep_end();
}

/* All of them or none. */
static int
check_batch(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	struct shunt_segment_info info = {.sz = sizeof(info)};

	(void)point;
	CHECK(shunt_segment_stat(w->name, &info, NULL, 0) >= 0);
	CHECK(info.depth == 0 || info.depth == MESSAGES);
	CHECK(w->p->done[0] == 0 || info.depth == MESSAGES);
	return survivor(w, 0, 0, (uint32_t)info.depth, (uint32_t)info.depth);
}

static void
victim_recv_batch(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);
	struct shunt_message infos[MESSAGES] = {{.sz = sizeof(infos[0])}};
	static unsigned char buf[16384];

	sweep_require(q != NULL);
	sweep_begin();
	sweep_require(shunt_queue_recv_batch(
			  q, buf, sizeof(buf), infos, 4, &at_once) == 4);
	w->p->done[0] = 4;
	sweep_require(shunt_queue_recv_batch(q, buf, sizeof(buf), infos, 4,
			  &at_once) == MESSAGES - 4);
	w->p->done[0] = MESSAGES;
	sweep_end();
}

static int
check_recv_batch(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	uint32_t done = w->p->done[0];

	(void)point;
	return survivor(w, done, done < 4 ? 4 : MESSAGES, MESSAGES, MESSAGES);
}

static void
victim_finish(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);
	unsigned char buf[2048];

	sweep_require(q != NULL);
	sweep_begin();
	sweep_require(shunt_queue_finish(q) == 0);
	w->p->done[0] = 1;
	for (uint32_t i = 0; i < 3; i++) {
		ssize_t n =
		    shunt_queue_recv(q, buf, sizeof(buf), NULL, &at_once);
		sweep_require(n >= 0 && message_right(buf, (size_t)n, i));
		w->p->done[1] = i + 1;
	}
	sweep_require(shunt_queue_recv(q, buf, sizeof(buf), NULL, &at_once) ==
		      SHUNT_E_CLOSED);
	sweep_end();
}

/* Finished or not, and all agree. */
static int
check_finish(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, SHUNT_QUEUE_EXISTING);
	unsigned char buf[2048];
	uint32_t next = w->p->done[1];
	ssize_t n;

	(void)point;
	CHECK(q != NULL);
	int e = message_send(q, 3);
	CHECK(e == 0 || e == SHUNT_E_CLOSED);
	CHECK(e == SHUNT_E_CLOSED || w->p->done[0] == 0);
	int first = 1;
	while (
	    (n = shunt_queue_recv(q, buf, sizeof(buf), NULL, &at_once)) >= 0) {
		if (first && !message_right(buf, (size_t)n, next))
			next++;
		first = 0;
		CHECK(message_right(buf, (size_t)n, next));
		next++;
	}
	CHECK(n == (e == 0 ? -EAGAIN : SHUNT_E_CLOSED));
	CHECK(next == 3 + (e == 0) || (first && next == 2));
	CHECK(shunt_queue_finish(q) == 0);
	CHECK(message_send(q, 0) == SHUNT_E_CLOSED);
	shunt_queue_close(&q);
	return 0;
}

/* Another takes what comes while the victim stands at any instruction. */
static void
victim_recv_too(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);
	unsigned char buf[2048];

	sweep_require(q != NULL);
	sweep_begin();
	for (int tries = 0; tries < 3; tries++) {
		ssize_t n =
		    shunt_queue_recv(q, buf, sizeof(buf), NULL, &at_once);
		uint32_t i = 0;
		if (n == -EAGAIN)
			continue;
		sweep_require(n >= 0);
		while (i < MESSAGES && !message_right(buf, (size_t)n, i))
			i++;
		sweep_require(i < MESSAGES);
		w->p->done[2] |= 1u << i;
	}
	sweep_end();
}

static int
check_two_receivers(void *ctx, unsigned long point)
{
	struct world *w = ctx;

	(void)point;
	CHECK((w->p->done[0] & w->p->done[2]) == 0);
	return survivor_of_receivers(
	    w, w->p->done[1] & ~w->p->done[2], w->p->done[0] | w->p->done[2]);
}

static const struct sweep_case other_taker = {.name = "other-taker",
    .setup = setup_unread,
    .victim = victim_recv_too,
    .check = check_two_receivers,
    .teardown = world_free,
    .image = world_image,
    .arg = (void *)"grid-rr"};

#define CASE(n, s, v, c)                                                       \
	{                                                                      \
		.name = n, .setup = s, .victim = v, .check = c,                \
		.teardown = world_free, .rearm = world_rearm,                  \
		.image = world_image, .arg = (void *)n                         \
	}

const struct sweep_case queue_cases[] = {
    CASE("queue-claim", setup_empty, victim_claim, check_sent),
    CASE("queue-send", setup_empty, victim_send, check_sent),
    CASE("queue-takeover", setup_half, victim_takeover, check_takeover),
    CASE("queue-reserve", setup_empty, victim_reserve, check_sent),
    CASE("queue-full", setup_unread, victim_full, check_unread),
    CASE("queue-recv", setup_unread, victim_recv, check_received),
    CASE("queue-peek", setup_unread, victim_peek, check_received),
    CASE("queue-park", setup_empty, victim_park, check_empty),
    CASE("queue-hand", setup_unread, victim_hand, check_receivers),
    CASE("queue-share", setup_unread, victim_share, check_receivers),
    CASE("queue-adopt", setup_unread, victim_adopt, check_receivers),
    CASE("queue-batch", setup_empty, victim_batch, check_batch),
    CASE("queue-recv-batch", setup_unread, victim_recv_batch, check_recv_batch),
    CASE("queue-finish", setup_half, victim_finish, check_finish),
    {.name = "grid-recv-recv",
	.setup = setup_unread,
	.victim = victim_hand,
	.check = check_two_receivers,
	.teardown = world_free,
	.rearm = world_rearm,
	.image = world_image,
	.arg = (void *)"grid-rr",
	.peer = &other_taker,
	.grid_points = 150},
    {.name = "grid-send-recv",
	.setup = setup_empty,
	.victim = victim_send,
	.check = check_send_recv,
	.teardown = world_free,
	.rearm = world_rearm,
	.image = world_image,
	.arg = (void *)"grid-sr",
	.peer = &other_receiver,
	.grid_points = 150},
    {.name = "grid-claim-claim",
	.setup = setup_empty,
	.victim = victim_claim,
	.check = check_two_senders,
	.teardown = world_free,
	.rearm = world_rearm,
	.image = world_image,
	.arg = (void *)"grid-ss",
	.peer = &other_sender,
	.grid_points = 150},
};

const size_t queue_case_count = sizeof(queue_cases) / sizeof(queue_cases[0]);
