/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "why.h"

/* In what state it is, what follows from that, and how it is known. */

void
why_owner_tell(struct why *w, uint32_t uid, uint32_t gid, uint32_t mode)
{
	why_say(w, WHY_MADE, "It belongs to %s, group %s, mode %04o.",
	    out_safe(out_user(uid)), out_safe(out_group(gid)),
	    (unsigned)mode & 07777);
}

void
why_rights_tell(struct why *w, uint32_t uid)
{
	char line[sizeof(w->remove)];

	if (geteuid() == 0 || geteuid() == uid || w->remove[0] == 0)
		return;
	if (uid == 0)
		why_say(w, WHY_REMOVE, "Only root may do it:");
	else
		why_say(w, WHY_REMOVE,
		    "Only %s or root may do it:", out_safe(out_user(uid)));
	snprintf(line, sizeof(line), "%s", w->remove);
	snprintf(w->remove, sizeof(w->remove), "sudo %.2390s", line);
}

static void
tell_live(struct why *w, uint32_t kind)
{
	w->safe = WHY_UNSAFE;
	if (w->users.count > 0)
		why_say(w, WHY_STATE, "Live: somebody has it.");
	else
		why_say(w, WHY_STATE,
		    "Live: somebody has it who cannot be seen from here, such "
		    "as a process of another user or in a container.");
	if (kind == SHUNT_KIND_RAW) {
		why_say(w, WHY_REMOVE,
		    "Not now.  Removing the name takes the memory from nobody "
		    "who has it, but whoever comes for the name afterwards "
		    "finds nothing, or another one.  When they have ended:");
		why_say(w, WHY_KNOWN,
		    w->users.count > 0
			? "Their /proc/PID/maps and /proc/PID/fd show the "
			  "file."
			: "The kernel refused a lease on the file "
			  "(F_SETLEASE): somebody has it open or mapped, in "
			  "this namespace or another.");
	} else {
		why_say(w, WHY_REMOVE,
		    "Not now: it is refused while somebody has it, and with "
		    "--force their next call fails.  When they have ended:");
	}
}

static void
tell_idle(struct why *w, uint32_t kind, int persistent)
{
	w->safe = WHY_ASK;
	if (kind == SHUNT_KIND_RAW) {
		why_say(w, WHY_STATE,
		    "Idle: nobody has it open or mapped now, but it may be "
		    "meant to stay: raw memory does not say.");
		why_say(w, WHY_KNOWN,
		    "The kernel granted a lease on the file (F_SETLEASE), "
		    "which it does only if nobody has it open or mapped, in "
		    "any namespace.");
	} else if (persistent) {
		why_say(w, WHY_STATE,
		    "Idle: nobody has it attached, but it was made to stay "
		    "until it is removed.");
	} else {
		why_say(w, WHY_STATE,
		    "Idle: nobody has it attached; it stays for what is left "
		    "in it.");
	}
	why_say(w, WHY_REMOVE,
	    "No process is hurt by it now.  Whether somebody means to come "
	    "back for it, its owner alone knows; if not:");
}

static void
tell_unknown(struct why *w)
{
	w->safe = WHY_UNKNOWN;
	why_say(w, WHY_STATE,
	    "Unknown: whether anybody has it cannot be told from here.");
	why_say(w, WHY_REMOVE,
	    "Unknown, and so no.  Ask once more as its owner or as root.  If "
	    "it is then nobody's:");
	why_say(w, WHY_KNOWN,
	    "The kernel grants the proof, a lease, to the owner and to root "
	    "alone; that nobody is seen proves nothing.");
}

void
why_state_tell(struct why *w, uint32_t kind, int persistent)
{
	switch (w->state) {
	case SHUNT_STATE_LIVE:
		tell_live(w, kind);
		break;
	case SHUNT_STATE_IDLE:
		tell_idle(w, kind, persistent);
		break;
	case SHUNT_STATE_ORPHAN:
		w->safe = WHY_SAFE;
		why_say(
		    w, WHY_STATE, "Orphan: it is provably nobody's any more.");
		why_say(w, WHY_REMOVE,
		    "Yes: it is asked once more under the removal lock, so "
		    "nobody can come in between.");
		break;
	default:
		tell_unknown(w);
	}
	if (kind != SHUNT_KIND_RAW && kind != SHUNT_KIND_OTHER)
		why_say(w, WHY_KNOWN,
		    "Each participant holds a lock byte of the file, which "
		    "the kernel gives back when he dies, in any namespace; "
		    "process ids and names are what he noted, for people.");
	why_say(w, WHY_KNOWN, "True of the moment it was asked.");
}
