/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "holders.h"
#include "out.h"
#include "why.h"

/* Objects of ours: what lies in them, who holds it, who died with it. */

#define SHOWN 6

static const char *
taker(uint32_t kind)
{
	switch (kind) {
	case SHUNT_KIND_LOG:
		return "; `shunt tail` shows them, `shunt logd` writes them";
	case SHUNT_KIND_STREAM:
		return "; `shunt get` takes them";
	case SHUNT_KIND_SERVICE:
		return "; `shunt serve` answers what no server had begun";
	}
	return "; `shunt recv` takes them";
}

/* Nobody is told of messages that nobody was there for. */
static void
tell_topic(struct why *w, const struct shunt_segment_info *i)
{
	why_say(w, WHY_INSIDE,
	    "%" PRIu64 " messages were published; the last %" PRIu64
	    " of them are there still.",
	    i->sent, i->depth);
	if (i->dropped != 0)
		why_say(w, WHY_INSIDE,
		    "Its subscribers missed %" PRIu64 " messages.", i->dropped);
	if (i->unread != 0)
		why_say(w, WHY_INSIDE,
		    "The slowest subscriber is %" PRIu64 " bytes behind.",
		    i->unread);
}

static void
tell_ends(struct why *w, const struct shunt_segment_info *i)
{
	const char *end = look_end(i->kind);

	if (i->receivers == 1)
		why_say(w, WHY_INSIDE, "Its %s lives: %s.", end,
		    why_process(i->receiver_pid, 0));
	else if (i->receivers > 1)
		why_say(
		    w, WHY_INSIDE, "%" PRIu32 " %ss live.", i->receivers, end);
	else
		why_say(w, WHY_INSIDE, "It has no %s now.", end);
	if (i->waiting != 0)
		why_say(w, WHY_INSIDE, "%" PRIu32 " %s%s for %s.", i->waiting,
		    look_sender(i->kind), i->waiting == 1 ? " waits" : "s wait",
		    i->kind == SHUNT_KIND_SERVICE ? "a reply" : "room in it");
	if (i->finished && i->kind == SHUNT_KIND_STREAM)
		why_say(w, WHY_INSIDE,
		    "It has its end: what is put next is another stream.");
	else if (i->finished)
		why_say(w, WHY_INSIDE, "It is finished: nothing more is sent.");
}

static void
tell_unread(struct why *w, const struct shunt_segment_info *i)
{
	if (i->unread == 0)
		why_say(w, WHY_INSIDE, "Nothing in it is unread.");
	else
		why_say(w, WHY_INSIDE, "%" PRIu64 " bytes of %s%s.", i->unread,
		    i->kind == SHUNT_KIND_SERVICE
			? "requests in it are not done with"
			: "records in it are unread",
		    i->receiver ? "" : taker(i->kind));
}

/* Senders that ended and left something unread. */
static void
tell_dead(struct why *w, const struct shunt_participant *list, int n, int kept)
{
	int dead = 0;

	for (int k = 0; k < n; k++) {
		const struct shunt_participant *p = &list[k];

		if (p->alive || p->unread == 0)
			continue;
		if (++dead <= SHOWN)
			why_say(w, WHY_INSIDE,
			    "Process %" PRId64 " (%s) ended and left %" PRIu64
			    " bytes%s.",
			    p->pid, out_safe(p->comm), p->unread,
			    kept ? ", which are kept" : "");
	}
	if (dead > SHOWN)
		why_say(w, WHY_INSIDE, "So did %d more.", dead - SHOWN);
}

static void
tell_lock(struct why *w, const struct shunt_segment_info *i)
{
	if (i->held)
		why_say(
		    w, WHY_INSIDE, "It is held by %s.", holders_text(w->name));
	else
		why_say(w, WHY_INSIDE, "Nobody holds it.");
	if (i->unrepaired)
		why_say(w, WHY_INSIDE,
		    "%s died holding it%s: the next one who takes it is told "
		    "to repair what it guards.",
		    i->recoveries > 0 ? holders_dead(w->name)
				      : "The last holder",
		    i->held ? " before" : "");
}

static void
tell_semaphore(struct why *w, const struct shunt_segment_info *i)
{
	why_say(w, WHY_INSIDE,
	    "%" PRIu32 " permits are free, %" PRIu32
	    " are held by processes that live.",
	    i->value, i->held);
}

static void
tell_recoveries(struct why *w, const struct shunt_segment_info *i)
{
	if (i->recoveries == 0 || (i->kind == SHUNT_KIND_LOCK && i->unrepaired))
		return;
	why_say(w, WHY_INSIDE,
	    "%" PRIu64 " time%s a holder died and it was put right; the last "
	    "was %s.",
	    i->recoveries, i->recoveries == 1 ? "" : "s",
	    holders_dead(w->name));
}

void
why_object_tell(struct why *w, const struct shunt_segment_info *info,
    const struct shunt_participant *list, int n)
{
	switch (info->kind) {
	case SHUNT_KIND_LOCK:
		tell_lock(w, info);
		break;
	case SHUNT_KIND_SEMAPHORE:
		tell_semaphore(w, info);
		break;
	case SHUNT_KIND_EVENT:
		why_say(w, WHY_INSIDE,
		    info->value > 0 ? "A notification waits in it."
				    : "No notification waits in it.");
		return;
	case SHUNT_KIND_TOPIC:
		tell_topic(w, info);
		tell_ends(w, info);
		return;
	default:
		tell_unread(w, info);
		tell_ends(w, info);
		tell_dead(w, list, n, info->kind != SHUNT_KIND_SERVICE);
		return;
	}
	tell_recoveries(w, info);
}
