/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
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

/* The holder among the participants, or 0. */
static int
find_holder(const char *name, struct shunt_participant *holder)
{
	struct shunt_segment_info info;
	struct shunt_participant *list;
	int n = look_stat(name, &info, &list), found = 0;

	for (int i = 0; i < n && !found; i++) {
		found = info.held && info.holder_pid > 0 && list[i].alive &&
			list[i].lane == info.held_by;
		*holder = list[i];
	}
	if (n >= 0)
		free(list);
	return found;
}

/* A participant that died: who keeps what it held. */
static const char *
kept_text(const char *name, int64_t pid)
{
	static char text[4096];
	struct look_users kept;

	if (holders_keepers(&kept, name) == 0 && kept.count > 0)
		snprintf(text, sizeof(text),
		    "process %" PRId64 ", which died, and kept by %s", pid,
		    look_users_text(&kept));
	else
		snprintf(text, sizeof(text),
		    "process %" PRId64 ", which has just died", pid);
	look_users_free(&kept);
	return text;
}

static enum look_fate
holder_seat(const char *name, struct look_user *user)
{
	struct shunt_participant holder;
	struct look_users users;
	enum look_fate fate = LOOK_UNSEEN;

	*user = (struct look_user){0};
	if (!find_holder(name, &holder) || look_users(&users, name) < 0)
		return fate;
	fate = look_seat(&users, name, &holder, user);
	look_users_free(&users);
	return fate;
}

const char *
holders_text(const char *name)
{
	static char text[300];
	struct look_user user;

	if (holder_seat(name, &user) == LOOK_DIED)
		return kept_text(name, user.pid);
	if (user.pid == 0)
		return "a process";
	snprintf(text, sizeof(text), "process %s", look_user_text(&user));
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

/* Where the holder is, seen from here: its number here, and whether it died
 * and its program keeps the lock; null if there is none. */
static json_t *
holder_json(const char *name)
{
	struct look_user user;
	enum look_fate fate = holder_seat(name, &user);

	if (user.pid == 0)
		return json_null();
	return json_pack("{s:o, s:b, s:b}", "pid",
	    fate == LOOK_SEEN ? json_integer(user.pid) : json_null(), "died",
	    fate == LOOK_DIED, "seen", fate == LOOK_SEEN);
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
	if (info->kind == SHUNT_KIND_LOCK)
		json_object_set_new(o, "holder", holder_json(name));
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
