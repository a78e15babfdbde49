/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_ERROR_H
#define SHUNT_ERROR_H

/*
 * Every function that can fail returns 0 or a count, or a negative code.
 * Codes from -1 to -4095 are -errno of the system call that failed.  The
 * library's own codes are below.  errno itself is neither set nor promised.
 *
 * A handle that is NULL is -EINVAL everywhere, and so is a struct of options
 * or of an answer whose `sz` is not set to its size: {.sz = sizeof(...)}.
 * Options of a call that is made often are read when it cannot go on at once:
 * with a wrong one it may work for a long time, and fail when it has to wait.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library's own codes; the numbers never change. */
enum shunt_error {
	SHUNT_E_CLOSED = -10001,    /* the other side closed it */
	SHUNT_E_CORRUPT = -10002,   /* shared words contradict each other */
	SHUNT_E_LAYOUT = -10003,    /* made by a version not understood here */
	SHUNT_E_PEERDEAD = -10004,  /* the other side died */
	SHUNT_E_OVERRUN = -10005,   /* messages were overwritten unread */
	SHUNT_E_NOTREADY = -10006,  /* there, but not usable yet */
	SHUNT_E_REMOVED = -10007,   /* the object's name was removed */
	SHUNT_E_FORKED = -10008,    /* handle of the parent process */
	SHUNT_E_KIND = -10009,      /* raw, or an object of another kind */
	SHUNT_E_NAME = -10010,      /* not a name in the grammar */
	SHUNT_E_OWNER = -10011,     /* belongs to somebody unexpected */
	SHUNT_E_SLOTS = -10012,     /* all lanes are taken by live users */
	SHUNT_E_NOSERVER = -10013,  /* no log server serves this log */
	SHUNT_E_DROPPED = -10014,   /* the log was full; counted, not kept */
	SHUNT_E_TIMENS = -10015,    /* another time namespace: clocks differ */
	SHUNT_E_TRUNCATED = -10016, /* somebody cut the memory under us */
	SHUNT_E_TYPE = -10017,      /* other messages than the caller's */
	SHUNT_E_EVICTED = -10018,   /* too slow: left behind, by its policy */
	SHUNT_E_BROKEN = -10019,    /* the writer died before the end */
};

/* How long to wait, in nanoseconds: the default waits as read(2) does. */
#define SHUNT_FOREVER INT64_C(0)
/* Never sleep: answer -EAGAIN instead. */
#define SHUNT_NOWAIT INT64_C(-1)

/**
 * shunt_error_name() - the symbol of a code, "SHUNT_E_CORRUPT" or "EAGAIN".
 * shunt_error_text() - one plain sentence about a code, without a full stop.
 * @code: a negative return value of this library.
 *
 * Returns: a static string; for an unknown code "unknown error".
 *
 * Memory:  static, never freed.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: async-signal-safe.
 * Death:   touches nothing shared.
 * Fork:    usable in the child.
 * Since:   0.1
 */
const char *shunt_error_name(int code);
const char *shunt_error_text(int code);

/**
 * shunt_error_detail() - why this thread's last open, create or remove failed.
 *
 * A sentence that names the object, what was wrong and the remedy.  Written
 * by calls on the cold path (create, open, remove, stat, fd, server start).
 * Calls that are made often (send, recv, log, acquire, release, wait, consume,
 * post, notify) do not touch it: print shunt_error_text() of their code.  Two
 * of theirs have a sentence all the same: a message or reply that is too long
 * for a queue, topic or service (-EMSGSIZE of its sender), with the number to
 * set, and the first call of a thread, which could not get its lane.  Names
 * from other processes stand in it escaped: it can be printed anywhere.
 *
 * Returns: a string, empty when nothing failed yet in this thread, or what
 *   failed last was made good by the same call (no such name, so it was made).
 *
 * Memory:  belongs to the thread; valid until its next cold call.
 * Threads: each thread has its own.
 * Blocks:  never.
 * Signals: not from a handler that interrupts a cold call.
 * Death:   touches nothing shared.
 * Fork:    the child has the forking thread's text.
 * Since:   0.1
 */
const char *shunt_error_detail(void);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_ERROR_H */
