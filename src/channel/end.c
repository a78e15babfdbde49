/* SPDX-License-Identifier: MIT */
/*
 * The descriptor of a receiving end.  What can happen between two looks of its
 * receiver, and why it is readable afterwards:
 *   rung       the waker touches the file, then takes the bits back
 *   killed     before that: the kernel closes his descriptor of the file
 *   removed    the file has a link less
 * Events are taken out first, then the bell is armed, then everything is
 * looked at: what comes after the look finds the bell armed.
 */
#include <stdio.h>
#include <sys/inotify.h>

#include "base/error.h"
#include "channel/end.h"
#include "os/os.h"
#include "segment/wait.h"

#define EVENTS (IN_ATTRIB | IN_MODIFY | IN_CLOSE_WRITE)
#define ARMED  (SHUNT__BELL_ASLEEP | SHUNT__BELL_POLL)

/* What a store that no fence pushed needs at most to be seen; ns. */
#define STORES_ARE_OUT INT64_C(1000000)

void
shunt__end_init(struct shunt_end *end, struct shunt__object *obj,
    struct shunt__u32 *bell, uint32_t flags, int (*ready)(void *arg), void *arg)
{
	*end = (struct shunt_end){.magic = SHUNT__END_MAGIC,
	    .flags = flags,
	    .fd = -1,
	    .obj = obj,
	    .bell = bell,
	    .ready = ready,
	    .arg = arg};
}

void
shunt__end_fini(struct shunt_end *end)
{
	if (end->magic != SHUNT__END_MAGIC)
		return;
	end->magic = 0;
	if (end->fd < 0)
		return;
	shunt__os.close(end->fd); /* a child's copy, in a child */
	end->fd = -1;
	if (end->armed && !(end->flags & SHUNT__END_SHARED) &&
	    !shunt__object_forked(end->obj))
		shunt__bell_disarm(end->bell, ARMED);
}

static int
new_inotify(const struct shunt__object *obj)
{
	int in = shunt__os.inotify();

	if (in == -EMFILE)
		return shunt__fail(in,
		    "%s: no descriptor to poll: this process has as many open "
		    "as it may (ulimit -n), or this user has as many inotify "
		    "instances (sysctl fs.inotify.max_user_instances)",
		    shunt__quote(obj->name.shown));
	if (in < 0)
		return shunt__fail(in, "%s: no descriptor to poll: inotify: %s",
		    shunt__quote(obj->name.shown), shunt__why(in));
	return in;
}

/* Through the link of our descriptor, which leads to the file also when its
 * name is gone, and which a file without a name has as well. */
static int
watch(const struct shunt__object *obj)
{
	char self[40];
	int in = new_inotify(obj);

	if (in < 0)
		return in;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", obj->fd);
	int e = shunt__os.inotify_watch(in, self, EVENTS);
	if (e == -ENOENT && obj->name.path[0] != '\0') /* no /proc */
		e = shunt__os.inotify_watch(in, obj->name.path, EVENTS);
	if (e >= 0)
		return in;
	shunt__os.close(in);
	if (e == -ENOSPC)
		return shunt__fail(e,
		    "%s: no descriptor to poll: this user has as many inotify "
		    "watches as he may (sysctl fs.inotify.max_user_watches)",
		    shunt__quote(obj->name.shown));
	return shunt__fail(e, "%s: its file cannot be watched by inotify: %s",
	    shunt__quote(obj->name.shown), shunt__why(e));
}

int
shunt__end_fd(struct shunt_end *end)
{
	struct shunt__object *obj = end->obj;

	if (shunt__object_forked(obj))
		return SHUNT_E_FORKED;
	if (end->fd >= 0)
		return end->fd;
	if (obj->readonly)
		return shunt__fail(-EACCES,
		    "%s: open for reading only, so its senders cannot be told "
		    "that somebody polls; look every few milliseconds",
		    shunt__quote(obj->name.shown));
	int fd = watch(obj);
	if (fd < 0)
		return fd;
	/* The first poll ends at once: its caller receives until -EAGAIN,
	 * which arms, whatever was there before. */
	int e = shunt__touch(obj);
	if (e < 0) {
		shunt__os.close(fd);
		return shunt__fail(e, "%s: its file cannot be touched: %s",
		    shunt__quote(obj->name.shown), shunt__why(e));
	}
	end->armed = 0;
	return end->fd = fd;
}

/* 1: there were events; 0: none; or -errno. */
static int
drain(int fd)
{
	/* Names do not come with the events of a file. */
	struct inotify_event events[32];
	int any = 0;

	for (;;) {
		ssize_t n = shunt__os.read(fd, events, sizeof(events));
		if (n == -EINTR)
			continue;
		if (n < 0)
			return n == -EAGAIN ? any : (int)n;
		if ((size_t)n < sizeof(events))
			return 1;
		any = 1;
	}
}

static void
arm(struct shunt_end *end)
{
	int fenced = (shunt__load32(end->bell) & SHUNT__BELL_FENCE) != 0;

	/* A waker that has looked at the bell before does not take back what
	 * is set now: see shunt__ring(). */
	shunt__add32(end->bell, SHUNT__BELL_TURN);
	shunt__bell_arm(end->bell, ARMED);
	/* Here is no membarrier: one that looked just before FENCE was set may
	 * have a commit under way, and poll has no bound of ours. */
	if (!fenced && (shunt__load32(end->bell) & SHUNT__BELL_FENCE))
		shunt__os.nanosleep(STORES_ARE_OUT);
	end->armed = 1;
}

int
shunt__end_arm(struct shunt_end *end)
{
	int news = drain(end->fd);

	if (news < 0)
		return news;
	/* Who took bits back has touched the file before; who set them for an
	 * end of his own did not look for ours. */
	if (!news && end->armed && (shunt__load32(end->bell) & ARMED) == ARMED)
		return -EAGAIN;
	arm(end);
	int e = end->ready(end->arg);
	if (e == -EAGAIN) {
		e = shunt__object_check(end->obj);
		e = e == 0 ? -EAGAIN : e == -ESTALE ? SHUNT_E_REMOVED : e;
	}
	return e;
}
