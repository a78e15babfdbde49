/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "look.h"
#include "stat.h"

/* Queues and logs: lanes, what lies in them, and who is at each end. */

void
stat_lanes_print(const struct shunt_segment_info *i)
{
	const char *end = i->kind == SHUNT_KIND_LOG ? "server" : "receiver";

	stat_field("lanes",
	    "room for %" PRIu32 " senders at once, %s each; %" PRIu32
	    " ever used",
	    i->lanes, out_size(i->lane_bytes), i->lanes_used);
	stat_field("senders", "%" PRIu32 " alive", i->senders);
	if (!i->receiver)
		stat_field(end, "none");
	else
		stat_field(end, "%s", look_receiver(i->name));
	stat_field("unread", "%" PRIu64 " bytes of records", i->unread);
}

/* What an end of this kind of object does. */
static const char *
role(const struct shunt_segment_info *info, const struct shunt_participant *p)
{
	if (!look_has_lanes(info->kind))
		return "uses";
	return p->lane == UINT32_MAX ? "receives" : "sends";
}

/* The program stands last: it alone may be long. */
void
stat_participants_print(const struct shunt_segment_info *info,
    const struct shunt_participant *list, int n)
{
	int lanes = look_has_lanes(info->kind);
	char lane[16];

	if (n == 0)
		return;
	printf("\n%s%5s  %-8s  %7s  %7s  %-8s  %-5s", out_colour(OUT_BOLD),
	    lanes ? "LANE" : "PLACE", "ROLE", "PID", "TID", "USER", "ALIVE");
	if (lanes)
		printf("  %6s  %7s", "UNREAD", "DROPPED");
	printf("  COMMAND%s\n", out_colour(OUT_RESET));
	for (int i = 0; i < n; i++) {
		const struct shunt_participant *p = &list[i];

		snprintf(lane, sizeof(lane), "%" PRIu32, p->lane);
		printf("%5s  %-8s  %7" PRId64 "  %7" PRId64 "  ",
		    p->lane == UINT32_MAX ? "-" : lane, role(info, p), p->pid,
		    p->tid);
		out_cell(out_safe(out_user(p->uid)), 8);
		printf("  %-5s", p->alive ? "yes" : "no");
		if (lanes)
			printf("  %6s  %7" PRIu64, out_size(p->unread),
			    p->dropped);
		printf("  %s\n", out_safe(p->comm));
	}
}

json_t *
stat_participants_json(const struct shunt_segment_info *info,
    const struct shunt_participant *list, int n)
{
	json_t *array = json_array();

	for (int i = 0; i < n; i++) {
		const struct shunt_participant *p = &list[i];

		json_array_append_new(array,
		    json_pack("{s:s, s:o, s:b, s:I, s:I, s:o, s:o, s:o, s:o}",
			"role", role(info, p), "lane",
			p->lane == UINT32_MAX ? json_null()
					      : out_json_int(p->lane),
			"alive", (int)p->alive, "pid", (json_int_t)p->pid,
			"tid", (json_int_t)p->tid, "uid", out_json_int(p->uid),
			"command", out_json_text(p->comm), "unread",
			out_json_int(p->unread), "dropped",
			out_json_int(p->dropped)));
	}
	return array;
}
