/* SPDX-License-Identifier: MIT */
/* One pass of the server over its logs, and what happens to its file. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "log/server.h"
#include "os/os.h"

#define RETRY_NS UINT64_C(1000000000)

/* A step of the wall clock moves the lines behind it; the small corrections
 * that keep a clock right do not, for then times could run backwards. */
#define WALL_SLACK INT64_C(1000000)

static int64_t
wall_offset(int64_t old)
{
	uint64_t before = shunt__now();
	uint64_t wall = shunt__clock(CLOCK_REALTIME);
	int64_t off = (int64_t)(wall - (before + shunt__now()) / 2);

	return off - old < WALL_SLACK && old - off < WALL_SLACK ? old : off;
}

/* Stamps of another boot have that boot's offset, as its server left it. */
static void
set_wall(struct shunt_logd *l, struct shunt__source *s)
{
	l->wall_off = wall_offset(l->wall_off);
	l->format.wall_off = l->wall_off;
	if (!s->foreign_boot)
		shunt__store64(&s->server->sv_wall, (uint64_t)l->wall_off);
	else if (shunt__load64(&s->server->sv_wall) != 0)
		l->format.wall_off =
		    (int64_t)shunt__load64(&s->server->sv_wall);
}

/* All that another boot left is written: from here on stamps are ours. */
static void
end_foreign_boot(struct shunt__source *s)
{
	s->foreign_boot = 0;
	s->done.lc_last = s->server->sv_count.lc_last = 0;
	for (uint32_t i = 0; i < s->known; i++)
		s->lanes[i].last = s->lanes[i].last_done = 0;
	shunt__who_boot(s->server->sv_boot);
}

static void
disk_full(struct shunt_logd *l, uint32_t full)
{
	for (uint32_t i = 0; i < l->count; i++)
		shunt__store32(&l->sources[i]->server->sv_disk_full, full);
	l->full = full != 0;
}

/* The file refused a batch.  0: the records are kept and it is tried again;
 * or the code, if time will not help. */
static int
trouble(struct shunt_logd *l, int e)
{
	if (e == -EINTR)
		return 0;
	if (!shunt__file_full(e))
		return shunt__fail(e, "%s: the log cannot be written: %s",
		    l->file.shown, shunt__why(e));
	l->retry = shunt__now() + RETRY_NS;
	if (!l->full)
		shunt__notice(&l->notice,
		    "%s: %s; the records stay in %s and are written when "
		    "there is room",
		    l->file.shown, shunt__why(e), shunt__quote(l->name));
	disk_full(l, 1);
	return 0;
}

static void
count_syncs(struct shunt_logd *l)
{
	struct shunt__u64 *word = &l->sources[0]->server->sv_syncs;

	if (l->file.syncs == l->syncs)
		return;
	shunt__store64(word, shunt__load64(word) + (l->file.syncs - l->syncs));
	l->syncs = l->file.syncs;
}

/*
 * Everything that was written goes to disk, and flushes are answered.  After
 * a failure the kernel counts lost pages as clean, and another sync would
 * prove nothing: until the file is another one, no flush is answered.
 */
int
shunt__logd_sync(struct shunt_logd *l)
{
	int e = l->sync_failed ? -EIO : shunt__file_sync(&l->file);

	count_syncs(l);
	if (e < 0 && !l->sync_failed) {
		l->sync_failed = 1;
		shunt__notice(&l->notice,
		    "%s: it cannot be synced: %s; what was written last may "
		    "not be on disk; move the file away and reopen (SIGHUP)",
		    l->file.shown, shunt__why(e));
	}
	if (e < 0)
		return e;
	for (uint32_t i = 0; i < l->count; i++)
		shunt__publish_durable(l->sources[i]);
	return 0;
}

static void
sync_if_due(struct shunt_logd *l)
{
	int due = l->sync_ns > 0 && l->file.dirty &&
		  shunt__now() - l->file.synced >= (uint64_t)l->sync_ns;

	for (uint32_t i = 0; i < l->count && !due; i++)
		due = shunt__drain_wants_sync(l->sources[i]);
	if (due && !l->sync_failed)
		shunt__logd_sync(l);
}

/* A batch that could not be taken back from a file that is now left. */
static void
leave_stuck(struct shunt_logd *l)
{
	for (uint32_t i = 0; i < l->count; i++) {
		struct shunt__source *s = l->sources[i];
		if (!s->stuck)
			continue;
		shunt__notice(&l->notice,
		    "%s: it may end in part of a batch, which is repeated in "
		    "the new file",
		    l->file.shown);
		s->stuck = 0;
		s->done.lc_repeated++;
		shunt__note_state(s, SHUNT__NOTE_IDLE);
	}
}

/* O1 to O3; the notes say IDLE. */
void
shunt__logd_reopen_now(struct shunt_logd *l)
{
	struct shunt__logfile new;
	int e;

	/* O1: a file is synced before it is left, so that bytes that are not
	 * on disk can be in one file only, the note's. */
	shunt__logd_sync(l);
	e = shunt__file_reopen(&new, &l->file); /* O2 */
	if (e == 1)
		return;
	if (e < 0) {
		shunt__notice(&l->notice, "%s; the old file is written on",
		    shunt_error_detail());
		return;
	}
	leave_stuck(l);
	shunt__file_close(&l->file);
	l->file = new;
	l->sync_failed = 0;
	l->retry = 0;
	if (l->full)
		disk_full(l, 0);
	e = shunt__file_begin(&l->file); /* O3 */
	if (e < 0)
		trouble(l, e);
	for (uint32_t i = 0; i < l->count; i++)
		shunt__logd_sign(l, l->sources[i]);
}

static void
after_batch(struct shunt_logd *l, struct shunt__source *s)
{
	if (l->file.changed)
		shunt__notice(&l->notice,
		    "%s: somebody else wrote to it or cut it", l->file.shown);
	l->file.changed = 0;
	if (s->foreign_boot && !l->stage.cut)
		end_foreign_boot(s);
	if (l->full && l->stage.lines > 0) {
		disk_full(l, 0);
		shunt__notice(
		    &l->notice, "%s: it is written again", l->file.shown);
	}
	l->bytes += l->stage.len;
	l->cut |= l->stage.cut;
}

/* Over all logs, one batch each.  Lines, or a code. */
int64_t
shunt__logd_pass(struct shunt_logd *l)
{
	uint64_t last = 0;
	int64_t lines = 0;

	l->bytes = 0;
	l->cut = 0;
	if (l->full && shunt__now() < l->retry)
		return 0;
	for (uint32_t i = l->count; i-- > 0;) {
		struct shunt__source *s = l->sources[i];
		set_wall(l, s);
		/* The file's order is one, be it fed from several logs. */
		if (s->done.lc_last < last)
			s->done.lc_last = last;
		int64_t n = shunt__drain_pass(s, &l->file, &l->format,
		    &l->stage, l->sync_ns == SHUNT_SYNC_BATCH);
		if (n == -ESTALE) {
			shunt__notice(&l->notice,
			    "%s: it was deleted; a new one is begun",
			    l->file.shown);
			shunt__logd_reopen_now(l);
			l->cut = 1; /* come again at once */
			return lines;
		}
		if (n < 0)
			return trouble(l, (int)n);
		lines += n;
		last = s->done.lc_last;
		after_batch(l, s);
	}
	if (l->full)
		disk_full(l, 0); /* nothing is left that wants room */
	count_syncs(l);
	sync_if_due(l);
	return lines;
}
