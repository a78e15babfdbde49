/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_EVENT_H
#define SHUNT_EVENT_H

/*
 * Events by name: sleep until somebody says that something has happened.  A
 * notification that comes between looking and waiting is not lost, and a
 * waiter that dies leaves nothing to undo.  Layout: docs/layout.md; ordering
 * and crash argument: docs/ordering.md.
 */

#include <stddef.h>
#include <stdint.h>

#include <shunt/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shunt_event; /* this process's end of an event; never shared */

/* Options of shunt_event_open(); zeroed with `sz` set, or NULL: defaults. */
struct shunt_event_options {
	size_t sz;         /* sizeof(struct shunt_event_options) */
	uint32_t flags;    /* SHUNT_EVENT_EXISTING, ... */
	uint32_t mode;     /* permission bits when made here; 0 means 0600 */
	const char *group; /* group to own it when made here; or NULL */
	const char *owner; /* whose event is acceptable besides mine */
};

enum {
	SHUNT_EVENT_EXISTING = 1u << 0,   /* -ENOENT rather than make it */
	SHUNT_EVENT_EXCLUSIVE = 1u << 1,  /* -EEXIST rather than open it */
	SHUNT_EVENT_PERSISTENT = 1u << 2, /* made here: stays until removed */
};

/* Whom to notify. */
enum shunt_event_whom {
	SHUNT_EVENT_ONE = 0, /* one wait, now or later, returns */
	SHUNT_EVENT_ALL = 1, /* every handle that is open returns once */
};

/**
 * shunt_event_open() - attach to an event, and make it if it is missing.
 * @out:  set to the handle, or NULL on failure.
 * @name: "/name", "posix:/name", "name", "file:PATH" or "fd:N".
 * @opts: NULL for the defaults.
 *
 * An event made here is ephemeral unless SHUNT_EVENT_PERSISTENT is given: it
 * goes when nobody has it attached and no notification is pending.
 *
 * Returns: 0 if it was there, 1 if made here, or a negative code as
 *   shunt_queue_open().
 *
 * Memory:  the handle belongs to the caller, until shunt_event_close().
 * Threads: safe from any thread.
 * Blocks:  never, but for a concurrent removal: at most 1 s.
 * Signals: not from a handler.
 * Death:   killed at any instruction it leaves a whole event or none.
 * Fork:    the child's calls on the handle return SHUNT_E_FORKED; it opens
 *          the event itself.
 * Since:   0.1
 */
int shunt_event_open(struct shunt_event **out, const char *name,
    const struct shunt_event_options *opts);

/**
 * shunt_event_wait() - sleep until notified.
 * @event:   an open event.
 * @wait_ns: SHUNT_FOREVER, SHUNT_NOWAIT or nanoseconds.
 *
 * Returns at once if all were notified since this handle was opened or its
 * last wait returned for that reason (several such notifications are one); or
 * if a notification of one is pending, which this call then takes.  Threads
 * that share a handle share what it has seen: one of them returns.
 *
 * Returns: 0 notified, or a negative code: -EAGAIN, -ETIMEDOUT,
 *   SHUNT_E_REMOVED, SHUNT_E_FORKED, SHUNT_E_TRUNCATED, each as
 *   shunt_lock_acquire(); SHUNT_E_CORRUPT: somebody set the count of all
 *   back; said once, and what is notified from then on is heard again.
 *
 * Memory:  none.
 * Threads: safe from any thread.
 * Blocks:  as @wait_ns says, asleep.
 * Signals: not from a handler.
 * Death:   killed before it returned, it may have taken a notification of one
 *          with it; a notification of all reaches every other handle.
 * Fork:    SHUNT_E_FORKED in the child.
 * Since:   0.1
 */
int shunt_event_wait(struct shunt_event *event, int64_t wait_ns);

/**
 * shunt_event_notify() - say that something has happened.
 * @event: an open event.
 * @whom:  SHUNT_EVENT_ONE or SHUNT_EVENT_ALL.
 *
 * What this thread stored before is visible to who returns from a wait.
 *
 * Returns: 0 or a negative code: -EINVAL; -EOVERFLOW: 2^31 notifications of
 *   one are pending; SHUNT_E_REMOVED, SHUNT_E_FORKED.
 *
 * Memory:  none.
 * Threads: safe from any thread.
 * Blocks:  never; no system call while nobody sleeps, but one after a wait
 *          that timed out or was killed.
 * Signals: async-signal-safe.
 * Death:   killed in it, it was notified or was not; if it was, sleepers
 *          notice within a second.
 * Fork:    SHUNT_E_FORKED in the child.
 * Since:   0.1
 */
int shunt_event_notify(struct shunt_event *event, enum shunt_event_whom whom);

/**
 * shunt_event_close() - detach; an ephemeral one that nobody has goes.
 * @event: the handle, which is set to NULL; NULL in it is accepted.
 *
 * Memory:  frees the handle.
 * Threads: not while another thread uses the handle.
 * Blocks:  at most 100 ms, for others that come or go at this moment.
 * Signals: not from a handler.
 * Death:   killed in it, the next opener or remover finishes the work.
 * Fork:    in a child of the opener frees the child's memory only.
 * Since:   0.1
 */
void shunt_event_close(struct shunt_event **event);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_EVENT_H */
