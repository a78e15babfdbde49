/* SPDX-License-Identifier: MIT */
/*
 * A lock and what it guards: two counts that must be equal, and an intent word
 * that is set as long as somebody is between them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <shunt.h>

#include "cases.h"

/* progress: done[0], done[1] turns of victim and peer that were given back;
 * done[2] 1 while the victim is inside for certain, 2 once it has begun;
 * done[3] repairs of victims. */
enum { LEFT, RIGHT, INTENT };

static int
exists(const struct world *w)
{
	struct stat st;

	return lstat(w->path, &st) == 0;
}

static int
put_right(void *arg)
{
	struct progress *p = arg;

	p->guard[LEFT] = p->guard[RIGHT];
	p->guard[INTENT] = 0;
	p->done[3]++;
	return 0;
}

static int
cannot(void *arg)
{
	(void)arg;
	return -EIO;
}

static struct shunt_lock *
attach(const struct world *w, uint32_t flags, int (*repair)(void *))
{
	struct shunt_lock *lock = NULL;
	struct shunt_lock_options o = {.sz = sizeof(o),
	    .flags = flags,
	    .threads = 4,
	    .repair = repair,
	    .repair_arg = w->p};

	if (shunt_lock_open(&lock, w->name, &o) < 0)
		printf("%s\n", shunt_error_detail());
	return lock;
}

/* One turn between the counts; what is found there must be sound. */
static int
turn(struct progress *p)
{
	if (p->guard[LEFT] != p->guard[RIGHT] || p->guard[INTENT] != 0)
		return -1;
	p->guard[INTENT] = 1;
	p->guard[LEFT]++;
	p->guard[RIGHT]++;
	p->guard[INTENT] = 0;
	return 0;
}

static int
die_inside(struct world *w)
{
	struct shunt_lock *lock = attach(w, 0, NULL);

	if (lock == NULL || shunt_lock_acquire(lock, SHUNT_NOWAIT) != 0)
		return -1;
	w->p->guard[INTENT] = 1;
	w->p->guard[LEFT]++;
	return 0;
}

static int
hold(struct world *w)
{
	struct shunt_lock *lock = attach(w, 0, NULL);

	return lock == NULL || shunt_lock_acquire(lock, SHUNT_NOWAIT) != 0;
}

static struct world *
with_lock(const char *stem, uint32_t flags)
{
	struct world *w = world_make(stem);
	struct shunt_lock *lock =
	    w != NULL ? attach(w, flags | SHUNT_LOCK_EXCLUSIVE, NULL) : NULL;

	if (lock == NULL || shunt_lock_acquire(lock, SHUNT_NOWAIT) != 0 ||
	    shunt_lock_release(lock) != 0)
		return NULL;
	shunt_lock_close(&lock);
	return w;
}

static void *
setup_nothing(void *arg)
{
	return world_make(arg);
}

static void *
setup_free(void *arg)
{
	struct world *w = with_lock(arg, SHUNT_LOCK_PERSISTENT);

	if (w != NULL)
		world_keep(w);
	return w;
}

/* The last holder was killed inside. */
static void *
setup_dead(void *arg)
{
	struct world *w = with_lock(arg, SHUNT_LOCK_PERSISTENT);
	pid_t pid = w != NULL ? world_holder(w, die_inside) : 0;

	if (pid == 0)
		return NULL;
	world_kill(pid);
	world_keep(w);
	return w;
}

/* The guarded data are as the dead one left them. */
static int
rearm_dead(void *ctx)
{
	struct world *w = ctx;
	int e = world_rearm(w);

	w->p->guard[INTENT] = 1;
	w->p->guard[LEFT] = 1;
	return e;
}

/* What a survivor must find: a repair is owed if and only if somebody died
 * with the lock. */
