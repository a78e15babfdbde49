/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SEMAPHORE_H
#define SHUNT_SEMAPHORE_H

/*
 * Counting semaphores by name.  Each permit knows who holds it, so that what
 * a dead process held comes back.  Two ways to use one:
 *   a pool       wait takes a permit and holds it, post gives it back; a
 *                holder that dies gives it back by dying;
 *   a counter    consume uses a permit up, post makes a new one.
 * Layout: docs/layout.md; ordering and crash argument: docs/ordering.md.
 *
 * As with a lock, a name whose file somebody deleted (rm, not shunt rm) and
 * that is opened again is a new semaphore: those who have the old one learn of
 * it only when they must wait.
 */

#include <stddef.h>
#include <stdint.h>

#include <shunt/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shunt_semaphore; /* this process's end; never in shared memory */

/* Options of shunt_semaphore_open(); zeroed with `sz` set, or NULL. */
struct shunt_semaphore_options {
	size_t sz;         /* sizeof(struct shunt_semaphore_options) */
	uint32_t flags;    /* SHUNT_SEMAPHORE_... */
	uint32_t mode;     /* permission bits when made here; 0 means 0600 */
	const char *group; /* group to own it when made here; or NULL */
	const char *owner; /* whose semaphore is acceptable besides mine */
	uint32_t threads;  /* that use it at once, when made here; 0: 256 */
	uint32_t permits;  /* free when made here; 0 means 1 */
	uint32_t max;      /* most there may ever be; 0: permits, or 1024 with
			      SHUNT_SEMAPHORE_EMPTY; at most 65536 */
	uint32_t reserved; /* must be 0 */
};

enum {
	SHUNT_SEMAPHORE_EXISTING = 1u << 0,   /* -ENOENT rather than make it */
	SHUNT_SEMAPHORE_EXCLUSIVE = 1u << 1,  /* -EEXIST rather than open it */
	SHUNT_SEMAPHORE_PERSISTENT = 1u << 2, /* made here: stays */
	SHUNT_SEMAPHORE_EMPTY = 1u << 3,      /* made here: no permit yet */
};

/**
 * shunt_semaphore_open() - attach to a semaphore, and make it if missing.
 * @out:  set to the handle, or NULL on failure.
 * @name: "/name", "posix:/name", "name", "file:PATH" or "fd:N".
 * @opts: NULL for the defaults.
 *
 * One made here is ephemeral unless SHUNT_SEMAPHORE_PERSISTENT is given: it
 * goes when nobody has it attached and its permits are as when it was made.
 *
 * Returns: 0 if it was there, 1 if made here, or a negative code as
 *   shunt_queue_open(); -EINVAL: permits over max, or a limit exceeded.
 *
 * Memory:  the handle belongs to the caller, until shunt_semaphore_close().
 * Threads: safe from any thread; a handle serves all threads of a process.
 * Blocks:  never, but for a concurrent removal: at most 1 s.
 * Signals: not from a handler.
 * Death:   killed at any instruction it leaves a whole semaphore or none.
 * Fork:    the child's calls on the handle return SHUNT_E_FORKED; it opens
 *          the semaphore itself.
 * Since:   0.1
 */
int shunt_semaphore_open(struct shunt_semaphore **out, const char *name,
    const struct shunt_semaphore_options *opts);

/**
 * shunt_semaphore_wait()    - take a permit and hold it.
 * shunt_semaphore_consume() - take a permit and use it up.
 * @sem:     an open semaphore.
 * @wait_ns: SHUNT_FOREVER, SHUNT_NOWAIT or nanoseconds.
 *
 * A thread may hold several permits.  What it held when it dies or ends is
 * free again; what it used up stays used up, until somebody posts.
 *
 * Returns: 0 or a negative code: -EAGAIN, -ETIMEDOUT, -EBUSY, -ENOMEM,
 *   SHUNT_E_SLOTS, SHUNT_E_REMOVED, SHUNT_E_FORKED, SHUNT_E_CORRUPT,
 *   SHUNT_E_TRUNCATED, each as shunt_lock_acquire().  -EAGAIN and -ETIMEDOUT
 *   may come although one permit or another was free at every moment, if
 *   others took and posted meanwhile and one of their posts had not returned:
 *   a post counts for certain from its return on.
 *
 * Memory:  allocates with a thread's first call.
 * Threads: safe from any thread; a permit belongs to the thread.
 * Blocks:  as @wait_ns says.  Not fair: who comes may pass who waits.
 * Signals: not from a handler.
 * Death:   killed in wait, the permit is free again within a second; killed
 *          in consume, it was used up or was not.
 * Fork:    SHUNT_E_FORKED in the child; the parent's permits stay its own.
 * Since:   0.1
 */
int shunt_semaphore_wait(struct shunt_semaphore *sem, int64_t wait_ns);
int shunt_semaphore_consume(struct shunt_semaphore *sem, int64_t wait_ns);

/**
 * shunt_semaphore_post() - give a permit back, or make one.
 * @sem: an open semaphore.
 *
 * Gives back a permit that this thread holds.  If it holds none, there is one
 * permit more than before, up to `max`.
 *
 * Returns: 0 or a negative code: -EOVERFLOW there are `max` permits already,
 *   where one that another is using up at this moment may count as there until
 *   that call returns; -EBUSY, -ENOMEM, SHUNT_E_SLOTS, SHUNT_E_REMOVED,
 *   SHUNT_E_FORKED, SHUNT_E_CORRUPT.
 *
 * Memory:  allocates with a thread's first call.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   killed in it, the permit was posted or was not; if it was, waiters
 *          may sleep on for at most a second.
 * Fork:    SHUNT_E_FORKED in the child.
 * Since:   0.1
 */
int shunt_semaphore_post(struct shunt_semaphore *sem);

/**
 * shunt_semaphore_value() - permits that are free at this moment.
 * @sem: an open semaphore.
 *
 * What dead holders held counts as soon as somebody has noticed.
 *
 * Returns: the number, or a negative code: SHUNT_E_FORKED, SHUNT_E_REMOVED.
 *
 * Memory:  none.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   changes nothing shared.
 * Fork:    SHUNT_E_FORKED in the child.
 * Since:   0.1
 */
int shunt_semaphore_value(struct shunt_semaphore *sem);

/**
 * shunt_semaphore_fd() - a descriptor that keeps this process's holders alive.
 * @sem: an open semaphore.
 *
 * As shunt_lock_fd().
 *
 * Returns: a new descriptor, or a negative code: -EMFILE, SHUNT_E_FORKED.
 *
 * Memory:  the descriptor belongs to the caller; close(2) it.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   the kernel closes it.
 * Fork:    inherited: that is what it is for.
 * Since:   0.1
 */
int shunt_semaphore_fd(struct shunt_semaphore *sem);

/**
 * shunt_semaphore_close() - detach; an ephemeral one that nobody has goes.
 * @sem: the handle, which is set to NULL; NULL in it is accepted.
 *
 * Permits still held by threads of this handle are free again.
 *
 * Memory:  frees the handle.
 * Threads: not while another thread uses the handle.
 * Blocks:  at most 100 ms, for others that come or go at this moment.
 * Signals: not from a handler.
 * Death:   killed in it, the next opener or remover finishes the work.
 * Fork:    in a child of the opener frees the child's memory only.
 * Since:   0.1
 */
void shunt_semaphore_close(struct shunt_semaphore **sem);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_SEMAPHORE_H */
