/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "look.h"
#include "out.h"

/* Can another process and this one share memory; if not, why not. */

/* 1 the same, 0 another, -errno: may not be asked. */
static int
same(const struct doctor *d, const char *what)
{
	char path[64], mine[64], his[64];
	ssize_t m, h;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", what);
	m = readlink(path, mine, sizeof(mine));
	if (m < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/%lld/ns/%s", d->peer, what);
	h = readlink(path, his, sizeof(his));
	if (h < 0)
		return -errno;
	return m == h && memcmp(mine, his, (size_t)m) == 0;
}

static void
not_asked(struct doctor *d, const char *what, int code)
{
	doctor_say(d, DOCTOR_UNKNOWN,
	    "Its %s namespace may not be looked at (%s): root can.", what,
	    strerror(-code));
}

static void
tell_apart(struct doctor *d, int mount, int root)
{
	doctor_say(d, DOCTOR_TROUBLE,
	    "You and process %lld (%s) cannot see each other's " DOCTOR_SHM
	    ", because %s: names made here are not there.",
	    d->peer, look_comm(d->peer),
	    mount == 0 ? "you are in different mount namespaces, such as two "
			 "containers, with a " DOCTOR_SHM " each"
	    : root     ? "its root directory is another one (chroot)"
		       : "it was mounted anew, and it has the old one");
	doctor_fix(d,
	    "nsenter -t %lld -m -i shunt ls   # docker: --ipc=container:NAME, "
	    "or -v " DOCTOR_SHM ":" DOCTOR_SHM " for both",
	    d->peer);
}

static void
shm(struct doctor *d)
{
	char path[64];
	struct stat mine, his, here, there;
	int mount = same(d, "mnt"), root;

	snprintf(path, sizeof(path), "/proc/%lld/root" DOCTOR_SHM, d->peer);
	if (stat(DOCTOR_SHM, &mine) < 0) {
		doctor_say(d, DOCTOR_TROUBLE,
		    "There is no " DOCTOR_SHM " here: %s.", strerror(errno));
		return;
	}
	if (stat(path, &his) < 0) {
		if (errno == ENOENT)
			doctor_say(d, DOCTOR_TROUBLE,
			    "Process %lld has no " DOCTOR_SHM " where it is.",
			    d->peer);
		else
			not_asked(d, "mount", -errno);
		return;
	}
	if (mine.st_dev == his.st_dev && mine.st_ino == his.st_ino) {
		doctor_say(d, DOCTOR_OK,
		    "You and process %lld (%s) have the same " DOCTOR_SHM
		    "%s: POSIX segments are shared.",
		    d->peer, look_comm(d->peer),
		    mount == 0 ? ", though in different mount namespaces" : "");
		return;
	}
	snprintf(path, sizeof(path), "/proc/%lld/root", d->peer);
	root = stat("/", &here) == 0 && stat(path, &there) == 0 &&
	       (here.st_dev != there.st_dev || here.st_ino != there.st_ino);
	tell_apart(d, mount, root);
}

static void
ipc(struct doctor *d)
{
	int r = same(d, "ipc");

	if (r < 0) {
		not_asked(d, "IPC", r);
	} else if (r > 0) {
		doctor_say(d, DOCTOR_OK,
		    "The same IPC namespace: System V and message queues are "
		    "shared.");
	} else {
		doctor_say(d, DOCTOR_TROUBLE,
		    "Different IPC namespaces: keys and identifiers of System "
		    "V, and message queues, are not the same there; " DOCTOR_SHM
		    " is not concerned.");
		doctor_fix(d,
		    "nsenter -t %lld -i ipcs   # docker: --ipc=container:NAME",
		    d->peer);
	}
}

static void
pid(struct doctor *d)
{
	int r = same(d, "pid");

	if (r < 0)
		not_asked(d, "PID", r);
	else if (r > 0)
		doctor_say(d, DOCTOR_OK,
		    "The same PID namespace: process ids mean the same.");
	else
		doctor_say(d, DOCTOR_WARNING,
		    "Different PID namespaces: a process id that one notes "
		    "means another process, or none, to the other.  Objects "
		    "of shunt are not concerned: they go by lock bytes.");
}

static void
user(struct doctor *d)
{
	int r = same(d, "user");

	if (r < 0)
		not_asked(d, "user", r);
	else if (r > 0)
		doctor_say(d, DOCTOR_OK,
		    "The same user namespace: owners and modes mean the same.");
	else
		doctor_say(d, DOCTOR_WARNING,
		    "Different user namespaces: its root may be a plain user "
		    "here, so a segment of mode 0600 may be closed to it; see "
		    "/proc/%lld/uid_map.",
		    d->peer);
}

static void
clocks(struct doctor *d)
{
	int r = same(d, "time");

	if (r == -ENOENT)
		doctor_say(d, DOCTOR_OK,
		    "This kernel has no time namespaces: one clock for all.");
	else if (r < 0)
		not_asked(d, "time", r);
	else if (r > 0)
		doctor_say(d, DOCTOR_OK,
		    "The same time namespace: stamps of one are right for the "
		    "other.");
	else
		doctor_say(d, DOCTOR_TROUBLE,
		    "Different time namespaces: its monotonic clock has "
		    "another beginning, so one log cannot be in order, and is "
		    "refused at attach.");
}

static void
owner(struct doctor *d)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%lld", d->peer);
	if (stat(path, &st) < 0)
		doctor_say(
		    d, DOCTOR_UNKNOWN, "Process %lld has ended.", d->peer);
	else if (st.st_uid == geteuid())
		doctor_say(d, DOCTOR_OK,
		    "It runs as you do: a segment of mode 0600 is enough.");
	else
		doctor_say(d, DOCTOR_WARNING,
		    "It runs as %s, you as %s: a segment needs --mode=0660 "
		    "and a --group of both, and --owner to be opened.",
		    out_safe(out_user(st.st_uid)),
		    out_safe(out_user(geteuid())));
}

const struct doctor_check doctor_peer[] = {
    {"/dev/shm", shm},
    {"IPC", ipc},
    {"PIDs", pid},
    {"users", user},
    {"clocks", clocks},
    {"owner", owner},
    {0},
};
