/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"
#include "out.h"
#include "why.h"

/* What descriptors alone hold: memfds, files without a name; and message
 * queues of POSIX, which are descriptors too. */

#define MQUEUE "/dev/mqueue"

static void
tell_held(struct why *w, const struct stat *st)
{
	w->state = SHUNT_STATE_HELD;
	w->safe = WHY_UNSAFE;
	why_owner_tell(w, st->st_uid, st->st_gid, st->st_mode);
	why_users_tell(w);
	why_say(w, WHY_INSIDE, "%" PRIu64 " bytes, of which %s take memory.",
	    (uint64_t)st->st_size, out_size((uint64_t)st->st_blocks * 512));
	why_say(w, WHY_STATE,
	    "Held: it has no name, and lives as long as "
	    "somebody has it open or mapped.");
	why_say(w, WHY_REMOVE,
	    "There is nothing to remove.  Its memory comes free when those "
	    "who have it close it or end.");
	why_say(w, WHY_KNOWN,
	    "Their /proc/PID/fd and /proc/PID/maps show it; true of the "
	    "moment it was asked.");
	if (strstr(w->seen_at, "/fd/") != NULL)
		why_say(w, WHY_LOST,
		    "Its bytes, with the last of them.  To save them first: "
		    "cp %s FILE",
		    w->seen_at);
	else
		why_say(w, WHY_LOST, "Its bytes, with the last of them.");
}

/* By a descriptor: its path in /proc; 0, or -errno after telling. */
static int
by_descriptor(struct why *w, long long pid, long long fd, struct stat *st)
{
	char path[80];

	snprintf(path, sizeof(path), "/proc/%lld/fd/%lld", pid, fd);
	if (stat(path, st) < 0) {
		int e = errno;

		fail_say(w->cmd,
		    e == EACCES
			? "%s: process %lld is another user's: root can look"
			: "%s: process %lld has no such descriptor now",
		    out_safe(w->name), pid);
		return -e;
	}
	snprintf(w->seen_at, sizeof(w->seen_at), "%s", path);
	return 0;
}

/* A mapping whose descriptor is closed: listing finds it by its name. */
static int
by_listing(struct why *w, struct stat *st)
{
	const struct shunt_scan_options o = {
	    .sz = sizeof(o), .places = 1u << SHUNT_PLACE_MEMFD};
	struct shunt_segment_info i = {.sz = sizeof(i)};
	struct shunt_scan *scan;
	int found = 0;

	if (shunt_scan_open(&scan, &o) == 0)
		while (!found && shunt_scan_next(scan, &i) == 1)
			found = strcmp(i.name, w->name) == 0;
	shunt_scan_close(&scan);
	if (!found) {
		fail_say(w->cmd, "%s: no process that can be seen maps it now",
		    out_safe(w->name));
		return -ENOENT;
	}
	*st = (struct stat){.st_ino = i.inode,
	    .st_dev = i.device,
	    .st_size = (off_t)i.size,
	    .st_blocks = (blkcnt_t)(i.used / 512),
	    .st_uid = i.uid,
	    .st_gid = i.gid,
	    .st_mode = i.mode};
	return 0;
}

int
why_memfd(struct why *w)
{
	const char *at = strrchr(w->name, '@');
	long long pid = 0, fd = 0;
	struct stat st;
	char end;
	int r;

	if (at != NULL && sscanf(at + 1, "%lld/%lld%c", &pid, &fd, &end) == 2)
		r = by_descriptor(w, pid, fd, &st);
	else if (at != NULL && strstr(at, "/map") != NULL)
		r = by_listing(w, &st);
	else
		return fail_say(w->cmd,
		    "\"%s\" is no name of a memfd; write memfd:NAME@PID/FD",
		    out_safe(w->name));
	if (r < 0)
		return CLI_FAILED;
	w->what = "memfd";
	why_users_file(w, &st);
	why_say(w, WHY_MADE,
	    "By which process, the kernel does not note: it is handed over "
	    "sockets and inherited.");
	tell_held(w, &st);
	return CLI_DONE;
}

