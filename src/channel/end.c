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

void
shunt__end_init(struct shunt_end *end, struct shunt__object *obj,
    struct shunt__u32 *bell, uint32_t flags, int (*ready)(void *arg), void *arg)
{
	*end = (struct shunt_end){.magic = SHUNT__END_MAGIC,
	    .flags = flags,
	    .fd = -1,
	    .in = -1,
	    .timer = -1,
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
	/* A child's copies, in a child. */
	if (end->timer >= 0)
		shunt__os.close(end->timer);
	if (end->in != end->fd)
		shunt__os.close(end->in);
	shunt__os.close(end->fd);
	end->fd = end->in = end->timer = -1;
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
	if (e == -ENOENT) /* no /proc */
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

/* What watches, in something that a timer can be put into as well. */
static int
pollable(const struct shunt__object *obj, int in)
{
	int fd = shunt__os.epoll();
	int e = fd < 0 ? fd : shunt__os.epoll_add(fd, in);

	if (e >= 0)
		return fd;
	if (fd >= 0)
		shunt__os.close(fd);
	return shunt__fail(e, "%s: no descriptor to poll: epoll: %s%s",
	    shunt__quote(obj->name.shown), shunt__why(e),
	    e == -EMFILE ? " (ulimit -n)" : "");
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
	int in = watch(obj), fd = in;
	if (in < 0)
		return in;
	if (end->flags & SHUNT__END_DEATHS) {
		fd = pollable(obj, in);
		if (fd < 0)
			goto close_in;
	}
	/* The first poll ends at once: its caller receives until -EAGAIN,
	 * which arms, whatever was there before. */
	int e = shunt__touch(obj);
	if (e < 0) {
		if (fd != in)
			shunt__os.close(fd);
		fd = shunt__fail(e, "%s: its file cannot be touched: %s",
		    shunt__quote(obj->name.shown), shunt__why(e));
		goto close_in;
	}
	end->armed = 0;
	end->in = in;
	return end->fd = fd;
close_in:
	shunt__os.close(in);
	return fd;
}

enum { NEWS = 1, GONE = 2 };

/* What came: somebody may be gone, or other news; 0: nothing; or -errno. */
static int
drain(int in)
{
	/* Names do not come with the events of a file. */
	struct inotify_event events[32];
	int what = 0;

	for (;;) {
		ssize_t n = shunt__os.read(in, events, sizeof(events));
		if (n == -EINTR)
			continue;
		if (n < 0)
			return n == -EAGAIN ? what : (int)n;
		for (size_t i = 0; i < (size_t)n / sizeof(events[0]); i++)
			what |=
			    events[i].mask & (IN_CLOSE_WRITE | IN_Q_OVERFLOW)
				? NEWS | GONE
				: NEWS;
		if ((size_t)n < sizeof(events))
			return what;
	}
}

static void
arm(struct shunt_end *end)
{
	/* A waker that has looked at the bell before does not take back what
	 * is set now: see shunt__ring(). */
	shunt__add32(end->bell, SHUNT__BELL_TURN);
	shunt__arm_surely(end->bell, ARMED); /* poll has no bound of ours */
	end->armed = 1;
}

int
shunt__end_arm(struct shunt_end *end)
{
	int news = drain(end->in);
	int later = end->timer >= 0 && shunt__end_later_over(end);

	if (news < 0)
		return news;
	/* Who took bits back has touched the file before; who set them for an
	 * end of his own did not look for ours. */
	if (!news && !later && end->armed &&
	    (shunt__load32(end->bell) & ARMED) == ARMED)
		return -EAGAIN;
	arm(end);
	/* Before the look, which may find something else: we come back. */
	if (news & GONE && end->flags & SHUNT__END_DEATHS)
		shunt__end_later_begin(end);
	else if (later)
		shunt__end_later_next(end);
	int e = end->ready(end->arg);
	/* Others are at it, and may leave it there without a word. */
	if (e == -EBUSY && (!later || end->timer < 0))
		shunt__end_later_begin(end);
	if (e != -EAGAIN && e != -EBUSY)
		return e;
	e = shunt__object_check(end->obj);
	return e == 0 ? -EAGAIN : e == -ESTALE ? SHUNT_E_REMOVED : e;
}
