/* SPDX-License-Identifier: MIT */
/*
 * Clients of a log, killed everywhere.  What had returned is in the file, what
 * was under way may be, and nobody waits for the dead.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cases_log.h"
#include "log/client.h"
#include "os/os.h"

static const struct log_plan empty = {
    .flags = SHUNT_LOG_PERSISTENT, .lanes = 4, .file = 1};
static const struct log_plan half = {
    .flags = SHUNT_LOG_PERSISTENT, .lanes = 4, .file = 1, .unread = 2};

static void *
make(const struct log_plan *like, void *stem)
{
	struct log_plan plan = *like;

	plan.stem = stem;
	return log_world_make(&plan);
}

static void *
setup_empty(void *arg)
{
	return make(&empty, arg);
}

static void *
setup_half(void *arg)
{
	return make(&half, arg);
}

static void *
setup_odd(void *arg)
{
	struct log_plan plan = half;

	plan.odd = 1;
	return make(&plan, arg);
}

static void *
setup_full(void *arg)
{
	struct log_plan plan = empty;

	plan.lanes = 1;
	plan.fill = LOG_FULL;
	return make(&plan, arg);
}

/* Ephemeral: the last to leave it takes it away, if it is drained. */
static void *
setup_leave(void *arg)
{
	struct log_plan plan = empty;

	plan.flags = SHUNT_LOG_EXISTING;
	return make(&plan, arg);
}

/* ---- a message ---- */

/* The first message takes the lane; the others go over the ring's end. */
static void
victim_write(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DROP);

	sweep_require(log != NULL);
	sweep_require(log_send(log, 0) == 0);
	lw->w->p->done[0] = 1;
	sweep_begin();
	for (uint32_t i = 1; i < 6; i++) {
		sweep_require(log_send(log, i) == 0);
		lw->w->p->done[0] = i + 1;
	}
	sweep_end();
}

static void
victim_printf(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DROP);

	sweep_require(log != NULL);
	for (uint32_t i = 0; i < 10; i++)
		sweep_require(log_send(log, i) == 0);
	lw->w->p->done[0] = 10;
	sweep_begin();
	for (uint32_t i = 10; i < 12; i++) { /* the second one in place */
		sweep_require(shunt_log_printf(log, SHUNT_LOG_ERR, "%.*s",
				  (int)log_text_len(i), log_text(i)) == 0);
		lw->w->p->done[0] = i + 1;
	}
	sweep_end();
}

static void
victim_claim(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DROP);

	sweep_require(log != NULL);
	sweep_begin();
	sweep_require(log_send(log, 0) == 0);
	lw->w->p->done[0] = 1;
	sweep_end();
}

static int
check_written(void *ctx, unsigned long point)
{
	struct log_world *lw = ctx;
	uint32_t done = lw->w->p->done[0];
	struct log_seen seen;

	(void)point;
	return log_survivor(lw, done, done + 1, 0, &seen) || seen.told != 0;
}

/* ---- a lane with unread records, whose owner died in a call ---- */

static void
victim_takeover(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DROP);

	sweep_require(log != NULL);
	sweep_begin();
	for (uint32_t i = 2; i < 5; i++) {
		sweep_require(log_send(log, i) == 0);
		lw->w->p->done[0] = i - 1;
	}
	sweep_end();
}

static int
check_takeover(void *ctx, unsigned long point)
{
	struct log_world *lw = ctx;
	uint32_t done = lw->w->p->done[0];
	struct log_seen seen;

	(void)point;
	return log_survivor(lw, 2 + done, 3 + done, 0, &seen) || seen.told != 0;
}

/* What the second writes is none of the first one's six, nor the seventh. */
#define SECOND 9

/* After a victim that really died: another takes its lane, and dies too.  He
 * goes on where the dead one's count stands; one may be there unsaid. */
static void
recover_write(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DROP);

	sweep_require(log != NULL);
	lw->w->p->done[2] = 1;
	sweep_begin();
	for (uint32_t i = 0; i < 2; i++) {
		sweep_require(log_send(log, SECOND + i) == 0);
		lw->w->p->done[1] = i + 1;
	}
	sweep_end();
}

/* Two counts in one file: what the first wrote, then what the second did. */
static int
count_two(const struct log_world *lw, uint32_t *first, uint32_t *second)
{
	static char buf[65536];
	FILE *f = fopen(lw->file, "re");
	const char *msg;

	*first = *second = 0;
	CHECK(f != NULL);
	while (fgets(buf, sizeof(buf), f) != NULL) {
		buf[strcspn(buf, "\n")] = 0;
		msg = strchr(buf, ' ') + 26;
		if (*second == 0 && strlen(msg) == log_text_len(*first) &&
		    strcmp(msg, log_text(*first)) == 0) {
			++*first;
			continue;
		}
		CHECK(strlen(msg) == log_text_len(SECOND + *second));
		CHECK(strcmp(msg, log_text(SECOND + *second)) == 0);
		++*second;
	}
	fclose(f);
	return 0;
}

