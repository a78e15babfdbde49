/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shunt.h>

#include "fail.h"
#include "out.h"
#include "sem_posix.h"
#include "why.h"

/* Files: raw segments, objects, named semaphores of POSIX. */

#define NS_PER_S INT64_C(1000000000)

/* Names that are known to come from a program: a hint for people. */
static const char *const habits[][2] = {
    {"psm_", "Python's multiprocessing.shared_memory"},
    {"wnsm_", "Python's multiprocessing.shared_memory"},
    {"PostgreSQL.", "PostgreSQL"},
    {"qb-", "libqb (corosync, pacemaker, USBGuard)"},
    {"fastrtps_", "Fast DDS"},
    {"fastdds_", "Fast DDS"},
    {"__IPC_SHM__", "cpp-ipc"},
    {"ecal_", "eCAL"},
    {"iox", "iceoryx"},
    {"pulse-shm-", "PulseAudio"},
    {"pym-", "Python's multiprocessing"},
    {"torch_", "PyTorch"},
    {"nccl-", "NCCL"},
    {"vader_segment.", "Open MPI"},
    {"sm_segment.", "Open MPI"},
    {"lttng-ust-", "LTTng"},
    {".org.chromium.", "Chromium"},
    {"org.chromium.", "Chromium"},
};

static void
tell_habit(struct why *w, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;

	for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++)
		if (strncmp(base, habits[i][0], strlen(habits[i][0])) == 0) {
			why_say(w, WHY_MADE,
			    "Names of this form are given by %s: a hint, no "
			    "proof.",
			    habits[i][1]);
			return;
		}
}

/* The file behind a name. */
static void
path_of(const char *name, char *path, size_t room)
{
	if (strncmp(name, "file:", 5) == 0)
		snprintf(path, room, "%s", name + 5);
	else if (strncmp(name, "fd:", 3) == 0)
		snprintf(path, room, "/proc/self/fd/%s", name + 3);
	else
		snprintf(path, room, "/dev/shm/%s",
		    name + (strncmp(name, "posix:", 6) == 0 ? 6 : 0) +
			strspn(name + (strncmp(name, "posix:", 6) == 0 ? 6 : 0),
			    "/"));
}

/* When it was made, as far as the file system notes that. */
static void
tell_birth(struct why *w, const char *path, const struct stat *st)
{
	int64_t changed = st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec;
	struct statx x;

	if (statx(AT_FDCWD, path, 0, STATX_BTIME, &x) == 0 &&
	    (x.stx_mask & STATX_BTIME) != 0) {
		int64_t at = x.stx_btime.tv_sec * NS_PER_S;

		why_say(w, WHY_MADE,
		    "Made %s, %s ago; by which process, the kernel does not "
		    "note.",
		    out_time(at), out_age(at));
	} else {
		why_say(w, WHY_MADE,
		    "When it was made, and by which process, is not noted "
		    "anywhere.");
	}
	why_say(w, WHY_MADE,
	    "Last changed %s ago by a write or resize; "
	    "stores into a mapping need not show there.",
	    out_age(changed));
}

static void
tell_lost(struct why *w, const struct shunt_segment_info *i)
{
	if (i->kind == SHUNT_KIND_RAW || i->kind == SHUNT_KIND_OTHER)
		why_say(w, WHY_LOST,
		    "Its bytes, for good: %s of memory would come free%s.",
		    out_size(i->used),
		    w->state == SHUNT_STATE_LIVE ? " with its last user" : "");
	else if (look_has_lanes(i->kind) && i->unread > 0)
		why_say(w, WHY_LOST,
		    "%" PRIu64 " bytes of %s; %s of memory would come free.",
		    i->unread,
		    i->kind == SHUNT_KIND_SERVICE
			? "requests, unless they were begun or given up"
			: "records that nobody has read",
		    out_size(i->used));
	else
		why_say(w, WHY_LOST,
		    "Nothing that is unread; %s of memory would come free.",
		    out_size(i->used));
}

static void
tell_object(struct why *w, const struct shunt_segment_info *i,
    const struct shunt_participant *list, int n)
{
	if (i->created_ns != 0)
		why_say(w, WHY_MADE, "Made %s, %s ago, by %s.",
		    out_time(i->created_ns), out_age(i->created_ns),
		    why_process(i->creator_pid, i->created_ns));
	why_object_tell(w, i, list, n);
}

static void
tell_raw(struct why *w, const char *path, const struct stat *st,
    const struct shunt_segment_info *i)
{
	tell_birth(w, path, st);
	tell_habit(w, path);
	why_say(w, WHY_INSIDE, "%s%" PRIu64 " bytes, of which %s take memory.",
	    i->kind == SHUNT_KIND_RAW
		? "Any program's bytes without a header of ours: "
		: "What it holds may not be read here: ",
	    i->size, out_size(i->used));
}

