/* SPDX-License-Identifier: MIT */
/* What publishers and subscribers of a topic have in common: its shape. */
#include "channel/topic.h"

#include "base/error.h"
#include "base/options.h"
#include "os/os.h"

#define LANE_BYTES (UINT64_C(128) << 10)
#define PUBLISHERS 64u
#define SLOTS      64u
#define FLAGS                                                                  \
	(SHUNT_TOPIC_EXISTING | SHUNT_TOPIC_EXCLUSIVE |                        \
	    SHUNT_TOPIC_PERSISTENT | SHUNT_TOPIC_READONLY)

static const char *const policies[] = {
    "any", "lossy", "block", "drop", "evict"};

int
shunt__topic_shape(
    struct shunt__topic *topic, uint64_t param, uint32_t lanes, uint64_t *area)
{
	uint32_t policy = (uint32_t)param, slots = (uint32_t)(param >> 32);

	if (policy < SHUNT_TOPIC_LOSSY || policy > SHUNT_TOPIC_EVICT ||
	    slots == 0 || slots > SHUNT__SLOTS_MAX)
		return -EINVAL;
	topic->policy = policy;
	topic->slots = slots;
	/* Whole pairs of lines, so that subscribers do not meet on one. */
	topic->stride = (lanes * 8u + 127u) & ~(size_t)127;
	*area = SHUNT__SLOTS_AREA(slots) +
		((slots * (uint64_t)topic->stride + 4095) & ~UINT64_C(4095));
	return *area <= SHUNT__AREA_MAX ? 0 : -EINVAL;
}

uint64_t
shunt__topic_fingerprint(void)
{
	const uint64_t words[] = {shunt__lane_fingerprint(),
	    shunt__slot_fingerprint(), SHUNT__CURSOR_KEPT, SHUNT__CURSOR_SHOWN,
	    SHUNT__CAST_SEQ, SHUNT__CAST_PARTS};

	return shunt__checksum(words, sizeof(words));
}

static int
make_spec(struct shunt__spec *spec, const char *name,
    const struct shunt__topic_wish *w)
{
	struct shunt__topic shape;
	uint32_t lanes = w->publishers != 0 ? w->publishers : PUBLISHERS;
	uint32_t slots = w->subscribers != 0 ? w->subscribers : SLOTS;
	uint32_t policy = w->policy != 0 ? w->policy : SHUNT_TOPIC_LOSSY;
	uint64_t area;

	if ((w->flags & ~(uint32_t)FLAGS) || (w->mode & ~0777u))
		return shunt__options_refuse(NULL);
	if (w->policy > SHUNT_TOPIC_EVICT)
		return shunt__fail(
		    -EINVAL, "a policy that this version does not know");
	if (lanes > SHUNT__LANES_MAX || slots > SHUNT__SLOTS_MAX ||
	    shunt__topic_shape(
		&shape, shunt__topic_param(policy, slots), lanes, &area) != 0)
		return shunt__fail(-EINVAL,
		    "%s: a topic has at most %u publishers and %u subscribers,"
		    " and 8 bytes for each pair of them are at most 1 MiB",
		    shunt__quote(name), SHUNT__LANES_MAX, SHUNT__SLOTS_MAX);
	*spec = (struct shunt__spec){.kind = SHUNT_KIND_TOPIC,
	    .lanes = lanes,
	    .area_bytes = (uint32_t)area,
	    .lane_bytes = w->lane_bytes != 0 ? w->lane_bytes : LANE_BYTES,
	    .param = shunt__topic_param(policy, slots),
	    .print = shunt__topic_fingerprint(),
	    .mode = w->mode,
	    .existing = (w->flags & SHUNT_TOPIC_EXISTING) != 0,
	    .exclusive = (w->flags & SHUNT_TOPIC_EXCLUSIVE) != 0,
	    .persistent = (w->flags & SHUNT_TOPIC_PERSISTENT) != 0,
	    .readonly = (w->flags & SHUNT_TOPIC_READONLY) != 0,
	    .schema = w->schema,
	    .type = w->type,
	    .group = w->group,
	    .owner = w->owner};
	return 0;
}

int
shunt__topic_attach(struct shunt__topic *topic, const char *name,
    const struct shunt__topic_wish *wish)
{
	struct shunt__spec spec;
	uint64_t area;
	int e = make_spec(&spec, name, wish), made;

	if (e < 0)
		return e;
	made = shunt__object_attach(&topic->obj, name, &spec);
	if (made < 0)
		return made;
	const struct shunt__geometry *geo = &topic->obj->geo;
	const char *shown = shunt__quote(topic->obj->name.shown);
	e = shunt__topic_shape(topic, geo->param, geo->lanes, &area);
	if (e < 0 || area != geo->area_bytes)
		e = shunt__fail(SHUNT_E_CORRUPT,
		    "%s: its header contradicts itself; something wrote over "
		    "it: remove it (shunt rm --force)",
		    shown);
	else if (wish->policy != 0 && wish->policy != topic->policy)
		e = shunt__fail(SHUNT_E_TYPE,
		    "%s: its policy is '%s', not '%s'; whoever makes a topic "
		    "chooses it",
		    shown, policies[topic->policy], policies[wish->policy]);
	if (e < 0) {
		shunt__object_detach(topic->obj, NULL);
		topic->obj = NULL;
		return e;
	}
	topic->cursors = topic->obj->area + SHUNT__SLOTS_AREA(topic->slots);
	return made;
}

/* Messages are for those who are there: nothing is left for anybody. */
static int
nothing_unread(struct shunt__object *obj)
{
	(void)obj;
	return 0;
}

void
shunt__topic_detach(struct shunt__topic *topic)
{
	shunt__object_detach(topic->obj, nothing_unread);
	topic->obj = NULL;
}

void
shunt__topic_clear(const struct shunt__topic *topic, uint32_t slot)
{
	for (uint32_t lane = 0; lane < topic->obj->geo.lanes; lane++) {
		struct shunt__u64 *cursor =
		    shunt__topic_cursor(topic, slot, lane);
		if (shunt__load64(cursor) != 0)
			/* K: who dies or leaves reads nothing any more. */
			shunt__release64(cursor, 0);
	}
}
