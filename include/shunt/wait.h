/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_WAIT_H
#define SHUNT_WAIT_H

/*
 * Waiting on several receiving ends at once, of one kind or of many: queues,
 * subscribers, readers of streams, clients, services.  Each such handle has
 * two ways to be waited for:
 *
 *   shunt_X_end()  its end, for shunt_wait(): the quickest, and a sleeper
 *                  costs its senders what a receiver asleep in recv costs;
 *   shunt_X_fd()   a descriptor for poll(2), epoll(7), libuv and their like,
 *                  beside sockets and timers.
 *
 * A descriptor is readable when something may be there.  Then the receiving
 * call is made with SHUNT_NOWAIT until it answers -EAGAIN, which empties the
 * descriptor and arms it: only from then on do senders make the system call
 * that makes it readable, and only one of them, once.  Nothing but poll, epoll
 * and the like may be done with it: not read, not closed.  To close a handle
 * that has given one takes the kernel some 10 ms, on a busy machine a second:
 * it waits for all who look at files just then.
 *
 * A sender killed before that system call makes it readable by its death,
 * which closes its descriptor of the object.  A child that it made with
 * fork(2) does not keep that one open, but one made by clone(2) itself does,
 * until it ends or calls exec.  So does nobody else.
 */

#include <stdint.h>

#include <shunt/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The receiving end of a handle, as shunt_queue_end() and its like give it;
 * it lives as long as the handle. */
struct shunt_end;

/* One of those that are waited for. */
struct shunt_wait_item {
	struct shunt_end *end; /* NULL: passed over */
	int ready; /* set: 1 something is there; 0 nothing; or a code that
		      its receiving call would answer */
};

/* The most items of one shunt_wait(). */
#define SHUNT_WAIT_MOST 128

/**
 * shunt_wait() - wait until one of several ends has something to receive.
 * @items:   what to wait for; `ready` of each is set, also of those passed
 *           over.  An end may stand there twice.
 * @n:       how many, 1 to SHUNT_WAIT_MOST; at least one has an end.
 * @wait_ns: SHUNT_FOREVER, SHUNT_NOWAIT or nanoseconds.
 *
 * Looks at all of them, spins a little, then sleeps until one of them is rung.
 * An item that is ready stays so until its handle has received.  With several
 * receivers of one queue another may be quicker: receive with SHUNT_NOWAIT.
 * Where the kernel cannot sleep on several words (before Linux 5.16) and for
 * handles that are open for reading only, it looks every millisecond instead.
 *
 * Returns: how many items are ready, 1 or more; or a negative code:
 *   -EAGAIN         none is, and wait_ns is SHUNT_NOWAIT.
 *   -ETIMEDOUT      none was before wait_ns ran out.
 *   -EINVAL         @n is out of range, or there is no end at all.
 *   SHUNT_E_FORKED  an end belongs to the parent's handle.
 *
 * Memory:  keeps no pointer to @items.  What a sender wrote before it sent is
 *          visible once the message is received.
 * Threads: as the receiving calls of the handles: while it waits, no other
 *          thread receives by one of them or closes it.
 * Blocks:  never with SHUNT_NOWAIT; else sleeps on a futex.
 * Signals: not from a handler; a signal does not end the wait.
 * Death:   of a sender between sending and waking: seen after at most 250 ms,
 *          later on at most 1 s.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_wait(struct shunt_wait_item *items, int n, int64_t wait_ns);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_WAIT_H */
