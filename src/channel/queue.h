/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CHANNEL_QUEUE_H
#define SHUNT_CHANNEL_QUEUE_H

#include <shunt/inspect.h>
#include <shunt/queue.h>

#include "channel/end.h"
#include "channel/queue_layout.h"
#include "ring/lane.h"
#include "segment/object.h"
#include "segment/seat.h"
#include "sync/bell.h"

#define SHUNT__QUEUE_MAGIC 0x51756575u

struct shunt__receiver;

struct shunt_queue {
	uint32_t magic;
	int fence; /* our commits fence by themselves */
	size_t max;
	uint32_t slots; /* places for receivers */
	struct shunt__object *obj;
	struct shunt__receiver *receiver; /* from the first recv on */
	struct shunt__seats seats;
	struct shunt_end end;
};

/* What a seat of a queue has: the lane's producing end. */
struct shunt__sender {
	struct shunt__lane_tx tx;
	struct shunt__u64 *ready; /* the word with the lane's bit */
	uint64_t bit;
	struct shunt__spin spin; /* while it waits for room */
};

/* sender.c: as struct shunt__seats wants them. */
int shunt__sender_claim(struct shunt__seat *seat, void *arg, int last);

/* receiver_wait.c, receiver_slot.c */
int shunt__receiver_ready(void *queue); /* as struct shunt_end wants it */
void shunt__receiver_close(struct shunt_queue *queue);

static inline int
shunt__queue_check(const struct shunt_queue *queue)
{
	if (__builtin_expect(
		queue == NULL || queue->magic != SHUNT__QUEUE_MAGIC, 0))
		return -EINVAL;
	return shunt__object_forked(queue->obj) ? SHUNT_E_FORKED : 0;
}

#endif /* SHUNT_CHANNEL_QUEUE_H */
