/* SPDX-License-Identifier: MIT */
/* An event: each notification of one is had once, one of all by everybody. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <shunt.h>

#include "cases.h"

/* progress: done[0] notifications of one, done[1] of all that the victim made,
 * as far as the calls returned; guard[0], guard[1] as far as they began;
 * done[2] notifications that the peer had, done[3] that the victim had. */
enum { PENDING = 3 };

static int
exists(const struct world *w)
{
	struct stat st;

	return lstat(w->path, &st) == 0;
}

static struct shunt_event *
attach(const struct world *w, uint32_t flags)
{
	struct shunt_event *event = NULL;
	struct shunt_event_options o = {.sz = sizeof(o), .flags = flags};

	if (shunt_event_open(&event, w->name, &o) < 0)
		printf("%s\n", shunt_error_detail());
	return event;
}

static struct world *
with_event(const char *stem, int pending)
{
	struct world *w = world_make(stem);
	struct shunt_event *event =
	    w != NULL ? attach(w, SHUNT_EVENT_PERSISTENT) : NULL;

	if (event == NULL)
		return NULL;
	for (int i = 0; i < pending; i++)
		if (shunt_event_notify(event, SHUNT_EVENT_ONE) != 0)
			return NULL;
	shunt_event_close(&event);
	world_keep(w);
	return w;
}

static void *
setup_nothing(void *arg)
{
	return world_make(arg);
}

static void *
setup_quiet(void *arg)
{
	return with_event(arg, 0);
}

static void *
setup_pending(void *arg)
{
	return with_event(arg, PENDING);
}

/* So many of one are pending; and both ways of notifying work on. */
static int
survivor(struct world *w, uint32_t least, uint32_t most)
{
	struct shunt_event *event = attach(w, SHUNT_EVENT_EXISTING);
	uint32_t n = 0;

	CHECK(event != NULL);
	while (n <= most && shunt_event_wait(event, SHUNT_NOWAIT) == 0)
		n++;
	if (n < least || n > most)
		printf("%u were pending, not %u to %u\n", n, least, most);
	CHECK(n >= least && n <= most);
	for (int i = 0; i < 3; i++) {
		CHECK(shunt_event_wait(event, SHUNT_NOWAIT) == -EAGAIN);
		CHECK(shunt_event_notify(event, SHUNT_EVENT_ALL) == 0);
		CHECK(shunt_event_notify(event, SHUNT_EVENT_ALL) == 0);
		CHECK(shunt_event_wait(event, SHUNT_NOWAIT) == 0);
		CHECK(shunt_event_wait(event, SHUNT_NOWAIT) == -EAGAIN);
		CHECK(shunt_event_notify(event, SHUNT_EVENT_ONE) == 0);
		CHECK(shunt_event_wait(event, SHUNT_FOREVER) == 0);
	}
	shunt_event_close(&event);
	CHECK(world_leftovers(w) == 0);
	return 0;
}

static void
notify_some(struct shunt_event *event, struct progress *p)
{
	for (int i = 0; i < 2; i++) {
		p->guard[0]++;
		sweep_require(shunt_event_notify(event, SHUNT_EVENT_ONE) == 0);
		p->done[0]++;
		p->guard[1]++;
		sweep_require(shunt_event_notify(event, SHUNT_EVENT_ALL) == 0);
		p->done[1]++;
	}
}

static void
victim_notify(void *ctx)
{
	struct world *w = ctx;
	struct shunt_event *event = attach(w, 0);

	sweep_require(event != NULL);
	sweep_begin();
	notify_some(event, w->p);
	sweep_end();
}

static int
check_notified(void *ctx, unsigned long point)
{
	const struct world *w = ctx;

	(void)point;
	return survivor(ctx, w->p->done[0], w->p->guard[0]);
}

static void
victim_take(void *ctx)
{
	struct world *w = ctx;
	struct shunt_event *event = attach(w, 0);

	sweep_require(event != NULL);
	sweep_begin();
	for (int i = 0; i < PENDING; i++) {
		w->p->guard[0]++;
		sweep_require(shunt_event_wait(event, SHUNT_FOREVER) == 0);
		w->p->done[3]++;
	}
	sweep_end();
}

