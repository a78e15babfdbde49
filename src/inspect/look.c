/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <shunt/inspect.h>

#include "base/error.h"
#include "inspect/look.h"
#include "inspect/parts.h"
#include "os/os.h"
#include "ring/lane.h"
#include "segment/lockbyte.h"

/* How often a walk begins again because its lane moved, and how far it goes
 * in all: somebody may be quicker than we are. */
#define TRIES 100
#define LAPS  8

/* Bytes of a ring that one look fetches. */
#define WINDOW 32768

int
shunt__look_read(
    const struct shunt__look *look, uint64_t off, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = shunt__os.pread(look->fd, (char *)buf + done,
		    len - done, (off_t)(off + done));
		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? (int)n : SHUNT_E_TRUNCATED;
		done += (size_t)n;
	}
	return 0;
}

/* Is it of a kind whose structs we know as they are there? */
static int
known_kind(const struct shunt__look *look)
{
	uint64_t print = shunt__kind_print(&look->geo);

	if (print == 0)
		return 0;
	return look->header.hd_fingerprint == shunt__fingerprint(print);
}

static int
read_control(struct shunt__look *look)
{
	uint32_t high;

	if (!known_kind(look))
		return shunt__fail(SHUNT_E_LAYOUT,
		    "%s: it is an object of a kind or build that is not known "
		    "here",
		    shunt__quote(look->name.shown));
	int e = shunt__look_read(
	    look, SHUNT__CONTROL_OFF, &look->control, sizeof(look->control));
	if (e < 0)
		return shunt__fail(e, "%s: it cannot be read: %s",
		    shunt__quote(look->name.shown), shunt__why(e));
	high = shunt__load32(&look->control.ct_high);
	look->high = high < look->geo.lanes ? high : look->geo.lanes;
	return 0;
}

int
shunt__look_open(
    struct shunt__look *look, const char *text, const char *owner, int any)
{
	int e;

	memset(look, 0, sizeof(*look));
	look->fd = -1;
	e = shunt__name_parse(&look->name, text);
	if (e < 0)
		return e;
	/* Who reads leaves no trace; only an owner may ask for that. */
	e = shunt__open_checked(
	    &look->name, O_RDONLY | O_NOATIME, owner, any, &look->st);
	if (e == -EPERM)
		e = shunt__open_checked(
		    &look->name, O_RDONLY, owner, any, &look->st);
	if (e < 0)
		return e;
	look->fd = e;
	look->code = shunt__header_read(
	    look->fd, &look->header, &look->geo, look->name.shown);
	if (look->code == 0)
		look->code = read_control(look);
	return 0;
}

void
shunt__look_close(struct shunt__look *look)
{
	shunt__os.close(look->fd);
	look->fd = -1;
}

int
shunt__look_lane(
    const struct shunt__look *look, uint32_t lane, struct shunt__lane_lay *out)
{
	return shunt__look_read(look,
	    look->geo.lanes_off + (uint64_t)lane * SHUNT__LANE_BLOCK, out,
	    sizeof(*out));
}

int
shunt__look_held(const struct shunt__look *look, int64_t byte)
{
	return shunt__byte_held(look->fd, F_WRLCK, byte) == 1;
}

/* A piece of a ring, as it was when it was fetched. */
struct window {
	const struct shunt__look *look;
	uint64_t ring;  /* where in the file */
	uint64_t words; /* the lane's, likewise */
	uint64_t from;  /* position of the first byte */
	size_t have;
	uint64_t tail; /* as it was right after */
	uint64_t count;
	_Alignas(8) unsigned char bytes[WINDOW];
};

