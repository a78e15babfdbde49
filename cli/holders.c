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

void
holders_field(const char *name, const char *fmt, ...)
{
	va_list ap;

	printf(
	    "  %s%-10s%s ", out_colour(OUT_DIM), name, out_colour(OUT_RESET));
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

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
	holders_field("owner", "%s, group %s, mode %04o",
	    out_safe(out_user(i->uid)), out_safe(out_group(i->gid)),
	    i->mode & 07777);
	if (i->created_ns != 0)
		holders_field("made", "%s, %s ago, by process %" PRId64,
		    out_time(i->created_ns), out_age(i->created_ns),
		    i->creator_pid);
	holders_field("lifetime", "%s",
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

void
holders_history(const char *name, uint64_t recoveries)
{
	struct shunt_recovery list[HOLDERS_KEPT];
	int n = shunt_recoveries(name, list, HOLDERS_KEPT);

	if (n <= 0)
		return;
	printf("\n%s%-19s  %8s  %-10s  %-15s  %10s  %7s%s\n",
	    out_colour(OUT_BOLD), "DIED HOLDING", "PID", "USER", "COMMAND",
	    "NOTICED BY", "PERMITS", out_colour(OUT_RESET));
	for (int i = 0; i < n; i++) {
		const struct shunt_recovery *r = &list[i];

		printf(
		    "%-19s  %8" PRId64 "  ", out_time(r->at_ns), r->dead_pid);
		out_cell(out_safe(out_user(r->dead_uid)), 10);
		fputs("  ", stdout);
		out_cell(out_safe(r->dead_comm), 15);
		printf(
		    "  %10" PRId64 "  %7" PRIu32 "\n", r->by_pid, r->permits);
	}
	if (recoveries > (uint64_t)n)
		printf(
		    "and %" PRIu64 " before them\n", recoveries - (uint64_t)n);
}

json_t *
holders_history_json(const char *name)
{
	struct shunt_recovery list[HOLDERS_KEPT];
	int n = shunt_recoveries(name, list, HOLDERS_KEPT);
	json_t *array = json_array();

	for (int i = 0; i < n; i++) {
		const struct shunt_recovery *r = &list[i];

		json_array_append_new(
		    array, json_pack("{s:I, s:I, s:o, s:o, s:I, s:o}", "at_ns",
			       (json_int_t)r->at_ns, "dead_pid",
			       (json_int_t)r->dead_pid, "dead_uid",
			       out_json_int(r->dead_uid), "dead_command",
			       out_json_text(r->dead_comm), "by_pid",
			       (json_int_t)r->by_pid, "permits",
			       out_json_int(r->permits)));
	}
	return array;
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
		json_object_set_new(o, "history", holders_history_json(name));
	}
	return out_json(o, 1) < 0 ? CLI_FAILED : CLI_DONE;
}
