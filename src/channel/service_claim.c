/* SPDX-License-Identifier: MIT */
/*
 * The right to a pair of lanes: who has it takes the requests and is the one
 * producer of the replies.  It is had for the time of one request, and given
 * back only after the reply was committed.  A dead server's claim is taken
 * over by whoever finds a request behind it, or by the next owner of the
 * slot; what the dead one had begun is never begun again.
 */
#include "os/os.h"
#include "channel/call.h"

/* Takes part in the lanes from now on.  0 or -EAGAIN: no ring there yet. */
static int
adopt(struct shunt_service *s, struct shunt__pair *p)
{
	struct shunt__object *obj = s->obj;

	if (__builtin_expect(p->adopted, 1))
		return 0;
	if (shunt__object_probe_lane(obj, p->lane) < 0 ||
	    shunt__object_probe_lane(obj, p->lane + 1) < 0)
		return -EAGAIN;
	shunt__lane_rx_adopt(&p->rx, shunt__object_ring(obj, p->lane),
	    obj->geo.lane_bytes, shunt__object_lane(obj, p->lane));
	p->adopted = 1;
	return 0;
}

/* May we take this claim from its owner?  Our own slot's is a predecessor's,
 * for ours are never asked about. */
static int
is_dead(struct shunt_service *s, uint64_t claim)
{
	uint32_t slot = (uint32_t)(claim & SHUNT__CLAIM_SLOT) - 1;

	return slot >= s->slots || slot == s->slot.number ||
	       shunt__slot_held(s->obj, slot) == 0;
}

/* U: after the reply and the release, in this order. */
static void
unclaim(struct shunt__pair *p)
{
	p->claim &= ~SHUNT__CLAIM_SLOT;
	/* U: pairs with Q of the next server and of a client that asks. */
	shunt__release64(&p->rx.ctl->ln_claim, p->claim);
}

/* Others had the pair since: where they left it is read after the claim, or
 * they could move on in between. */
static int
catch_up(struct shunt_service *s, struct shunt__pair *p)
{
	struct shunt__object *obj = s->obj;

	shunt__lane_rx_adopt(&p->rx, p->rx.ring, p->rx.cap, p->rx.ctl);
	return shunt__lane_tx_adopt(&p->tx,
	    shunt__object_ring(obj, p->lane + 1), obj->geo.lane_bytes,
	    shunt__object_lane(obj, p->lane + 1));
}

/* The client may sleep for a reply or for room. */
static void
wake_client(struct shunt_service *s, struct shunt__pair *p)
{
	shunt__call_wake(s->obj, &p->rx.ctl->ln_waiting, s->fence);
}

/* Its words lied: told once, also to its client, who asks then what is wrong;
 * and looked at again by careful looks alone. */
static int
spoil(struct shunt_service *s, struct shunt__pair *p)
{
	int told = p->bad;

	p->bad = 1;
	p->mine = 0;
	unclaim(p);
	if (told)
		return -EAGAIN;
	wake_client(s, p);
	return SHUNT_E_CORRUPT;
}

/* Q: @old, as it was read, becomes ours.  0, -EAGAIN or SHUNT_E_CORRUPT. */
static int
seize(struct shunt_service *s, struct shunt__pair *p, uint64_t old)
{
	uint64_t now = ((old | SHUNT__CLAIM_SLOT) + 1) | (s->slot.number + 1);
	int mine = p->mine; /* then nobody had it since */

	/* Q: pairs with U.  The generation is another one if somebody had it
	 * since @old was read, be it that slots and owners are the same. */
	if (!shunt__cas64(&p->rx.ctl->ln_claim, &old, now))
		return -EAGAIN;
	p->claim = now;
	if (__builtin_expect(!mine, 0) && catch_up(s, p) < 0)
		return spoil(s, p);
	p->mine = 1;
	return 0;
}

/*
 * A request that came while the lane was ours was not for those whom it woke:
 * they saw our claim and sleep again.  The order is unclaim, bell, lane; a
 * sleeper arms his bell, then looks at claims.
 */
