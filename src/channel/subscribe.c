/* SPDX-License-Identifier: MIT */
/* A subscription's life: where it begins in each ring, and its end. */
#include <stdlib.h>

#include "base/error.h"
#include "base/options.h"
#include "channel/subscriber.h"
#include "os/os.h"

/* A publisher that looks whether a slot's owner is dead holds its byte for
 * microseconds: ask again before "all are taken". */
static int
take_slot(struct shunt_subscriber *sub)
{
	struct shunt__topic *topic = &sub->topic;
	int e = SHUNT_E_SLOTS;

	for (int i = 0; i < 3 && e == SHUNT_E_SLOTS; i++)
		e = shunt__slot_take(&sub->slot, topic->obj, topic->slots);
	if (e == 0) {
		/* What the last owner left, if he was killed. */
		shunt__topic_clear(topic, sub->slot.number);
		for (int i = 0; i < 8; i++)
			shunt__store64(&sub->slot.lay->sl_word[i], 0);
		return 0;
	}
	/* With the other policies it only shows where we are. */
	if (!sub->kept)
		return 0;
	return shunt__fail(e, "%s: it has %u subscribers, and no slot for more",
	    shunt__quote(topic->obj->name.shown), topic->slots);
}

/* Rings that nobody has taken yet have no memory: they are not touched, and
 * read from their beginning when they have. */
static int
join(struct shunt_subscriber *sub, struct shunt__feed *feed, uint64_t history)
{
	struct shunt__object *obj = sub->topic.obj;

	for (int i = 0; i < 100; i++) {
		if (feed->number < shunt__object_high(obj)) {
			int e = shunt__object_probe_lane(obj, feed->number);
			return e < 0 ? e : shunt__cast_join(&feed->rx, history);
		}
		if (shunt__cast_join_unused(&feed->rx) == 0)
			return 0;
		/* The tail was moved, so the ring was counted before. */
	}
	return SHUNT_E_CORRUPT;
}

/* For people. */
static void
show_place(const struct shunt__feed *feed)
{
	shunt__store64(feed->rx.cursor, feed->rx.pos | SHUNT__CURSOR_SHOWN);
}

