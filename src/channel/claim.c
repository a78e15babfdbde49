/* SPDX-License-Identifier: MIT */
/*
 * Whose a lane is.  Every change of a claim is one compare-and-swap of the
 * word that was read before anything else, and counts: so of several that
 * want it one gets it, and what was true of its last owner was true of it.
 *
 * A claim is free; or its owner is dead (his slot's byte is free, or the slot
 * has another owner); or he lives, has no call under way and was told to
 * share, so that he looks before he touches the lane again; or it stays his.
 */
#include <linux/membarrier.h>

#include "channel/receiver.h"
#include "os/os.h"

/* Between two questions whether we are. */
#define ALONE_NS UINT64_C(100000000)

static inline uint32_t
owner_of(uint64_t claim)
{
	return (uint32_t)claim;
}

/* 0: he is dead, or nobody of that name is there any more. */
int
shunt__claim_lives(struct shunt__receiver *r, uint32_t who)
{
	uint32_t n = (who & 0xffff) - 1;

	if (who == r->me)
		return 1;
	if (n >= r->slots || n == r->slot.number)
		return 0;
	const struct shunt__slot_lay *lay = shunt__slot_at(r->slot.obj, n);
	/* Taken by another since: he wrote this first of all.  Not yet: the
	 * byte tells nothing, and we ask again another time. */
	if ((shunt__load32(&lay->sl_owners) & 0xffff) != who >> 16)
		return 0;
	return shunt__slot_held(r->slot.obj, n) != 0;
}

/*
 * R: he is told to share, then looked at.  1: he is in no call, and before his
 * next one touches a lane he sees what we wrote.  It has to be ours, then, by
 * a swap of the claim as it was before.
 */
static int
make_share(struct shunt__receiver *r, uint32_t who)
{
	struct shunt__u64 *words =
	    shunt__slot_at(r->slot.obj, (who & 0xffff) - 1)->sl_word;

	if (shunt__load64(&words[SHUNT__SLOT_REVOKE]) == 0)
		shunt__or64(&words[SHUNT__SLOT_REVOKE], 1);
	if (shunt__load64(&words[SHUNT__SLOT_BUSY]) != 0)
		return 0;
	/*
	 * R: pairs with S in shunt__receiver_enter().  The membarrier makes
	 * his processor execute a fence between his store of BUSY and his
	 * load of REVOKE, or has them both on one side of it.
	 */
	shunt__fence();
	if (shunt__os.membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) != 0)
		return 0;
	return shunt__acquire64(&words[SHUNT__SLOT_BUSY]) == 0;
}

static int
may_take(
    struct shunt__receiver *r, const struct shunt__rlane *lane, uint32_t who)
{
	uint32_t n = (who & 0xffff) - 1;

	if (n >= r->slots || n == r->slot.number || make_share(r, who))
		return 1;
	/* The question is dear: only where everything is looked at. */
	if ((r->thorough || lane->fresh) && !shunt__claim_lives(r, who))
		return 1;
	r->contended = 1;
	return 0;
}

/* Claims are free to be taken, and counted. */
static int
take(struct shunt__receiver *r, struct shunt__rlane *lane, uint64_t old)
{
	uint64_t mine = ((old >> 32) + 1) << 32 | r->me;

	if (!shunt__cas64(&lane->rx.ctl->ln_claim, &old, mine)) {
		r->contended = 1;
		return -EAGAIN;
	}
	lane->claim = mine;
	/* The tail is read after the claim is ours, never before. */
	lane->rx.tail = shunt__acquire64(&lane->rx.ctl->ln_tail) & ~UINT64_C(7);
	lane->rx.count = shunt__load64(&lane->rx.ctl->ln_count);
	return 0;
}

int
shunt__claim(struct shunt_queue *queue, struct shunt__rlane *lane)
{
	struct shunt__receiver *r = queue->receiver;
	uint64_t old = shunt__acquire64(&lane->rx.ctl->ln_claim);

	if (owner_of(old) == 0)
		return take(r, lane, old);
	if (!may_take(r, lane, owner_of(old)))
		return -EAGAIN;
	int e = take(r, lane, old);
	if (e == 0)
		shunt__claim_inherit(r, lane);
	return e;
}

