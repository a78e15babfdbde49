/* SPDX-License-Identifier: MIT */
/*
 * The server of a log, killed everywhere, also while it repairs what another
 * left.  The next one finds each record, and the file has each line once.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cases_log.h"
#include "log/server.h"
#include "os/os.h"

static const struct log_plan unread = {
    .flags = SHUNT_LOG_PERSISTENT, .lanes = 4, .file = 1, .unread = LOG_UNREAD};

static void *
make(const struct log_plan *like, void *stem)
{
	struct log_plan plan = *like;

	plan.stem = stem;
	return log_world_make(&plan);
}

static void *
setup_unread(void *arg)
{
	return make(&unread, arg);
}

static void *
setup_no_file(void *arg)
{
	struct log_plan plan = unread;

	plan.file = 0;
	return make(&plan, arg);
}

static void *
setup_idle(void *arg)
{
	struct log_plan plan = unread;

	plan.unread = 0;
	return make(&plan, arg);
}

static void *
setup_drops(void *arg)
{
	struct log_plan plan = unread;

	plan.lanes = 1;
	plan.fill = LOG_FULL;
	plan.drops = 5;
	return make(&plan, arg);
}

static void *
setup_nothing(void *arg)
{
	struct log_plan plan = {.flags = SHUNT_LOG_EXISTING, .lanes = 4};

	return make(&plan, arg);
}

/* ---- system calls as a bad day has them ---- */

static struct shunt__os real;
static size_t room; /* on the disk */

static ssize_t
short_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	return real.pwrite(fd, buf, n < 150 ? n : 150, off);
}

static ssize_t
tight_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	if (room == 0)
		return -ENOSPC;
	if (n > room)
		n = room;
	room -= n;
	return real.pwrite(fd, buf, n, off);
}

static int
fail_ftruncate(int fd, off_t size)
{
	(void)fd;
	(void)size;
	return -EIO;
}

static int
fail_fdatasync(int fd)
{
	(void)fd;
	return -EIO;
}

/* ---- victims ---- */

static void
victim_open(void *ctx)
{
	struct log_world *lw = ctx;

	sweep_begin();
	struct shunt_logd *l =
	    log_server(lw, SHUNT_SYNC_NEVER, SHUNT_FORMAT_CLASSIC);
	sweep_require(l != NULL);
	sweep_end();
}

static void
one_batch(struct log_world *lw, int64_t sync_ns)
{
	struct shunt_logd *l = log_server(lw, sync_ns, SHUNT_FORMAT_CLASSIC);

	sweep_require(l != NULL);
	sweep_begin();
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) == LOG_UNREAD);
	sweep_end();
}

static void
victim_batch(void *ctx)
{
	one_batch(ctx, SHUNT_SYNC_NEVER);
}

static void
victim_batch_sync(void *ctx)
{
	one_batch(ctx, SHUNT_SYNC_BATCH);
}

/* The file gets its batch in pieces, as write(2) may give it; with lines that
 * are torn between two of them. */
static void
victim_batch_torn(void *ctx)
{
	real = shunt__os;
	shunt__os.pwrite = short_pwrite;
	one_batch(ctx, SHUNT_SYNC_BATCH);
}

/* Two batches and a client between: the second note replaces the first. */
static void
victim_two_batches(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DROP);
	struct shunt_logd *l =
	    log_server(lw, SHUNT_SYNC_NEVER, SHUNT_FORMAT_CLASSIC);

	sweep_require(l != NULL && log != NULL);
	sweep_begin();
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) == LOG_UNREAD);
	sweep_require(log_send(log, LOG_UNREAD) == 0);
	lw->w->p->done[0] = 1;
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) == 1);
	sweep_end();
}

/* A batch that ends with the server's own line, about drops. */
static void
victim_tell(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_logd *l =
	    log_server(lw, SHUNT_SYNC_NEVER, SHUNT_FORMAT_CLASSIC);

	sweep_require(l != NULL);
	sweep_begin();
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) == LOG_FULL + 1);
	sweep_end();
}

/* Nothing to do: a short sleep, with the bell armed. */
static void
victim_park(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_logd *l =
	    log_server(lw, SHUNT_SYNC_NEVER, SHUNT_FORMAT_CLASSIC);

	sweep_require(l != NULL);
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) == 0);
	l->pace = SHUNT__PARKED;
	sweep_begin();
	sweep_require(shunt_logd_step(l, 8000000) == 0);
	sweep_end();
}

