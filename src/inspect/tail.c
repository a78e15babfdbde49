/* SPDX-License-Identifier: MIT */
/*
 * The unread records of a log, with or without a server, whoever is dead: a
 * flight recorder.  A snapshot by pread, merged by stamp; see look.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt/inspect.h>

#include "base/error.h"
#include "inspect/look.h"
#include "log/format.h"
#include "log/log_layout.h"
#include "log/spec.h"
#include "os/os.h"
#include "ring/lane.h"

/* As the server's: a clock that was corrected by less did not step. */
#define WALL_SLACK INT64_C(1000000)

/* How often a lane is read anew that its server empties meanwhile. */
#define TRIES 100

struct record {
	uint64_t stamp;
	uint64_t at; /* where its payload begins in `bytes` */
	uint32_t len;
	uint32_t tag; /* of the lane header */
};

struct shunt_tail {
	struct shunt__format format;
	unsigned char *bytes; /* of all lanes, one behind the other */
	size_t n_bytes;
	struct record *records;
	size_t n;
	size_t room;
	size_t next;
	int fault; /* told once, behind what could be read */
	char *line;
	size_t line_room;
	char shown[288];
	char file[256];
};

static int
check_kind(const struct shunt__look *look)
{
	const char *shown = shunt__quote(look->name.shown);

	if (look->code == 1)
		return shunt__fail(
		    SHUNT_E_KIND, "%s: it is a raw segment, not a log", shown);
	if (look->code < 0)
		return look->code; /* its sentence stands */
	if (look->geo.kind != SHUNT_KIND_LOG)
		return shunt__fail(SHUNT_E_KIND, "%s: it is %s, not a log",
		    shown,
		    look->geo.kind == SHUNT_KIND_QUEUE
			? "a queue"
			: "an object of another kind");
	if (look->geo.area_bytes < SHUNT__LOG_TAILS_OFF + 16 * look->geo.lanes)
		return shunt__fail(SHUNT_E_LAYOUT,
		    "%s: its area of %u bytes is too small for %u lanes", shown,
		    look->geo.area_bytes, look->geo.lanes);
	return 0;
}

/*
 * A server that died between the end of a batch and the moving of the tails
 * has written what lies before the note's tail.  Believed only where it stands
 * between the tail and the last record.
 */
static uint64_t
noted_tail(const struct shunt__look *look, uint32_t lane, uint64_t tail)
{
	struct shunt__log_note_lay note;
	uint64_t noted, area = SHUNT__AREA_OFF;

	if (shunt__look_read(
		look, area + SHUNT__LOG_NOTE_OFF, &note, sizeof(note)) < 0 ||
	    (shunt__load64(&note.nt_state) & 3) != SHUNT__NOTE_DONE ||
	    lane >= note.nt_lanes ||
	    shunt__look_read(look, area + SHUNT__LOG_TAILS_OFF + 8 * lane,
		&noted, sizeof(noted)) < 0)
		return tail;
	return noted;
}

