/* SPDX-License-Identifier: MIT */
/*
 * A topic of small rings, one of which has gone round already: whatever is
 * published there overwrites, goes over the end with a pad, and moves the
 * tail.  The message with number n is the n-th of a sequence that repeats.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <shunt.h>

#include "cases.h"

static const struct shunt_send_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
/* Somebody who is dead is not waited for; but who just died may not be gone. */
static const struct shunt_send_options soon = {
    .sz = sizeof(soon), .wait_ns = INT64_C(5000000000)};
static const struct shunt_recv_options at_once = {
    .sz = sizeof(at_once), .wait_ns = SHUNT_NOWAIT};

enum { LAP = 40 }; /* messages that go round the ring more than once */

static struct shunt_publisher *
publisher(const struct world *w, uint32_t flags, uint32_t policy)
{
	struct shunt_publisher *pub = NULL;
	struct shunt_publisher_options o = {.sz = sizeof(o),
	    .flags = flags,
	    .lane_bytes = 8192,
	    .publishers = 2,
	    .subscribers = 3,
	    .policy = policy};

	if (shunt_publisher_open(&pub, w->name, &o) < 0)
		printf("%s\n", shunt_error_detail());
	return pub;
}

static struct shunt_subscriber *
subscriber(const struct world *w, uint32_t history)
{
	struct shunt_subscriber *sub = NULL;
	struct shunt_subscriber_options o = {
	    .sz = sizeof(o), .flags = SHUNT_TOPIC_EXISTING, .history = history};

	if (shunt_subscriber_open(&sub, w->name, &o) < 0)
		printf("%s\n", shunt_error_detail());
	return sub;
}

/* Number @n, in a ring where it comes next. */
static int
publish_within(struct shunt_publisher *pub, uint32_t n,
    const struct shunt_send_options *opts)
{
	return shunt_publisher_send(
	    pub, message_text(n % MESSAGES), message_size[n % MESSAGES], opts);
}

static int
publish(struct shunt_publisher *pub, uint32_t n)
{
	return publish_within(pub, n, &soon);
}

/* The next message's number if it is what that number says, else -1. */
static int64_t
next(struct shunt_subscriber *sub)
{
	struct shunt_topic_message info = {.sz = sizeof(info)};
	unsigned char buf[2048];
	ssize_t n =
	    shunt_subscriber_recv(sub, buf, sizeof(buf), &info, &at_once);

	if (n < 0)
		return n;
	return message_right(
		   buf, (size_t)n, (uint32_t)(info.sequence % MESSAGES))
		   ? (int64_t)info.sequence
		   : -1;
}

static struct world *
make_world(const char *stem, uint32_t fill)
{
	struct world *w = world_make(stem);
	struct shunt_publisher *pub;

	if (w == NULL)
		return NULL;
	pub = publisher(w, SHUNT_TOPIC_PERSISTENT | SHUNT_TOPIC_EXCLUSIVE,
	    strstr(stem, "block") != NULL   ? SHUNT_TOPIC_BLOCK
	    : strstr(stem, "evict") != NULL ? SHUNT_TOPIC_EVICT
					    : SHUNT_TOPIC_LOSSY);
	if (pub == NULL)
		return NULL;
	for (uint32_t n = 0; n < fill; n++)
		if (publish(pub, n) != 0)
			return NULL;
	shunt_publisher_close(&pub);
	world_keep(w);
	return w;
}

static void *
setup_empty(void *arg)
{
	return make_world(arg, 0);
}

static void *
setup_full(void *arg)
{
	return make_world(arg, LAP);
}

static int
leave_cursor(struct world *w)
{
	return subscriber(w, SHUNT_TOPIC_ALL) == NULL;
}

/* A subscriber was killed that had the oldest messages still before it. */
static void *
setup_dead_subscriber(void *arg)
{
	struct world *w = make_world(arg, LAP);
	pid_t pid = w != NULL ? world_holder(w, leave_cursor) : 0;

	if (pid == 0)
		return NULL;
	world_kill(pid);
	world_keep(w);
	return w;
}

/* All that is there hangs together, the newest is one of those that may be,
 * a late joiner gets it, and publishing and receiving go on. */
