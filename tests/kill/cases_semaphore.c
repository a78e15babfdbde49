/* SPDX-License-Identifier: MIT */
/* A semaphore as a pool and as a counter: permits are counted to the last. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <shunt.h>

#include "cases.h"

/* progress: done[0] permits consumed and done[1] made by the victim, as far
 * as the calls returned; guard[0] and guard[1] as far as they began; done[2]
 * turns of the peer. */
enum { PERMITS = 3, MOST = 4 };

static int
exists(const struct world *w)
{
	struct stat st;

	return lstat(w->path, &st) == 0;
}

static struct shunt_semaphore *
attach(const struct world *w, uint32_t flags)
{
	struct shunt_semaphore *sem = NULL;
	struct shunt_semaphore_options o = {.sz = sizeof(o),
	    .flags = flags,
	    .threads = 4,
	    .permits = PERMITS,
	    .max = MOST};

	if (shunt_semaphore_open(&sem, w->name, &o) < 0)
		printf("%s\n", shunt_error_detail());
	return sem;
}

static struct world *
with_semaphore(const char *stem, uint32_t flags)
{
	struct world *w = world_make(stem);
	struct shunt_semaphore *sem =
	    w != NULL ? attach(w, flags | SHUNT_SEMAPHORE_EXCLUSIVE) : NULL;

	if (sem == NULL)
		return NULL;
	shunt_semaphore_close(&sem);
	return w;
}

static void *
setup_nothing(void *arg)
{
	return world_make(arg);
}

static void *
setup_full(void *arg)
{
	struct world *w = with_semaphore(arg, SHUNT_SEMAPHORE_PERSISTENT);

	if (w != NULL)
		world_keep(w);
	return w;
}

static int
hold_two(struct world *w)
{
	struct shunt_semaphore *sem = attach(w, 0);

	return sem == NULL || shunt_semaphore_wait(sem, SHUNT_NOWAIT) != 0 ||
	       shunt_semaphore_wait(sem, SHUNT_NOWAIT) != 0;
}

static int
hold_all(struct world *w)
{
	struct shunt_semaphore *sem = attach(w, 0);

	for (int i = 0; sem != NULL && i < PERMITS; i++)
		if (shunt_semaphore_wait(sem, SHUNT_NOWAIT) != 0)
			return -1;
	return sem == NULL;
}

/* The last holder was killed with two of the three. */
static void *
setup_dead(void *arg)
{
	struct world *w = with_semaphore(arg, SHUNT_SEMAPHORE_PERSISTENT);
	pid_t pid = w != NULL ? world_holder(w, hold_two) : 0;

	if (pid == 0)
		return NULL;
	world_kill(pid);
	world_keep(w);
	return w;
}

/* All are to be had, no more and no fewer, and can be given back and used. */
static int
survivor(struct world *w, uint32_t least, uint32_t most)
{
	struct shunt_semaphore *sem = attach(w, SHUNT_SEMAPHORE_EXISTING);
	uint32_t n = 0;

	CHECK(sem != NULL);
	while (n <= MOST && shunt_semaphore_wait(sem, SHUNT_NOWAIT) == 0)
		n++;
	if (n < least || n > most)
		printf("%u permits, not %u to %u\n", n, least, most);
	CHECK(n >= least && n <= most);
	CHECK(shunt_semaphore_wait(sem, SHUNT_NOWAIT) == -EAGAIN);
	for (uint32_t i = 0; i < n; i++)
		CHECK(shunt_semaphore_post(sem) == 0);
	CHECK(shunt_semaphore_value(sem) == (int)n);
	while (n < MOST) {
		CHECK(shunt_semaphore_post(sem) == 0);
		n++;
	}
	CHECK(shunt_semaphore_post(sem) == -EOVERFLOW);
	while (n > PERMITS) {
		CHECK(shunt_semaphore_consume(sem, SHUNT_NOWAIT) == 0);
		n--;
	}
	CHECK(shunt_semaphore_value(sem) == PERMITS);
	shunt_semaphore_close(&sem);
	CHECK(world_leftovers(w) == 0);
	return 0;
}

/* Nothing was made and nothing used up. */
static int
check_pool(void *ctx, unsigned long point)
{
	(void)point;
	return survivor(ctx, PERMITS, PERMITS);
}

