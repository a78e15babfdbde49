/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_LOCK_H
#define SHUNT_LOCK_H

/*
 * Locks by name: one thread on the machine at a time.  A lock survives its
 * holder: when a thread dies with it, by kill -9 too, the next one that wants
 * it repairs what the lock guards and goes on.  While nobody else wants it,
 * taking and giving back makes no system call.  Layout: docs/layout.md;
 * ordering and crash argument: docs/ordering.md.
 *
 * Who opens a name whose file somebody deleted (rm, not shunt rm) makes a new
 * lock.  Those who have the old one learn of it only when they must wait:
 * until then there may be a holder of each.  shunt_remove() refuses while
 * anybody has the lock attached, and by force it tells them.
 */

#include <stddef.h>
#include <stdint.h>

#include <shunt/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shunt_lock; /* this process's end of a lock; never in shared memory */

/* Options of shunt_lock_open(); zeroed with `sz` set, or NULL: defaults. */
struct shunt_lock_options {
	size_t sz;         /* sizeof(struct shunt_lock_options) */
	uint32_t flags;    /* SHUNT_LOCK_... */
	uint32_t mode;     /* permission bits when made here; 0 means 0600 */
	const char *group; /* group to own it when made here; or NULL */
	const char *owner; /* whose lock is acceptable besides mine */
	uint32_t threads;  /* that use it at once, when made here; 0: 256 */
	uint32_t reserved; /* must be 0 */
	int (*repair)(void *arg); /* see shunt_lock_acquire(); or NULL */
	void *repair_arg;         /* handed to it */
};

enum {
	SHUNT_LOCK_EXISTING = 1u << 0,   /* -ENOENT rather than make it */
	SHUNT_LOCK_EXCLUSIVE = 1u << 1,  /* -EEXIST rather than open it */
	SHUNT_LOCK_PERSISTENT = 1u << 2, /* made here: stays until removed */
};

/**
 * shunt_lock_open() - attach to a lock, and make it if it is missing.
 * @out:  set to the handle, or NULL on failure.
 * @name: "/name", "posix:/name", "name", "file:PATH" or "fd:N".
 * @opts: NULL for the defaults.
 *
 * A lock made here is ephemeral unless SHUNT_LOCK_PERSISTENT is given: it goes
 * when nobody has it attached and nobody died with it unrepaired.
 *
 * Returns: 0 if it was there, 1 if made here, or a negative code as
 *   shunt_queue_open(); -EINVAL: more than 4096 threads.
 *
 * Memory:  the handle belongs to the caller, until shunt_lock_close().
 * Threads: safe from any thread; a handle serves all threads of a process.
 * Blocks:  never, but for a concurrent removal: at most 1 s.
 * Signals: not from a handler.
 * Death:   killed at any instruction it leaves a whole lock or none.
 * Fork:    the child's calls on the handle return SHUNT_E_FORKED; it opens
 *          the lock itself.
 * Since:   0.1
 */
int shunt_lock_open(struct shunt_lock **out, const char *name,
    const struct shunt_lock_options *opts);

/**
 * shunt_lock_acquire() - take the lock.
 * @lock:    an open lock.
 * @wait_ns: SHUNT_FOREVER, SHUNT_NOWAIT or nanoseconds.
 *
 * If the last holder died with it, the repair function of the options runs
 * first, in this thread, with the lock held; killed in it, the next one
 * repairs again, so it must bear being begun anew.  It must not use this
 * lock.  If it answers a negative code, the lock is given back unrepaired and
 * that code is returned.  Without a repair function 1 is returned: look at
 * what the lock guards; giving the lock back then says that it is sound.
 *
 * Returns: 0 taken; 1 taken, the last holder died with it and no repair
 *   function was given; or a negative code:
 *   -EAGAIN          held by another, and SHUNT_NOWAIT.
 *   -ETIMEDOUT       held by others for @wait_ns.
 *   -EDEADLK         this thread holds it already, by this handle.
 *   -EBUSY           called by a signal handler that interrupted a call on it,
 *     or its thread's first or last dealings with any handle.
 *   -ENOMEM          a thread's first call found no memory.
 *   SHUNT_E_SLOTS    all places are taken: too many threads at once.
 *   SHUNT_E_REMOVED  the lock was removed.
 *   SHUNT_E_FORKED   the handle is the parent's.
 *   SHUNT_E_CORRUPT  its word says what cannot be.
 *   SHUNT_E_TRUNCATED  somebody has cut its memory off, and the wait noticed
 *     before it touched what is gone; a call that touches it first, this one
 *     or another, gets SIGBUS from the kernel.
 *   what the repair function answered.
 *
 * Memory:  allocates with a thread's first call.
 * Threads: safe from any thread; the thread that took it gives it back.
 * Blocks:  as @wait_ns says.  Not fair: who comes may pass who waits.
 * Signals: not from a handler.
 * Death:   a holder's death frees the lock for the next one within a second;
 *          a waiter's death is nothing.  A thread that ends counts as dead.
 * Fork:    SHUNT_E_FORKED in the child; the parent goes on holding it.
 * Since:   0.1
 */
int shunt_lock_acquire(struct shunt_lock *lock, int64_t wait_ns);

/**
 * shunt_lock_release() - give the lock back.
 * @lock: a lock that this thread holds.
 *
 * Returns: 0 or a negative code: -EPERM this thread does not hold it,
 *   SHUNT_E_FORKED, SHUNT_E_CORRUPT.
 *
 * Memory:  none.
 * Threads: the thread that took it.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   killed in it, the lock is held or free; if free, waiters may sleep
 *          on for at most a second.
 * Fork:    SHUNT_E_FORKED in the child.
 * Since:   0.1
 */
int shunt_lock_release(struct shunt_lock *lock);

/**
 * shunt_lock_fd() - a descriptor that keeps this process's holders alive.
 * @lock: an open lock.
 *
 * As long as any process has it open, what the threads of this process hold
 * stays held, even when this process dies: for a parent that takes the lock
 * for a child program.  It survives exec(3).
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
int shunt_lock_fd(struct shunt_lock *lock);

/**
 * shunt_lock_close() - detach; an ephemeral lock that nobody has goes.
 * @lock: the handle, which is set to NULL; NULL in it is accepted.
 *
 * A lock still held by a thread of this handle is treated as by death.
 *
 * Memory:  frees the handle.
 * Threads: not while another thread uses the handle.
 * Blocks:  at most 100 ms, for others that come or go at this moment.
 * Signals: not from a handler.
 * Death:   killed in it, the next opener or remover finishes the work.
 * Fork:    in a child of the opener frees the child's memory only.
 * Since:   0.1
 */
void shunt_lock_close(struct shunt_lock **lock);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_LOCK_H */