static int
survivor_of(struct world *w, int owed, uint32_t victims)
{
	struct progress *p = w->p;
	struct shunt_lock *lock = attach(w, SHUNT_LOCK_EXISTING, put_right);
	uint32_t repairs = p->done[3], turns = p->done[0] + p->done[1];

	CHECK(lock != NULL);
	if (p->guard[INTENT] || p->guard[LEFT] != p->guard[RIGHT])
		CHECK(owed == 1);
	CHECK(shunt_lock_acquire(lock, SHUNT_NOWAIT) == 0);
	CHECK(p->done[3] - repairs == (uint32_t)owed);
	/* Each victim may have died before it counted its last turn. */
	CHECK(p->guard[RIGHT] - turns <= victims);
	CHECK(turn(p) == 0);
	CHECK(shunt_lock_acquire(lock, SHUNT_NOWAIT) == -EDEADLK);
	CHECK(shunt_lock_release(lock) == 0);
	for (int i = 0; i < 5; i++) {
		CHECK(shunt_lock_acquire(lock, SHUNT_NOWAIT) == 0);
		CHECK(turn(p) == 0);
		CHECK(shunt_lock_release(lock) == 0);
	}
	CHECK(p->done[3] - repairs == (uint32_t)owed);
	shunt_lock_close(&lock);
	CHECK(world_leftovers(w) == 0);
	return 0;
}

static int
survivor(struct world *w, int owed)
{
	return survivor_of(w, owed, 1);
}

/* By the lock's own word, and by what the victim knew. */
static int
check_turns(void *ctx, unsigned long point)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct world *w = ctx;

	(void)point;
	CHECK(shunt_segment_stat(w->name, &info, NULL, 0) >= 0);
	CHECK(info.held == 0 && info.unrepaired <= 1);
	if (w->p->done[2] == 1)
		CHECK(info.unrepaired == 1);
	return survivor(w, (int)info.unrepaired);
}

static void
turns_of(struct shunt_lock *lock, struct progress *p, uint32_t n, int who)
{
	for (uint32_t i = 0; i < n; i++) {
		sweep_require(shunt_lock_acquire(lock, SHUNT_NOWAIT) == 0);
		if (who == 0)
			p->done[2] = 1;
		sweep_require(turn(p) == 0);
		if (who == 0)
			p->done[2] = 2;
		sweep_require(shunt_lock_release(lock) == 0);
		p->done[who]++;
	}
}

static void
victim_turns(void *ctx)
{
	struct world *w = ctx;
	struct shunt_lock *lock = attach(w, 0, put_right);

	sweep_require(lock != NULL);
	turns_of(lock, w->p, 1, 0);
	sweep_begin();
	turns_of(lock, w->p, 2, 0);
	sweep_end();
}

/* The first call of a thread: it takes its place. */
static void
victim_claim(void *ctx)
{
	struct world *w = ctx;
	struct shunt_lock *lock = attach(w, 0, put_right);

	sweep_require(lock != NULL);
	sweep_begin();
	turns_of(lock, w->p, 1, 0);
	sweep_end();
}

/* A place whose last owner still stands in the word. */
static int
check_dead(void *ctx, unsigned long point)
{
	struct world *w = ctx;

	/* Until somebody has repaired, all that come find it owed. */
	if (w->p->done[3] == 0 && w->p->done[2] == 0) {
		struct shunt_segment_info info = {.sz = sizeof(info)};
		CHECK(shunt_segment_stat(w->name, &info, NULL, 0) >= 0);
		CHECK(info.unrepaired == 1);
		return survivor(w, 1);
	}
	return check_turns(ctx, point);
}

/*
 * The holder dies while the victim, who has a place of his own, wants the
 * lock: it is taken over by the dead one's byte.
 */
static void
die_for(struct world *w, struct shunt_lock *lock)
{
	pid_t pid = world_holder(w, die_inside);

	sweep_require(pid != 0);
	sweep_require(shunt_lock_acquire(lock, SHUNT_NOWAIT) == -EAGAIN);
	world_kill(pid);
}

static void
victim_recover(void *ctx)
{
	struct world *w = ctx;
	struct shunt_lock *lock = attach(w, 0, put_right);

	sweep_require(lock != NULL);
	die_for(w, lock);
	sweep_begin();
	turns_of(lock, w->p, 1, 0);
	sweep_end();
	sweep_require(w->p->done[3] == 1);
}

