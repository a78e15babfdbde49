/* SPDX-License-Identifier: MIT */
/*
 * The note: where the one batch goes that is on its way, and what will be
 * history once it is there.  Its state word is the server's only commit word.
 * The note is written while the word says IDLE, when nobody reads it, and
 * read by a successor while it says INTENT or DONE, when nobody writes it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "log/drain.h"
#include "sync/bell.h"

static uint64_t
note_sum(const struct shunt__log_note_lay *n, const uint64_t *tails,
    const uint64_t *tolds)
{
	const size_t from = offsetof(struct shunt__log_note_lay, nt_dev);
	const size_t to = offsetof(struct shunt__log_note_lay, nt_check);
	const uint64_t parts[3] = {
	    shunt__checksum((const char *)n + from, to - from),
	    shunt__checksum(tails, n->nt_lanes * sizeof(tails[0])),
	    shunt__checksum(tolds, n->nt_lanes * sizeof(tolds[0])),
	};

	return shunt__checksum(parts, sizeof(parts));
}

/* S6.  Killed in here: the word says IDLE, nobody reads this. */
void
shunt__note_fill(struct shunt__source *s, const struct shunt__logfile *f,
    const struct shunt__stage *st)
{
	uint64_t *tails = shunt__log_tails(s->obj);
	uint64_t *tolds = shunt__log_tolds(s->obj);
	struct shunt__log_note_lay n = {
	    .nt_dev = f->id.dev,
	    .nt_ino = f->id.ino,
	    .nt_btime_ns = f->id.btime_ns,
	    .nt_off = f->size,
	    .nt_len = st->len,
	    .nt_sum = shunt__checksum(st->buf, st->len),
	    .nt_lanes = s->known,
	    .nt_count = s->next,
	};

	for (uint32_t i = 0; i < s->known; i++) {
		tails[i] = s->lanes[i].pos;
		tolds[i] = s->lanes[i].next_told;
	}
	n.nt_check = note_sum(&n, tails, tolds);
	memcpy(&s->note->nt_dev, &n.nt_dev,
	    sizeof(n) - offsetof(struct shunt__log_note_lay, nt_dev));
	s->batch++;
}

/* The release keeps the note before its word and the file's bytes, which the
 * kernel has when the call returns, between the two words. */
void
shunt__note_state(struct shunt__source *s, unsigned state)
{
	shunt__release64(&s->note->nt_state, s->batch << 2 | state);
}

static int
copy_arrays(struct shunt__source *s, struct shunt__note_copy *out)
{
	size_t bytes = (size_t)out->head.nt_lanes * sizeof(uint64_t);

	out->tails = malloc(bytes + 1);
	out->tolds = malloc(bytes + 1);
	if (out->tails == NULL || out->tolds == NULL)
		return -ENOMEM;
	memcpy(out->tails, shunt__log_tails(s->obj), bytes);
	memcpy(out->tolds, shunt__log_tolds(s->obj), bytes);
	return 0;
}

/*
 * A private copy of the note, and only that is looked at.  0, -EINVAL: no
 * server of ours left this, -ENOMEM.  The copy is to be freed in any case.
 */
int
shunt__note_read(struct shunt__source *s, struct shunt__note_copy *out)
{
	uint64_t word = shunt__acquire64(&s->note->nt_state);
	struct shunt__log_note_lay *n = &out->head;
	int e;

	memset(out, 0, sizeof(*out));
	out->state = word & 3;
	s->batch = word >> 2;
	memcpy(&n->nt_dev, &s->note->nt_dev,
	    sizeof(*n) - offsetof(struct shunt__log_note_lay, nt_dev));
	if (out->state == 3 || n->nt_lanes > s->obj->geo.lanes)
		return -EINVAL;
	e = copy_arrays(s, out);
	if (e < 0)
		return e;
	if (n->nt_check != note_sum(n, out->tails, out->tolds))
		return -EINVAL;
	out->id.dev = n->nt_dev;
	out->id.ino = n->nt_ino;
	out->id.btime_ns = n->nt_btime_ns;
	return 0;
}

void
shunt__note_free(struct shunt__note_copy *note)
{
	free(note->tails);
	free(note->tolds);
	note->tails = note->tolds = NULL;
}

/* Wakes the lane's owner if it waits, for room or for the disk.  As after any
 * commit: one plain load, sync/bell.h. */
static inline void
wake_owner(struct shunt__source *s, struct shunt__cursor *c)
{
	struct shunt__u32 *bell = &c->ctl->ln_waiting;

	if (__builtin_expect(
		shunt__bell_look(bell, s->obj->fence) & SHUNT__BELL_ASLEEP, 0))
		shunt__bell_ring(bell, SHUNT__BELL_ASLEEP);
}

static void
publish_lane(struct shunt__source *s, struct shunt__cursor *c, int durable)
{
	/* Behind `pos` nothing can be read any more, and its owner must not
	 * wait for room for ever: it learns it when the lane is full, and the
	 * next owner before it begins. */
	if (c->state == SHUNT__CURSOR_CORRUPT && (c->pos & 7) == 0)
		c->pos |= SHUNT__TAIL_CLOSED;
	if (c->pos != c->tail) {
		c->tail = c->pos;
		/* L: pairs with R in shunt__lane_tx_refresh(). */
		shunt__release64(&c->ctl->ln_tail, c->tail);
	}
	if (c->next_told != c->told) {
		c->told = c->next_told;
		shunt__release64(&c->ctl->ln_told, c->told);
	}
	if (durable && c->durable != c->tail) {
		c->durable = c->tail;
		shunt__release64(&c->ctl->ln_durable, c->durable);
	}
	c->last_done = c->last;
	wake_owner(s, c);
}

/*
 * S11.  Killed in here: the word says DONE, a successor stores the same from
 * the note.  @durable: it is on disk, too.
 */
void
shunt__publish_lanes(struct shunt__source *s, int durable)
{
	for (uint32_t i = 0; i < s->known; i++)
		publish_lane(s, &s->lanes[i], durable);
}

/* No batch: what was passed over are pads, which hold nothing, and lanes that
 * were found corrupt at once. */
void
shunt__publish_pads(struct shunt__source *s)
{
	for (uint32_t i = 0; i < s->known; i++) {
		struct shunt__cursor *c = &s->lanes[i];
		if (c->pos != c->tail || c->state == SHUNT__CURSOR_CORRUPT)
			publish_lane(s, c, c->durable == c->tail);
	}
}

/* S12.  Killed in here: as in S11. */
void
shunt__publish_count(struct shunt__source *s)
{
	s->done = s->next;
	s->server->sv_count = s->done;
}

void
shunt__publish_durable(struct shunt__source *s)
{
	for (uint32_t i = 0; i < s->known; i++) {
		struct shunt__cursor *c = &s->lanes[i];
		if (c->durable == c->tail)
			continue;
		c->durable = c->tail;
		shunt__release64(&c->ctl->ln_durable, c->durable);
		wake_owner(s, c);
	}
}