static int
survivor(struct world *w, uint32_t least, uint32_t most)
{
	struct shunt_subscriber *all = subscriber(w, SHUNT_TOPIC_ALL);
	struct shunt_subscriber *last;
	struct shunt_publisher *pub;
	int64_t n, end = -1;

	CHECK(all != NULL);
	while ((n = next(all)) >= 0) {
		CHECK(end == -1 || n == end);
		end = n + 1;
	}
	CHECK(n == -EAGAIN);
	CHECK(end != -1 || least == 0);
	if (end == -1)
		end = 0;
	CHECK(end >= least && end <= most);
	last = subscriber(w, 1);
	CHECK(last != NULL);
	CHECK(next(last) == (end == 0 ? -EAGAIN : end - 1));
	shunt_subscriber_close(&last);
	pub = publisher(w, SHUNT_TOPIC_EXISTING, 0);
	CHECK(pub != NULL);
	for (uint32_t i = 0; i < LAP; i++) {
		CHECK(publish(pub, (uint32_t)end) == 0);
		CHECK(next(all) == end);
		end++;
	}
	CHECK(shunt_subscriber_lost(all) == 0);
	shunt_publisher_close(&pub);
	shunt_subscriber_close(&all);
	CHECK(world_leftovers(w) == 0);
	return 0;
}

/* ---- publishing ---- */

static void
publish_some(struct world *w, struct shunt_publisher *pub, uint32_t from)
{
	for (uint32_t i = 0; i < MESSAGES; i++) {
		sweep_require(publish(pub, from + i) == 0);
		w->p->done[0] = i + 1;
	}
}

static void
victim_publish(void *ctx)
{
	struct world *w = ctx;
	struct shunt_publisher *pub = publisher(w, 0, 0);
	void *room;

	sweep_require(pub != NULL);
	/* Takes the ring; nothing is published. */
	sweep_require(shunt_publisher_reserve(pub, 8, &room, &now) == 0);
	shunt_publisher_abort(pub);
	sweep_begin();
	publish_some(w, pub, LAP);
	sweep_end();
}

/* The first message of a thread: it takes the ring over in the call. */
static void
victim_takeover(void *ctx)
{
	struct world *w = ctx;
	struct shunt_publisher *pub = publisher(w, 0, 0);

	sweep_require(pub != NULL);
	sweep_begin();
	sweep_require(publish(pub, LAP) == 0);
	w->p->done[0] = 1;
	sweep_end();
}

static void
victim_claim(void *ctx)
{
	struct world *w = ctx;
	struct shunt_publisher *pub = publisher(w, 0, 0);

	sweep_require(pub != NULL);
	sweep_begin();
	sweep_require(publish(pub, 0) == 0);
	w->p->done[0] = 1;
	sweep_end();
}

static void
victim_reserve(void *ctx)
{
	struct world *w = ctx;
	struct shunt_publisher *pub = publisher(w, 0, 0);
	void *room;

	sweep_require(pub != NULL);
	sweep_require(shunt_publisher_reserve(pub, 8, &room, &now) == 0);
	shunt_publisher_abort(pub);
	sweep_begin();
	for (uint32_t i = 0; i < MESSAGES; i++) {
		uint32_t k = (LAP + i) % MESSAGES;
		/* More than is needed, and once for nothing. */
		if (i == 1) {
			sweep_require(shunt_publisher_reserve(
					  pub, 2000, &room, &now) == 0);
			shunt_publisher_abort(pub);
		}
		sweep_require(
		    shunt_publisher_reserve(pub, 1600, &room, &now) == 0);
		memcpy(room, message_text(k), message_size[k]);
		sweep_require(
		    shunt_publisher_commit(pub, message_size[k]) == 0);
		w->p->done[0] = i + 1;
	}
	sweep_end();
}

static void
victim_batch(void *ctx)
{
	struct world *w = ctx;
	struct shunt_publisher *pub = publisher(w, 0, 0);
	struct iovec msgs[2 * MESSAGES];
	void *room;

	sweep_require(pub != NULL);
	sweep_require(shunt_publisher_reserve(pub, 8, &room, &now) == 0);
	shunt_publisher_abort(pub);
	for (uint32_t i = 0; i < 2 * MESSAGES; i++) {
		uint32_t k = (LAP + i) % MESSAGES;
		msgs[i].iov_base = (void *)(uintptr_t)message_text(k);
		msgs[i].iov_len = message_size[k];
	}
	sweep_begin();
	sweep_require(shunt_publisher_send_batch(
			  pub, msgs, 2 * MESSAGES, &now) == 2 * MESSAGES);
	w->p->done[0] = 2 * MESSAGES;
	sweep_end();
}

static void
victim_finish(void *ctx)
{
	struct world *w = ctx;
	struct shunt_publisher *pub = publisher(w, 0, 0);

	sweep_require(pub != NULL);
	sweep_begin();
	sweep_require(shunt_publisher_finish(pub) == 0);
	w->p->done[0] = 1;
	sweep_end();
}

static int
check_published(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	uint32_t done = w->p->done[0];

	(void)point;
	return survivor(w, LAP + done, LAP + done + 1);
}

