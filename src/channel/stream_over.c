/* SPDX-License-Identifier: MIT */
/*
 * Streams whose writer never waits: SHUNT_STREAM_OVERWRITE.  The lane is a
 * cast (ring/cast.h): the writer moves the tail, the reader has its place in
 * its slot alone, and finds out after copying whether that was overwritten.
 * The first word of each message is the tag.
 */
#include <stdlib.h>

#include "channel/stream.h"

#define TAG_BYTES 8
/* From a record's header to the bytes of the stream. */
#define BEFORE (SHUNT__LANE_HEAD + SHUNT__CAST_SEQ + TAG_BYTES)

/* ---- writer ---- */

int
shunt__stream_over_adopt(struct shunt_stream_writer *w)
{
	struct shunt__object *obj = w->obj;
	uint64_t cap = obj->geo.lane_bytes;
	int e;

	w->cast = calloc(1, sizeof(*w->cast));
	if (w->cast == NULL)
		return -ENOMEM;
	e = shunt__cast_tx_adopt(w->cast, shunt__object_ring(obj, 0), cap,
	    shunt__object_lane(obj, 0), NULL);
	w->piece = shunt__cast_max(cap) / 2;
	w->tx.head = w->cast->lane.head;
	return e;
}

/* One record; there is always room. */
static int
put(struct shunt_stream_writer *w, uint64_t tag, const void *from, size_t len)
{
	struct shunt__cast_tx *cast = w->cast;
	struct shunt__u64 *at;
	void *msg;
	int e = shunt__cast_reserve(cast, TAG_BYTES + len, &msg);

	if (e != 0)
		return SHUNT_E_CORRUPT;
	at = msg;
	shunt__store64(at, tag);
	shunt__cast_put(at + 1, from, len);
	if (tag != SHUNT__STREAM_DATA) /* as shunt__stream_mark() */
		shunt__store64(
		    &w->lay->st_ended, cast->lane.head + cast->lane.pad +
					   shunt__cast_need(TAG_BYTES));
	shunt__cast_commit(cast, TAG_BYTES + len);
	w->tx.head = cast->lane.head;
	shunt__stream_tell(w);
	return 0;
}

int
shunt__stream_over_mark(struct shunt_stream_writer *w, uint16_t tag)
{
	return put(w, tag, NULL, 0);
}

ssize_t
shunt__stream_over_write(
    struct shunt_stream_writer *w, const void *buf, size_t len)
{
	const unsigned char *from = buf;
	size_t done = 0;
	int e = 0;

	while (done < len) {
		size_t n = len - done < w->piece ? len - done : w->piece;

		e = put(w, SHUNT__STREAM_DATA, from + done, n);
		if (e != 0)
			break;
		done += n;
	}
	return done != 0 || len == 0 ? (ssize_t)done : e;
}

/* ---- reader ---- */

/* Told by the next call that reads. */
static int
overrun(struct shunt_stream_reader *r)
{
	r->overrun = 1;
	r->off = 0;
	return SHUNT_E_OVERRUN;
}

/* For the next reader; the lane's tail is not ours. */
static void
note_place(struct shunt_stream_reader *r)
{
	r->rx.tail = r->cast.pos;
	shunt__store64(shunt__stream_word(r, SHUNT__STREAM_AT),
	    r->off == 0 ? r->cast.pos : r->cast.pos + BEFORE + r->off);
}

/* Goes to where our predecessor was. */
static int
go_to(struct shunt_stream_reader *r, uint64_t place)
{
	struct shunt__cast_rx *cast = &r->cast;
	uint64_t most = cast->cap / SHUNT__LANE_HEAD;

	if (cast->pos > place)
		return overrun(r);
	for (uint64_t n = 0; n < most; n++) {
		int e = shunt__cast_look(cast);
		if (e == SHUNT_E_OVERRUN)
			return overrun(r);
		if (e != 0)
			return e == -EAGAIN ? 0 : e;
		if (cast->pos + cast->step > place) {
			uint64_t first = cast->pos + BEFORE;
			if (place > first &&
			    place - first + TAG_BYTES < cast->len)
				r->off = place - first;
			return 0;
		}
		e = shunt__cast_take(cast);
		if (e != 0)
			return e;
	}
	return overrun(r);
}

