/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "look.h"
#include "stat.h"

/* What carries messages: lanes, what lies in them, and who is at each end. */

/* In the order of enum shunt_topic_policy. */
static const char *const policies[] = {"",
    "who is slow misses messages, and knows how many",
    "publishers wait for who is slow",
    "while one is slow new messages are dropped, for all",
    "who is slow is told so, once"};

static void
print_policy(const struct shunt_segment_info *i)
{
	stat_field("policy", "%s: %s", look_policy(i->policy),
	    i->policy < sizeof(policies) / sizeof(policies[0])
		? policies[i->policy]
		: "");
}

static void
print_type(const struct shunt_segment_info *i)
{
	if (i->type[0] != 0)
		stat_field("type", "%s", out_safe(i->type));
	if (i->schema != 0)
		stat_field("schema", "%s", look_schema(i->schema));
}

/* A client of a service has two, one there and one back. */
static void
print_lanes(const struct shunt_segment_info *i)
{
	uint32_t each = i->kind == SHUNT_KIND_SERVICE ? 2 : 1;

	stat_field("lanes",
	    "room for %" PRIu32 " %ss at once, %s each%s; %" PRIu32
	    " ever used",
	    i->lanes / each, look_sender(i->kind), out_size(i->lane_bytes),
	    each == 2 ? " way" : "", i->lanes_used / each);
}

static void
print_ends(const struct shunt_segment_info *i)
{
	const char *end = look_end(i->kind), *s = i->receivers == 1 ? "" : "s";
	char name[24];

	snprintf(name, sizeof(name), "%ss", look_sender(i->kind));
	if (i->waiting != 0)
		stat_field(name,
		    "%" PRIu32 " alive, %" PRIu32 " of them wait%s for %s",
		    i->senders, i->waiting, i->waiting == 1 ? "s" : "",
		    look_awaited(i->kind));
	else
		stat_field(name, "%" PRIu32 " alive", i->senders);
	if (i->receivers == 0)
		stat_field(end, "none");
	else if (i->receivers == 1)
		stat_field(end, "%s%s", look_receiver(i->name),
		    i->asleep ? ", asleep" : "");
	else
		stat_field(end, "%" PRIu32 " %s%s alive%s", i->receivers, end,
		    s, i->asleep ? ", some asleep" : "");
}

void
stat_lanes_print(const struct shunt_segment_info *i)
{
	print_type(i);
	if (i->kind == SHUNT_KIND_TOPIC)
		print_policy(i);
	if (i->kind == SHUNT_KIND_STREAM)
		stat_field("lane", "%s", out_size(i->lane_bytes));
	else
		print_lanes(i);
	print_ends(i);
	if (i->kind == SHUNT_KIND_TOPIC)
		stat_field("behind",
		    "%" PRIu64 " bytes: the slowest subscriber", i->unread);
	else
		stat_field("unread", "%" PRIu64 " bytes of records", i->unread);
	if (i->kind != SHUNT_KIND_STREAM)
		stat_field("messages",
		    "%" PRIu64 " %s, %" PRIu64 " sent so far", i->depth,
		    i->kind == SHUNT_KIND_TOPIC ? "still there" : "in it",
		    i->sent);
	stat_field("bytes", "%" PRIu64 " sent so far", i->passed);
	if (i->kind != SHUNT_KIND_TOPIC)
		stat_field("high water",
		    "%" PRIu64 " bytes, as its %ss saw, who look once a lap",
		    i->high_water, look_sender(i->kind));
	if (i->dropped != 0)
		stat_field(i->kind == SHUNT_KIND_TOPIC ? "lost" : "dropped",
		    "%" PRIu64 " messages", i->dropped);
	if (i->finished)
		stat_field("finished",
		    i->kind == SHUNT_KIND_STREAM
			? "it has its end; what is put next is another stream"
			: "nothing more will be sent");
}

/* Where one takes part: a lane, a slot, or the one place there is. */
static const char *
place(const struct shunt_participant *p)
{
	static char text[16];

	if (p->lane != UINT32_MAX)
		snprintf(text, sizeof(text), "%" PRIu32, p->lane);
	else if (p->slot != UINT32_MAX)
		snprintf(text, sizeof(text), "s%" PRIu32, p->slot);
	else
		return "-";
	return text;
}

/* The program stands last: it alone may be long. */
void
stat_participants_print(const struct shunt_segment_info *info,
    const struct shunt_participant *list, int n)
{
	int lanes = look_has_lanes(info->kind);

	if (n == 0)
		return;
	printf("\n%s%5s  %-10s  %7s  %7s  %-8s  %-5s", out_colour(OUT_BOLD),
	    lanes ? "LANE" : "PLACE", "ROLE", "PID", "TID", "USER", "ALIVE");
	if (lanes)
		printf("  %6s  %7s", "UNREAD", "DROPPED");
	printf("  COMMAND%s\n", out_colour(OUT_RESET));
	for (int i = 0; i < n; i++) {
		const struct shunt_participant *p = &list[i];

		printf("%5s  %-10s  %7" PRId64 "  %7" PRId64 "  ", place(p),
		    look_role(p->role), p->pid, p->tid);
		out_cell(out_safe(out_user(p->uid)), 8);
		printf("  %-5s", p->alive ? "yes" : "no");
		if (lanes)
			printf("  %6s  %7" PRIu64,
			    out_size(p->knows ? p->lag : p->unread),
			    p->knows ? p->lost : p->dropped);
		printf("  %s\n", out_safe(p->comm));
	}
}

static json_t *
participant_json(const struct shunt_participant *p)
{
	json_t *o = json_pack("{s:s, s:o, s:b, s:I, s:I, s:o, s:o, s:o, s:o}",
	    "role", look_role(p->role), "lane",
	    p->lane == UINT32_MAX ? json_null() : out_json_int(p->lane),
	    "alive", (int)p->alive, "pid", (json_int_t)p->pid, "tid",
	    (json_int_t)p->tid, "uid", out_json_int(p->uid), "command",
	    out_json_text(p->comm), "unread", out_json_int(p->unread),
	    "dropped", out_json_int(p->dropped));

	json_object_set_new(o, "slot",
	    p->slot == UINT32_MAX ? json_null() : out_json_int(p->slot));
	json_object_set_new(o, "waiting", json_boolean(p->waiting));
	if (p->knows) {
		json_object_set_new(o, "lag", out_json_int(p->lag));
		json_object_set_new(o, "lost", out_json_int(p->lost));
	}
	return o;
}

json_t *
stat_participants_json(const struct shunt_participant *list, int n)
{
	json_t *array = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(array, participant_json(&list[i]));
	return array;
}