static int
check_counter(void *ctx, unsigned long point)
{
	const struct world *w = ctx;
	const struct progress *p = w->p;

	(void)point;
	return survivor(ctx, PERMITS - p->guard[0] + p->done[1],
	    PERMITS - p->done[0] + p->guard[1]);
}

static void
hold_and_give_back(struct shunt_semaphore *sem, int permits)
{
	for (int i = 0; i < permits; i++)
		sweep_require(shunt_semaphore_wait(sem, SHUNT_NOWAIT) == 0);
	for (int i = 0; i < permits; i++)
		sweep_require(shunt_semaphore_post(sem) == 0);
}

static void
victim_pool(void *ctx)
{
	struct shunt_semaphore *sem = attach(ctx, 0);

	sweep_require(sem != NULL);
	hold_and_give_back(sem, 1);
	sweep_begin();
	hold_and_give_back(sem, 2);
	sweep_end();
}

static void
victim_claim(void *ctx)
{
	struct shunt_semaphore *sem = attach(ctx, 0);

	sweep_require(sem != NULL);
	sweep_begin();
	hold_and_give_back(sem, PERMITS);
	sweep_end();
}

static void
use_and_make(struct shunt_semaphore *sem, struct progress *p)
{
	for (int i = 0; i < 2; i++) {
		p->guard[0]++;
		sweep_require(shunt_semaphore_consume(sem, SHUNT_NOWAIT) == 0);
		p->done[0]++;
	}
	p->guard[1]++;
	sweep_require(shunt_semaphore_post(sem) == 0);
	p->done[1]++;
}

static void
victim_counter(void *ctx)
{
	struct world *w = ctx;
	struct shunt_semaphore *sem = attach(w, 0);

	sweep_require(sem != NULL);
	sweep_begin();
	use_and_make(sem, w->p);
	sweep_end();
}

/* The holder of all dies while the victim, who has a place, wants one. */
static void
victim_recover(void *ctx)
{
	struct world *w = ctx;
	struct shunt_semaphore *sem = attach(w, 0);
	pid_t pid = world_holder(w, hold_all);

	sweep_require(sem != NULL && pid != 0);
	sweep_require(shunt_semaphore_wait(sem, SHUNT_NOWAIT) == -EAGAIN);
	world_kill(pid);
	sweep_begin();
	hold_and_give_back(sem, PERMITS);
	sweep_end();
}

static void
victim_close_held(void *ctx)
{
	struct shunt_semaphore *sem = attach(ctx, 0);

	sweep_require(sem != NULL);
	sweep_require(shunt_semaphore_wait(sem, SHUNT_NOWAIT) == 0);
	sweep_require(shunt_semaphore_wait(sem, SHUNT_NOWAIT) == 0);
	sweep_begin();
	shunt_semaphore_close(&sem);
	sweep_end();
}

/* ---- a holder who lives ---- */

static pid_t living;

static void *
setup_held(void *arg)
{
	struct world *w = with_semaphore(arg, SHUNT_SEMAPHORE_PERSISTENT);

	living = w != NULL ? world_holder(w, hold_all) : 0;
	if (living == 0)
		return NULL;
	world_keep(w);
	return w;
}

static void
free_held(void *ctx)
{
	world_kill(living);
	world_free(ctx);
}

static void
victim_wait(void *ctx)
{
	struct shunt_semaphore *sem = attach(ctx, 0);

	sweep_require(sem != NULL);
	sweep_begin();
	sweep_require(shunt_semaphore_wait(sem, 200000) == -ETIMEDOUT);
	sweep_end();
}

/* None is taken from the living; one that is made wakes and is had. */
static int
check_held(void *ctx, unsigned long point)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct world *w = ctx;
	struct shunt_semaphore *sem = attach(w, SHUNT_SEMAPHORE_EXISTING);

	(void)point;
	CHECK(sem != NULL);
	CHECK(shunt_semaphore_wait(sem, SHUNT_NOWAIT) == -EAGAIN);
	CHECK(shunt_segment_stat(w->name, &info, NULL, 0) >= 0);
	CHECK(info.held == PERMITS && info.recoveries == 0);
	CHECK(shunt_semaphore_post(sem) == 0);
	CHECK(shunt_semaphore_post(sem) == -EOVERFLOW);
	CHECK(shunt_semaphore_consume(sem, SHUNT_NOWAIT) == 0);
	CHECK(shunt_semaphore_wait(sem, SHUNT_NOWAIT) == -EAGAIN);
	shunt_semaphore_close(&sem);
	return 0;
}

