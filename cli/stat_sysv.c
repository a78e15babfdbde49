/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "look.h"
#include "stat.h"

/* What IPC_STAT tells of a System V segment, in words. */

#define NS_PER_S INT64_C(1000000000)

/* "12 (cat)"; a process that ended, or is in another pid namespace. */
static const char *
process(int64_t pid)
{
	static char ring[2][64];
	static unsigned turn;
	char *to = ring[turn++ % 2];
	const char *comm = look_comm(pid);

	if (pid <= 0)
		snprintf(to, sizeof(ring[0]), "none that can be seen");
	else if (strcmp(comm, "?") == 0)
		snprintf(to, sizeof(ring[0]),
		    "process %" PRId64 ", which has ended", pid);
	else
		snprintf(to, sizeof(ring[0]), "process %" PRId64 " (%.30s)",
		    pid, comm);
	return to;
}

static void
when(const char *name, int64_t s)
{
	if (s == 0)
		stat_field(name, "never");
	else
		stat_field(name, "%s, %s ago", out_time(s * NS_PER_S),
		    out_age(s * NS_PER_S));
}

static int
ask(const char *name, struct shunt_sysv_info *i)
{
	*i = (struct shunt_sysv_info){.sz = sizeof(*i)};
	return shunt_sysv_stat(name, i);
}

static void
print_who(const struct shunt_sysv_info *i)
{
	stat_field("owner", "%s (%" PRIu32 "), group %s (%" PRIu32 ")",
	    out_safe(out_user(i->uid)), i->uid, out_safe(out_group(i->gid)),
	    i->gid);
	stat_field("creator", "%s (%" PRIu32 "), group %s (%" PRIu32 ")",
	    out_safe(out_user(i->cuid)), i->cuid, out_safe(out_group(i->cgid)),
	    i->cgid);
	stat_field("mode", "%04" PRIo32, i->mode);
	stat_field("made by", "%s", process(i->creator_pid));
}

int
stat_sysv_print(const char *name, const struct shunt_segment_info *info)
{
	struct shunt_sysv_info i;
	int r = ask(name, &i);

	if (r < 0)
		return r;
	if (i.key != 0)
		stat_field("key", "%s", look_key(i.key));
	else
		stat_field(
		    "key", "none: sysv:id=%" PRId32 " alone finds it", i.id);
	stat_field("id", "%" PRId32, i.id);
	stat_field("size",
	    "%" PRIu64 " bytes asked for, %" PRIu64 " taken (whole pages)",
	    i.size, i.rounded);
	stat_field("used", "%s of memory (%" PRIu64 " bytes)",
	    out_size(info->used), info->used);
	print_who(&i);
	stat_field("attached", "%" PRIu64 " time%s", i.attached,
	    i.attached == 1 ? "" : "s");
	stat_field("last user", "%s", process(i.last_pid));
	when("attach", i.atime);
	when("detach", i.dtime);
	when("changed", i.ctime);
	stat_field("removed", "%s",
	    i.flags & SHUNT_SYSV_DEST
		? "yes: it goes with the last detach (dest)"
		: "no");
	stat_field("locked", "%s",
	    i.flags & SHUNT_SYSV_LOCKED ? "in memory, never in swap"
					: "no: it may go to swap");
	return 0;
}

int
stat_sysv_json(const char *name, json_t *o)
{
	struct shunt_sysv_info i;
	int r = ask(name, &i);

	if (r < 0)
		return r;
	json_object_set_new(o, "rounded", out_json_int(i.rounded));
	json_object_set_new(o, "creator_uid", out_json_int(i.cuid));
	json_object_set_new(o, "creator_gid", out_json_int(i.cgid));
	json_object_set_new(o, "creator_pid", json_integer(i.creator_pid));
	json_object_set_new(o, "attach_time", json_integer(i.atime));
	json_object_set_new(o, "detach_time", json_integer(i.dtime));
	json_object_set_new(o, "change_time", json_integer(i.ctime));
	return 0;
}
