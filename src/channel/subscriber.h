/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CHANNEL_SUBSCRIBER_H
#define SHUNT_CHANNEL_SUBSCRIBER_H

#include "channel/end.h"
#include "channel/topic.h"
#include "sync/bell.h"

enum {
	SHUNT__FEED_LIED = 1,  /* its words did: left alone, told once */
	SHUNT__FEED_CLOSED = 2 /* it could not be touched: asked again */
};

struct shunt__feed { /* one ring, as one subscriber reads it */
	struct shunt__cast_rx rx;
	uint32_t number;
	uint8_t bad;     /* FEED_...; 0: it is read */
	uint8_t drained; /* noted when it ran empty */
};

struct shunt_subscriber {
	uint32_t magic;
	int fence;
	struct shunt__topic topic;
	struct shunt__slot slot; /* lay NULL: none */
	int kept;                /* publishers wait for us */
	int evicted;             /* we were told */
	int due;                 /* a code for the next call, or 0 */
	struct shunt__feed *cur; /* polled first */
	struct shunt__feed *peeked;
	uint32_t turn;  /* messages taken from cur in a row */
	uint32_t lull;  /* ... before it was empty for a moment */
	uint32_t rotor; /* the next look elsewhere begins here */
	uint32_t high;  /* rings below may be touched */
	uint32_t tries; /* messages in a row that were overrun in our hands */
	uint64_t received;
	struct shunt__spin spin;
	struct shunt__feed *feeds; /* of all rings, used ones or not */
	struct shunt_end end;
};

/* subscriber.c: as struct shunt_end wants it. */
int shunt__subscriber_ready(void *sub);

/* subscribe.c: sets the feeds up, in order that nothing published from now on
 * is missed.  0 or a code. */
int shunt__subscribe(struct shunt_subscriber *sub, uint32_t history);
/* Publishers wait for us no more. */
void shunt__unsubscribe(struct shunt_subscriber *sub);
/* The ring's publishers wait for us no more, and are told so. */
void shunt__subscriber_let_go(
    struct shunt_subscriber *sub, struct shunt__feed *feed);
/* Our cursors say what we know; somebody may have scribbled over them. */
void shunt__subscriber_insist(struct shunt_subscriber *sub);
/* Rings that were taken since we looked last may be touched. */
void shunt__subscriber_meet(struct shunt_subscriber *sub);
/* For people: how far we are. */
void shunt__subscriber_note(
    struct shunt_subscriber *sub, struct shunt__feed *feed);

static inline int
shunt__subscriber_check(const struct shunt_subscriber *sub)
{
	if (__builtin_expect(
		sub == NULL || sub->magic != SHUNT__SUBSCRIBER_MAGIC, 0))
		return -EINVAL;
	return shunt__object_forked(sub->topic.obj) ? SHUNT_E_FORKED : 0;
}

/* The ring's publisher sleeps for want of room: there may be some now. */
static inline void
shunt__subscriber_ring(struct shunt_subscriber *sub, struct shunt__feed *feed)
{
	struct shunt__u32 *bell = &feed->rx.ctl->ln_waiting;

	if (sub->kept &&
	    (shunt__bell_look(bell, sub->fence) & SHUNT__BELL_ASLEEP))
		shunt__bell_ring(bell, SHUNT__BELL_ASLEEP);
}

#endif /* SHUNT_CHANNEL_SUBSCRIBER_H */