static int
adopt(struct shunt_stream_reader *r)
{
	struct shunt__object *obj = r->obj;
	int e;

	if (shunt__object_high(obj) == 0)
		return -EAGAIN;
	e = shunt__object_probe_lane(obj, 0);
	if (e < 0)
		return e;
	r->cast = (struct shunt__cast_rx){.ring = shunt__object_ring(obj, 0),
	    .cap = obj->geo.lane_bytes,
	    .ctl = shunt__object_lane(obj, 0)};
	e = shunt__cast_join(&r->cast, UINT64_MAX);
	if (e == 0)
		e = go_to(r, r->resume);
	if (e == SHUNT_E_CORRUPT)
		return shunt__stream_lies(r);
	r->over_adopted = 1;
	return e;
}

/* The record at our place is done with. */
static int
take(struct shunt_stream_reader *r)
{
	r->off = 0;
	int e = shunt__cast_take(&r->cast);
	note_place(r);
	return e == 0 ? 0 : shunt__stream_lies(r);
}

/* What a record is, which was whole when its tag was read. */
static int
tell_what(struct shunt_stream_reader *r, uint64_t tag, uint64_t len)
{
	if (tag == SHUNT__STREAM_DATA && r->off < len) {
		r->data = (const unsigned char *)r->cast.payload + TAG_BYTES;
		r->len = len;
		return SHUNT__STREAM_BYTES;
	}
	if (len != 0 || r->off != 0)
		return shunt__stream_lies(r);
	if (tag == SHUNT__STREAM_END)
		return SHUNT__STREAM_ENDED;
	if (tag != SHUNT__STREAM_BROKEN)
		return shunt__stream_lies(r);
	if (shunt__load64(shunt__stream_word(r, SHUNT__STREAM_TOLD)) !=
	    r->cast.pos + 1)
		return SHUNT__STREAM_BROKE;
	int e = take(r); /* that was told already */
	return e != 0 ? e : shunt__stream_over_look(r);
}

int
shunt__stream_over_look(struct shunt_stream_reader *r)
{
	struct shunt__cast_rx *cast = &r->cast;
	int e;

	if (r->overrun)
		return SHUNT_E_OVERRUN;
	if (!r->over_adopted && (e = adopt(r)) != 0)
		return e;
	e = shunt__cast_look(cast);
	r->rx.tail = cast->pos;
	if (e == SHUNT_E_OVERRUN)
		return overrun(r);
	if (e != 0)
		return e == -EAGAIN && r->off == 0 ? e : shunt__stream_lies(r);
	uint64_t tag = SHUNT__STREAM_DATA;
	if (cast->len >= TAG_BYTES)
		tag = shunt__load64(
		    (const struct shunt__u64 *)(const void *)cast->payload);
	if (!shunt__cast_whole(cast)) {
		shunt__cast_overrun(cast);
		return overrun(r);
	}
	if (cast->len < TAG_BYTES)
		return shunt__stream_lies(r);
	return tell_what(r, tag, cast->len - TAG_BYTES);
}

/* Bytes of a record from @off on, by whole words: they may be overwritten
 * while they are read. */
static void
copy(unsigned char *to, const unsigned char *from, uint64_t off, uint64_t n)
{
	for (; n > 0 && off % 8 != 0; off++, n--) {
		uint64_t word = shunt__load64(
		    (const struct shunt__u64 *)(const void *)(from + off -
							      off % 8));
		*to++ = ((const unsigned char *)&word)[off % 8];
	}
	shunt__cast_get(to, from + off, n);
}

/* Bytes are there.  So many were copied and were whole, or a code. */
ssize_t
shunt__stream_over_read(
    struct shunt_stream_reader *r, unsigned char *to, size_t cap)
{
	size_t done = 0;

	do {
		uint64_t n = r->len - r->off;

		n = n < cap - done ? n : cap - done;
		copy(to + done, r->data, r->off, n);
		if (!shunt__cast_whole(&r->cast)) {
			shunt__cast_overrun(&r->cast);
			overrun(r);
			break;
		}
		done += n;
		r->off += n;
		if (r->off < r->len)
			note_place(r);
		else if (take(r) != 0)
			break;
	} while (done < cap && shunt__stream_over_look(r) == 0);
	/* Where words lied, the first bytes were whole. */
	return done != 0 ? (ssize_t)done : shunt__stream_over_told(r);
}

int
shunt__stream_over_told(struct shunt_stream_reader *r)
{
	r->overrun = 0;
	note_place(r);
	return SHUNT_E_OVERRUN;
}

void
shunt__stream_over_pass(struct shunt_stream_reader *r)
{
	take(r);
}