/* The disk is full in mid-batch: it is taken back, and comes when there is
 * room.  @cut: the taking back fails at first. */
static void
full_disk(struct log_world *lw, int cut_fails)
{
	struct shunt_logd *l =
	    log_server(lw, SHUNT_SYNC_NEVER, SHUNT_FORMAT_CLASSIC);

	sweep_require(l != NULL);
	real = shunt__os;
	shunt__os.pwrite = tight_pwrite;
	if (cut_fails)
		shunt__os.ftruncate = fail_ftruncate;
	room = 500;
	sweep_begin();
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) == 0);
	shunt__os.ftruncate = real.ftruncate;
	room = 100000;
	l->retry = 0; /* not the second that it would wait */
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) == LOG_UNREAD);
	sweep_end();
}

static void
victim_full(void *ctx)
{
	full_disk(ctx, 0);
}

static void
victim_stuck(void *ctx)
{
	full_disk(ctx, 1);
}

/* S9 fails: the batch is taken back and written anew. */
static void
victim_sync_fails(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_logd *l =
	    log_server(lw, SHUNT_SYNC_BATCH, SHUNT_FORMAT_CLASSIC);

	sweep_require(l != NULL);
	real = shunt__os;
	shunt__os.fdatasync = fail_fdatasync;
	sweep_begin();
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) == 0);
	shunt__os.fdatasync = real.fdatasync;
	l->retry = 0;
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) == LOG_UNREAD);
	sweep_end();
}

/* The file is moved away, records come, the server is told. */
static void
victim_reopen(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DROP);
	struct shunt_logd *l =
	    log_server(lw, SHUNT_SYNC_NEVER, SHUNT_FORMAT_CLASSIC);

	sweep_require(l != NULL && log != NULL);
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) == LOG_UNREAD);
	sweep_require(log_send(log, LOG_UNREAD) == 0);
	lw->w->p->done[0] = 1;
	sweep_require(rename(lw->file, lw->moved) == 0);
	sweep_begin();
	shunt_logd_reopen(l);
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) == 1);
	sweep_end();
}

/* Told to stop, it drains, syncs and goes. */
static void
victim_stop(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_logd *l =
	    log_server(lw, SHUNT_SYNC_NEVER, SHUNT_FORMAT_CLASSIC);

	sweep_require(l != NULL);
	sweep_begin();
	shunt_logd_stop(l);
	sweep_require(shunt_logd_run(l) == 0);
	shunt_logd_close(&l);
	sweep_end();
}

/* The last of an ephemeral log: it goes with its server. */
static void
victim_close(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_logd *l =
	    log_server(lw, SHUNT_SYNC_NEVER, SHUNT_FORMAT_CLASSIC);
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DROP);

	sweep_require(l != NULL && log != NULL);
	sweep_require(log_send(log, 0) == 0);
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) == 1);
	lw->w->p->done[0] = 1;
	shunt_log_close(&log);
	sweep_begin();
	shunt_logd_close(&l);
	sweep_end();
}

/* The second server, killed while it recovers and goes on.  It renders other
 * lines than the first, and longer ones. */
static void
recover_and_step(void *ctx)
{
	struct log_world *lw = ctx;

	real = shunt__os;
	shunt__os.pwrite = short_pwrite;
	sweep_begin();
	struct shunt_logd *l =
	    log_server(lw, SHUNT_SYNC_BATCH, SHUNT_FORMAT_ISO);
	sweep_require(l != NULL);
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) >= 0);
	sweep_end();
}

/* ---- checks ---- */

/* What was unread when the victim began, and what it logged itself. */
static int
check_all(void *ctx, unsigned long point)
{
	struct log_world *lw = ctx;
	uint32_t done = LOG_UNREAD + lw->w->p->done[0];
	struct log_seen seen;

	(void)point;
	return log_survivor(lw, done, done, 0, &seen) || seen.told != 0;
}

/* A call of the victim's own was under way. */
static int
check_one_more(void *ctx, unsigned long point)
{
	struct log_world *lw = ctx;
	uint32_t done = LOG_UNREAD + lw->w->p->done[0];
	struct log_seen seen;

	(void)point;
	return log_survivor(lw, done, done + 1, 0, &seen) || seen.told != 0;
}