static int
add_record(struct shunt_tail *t, const struct record *r)
{
	if (t->n == t->room) {
		size_t room = t->room == 0 ? 1024 : t->room * 2;
		struct record *more = realloc(t->records, room * sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		t->records = more;
		t->room = room;
	}
	t->records[t->n++] = *r;
	return 0;
}

/* A copy of [@from, @end) of a ring behind what there is; at most two pieces.
 * Positions are multiples of 8, so headers stay aligned. */
static int
copy_ring(struct shunt_tail *t, const struct shunt__look *look, uint32_t lane,
    uint64_t from, uint64_t end)
{
	uint64_t cap = look->geo.lane_bytes;
	uint64_t ring = look->geo.rings_off + lane * cap;
	unsigned char *more = realloc(t->bytes, t->n_bytes + (end - from) + 1);

	if (more == NULL)
		return -ENOMEM;
	t->bytes = more;
	while (from < end) {
		uint64_t n = cap - (from & (cap - 1));
		if (n > end - from)
			n = end - from;
		int e = shunt__look_read(
		    look, ring + (from & (cap - 1)), t->bytes + t->n_bytes, n);
		if (e < 0)
			return e;
		t->n_bytes += n;
		from += n;
	}
	return 0;
}

/*
 * The records of a copy that begins with position @pos; of them, those from
 * @tail on.  Each stamp is at least the one before it, as the server has it.
 */
static int
take_records(struct shunt_tail *t, const struct shunt__look *look, size_t at,
    uint64_t pos, uint64_t tail)
{
	uint64_t cap = look->geo.lane_bytes, last = 0, head;

	for (at += tail - pos, pos = tail; t->n_bytes - at >= 8;) {
		memcpy(&head, t->bytes + at, sizeof(head));
		int64_t len = shunt__lane_check(head, pos, cap);
		if (head == 0 || len < -1)
			return head == 0 ? 0 : SHUNT_E_CORRUPT;
		uint64_t step = len == -1 ? cap - (pos & (cap - 1))
					  : shunt__lane_need((uint64_t)len);
		if (step > t->n_bytes - at)
			return SHUNT_E_CORRUPT;
		if (len >= 0) {
			struct record r = {.at = at + SHUNT__LANE_HEAD,
			    .len = (uint32_t)len,
			    .tag = (uint32_t)(head >> 32) & 0xffff};
			if (len >= 8)
				memcpy(&r.stamp, t->bytes + r.at, 8);
			r.stamp = last = r.stamp > last ? r.stamp : last;
			int e = add_record(t, &r);
			if (e < 0)
				return e;
		}
		at += step;
		pos += step;
	}
	return 0;
}

/* What its server released while we copied may be overwritten: left out, for
 * it is in the file by now.  -EAGAIN: too much of it, look again. */
static int
take_lane(struct shunt_tail *t, const struct shunt__look *look, uint32_t lane)
{
	struct shunt__lane_lay ctl;
	struct shunt__walk walk = {0};
	uint64_t tail, end, now;
	size_t at = t->n_bytes;
	int e = shunt__look_lane(look, lane, &ctl), fault;

	if (e < 0)
		return e;
	tail = shunt__load64(&ctl.ln_tail);
	if ((tail & 7) != 0)
		return 0; /* the server gave it up: what could be read was */
	walk.tail = tail;
	fault = shunt__look_walk(look, lane, &walk);
	tail = walk.tail;
	end = walk.end;
	e = copy_ring(t, look, lane, tail, end);
	if (e == 0)
		e = shunt__look_lane(look, lane, &ctl);
	if (e < 0)
		return e;
	now = shunt__load64(&ctl.ln_tail);
	uint64_t noted = noted_tail(look, lane, now);
	if (noted > now && noted <= end && (noted & 7) == 0)
		now = noted;
	if (now < tail || now > end || (now & 7) != 0)
		return now > end ? 0 : SHUNT_E_CORRUPT;
	e = take_records(t, look, at, tail, now);
	/* Begun before records were released, the walk may have gone astray. */
	if (e == SHUNT_E_CORRUPT && now != tail)
		return -EAGAIN;
	return e < 0 ? e : fault;
}

static int
by_stamp(const void *va, const void *vb)
{
	const struct record *a = va, *b = vb;

	if (a->stamp != b->stamp)
		return a->stamp < b->stamp ? -1 : 1;
	return a->at < b->at ? -1 : 1;
}

/* Stamps of this boot are told by this machine's clock, unless the server's
 * offset is as good; those of another boot by what its server left. */
static int64_t
wall_offset(
    const struct shunt__look *look, const struct shunt__log_server_lay *sv)
{
	static const uint8_t none[16];
	const uint8_t *its = memcmp(sv->sv_boot, none, 16) != 0
				 ? sv->sv_boot
				 : look->header.hd_boot;
	int64_t noted = (int64_t)shunt__load64(&sv->sv_wall);
	int64_t off = (int64_t)(shunt__clock(CLOCK_REALTIME) - shunt__now());
	uint8_t boot[16];

	shunt__who_boot(boot);
	if (noted == 0)
		return off;
	if (memcmp(its, boot, sizeof(boot)) != 0)
		return noted;
	/* It may say anything: what lies between is no int64_t then. */
	uint64_t apart = off > noted ? (uint64_t)off - (uint64_t)noted
				     : (uint64_t)noted - (uint64_t)off;
	return apart < WALL_SLACK ? noted : off;
}

static int
take_server(struct shunt_tail *t, const struct shunt__look *look)
{
	struct shunt__log_server_lay sv;
	int e = shunt__look_read(look, SHUNT__AREA_OFF, &sv, sizeof(sv));

	if (e < 0)
		return e;
	t->format.wall_off = wall_offset(look, &sv);
	/* A name without an end is none; "-" is the server's own output. */
	if (memchr(sv.sv_file, 0, sizeof(sv.sv_file)) != NULL &&
	    strcmp(sv.sv_file, "-") != 0)
		memcpy(t->file, sv.sv_file, strlen(sv.sv_file) + 1);
	return 0;
}

/* A lane that lies does not hide the others.  0 or -ENOMEM. */
static int
take_lanes(struct shunt_tail *t, const struct shunt__look *look)
{
	for (uint32_t lane = 0; lane < look->high; lane++) {
		size_t n = t->n, n_bytes = t->n_bytes;
		int e = take_lane(t, look, lane);
		for (int i = 0; e == -EAGAIN && i < TRIES; i++) {
			t->n = n;
			t->n_bytes = n_bytes;
			e = take_lane(t, look, lane);
		}
		if (e == -ENOMEM)
			return e;
		if (e < 0 && t->fault == 0)
			t->fault = e;
	}
	if (t->n > 1)
		qsort(t->records, t->n, sizeof(t->records[0]), by_stamp);
	return 0;
}

static int
take_all(struct shunt_tail *t, const struct shunt__look *look)
{
	int e = check_kind(look);

	if (e < 0)
		return e;
	e = take_server(t, look);
	if (e == 0)
		e = take_lanes(t, look);
	if (e < 0)
		return shunt__fail(e, "%s: it cannot be read: %s",
		    shunt__quote(look->name.shown), shunt__why(e));
	snprintf(
	    t->shown, sizeof(t->shown), "%s", shunt__quote(look->name.shown));
	return 0;
}

int
shunt_tail_open(struct shunt_tail **out, const char *name, const char *owner,
    uint32_t format)
{
	char room[SHUNT__LOG_NAME_ROOM];
	struct shunt__look look;
	struct shunt_tail *t;
	int e;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	if (format > SHUNT_FORMAT_JSON)
		return shunt__fail(-EINVAL, "there is no format %u", format);
	e = shunt__look_open(
	    &look, shunt__log_name(name, room, sizeof(room)), owner, 0);
	if (e < 0)
		return e;
	t = calloc(1, sizeof(*t));
	if (t == NULL) {
		e = shunt__fail(-ENOMEM, "out of memory");
	} else {
		shunt__format_init(&t->format, format);
		e = take_all(t, &look);
	}
	shunt__look_close(&look);
	if (e < 0)
		shunt_tail_close(&t);
	else
		*out = t;
	return e;
}

static int
line_room(struct shunt_tail *t, size_t room)
{
	if (room <= t->line_room)
		return 0;
	char *more = realloc(t->line, room);
	if (more == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	t->line = more;
	t->line_room = room;
	return 0;
}

/* What is no record of a log is shown whole: all its bytes as the message. */
static ssize_t
format(struct shunt_tail *t, const struct record *r)
{
	struct shunt__log_record_lay lr = {0};
	const unsigned char *p = t->bytes + r->at;
	size_t tag_len = r->tag >> 8, skip = sizeof(lr);
	unsigned level = r->tag & 0xff;

	if (r->len < sizeof(lr) || tag_len > r->len - sizeof(lr))
		tag_len = skip = 0;
	else
		memcpy(&lr, p, sizeof(lr));
	size_t len = r->len - skip - tag_len;
	int e =
	    line_room(t, shunt__format_room(t->format.kind, tag_len, len) + 1);
	if (e < 0)
		return e;
	size_t n = shunt__format_line(&t->format, t->line, r->stamp, lr.lr_pid,
	    lr.lr_tid, level, (const char *)p + skip, tag_len,
	    p + skip + tag_len, len);
	t->line[n] = 0;
	return (ssize_t)n;
}

ssize_t
shunt_tail_next(struct shunt_tail *t, const char **line)
{
	if (t == NULL || line == NULL)
		return -EINVAL;
	if (t->next < t->n) {
		ssize_t n = format(t, &t->records[t->next++]);
		*line = t->line;
		return n;
	}
	int e = t->fault;
	t->fault = 0;
	return e == 0 ? 0
		      : shunt__fail(e,
			    "%s: part of it cannot be read: %s; the lines "
			    "before this were all that could be",
			    t->shown, shunt__why(e));
}

const char *
shunt_tail_file(const struct shunt_tail *t)
{
	return t == NULL ? "" : t->file;
}

void
shunt_tail_close(struct shunt_tail **tail)
{
	if (tail == NULL || *tail == NULL)
		return;
	free((*tail)->bytes);
	free((*tail)->records);
	free((*tail)->line);
	free(*tail);
	*tail = NULL;
}
