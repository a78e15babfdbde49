/* SPDX-License-Identifier: MIT */
/* What an object says of itself, read by pread: header, lanes, ends. */
#include <string.h>

#include "channel/call_layout.h"
#include "channel/queue_layout.h"
#include "channel/stream_layout.h"
#include "inspect/inspect.h"
#include "inspect/look.h"
#include "inspect/parts.h"
#include "lock/named.h"
#include "log/log_layout.h"
#include "log/spec.h"
#include "ring/lane.h"
#include "segment/slot.h"
#include "sync/bell.h"

uint64_t
shunt__kind_print(const struct shunt__geometry *geo)
{
	struct shunt__spec spec;

	switch (geo->kind) {
	case SHUNT_KIND_LOG:
		shunt__log_spec(&spec, 0, 0);
		return spec.print;
	case SHUNT_KIND_QUEUE:
		return geo->area_bytes >= SHUNT__SLOTS_AREA(1)
			   ? shunt__queue_fingerprint()
			   : 0;
	case SHUNT_KIND_STREAM:
		return geo->area_bytes >= SHUNT__SLOTS_AREA(1)
			   ? shunt__stream_fingerprint()
			   : 0;
	case SHUNT_KIND_TOPIC:
		return shunt__info_topic_print(geo);
	case SHUNT_KIND_SERVICE:
		return geo->lanes % 2 == 0 && geo->area_bytes != 0
			   ? shunt__call_fingerprint()
			   : 0;
	default:
		return shunt__lock_fits(geo) ? shunt__lock_print(geo->kind) : 0;
	}
}

/* The most that ever lay in a lane, as far as anybody noted it. */
static uint64_t
most(const struct shunt__look *look, const struct shunt__lane_lay *ctl,
    uint64_t now)
{
	uint64_t noted = shunt__load64(&ctl->ln_most);

	if (noted > look->geo.lane_bytes)
		noted = look->geo.lane_bytes;
	return noted > now ? noted : now;
}

/* A lane with records that one end releases.  How many of them begin with 4
 * zeros. */
static uint64_t
stat_lane(const struct shunt__look *look, uint32_t lane, uint32_t role,
    struct shunt_segment_info *info, struct shunt__parts *parts)
{
	struct shunt_participant one = {.role = role};
	struct shunt__lane_lay ctl;
	struct shunt__walk walk = {0};

	if (shunt__look_lane(look, lane, &ctl) < 0)
		return 0;
	/* A stream whose writer overwrites. */
	walk.cast = look->geo.kind == SHUNT_KIND_STREAM && look->geo.param != 0;
	walk.tail = walk.end = shunt__load64(&ctl.ln_tail);
	walk.count = shunt__load64(&ctl.ln_count);
	/* Up to where it is readable it is unread. */
	if (look->geo.lane_bytes != 0 && (walk.tail & 7) == 0) {
		shunt__look_walk(look, lane, &walk);
		/* As shunt__lane_unread() of ring/lane.c has it: a pad alone is
		 * nothing, nor is what is readable of a lane that lies. */
		one.unread = walk.records != 0 ? walk.end - walk.tail : 0;
		info->passed += walk.end;
		info->depth += walk.records;
		info->sent += walk.count + walk.records;
	}
	shunt__info_owner(look, lane, &ctl, info, &one);
	one.dropped = look->geo.kind == SHUNT_KIND_LOG
			  ? shunt__load64(&ctl.ln_dropped)
			  : 0;
	info->unread += one.unread;
	info->high_water += most(look, &ctl, one.unread);
	info->dropped += one.dropped;
	if (one.alive || one.unread != 0)
		shunt__parts_add(parts, &one);
	return walk.fresh;
}

/* Each @stride-th lane; what lies between belongs to the one before it. */
static uint64_t
stat_lanes(const struct shunt__look *look, uint32_t role, uint32_t stride,
    struct shunt_segment_info *info, struct shunt__parts *parts)
{
	uint64_t fresh = 0;

	for (uint32_t lane = 0; lane < look->high; lane += stride)
		fresh += stat_lane(look, lane, role, info, parts);
	return fresh;
}

/* Was the last thing that a writer said the end of a stream?  No, if it is in
 * the middle of one, or said that the one before was broken off. */
static int
has_its_end(const struct shunt__look *look, uint64_t ended, uint64_t head)
{
	uint64_t at = (ended - SHUNT__LANE_HEAD) & (look->geo.lane_bytes - 1);
	struct shunt__u64 word;

	if (head == 0 || ended != head ||
	    shunt__look_read(
		look, look->geo.rings_off + at, &word, sizeof(word)) < 0)
		return 0;
	/* Overwritten, each record has its tag as its first word. */
	return shunt__load64(&word) ==
	       (look->geo.param != 0
		       ? SHUNT__STREAM_END
		       : SHUNT__LANE_REC | (uint64_t)SHUNT__STREAM_END << 32);
}

/*
 * A stream is what its kind says is unread, see channel/stream.c: bytes, an
 * end that nobody has seen, a break that nobody was told of.  How many pieces
 * its bytes are in means nothing to anybody.
 */
