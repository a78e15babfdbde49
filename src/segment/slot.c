/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include <shunt/error.h>

#include "os/os.h"
#include "segment/slot.h"

/* Before anybody can look for what is in the slot. */
static void
raise_high(struct shunt__object *obj, uint32_t count)
{
	struct shunt__u32 *high = &obj->control->ct_slots;
	uint32_t old = shunt__load32(high);

	/* H: pairs with H in shunt__slots_high(). */
	while (old < count && !shunt__cas32(high, &old, count))
		;
}

static void
introduce(struct shunt__slot_lay *lay)
{
	/* First: until then whoever died here looks alive. */
	shunt__store32(&lay->sl_owners, shunt__load32(&lay->sl_owners) + 1);
	shunt__store32(&lay->sl_pid, (uint32_t)shunt__os.getpid());
	shunt__store32(&lay->sl_tid, (uint32_t)shunt__os.gettid());
	shunt__store32(&lay->sl_uid, shunt__os.geteuid());
	shunt__store64(&lay->sl_since, shunt__now());
	shunt__who_comm(lay->sl_comm);
}

int
shunt__slot_take(
    struct shunt__slot *slot, struct shunt__object *obj, uint32_t slots)
{
	for (uint32_t n = 0; n < slots; n++) {
		int e = shunt__object_lock(obj, SHUNT__BYTE_RECEIVER + n);
		if (e == -EBUSY)
			continue;
		if (e < 0)
			return e;
		*slot = (struct shunt__slot){
		    .obj = obj, .lay = shunt__slot_at(obj, n), .number = n};
		raise_high(obj, n + 1);
		introduce(slot->lay);
		return 0;
	}
	return SHUNT_E_SLOTS;
}

void
shunt__slot_give(struct shunt__slot *slot)
{
	if (slot->lay == NULL)
		return;
	slot->lay = NULL;
	if (!shunt__object_forked(slot->obj))
		shunt__object_unlock(
		    slot->obj, SHUNT__BYTE_RECEIVER + slot->number);
}

int
shunt__slot_held(struct shunt__object *obj, uint32_t n)
{
	return shunt__object_held(obj, SHUNT__BYTE_RECEIVER + n);
}

uint64_t
shunt__slot_fingerprint(void)
{
	static const uint32_t offsets[] = {
	    sizeof(struct shunt__slot_lay),
	    offsetof(struct shunt__slot_lay, sl_word),
	    offsetof(struct shunt__slot_lay, sl_pid),
	    offsetof(struct shunt__slot_lay, sl_since),
	    offsetof(struct shunt__slot_lay, sl_comm),
	};

	return shunt__checksum(offsets, sizeof(offsets));
}