int
why_unlinked(struct why *w)
{
	const char *at = strrchr(w->name, '@');
	unsigned long long inode = 0;
	struct stat shm, st;
	char end;

	if (at == NULL || sscanf(at + 1, "%llu%c", &inode, &end) != 1)
		return fail_say(w->cmd,
		    "\"%s\" is no name of an unlinked file; write "
		    "unlinked:/name@INODE",
		    out_safe(w->name));
	if (stat("/dev/shm", &shm) < 0)
		return fail_say(w->cmd, "/dev/shm: %s", strerror(errno));
	st = (struct stat){.st_dev = shm.st_dev, .st_ino = inode};
	why_users_file(w, &st);
	if (w->users.count == 0)
		return fail_say(w->cmd,
		    "%s: no process that can be seen has such a file of "
		    "/dev/shm%s",
		    out_safe(w->name),
		    why_users_hidden(&w->hidden) ? "; root sees more" : "");
	w->what = "nameless file";
	if (stat(w->seen_at, &st) == 0 && st.st_nlink > 0)
		return fail_say(w->cmd,
		    "%s: it has a name still; see `shunt ls`",
		    out_safe(w->name));
	why_say(w, WHY_MADE,
	    "Somebody removed its name while others had it; "
	    "who did, the kernel does not note.");
	tell_held(w, &st);
	return CLI_DONE;
}

/* Is the file system of message queues there to be seen? */
static int
mounted(const char *name, char *path, size_t room, struct stat *st)
{
	snprintf(path, room, MQUEUE "/%s", name);
	return stat(path, st) == 0;
}

static void
tell_queue(struct why *w, mqd_t q)
{
	struct mq_attr a;

	if (q == (mqd_t)-1 || mq_getattr(q, &a) < 0) {
		why_say(w, WHY_INSIDE,
		    "How many messages wait in it may not be read here.");
		why_say(w, WHY_LOST, "What waits in it.");
		return;
	}
	why_say(w, WHY_INSIDE,
	    "%ld of %ld messages wait in it, each of at most %ld bytes.",
	    a.mq_curmsgs, a.mq_maxmsg, a.mq_msgsize);
	why_say(w, WHY_LOST,
	    a.mq_curmsgs > 0 ? "The messages that wait in it."
			     : "Nothing: no message waits in it.");
}

static void
tell_queue_state(struct why *w)
{
	if (w->users.count > 0) {
		w->state = SHUNT_STATE_LIVE;
		w->safe = WHY_UNSAFE;
		why_say(w, WHY_STATE, "Live: somebody has it open.");
		why_say(w, WHY_REMOVE,
		    "Not now: those who have it keep it, and whoever opens "
		    "the name later gets another one.  When they have ended:");
	} else {
		w->safe = WHY_UNKNOWN;
		why_say(w, WHY_STATE,
		    "Unknown: nobody is seen to have it open, but a queue has "
		    "no lease that proves it.");
		why_say(w, WHY_REMOVE,
		    "Unknown, and so no; if you know that it is nobody's:");
	}
	why_say(w, WHY_KNOWN,
	    "By /proc/PID/fd of all processes that can be "
	    "seen; there is no other proof of a queue.");
}

int
why_mq(struct why *w)
{
	char name[NAME_MAX + 2], path[NAME_MAX + 32];
	struct stat st;
	int there;
	mqd_t q;

	snprintf(
	    name, sizeof(name), "/%s", w->name + 3 + strspn(w->name + 3, "/"));
	q = mq_open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (q == (mqd_t)-1 && errno != EACCES)
		return fail_say(w->cmd,
		    "%s: there is no such message queue: %s", out_safe(w->name),
		    strerror(errno));
	there = mounted(name + 1, path, sizeof(path), &st);
	if (!there && (q == (mqd_t)-1 || fstat((int)q, &st) < 0))
		return fail_say(w->cmd,
		    "%s: it is another user's, and " MQUEUE " is not mounted: "
		    "root can look",
		    out_safe(w->name));
	w->what = "POSIX message queue";
	why_users_file(w, &st);
	why_owner_tell(w, st.st_uid, st.st_gid, st.st_mode);
	why_say(w, WHY_MADE, "By which process, the kernel does not note.");
	tell_queue(w, q);
	if (q != (mqd_t)-1)
		mq_close(q);
	why_users_tell(w);
	snprintf(path, sizeof(path), MQUEUE "/%s", name + 1);
	why_command(w,
	    there ? "rm "
		  : "mkdir -p " MQUEUE " && mount -t mqueue none " MQUEUE
		    " && rm ",
	    path);
	tell_queue_state(w);
	why_rights_tell(w, st.st_uid);
	return CLI_DONE;
}