/* What lstat alone knows, of a file that we may not read. */
static void
from_outside(struct shunt_segment_info *i, const struct stat *st)
{
	*i = (struct shunt_segment_info){.sz = sizeof(*i),
	    .kind = SHUNT_KIND_OTHER,
	    .size = (uint64_t)st->st_size,
	    .used = (uint64_t)st->st_blocks * 512,
	    .uid = st->st_uid,
	    .gid = st->st_gid,
	    .mode = st->st_mode};
}

static const char *
title_of(const struct shunt_segment_info *i, int closed)
{
	if (closed)
		return "segment that may not be read";
	if (i->kind == SHUNT_KIND_RAW)
		return "raw segment";
	return look_kind(i->kind);
}

int
why_segment(struct why *w)
{
	struct shunt_participant *list = NULL;
	struct shunt_segment_info i;
	char path[PATH_MAX];
	struct stat st;
	int n = look_stat(w->name, &i, &list), closed = n == -EACCES;

	path_of(w->name, path, sizeof(path));
	if (stat(path, &st) < 0 && (n >= 0 || closed))
		n = -errno, closed = 0;
	if (n < 0 && !(closed && S_ISREG(st.st_mode))) {
		free(list);
		return fail_cold(w->cmd, w->name, n);
	}
	if (closed)
		from_outside(&i, &st);
	w->what = title_of(&i, closed);
	why_users_file(w, &st);
	w->state = i.state;
	/* Who has it open and does not map it, /proc alone shows. */
	if (w->state == SHUNT_STATE_UNKNOWN && w->users.count > 0)
		w->state = SHUNT_STATE_LIVE;
	why_owner_tell(w, i.uid, i.gid, i.mode);
	if (closed || i.kind == SHUNT_KIND_RAW || i.kind == SHUNT_KIND_OTHER)
		tell_raw(w, path, &st, &i);
	else
		tell_object(w, &i, list, n);
	why_users_tell(w);
	if (strncmp(w->name, "fd:", 3) != 0)
		why_command(w, "shunt rm ", w->name);
	why_state_tell(w, closed ? SHUNT_KIND_RAW : i.kind, (int)i.persistent);
	why_rights_tell(w, i.uid);
	tell_lost(w, &i);
	free(list);
	return CLI_DONE;
}

/* The value, by libc's own look at a private copy. */
static void
tell_value(struct why *w, const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	sem_t copy;
	int v = 0;
	ssize_t n = fd >= 0 ? pread(fd, &copy, sizeof(copy), 0) : -1;

	if (fd >= 0)
		close(fd);
	if (n != (ssize_t)sizeof(copy) || sem_getvalue(&copy, &v) < 0)
		why_say(w, WHY_INSIDE, "Its value may not be read here.");
	else
		why_say(
		    w, WHY_INSIDE, "Its value is %d: so many can take it.", v);
	why_say(w, WHY_INSIDE,
	    "Who holds it is unknown: libc notes no holders, so what one took "
	    "who died stays taken.");
}

int
why_sem(struct why *w)
{
	const char *given = w->name + 4 + strspn(w->name + 4, "/");
	char name[NAME_MAX + 8];
	struct shunt_segment_info i;
	struct sem sem = {.cmd = w->cmd, .name = w->name};
	struct sem_file f;
	int rc = sem_posix_find(&sem, &f);

	if (rc == CLI_DONE && !S_ISREG(f.st.st_mode))
		rc = sem_posix_check(&sem, &f);
	if (rc != CLI_DONE)
		return rc;
	w->what = "POSIX named semaphore of libc";
	why_users_file(w, &f.st);
	i = (struct shunt_segment_info){.sz = sizeof(i)};
	snprintf(name, sizeof(name), "/sem.%s", given);
	if (shunt_segment_stat(name, &i, NULL, 0) >= 0)
		w->state = i.state;
	if (w->state == SHUNT_STATE_UNKNOWN && w->users.count > 0)
		w->state = SHUNT_STATE_LIVE;
	why_owner_tell(w, f.st.st_uid, f.st.st_gid, f.st.st_mode);
	tell_birth(w, f.path, &f.st);
	tell_value(w, f.path);
	why_users_tell(w);
	why_command(w, "shunt sem rm ", w->name);
	why_state_tell(w, SHUNT_KIND_RAW, 0);
	why_rights_tell(w, f.st.st_uid);
	why_say(w, WHY_LOST,
	    "Its value: who opens it anew begins with a value of his own, and "
	    "those who have the old one wait for each other without him.");
	return CLI_DONE;
}