static int
check_claimed(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	uint32_t done = w->p->done[0];

	(void)point;
	return survivor(w, done, done + 1);
}

static int
check_batch(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	uint32_t done = w->p->done[0];

	(void)point;
	return survivor(w, LAP + done, LAP + 2 * MESSAGES);
}

static int
check_finished(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	struct shunt_subscriber *sub = subscriber(w, 1);
	int64_t n;

	(void)point;
	CHECK(sub != NULL);
	CHECK(next(sub) == LAP - 1);
	n = next(sub);
	CHECK(n == SHUNT_E_CLOSED || (n == -EAGAIN && w->p->done[0] == 0));
	shunt_subscriber_close(&sub);
	return n == SHUNT_E_CLOSED ? 0 : survivor(w, LAP, LAP);
}

/* ---- subscribing ---- */

static void
victim_subscribe(void *ctx)
{
	struct world *w = ctx;

	sweep_begin();
	sweep_require(subscriber(w, 3) != NULL);
	sweep_end();
}

static void
victim_recv(void *ctx)
{
	struct world *w = ctx;
	struct shunt_subscriber *sub = subscriber(w, MESSAGES);

	sweep_require(sub != NULL);
	sweep_begin();
	for (uint32_t i = 0; i < MESSAGES; i++)
		sweep_require(next(sub) == LAP - MESSAGES + i);
	sweep_require(next(sub) == -EAGAIN);
	sweep_end();
}

static void
victim_peek(void *ctx)
{
	struct world *w = ctx;
	struct shunt_subscriber *sub = subscriber(w, MESSAGES);
	const void *msg;

	sweep_require(sub != NULL);
	sweep_begin();
	for (uint32_t i = LAP - MESSAGES; i < LAP; i++) {
		ssize_t n = shunt_subscriber_peek(sub, &msg, NULL, &at_once);
		sweep_require(
		    n >= 0 && message_right(msg, (size_t)n, i % MESSAGES));
		sweep_require(shunt_subscriber_valid(sub));
		sweep_require(shunt_subscriber_release(sub) == 0);
	}
	sweep_end();
}

/* Overrun while it slept; it is told and goes on. */
static void
victim_evicted(void *ctx)
{
	struct world *w = ctx;
	struct shunt_subscriber *sub = subscriber(w, 1);
	struct shunt_publisher *pub = publisher(w, 0, 0);

	sweep_require(sub != NULL && pub != NULL);
	for (uint32_t i = 0; i < LAP; i++)
		sweep_require(publish(pub, LAP + i) == 0);
	sweep_begin();
	sweep_require(next(sub) == SHUNT_E_EVICTED);
	sweep_require(next(sub) > LAP);
	sweep_end();
}

/* Nobody publishes: it spins, sleeps and times out. */
static void
victim_park(void *ctx)
{
	struct world *w = ctx;
	struct shunt_subscriber *sub = subscriber(w, 0);
	struct shunt_recv_options brief = {
	    .sz = sizeof(brief), .wait_ns = 200000};

	sweep_require(sub != NULL);
	sweep_begin();
	sweep_require(
	    shunt_subscriber_recv(sub, NULL, 0, NULL, &brief) == -ETIMEDOUT);
	sweep_end();
}

static void
victim_unsubscribe(void *ctx)
{
	struct world *w = ctx;
	struct shunt_subscriber *sub = subscriber(w, SHUNT_TOPIC_ALL);

	sweep_require(sub != NULL);
	sweep_begin();
	shunt_subscriber_close(&sub);
	sweep_end();
}

static int
check_as_before(void *ctx, unsigned long point)
{
	(void)point;
	return survivor(ctx, LAP, LAP);
}

static int
check_evicted(void *ctx, unsigned long point)
{
	(void)point;
	return survivor(ctx, 2 * LAP, 2 * LAP);
}

/* A living subscriber is a ring behind: the publisher waits and gives up. */
static void
victim_blocked(void *ctx)
{
	struct world *w = ctx;
	struct shunt_subscriber *sub = subscriber(w, SHUNT_TOPIC_ALL);
	struct shunt_publisher *pub = publisher(w, 0, 0);
	struct shunt_send_options brief = {
	    .sz = sizeof(brief), .wait_ns = 200000};

	sweep_require(sub != NULL && pub != NULL);
	while (publish_within(pub, LAP + w->p->done[0], &now) == 0)
		w->p->done[0]++;
	sweep_begin();
	sweep_require(
	    publish_within(pub, LAP + w->p->done[0], &brief) == -ETIMEDOUT);
	sweep_end();
}

