/* SPDX-License-Identifier: MIT */
/* What an object says of itself, read by pread: header, lanes, ends. */
#include <string.h>

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
		return shunt__lane_fingerprint();
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

/* A lane with records that one end releases. */
static void
stat_lane(const struct shunt__look *look, uint32_t lane, uint32_t role,
    struct shunt_segment_info *info, struct shunt__parts *parts)
{
	struct shunt_participant one = {.role = role};
	struct shunt__lane_lay ctl;
	uint64_t tail, end, records;

	if (shunt__look_lane(look, lane, &ctl) < 0)
		return;
	tail = shunt__load64(&ctl.ln_tail);
	/* Up to where it is readable it is unread. */
	if (look->geo.lane_bytes != 0 && (tail & 7) == 0) {
		shunt__look_walk(look, lane, &tail, &end, &records);
		one.unread = end - tail;
		info->passed += end;
		info->depth += records;
		info->sent += shunt__load64(&ctl.ln_count) + records;
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
}

/* Each @stride-th lane; what lies between belongs to the one before it. */
static void
stat_lanes(const struct shunt__look *look, uint32_t role, uint32_t stride,
    struct shunt_segment_info *info, struct shunt__parts *parts)
{
	for (uint32_t lane = 0; lane < look->high; lane += stride)
		stat_lane(look, lane, role, info, parts);
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
		stat_receiver(look, info, parts);
		stat_lanes(look, SHUNT_ROLE_SENDS, 1, info, parts);
		left = info->unread != 0;
		break;
	default:
		stat_lanes(look, SHUNT_ROLE_USES, 1, info, parts);
		return shunt__info_lock(look, info);
	}
	info->finished = shunt__load32(&ct->ct_ended) != 0;
	info->asleep = info->receiver &&
		       (shunt__load32(&ct->ct_bell) & SHUNT__BELL_ASLEEP) != 0;
	return left;
}
