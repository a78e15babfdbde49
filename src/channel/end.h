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
 */

#include <shunt/wait.h>

#include "segment/object.h"

#define SHUNT__END_MAGIC 0x456e6445u

struct shunt_end {
	uint32_t magic;
	int fd;     /* -1: nobody asked for it */
	int armed;  /* ASLEEP and POLL were set, and the descriptor is empty */
	int shared; /* others sleep on the bell, too */
	struct shunt__object *obj;
	struct shunt__u32 *bell; /* rung by who brings something */
	int (*ready)(void *arg); /* looks at everything: 0 something is there,
				    -EAGAIN, or a code */
	void *arg;
};

void shunt__end_init(struct shunt_end *end, struct shunt__object *obj,
    struct shunt__u32 *bell, int shared, int (*ready)(void *arg), void *arg);
void shunt__end_fini(struct shunt_end *end);

/* The descriptor, made and armed by the first call; or -errno. */
int shunt__end_fd(struct shunt_end *end);

/* A receiving call found nothing and does not wait: arms the descriptor, if
 * there is one and it is not armed.  -EAGAIN; or 0: something came just now,
 * look again. */
int shunt__end_empty(struct shunt_end *end);

#endif /* SHUNT_CHANNEL_END_H */