/* Looks himself instead of having it repaired. */
static void
victim_look(void *ctx)
{
	struct world *w = ctx;
	struct shunt_lock *lock = attach(w, 0, NULL);

	sweep_require(lock != NULL);
	die_for(w, lock);
	sweep_begin();
	sweep_require(shunt_lock_acquire(lock, SHUNT_NOWAIT) == 1);
	w->p->done[2] = 1;
	w->p->guard[LEFT] = w->p->guard[RIGHT];
	w->p->guard[INTENT] = 0;
	sweep_require(turn(w->p) == 0);
	w->p->done[2] = 2;
	sweep_require(shunt_lock_release(lock) == 0);
	w->p->done[0]++;
	sweep_end();
}

static void
victim_cannot(void *ctx)
{
	struct world *w = ctx;
	struct shunt_lock *lock = attach(w, 0, cannot);

	sweep_require(lock != NULL);
	die_for(w, lock);
	sweep_begin();
	sweep_require(shunt_lock_acquire(lock, SHUNT_NOWAIT) == -EIO);
	sweep_end();
}

static int
check_owed(void *ctx, unsigned long point)
{
	(void)point;
	return survivor(ctx, 1);
}

/* Closed with the lock held: as by death. */
static void
victim_close_held(void *ctx)
{
	struct world *w = ctx;
	struct shunt_lock *lock = attach(w, 0, NULL);

	sweep_require(lock != NULL);
	sweep_require(shunt_lock_acquire(lock, SHUNT_NOWAIT) == 0);
	w->p->guard[INTENT] = 1;
	w->p->guard[LEFT]++;
	sweep_begin();
	shunt_lock_close(&lock);
	sweep_end();
}

/* ---- who recovers is killed, too ---- */

static void
recover_turn(void *ctx)
{
	struct world *w = ctx;
	struct shunt_lock *lock = attach(w, 0, put_right);

	sweep_require(lock != NULL);
	sweep_begin();
	turns_of(lock, w->p, 1, 1);
	sweep_end();
}

static int
check_twice(void *ctx, unsigned long point)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct world *w = ctx;

	(void)point;
	CHECK(shunt_segment_stat(w->name, &info, NULL, 0) >= 0);
	CHECK(info.held == 0);
	return survivor_of(w, (int)info.unrepaired, 2);
}

/* ---- a holder who lives ---- */

/* The harness's own child; killed only when the world goes. */
static pid_t living;

static void *
setup_held(void *arg)
{
	struct world *w = with_lock(arg, SHUNT_LOCK_PERSISTENT);

	living = w != NULL ? world_holder(w, hold) : 0;
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
	struct world *w = ctx;
	struct shunt_lock *lock = attach(w, 0, put_right);

	sweep_require(lock != NULL);
	sweep_begin();
	sweep_require(shunt_lock_acquire(lock, 200000) == -ETIMEDOUT);
	sweep_end();
}

/* The living is not taken for dead, whatever a waiter left. */
static int
check_held(void *ctx, unsigned long point)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct world *w = ctx;
	struct shunt_lock *lock = attach(w, SHUNT_LOCK_EXISTING, put_right);

	(void)point;
	CHECK(lock != NULL);
	CHECK(shunt_lock_acquire(lock, SHUNT_NOWAIT) == -EAGAIN);
	CHECK(shunt_lock_release(lock) == -EPERM);
	CHECK(shunt_segment_stat(w->name, &info, NULL, 0) >= 0);
	CHECK(info.held == 1 && info.unrepaired == 0 && info.recoveries == 0);
	shunt_lock_close(&lock);
	return 0;
}

/* ---- coming and going ---- */

static void
victim_life(void *ctx)
{
	struct world *w = ctx;

	sweep_begin();
	struct shunt_lock *lock = attach(w, 0, put_right);
	sweep_require(lock != NULL);
	w->p->done[2] = 2;
	turns_of(lock, w->p, 1, 0);
	shunt_lock_close(&lock);
	sweep_end();
	sweep_require(!exists(w));
}

