/* SPDX-License-Identifier: MIT */
/* Names coming and going: create, attach, detach, remove. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <shunt.h>

#include "cases.h"

static const struct shunt_send_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options at_once = {
    .sz = sizeof(at_once), .wait_ns = SHUNT_NOWAIT};

static int
exists(const struct world *w)
{
	struct stat st;

	return lstat(w->path, &st) == 0;
}

static struct shunt_queue *
attach(const struct world *w, uint32_t flags)
{
	struct shunt_queue *q = NULL;
	struct shunt_queue_options o = {
	    .sz = sizeof(o), .flags = flags, .lane_bytes = 4096, .lanes = 4};

	shunt_queue_open(&q, w->name, &o);
	return q;
}

static void *
setup_nothing(void *arg)
{
	return world_make(arg);
}

static struct world *
with_queue(const char *stem, uint32_t flags, uint32_t unread)
{
	struct world *w = world_make(stem);
	struct shunt_queue *q = w != NULL ? attach(w, flags) : NULL;

	if (q == NULL)
		return NULL;
	for (uint32_t i = 0; i < unread; i++) {
		if (message_send(q, i) != 0)
			return NULL;
	}
	shunt_queue_close(&q);
	return w;
}

static void *
setup_unread(void *arg)
{
	return with_queue(arg, 0, 3);
}

static void *
setup_persistent(void *arg)
{
	return with_queue(arg, SHUNT_QUEUE_PERSISTENT, 0);
}

/* One more user comes, finds or makes the queue, uses it and goes. */
static int
use_and_leave(struct world *w, uint32_t unread)
{
	struct shunt_queue *q = attach(w, 0);
	unsigned char buf[2048];
	ssize_t n;

	CHECK(q != NULL);
	for (uint32_t i = 0; i < unread; i++) {
		n = shunt_queue_recv(q, buf, sizeof(buf), NULL, &at_once);
		CHECK(n >= 0 && message_right(buf, (size_t)n, i));
	}
	n = shunt_queue_recv(q, buf, sizeof(buf), NULL, &at_once);
	CHECK(n == -EAGAIN);
	CHECK(message_send(q, 2) == 0);
	n = shunt_queue_recv(q, buf, sizeof(buf), NULL, &at_once);
	CHECK(n >= 0 && message_right(buf, (size_t)n, 2));
	shunt_queue_close(&q);
	CHECK(world_leftovers(w) == 0);
	return 0;
}

static void
victim_open(void *ctx)
{
	struct world *w = ctx;

	sweep_begin();
	struct shunt_queue *q = attach(w, 0);
	sweep_end();
	sweep_require(q != NULL);
}

/* A whole queue or none; the survivor's close takes it away. */
static int
check_ephemeral(void *ctx, unsigned long point)
{
	(void)point;
	if (use_and_leave(ctx, 0) != 0)
		return 1;
	CHECK(!exists(ctx));
	return 0;
}

static int
check_three(void *ctx, unsigned long point)
{
	(void)point;
	CHECK(exists(ctx));
	if (use_and_leave(ctx, 3) != 0)
		return 1;
	CHECK(!exists(ctx));
	return 0;
}

static void
victim_close(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);

	sweep_require(q != NULL);
	sweep_begin();
	shunt_queue_close(&q);
	sweep_end();
}

/* A sender leaves with a lane, a receiver with its byte. */
static void
victim_leave(void *ctx)
{
	struct world *w = ctx;
	struct shunt_queue *q = attach(w, 0);
	unsigned char buf[64];

	sweep_require(q != NULL);
	sweep_require(shunt_queue_send(q, "x", 1, &now) == 0);
	sweep_require(
	    shunt_queue_recv(q, buf, sizeof(buf), NULL, &at_once) == 1);
	sweep_begin();
	shunt_queue_close(&q);
	sweep_end();
}

static void
victim_remove(void *ctx)
{
	struct world *w = ctx;

	sweep_begin();
	sweep_require(shunt_remove(w->name, NULL) == 0);
	sweep_end();
}

static int
check_removed(void *ctx, unsigned long point)
{
	struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};
	struct world *w = ctx;

	(void)point;
	if (exists(ctx)) {
		if (use_and_leave(w, 0) != 0)
			return 1;
		CHECK(exists(ctx)); /* persistent */
		CHECK(shunt_remove(w->name, &force) == 0);
	}
	CHECK(!exists(ctx));
	return check_ephemeral(ctx, point);
}

/* ---- raw segments ---- */

static void
victim_raw(void *ctx)
{
	struct world *w = ctx;
	struct shunt_segment *seg = NULL;

	sweep_begin();
	int e = shunt_segment_create(&seg, w->name, 5000, NULL);
	sweep_end();
	sweep_require(e >= 0);
}

static int
check_raw(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	struct shunt_segment *seg = NULL;
	int there = exists(w);

	(void)point;
	CHECK(shunt_segment_create(&seg, w->name, 5000, NULL) == there);
	CHECK(shunt_segment_size(seg) == 5000);
	for (size_t i = 0; i < 5000; i++)
		CHECK(((char *)shunt_segment_data(seg))[i] == 0);
	shunt_segment_close(&seg);
	CHECK(shunt_remove(w->name, NULL) == 0);
	CHECK(world_leftovers(w) == 0);
	return 0;
}

/* ---- grid: one attaches while another removes ---- */

static int
check_attach_remove(void *ctx, unsigned long point)
{
	(void)point;
	/* The attacher is dead; the remover removed it or was refused. */
	return check_removed(ctx, point);
}

static void
victim_try_remove(void *ctx)
{
	struct world *w = ctx;

	sweep_begin();
	int e = shunt_remove(w->name, NULL);
	sweep_end();
	sweep_require(e == 0 || e == -EBUSY || e == -ENOENT);
}

static const struct sweep_case remover = {.name = "remover",
    .setup = setup_persistent,
    .victim = victim_try_remove,
    .check = check_attach_remove,
    .teardown = world_free,
    .image = world_image,
    .arg = (void *)"grid-ar"};

#define CASE(n, s, v, c)                                                       \
	{                                                                      \
		.name = n, .setup = s, .victim = v, .check = c,                \
		.teardown = world_free, .image = world_image, .arg = (void *)n \
	}

const struct sweep_case object_cases[] = {
    CASE("object-create", setup_nothing, victim_open, check_ephemeral),
    CASE("object-attach", setup_unread, victim_open, check_three),
    CASE("object-detach", setup_nothing, victim_close, check_ephemeral),
    CASE("object-detach-unread", setup_unread, victim_close, check_three),
    CASE("object-leave", setup_nothing, victim_leave, check_ephemeral),
    CASE("object-remove", setup_persistent, victim_remove, check_removed),
    CASE("raw-create", setup_nothing, victim_raw, check_raw),
    {.name = "grid-attach-remove",
	.setup = setup_persistent,
	.victim = victim_open,
	.check = check_attach_remove,
	.teardown = world_free,
	.image = world_image,
	.arg = (void *)"grid-ar",
	.peer = &remover,
	.grid_points = 150},
};

const size_t object_case_count = sizeof(object_cases) / sizeof(object_cases[0]);
