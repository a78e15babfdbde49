/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CHANNEL_END_H
#define SHUNT_CHANNEL_END_H

/*
 * A receiving end, whatever its kind: what shunt_wait() and a descriptor for
 * poll(2) need to know of it.  It lies in its handle.
 *
 * A descriptor is an inotify watch of the object's file.  Who rings the bell
 * and sees POLL there touches the file, and that is readable; who is killed
 * before has his descriptor of it closed by the kernel, which is readable as
 * well.  So no sleeper in poll(2) waits for the dead, and while the end is
 * not armed, sending costs no system call.
 *
 * The kernel tells of a closed file a moment before it gives the lock bytes
 * back.  An end that learns of deaths by these (DEATHS) looks again a little
 * later, several times: its descriptor is then an epoll of watch and timer.  So
 * does one that finds something under another's hands.
 */

#include <errno.h>

#include <shunt/wait.h>

#include "segment/object.h"
#include "sync/bell.h"

#define SHUNT__END_MAGIC 0x456e6445u

enum {
	SHUNT__END_SHARED = 1u << 0, /* others sleep on the bell, too */
	SHUNT__END_DEATHS = 1u << 1, /* ready() asks for lock bytes */
};

struct shunt_end {
	uint32_t magic;
	uint32_t flags; /* SHUNT__END_... */
	int fd;         /* -1: nobody asked for it */
	int in;         /* the watch: the same, or in the epoll @fd */
	int timer;      /* -1: nobody went lately */
	int64_t later;  /* ns to its next look */
	int armed;      /* since then every event is in the descriptor */
	struct shunt__object *obj;
	struct shunt__u32 *bell; /* rung by who brings something */
	int (*ready)(void *arg); /* looks at everything: 0 something is there,
				    -EAGAIN, or a code; one that learns of
				    DEATHS also -EBUSY: look again soon */
	void *arg;
	struct shunt__spin spin; /* of shunt_wait() */
};

void shunt__end_init(struct shunt_end *end, struct shunt__object *obj,
    struct shunt__u32 *bell, uint32_t flags, int (*ready)(void *arg),
    void *arg);
void shunt__end_fini(struct shunt_end *end);

/* The descriptor, made by the first call and then readable; or a code. */
int shunt__end_fd(struct shunt_end *end);

/* end.c: the second half of the next one. */
int shunt__end_arm(struct shunt_end *end);

/* end_later.c.  begin: look again later.  over: is it later now?  next: once
 * more after this, or give up. */
void shunt__end_later_begin(struct shunt_end *end);
int shunt__end_later_over(struct shunt_end *end);
void shunt__end_later_next(struct shunt_end *end);

/*
 * A receiving call found nothing and does not wait: empties the descriptor and
 * arms it, if there is one and it is not armed.  -EAGAIN; 0: something came
 * just now, look again; or SHUNT_E_REMOVED, SHUNT_E_TRUNCATED or a code of
 * ready().
 */
static inline int
shunt__end_empty(struct shunt_end *end)
{
	return end->fd < 0 ? -EAGAIN : shunt__end_arm(end);
}

#endif /* SHUNT_CHANNEL_END_H */