static int
check_blocked(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	uint32_t done = LAP + w->p->done[0];

	(void)point;
	return survivor(w, done, done);
}

/* ---- grids ---- */

static void
victim_subscribe_and_recv(void *ctx)
{
	struct world *w = ctx;
	struct shunt_subscriber *sub;
	int64_t n, end = -1;

	sweep_begin();
	sub = subscriber(w, 2);
	sweep_require(sub != NULL);
	while ((n = next(sub)) >= 0) {
		sweep_require(end == -1 ? n >= LAP - 2 : n == end);
		end = n + 1;
		w->p->done[1] = (uint32_t)end;
	}
	sweep_require(n == -EAGAIN);
	sweep_end();
}

/* The publisher is dead, the subscriber came to its end. */
static int
check_grid(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	uint32_t least = LAP + w->p->done[0];

	(void)point;
	CHECK(w->p->done[1] <= least + 1);
	return survivor(w, least, least + 1);
}

static void
victim_publish_a_lap(void *ctx)
{
	struct world *w = ctx;
	struct shunt_publisher *pub = publisher(w, 0, 0);

	sweep_require(pub != NULL);
	sweep_begin();
	for (uint32_t i = 0; i < 3 * MESSAGES; i++) {
		sweep_require(publish(pub, LAP + i) == 0);
		w->p->done[1] = i + 1;
	}
	sweep_end();
}

/* The subscriber is dead; the publisher was held up by nobody. */
static int
check_held_up(void *ctx, unsigned long point)
{
	struct world *w = ctx;

	(void)point;
	CHECK(w->p->done[1] == 3 * MESSAGES);
	return survivor(w, LAP + 3 * MESSAGES, LAP + 3 * MESSAGES);
}

static const struct sweep_case other_subscriber = {.name = "other-subscriber",
    .setup = setup_full,
    .victim = victim_subscribe_and_recv,
    .check = check_grid,
    .teardown = world_free,
    .image = world_image,
    .arg = (void *)"topic-grid-block-ps"};

static const struct sweep_case other_publisher = {.name = "other-publisher",
    .setup = setup_full,
    .victim = victim_publish_a_lap,
    .check = check_held_up,
    .teardown = world_free,
    .image = world_image,
    .arg = (void *)"topic-grid-block-sp"};

#define CASE(n, s, v, c)                                                       \
	{                                                                      \
		.name = n, .setup = s, .victim = v, .check = c,                \
		.teardown = world_free, .rearm = world_rearm,                  \
		.image = world_image, .arg = (void *)n                         \
	}

const struct sweep_case topic_cases[] = {
    CASE("topic-claim", setup_empty, victim_claim, check_claimed),
    CASE("topic-publish", setup_full, victim_publish, check_published),
    CASE("topic-takeover", setup_full, victim_takeover, check_published),
    CASE("topic-reserve", setup_full, victim_reserve, check_published),
    CASE("topic-batch", setup_full, victim_batch, check_batch),
    CASE("topic-finish", setup_full, victim_finish, check_finished),
    CASE("topic-block-publish", setup_full, victim_publish, check_published),
    CASE("topic-block-dead", setup_dead_subscriber, victim_publish,
	check_published),
    CASE("topic-block-full", setup_full, victim_blocked, check_blocked),
    CASE(
	"topic-block-subscribe", setup_full, victim_subscribe, check_as_before),
    CASE("topic-block-resubscribe", setup_dead_subscriber, victim_subscribe,
	check_as_before),
    CASE("topic-block-recv", setup_full, victim_recv, check_as_before),
    CASE("topic-block-leave", setup_full, victim_unsubscribe, check_as_before),
    CASE("topic-recv", setup_full, victim_recv, check_as_before),
    CASE("topic-peek", setup_full, victim_peek, check_as_before),
    CASE("topic-park", setup_full, victim_park, check_as_before),
    CASE("topic-evict", setup_full, victim_evicted, check_evicted),
    {.name = "grid-topic-publish-subscribe",
	.setup = setup_full,
	.victim = victim_publish,
	.check = check_grid,
	.teardown = world_free,
	.rearm = world_rearm,
	.image = world_image,
	.arg = (void *)"topic-grid-block-ps",
	.peer = &other_subscriber,
	.grid_points = 150},
    {.name = "grid-topic-subscribe-publish",
	.setup = setup_full,
	.victim = victim_subscribe,
	.check = check_held_up,
	.teardown = world_free,
	.rearm = world_rearm,
	.image = world_image,
	.arg = (void *)"topic-grid-block-sp",
	.peer = &other_publisher,
	.grid_points = 150},
};

const size_t topic_case_count = sizeof(topic_cases) / sizeof(topic_cases[0]);