/* Before the next server comes, logrotate does. */
static int
check_rotated(void *ctx, unsigned long point)
{
	struct log_world *lw = ctx;

	CHECK(rename(lw->file, lw->moved) == 0);
	return check_all(ctx, point);
}

static int
check_told(void *ctx, unsigned long point)
{
	struct log_seen seen;

	(void)point;
	if (log_survivor(ctx, LOG_FULL, LOG_FULL, 0, &seen) != 0)
		return 1;
	CHECK(seen.told == 1 && seen.dropped == 5);
	return 0;
}

static int
check_idle(void *ctx, unsigned long point)
{
	struct log_seen seen;

	(void)point;
	return log_survivor(ctx, 0, 0, 0, &seen) || seen.told != 0;
}

/* Of an ephemeral log: it may be gone, and goes with the survivor. */
static int
check_gone(void *ctx, unsigned long point)
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

/* ---- grids ---- */

/* A client leaves while the server stands still: it waits for nobody. */
static void
victim_leave(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DROP);

	sweep_require(log != NULL);
	sweep_require(log_send(log, LOG_UNREAD) == 0);
	lw->w->p->done[0] = 1;
	sweep_begin();
	shunt_log_close(&log);
	sweep_end();
}

static void
victim_log_on(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_log *log = log_client(lw, 0, SHUNT_LOG_FULL_DROP);

	sweep_require(log != NULL);
	sweep_begin();
	for (uint32_t i = 0; i < 3; i++) {
		sweep_require(log_send(log, LOG_UNREAD + i) == 0);
		lw->w->p->done[0] = i + 1;
	}
	sweep_end();
}

static void
victim_step(void *ctx)
{
	struct log_world *lw = ctx;
	struct shunt_logd *l =
	    log_server(lw, SHUNT_SYNC_NEVER, SHUNT_FORMAT_CLASSIC);

	sweep_require(l != NULL);
	sweep_begin();
	sweep_require(shunt_logd_step(l, SHUNT_NOWAIT) >= 0);
	sweep_end();
}

static const struct sweep_case leaver = {.name = "leaver",
    .setup = setup_unread,
    .victim = victim_leave,
    .check = check_all,
    .teardown = log_world_free,
    .image = log_world_image};

static const struct sweep_case logger = {.name = "logger",
    .setup = setup_unread,
    .victim = victim_log_on,
    .check = check_all,
    .teardown = log_world_free,
    .image = log_world_image};

#define CASE(n, s, v, c)                                                       \
	.name = n, .setup = s, .victim = v, .check = c,                        \
	.teardown = log_world_free, .rearm = log_world_rearm,                  \
	.image = log_world_image, .arg = (void *)n

const struct sweep_case logd_cases[] = {
    {CASE("logd-create", setup_nothing, victim_open, check_gone)},
    {CASE("logd-open", setup_no_file, victim_open, check_all)},
    {CASE("logd-batch", setup_unread, victim_batch, check_all)},
    {CASE("logd-batch-sync", setup_unread, victim_batch_sync, check_all)},
    {CASE("logd-batch-torn", setup_unread, victim_batch_torn, check_all)},
    {CASE(
	"logd-batch-rotated", setup_unread, victim_batch_torn, check_rotated)},
    {CASE(
	"logd-two-batches", setup_unread, victim_two_batches, check_one_more)},
    {CASE("logd-recover", setup_unread, victim_batch_torn, check_all),
	.flags = SWEEP_RECOVER, .recover = recover_and_step, .recover_every = 8,
	.recover_points = 24},
    {CASE("logd-drops", setup_drops, victim_tell, check_told)},
    {CASE("logd-park", setup_idle, victim_park, check_idle)},
    {CASE("logd-enospc", setup_unread, victim_full, check_all)},
    {CASE("logd-enospc-stuck", setup_unread, victim_stuck, check_all)},
    {CASE("logd-sync-fails", setup_unread, victim_sync_fails, check_all)},
    {CASE("logd-reopen", setup_unread, victim_reopen, check_all)},
    {CASE("logd-stop", setup_unread, victim_stop, check_all)},
    {CASE("logd-close", setup_nothing, victim_close, check_gone)},
    {CASE("grid-step-log-close", setup_unread, victim_step, check_all),
	.peer = &leaver, .grid_points = 150},
    {CASE("grid-step-log-write", setup_unread, victim_step, check_all),
	.peer = &logger, .grid_points = 150},
};

const size_t logd_case_count = sizeof(logd_cases) / sizeof(logd_cases[0]);
