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

/* How often a walk begins again because its lane moved. */
#define TRIES 100

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
	if (look->fd >= 0)
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
	uint64_t ring; /* where in the file */
	uint64_t from; /* position of the first byte */
	size_t have;
	_Alignas(8) unsigned char bytes[WINDOW];
};

static int
header_at(struct window *w, uint64_t pos, uint64_t *head)
{
	uint64_t cap = w->look->geo.lane_bytes;
	uint64_t in_ring = pos & (cap - 1);

	if (w->have < 8 || pos < w->from || pos - w->from > w->have - 8) {
		uint64_t n = cap - in_ring;
		w->have = 0;
		if (n > sizeof(w->bytes))
			n = sizeof(w->bytes);
		int e =
		    shunt__look_read(w->look, w->ring + in_ring, w->bytes, n);
		if (e < 0)
			return e;
		w->from = pos;
		w->have = n;
	}
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

/* As the next owner's walk in ring/lane.c. */
static int
walk_once(struct window *w, struct shunt__walk *walk)
{
	uint64_t cap = w->look->geo.lane_bytes, head;
	int padded = 0;

	*walk = (struct shunt__walk){.tail = walk->tail, .end = walk->tail};
	if ((walk->tail & 7) != 0)
		return SHUNT_E_CORRUPT;
	for (;;) {
		int e = header_at(w, walk->end, &head);
		if (e < 0 || head == 0)
			return e;
		int64_t len = shunt__lane_check_any(head, walk->end, cap);
		if (len < -1 || (len == -1 && padded))
			return SHUNT_E_CORRUPT;
		padded = len == -1;
		uint64_t step = padded ? cap - (walk->end & (cap - 1))
				       : shunt__lane_need((uint64_t)len);
		if (walk->end + step - walk->tail > cap - SHUNT__LANE_HEAD)
			return SHUNT_E_CORRUPT;
		if (!padded && (e = count(w, walk, walk->end, len)) < 0)
			return e;
		walk->end += step;
	}
}

int
shunt__look_walk(
    const struct shunt__look *look, uint32_t lane, struct shunt__walk *walk)
{
	struct window w = {.look = look,
	    .ring = look->geo.rings_off + lane * look->geo.lane_bytes};
	struct shunt__lane_lay now;
	int e = 0;

	for (int i = 0; i < TRIES; i++) {
		w.have = 0;
		e = walk_once(&w, walk);
		if (e != SHUNT_E_CORRUPT)
			return e;
		/* Released and written anew under our eyes? */
		int r = shunt__look_lane(look, lane, &now);
		if (r < 0)
			return r;
		if (shunt__load64(&now.ln_tail) == walk->tail)
			return e;
		walk->tail = shunt__load64(&now.ln_tail);
	}
	*walk = (struct shunt__walk){.tail = walk->tail, .end = walk->tail};
	return 0;
}
