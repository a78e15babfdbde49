/* SPDX-License-Identifier: MIT */
/*
 * The records of a lane that others may have in hand.  Only who has the claim
 * walks, takes records away and moves the tail; done is what anybody says of
 * the record that he has in hand, at any time.  The tail stands before the
 * first record that is not done, so that what lies between is still there.
 */
#include "channel/receiver.h"

#define TRIES 8 /* words that change under us; a peer may scribble */

static inline struct shunt__u64 *
word_at(const struct shunt__rlane *lane, uint64_t pos)
{
	return shunt__lane_word(lane->rx.ring, lane->rx.cap, pos);
}

/* Bytes to the next header, or 0: it lies. */
static uint64_t
step_of(const struct shunt__rlane *lane, uint64_t head, uint64_t pos)
{
	uint64_t cap = lane->rx.cap;
	int64_t len = shunt__lane_check_any(head, pos, cap);

	if (len < -1)
		return 0;
	return len == -1 ? cap - (pos & (cap - 1))
			 : shunt__lane_need((uint64_t)len);
}

/* Moves the tail over what is done with, and over pads. */
static void
advance(struct shunt__rlane *lane)
{
	struct shunt__lane_rx *rx = &lane->rx;
	uint64_t from = rx->tail;

	while (rx->tail - from < rx->cap) {
		/* V: as in shunt__lane_peek(). */
		uint64_t head = shunt__acquire64(word_at(lane, rx->tail));
		int pad = (head & SHUNT__LANE_PAD) != 0;
		if (!(head & SHUNT__LANE_DONE) && !pad)
			break;
		uint64_t step = step_of(lane, head, rx->tail);
		if (step == 0)
			break;
		rx->tail += step;
		rx->count += !pad;
	}
	if (rx->tail == from)
		return;
	shunt__lane_publish_tail(rx);
	shunt__store64(&rx->ctl->ln_count, rx->count);
}

/* Is a record that somebody took for us, after all?  Whether he lives is
 * asked where everything is looked at. */
static int
is_left(
    struct shunt__receiver *r, const struct shunt__rlane *lane, uint64_t head)
{
	uint32_t who = shunt__head_who(head);

	if (head & SHUNT__LANE_DONE)
		return 0;
	if (shunt__lane_taker(head) == 0)
		return 1;
	if ((r->thorough || lane->fresh) && !shunt__claim_lives(r, who))
		return 1;
	r->others |= who != r->me;
	return 0;
}

static void
found(struct shunt__receiver *r, struct shunt__rlane *lane, uint64_t pos,
    uint64_t head)
{
	uint64_t at = pos & (lane->rx.cap - 1);

	r->rec = (struct shunt__rrecord){.lane = lane,
	    .payload = lane->rx.ring + at + SHUNT__LANE_HEAD,
	    .len = (int64_t)(head & UINT32_MAX),
	    .pos = pos,
	    .head = head,
	    .flags = shunt__lane_taker(head) ? SHUNT_MESSAGE_REDELIVERED : 0};
}

int
shunt__record_find(struct shunt__receiver *r, struct shunt__rlane *lane)
{
	uint64_t cap = lane->rx.cap, pos;

	advance(lane);
	if (lane->rx.tail != lane->seen_tail || r->thorough || lane->fresh) {
		lane->seen_tail = lane->rx.tail;
		lane->seen = lane->rx.tail;
	}
	for (pos = lane->seen; pos - lane->rx.tail < cap;) {
		/* V: as in shunt__lane_peek(). */
		uint64_t head = shunt__acquire64(word_at(lane, pos));
		if (head == 0) {
			lane->seen = pos;
			lane->fresh = 0;
			return -EAGAIN;
		}
		uint64_t step = step_of(lane, head, pos);
		if (step == 0)
			return SHUNT_E_CORRUPT;
		if (!(head & SHUNT__LANE_PAD) && is_left(r, lane, head)) {
			lane->seen = pos;
			/* What is left of the dead is found again by the next
			 * look, thorough or not. */
			lane->fresh = shunt__lane_taker(head) != 0;
			found(r, lane, pos, head);
			return 0;
		}
		pos += step;
	}
	return SHUNT_E_CORRUPT;
}

