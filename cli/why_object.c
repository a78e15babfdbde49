/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "holders.h"
#include "out.h"
#include "why.h"

/* Objects of ours: what lies in them, who holds it, who died with it. */

#define SHOWN 6

static void
tell_unread(struct why *w, const struct shunt_segment_info *i)
{
	if (i->unread == 0)
		why_say(w, WHY_INSIDE, "Nothing in it is unread.");
	else
		why_say(w, WHY_INSIDE,
		    "%" PRIu64 " bytes of records in it are unread%s.",
		    i->unread,
		    i->receiver ? ""
		    : i->kind == SHUNT_KIND_LOG
			? "; `shunt tail` shows them, `shunt logd` writes them"
			: "; `shunt recv` takes them");
	if (i->receiver)
		why_say(w, WHY_INSIDE, "Its %s lives: %s.",
		    i->kind == SHUNT_KIND_LOG ? "server" : "receiver",
		    why_process(i->receiver_pid, 0));
	else
		why_say(w, WHY_INSIDE, "It has no %s now.",
		    i->kind == SHUNT_KIND_LOG ? "server" : "receiver");
}

/* Senders that ended and left something unread. */
static void
tell_dead(struct why *w, const struct shunt_participant *list, int n)
{
	int dead = 0;

	for (int k = 0; k < n; k++) {
		const struct shunt_participant *p = &list[k];

		if (p->alive || p->unread == 0)
			continue;
		if (++dead <= SHOWN)
			why_say(w, WHY_INSIDE,
			    "Process %" PRId64 " (%s) ended and left %" PRIu64
			    " bytes, which are kept.",
			    p->pid, out_safe(p->comm), p->unread);
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
	default:
		tell_unread(w, info);
		tell_dead(w, list, n);
		return;
	}
	tell_recoveries(w, info);
}
