/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "fail.h"
#include "out.h"
#include "sem_sysv.h"
#include "why.h"

/* System V: segments, semaphore sets and message queues. */

#define NS_PER_S INT64_C(1000000000)
#define SHOWN    4

static void
tell_time(struct why *w, enum why_title title, const char *what, long long at)
{
	if (at == 0)
		why_say(w, title, "%s: never.", what);
	else
		why_say(w, title, "%s: %s, %s ago.", what,
		    out_time(at * NS_PER_S), out_age(at * NS_PER_S));
}

static void
tell_segment(struct why *w, const struct shunt_sysv_info *v)
{
	why_say(w, WHY_MADE, "Made by %s.",
	    v->creator_pid > 0
		? why_process(v->creator_pid, v->ctime * NS_PER_S)
		: "a process of another PID namespace");
	tell_time(w, WHY_MADE, "Made, or its rights changed", v->ctime);
	why_say(w, WHY_USED, "It is attached %" PRIu64 " time%s.", v->attached,
	    v->attached == 1 ? "" : "s");
	if (v->last_pid > 0)
		why_say(w, WHY_USED, "The last to attach or detach was %s.",
		    why_process(v->last_pid, 0));
	why_say(w, WHY_INSIDE, "Any program's bytes: %" PRIu64 " of them%s.",
	    v->size, v->flags & SHUNT_SYSV_LOCKED ? ", locked in memory" : "");
	if (v->flags & SHUNT_SYSV_DEST)
		why_say(w, WHY_STATE,
		    "It is removed already (dest), and goes with the last "
		    "detach.");
	why_say(w, WHY_KNOWN,
	    "The kernel counts attachments (nattch), in all namespaces; who "
	    "they are, /proc/PID/maps tells.");
}

static void
tell_segment_state(struct why *w, const struct shunt_sysv_info *v)
{
	if (v->attached > 0) {
		w->safe = WHY_UNSAFE;
		why_say(w, WHY_STATE, "Live: somebody has it attached%s.",
		    w->users.count > 0 ? "" : " who cannot be seen from here");
		why_say(w, WHY_REMOVE,
		    "Not now.  Removing it takes it from nobody who has it, "
		    "but its key finds it no more: a program that starts "
		    "later makes another one.  When they have ended:");
	} else {
		w->safe = WHY_ASK;
		why_say(w, WHY_STATE,
		    "Idle: nobody has it attached now, but it may be meant to "
		    "stay: System V does not say.");
		why_say(w, WHY_REMOVE,
		    "No process is hurt by it now.  Whether somebody means to "
		    "come back for it, its owner alone knows; if not:");
	}
	why_say(w, WHY_KNOWN, "True of the moment it was asked.");
}

int
why_sysv(struct why *w)
{
	struct shunt_sysv_info v = {.sz = sizeof(v)};
	struct shunt_segment_info i = {.sz = sizeof(i)};
	int r = shunt_sysv_stat(w->name, &v);
	char id[32];

	if (r < 0)
		return fail_cold(w->cmd, w->name, r);
	if (shunt_segment_stat(w->name, &i, NULL, 0) < 0)
		i.used = v.rounded;
	w->what = "System V segment";
	w->state = v.attached > 0 ? SHUNT_STATE_LIVE : SHUNT_STATE_IDLE;
	r = why_users_sysv(w);
	if (r < 0)
		w->hidden.proc = 1;
	why_owner_tell(w, v.uid, v.gid, v.mode);
	tell_segment(w, &v);
	why_users_tell(w);
	snprintf(id, sizeof(id), "sysv:id=%" PRId32, v.id);
	if (!(v.flags & SHUNT_SYSV_DEST))
		why_command(w, "shunt rm ", id);
	tell_segment_state(w, &v);
	if (geteuid() != v.cuid)
		why_rights_tell(w, v.uid);
	why_say(w, WHY_LOST,
	    "Its bytes, for good: %s of memory would come free%s.",
	    out_size(i.used), v.attached > 0 ? " with the last detach" : "");
	return CLI_DONE;
}

/*
 * The line of /proc/sysvipc/@table that @name (behind its colon) means, as
 * numbers; rights to read the thing itself are not needed.  0 or -errno.
 */
static int
find_line(const char *table, const char *name, long long *field, int count)
{
	char path[64], line[512], *end, file[PATH_MAX];
	int by_id = strncmp(name, "id=", 3) == 0, r = -ENOENT, part = 0;
	long long want;
	FILE *f;

	want = strtoll(name + (by_id ? 3 : 0), &end, 0);
	if (sscanf(name, "ftok=%4095[^,],%i", file, &part) == 2)
		want = ftok(file, part);
	else if (*end != 0 || end == name || (!by_id && want == 0))
		return -EINVAL;
	if (!by_id)
		want = (int32_t)want;
	snprintf(path, sizeof(path), "/proc/sysvipc/%s", table);
	f = fopen(path, "re");
	if (f == NULL)
		return -errno;
	while (r != 0 && fgets(line, sizeof(line), f) != NULL) {
		const char *p = line;

		for (int i = 0; i < count; i++, p = end)
			field[i] = strtoll(p, &end, i == 2 ? 8 : 10);
		if (field[by_id ? 1 : 0] == want && strstr(line, "key") == NULL)
			r = 0;
	}
	fclose(f);
	return r;
}