/* One may have died with its taker. */
static int
check_taken(void *ctx, unsigned long point)
{
	const struct world *w = ctx;

	(void)point;
	return survivor(ctx, PENDING - w->p->guard[0], PENDING - w->p->done[3]);
}

static void
victim_sleep(void *ctx)
{
	struct world *w = ctx;
	struct shunt_event *event = attach(w, 0);

	sweep_require(event != NULL);
	sweep_begin();
	sweep_require(shunt_event_wait(event, 200000) == -ETIMEDOUT);
	sweep_end();
}

static int
check_quiet(void *ctx, unsigned long point)
{
	(void)point;
	return survivor(ctx, 0, 0);
}

static void
victim_life(void *ctx)
{
	struct world *w = ctx;

	sweep_begin();
	struct shunt_event *event = attach(w, 0);
	sweep_require(event != NULL);
	sweep_require(shunt_event_notify(event, SHUNT_EVENT_ONE) == 0);
	w->p->done[0] = 1;
	sweep_require(shunt_event_wait(event, SHUNT_NOWAIT) == 0);
	shunt_event_close(&event);
	sweep_end();
	sweep_require(!exists(w));
}

static int
check_life(void *ctx, unsigned long point)
{
	struct world *w = ctx;

	(void)point;
	if (exists(w)) {
		if (survivor(w, 0, 1) != 0)
			return 1;
		CHECK(!exists(w));
	}
	CHECK(world_leftovers(w) == 0);
	return 0;
}

/* ---- grid: one notifies, another waits ---- */

/* Open before anybody notifies, done when all he can be sure of has come. */
static void
victim_waits(void *ctx)
{
	struct world *w = ctx;
	struct shunt_event *event = attach(w, 0);

	sweep_require(event != NULL);
	sweep_begin();
	for (;;) {
		int e = shunt_event_wait(event, 2000000);
		if (e != 0) {
			sweep_require(e == -ETIMEDOUT);
			break;
		}
		w->p->done[2]++;
	}
	sweep_end();
}

/*
 * Two of one, and two of all that may have come together: what the dead one
 * had notified reached him; what is more was on its way.
 */
static int
check_waited(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	uint32_t ones = w->p->done[0], alls = w->p->done[1];

	(void)point;
	/* What came after his last look is pending, and comes now. */
	struct shunt_event *event = attach(w, SHUNT_EVENT_EXISTING);
	CHECK(event != NULL);
	uint32_t had = w->p->done[2], rest = 0;
	while (shunt_event_wait(event, SHUNT_NOWAIT) == 0)
		rest++;
	shunt_event_close(&event);
	CHECK(had + rest <= w->p->guard[0] + w->p->guard[1]);
	CHECK(had + rest >= ones + (alls != 0));
	return survivor(w, 0, 0);
}

static const struct sweep_case other_waiter = {.name = "other-waiter",
    .setup = setup_quiet,
    .victim = victim_waits,
    .check = check_waited,
    .teardown = world_free,
    .image = world_image_all,
    .arg = (void *)"grid-ew"};

#define CASE(n, s, v, c, r)                                                    \
	{                                                                      \
		.name = n, .setup = s, .victim = v, .check = c,                \
		.teardown = world_free, .rearm = r, .image = world_image_all,  \
		.arg = (void *)n                                               \
	}

const struct sweep_case event_cases[] = {
    CASE("event-notify", setup_quiet, victim_notify, check_notified,
	world_rearm),
    CASE("event-take", setup_pending, victim_take, check_taken, world_rearm),
    CASE("event-sleep", setup_quiet, victim_sleep, check_quiet, world_rearm),
    CASE("event-life", setup_nothing, victim_life, check_life, NULL),
    {.name = "grid-event",
	.setup = setup_quiet,
	.victim = victim_notify,
	.check = check_waited,
	.teardown = world_free,
	.rearm = world_rearm,
	.image = world_image_all,
	.arg = (void *)"grid-ew",
	.peer = &other_waiter,
	.grid_points = 40},
};

const size_t event_case_count = sizeof(event_cases) / sizeof(event_cases[0]);