/* The position of a record that a slot's word tells of.  1: it is there. */
int
shunt__record_at(const struct shunt__rlane *lane, uint64_t hand, uint64_t *pos)
{
	uint64_t at = lane->rx.tail;

	while (at - lane->rx.tail < lane->rx.cap) {
		uint64_t head = shunt__acquire64(word_at(lane, at));
		uint64_t step = head == 0 ? 0 : step_of(lane, head, at);
		if (step == 0)
			return 0;
		if (((at >> 3) & SHUNT__HAND_POS) == (hand & SHUNT__HAND_POS)) {
			*pos = at;
			return (head & SHUNT__LANE_PAD) == 0;
		}
		at += step;
	}
	return 0;
}

/*
 * Writes into a record that @who has it.  Done may come in between; and a dead
 * one's word may be old: then another took the record over since.
 */
void
shunt__record_mark(struct shunt__receiver *r, struct shunt__rlane *lane,
    uint64_t pos, uint32_t who, int lives)
{
	struct shunt__u64 *word = word_at(lane, pos);
	uint64_t head = shunt__load64(word);

	for (int i = 0; i < TRIES; i++) {
		uint32_t now = shunt__head_who(head);
		if ((head & SHUNT__LANE_DONE) || step_of(lane, head, pos) == 0)
			return;
		if (shunt__lane_taker(head) != 0 &&
		    (now == who || !lives || shunt__claim_lives(r, now)))
			return;
		if (shunt__cas64(word, &head, shunt__head_taken(head, who)))
			return;
	}
}

/* T: the record is ours to work on.  In a slot's word where the claim is kept:
 * who gets it from us looks there first; else in the record. */
int
shunt__record_take(struct shunt__receiver *r)
{
	struct shunt__rrecord *rec = &r->rec;
	uint64_t head = rec->head;

	if (!r->sharing) {
		shunt__release64(&r->words[SHUNT__SLOT_HAND],
		    shunt__hand(rec->lane->number, r->me, rec->pos));
		r->in_hand = SHUNT__HAND_SLOT;
		return 0;
	}
	if (!shunt__cas64(word_at(rec->lane, rec->pos), &head,
		shunt__head_taken(head, r->me)))
		/* Its sender took it back: shunt__sender_settle(). */
		return head & SHUNT__LANE_DONE ? -ESTALE : SHUNT_E_CORRUPT;
	rec->lane->seen = rec->pos + shunt__lane_need((uint64_t)rec->len);
	r->in_hand = SHUNT__HAND_MARKED;
	return 0;
}

/* Says in the record that it is done with.  D: a full fence between that and
 * the look whether its lane is claimed. */
static int
say_done(struct shunt__receiver *r, const struct shunt__rrecord *rec)
{
	struct shunt__u64 *word = word_at(rec->lane, rec->pos);
	uint64_t head = shunt__load64(word);

	for (int i = 0; i < TRIES; i++) {
		uint32_t taker = shunt__lane_taker(head);
		if ((uint32_t)head != (uint32_t)rec->len ||
		    step_of(rec->lane, head, rec->pos) == 0)
			return SHUNT_E_CORRUPT;
		/* Its sender took it back, before it was marked. */
		if (taker == 0 && (head & SHUNT__LANE_DONE))
			return 0;
		if ((head & SHUNT__LANE_DONE) ||
		    (taker != 0 && r->in_hand == SHUNT__HAND_MARKED &&
			shunt__head_who(head) != r->me))
			return SHUNT_E_CORRUPT;
		if (shunt__cas64(word, &head, head | SHUNT__LANE_DONE))
			return 0;
	}
	return SHUNT_E_CORRUPT;
}

/* A sleeping sender is rung each quarter of the lane and when it has run empty,
 * not for each record: waking is dear. */
