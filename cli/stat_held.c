/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "holders.h"
#include "look.h"
#include "stat.h"

/* Locks, semaphores and events: who holds what, and who died with it. */

#define KEPT 16 /* recoveries that an object remembers */

static void
print_lock(const struct shunt_segment_info *i)
{
	if (i->held)
		stat_field("held", "by %s%s", holders_text(i->name),
		    i->unrepaired ? ", after one that died with it" : "");
	else if (i->unrepaired)
		stat_field("held", "by nobody; the last holder died with it, "
				   "the next one repairs what it guards");
	else
		stat_field("held", "by nobody");
}

void
stat_held_permits(const struct shunt_segment_info *i)
{
	stat_field("permits",
	    "%" PRIu32 " free, %" PRIu32 " held, at most %" PRIu32, i->value,
	    i->held, i->most);
	if (i->unrepaired > 0)
		stat_field("missing",
		    "%" PRIu32 " of a holder that died; the next wait brings "
		    "%s back",
		    i->unrepaired, i->unrepaired == 1 ? "it" : "them");
}

void
stat_held_print(const struct shunt_segment_info *i)
{
	switch (i->kind) {
	case SHUNT_KIND_LOCK:
		print_lock(i);
		break;
	case SHUNT_KIND_SEMAPHORE:
		stat_held_permits(i);
		break;
	case SHUNT_KIND_EVENT:
		stat_field(
		    "pending", "%" PRIu32 " notifications of one", i->value);
		return;
	default:
		return;
	}
	stat_field("recovered", "%" PRIu64 " time%s from a holder that died",
	    i->recoveries, i->recoveries == 1 ? "" : "s");
}

static int
recoveries(const struct shunt_segment_info *i, struct shunt_recovery *list)
{
	if (i->kind != SHUNT_KIND_LOCK && i->kind != SHUNT_KIND_SEMAPHORE)
		return 0;
	return shunt_recoveries(i->name, list, KEPT);
}

void
stat_held_recoveries(const struct shunt_segment_info *info)
{
	struct shunt_recovery list[KEPT];
	int n = recoveries(info, list);
	/* A lock is one: nothing to count. */
	int permits = info->kind == SHUNT_KIND_SEMAPHORE;

	if (n <= 0)
		return;
	printf("\n%s%-19s  %8s  %-15s  %-10s  %s%10s%s\n", out_colour(OUT_BOLD),
	    "RECOVERED", "DIED", "COMMAND", "USER", permits ? "PERMITS  " : "",
	    "NOTICED BY", out_colour(OUT_RESET));
	for (int k = 0; k < n; k++) {
		const struct shunt_recovery *r = &list[k];

		printf(
		    "%-19s  %8" PRId64 "  ", out_time(r->at_ns), r->dead_pid);
		out_cell(out_safe(r->dead_comm), 15);
		printf("  %-10.10s  ", out_safe(out_user(r->dead_uid)));
		if (permits)
			printf("%7" PRIu32 "  ", r->permits);
		printf("%10" PRId64 "\n", r->by_pid);
	}
}

json_t *
stat_held_json(const struct shunt_segment_info *info)
{
	struct shunt_recovery list[KEPT];
	int n = recoveries(info, list);
	json_t *array = json_array();

	for (int k = 0; k < n; k++) {
		const struct shunt_recovery *r = &list[k];

		json_array_append_new(
		    array, json_pack("{s:I, s:I, s:o, s:o, s:o, s:I}", "at_ns",
			       (json_int_t)r->at_ns, "dead_pid",
			       (json_int_t)r->dead_pid, "dead_uid",
			       out_json_int(r->dead_uid), "command",
			       out_json_text(r->dead_comm), "permits",
			       out_json_int(r->permits), "by_pid",
			       (json_int_t)r->by_pid));
	}
	return array;
}
