/* SPDX-License-Identifier: MIT */
/*
 * Nobody holds anything here, so there are no seats and nothing to clean up:
 * two counts, and a crowd that sleeps until one of them moves.
 */
#include <stdlib.h>

#include <shunt/event.h>

#include "base/error.h"
#include "base/options.h"
#include "lock/named.h"
#include "sync/crowd.h"
#include "sync/limit.h"

#define MAGIC   0x4576656eu
#define PENDING (UINT32_C(1) << 31) /* notifications of one, at most */
#define TRIES   1000u
#define FLAGS                                                                  \
	(SHUNT_EVENT_EXISTING | SHUNT_EVENT_EXCLUSIVE | SHUNT_EVENT_PERSISTENT)

struct shunt_event {
	uint32_t magic;
	struct shunt__object *obj;
	struct shunt__event_lay *lay;
	struct shunt__u64 seen; /* of ev_all; all threads share it */
};

static int
read_options(struct shunt__spec *spec, const struct shunt_event_options *opts)
{
	struct shunt_event_options o;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);

	if (e < 0 || (o.flags & ~(uint32_t)FLAGS) || (o.mode & ~0777u))
		return shunt__options_refuse(opts);
	*spec = (struct shunt__spec){.kind = SHUNT_KIND_EVENT,
	    .lanes = 1, /* there must be one; nobody takes it */
	    .mode = o.mode,
	    .existing = (o.flags & SHUNT_EVENT_EXISTING) != 0,
	    .exclusive = (o.flags & SHUNT_EVENT_EXCLUSIVE) != 0,
	    .persistent = (o.flags & SHUNT_EVENT_PERSISTENT) != 0,
	    .group = o.group,
	    .owner = o.owner};
	return 0;
}

int
shunt_event_open(struct shunt_event **out, const char *name,
    const struct shunt_event_options *opts)
{
	struct shunt__spec spec;
	struct shunt_event *event;
	int e;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	e = read_options(&spec, opts);
	if (e < 0)
		return e;
	event = calloc(1, sizeof(*event));
	if (event == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	e = shunt__lock_attach(&event->obj, name, &spec);
	if (e < 0) {
		free(event);
		return e;
	}
	event->magic = MAGIC;
	event->lay = (void *)event->obj->area;
	shunt__store64(&event->seen, shunt__acquire64(&event->lay->ev_all));
	/* It was used: a maker that fails meanwhile must not take it away,
	 * with a notification in it. */
	shunt__object_raise(event->obj, 1);
	*out = event;
	return e;
}

static int
check(const struct shunt_event *event)
{
	if (event == NULL || event->magic != MAGIC)
		return -EINVAL;
	if (shunt__object_forked(event->obj))
		return SHUNT_E_FORKED;
	return shunt__load32(&event->obj->control->ct_removed) != 0
		   ? SHUNT_E_REMOVED
		   : 0;
}

/*
 * The count of all never goes back.  Seen by another thread of this handle
 * after we had loaded it, it may lag behind; loaded anew it must not: then
 * somebody scribbled, and this handle would hear of nothing until the count
 * had caught up.  It begins anew where the count is now.
 */
static int
gone_back(struct shunt_event *event)
{
	/* Acquire: what another thread of ours has seen, we see at least. */
	uint64_t seen = shunt__acquire64(&event->seen);
	uint64_t all = shunt__acquire64(&event->lay->ev_all);

	return (int64_t)(all - seen) < 0 &&
	       shunt__cas64(&event->seen, &seen, all);
}

/* Of all: this handle has it once, whichever of its threads takes it.  Of one:
 * whoever counts it down.  1 if there was either, or SHUNT_E_CORRUPT. */
static int
take(struct shunt_event *event)
{
	/* S, and the swap below: what was stored before E is seen. */
	uint64_t all = shunt__acquire64(&event->lay->ev_all);
	uint64_t seen = shunt__load64(&event->seen);

	/* Ahead, not other: a thread that was slow must not put back what
	 * another one has seen since. */
	for (uint32_t i = 0; (int64_t)(all - seen) > 0 && i < TRIES; i++)
		if (shunt__cas64(&event->seen, &seen, all))
			return 1;
	if ((int64_t)(all - seen) < 0 && gone_back(event))
		return SHUNT_E_CORRUPT;
	uint32_t one = shunt__load32(&event->lay->ev_one);
	for (uint32_t i = 0; one != 0 && i < TRIES; i++)
		if (shunt__cas32(&event->lay->ev_one, &one, one - 1))
			return 1;
	return 0;
}

static int
look(struct shunt__object *obj, struct shunt__limit *limit)
{
	int e;

	if (!shunt__limit_look(limit))
		return 0;
	e = shunt__object_check(obj);
	return e == -ESTALE ? SHUNT_E_REMOVED : e;
}

int
shunt_event_wait(struct shunt_event *event, int64_t wait_ns)
{
	int e = check(event);

	if (e != 0)
		return e;
	e = take(event);
	if (e != 0)
		return e < 0 ? e : 0;
	if (wait_ns < 0)
		return -EAGAIN;
	struct shunt__u32 *crowd = &event->lay->ev_crowd;
	struct shunt__limit limit = shunt__limit(shunt__lock_deadline(wait_ns));
	for (;;) {
		/* Before the words are touched: they may have been cut off
		 * while we slept. */
		e = look(event->obj, &limit);
		if (e != 0)
			return e;
		uint32_t armed = shunt__crowd_arm(crowd);
		e = take(event);
		if (e != 0)
			return e < 0 ? e : 0;
		int64_t left = shunt__limit_left(&limit);
		if (left == 0)
			return -ETIMEDOUT;
		e = shunt__crowd_wait(crowd, armed, left);
		shunt__limit_slept(&limit, e);
	}
}

/* No seat, no mutex, no memory: a signal handler may do this. */
int
shunt_event_notify(struct shunt_event *event, enum shunt_event_whom whom)
{
	int e = check(event);

	if (e != 0)
		return e;
	/* E: pairs with S in take(); before B in shunt__crowd_wake(). */
	if (whom == SHUNT_EVENT_ALL) {
		shunt__add64(&event->lay->ev_all, 1);
	} else if (whom == SHUNT_EVENT_ONE) {
		if (shunt__add32(&event->lay->ev_one, 1) >= PENDING) {
			shunt__add32(&event->lay->ev_one, (uint32_t)-1);
			return -EOVERFLOW;
		}
	} else {
		return -EINVAL;
	}
	shunt__crowd_wake(&event->lay->ev_crowd);
	return 0;
}

/* A notification that nobody has taken?  Asked while nobody is attached. */
static int
pending(struct shunt__object *obj)
{
	const struct shunt__event_lay *lay = (const void *)obj->area;

	return shunt__load32(&lay->ev_one) != 0;
}

void
shunt_event_close(struct shunt_event **event)
{
	if (event == NULL || *event == NULL || (*event)->magic != MAGIC)
		return;
	(*event)->magic = 0;
	shunt__object_detach((*event)->obj, pending);
	free(*event);
	*event = NULL;
}