int
shunt__subscribe(struct shunt_subscriber *sub, uint32_t history)
{
	struct shunt__topic *topic = &sub->topic;
	struct shunt__object *obj = topic->obj;
	uint64_t newest = history == SHUNT_TOPIC_ALL ? UINT64_MAX : history;
	int e = obj->readonly ? 0 : take_slot(sub);

	if (e < 0)
		return e;
	sub->feeds = calloc(obj->geo.lanes, sizeof(*sub->feeds));
	if (sub->feeds == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	for (uint32_t n = 0; n < obj->geo.lanes; n++) {
		struct shunt__feed *feed = &sub->feeds[n];
		feed->number = n;
		feed->rx.ring = shunt__object_ring(obj, n);
		feed->rx.cap = obj->geo.lane_bytes;
		feed->rx.ctl = shunt__object_lane(obj, n);
		feed->rx.kept = (uint32_t)sub->kept;
		if (sub->slot.lay != NULL)
			feed->rx.cursor =
			    shunt__topic_cursor(topic, sub->slot.number, n);
		e = join(sub, feed, newest);
		if (e == SHUNT_E_CORRUPT) {
			/* Told by the first call that receives. */
			feed->bad = SHUNT__FEED_LIED;
			sub->due = e;
			shunt__subscriber_let_go(sub, feed);
		} else if (e < 0) {
			return shunt__fail(e, "%s: %s",
			    shunt__quote(obj->name.shown), shunt__why(e));
		} else if (feed->rx.cursor != NULL && !feed->rx.kept) {
			show_place(feed);
		}
	}
	shunt__subscriber_meet(sub);
	return 0;
}

void
shunt__unsubscribe(struct shunt_subscriber *sub)
{
	struct shunt__object *obj = sub->topic.obj;

	if (sub->slot.lay == NULL || shunt__object_forked(obj))
		return;
	shunt__topic_clear(&sub->topic, sub->slot.number);
	shunt__slot_give(&sub->slot);
	/* Those who waited for us need not wait for their time-out. */
	for (uint32_t n = 0; sub->feeds != NULL && n < shunt__object_high(obj);
	     n++)
		shunt__subscriber_ring(sub, &sub->feeds[n]);
}

void
shunt__subscriber_let_go(struct shunt_subscriber *sub, struct shunt__feed *feed)
{
	if (!feed->rx.kept)
		return;
	feed->rx.kept = 0;
	/* K: what lies there is nothing to us any more. */
	shunt__release64(feed->rx.cursor, 0);
	shunt__subscriber_ring(sub, feed);
}

void
shunt__subscriber_insist(struct shunt_subscriber *sub)
{
	for (uint32_t n = 0; sub->kept && n < sub->high; n++) {
		struct shunt__feed *feed = &sub->feeds[n];
		uint64_t truth = feed->rx.pos | SHUNT__CURSOR_KEPT;

		if (!feed->rx.kept || shunt__load64(feed->rx.cursor) == truth)
			continue;
		/* K: as shunt__cast_take(): where we stood before. */
		shunt__release64(feed->rx.cursor, truth);
		shunt__subscriber_ring(sub, feed);
	}
}

void
shunt__subscriber_meet(struct shunt_subscriber *sub)
{
	struct shunt__object *obj = sub->topic.obj;
	uint32_t high = shunt__object_high(obj);

	for (; sub->high < high; sub->high++)
		/* A scribbled count leads to memory that was never reserved,
		 * which must not be touched. */
		if (shunt__object_probe_lane(obj, sub->high) < 0)
			sub->feeds[sub->high].bad = SHUNT__FEED_CLOSED;
}

void
shunt__subscriber_note(struct shunt_subscriber *sub, struct shunt__feed *feed)
{
	struct shunt__slot_lay *lay = sub->slot.lay;
	uint64_t lost = 0;

	if (lay == NULL)
		return;
	for (uint32_t n = 0; n < sub->high; n++)
		lost += sub->feeds[n].rx.lost;
	shunt__store64(&lay->sl_word[SHUNT__SUB_RECEIVED], sub->received);
	shunt__store64(&lay->sl_word[SHUNT__SUB_LOST], lost);
	shunt__store64(
	    &lay->sl_word[SHUNT__SUB_EVICTED], (uint64_t)sub->evicted);
	if (!feed->rx.kept)
		show_place(feed);
}

int
shunt_subscriber_open(struct shunt_subscriber **out, const char *name,
    const struct shunt_subscriber_options *opts)
{
	struct shunt_subscriber_options o;
	struct shunt_subscriber *sub;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts), made;
	if (e < 0)
		return shunt__options_refuse(opts);
	sub = calloc(1, sizeof(*sub));
	if (sub == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	sub->magic = SHUNT__SUBSCRIBER_MAGIC;
	made = shunt__topic_attach(&sub->topic, name,
	    &(struct shunt__topic_wish){.flags = o.flags,
		.mode = o.mode,
		.group = o.group,
		.owner = o.owner,
		.type = o.type,
		.schema = o.schema,
		.lane_bytes = o.lane_bytes,
		.publishers = o.publishers,
		.subscribers = o.subscribers,
		.policy = o.policy});
	if (made < 0) {
		free(sub);
		return made;
	}
	struct shunt__object *obj = sub->topic.obj;
	sub->fence = obj->fence;
	sub->kept = !obj->readonly && shunt__topic_keeps(&sub->topic);
	/* What we only read we cannot break: the rings, which come last. */
	if (!obj->readonly)
		shunt__os.mprotect(obj->base + obj->geo.rings_off,
		    obj->geo.size - obj->geo.rings_off, PROT_READ);
	shunt__end_init(&sub->end, obj, &obj->control->ct_bell,
	    SHUNT__END_SHARED, shunt__subscriber_ready, sub);
	e = shunt__subscribe(sub, o.history);
	if (e < 0) {
		shunt_subscriber_close(&sub);
		return e;
	}
	*out = sub;
	return made;
}

void
shunt_subscriber_close(struct shunt_subscriber **sub)
{
	if (sub == NULL || *sub == NULL ||
	    (*sub)->magic != SHUNT__SUBSCRIBER_MAGIC)
		return;
	(*sub)->magic = 0;
	shunt__end_fini(&(*sub)->end);
	shunt__unsubscribe(*sub);
	shunt__topic_detach(&(*sub)->topic);
	free((*sub)->feeds);
	free(*sub);
	*sub = NULL;
}

int
shunt_subscriber_fd(struct shunt_subscriber *sub)
{
	if (sub == NULL || sub->magic != SHUNT__SUBSCRIBER_MAGIC)
		return -EINVAL;
	return shunt__end_fd(&sub->end);
}

struct shunt_end *
shunt_subscriber_end(struct shunt_subscriber *sub)
{
	return sub == NULL || sub->magic != SHUNT__SUBSCRIBER_MAGIC ? NULL
								    : &sub->end;
}
