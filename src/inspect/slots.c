/* SPDX-License-Identifier: MIT */
/* Those who receive, and who has a lane: what they noted, and whether their
 * lock bytes are held. */
#include <string.h>

#include "inspect/look.h"
#include "inspect/parts.h"
#include "segment/slot.h"
#include "sync/bell.h"

void
shunt__parts_add(
    struct shunt__parts *parts, const struct shunt_participant *one)
{
	if (parts->n < parts->cap)
		parts->to[parts->n] = *one;
	parts->n++;
}

void
shunt__info_owner(const struct shunt__look *look, uint32_t lane,
    const struct shunt__lane_lay *ctl, struct shunt_segment_info *info,
    struct shunt_participant *one)
{
	one->lane = lane;
	one->slot = UINT32_MAX;
	one->alive = (uint32_t)shunt__look_held(look, SHUNT__BYTE_LANE + lane);
	one->pid = shunt__load32(&ctl->ln_pid);
	one->tid = shunt__load32(&ctl->ln_tid);
	one->uid = shunt__load32(&ctl->ln_uid);
	memcpy(one->comm, ctl->ln_comm, sizeof(ctl->ln_comm) - 1);
	one->waiting = one->alive && (shunt__load32(&ctl->ln_waiting) &
					 SHUNT__BELL_ASLEEP) != 0;
	info->senders += one->alive;
	info->waiting += one->waiting;
}

/* Never more than the area has room for, whatever the control block says. */
static uint32_t
slots_high(const struct shunt__look *look)
{
	uint32_t high = shunt__load32(&look->control.ct_slots);
	uint32_t most = look->geo.area_bytes / SHUNT__SLOT_BYTES;

	if (most > SHUNT__SLOTS_MAX)
		most = SHUNT__SLOTS_MAX;
	return high < most ? high : most;
}

static void
introduce(const struct shunt__slot_lay *slot, struct shunt_participant *one)
{
	one->pid = shunt__load32(&slot->sl_pid);
	one->tid = shunt__load32(&slot->sl_tid);
	one->uid = shunt__load32(&slot->sl_uid);
	memcpy(one->comm, slot->sl_comm, sizeof(slot->sl_comm) - 1);
}

void
shunt__info_slots(const struct shunt__look *look,
    struct shunt_segment_info *info, struct shunt__parts *parts, uint32_t role,
    shunt__info_more *more, void *arg)
{
	struct shunt__slot_lay slot;

	info->slots_used = slots_high(look);
	for (uint32_t n = 0; n < info->slots_used; n++) {
		struct shunt_participant one = {
		    .lane = UINT32_MAX, .slot = n, .role = role, .alive = 1};

		if (!shunt__look_held(look, SHUNT__BYTE_RECEIVER + n))
			continue;
		if (shunt__look_read(look,
			SHUNT__AREA_OFF + (uint64_t)n * sizeof(slot), &slot,
			sizeof(slot)) < 0)
			break;
		introduce(&slot, &one);
		if (more != NULL)
			more(look, &slot, &one, arg);
		if (info->receivers++ == 0)
			info->receiver_pid = one.pid;
		shunt__parts_add(parts, &one);
	}
	info->receiver = info->receivers != 0;
}
