/* SPDX-License-Identifier: MIT */
/* What locks, semaphores and events say of themselves, read by pread. */
#include "inspect/inspect.h"
#include "inspect/look.h"
#include "lock/named.h"

/* Who has this number: his lane's control block, if his byte is held. */
static int
lives(const struct shunt__look *look, uint32_t owner)
{
	return owner != 0 && owner <= look->geo.lanes &&
	       shunt__look_held(look, SHUNT__BYTE_LANE + owner - 1);
}

static int
stat_lock(const struct shunt__look *look, struct shunt_segment_info *info)
{
	struct shunt__u32 word;
	struct shunt__lane_lay ctl;

	if (shunt__look_read(look, SHUNT__AREA_OFF, &word, sizeof(word)) < 0)
		return 1;
	uint32_t w = shunt__load32(&word), owner = w & SHUNT__OWNER_MASK;
	info->held = (uint32_t)lives(look, owner);
	info->unrepaired =
	    (w & SHUNT__LOCK_DIRTY) != 0 || (owner != 0 && !info->held);
	if (info->held && shunt__look_lane(look, owner - 1, &ctl) == 0) {
		info->holder_pid = shunt__load32(&ctl.ln_pid);
		info->held_by = owner - 1;
	}
	return (w & (SHUNT__OWNER_MASK | SHUNT__LOCK_DIRTY)) != 0;
}

/* Permits of one piece of the table; those of the dead are as good as free,
 * but nobody has noticed yet. */
static uint32_t
count(const struct shunt__look *look, const struct shunt__u32 *word, size_t n,
    struct shunt_segment_info *info)
{
	uint32_t there = 0, last = 0;
	int last_lives = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t w = shunt__load32(&word[i]);
		there += w != SHUNT__PERMIT_ABSENT;
		info->value += w == SHUNT__PERMIT_FREE;
		if (w == SHUNT__PERMIT_FREE || w == SHUNT__PERMIT_ABSENT)
			continue;
		if (w != last)
			last_lives = lives(look, w);
		last = w;
		info->held += (uint32_t)last_lives;
		info->unrepaired += (uint32_t)!last_lives;
	}
	return there;
}

static int
stat_semaphore(const struct shunt__look *look, struct shunt_segment_info *info)
{
	uint64_t off =
	    SHUNT__AREA_OFF + offsetof(struct shunt__semaphore_lay, sm_permit);
	uint32_t there = 0, left;
	struct shunt__u32 words[1024];

	info->most = left = (uint32_t)(look->geo.param >> 32);
	while (left > 0) {
		uint32_t n = left < 1024 ? left : 1024;
		if (shunt__look_read(look, off, words, n * sizeof(*words)) < 0)
			return 1;
		there += count(look, words, n, info);
		off += n * sizeof(*words);
		left -= n;
	}
	return there != (uint32_t)look->geo.param;
}

static int
stat_event(const struct shunt__look *look, struct shunt_segment_info *info)
{
	struct shunt__u32 one;

	if (shunt__look_read(look,
		SHUNT__AREA_OFF + offsetof(struct shunt__event_lay, ev_one),
		&one, sizeof(one)) < 0)
		return 1;
	info->value = shunt__load32(&one);
	return info->value != 0;
}

int
shunt__info_lock(
    const struct shunt__look *look, struct shunt_segment_info *info)
{
	struct shunt__u64 count;

	if (look->geo.kind == SHUNT_KIND_EVENT)
		return stat_event(look, info);
	if (shunt__look_read(look, SHUNT__AREA_OFF + SHUNT__RECOVERIES_OFF,
		&count, sizeof(count)) == 0)
		info->recoveries = shunt__load64(&count);
	return look->geo.kind == SHUNT_KIND_LOCK ? stat_lock(look, info)
						 : stat_semaphore(look, info);
}
