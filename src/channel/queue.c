/* SPDX-License-Identifier: MIT */
/* A queue's life; sender.c and receiver.c have its two ends. */
#include <stdlib.h>

#include "base/error.h"
#include "base/options.h"
#include "channel/receiver.h"

#define LANE_BYTES (UINT64_C(128) << 10)
#define LANES      1024u
#define RECEIVERS  64u
#define FIRST_SIZE offsetof(struct shunt_queue_options, type)
#define FLAGS                                                                  \
	(SHUNT_QUEUE_EXISTING | SHUNT_QUEUE_EXCLUSIVE | SHUNT_QUEUE_PERSISTENT)

static int
read_options(struct shunt__spec *spec, const struct shunt_queue_options *opts)
{
	struct shunt_queue_options o;
	int e = shunt__options_read(&o, sizeof(o), FIRST_SIZE, opts);

	if (e < 0 || (o.flags & ~(uint32_t)FLAGS) || (o.mode & ~0777u))
		return shunt__options_refuse(opts);
	if (o.receivers > SHUNT__SLOTS_MAX)
		return shunt__fail(-EINVAL,
		    "%u receivers at once: a queue has places for at most %u",
		    o.receivers, SHUNT__SLOTS_MAX);
	*spec = (struct shunt__spec){.kind = SHUNT_KIND_QUEUE,
	    .lanes = o.lanes != 0 ? o.lanes : LANES,
	    .lane_bytes = o.lane_bytes != 0 ? o.lane_bytes : LANE_BYTES,
	    .area_bytes =
		SHUNT__SLOTS_AREA(o.receivers != 0 ? o.receivers : RECEIVERS),
	    .print = shunt__queue_fingerprint(),
	    .mode = o.mode,
	    .existing = (o.flags & SHUNT_QUEUE_EXISTING) != 0,
	    .exclusive = (o.flags & SHUNT_QUEUE_EXCLUSIVE) != 0,
	    .persistent = (o.flags & SHUNT_QUEUE_PERSISTENT) != 0,
	    .group = o.group,
	    .type = o.type,
	    .schema = o.schema,
	    .owner = o.owner};
	return 0;
}

uint64_t
shunt__queue_fingerprint(void)
{
	const uint64_t parts[] = {
	    shunt__lane_fingerprint(), shunt__slot_fingerprint()};

	return shunt__checksum(parts, sizeof(parts));
}

/* As many places as its area has, whatever was asked for when it was made. */
static int
count_slots(struct shunt_queue *queue)
{
	uint32_t n = queue->obj->geo.area_bytes / SHUNT__SLOT_BYTES;

	if (n == 0)
		return shunt__fail(SHUNT_E_CORRUPT,
		    "%s: it has no places for receivers; something wrote over "
		    "its header: remove it (shunt rm --force)",
		    shunt__quote(queue->obj->name.shown));
	queue->slots = n < SHUNT__SLOTS_MAX ? n : SHUNT__SLOTS_MAX;
	return 0;
}

int
shunt_queue_open(struct shunt_queue **out, const char *name,
    const struct shunt_queue_options *opts)
{
	struct shunt__spec spec;
	struct shunt_queue *queue;
	int e;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	e = read_options(&spec, opts);
	if (e < 0)
		return e;
	queue = calloc(1, sizeof(*queue));
	if (queue == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	e = shunt__object_attach(&queue->obj, name, &spec);
	if (e >= 0 && count_slots(queue) < 0) {
		shunt__object_detach(queue->obj, NULL);
		e = SHUNT_E_CORRUPT;
	}
	if (e < 0) {
		free(queue);
		return e;
	}
	queue->magic = SHUNT__QUEUE_MAGIC;
	queue->fence = queue->obj->fence;
	queue->max = shunt__lane_max(queue->obj->geo.lane_bytes);
	shunt__seats_init(&queue->seats, queue->obj,
	    sizeof(struct shunt__sender), shunt__sender_claim, NULL, queue);
	shunt__end_init(&queue->end, queue->obj, &queue->obj->control->ct_bell,
	    SHUNT__END_SHARED | SHUNT__END_DEATHS, shunt__receiver_ready,
	    queue);
	*out = queue;
	return e;
}

/* Anything left for a receiver?  Asked while nobody else is attached. */
static int
unread(struct shunt__object *obj)
{
	uint32_t high = shunt__object_high(obj);
	int corrupt;

	for (uint32_t lane = 0; lane < high; lane++) {
		if (shunt__object_probe_lane(obj, lane) < 0)
			continue;
		uint64_t tail =
		    shunt__acquire64(&shunt__object_lane(obj, lane)->ln_tail);
		if (shunt__lane_unread(shunt__object_ring(obj, lane),
			obj->geo.lane_bytes, tail, &corrupt) != 0)
			return 1;
	}
	return 0;
}

void
shunt_queue_close(struct shunt_queue **queue)
{
	if (queue == NULL || *queue == NULL ||
	    (*queue)->magic != SHUNT__QUEUE_MAGIC)
		return;
	(*queue)->magic = 0;
	shunt__seats_fini(&(*queue)->seats);
	shunt__end_fini(&(*queue)->end);
	shunt__receiver_close(*queue);
	shunt__object_detach((*queue)->obj, unread);
	free(*queue);
	*queue = NULL;
}

size_t
shunt_queue_max(const struct shunt_queue *queue)
{
	return queue == NULL ? 0 : queue->max;
}

int
shunt_queue_fd(struct shunt_queue *queue)
{
	int e = shunt__queue_check(queue);

	return e != 0 ? e : shunt__end_fd(&queue->end);
}

struct shunt_end *
shunt_queue_end(struct shunt_queue *queue)
{
	return queue == NULL || queue->magic != SHUNT__QUEUE_MAGIC
		   ? NULL
		   : &queue->end;
}