void
shunt__unclaim(struct shunt__rlane *lane)
{
	uint64_t old = lane->claim;

	/* A full fence: what we did is visible before anybody sees it free,
	 * and we look at what came meanwhile after that.  It is ours no more
	 * if we were told to share and another was quicker. */
	shunt__cas64(&lane->rx.ctl->ln_claim, &old, ((old >> 32) + 1) << 32);
	lane->claim = 0;
}

/*
 * The lane was another's, dead or alive: records of it that somebody has in
 * hand are known by his slot alone.  They are marked before anything of the
 * lane is taken.  Killed here: the next one does it, for our claim is there.
 */
void
shunt__claim_inherit(struct shunt__receiver *r, struct shunt__rlane *lane)
{
	uint32_t high = shunt__slots_high(r->slot.obj, r->slots);

	lane->fresh = 1;
	for (uint32_t n = 0; n < high; n++) {
		struct shunt__u64 *word =
		    &shunt__slot_at(r->slot.obj, n)->sl_word[SHUNT__SLOT_HAND];
		uint64_t hand = shunt__acquire64(word);
		if (hand >> 51 != lane->number + 1)
			continue;
		uint32_t who = (uint32_t)(hand >> 35) << 16 | (n + 1);
		int lives = shunt__claim_lives(r, who);
		uint64_t pos;
		if (shunt__record_at(lane, hand, &pos))
			shunt__record_mark(r, lane, pos, who, lives);
		/* The mark tells it now; nobody else would take it away. */
		if (!lives)
			shunt__cas64(word, &hand, 0);
	}
}

/* Our slot's last owner died with a record in hand.  Until another knows of
 * it, or we do, we need that word for it. */
void
shunt__claim_stale(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;
	uint64_t hand = shunt__load64(&r->words[SHUNT__SLOT_HAND]);
	uint64_t n = hand >> 51;

	r->stale = hand != 0;
	if (!r->stale)
		return;
	if (n == 0 || n > queue->obj->geo.lanes) {
		shunt__store64(&r->words[SHUNT__SLOT_HAND], 0);
		r->stale = 0;
		return;
	}
	/* None is claimed where this is asked: at the beginning, and before a
	 * look at everything by one who shares. */
	struct shunt__rlane *lane = &r->lanes[n - 1];
	if (shunt__lane_meet(queue, lane) != 0 ||
	    shunt__claim(queue, lane) != 0)
		return;
	shunt__claim_inherit(r, lane);
	r->stale = shunt__load64(&r->words[SHUNT__SLOT_HAND]) != 0;
	shunt__unclaim(lane);
}

/* Others want some: from now on a claim is for one call.  What we have in hand
 * is marked before its lane is anybody's. */
void
shunt__claim_share(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;

	r->sharing = 1;
	if (r->in_hand == SHUNT__HAND_SLOT) {
		shunt__record_mark(r, r->rec.lane, r->rec.pos, r->me, 1);
		shunt__release64(&r->words[SHUNT__SLOT_HAND], 0);
		r->in_hand = SHUNT__HAND_MARKED;
	}
	for (uint32_t i = 0; i < r->met; i++)
		if (r->lanes[i].claim != 0)
			shunt__unclaim(&r->lanes[i]);
	shunt__ring_receivers(queue);
}

/* Nobody else is there: claims are kept from now on.  Only while we have none:
 * who was about to take one of ours finds that it has changed. */
void
shunt__claim_alone(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;
	uint64_t now = shunt__now();

	if (!r->sharing || r->never_alone || now - r->last_alone < ALONE_NS)
		return;
	r->last_alone = now;
	if (r->stale)
		shunt__claim_stale(queue);
	if (r->stale)
		return;
	uint32_t high = shunt__slots_high(r->slot.obj, r->slots);
	for (uint32_t n = 0; n < high; n++)
		if (n != r->slot.number &&
		    shunt__slot_held(r->slot.obj, n) != 0)
			return;
	shunt__store64(&r->words[SHUNT__SLOT_REVOKE], 0);
	r->sharing = 0;
}
