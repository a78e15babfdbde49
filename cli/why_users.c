/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "out.h"
#include "why.h"

/*
 * Who has a file open or mapped, by its device and inode, in one pass over
 * /proc; and what that pass could not see.
 */

/* The first PID namespace of a machine has always this number. */
#define FIRST_PIDNS "pid:[4026531836]"

static int
add(struct look_users *users, int64_t pid)
{
	return look_users_add(
	    users, &(struct look_user){.pid = pid, .self = pid});
}

/* 1 if it maps the file, 0 if not, -1 if we may not look. */
static int
maps(struct why *w, const char *pid, const struct stat *st)
{
	unsigned long long inode, begin, end;
	unsigned from, to;
	char path[64], *line = NULL;
	size_t room = 0;
	int found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return errno == EACCES || errno == EPERM ? -1 : 0;
	/* Whole lines: a path in pieces could pass for another mapping. */
	while (!found && getline(&line, &room, f) >= 0)
		found = sscanf(line, "%llx-%llx %*s %*x %x:%x %llu", &begin,
			    &end, &from, &to, &inode) == 5 &&
			inode == st->st_ino && from == major(st->st_dev) &&
			to == minor(st->st_dev);
	if (found && w->seen_at[0] == 0)
		snprintf(w->seen_at, sizeof(w->seen_at),
		    "/proc/%.20s/map_files/%llx-%llx", pid, begin, end);
	free(line);
	fclose(f);
	return found;
}

static int
has_open(struct why *w, const char *pid, const struct stat *st)
{
	char path[80];
	struct dirent *entry;
	struct stat is;
	int found = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		found = isdigit((unsigned char)entry->d_name[0]) &&
			fstatat(dirfd(dir), entry->d_name, &is, 0) == 0 &&
			is.st_ino == st->st_ino && is.st_dev == st->st_dev;
		/* Better than a mapping: the owner may open it, too. */
		if (found && strstr(w->seen_at, "/fd/") == NULL)
			snprintf(w->seen_at, sizeof(w->seen_at),
			    "/proc/%.20s/fd/%.20s", pid, entry->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

/* Does /proc leave out what is not ours? */
static int
hidepid(void)
{
	char line[1024], at[256];
	const char *opt;
	int hides = 0;
	FILE *f;

	if (geteuid() == 0)
		return 0;
	f = fopen("/proc/self/mountinfo", "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%*s %*s %*s %*s %255s", at) == 1 &&
		    strcmp(at, "/proc") == 0) {
			opt = strstr(line, "hidepid=");
			hides = opt != NULL && opt[8] != '0' &&
				strncmp(opt + 8, "off", 3) != 0;
		}
	if (f != NULL)
		fclose(f);
	return hides;
}

static void
look_around(struct why_hidden *h)
{
	char ns[64];
	ssize_t n = readlink("/proc/self/ns/pid", ns, sizeof(ns) - 1);

	ns[n < 0 ? 0 : n] = 0;
	h->pidns = n > 0 && strcmp(ns, FIRST_PIDNS) != 0;
	h->hidepid = hidepid();
}

/* @st NULL: only counts what cannot be looked into. */
static int
pass(struct why *w, const struct stat *st)
{
	static const struct stat none = {0};
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	look_around(&w->hidden);
	if (proc == NULL || access("/proc/self/maps", R_OK) != 0)
		w->hidden.proc = 1;
	while (r == 0 && proc != NULL && (entry = readdir(proc)) != NULL) {
		const char *pid = entry->d_name;
		int m;

		if (!isdigit((unsigned char)pid[0]) ||
		    strtoll(pid, NULL, 10) == getpid())
			continue;
		m = maps(w, pid, st != NULL ? st : &none);
		w->hidden.processes += m < 0;
		if (st != NULL && m >= 0 && has_open(w, pid, st) + m > 0)
			r = add(&w->users, strtoll(pid, NULL, 10));
	}
	if (proc != NULL)
		closedir(proc);
	return r;
}

int
why_users_file(struct why *w, const struct stat *st)
{
	return pass(w, st);
}

int
why_users_sysv(struct why *w)
{
	int r = look_users(&w->users, w->name);

	return r < 0 ? r : pass(w, NULL);
}

int
why_users_hidden(const struct why_hidden *h)
{
	return h->proc || h->hidepid || h->pidns || h->processes > 0;
}

void
why_users_tell(struct why *w)
{
	const struct why_hidden *h = &w->hidden;

	if (w->users.count > 0)
		why_say(w, WHY_USED, "%s %s it open or mapped.",
		    look_users_text(&w->users),
		    w->users.count == 1 ? "has" : "have");
	else if (!h->proc)
		why_say(w, WHY_USED,
		    "No process that can be seen has it open or mapped.");
	if (h->proc)
		why_say(w, WHY_USED,
		    "Which processes have it is unknown: "
		    "there is no /proc to read here.");
	if (h->processes > 0)
		why_say(w, WHY_USED, "%zu process%s cannot be looked into%s.",
		    h->processes, h->processes == 1 ? "" : "es",
		    geteuid() == 0 ? ", not even by root here"
				   : ": they are other users', root can");
	if (h->hidepid)
		why_say(w, WHY_USED,
		    "/proc is mounted with hidepid: how many "
		    "processes it leaves out is unknown.");
	if (h->pidns)
		why_say(w, WHY_USED,
		    "This is a PID namespace of its own, such as a "
		    "container's: processes outside of it are not seen.");
}

/* When the machine started, in seconds since 1970; 0 if unknown. */
static long long
booted(void)
{
	FILE *f = fopen("/proc/stat", "re");
	long long at = 0;
	char line[256];

	while (f != NULL && at == 0 && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "btime %lld", &at) != 1)
			at = 0;
	if (f != NULL)
		fclose(f);
	return at;
}

/* When a process began, in nanoseconds since 1970; 0 if unknown. */
static int64_t
began(int64_t pid)
{
	long long ticks = 0, boot = booted();
	char path[48], line[1024], *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	/* Its name may hold anything, so begin behind the last bracket. */
	p = fgets(line, sizeof(line), f) != NULL ? strrchr(line, ')') : NULL;
	if (p == NULL ||
	    sscanf(p,
		") %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		"%*s %*s %*s %*s %*s %*s %lld",
		&ticks) != 1)
		boot = 0;
	fclose(f);
	return boot == 0
		   ? 0
		   : boot * INT64_C(1000000000) +
			 ticks * (INT64_C(1000000000) / sysconf(_SC_CLK_TCK));
}

const char *
why_process(int64_t pid, int64_t at_ns)
{
	static char ring[3][400];
	static unsigned turn;
	char *to = ring[turn++ % 3];
	const char *comm = look_comm(pid);
	int64_t start = began(pid);

	/* Two seconds: the start of the machine is told in whole ones. */
	if (strcmp(comm, "?") == 0)
		snprintf(to, sizeof(ring[0]),
		    "process %" PRId64
		    " (not there now: it ended, or is hidden or of another "
		    "PID namespace)",
		    pid);
	else if (at_ns != 0 && start > at_ns + INT64_C(2000000000))
		snprintf(to, sizeof(ring[0]),
		    "process %" PRId64
		    " (which ended: that number is a younger process's now)",
		    pid);
	else
		snprintf(
		    to, sizeof(ring[0]), "process %" PRId64 " (%s)", pid, comm);
	return to;
}
