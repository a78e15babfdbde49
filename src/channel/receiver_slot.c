/* SPDX-License-Identifier: MIT */
/* A handle becomes a receiver, with a slot of its own, and ends as one. */
#include <stdlib.h>

#include "base/error.h"
#include "channel/receiver.h"
#include "os/os.h"

static struct shunt__receiver *
new_receiver(uint32_t lanes)
{
	struct shunt__receiver *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->lanes = calloc(lanes, sizeof(*r->lanes));
	r->active = calloc(lanes, sizeof(struct shunt__rlane *));
	if (r->lanes == NULL || r->active == NULL) {
		free(r->lanes);
		free(r->active);
		free(r);
		return NULL;
	}
	return r; /* of a thousand lanes few are met, and touched */
}

/* For people who look at the object: the first of them. */
static void
introduce(struct shunt__control_lay *ct)
{
	shunt__store32(&ct->ct_pid, (uint32_t)shunt__os.getpid());
	shunt__store32(&ct->ct_uid, shunt__os.geteuid());
	shunt__store64(&ct->ct_since, shunt__now());
	shunt__who_comm(ct->ct_comm);
}

/* Takes the slot over from whoever died in it.  His claims have another number
 * of taking in them and are anybody's; his record in hand is told of by his
 * word, which is left until somebody has marked it. */
static int
take_slot(struct shunt__receiver *r, struct shunt_queue *queue)
{
	struct shunt__object *obj = queue->obj;

	r->slots = queue->slots;
	int e = shunt__slot_take(&r->slot, obj, r->slots);
	if (e == SHUNT_E_SLOTS)
		return shunt__fail(e,
		    "%s: all its %u places for receivers are taken; make it "
		    "with more of them (receivers)",
		    shunt__quote(obj->name.shown), r->slots);
	if (e < 0)
		return e;
	struct shunt__slot_lay *lay = r->slot.lay;
	r->words = lay->sl_word;
	r->me = (shunt__load32(&lay->sl_owners) & 0xffff) << 16 |
		(r->slot.number + 1);
	r->never_alone = r->sharing = queue->fence;
	shunt__store64(&r->words[SHUNT__SLOT_BUSY], 1);
	shunt__store64(&r->words[SHUNT__SLOT_REVOKE], (uint64_t)r->never_alone);
	if (r->slot.number == 0)
		introduce(obj->control);
	return 0;
}

int
shunt__receiver_open(struct shunt_queue *queue)
{
	struct shunt__receiver *r = new_receiver(queue->obj->geo.lanes);

	if (r == NULL)
		return -ENOMEM;
	int e = take_slot(r, queue);
	if (e < 0) {
		free(r->lanes);
		free(r->active);
		free(r);
		return e;
	}
	queue->receiver = r;
	r->fresh = 1;
	r->stale = shunt__load64(&r->words[SHUNT__SLOT_HAND]) != 0;
	r->thorough = 1;
	shunt__claim_stale(queue);
	r->thorough = 0;
	if (r->stale) {
		/* Not yet: records that we take are marked in their headers,
		 * as those who share do it. */
		r->sharing = 1;
		shunt__or64(&r->words[SHUNT__SLOT_REVOKE], 1);
	}
	shunt__receiver_leave(r);
	return 0;
}

/* What is in hand and was not acknowledged stays marked, as if we had died:
 * the caller has seen it. */
void
shunt__receiver_close(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;

	if (r == NULL)
		return;
	if (!shunt__object_forked(queue->obj) &&
	    shunt__object_check(queue->obj) != SHUNT_E_TRUNCATED) {
		shunt__receiver_begin(queue);
		if (!r->sharing)
			shunt__claim_share(queue);
		shunt__receiver_leave(r);
	}
	shunt__slot_give(&r->slot);
	free(r->active);
	free(r->lanes);
	free(r);
	queue->receiver = NULL;
}