static int
stat_stream(const struct shunt__look *look, struct shunt_segment_info *info,
    struct shunt__parts *parts)
{
	struct shunt__slot_lay slot;
	struct shunt__stream_lay lay;
	struct shunt__lane_lay ctl;
	uint64_t tail, at;

	shunt__info_slots(look, info, parts, SHUNT_ROLE_READS, NULL, NULL);
	stat_lanes(look, SHUNT_ROLE_WRITES, 1, info, parts);
	info->depth = info->sent = 0;
	if (look->high == 0 ||
	    shunt__look_read(look, SHUNT__AREA_OFF, &slot, sizeof(slot)) < 0 ||
	    shunt__look_read(look, SHUNT__AREA_OFF + SHUNT__STREAM_OFF, &lay,
		sizeof(lay)) < 0 ||
	    shunt__look_lane(look, 0, &ctl) < 0)
		return 0;
	tail = shunt__load64(&ctl.ln_tail);
	info->finished =
	    has_its_end(look, shunt__load64(&lay.st_ended), info->passed);
	if (shunt__load32(&look->control.ct_ended) != 0)
		return 0; /* its last reader has closed for good */
	if (look->geo.param != 0) {
		/* Overwritten: the reader's place is its own. */
		tail = info->passed;
		at = shunt__load64(&slot.sl_word[SHUNT__STREAM_AT]);
		info->unread = tail > at ? tail - at : tail != at;
	}
	return info->unread != 0 ||
	       (tail != shunt__load64(&lay.st_ended) &&
		   shunt__load64(&slot.sl_word[SHUNT__STREAM_TOLD]) !=
		       tail + 1);
}

/* The server counts what it has written for all lanes together. */
static void
stat_log(const struct shunt__look *look, struct shunt_segment_info *info)
{
	struct shunt__log_server_lay sv;

	if (shunt__look_read(look, SHUNT__AREA_OFF, &sv, sizeof(sv)) == 0)
		info->sent += sv.sv_count.lc_lines;
}

/* The one that there is. */
static void
stat_receiver(const struct shunt__look *look, struct shunt_segment_info *info,
    struct shunt__parts *parts)
{
	const struct shunt__control_lay *ct = &look->control;
	struct shunt_participant one = {
	    .lane = UINT32_MAX, .alive = 1, .role = SHUNT_ROLE_RECEIVES};

	if (!shunt__look_held(look, SHUNT__BYTE_RECEIVER))
		return;
	one.pid = shunt__load32(&ct->ct_pid);
	one.tid = one.pid;
	one.uid = shunt__load32(&ct->ct_uid);
	memcpy(one.comm, ct->ct_comm, sizeof(ct->ct_comm) - 1);
	info->receiver = 1;
	info->receivers = 1;
	info->receiver_pid = one.pid;
	shunt__parts_add(parts, &one);
}

static void
stat_header(const struct shunt__look *look, struct shunt_segment_info *info)
{
	const struct shunt__header_lay *h = &look->header;

	info->kind = look->geo.kind;
	info->persistent = look->geo.lifetime == SHUNT__PERSISTENT;
	info->created_ns = h->hd_created_ns;
	info->creator_pid = h->hd_pid;
	info->layout = h->hd_layout;
	info->lanes = look->geo.lanes;
	info->lane_bytes = look->geo.lane_bytes;
	info->lanes_used = look->high;
	memcpy(info->type, h->hd_type, sizeof(info->type) - 1);
	info->schema = h->hd_schema;
}

int
shunt__info_object(const struct shunt__look *look,
    struct shunt_segment_info *info, struct shunt__parts *parts)
{
	const struct shunt__control_lay *ct = &look->control;
	int left;

	stat_header(look, info);
	switch (info->kind) {
	case SHUNT_KIND_LOG:
		stat_receiver(look, info, parts);
		stat_lanes(look, SHUNT_ROLE_SENDS, 1, info, parts);
		stat_log(look, info);
		left = info->unread != 0;
		break;
	case SHUNT_KIND_QUEUE:
		shunt__info_slots(
		    look, info, parts, SHUNT_ROLE_RECEIVES, NULL, NULL);
		stat_lanes(look, SHUNT_ROLE_SENDS, 1, info, parts);
		left = info->unread != 0;
		break;
	case SHUNT_KIND_TOPIC:
		/* Messages are for those who are there. */
		shunt__info_topic(look, info, parts);
		left = 0;
		break;
	case SHUNT_KIND_SERVICE:
		shunt__info_slots(
		    look, info, parts, SHUNT_ROLE_SERVES, NULL, NULL);
		/* Requests that were given to nobody yet; the first word of
		 * one is its state. */
		_Static_assert(SHUNT__CALL_WAITS == 0, "4 zeros");
		left = stat_lanes(look, SHUNT_ROLE_CALLS, 2, info, parts) != 0;
		break;
	case SHUNT_KIND_STREAM:
		left = stat_stream(look, info, parts);
		break;
	default:
		stat_lanes(look, SHUNT_ROLE_USES, 1, info, parts);
		return shunt__info_lock(look, info);
	}
	if (info->kind != SHUNT_KIND_STREAM)
		info->finished = shunt__load32(&ct->ct_ended) != 0;
	info->asleep = info->receiver &&
		       (shunt__load32(&ct->ct_bell) & SHUNT__BELL_ASLEEP) != 0;
	return left;
}
