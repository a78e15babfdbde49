/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CHANNEL_PUBLISHER_H
#define SHUNT_CHANNEL_PUBLISHER_H

#include "channel/topic.h"
#include "segment/seat.h"
#include "sync/bell.h"

struct shunt_publisher {
	uint32_t magic;
	int fence; /* our commits fence by themselves */
	size_t max;
	struct shunt__topic topic;
	struct shunt__seats seats;
	struct shunt__spin spin; /* of those that wait for room */
};

/* What a seat of a topic has: the ring's producing end. */
struct shunt__caster {
	struct shunt__cast_tx tx;
	uint64_t probed; /* when we last asked whether the blocker lives */
};

/* What a publisher wants that found its ring full: room for one message, or
 * as many of several as fit. */
struct shunt__want {
	struct shunt_publisher *pub;
	struct shunt__caster *c;
	const struct iovec *msgs; /* NULL: room for len at *msg */
	int n;
	size_t len;
	void **msg;
	uint64_t deadline; /* 0: none yet; of the first wait, for all */
};

/* publisher_full.c: a subscriber is in the way.  As shunt__cast_reserve() or
 * shunt__cast_batch(), or what the policy says. */
int shunt__publisher_full(
    struct shunt__want *w, const struct shunt_send_options *opts);

#endif /* SHUNT_CHANNEL_PUBLISHER_H */
