/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "holders.h"
#include "out.h"
#include "stat.h"

void
holders_head(const char *name, const char *fmt, ...)
{
	va_list ap;

	printf("%s%s%s: ", out_colour(OUT_BOLD), out_safe(name),
	    out_colour(OUT_RESET));
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void
holders_object(const struct shunt_segment_info *i)
{
	stat_field("owner", "%s, group %s, mode %04o",
	    out_safe(out_user(i->uid)), out_safe(out_group(i->gid)),
	    i->mode & 07777);
	if (i->created_ns != 0)
		stat_field("made", "%s, %s ago, by process %" PRId64,
		    out_time(i->created_ns), out_age(i->created_ns),
		    i->creator_pid);
	stat_field("lifetime", "%s",
	    i->persistent ? "persistent: stays until removed"
			  : "ephemeral: goes when nobody needs it any more");
}

/* 1 if the process is there, be it another user's. */
static int
lives(int64_t pid)
{
	return pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

const char *
holders_text(const char *name, int64_t pid)
{
	static char text[4096];
	struct look_users kept = {0};

	if (pid <= 0)
		return "a process";
	if (!lives(pid) && holders_keepers(&kept, name) == 0 && kept.count > 0)
		snprintf(text, sizeof(text),
		    "process %" PRId64 ", which died, and kept by %s", pid,
		    look_users_text(&kept));
	else
		snprintf(text, sizeof(text), "process %" PRId64 " (%s)", pid,
		    look_comm(pid));
	look_users_free(&kept);
	return text;
}

const char *
holders_dead(const char *name)
{
	static char text[256];
	struct shunt_recovery last;

	if (shunt_recoveries(name, &last, 1) < 1)
		return "a process";
	snprintf(text, sizeof(text), "process %" PRId64 " (%s) of %s",
	    last.dead_pid, out_safe(last.dead_comm),
	    out_safe(out_user(last.dead_uid)));
	return text;
}

int
holders_stat(const struct command *cmd, const char *name, uint32_t kind,
    struct shunt_segment_info *info)
{
	int r;

	*info = (struct shunt_segment_info){.sz = sizeof(*info)};
	r = shunt_segment_stat(name, info, NULL, 0);
	if (r == -ENOENT)
		return fail_say(cmd, "%s: there is no such %s now",
		    out_safe(name), look_kind(kind));
	if (r < 0)
		return fail_cold(cmd, name, r);
	if (info->kind != kind)
		return fail_say(cmd,
		    "%s: it is no %s, its kind is %s; see `shunt stat %s`",
		    out_safe(name), look_kind(kind), look_kind(info->kind),
		    out_safe(name));
	return CLI_DONE;
}

int
holders_json(const char *name, const struct shunt_segment_info *info)
{
	struct look_users users = {0};
	json_t *o = look_info_json(info);

	if (o == NULL)
		return CLI_FAILED;
	if (look_users(&users, name) < 0)
		users = (struct look_users){0};
	json_object_set_new(o, "users", look_users_json(&users));
	look_users_free(&users);
	/* As foreign ones have it. */
	if (info->kind == SHUNT_KIND_SEMAPHORE)
		json_object_set_new(o, "value", out_json_int(info->value));
	if (info->kind != SHUNT_KIND_EVENT) {
		if (holders_keepers(&users, name) < 0)
			users = (struct look_users){0};
		json_object_set_new(o, "kept_by", look_users_json(&users));
		look_users_free(&users);
		json_object_set_new(o, "recovered", stat_held_json(info));
	}
	return out_json(o, 1) < 0 ? CLI_FAILED : CLI_DONE;
}
