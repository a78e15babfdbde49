/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SEGMENT_SLOT_H
#define SHUNT_SEGMENT_SLOT_H

/*
 * Slots: the places of those that receive, where there may be several of
 * them: consumers of a queue, subscribers, processes that serve calls.  A
 * slot is 128 bytes at the beginning of the object's area and the lock byte
 * 2^40 + 2^20 + slot; a handle that receives has one.
 *
 * Who holds the byte may clean up what the slot's last owner left: that is
 * the first thing that a new owner does.
 */

#include <stdint.h>

#include "segment/object.h"

#define SHUNT__SLOTS_MAX 1024u

struct shunt__slot_lay {
	/* The kind's own; written by the slot's owner. */
	struct shunt__u64 sl_word[8];

	/* Written when it is taken, for people; nothing is decided by it. */
	struct shunt__u32 sl_pid;
	struct shunt__u32 sl_tid;
	struct shunt__u32 sl_uid;
	struct shunt__u32 sl_owners; /* how often it was taken */
	struct shunt__u64 sl_since;  /* monotonic ns of the last taking */
	char sl_comm[16];
	uint64_t sl_spare[3];
};

_Static_assert(sizeof(struct shunt__slot_lay) == 128, "two lines");
_Static_assert(offsetof(struct shunt__slot_lay, sl_pid) == 64, "");
_Static_assert(offsetof(struct shunt__slot_lay, sl_since) == 80, "");
_Static_assert(offsetof(struct shunt__slot_lay, sl_comm) == 88, "");

#define SHUNT__SLOT_BYTES 128u

/* Bytes of an area that begins with @slots slots. */
#define SHUNT__SLOTS_AREA(slots) (((slots)*SHUNT__SLOT_BYTES + 4095u) & ~4095u)

struct shunt__slot {
	struct shunt__object *obj;
	struct shunt__slot_lay *lay; /* NULL: none is taken */
	uint32_t number;
};

/* Takes a slot below @slots.  0, SHUNT_E_SLOTS or -errno. */
int shunt__slot_take(
    struct shunt__slot *slot, struct shunt__object *obj, uint32_t slots);

/* Gives it back, if one is taken; in a child it stays the parent's. */
void shunt__slot_give(struct shunt__slot *slot);

/* Does somebody live in slot @n?  Not to be asked about one's own, which looks
 * free by one's own description.  1, 0 or -errno. */
int shunt__slot_held(struct shunt__object *obj, uint32_t n);

static inline struct shunt__slot_lay *
shunt__slot_at(const struct shunt__object *obj, uint32_t n)
{
	return (
	    struct shunt__slot_lay *)(void *)(obj->area +
					      (size_t)n * SHUNT__SLOT_BYTES);
}

/* Slots below were taken at some time; never more than @slots. */
static inline uint32_t
shunt__slots_high(const struct shunt__object *obj, uint32_t slots)
{
	/* H: pairs with H in shunt__slot_take(). */
	uint32_t high = shunt__acquire32(&obj->control->ct_slots);

	return high < slots ? high : slots;
}

/* Of the slot's offsets: part of the fingerprint of kinds that have slots. */
uint64_t shunt__slot_fingerprint(void);

#endif /* SHUNT_SEGMENT_SLOT_H */
