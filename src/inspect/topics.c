/* SPDX-License-Identifier: MIT */
/*
 * What a topic says of itself, read by pread while it may be overwritten: a
 * record and its number are believed only if the tail has not passed them
 * meanwhile.
 */
#include "channel/topic.h"
#include "inspect/look.h"
#include "inspect/parts.h"

#define TRIES 16

/* What is needed of all rings to say how far behind a subscriber is. */
struct topic {
	struct shunt__topic shape;
	struct shunt_segment_info *info;
	uint64_t ends[SHUNT__LANES_MAX]; /* behind the newest record */
};

uint64_t
shunt__info_topic_print(const struct shunt__geometry *geo)
{
	struct shunt__topic shape;
	uint64_t area;

	if (shunt__topic_shape(&shape, geo->param, geo->lanes, &area) < 0 ||
	    area != geo->area_bytes)
		return 0;
	return shunt__topic_fingerprint();
}

/* Number of the oldest record, where all that is newer went by too fast; 0: not
 * even that. */
static uint64_t
oldest(const struct shunt__look *look, uint32_t lane)
{
	uint64_t cap = look->geo.lane_bytes, ring, tail, words[2];
	struct shunt__lane_lay ctl;

	ring = look->geo.rings_off + lane * cap;
	for (int i = 0; i < TRIES; i++) {
		if (shunt__look_lane(look, lane, &ctl) < 0)
			return 0;
		tail = shunt__load64(&ctl.ln_tail) & ~UINT64_C(7);
		/* In the last 8 bytes there is room for a pad only. */
		if ((tail & (cap - 1)) > cap - sizeof(words))
			continue;
		if (shunt__look_read(look, ring + (tail & (cap - 1)), words,
			sizeof(words)) < 0 ||
		    shunt__look_lane(look, lane, &ctl) < 0)
			return 0;
		if (shunt__load64(&ctl.ln_tail) == tail &&
		    shunt__lane_check(words[0], tail, cap) >= SHUNT__CAST_SEQ)
			return words[1];
	}
	return 0;
}

static void
stat_ring(const struct shunt__look *look, uint32_t lane, struct topic *t,
    struct shunt__parts *parts)
{
	struct shunt_participant one = {.role = SHUNT_ROLE_PUBLISHES};
	struct shunt__walk walk = {.cast = 1};
	struct shunt__lane_lay ctl;
	uint64_t next = 0; /* numbers below are given out */

	t->ends[lane] = 0;
	if (shunt__look_lane(look, lane, &ctl) < 0)
		return;
	walk.tail = walk.end = shunt__load64(&ctl.ln_tail);
	if ((walk.tail & 7) == 0)
		shunt__look_walk(look, lane, &walk);
	t->ends[lane] = walk.end;
	t->info->passed += walk.end;
	t->info->depth += walk.records;
	if (walk.records != 0)
		next = walk.newest + 1;
	else if (walk.end != 0)
		next = oldest(look, lane);
	/* Those that were dropped have numbers, too.  Looked at once more: no
	 * drop is in the one and not in the other. */
	if (t->shape.policy == SHUNT_TOPIC_DROP &&
	    shunt__look_lane(look, lane, &ctl) < 0)
		return;
	if (next < shunt__cast_skipped(&ctl))
		next = shunt__cast_skipped(&ctl);
	one.dropped = shunt__load64(&ctl.ln_dropped);
	t->info->sent += next > one.dropped ? next - one.dropped : 0;
	shunt__info_owner(look, lane, &ctl, t->info, &one);
	if (one.alive)
		shunt__parts_add(parts, &one);
}

/* How far behind its subscriber is, from its row of cursors. */
static uint64_t
lag(const struct shunt__look *look, uint32_t slot, const struct topic *t)
{
	uint64_t row[SHUNT__LANES_MAX], behind = 0;

	if (shunt__look_read(look,
		SHUNT__AREA_OFF + SHUNT__SLOTS_AREA(t->shape.slots) +
		    slot * t->shape.stride,
		row, look->high * sizeof(row[0])) < 0)
		return 0;
	for (uint32_t lane = 0; lane < look->high; lane++) {
		uint64_t at = row[lane] & ~SHUNT__CURSOR_BITS;

		if ((row[lane] & SHUNT__CURSOR_BITS) != 0 && at < t->ends[lane])
			behind += t->ends[lane] - at;
	}
	return behind;
}

static void
stat_subscriber(const struct shunt__look *look,
    const struct shunt__slot_lay *slot, struct shunt_participant *one,
    void *arg)
{
	struct topic *t = arg;

	one->lost = shunt__load64(&slot->sl_word[SHUNT__SUB_LOST]);
	one->lag = one->slot < t->shape.slots ? lag(look, one->slot, t) : 0;
	one->knows = 1;
	t->info->dropped += one->lost;
	if (t->info->unread < one->lag)
		t->info->unread = one->lag;
}

void
shunt__info_topic(const struct shunt__look *look,
    struct shunt_segment_info *info, struct shunt__parts *parts)
{
	struct topic t = {.info = info};
	uint64_t area;

	if (shunt__topic_shape(
		&t.shape, look->geo.param, look->geo.lanes, &area) < 0)
		return;
	info->policy = t.shape.policy;
	for (uint32_t lane = 0; lane < look->high; lane++)
		stat_ring(look, lane, &t, parts);
	shunt__info_slots(
	    look, info, parts, SHUNT_ROLE_SUBSCRIBES, stat_subscriber, &t);
}