/* None, or one that works on; the last one takes an ephemeral one away. */
static int
check_life(void *ctx, unsigned long point)
{
	struct world *w = ctx;

	if (exists(w) && check_turns(ctx, point) != 0)
		return 1;
	struct shunt_lock *lock = attach(w, 0, put_right);
	CHECK(lock != NULL);
	CHECK(shunt_lock_acquire(lock, SHUNT_NOWAIT) == 0);
	CHECK(turn(w->p) == 0);
	CHECK(shunt_lock_release(lock) == 0);
	shunt_lock_close(&lock);
	CHECK(!exists(w));
	CHECK(world_leftovers(w) == 0);
	return 0;
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
	struct world *w = ctx;

	(void)point;
	if (exists(w)) {
		if (survivor(w, 0) != 0)
			return 1;
		CHECK(exists(w)); /* persistent */
		CHECK(shunt_remove(w->name, NULL) == 0);
	}
	CHECK(!exists(w));
	CHECK(world_leftovers(w) == 0);
	return 0;
}

/* ---- grid: two who want it ---- */

static void
victim_one_turn(void *ctx)
{
	struct world *w = ctx;
	struct shunt_lock *lock = attach(w, 0, put_right);

	sweep_require(lock != NULL);
	sweep_begin();
	for (;;) {
		int e = shunt_lock_acquire(lock, 5000000);
		if (e == 0)
			break;
		sweep_require(e == -ETIMEDOUT);
	}
	sweep_require(turn(w->p) == 0);
	sweep_require(shunt_lock_release(lock) == 0);
	w->p->done[1]++;
	sweep_end();
}

/* The victim is dead, the other came to its end: was it alone inside? */
static int
check_pair(void *ctx, unsigned long point)
{
	struct world *w = ctx;

	CHECK(w->p->done[1] == 1);
	/* He died inside: the other came in by repairing, and once. */
	CHECK(w->p->done[2] != 1 || w->p->done[3] == 1);
	CHECK(w->p->done[3] <= 1);
	w->p->done[2] = 2;
	return check_turns(ctx, point);
}

static const struct sweep_case other_turn = {.name = "other-turn",
    .setup = setup_free,
    .victim = victim_one_turn,
    .check = check_pair,
    .teardown = world_free,
    .image = world_image_all,
    .arg = (void *)"grid-ll"};

#define CASE(n, s, v, c, r, t)                                                 \
	{                                                                      \
		.name = n, .setup = s, .victim = v, .check = c, .teardown = t, \
		.rearm = r, .image = world_image_all, .arg = (void *)n         \
	}

const struct sweep_case lock_cases[] = {
    CASE("lock-turns", setup_free, victim_turns, check_turns, world_rearm,
	world_free),
    CASE("lock-claim", setup_free, victim_claim, check_turns, world_rearm,
	world_free),
    CASE("lock-claim-dead", setup_dead, victim_claim, check_dead, rearm_dead,
	world_free),
    CASE("lock-recover", setup_free, victim_recover, check_dead, world_rearm,
	world_free),
    CASE("lock-look", setup_free, victim_look, check_dead, world_rearm,
	world_free),
    CASE("lock-cannot", setup_free, victim_cannot, check_owed, world_rearm,
	world_free),
    CASE("lock-close-held", setup_free, victim_close_held, check_owed,
	world_rearm, world_free),
    {.name = "lock-twice",
	.setup = setup_free,
	.victim = victim_claim,
	.recover = recover_turn,
	.recover_every = 3,
	.check = check_twice,
	.teardown = world_free,
	.rearm = world_rearm,
	.image = world_image_all,
	.arg = (void *)"lock-twice",
	.flags = SWEEP_RECOVER},
    CASE("lock-wait", setup_held, victim_wait, check_held, world_rearm,
	free_held),
    CASE("lock-life", setup_nothing, victim_life, check_life, NULL, world_free),
    CASE("lock-remove", setup_free, victim_remove, check_removed, NULL,
	world_free),
    {.name = "grid-lock-lock",
	.setup = setup_free,
	.victim = victim_claim,
	.check = check_pair,
	.teardown = world_free,
	.rearm = world_rearm,
	.image = world_image_all,
	.arg = (void *)"grid-ll",
	.peer = &other_turn,
	.grid_points = 60},
};

const size_t lock_case_count = sizeof(lock_cases) / sizeof(lock_cases[0]);
