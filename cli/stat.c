/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "look.h"
#include "out.h"
#include "stat.h"

/* shunt stat: everything about one segment and those who use it. */

void
stat_field(const char *name, const char *fmt, ...)
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
	if (look_dest(info))
		return "removed, and there until the last one detaches it";
	switch (info->state) {
	case SHUNT_STATE_LIVE:
		return "somebody has it attached or mapped";
	case SHUNT_STATE_IDLE:
		if (info->kind == SHUNT_KIND_RAW)
			return "nobody has it, but it may be meant to stay";
		return info->persistent
			   ? "nobody has it; it stays until removed"
		       : look_has_lanes(info->kind)
			   ? "nobody has it; it stays for what is unread in it"
			   : "nobody has it; it stays for what is left to do";
	case SHUNT_STATE_ORPHAN:
		return "provably nobody's any more";
	}
	return "whether anybody has it cannot be told from here";
}

static const char *
lifetime(const struct shunt_segment_info *i)
{
	if (i->persistent)
		return "persistent: stays until removed";
	if (i->kind == SHUNT_KIND_TOPIC)
		return "ephemeral: goes when nobody has it";
	if (look_has_lanes(i->kind))
		return "ephemeral: goes when nobody has it and nothing in it "
		       "is unread";
	return "ephemeral: goes when nobody has it and nothing in it is left "
	       "to do";
}

static void
print_object(const struct shunt_segment_info *i)
{
	stat_field("lifetime", "%s", lifetime(i));
	if (i->created_ns != 0)
		stat_field("created", "%s, %s ago, by process %" PRId64,
		    out_time(i->created_ns), out_age(i->created_ns),
		    i->creator_pid);
	stat_field("layout", "0x%" PRIx32, i->layout);
	if (look_has_lanes(i->kind))
		stat_lanes_print(i);
	else
		stat_held_print(i);
}

static void
print_file(const struct shunt_segment_info *i)
{
	stat_field(
	    "size", "%s (%" PRIu64 " bytes)", out_size(i->size), i->size);
	stat_field("used", "%s of memory (%" PRIu64 " bytes)",
	    out_size(i->used), i->used);
	stat_field("owner", "%s (%" PRIu32 "), group %s (%" PRIu32 ")",
	    out_safe(out_user(i->uid)), i->uid, out_safe(out_group(i->gid)),
	    i->gid);
	stat_field("mode", "%04o", i->mode & 07777);
	stat_field("changed", "%s, %s ago", out_time(i->mtime_ns),
	    out_age(i->mtime_ns));
	if (i->kind != SHUNT_KIND_RAW)
		print_object(i);
}

static int
print_info(const char *name, const struct shunt_segment_info *i)
{
	printf("%s%s%s: %s, %s\n", out_colour(OUT_BOLD), out_safe(i->name),
	    out_colour(OUT_RESET), look_kind(i->kind),
	    look_dest(i) ? "dest" : look_state(i->state));
	stat_field("state", "%s", state_means(i));
	if (look_sysv(name))
		return stat_sysv_print(name, i);
	print_file(i);
	return 0;
}

/* What there is to tell: about itself, its users and its ends. */
struct told {
	struct shunt_segment_info info;
	struct shunt_participant *list;
	int n;
	struct look_users users;
	int seen; /* 0, or why users are not known */
};

static int
print_json(const char *name, const struct told *t)
{
	json_t *o = look_info_json(&t->info);

	if (o == NULL)
		return -ENOMEM;
	if (look_sysv(name)) {
		int r = stat_sysv_json(name, o);

		if (r < 0) {
			json_decref(o);
			return r;
		}
	}
	json_object_set_new(o, "users", look_users_json(&t->users));
	if (t->info.kind != SHUNT_KIND_RAW)
		json_object_set_new(
		    o, "participants", stat_participants_json(t->list, t->n));
	if (t->info.kind == SHUNT_KIND_LOCK ||
	    t->info.kind == SHUNT_KIND_SEMAPHORE)
		json_object_set_new(o, "recovered", stat_held_json(&t->info));
	return out_json(o, 1);
}

static int
print_text(const char *name, const struct told *t)
{
	int r = print_info(name, &t->info);

	if (r < 0)
		return r;
	if (t->seen < 0)
		stat_field("used by", "?");
	else
		stat_field("used by", "%s",
		    t->users.count > 0 ? look_users_text(&t->users)
				       : "nobody that can be seen");
	stat_participants_print(&t->info, t->list, t->n);
	stat_held_recoveries(&t->info);
	return 0;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct told t;
	int json = 0, r;
	const struct arg table[] = {
	    {0, "json", ARG_FLAG, &json, NULL},
	    {0},
	};
	const struct operands ops = {1, 1, "NAME"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc >= 0)
		return rc;
	t.n = look_stat(argv[0], &t.info, &t.list);
	if (t.n < 0)
		return fail_cold(cmd, argv[0], t.n);
	t.seen = look_users(&t.users, argv[0]);
	r = json ? print_json(argv[0], &t) : print_text(argv[0], &t);
	look_users_free(&t.users);
	free(t.list);
	return r < 0 ? fail_cold(cmd, argv[0], r) : CLI_DONE;
}

/* clang-format off */
static const char help[] =
"Tells what a segment is, how much memory it takes, whose it is and who uses\n"
"it: of System V all that IPC_STAT knows, of what carries messages each end,\n"
"of a lock or semaphore who holds it, and the last holders that died with it.\n"
"Nothing is touched.  Process ids are for people: they are what was true when\n"
"they were noted.\n"
"\n"
"      --json        one object, sizes exact\n"
"\n"
"Examples:\n"
"  shunt stat /table\n"
"  shunt create sysv:0x1234 5000 && shunt stat sysv:0x1234\n"
"  shunt stat /jobs --json | jq .unread\n";
/* clang-format on */

const struct command command_stat = {
    .name = "stat",
    .summary = "tell everything about one segment",
    .synopsis = "NAME [--json]",
    .run = run,
    .help = help,
};