static int
check_twice(void *ctx, unsigned long point)
{
	struct log_world *lw = ctx;
	struct progress *p = lw->w->p;
	struct shunt_logd *l;
	uint32_t one, two;

	if (p->done[2] == 0)
		return check_written(ctx, point);
	l = log_server(lw, SHUNT_SYNC_NEVER, SHUNT_FORMAT_CLASSIC);
	CHECK(l != NULL);
	CHECK(shunt_logd_step(l, SHUNT_NOWAIT) >= 0);
	if (count_two(lw, &one, &two) != 0)
		return 1;
	CHECK(one >= p->done[0] && one <= p->done[0] + 1);
	CHECK(two >= p->done[1] && two <= p->done[1] + 1);
	shunt_logd_close(&l);
	return 0;
}

/* ---- a full lane, and no server ---- */

static void
victim_drop(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DROP);

	sweep_require(log != NULL);
	sweep_begin();
	for (uint32_t i = 0; i < 3; i++) {
		sweep_require(log_send(log, LOG_LONG) == SHUNT_E_DROPPED);
		lw->w->p->done[0] = i + 1;
	}
	sweep_end();
}

/* The default waits a second in all; of this one hardly anything is left. */
static void
spend_patience(struct shunt_log *log)
{
	struct shunt__log_at *at = atomic_load(&log->now);

	shunt__store64(
	    &log->give_up_of, shunt__load64(&at->obj->control->ct_since));
	shunt__store64(&log->give_up_at, shunt__now() + 4000000);
}

static void
victim_impatient(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DEFAULT);

	sweep_require(log != NULL);
	log->full = SHUNT_LOG_FULL_DROP; /* this one takes the lane */
	sweep_require(log_send(log, LOG_LONG) == SHUNT_E_DROPPED);
	log->full = SHUNT_LOG_FULL_DEFAULT;
	lw->w->p->done[0] = 1;
	sweep_begin();
	spend_patience(log);
	for (uint32_t i = 1; i < 3; i++) {
		sweep_require(log_send(log, LOG_LONG) == SHUNT_E_DROPPED);
		lw->w->p->done[0] = i + 1;
	}
	sweep_end();
}

/* The file tells how many, to a message. */
static int
check_dropped(void *ctx, unsigned long point)
{
	struct log_world *lw = ctx;
	uint32_t done = lw->w->p->done[0];
	struct log_seen seen;

	(void)point;
	if (log_survivor(lw, LOG_FULL, LOG_FULL, 0, &seen) != 0)
		return 1;
	CHECK(seen.dropped >= done && seen.dropped <= done + 1);
	CHECK(seen.told == (seen.dropped != 0));
	return 0;
}

/* ---- flush ---- */

/* The server is in the same process: asked, it syncs in its next step. */
static void
victim_flush(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DROP);
	struct shunt_logd *l =
	    log_server(lw, SHUNT_SYNC_NEVER, SHUNT_FORMAT_CLASSIC);

	sweep_require(log != NULL && l != NULL);
	sweep_require(log_send(log, 0) == 0 && log_send(log, 1) == 0);
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) == 2);
	lw->w->p->done[0] = 2;
	sweep_begin();
	sweep_require(shunt_log_flush(log, SHUNT_NOWAIT) == -EAGAIN);
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) == 0);
	sweep_require(shunt_log_flush(log, SHUNT_NOWAIT) == 0);
	sweep_end();
}

static void
victim_flush_alone(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DROP);

	sweep_require(log != NULL);
	sweep_require(log_send(log, 0) == 0 && log_send(log, 1) == 0);
	lw->w->p->done[0] = 2;
	sweep_begin();
	sweep_require(shunt_log_flush(log, SHUNT_FOREVER) == SHUNT_E_NOSERVER);
	sweep_end();
}

static int
check_flushed(void *ctx, unsigned long point)
{
	struct log_world *lw = ctx;
	struct log_seen seen;

	(void)point;
	return log_survivor(lw, 2, 2, 0, &seen) || seen.told != 0;
}

/* ---- coming and going ---- */

static void
victim_create(void *ctx)
{
	struct log_world *lw = ctx;

	sweep_begin();
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DROP);
	sweep_require(log != NULL);
	sweep_end();
}

static void
victim_detach(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DROP);

	sweep_require(log != NULL);
	for (uint32_t i = 0; i < 3; i++)
		sweep_require(log_send(log, i) == 0);
	lw->w->p->done[0] = 3;
	sweep_begin();
	shunt_log_close(&log);
	sweep_end();
}