static int
not_found(struct why *w, const char *what, const char *form, int code)
{
	if (code == -ENOENT)
		return fail_say(
		    w->cmd, "%s: there is no such %s", out_safe(w->name), what);
	if (code == -EINVAL)
		return fail_say(w->cmd,
		    "\"%s\" is no name of a %s; write %s0x1234 or %sid=7",
		    out_safe(w->name), what, form, form);
	return fail_say(w->cmd, "%s: /proc/sysvipc cannot be read: %s",
	    out_safe(w->name), strerror(-code));
}

/* What sets and queues have in common: the kernel notes no users of them. */
static void
tell_unnoted(struct why *w, const char *waiting)
{
	if (w->state == SHUNT_STATE_LIVE) {
		w->safe = WHY_UNSAFE;
		why_say(w, WHY_STATE, "Live: %s.", waiting);
		why_say(w, WHY_REMOVE,
		    "Not now: whoever waits gets an error (EIDRM).  When they "
		    "have ended:");
	} else {
		w->safe = WHY_UNKNOWN;
		why_say(w, WHY_STATE,
		    "Unknown: nobody has it open or mapped, one just uses its "
		    "number, and the kernel notes no users.");
		why_say(w, WHY_REMOVE,
		    "Unknown: ask its owner.  Whoever uses it later gets an "
		    "error (EINVAL).  If nobody needs it:");
	}
	why_say(w, WHY_KNOWN,
	    "From /proc/sysvipc and the kernel's notes of "
	    "the last calls; true of the moment.");
}

static void
tell_values(struct why *w, int id, int n)
{
	int waiting = 0, v = 0, pid = 0;

	for (int i = 0; i < n; i++) {
		v = semctl(id, i, GETVAL);
		if (v < 0) {
			why_say(
			    w, WHY_INSIDE, "Its values may not be read here.");
			return;
		}
		waiting = semctl(id, i, GETNCNT) + semctl(id, i, GETZCNT);
		if (waiting > 0)
			w->state = SHUNT_STATE_LIVE;
		pid = semctl(id, i, GETPID);
		if (i >= SHOWN)
			continue;
		why_say(w, WHY_INSIDE, "Semaphore %d is %d, %d wait%s.", i, v,
		    waiting, waiting == 1 ? "s" : "");
		if (pid > 0)
			why_say(w, WHY_USED, "The last to change %d was %s.", i,
			    why_process(pid, 0));
	}
	if (n > SHOWN)
		why_say(w, WHY_INSIDE, "There are %d more.", n - SHOWN);
}

int
why_semset(struct why *w)
{
	/* key semid perms nsems uid gid cuid cgid otime ctime */
	long long f[10];
	int r = find_line("sem", w->name + 7, f, 10);
	char id[32];

	if (r < 0)
		return not_found(w, "semaphore set", "semset:", r);
	w->what = "System V semaphore set";
	why_owner_tell(w, (uint32_t)f[4], (uint32_t)f[5], (uint32_t)f[2]);
	tell_time(w, WHY_MADE, "Made, or its rights changed", f[9]);
	why_say(w, WHY_MADE, "By which process, the kernel does not note.");
	tell_time(w, WHY_USED, "Last used", f[8]);
	tell_values(w, (int)f[1], (int)f[3]);
	why_say(w, WHY_INSIDE,
	    "Who holds them is unknown: the kernel tells "
	    "nobody who would have to undo (SEM_UNDO).");
	snprintf(id, sizeof(id), "%lld", f[1]);
	why_command(w, "ipcrm -s ", id);
	tell_unnoted(w, "somebody waits on it");
	if (geteuid() != (uint32_t)f[6])
		why_rights_tell(w, (uint32_t)f[4]);
	why_say(w, WHY_LOST, "The values.");
	return CLI_DONE;
}

int
why_msg(struct why *w)
{
	/* key msqid perms cbytes qnum lspid lrpid uid gid cuid cgid stime
	 * rtime ctime */
	long long f[14];
	int r = find_line("msg", w->name + 4, f, 14);
	char id[32];

	if (r < 0)
		return not_found(w, "message queue", "msg:", r);
	w->what = "System V message queue";
	why_owner_tell(w, (uint32_t)f[7], (uint32_t)f[8], (uint32_t)f[2]);
	tell_time(w, WHY_MADE, "Made, or its rights changed", f[13]);
	why_say(w, WHY_MADE, "By which process, the kernel does not note.");
	tell_time(w, WHY_USED, "Last sent to", f[11]);
	if (f[5] > 0)
		why_say(w, WHY_USED, "That was %s.",
		    why_process(f[5], f[11] * NS_PER_S));
	tell_time(w, WHY_USED, "Last received from", f[12]);
	if (f[6] > 0)
		why_say(w, WHY_USED, "That was %s.",
		    why_process(f[6], f[12] * NS_PER_S));
	why_say(w, WHY_INSIDE, "%lld message%s of %lld bytes wait in it.", f[4],
	    f[4] == 1 ? "" : "s", f[3]);
	snprintf(id, sizeof(id), "%lld", f[1]);
	why_command(w, "ipcrm -q ", id);
	tell_unnoted(w, "");
	if (geteuid() != (uint32_t)f[9])
		why_rights_tell(w, (uint32_t)f[7]);
	why_say(w, WHY_LOST,
	    f[4] > 0 ? "The messages that wait in it."
		     : "Nothing: no message waits in it.");
	return CLI_DONE;
}
