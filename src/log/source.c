/* SPDX-License-Identifier: MIT */
/* A log as its server reads it: a cursor for each lane that was ever used. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log/drain.h"

int
shunt__source_init(struct shunt__source *s, struct shunt__object *obj)
{
	memset(s, 0, sizeof(*s));
	s->lanes = calloc(obj->geo.lanes, sizeof(s->lanes[0]));
	s->heap = calloc(obj->geo.lanes, sizeof(s->heap[0]));
	if (s->lanes == NULL || s->heap == NULL) {
		shunt__source_fini(s);
		return -ENOMEM;
	}
	s->obj = obj;
	s->server = shunt__log_server(obj);
	s->note = shunt__log_note(obj);
	return 0;
}

void
shunt__source_fini(struct shunt__source *s)
{
	free(s->lanes);
	free(s->heap);
	s->lanes = NULL;
	s->heap = NULL;
}

static void
begin_lane(struct shunt__source *s, uint32_t i)
{
	struct shunt__cursor *c = &s->lanes[i];

	memset(c, 0, sizeof(*c));
	c->ctl = shunt__object_lane(s->obj, i);
	c->ring = shunt__object_ring(s->obj, i);
	c->cap = s->obj->geo.lane_bytes;
	/* Ours to write while we hold the server's byte: no order needed. */
	c->tail = shunt__load64(&c->ctl->ln_tail);
	c->told = c->next_told = shunt__load64(&c->ctl->ln_told);
	c->durable = shunt__load64(&c->ctl->ln_durable);
	c->pos = c->tail;
	c->lie_pos = UINT64_MAX;
	if ((c->tail & 7) != 0) /* a predecessor's mark, or a scribbler's */
		c->state = SHUNT__CURSOR_CORRUPT;
	else if (shunt__object_probe_lane(s->obj, i) != 0)
		c->state = SHUNT__CURSOR_UNREADY;
}

void
shunt__source_scan(struct shunt__source *s)
{
	uint32_t high = shunt__object_high(s->obj);

	for (; __builtin_expect(s->known < high, 0); s->known++)
		begin_lane(s, s->known);
}

/* Lanes that could not be read may be readable by now: a system call each,
 * so this is asked before a sleep. */
static int
ready(struct shunt__source *s, uint32_t i)
{
	struct shunt__cursor *c = &s->lanes[i];

	if (c->state == SHUNT__CURSOR_UNREADY &&
	    shunt__object_probe_lane(s->obj, i) == 0)
		c->state = SHUNT__CURSOR_READ;
	return c->state == SHUNT__CURSOR_READ;
}

int
shunt__source_any(struct shunt__source *s)
{
	shunt__source_scan(s);
	for (uint32_t i = 0; i < s->known; i++) {
		struct shunt__cursor *c = &s->lanes[i];
		/* V: as below; this only asks whether to look. */
		if (ready(s, i) && shunt__acquire64(shunt__lane_word(
				       c->ring, c->cap, c->pos)) != 0)
			return 1;
		if (shunt__load64(&c->ctl->ln_dropped) > c->told)
			return 1;
	}
	return 0;
}