/* All drained by a server that ended: the client's close takes it away. */
static void
victim_detach_drained(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DROP);
	struct shunt_logd *l =
	    log_server(lw, SHUNT_SYNC_NEVER, SHUNT_FORMAT_CLASSIC);

	sweep_require(log != NULL && l != NULL);
	for (uint32_t i = 0; i < 3; i++)
		sweep_require(log_send(log, i) == 0);
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) == 3);
	shunt_logd_close(&l);
	lw->w->p->done[0] = 3;
	sweep_begin();
	shunt_log_close(&log);
	sweep_end();
}

/* Whole or absent, nothing lost, and the survivor's close removes it. */
static int
check_left(void *ctx, unsigned long point)
{
	struct log_world *lw = ctx;
	uint32_t done = lw->w->p->done[0];
	struct log_seen seen;

	(void)point;
	if (log_survivor(lw, done, done, LOG_ANEW, &seen) != 0)
		return 1;
	CHECK(!log_world_exists(lw));
	return 0;
}

static void
victim_remove(void *ctx)
{
	struct log_world *lw = ctx;

	sweep_begin();
	sweep_require(shunt_remove(lw->w->name, NULL) == 0);
	sweep_end();
}

static int
check_removed(void *ctx, unsigned long point)
{
	struct log_world *lw = ctx;
	int there = log_world_exists(lw);
	uint32_t most = there ? 2 : 0;
	struct log_seen seen;

	(void)point;
	if (log_survivor(lw, most, most, there ? 0 : LOG_ANEW, &seen) != 0)
		return 1;
	CHECK(log_world_exists(lw) == there); /* persistent, or made anew */
	CHECK(!there || shunt_remove(lw->w->name, NULL) == 0);
	CHECK(world_leftovers(lw->w) == 0);
	return 0;
}

/* ---- grids: a client stands still in a call, and dies ---- */

static void
victim_steps(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_logd *l =
	    log_server(lw, SHUNT_SYNC_NEVER, SHUNT_FORMAT_CLASSIC);

	sweep_require(l != NULL);
	sweep_begin();
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) >= 0);
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) >= 0);
	sweep_end();
	shunt_logd_close(&l);
}

static int
check_grid(void *ctx, unsigned long point)
{
	struct log_world *lw = ctx;
	uint32_t done = lw->w->p->done[0];
	struct log_seen seen;

	(void)point;
	return log_survivor(lw, done, done + 1, LOG_LATE_OK, &seen) ||
	       seen.told != 0;
}

static const struct sweep_case stepper = {.name = "stepper",
    .setup = setup_empty,
    .victim = victim_steps,
    .check = check_grid,
    .teardown = log_world_free,
    .image = log_world_image};

#define CASE(n, s, v, c)                                                       \
	.name = n, .setup = s, .victim = v, .check = c,                        \
	.teardown = log_world_free, .rearm = log_world_rearm,                  \
	.image = log_world_image, .arg = (void *)n

const struct sweep_case log_cases[] = {
    {CASE("log-write", setup_empty, victim_write, check_written)},
    {CASE("log-printf", setup_empty, victim_printf, check_written)},
    {CASE("log-claim", setup_empty, victim_claim, check_written)},
    {CASE("log-takeover", setup_odd, victim_takeover, check_takeover)},
    {CASE("log-takeover-twice", setup_empty, victim_write, check_twice),
	.flags = SWEEP_RECOVER, .recover = recover_write, .recover_every = 16,
	.recover_points = 40},
    {CASE("log-drop", setup_full, victim_drop, check_dropped)},
    {CASE("log-wait-drop", setup_full, victim_impatient, check_dropped)},
    {CASE("log-flush", setup_empty, victim_flush, check_flushed)},
    {CASE("log-flush-alone", setup_empty, victim_flush_alone, check_flushed)},
    {CASE("log-create", setup_leave, victim_create, check_left)},
    {CASE("log-detach", setup_leave, victim_detach, check_left)},
    {CASE(
	"log-detach-drained", setup_leave, victim_detach_drained, check_left)},
    {CASE("log-remove", setup_half, victim_remove, check_removed)},
    /* Of a pair whose client is in a call, the server waits 30 ms for the
     * living before the engine kills him: few of those. */
    {CASE("grid-log-write-step", setup_empty, victim_write, check_grid),
	.peer = &stepper, .grid_points = 60},
    {CASE("grid-log-claim-step", setup_empty, victim_claim, check_grid),
	.peer = &stepper, .grid_points = 120},
};

const size_t log_case_count = sizeof(log_cases) / sizeof(log_cases[0]);
