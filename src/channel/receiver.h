/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CHANNEL_RECEIVER_H
#define SHUNT_CHANNEL_RECEIVER_H

/*
 * A receiving handle of a queue, of which there may be many.
 *
 * Who takes records from a lane has its claim: {changes, who} in ln_claim,
 * where who is a slot and how often that was taken.  A handle that is alone
 * is *biased*: it keeps the claims that it has over many calls, and pays for
 * that with two stores and a load on the line of its own slot.  One that
 * others have asked to share takes a claim for each call and gives it back.
 *
 * What is peeked at stays out of others' way: a biased handle writes lane and
 * position into its slot's line; one that shares marks the record's header.
 * Both tell of it after its death, so that it comes again, marked.
 *
 * docs/ordering.md, "many consumers"; tests/model/claim.pml.
 */

#include "channel/queue.h"
#include "segment/slot.h"
#include "segment/wait.h"

#define SHUNT__TURN_MOST 64u /* records in a row from one lane of several */

struct shunt__rlane {
	struct shunt__lane_rx rx;
	uint64_t claim;     /* ln_claim, while it is ours; or 0 */
	uint64_t seen_tail; /* while this is the tail, ... */
	uint64_t seen;      /* ... nothing before this is for us */
	uint32_t number;
	uint32_t idle;   /* scans since its last record */
	uint8_t adopted; /* rx is set up */
	uint8_t fresh;   /* what the dead left there is looked for first */
	uint8_t active;
	uint8_t bad;     /* its words lied: left alone, reported once */
	uint8_t told;    /* that it cannot be met */
	uint8_t drained; /* its sender was rung when it ran empty */
};

/* A record that was found. */
struct shunt__rrecord {
	struct shunt__rlane *lane;
	const void *payload;
	int64_t len;
	uint64_t pos;
	uint64_t head;
	uint32_t flags; /* SHUNT_MESSAGE_... */
};

enum { SHUNT__HAND_NONE, SHUNT__HAND_SLOT, SHUNT__HAND_MARKED };

struct shunt__receiver {
	struct shunt__rlane *cur; /* polled first */
	struct shunt__u64 *words; /* of our slot */
	struct shunt__rrecord rec;
	int in_hand;     /* what was peeked at, and where it is noted */
	int sharing;     /* claims are for one call */
	int fresh;       /* has not looked yet */
	int never_alone; /* we cannot be biased */
	int stale;       /* our slot still has its last owner's record */
	int thorough;    /* this is a look at everything, also at the dead */
	int contended;   /* something is there, but others are at it */
	int others;      /* others have records in hand */
	uint32_t me;     /* low half of a claim of ours */
	uint32_t slots;
	uint32_t turn; /* records taken from cur in a row */
	uint32_t lull; /* ... before it was empty for a moment */
	uint32_t turns;
	uint32_t polls;
	uint32_t scan; /* the next look at all lanes begins here */
	uint32_t n_active;
	uint32_t high; /* lanes below are polled or were dropped */
	uint32_t met;  /* and not one from here on */
	uint32_t looks;
	uint32_t held_up; /* calls in a row that others were quicker */
	uint64_t last_scan;
	uint64_t last_alone; /* when we asked last whether we are */
	uint64_t last_look;
	struct shunt__slot slot;
	struct shunt__spin spin;
	struct shunt__rlane **active;
	struct shunt__rlane *lanes;
	uint64_t known[SHUNT__LANES_MAX / 64]; /* the active ones, as bits */
};

/* receiver.c.  next: 0 in a call, r->rec is the next record or that in hand;
 * or a code.  out: of the call. */
int shunt__receiver_next(
    struct shunt_queue *queue, const struct shunt_recv_options *opts);
void shunt__receiver_out(struct shunt_queue *queue);

/* receiver_slot.c: the handle becomes a receiver. */
int shunt__receiver_open(struct shunt_queue *queue);

/* receiver_poll.c.  0: r->rec is set, its lane claimed; -EAGAIN; or
 * SHUNT_E_CORRUPT.  meet: the lane may be touched. */
int shunt__poll_once(struct shunt_queue *queue);
int shunt__poll_all(struct shunt_queue *queue);
int shunt__lane_meet(struct shunt_queue *queue, struct shunt__rlane *lane);

/* receiver_wait.c: as shunt__poll_once(), by the caller's options. */
int shunt__wait_for_record(
    struct shunt_queue *queue, const struct shunt_recv_options *opts);