/* From @pos to the end of the ring, or as much as there is room for. */
static int
fetch(struct window *w, uint64_t pos)
{
	uint64_t words[offsetof(struct shunt__lane_lay, ln_claim) / 8];
	uint64_t cap = w->look->geo.lane_bytes, in_ring = pos & (cap - 1);
	uint64_t n = cap - in_ring;
	int e;

	w->have = 0;
	if (n > sizeof(w->bytes))
		n = sizeof(w->bytes);
	e = shunt__look_read(w->look, w->ring + in_ring, w->bytes, n);
	if (e == 0)
		e = shunt__look_read(w->look, w->words, words, sizeof(words));
	if (e < 0)
		return e;
	w->from = pos;
	w->have = n;
	w->tail = words[offsetof(struct shunt__lane_lay, ln_tail) / 8];
	w->count = words[offsetof(struct shunt__lane_lay, ln_count) / 8];
	return 0;
}

/* SHUNT_E_OVERRUN: what was there when it was fetched may be of a later lap. */
static int
header_at(struct window *w, uint64_t pos, uint64_t *head)
{
	if (w->have < 8 || pos < w->from || pos - w->from > w->have - 8) {
		int e = fetch(w, pos);
		if (e < 0)
			return e;
	}
	if (pos < w->tail)
		return SHUNT_E_OVERRUN;
	memcpy(head, w->bytes + (pos - w->from), sizeof(*head));
	return 0;
}

/* A record was found: how its payload begins, if that is 8 bytes. */
static int
count(struct window *w, struct shunt__walk *walk, uint64_t pos, int64_t len)
{
	uint64_t first = 1;
	int e = 0;

	if (len >= 8)
		e = header_at(w, pos + SHUNT__LANE_HEAD, &first);
	walk->records++;
	walk->newest = first;
	walk->fresh += (first & UINT32_MAX) == 0;
	return e;
}

static void
walk_begin(struct shunt__walk *walk, uint64_t tail, uint64_t count)
{
	*walk = (struct shunt__walk){
	    .tail = tail, .count = count, .end = tail, .cast = walk->cast};
}

/* No more than a ring lies between tail and end: of a cast the tail as it is
 * by now, else where the walk began. */
static int
too_far(const struct window *w, const struct shunt__walk *walk, uint64_t end)
{
	uint64_t cap = w->look->geo.lane_bytes, from = walk->tail;

	if (walk->cast && w->tail - from <= cap)
		from = w->tail;
	return end - from > cap - SHUNT__LANE_HEAD;
}

/* As the next owner's walk in ring/lane.c. */
static int
walk_once(struct window *w, struct shunt__walk *walk)
{
	uint64_t cap = w->look->geo.lane_bytes, head;

	walk_begin(walk, walk->tail, walk->count);
	if ((walk->tail & 7) != 0)
		return SHUNT_E_CORRUPT;
	for (;;) {
		int e = header_at(w, walk->end, &head);
		if (e < 0 || head == 0)
			return e;
		int64_t len = shunt__lane_check_any(head, walk->end, cap);
		if (len < -1)
			return SHUNT_E_CORRUPT;
		/* A pad ends the ring, and where a ring begins is none. */
		uint64_t step = len < 0 ? cap - (walk->end & (cap - 1))
					: shunt__lane_need((uint64_t)len);
		if (too_far(w, walk, walk->end + step))
			return SHUNT_E_CORRUPT;
		if (len >= 0 && (e = count(w, walk, walk->end, len)) < 0)
			return e;
		walk->end += step;
	}
}

int
shunt__look_walk(
    const struct shunt__look *look, uint32_t lane, struct shunt__walk *walk)
{
	uint64_t cap = look->geo.lane_bytes, walked = 0;
	struct window w = {.look = look,
	    .ring = look->geo.rings_off + lane * cap,
	    .words = look->geo.lanes_off + (uint64_t)lane * SHUNT__LANE_BLOCK};

	for (int i = 0; i < TRIES && walked < LAPS * cap; i++) {
		uint64_t began = walk->tail;
		int e = walk_once(&w, walk);
		if (e != SHUNT_E_CORRUPT && e != SHUNT_E_OVERRUN)
			return e;
		if (e == SHUNT_E_CORRUPT && w.tail == began)
			return e;
		/* Its users moved on: from where they are now. */
		walked += walk->end - began;
		walk_begin(walk, w.tail, w.count);
	}
	walk_begin(walk, walk->tail, walk->count);
	return 0;
}
