/* SPDX-License-Identifier: MIT */
/*
 * A log whose name is gone and that no server has: what lies there unread is
 * brought to the log that has the name now.  We become its consumer, by the
 * server's byte, and of the new one a producer like any other; the records
 * keep stamp, process and tag.  Killed between commit and release, one record
 * may come twice: if another client of the old log carries the rest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log/client.h"
#include "sync/bell.h"

struct carry {
	struct shunt__log_at *from;
	struct shunt__log_at *to;
	struct shunt__lane_rx *rx; /* lanes that nobody produces into */
	uint32_t n;
	struct shunt__seats seats; /* the lane that we fill */
	struct shunt__log_end *end;
};

/* A record as it lies in the old ring; its owner is gone, so it stays. */
struct found {
	struct shunt__lane_rx *rx;
	const void *payload;
	uint64_t len;
	uint64_t stamp;
	uint16_t tag;
};

/*
 * A server that died between a batch's end and the moving of the tails wrote
 * what lies before the note's: as recover.c has it.
 */
static void
skip_written(struct carry *c, uint32_t lane, struct shunt__lane_rx *rx)
{
	const struct shunt__log_note_lay *note = shunt__log_note(c->from->obj);
	const struct shunt__u64 *tails =
	    (const void *)shunt__log_tails(c->from->obj);
	int corrupt;

	if ((shunt__acquire64(&note->nt_state) & 3) != SHUNT__NOTE_DONE)
		return;
	uint64_t noted = shunt__load64(&tails[lane]);
	uint64_t unread =
	    shunt__lane_unread(rx->ring, rx->cap, rx->tail, &corrupt);
	if (noted > rx->tail && noted <= rx->tail + unread && !(noted & 7)) {
		rx->tail = noted;
		shunt__lane_publish_tail(rx);
	}
}

/* Lanes of living clients they carry themselves, when they come. */
static int
collect(struct carry *c)
{
	struct shunt__object *obj = c->from->obj;
	uint32_t high = shunt__object_high(obj);

	c->rx = calloc(high + 1, sizeof(c->rx[0]));
	if (c->rx == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < high; i++) {
		struct shunt__lane_lay *ctl = shunt__object_lane(obj, i);
		if (shunt__lane_held(obj, i) != 0 ||
		    (shunt__load64(&ctl->ln_tail) & 7) != 0 ||
		    shunt__object_probe_lane(obj, i) != 0)
			continue;
		shunt__lane_rx_adopt(&c->rx[c->n], shunt__object_ring(obj, i),
		    obj->geo.lane_bytes, ctl);
		skip_written(c, i, &c->rx[c->n++]);
	}
	return 0;
}

/* The oldest of all; 0 if there is none.  What is corrupt ends its lane. */
static int
oldest(struct carry *c, struct found *out)
{
	struct found f;
	int any = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		f.rx = &c->rx[i];
		int64_t len = shunt__lane_peek(f.rx, &f.payload, &f.tag);
		if (len < 0)
			continue;
		f.len = (uint64_t)len;
		f.stamp = 0;
		if (len >= 8)
			memcpy(&f.stamp, f.payload, 8);
		if (!any || f.stamp < out->stamp)
			*out = f;
		any = 1;
	}
	return any;
}

/* A lane of the new log; the one before it is full. */
static int
next_lane(struct carry *c)
{
	struct shunt__seat *seat;

	if (c->seats.id != 0)
		shunt__seats_fini(&c->seats);
	c->end = NULL;
	shunt__seats_init(&c->seats, c->to->obj, sizeof(struct shunt__log_end),
	    shunt__log_claim, NULL, c->to);
	int e = shunt__seat_take(&c->seats, &seat);
	if (e == 0)
		c->end = shunt__log_end(seat);
	return e;
}

static int
put(struct carry *c, const struct found *f)
{
	void *room = NULL;
	int e = c->end == NULL
		    ? -EAGAIN
		    : shunt__lane_reserve(&c->end->tx, f->len, &room);

	if (e == -EAGAIN) {
		e = next_lane(c);
		if (e == 0)
			e = shunt__lane_reserve(&c->end->tx, f->len, &room);
	}
	if (e < 0)
		return e;
	memcpy(room, f->payload, f->len);
	shunt__lane_commit(&c->end->tx, f->len, f->tag);
	shunt__release64(c->end->done, c->end->tx.head);
	return 0;
}

/* Drops that no file told of are told by the new log's server. */
static int
carry_drops(struct carry *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		struct shunt__lane_lay *ctl = c->rx[i].ctl;
		uint64_t dropped = shunt__load64(&ctl->ln_dropped);
		uint64_t told = shunt__load64(&ctl->ln_told);
		if (dropped <= told)
			continue;
		int e = c->end == NULL ? next_lane(c) : 0;
		if (e < 0)
			return e;
		shunt__log_drop(
		    c->end, dropped - told, shunt__load64(&ctl->ln_drop_since));
		shunt__store64(&ctl->ln_told, dropped);
	}
	return 0;
}

/* Too long for the new log's lanes: told as dropped. */
static int
put_or_drop(struct carry *c, const struct found *f)
{
	if (f->len <= shunt__lane_max(c->to->obj->geo.lane_bytes))
		return put(c, f);
	if (c->end == NULL) {
		int e = next_lane(c);
		if (e < 0)
			return e;
	}
	shunt__log_drop(c->end, 1, f->stamp);
	return 0;
}

static int
carry_all(struct carry *c)
{
	struct found f = {0};
	int e = collect(c);

	while (e == 0 && oldest(c, &f)) {
		e = put_or_drop(c, &f);
		if (e == 0)
			shunt__lane_release(f.rx);
	}
	if (e == 0)
		e = carry_drops(c);
	if (c->seats.id != 0)
		shunt__seats_fini(&c->seats);
	free(c->rx);
	shunt__bell_ring(&c->to->obj->control->ct_bell,
	    SHUNT__BELL_ASLEEP | SHUNT__BELL_NAP);
	return e;
}

int
shunt__log_carry(struct shunt__log_at *from, struct shunt__log_at *to)
{
	struct carry c = {.from = from, .to = to};
	int e;

	/* It was cut and is whole again: what lies there is in its place, and
	 * would be carried from lane to lane for ever. */
	if (from->obj->dev == to->obj->dev && from->obj->ino == to->obj->ino)
		return 0;
	e = shunt__object_lock(from->obj, SHUNT__BYTE_RECEIVER);
	if (e < 0)
		return e; /* a server, or somebody who carries */
	e = carry_all(&c);
	shunt__object_unlock(from->obj, SHUNT__BYTE_RECEIVER);
	return e;
}