/* claim.c.  claim: 0 or -EAGAIN. */
int shunt__claim(struct shunt_queue *queue, struct shunt__rlane *lane);
void shunt__unclaim(struct shunt__rlane *lane);
int shunt__claim_lives(struct shunt__receiver *r, uint32_t who);
void shunt__claim_inherit(struct shunt__receiver *r, struct shunt__rlane *lane);
void shunt__claim_stale(struct shunt_queue *queue);
void shunt__claim_share(struct shunt_queue *queue);
void shunt__claim_alone(struct shunt_queue *queue);

/* records.c: of lanes that are claimed, but for mark of what is in our own
 * hand.  find: 0 and r->rec, -EAGAIN or SHUNT_E_CORRUPT. */
int shunt__record_find(struct shunt__receiver *r, struct shunt__rlane *lane);
int shunt__record_at(
    const struct shunt__rlane *lane, uint64_t hand, uint64_t *pos);
void shunt__record_mark(struct shunt__receiver *r, struct shunt__rlane *lane,
    uint64_t pos, uint32_t who, int lives);
void shunt__record_done(struct shunt_queue *queue);
/* 0; -ESTALE: it is none any more; or SHUNT_E_CORRUPT. */
int shunt__record_take(struct shunt__receiver *r);
int shunt__record_acknowledge(struct shunt_queue *queue);
void shunt__lane_give_back(
    struct shunt_queue *queue, struct shunt__rlane *lane);
/* The tail is not at @from any more: rings the sender where it is time. */
void shunt__lane_moved(
    struct shunt_queue *queue, struct shunt__rlane *lane, uint64_t from);

/* A slot's word for a record in hand: 13 bits lane + 1, 16 bits of the taking
 * of the slot, and of the position what tells places in a ring apart. */
#define SHUNT__HAND_POS ((UINT64_C(1) << 35) - 1)

static inline uint64_t
shunt__hand(uint32_t lane, uint32_t who, uint64_t pos)
{
	return (uint64_t)(lane + 1) << 51 | (uint64_t)(who >> 16) << 35 |
	       ((pos >> 3) & SHUNT__HAND_POS);
}

/* What a header is while @who has the record. */
static inline uint64_t
shunt__head_taken(uint64_t head, uint32_t who)
{
	return (head & ~(SHUNT__LANE_ZERO | UINT64_C(0xffff) << 32)) |
	       (uint64_t)(who & 0xffff) << 48 | (uint64_t)(who >> 16) << 32;
}

static inline uint32_t
shunt__head_who(uint64_t head)
{
	return shunt__lane_taker(head) | (uint32_t)(head >> 32) << 16;
}

/*
 * Into a call.  1: somebody wants to share.  S: the store may become visible
 * after the load; who asks us to share issues a membarrier between asking and
 * looking at BUSY, and so has one of them on his side.
 */
static inline int
shunt__receiver_enter(struct shunt__receiver *r)
{
	shunt__store64(&r->words[SHUNT__SLOT_BUSY], 1);
	shunt__compiler_barrier();
	return shunt__load64(&r->words[SHUNT__SLOT_REVOKE]) != 0;
}

/* S: what we did is seen by who sees us out. */
static inline void
shunt__receiver_leave(struct shunt__receiver *r)
{
	shunt__release64(&r->words[SHUNT__SLOT_BUSY], 0);
}

/* The same, and claims are given back if somebody asked. */
static inline void
shunt__receiver_begin(struct shunt_queue *queue)
{
	struct shunt__receiver *r = queue->receiver;

	if (__builtin_expect(shunt__receiver_enter(r), 0) && !r->sharing)
		shunt__claim_share(queue);
}

/* The lane's sender sleeps for want of room: there is some now. */
static inline void
shunt__ring_sender(struct shunt_queue *queue, struct shunt__rlane *lane)
{
	struct shunt__u32 *bell = &lane->rx.ctl->ln_waiting;

	if (shunt__bell_look(bell, queue->fence) & SHUNT__BELL_ASLEEP)
		shunt__bell_ring(bell, SHUNT__BELL_ASLEEP);
}

/* Others sleep: there is something for them. */
static inline void
shunt__ring_receivers(struct shunt_queue *queue)
{
	struct shunt__u32 *bell = &queue->obj->control->ct_bell;

	if (shunt__bell_look(bell, queue->fence) & SHUNT__BELL_ASLEEP)
		shunt__ring(queue->obj, bell);
}

#endif /* SHUNT_CHANNEL_RECEIVER_H */