void
shunt__lane_moved(
    struct shunt_queue *queue, struct shunt__rlane *lane, uint64_t from)
{
	if ((from ^ lane->rx.tail) & ~(lane->rx.cap / 4 - 1))
		shunt__ring_sender(queue, lane);
}

/* Done with r->rec, whose lane is claimed. */
void
shunt__record_done(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;
	struct shunt__rrecord *rec = &r->rec;
	struct shunt__rlane *lane = rec->lane;
	uint64_t need = shunt__lane_need((uint64_t)rec->len);
	uint64_t from = lane->rx.tail;

	if (rec->pos == from) {
		lane->rx.step = need;
		shunt__lane_release(&lane->rx);
		/* What was taken over is done by being left behind. */
		lane->seen_tail = lane->seen = lane->rx.tail;
		shunt__lane_moved(queue, lane, from);
	} else {
		/* Something before it is still in somebody's hand. */
		say_done(r, rec);
		lane->seen = rec->pos + need;
	}
}

/* Of a lane that was others' in between: what it knows of them is old. */
static void
catch_up(struct shunt_queue *queue, struct shunt__rlane *lane)
{
	struct shunt__receiver *r = queue->receiver;
	struct shunt__rrecord rec = r->rec;
	uint64_t from = lane->rx.tail;

	shunt__record_find(r, lane);
	r->rec = rec;
	shunt__lane_moved(queue, lane, from);
}

/* Done with what is in hand: its lane may be anybody's now. */
int
shunt__record_acknowledge(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;
	struct shunt__rlane *lane = r->rec.lane;
	int e = 0;

	if (r->in_hand == SHUNT__HAND_SLOT) {
		shunt__record_done(queue);
		/* D: after the tail.  Killed before it, the word tells of a
		 * record that lies behind the tail: it is nobody's. */
		shunt__release64(&r->words[SHUNT__SLOT_HAND], 0);
		r->in_hand = SHUNT__HAND_NONE;
		return 0;
	}
	e = say_done(r, &r->rec);
	r->in_hand = SHUNT__HAND_NONE;
	if (e != 0) {
		lane->bad = 1;
		return e;
	}
	/* Whoever has the claim moves the tail; he looks for it after he gave
	 * the claim back. */
	if (shunt__claim(queue, lane) == 0) {
		catch_up(queue, lane);
		shunt__lane_give_back(queue, lane);
	}
	/* Others may wait to learn whether this one comes again. */
	if (shunt__load32(&queue->obj->control->ct_bell) & SHUNT__BELL_ENDED)
		shunt__ring_receivers(queue);
	return 0;
}

/*
 * Gives the claim back, where it is not kept, and looks at the lane after
 * that: G, a full fence.  Who found it claimed meanwhile went away: he may
 * have done with the first record, and sleep though there are more.  The first
 * that is for anybody stands at `seen`, for nobody took one meanwhile.
 */
void
shunt__lane_give_back(struct shunt_queue *queue, struct shunt__rlane *lane)
{
	struct shunt__receiver *r = queue->receiver;

	if (!r->sharing || lane->claim == 0)
		return;
	for (int i = 0; i < TRIES; i++) {
		uint64_t from = lane->rx.tail;
		shunt__unclaim(lane);
		if (!(shunt__acquire64(word_at(lane, from)) &
			SHUNT__LANE_DONE) ||
		    shunt__acquire64(&lane->rx.ctl->ln_tail) != from ||
		    shunt__claim(queue, lane) != 0)
			break;
		catch_up(queue, lane);
	}
	if (lane->claim != 0)
		shunt__unclaim(lane);
	uint64_t next =
	    lane->seen_tail == lane->rx.tail ? lane->seen : lane->rx.tail;
	uint64_t head = shunt__acquire64(word_at(lane, next));
	if (head != 0 && !(head & SHUNT__LANE_ZERO))
		shunt__ring_receivers(queue);
	/* Run empty, and without a claim nobody looks at it again. */
	if (head == 0 && next == lane->rx.tail)
		shunt__ring_sender(queue, lane);
}