static void
let_go(struct shunt_service *s, struct shunt__pair *p)
{
	struct shunt__u32 *bell = &s->obj->control->ct_bell;

	unclaim(p);
	wake_client(s, p);
	if (__builtin_expect(
		shunt__bell_look(bell, s->fence) & SHUNT__BELL_ASLEEP, 0) &&
	    shunt__call_there(&p->rx))
		shunt__ring(s->obj, bell);
}

/* The next request of a pair that is ours.  0: it is begun; else -EAGAIN or
 * SHUNT_E_CORRUPT and the pair is not ours any more.  @none: begin none. */
static int
begin(struct shunt_service *s, struct shunt__pair *p, int none)
{
	for (uint64_t i = 0; i <= p->rx.cap / SHUNT__LANE_HEAD; i++) {
		const void *at;
		uint16_t tag;
		int64_t len = shunt__lane_peek(&p->rx, &at, &tag);
		if (len == -EAGAIN)
			break;
		if (len < (int64_t)SHUNT__CALL_HEAD)
			return spoil(s, p);
		struct shunt__request_lay *rq = (void *)(uintptr_t)at;
		uint32_t state = shunt__load32(&rq->rq_state);
		if (none && state == SHUNT__CALL_WAITS)
			break;
		/* S: the hand-over, before the caller sees it.  Killed from
		 * here on, no other server gets it. */
		if (state == SHUNT__CALL_WAITS &&
		    shunt__cas32(&rq->rq_state, &state, SHUNT__CALL_BEGUN)) {
			s->open = s->cur = p;
			s->request = rq;
			s->told = 0;
			s->len = (size_t)len - SHUNT__CALL_HEAD;
			p->bad = 0;
			return 0;
		}
		/* Given up before, or begun by one who died. */
		shunt__lane_release(&p->rx);
	}
	let_go(s, p);
	return -EAGAIN;
}

int
shunt__pair_look(struct shunt_service *s, struct shunt__pair *p, int careful)
{
	if (__builtin_expect(p->bad && !careful, 0) || adopt(s, p) != 0)
		return -EAGAIN;
	if (!careful && !shunt__call_there(&p->rx))
		return -EAGAIN;
	/* Q: pairs with U. */
	uint64_t claim = shunt__acquire64(&p->rx.ctl->ln_claim);
	if (!p->mine || claim != p->claim) {
		/* L: pairs with the release of whoever had it since.  What is
		 * read here only tells whether to claim. */
		p->rx.tail =
		    shunt__acquire64(&p->rx.ctl->ln_tail) & ~UINT64_C(7);
		p->mine = 0;
	}
	if (!shunt__call_there(&p->rx))
		return -EAGAIN;
	if ((claim & SHUNT__CLAIM_SLOT) != 0 && !(careful && is_dead(s, claim)))
		return -EAGAIN;
	int e = seize(s, p, claim);
	return e != 0 ? e : begin(s, p, 0);
}

void
shunt__pair_over(struct shunt_service *s)
{
	struct shunt__pair *p = s->open;

	s->open = NULL;
	s->reserved = 0;
	p->tx.open = 0;
	/* L: after the commit of the reply; pairs with R in the client's
	 * look_twice(). */
	shunt__lane_release(&p->rx);
	let_go(s, p);
}

/* What the last owner of our slot had claimed when it died. */
void
shunt__pairs_recover(struct shunt_service *s)
{
	uint32_t high = shunt__object_high(s->obj);

	for (uint32_t i = 0; 2 * i < high; i++) {
		struct shunt__pair *p = &s->pairs[i];
		/* Q: pairs with the dead one's. */
		uint64_t claim = shunt__acquire64(
		    &shunt__object_lane(s->obj, p->lane)->ln_claim);
		if ((claim & SHUNT__CLAIM_SLOT) != s->slot.number + 1)
			continue;
		if (adopt(s, p) == 0 && seize(s, p, claim) == 0)
			begin(s, p, 1);
	}
}
