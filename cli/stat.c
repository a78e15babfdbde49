/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "look.h"
#include "out.h"

/* shunt stat: everything about one segment and those who use it. */

static void field(const char *name, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
field(const char *name, const char *fmt, ...)
{
	va_list ap;

	printf(
	    "  %s%-10s%s ", out_colour(OUT_DIM), name, out_colour(OUT_RESET));
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static const char *
state_means(const struct shunt_segment_info *info)
{
	switch (info->state) {
	case SHUNT_STATE_LIVE:
		return "somebody has it attached or mapped";
	case SHUNT_STATE_IDLE:
		if (info->kind == SHUNT_KIND_RAW)
			return "nobody has it, but it may be meant to stay";
		return info->persistent
			   ? "nobody has it; it stays until removed"
			   : "nobody has it; it stays for what is unread in it";
	case SHUNT_STATE_ORPHAN:
		return "provably nobody's any more";
	}
	return "whether anybody has it cannot be told from here";
}

static void
print_object(const struct shunt_segment_info *i)
{
	field("lifetime", "%s",
	    i->persistent ? "persistent: stays until removed"
			  : "ephemeral: goes when nobody has it and nothing "
			    "in it is unread");
	if (i->created_ns != 0)
		field("created", "%s, %s ago, by process %" PRId64,
		    out_time(i->created_ns), out_age(i->created_ns),
		    i->creator_pid);
	field("layout", "0x%" PRIx32, i->layout);
	field("lanes",
	    "room for %" PRIu32 " senders at once, %s each; %" PRIu32
	    " ever used",
	    i->lanes, out_size(i->lane_bytes), i->lanes_used);
	field("senders", "%" PRIu32 " alive", i->senders);
	if (!i->receiver)
		field(
		    i->kind == SHUNT_KIND_LOG ? "server" : "receiver", "none");
	else
		field(i->kind == SHUNT_KIND_LOG ? "server" : "receiver",
		    "process %" PRId64 " (%s)", i->receiver_pid,
		    look_comm(i->receiver_pid));
	field("unread", "%" PRIu64 " bytes of records", i->unread);
}

static void
print_info(const struct shunt_segment_info *i)
{
	printf("%s%s%s: %s, %s\n", out_colour(OUT_BOLD), out_safe(i->name),
	    out_colour(OUT_RESET), look_kind(i->kind), look_state(i->state));
	field("state", "%s", state_means(i));
	field("size", "%s (%" PRIu64 " bytes)", out_size(i->size), i->size);
	field("used", "%s of memory (%" PRIu64 " bytes)", out_size(i->used),
	    i->used);
	field("owner", "%s (%" PRIu32 "), group %s (%" PRIu32 ")",
	    out_safe(out_user(i->uid)), i->uid, out_safe(out_group(i->gid)),
	    i->gid);
	field("mode", "%04o", i->mode & 07777);
	field("changed", "%s, %s ago", out_time(i->mtime_ns),
	    out_age(i->mtime_ns));
	if (i->kind != SHUNT_KIND_RAW)
		print_object(i);
}

static void
print_participants(const struct shunt_participant *list, int n)
{
	char lane[16], pid[24];

	if (n == 0)
		return;
	printf("\n%s%5s  %-8s  %8s  %8s  %-10s  %-15s  %-5s  %8s  %8s%s\n",
	    out_colour(OUT_BOLD), "LANE", "ROLE", "PID", "TID", "USER",
	    "COMMAND", "ALIVE", "UNREAD", "DROPPED", out_colour(OUT_RESET));
	for (int i = 0; i < n; i++) {
		const struct shunt_participant *p = &list[i];
		int receives = p->lane == UINT32_MAX;

		snprintf(lane, sizeof(lane), "%" PRIu32, p->lane);
		snprintf(pid, sizeof(pid), "%" PRId64, p->pid);
		printf("%5s  %-8s  %8s  %8" PRId64 "  %-10s  ",
		    receives ? "-" : lane, receives ? "receives" : "sends", pid,
		    p->tid, out_safe(out_user(p->uid)));
		out_cell(out_safe(p->comm), 15);
		printf("  %-5s  %8s  %8" PRIu64 "\n", p->alive ? "yes" : "no",
		    out_size(p->unread), p->dropped);
	}
}

static json_t *
participants_json(const struct shunt_participant *list, int n)
{
	json_t *array = json_array();

	for (int i = 0; i < n; i++) {
		const struct shunt_participant *p = &list[i];
		int receives = p->lane == UINT32_MAX;

		json_array_append_new(array,
		    json_pack("{s:s, s:o, s:b, s:I, s:I, s:o, s:o, s:o, s:o}",
			"role", receives ? "receives" : "sends", "lane",
			receives ? json_null() : out_json_int(p->lane), "alive",
			(int)p->alive, "pid", (json_int_t)p->pid, "tid",
			(json_int_t)p->tid, "uid", out_json_int(p->uid),
			"command", out_json_text(p->comm), "unread",
			out_json_int(p->unread), "dropped",
			out_json_int(p->dropped)));
	}
	return array;
}

static int
print_json(const struct shunt_segment_info *info,
    const struct shunt_participant *list, int n, const struct look_users *users)
{
	json_t *o = look_info_json(info);

	if (o == NULL)
		return CLI_FAILED;
	json_object_set_new(o, "users", look_users_json(users));
	if (info->kind != SHUNT_KIND_RAW)
		json_object_set_new(
		    o, "participants", participants_json(list, n));
	return out_json(o, 1) < 0 ? CLI_FAILED : CLI_DONE;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_segment_info info;
	struct shunt_participant *list;
	struct look_users users;
	int json = 0, n, seen;
	const struct arg table[] = {
	    {0, "json", ARG_FLAG, &json, NULL},
	    {0},
	};
	const struct operands ops = {1, 1, "NAME"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc >= 0)
		return rc;
	n = look_stat(argv[0], &info, &list);
	if (n < 0)
		return fail_cold(cmd, argv[0], n);
	seen = look_users(&users, argv[0]);
	if (json) {
		rc = print_json(&info, list, n, &users);
	} else {
		print_info(&info);
		if (seen < 0)
			field("used by", "?");
		else
			field("used by", "%s",
			    users.count > 0 ? look_users_text(&users)
					    : "nobody that can be seen");
		print_participants(list, n);
		rc = CLI_DONE;
	}
	look_users_free(&users);
	free(list);
	return rc;
}

/* clang-format off */
static const char help[] =
"Tells what a segment is, how much memory it takes, whose it is and who uses\n"
"it; of a queue or log also each participant.  Nothing is touched.  Process\n"
"ids are for people: they are what the participants said of themselves.\n"
"\n"
"      --json        one object, sizes exact\n"
"\n"
"Examples:\n"
"  shunt stat /table\n"
"  shunt stat /jobs --json | jq .unread\n";
/* clang-format on */

const struct command command_stat = {
    .name = "stat",
    .summary = "tell everything about one segment",
    .synopsis = "NAME [--json]",
    .run = run,
    .help = help,
};