/* ---- coming and going ---- */

static void
victim_life(void *ctx)
{
	struct world *w = ctx;

	sweep_begin();
	struct shunt_semaphore *sem = attach(w, 0);
	sweep_require(sem != NULL);
	hold_and_give_back(sem, 1);
	shunt_semaphore_close(&sem);
	sweep_end();
	sweep_require(!exists(w));
}

static int
check_life(void *ctx, unsigned long point)
{
	struct world *w = ctx;

	(void)point;
	if (exists(w)) {
		/* Whole, and of the right number; the survivor's close takes
		 * it away. */
		if (survivor(w, PERMITS, PERMITS) != 0)
			return 1;
		CHECK(!exists(w));
	}
	CHECK(world_leftovers(w) == 0);
	return 0;
}

/* ---- grid: two at one permit after the other ---- */

static void
victim_other(void *ctx)
{
	struct world *w = ctx;
	struct shunt_semaphore *sem = attach(w, 0);

	sweep_require(sem != NULL);
	sweep_begin();
	for (int i = 0; i < PERMITS; i++)
		for (;;) {
			int e = shunt_semaphore_wait(sem, 5000000);
			if (e == 0)
				break;
			sweep_require(e == -ETIMEDOUT);
		}
	for (int i = 0; i < PERMITS; i++)
		sweep_require(shunt_semaphore_post(sem) == 0);
	w->p->done[2]++;
	sweep_end();
}

static int
check_pair(void *ctx, unsigned long point)
{
	struct world *w = ctx;

	CHECK(w->p->done[2] == 1);
	return check_pool(ctx, point);
}

static const struct sweep_case other_holder = {.name = "other-holder",
    .setup = setup_full,
    .victim = victim_other,
    .check = check_pair,
    .teardown = world_free,
    .image = world_image_all,
    .arg = (void *)"grid-pp"};

#define CASE(n, s, v, c, r, t)                                                 \
	{                                                                      \
		.name = n, .setup = s, .victim = v, .check = c, .teardown = t, \
		.rearm = r, .image = world_image_all, .arg = (void *)n         \
	}

const struct sweep_case semaphore_cases[] = {
    CASE("semaphore-pool", setup_full, victim_pool, check_pool, world_rearm,
	world_free),
    CASE("semaphore-claim", setup_full, victim_claim, check_pool, world_rearm,
	world_free),
    CASE("semaphore-claim-dead", setup_dead, victim_claim, check_pool,
	world_rearm, world_free),
    {.name = "semaphore-twice",
	.setup = setup_dead,
	.victim = victim_claim,
	.recover = victim_claim,
	.recover_every = 3,
	.check = check_pool,
	.teardown = world_free,
	.rearm = world_rearm,
	.image = world_image_all,
	.arg = (void *)"semaphore-twice",
	.flags = SWEEP_RECOVER},
    CASE("semaphore-counter", setup_full, victim_counter, check_counter,
	world_rearm, world_free),
    CASE("semaphore-recover", setup_full, victim_recover, check_pool,
	world_rearm, world_free),
    CASE("semaphore-close-held", setup_full, victim_close_held, check_pool,
	world_rearm, world_free),
    CASE("semaphore-wait", setup_held, victim_wait, check_held, world_rearm,
	free_held),
    CASE("semaphore-life", setup_nothing, victim_life, check_life, NULL,
	world_free),
    {.name = "grid-semaphore",
	.setup = setup_full,
	.victim = victim_claim,
	.check = check_pair,
	.teardown = world_free,
	.rearm = world_rearm,
	.image = world_image_all,
	.arg = (void *)"grid-pp",
	.peer = &other_holder,
	.grid_points = 60},
};

const size_t semaphore_case_count =
    sizeof(semaphore_cases) / sizeof(semaphore_cases[0]);
