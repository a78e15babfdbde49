/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CHANNEL_TOPIC_H
#define SHUNT_CHANNEL_TOPIC_H

/*
 * A topic: a cast (ring/cast.h) for each publishing thread, a slot for each
 * subscriber.  Its area, whose size the header's parameter tells:
 *
 *   slots    128 bytes each (segment/slot.h), a multiple of 4096 in all
 *   cursors  8 bytes for each lane; a row for each slot, its owner's
 *
 * With the policies BLOCK and DROP a cursor holds back the lane's publisher,
 * with the others it only shows where its subscriber is.
 */

#include <shunt/inspect.h>
#include <shunt/topic.h>

#include "ring/cast.h"
#include "segment/object.h"
#include "segment/slot.h"

#define SHUNT__PUBLISHER_MAGIC  0x50756273u
#define SHUNT__SUBSCRIBER_MAGIC 0x53756273u

/* Words of a subscriber's slot; for people. */
enum {
	SHUNT__SUB_RECEIVED = 0, /* messages that it got, and lost, as of its */
	SHUNT__SUB_LOST = 1,     /* last note: it writes them now and then */
	SHUNT__SUB_EVICTED = 2,  /* 1: it was told so */
};

struct shunt__topic {
	struct shunt__object *obj;
	uint32_t policy; /* enum shunt_topic_policy, never ANY */
	uint32_t slots;
	size_t stride; /* bytes of a slot's row of cursors */
	unsigned char *cursors;
};

/* hd_param */
static inline uint64_t
shunt__topic_param(uint32_t policy, uint32_t slots)
{
	return (uint64_t)slots << 32 | policy;
}

/* Policy, slots and where the cursors are, from param and lanes, which are not
 * more than can be; @area: the bytes of the whole area.  0 or -EINVAL. */
int shunt__topic_shape(
    struct shunt__topic *topic, uint64_t param, uint32_t lanes, uint64_t *area);

/* Of the structs of a topic: part of its fingerprint. */
uint64_t shunt__topic_fingerprint(void);

/* What both kinds of options have in common; opens or makes it.  0, 1 or a
 * code. */
struct shunt__topic_wish {
	uint32_t flags;
	uint32_t mode;
	const char *group;
	const char *owner;
	const char *type;
	uint64_t schema;
	uint64_t lane_bytes;
	uint32_t publishers;
	uint32_t subscribers;
	uint32_t policy;
};
int shunt__topic_attach(struct shunt__topic *topic, const char *name,
    const struct shunt__topic_wish *wish);

/* Detaches; an ephemeral one goes with its last user. */
void shunt__topic_detach(struct shunt__topic *topic);

/* Do its publishers wait for subscribers? */
static inline int
shunt__topic_keeps(const struct shunt__topic *topic)
{
	return topic->policy == SHUNT_TOPIC_BLOCK ||
	       topic->policy == SHUNT_TOPIC_DROP;
}

static inline struct shunt__u64 *
shunt__topic_cursor(
    const struct shunt__topic *topic, uint32_t slot, uint32_t lane)
{
	return (struct shunt__u64 *)(void *)(topic->cursors +
					     slot * topic->stride + lane * 8u);
}

/* A row is nobody's from now on: the slot's byte is held. */
void shunt__topic_clear(const struct shunt__topic *topic, uint32_t slot);

#endif /* SHUNT_CHANNEL_TOPIC_H */
