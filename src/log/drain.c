/* SPDX-License-Identifier: MIT */
/* A batch: from what is final in the lanes to history. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "log/drain.h"

void
shunt__notice(const struct shunt__notice *to, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (to->fn == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	to->fn(to->arg, line);
}

/* S8a, S8b.  Killed between: the successor finds the size it expects. */
static int
take_back(struct shunt__source *s, struct shunt__logfile *f)
{
	int e = shunt__file_cut(f);

	/* First the file, then the word: the other way round half a line
	 * would stay for good. */
	s->stuck = e < 0;
	if (e == 0)
		shunt__note_state(s, SHUNT__NOTE_IDLE);
	return e;
}

/* S6 to S13.  0 or -errno, and nothing of it happened. */
static int
put_batch(struct shunt__source *s, struct shunt__logfile *f,
    const struct shunt__stage *st, int sync)
{
	uint64_t off = f->size;
	int e;

	shunt__note_fill(s, f, st); /* S6 */
	/* S7.  Killed from here to S10: the successor compares the file with
	 * the note, and takes the batch back or completes it. */
	shunt__note_state(s, SHUNT__NOTE_INTENT);
	e = shunt__file_append(f, st->buf, st->len); /* S8 */
	if (e == 0 && sync)
		e = shunt__file_sync(f); /* S9 */
	if (e < 0) {
		/* A failed sync too: pages may count as clean now, so to sync
		 * again would prove nothing. */
		f->size = off;
		take_back(s, f);
		return e;
	}
	/* S10: from here on the batch is history. */
	shunt__note_state(s, SHUNT__NOTE_DONE);
	shunt__publish_lanes(s, sync); /* S11 */
	shunt__publish_count(s);       /* S12 */
	/* S13.  Killed before it: the successor publishes once more. */
	shunt__note_state(s, SHUNT__NOTE_IDLE);
	return 0;
}

/* A pipe or a terminal: nothing can be taken back, so nothing is noted.
 * Killed before the lanes are released, the lines come again. */
static int
put_stream(struct shunt__source *s, struct shunt__logfile *f,
    const struct shunt__stage *st)
{
	int e = shunt__file_append(f, st->buf, st->len);

	if (e < 0)
		return e;
	shunt__publish_lanes(s, 1);
	shunt__publish_count(s);
	return 0;
}

int64_t
shunt__drain_pass(struct shunt__source *s, struct shunt__logfile *f,
    struct shunt__format *fmt, struct shunt__stage *st, int sync)
{
	int e;

	st->len = 0;
	st->lines = 0;
	if (s->stuck && (e = take_back(s, f)) < 0)
		return e;
	shunt__order_fill(s, shunt__order_horizon(s), fmt, st);
	if (st->len == 0) {
		if (st->cut)
			return -ENOMEM;
		shunt__publish_pads(s);
		return 0;
	}
	e = shunt__file_settle(f);
	if (e == 0)
		e = f->regular ? put_batch(s, f, st, sync)
			       : put_stream(s, f, st);
	if (e < 0) {
		shunt__order_rewind(s);
		return e;
	}
	return (int64_t)st->lines;
}

/* 1: somebody asked for the disk, and all that he asked for is in the file.
 * A request beyond that waits for its batch; a scribbled one for ever. */
int
shunt__drain_wants_sync(const struct shunt__source *s)
{
	for (uint32_t i = 0; i < s->known; i++) {
		const struct shunt__cursor *c = &s->lanes[i];
		uint64_t want = shunt__acquire64(&c->ctl->ln_flush);
		if (__builtin_expect(want > c->durable, 0) && want <= c->tail)
			return 1;
	}
	return 0;
}
