/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_LOG_H
#define SHUNT_LOG_H

/*
 * Logging: any number of processes append, one server (shunt logd) writes one
 * file in the order of the clock.  A record is kept from the moment the call
 * returns, whoever is killed then.  Clients work before the server starts and
 * while it restarts.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <shunt/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shunt_log; /* this process's end of a log; never in shared memory */

/* Levels are those of syslog(3): the lower, the graver. */
enum shunt_log_level {
	SHUNT_LOG_EMERG = 0,
	SHUNT_LOG_ALERT = 1,
	SHUNT_LOG_CRIT = 2,
	SHUNT_LOG_ERR = 3,
	SHUNT_LOG_WARNING = 4,
	SHUNT_LOG_NOTICE = 5,
	SHUNT_LOG_INFO = 6,
	SHUNT_LOG_DEBUG = 7
};

/* What a call does when its lane is full. */
enum shunt_log_full {
	SHUNT_LOG_FULL_DEFAULT =
	    0,                   /* wait while a server lives; with none, or
				    with its disk full, 1 s in all, then drop */
	SHUNT_LOG_FULL_WAIT = 1, /* wait for ever */
	SHUNT_LOG_FULL_DROP = 2  /* never wait */
};

/* Options of shunt_log_open(); zeroed with `sz` set, or NULL: defaults. */
struct shunt_log_options {
	size_t sz;           /* sizeof(struct shunt_log_options) */
	uint32_t flags;      /* SHUNT_LOG_... */
	uint32_t mode;       /* permission bits when made here; 0 means 0600 */
	const char *group;   /* group to own it when made here; or NULL */
	const char *owner;   /* whose log is acceptable besides mine */
	uint64_t lane_bytes; /* a lane's size when made here; 0: the default */
	uint32_t lanes;      /* logging threads at once; 0 means 1024 */
	uint32_t full;       /* enum shunt_log_full */
	const char *tag;     /* stands in each record, at most 32 bytes; NULL:
				the program's name */
	uint32_t max_level;  /* graver or equal is recorded; 0 means all */
	uint32_t reserved;   /* must be 0 */
};

enum {
	SHUNT_LOG_EXISTING = 1u << 0,  /* -ENOENT rather than make it */
	SHUNT_LOG_EXCLUSIVE = 1u << 1, /* -EEXIST rather than open it */
	SHUNT_LOG_PERSISTENT = 1u
			       << 2, /* when made here: stays until removed */
};

/* The longest tag, in bytes. */
#define SHUNT_LOG_TAG_MAX 32

/**
 * shunt_log_open() - attach to a log, and make it if it is missing.
 * @out:  set to the handle, or NULL on failure.
 * @name: as shunt_queue_open(); NULL is the default log: $SHUNT_LOG, else
 *        "/shunt-log" for root and "/shunt-log-UID" for others.
 * @opts: NULL for the defaults.
 *
 * A log made here is ephemeral unless SHUNT_LOG_PERSISTENT is given: it goes
 * when nobody has it attached and nothing in it is unread.
 *
 * Returns: 0 if it was there, 1 if made here, or a negative code as
 *   shunt_queue_open(); also SHUNT_E_TIMENS if the log's clock is another
 *   time namespace's.
 *
 * Memory:  the handle belongs to the caller, until shunt_log_close(); the
 *          tag is copied.
 * Threads: safe from any thread.
 * Blocks:  never, but for a concurrent removal: at most 1 s.
 * Signals: not from a handler.
 * Death:   killed at any instruction it leaves a whole log or none.
 * Fork:    the child may go on using the handle: it attaches again by name
 *          on its first call.
 * Since:   0.1
 */
int shunt_log_open(struct shunt_log **out, const char *name,
    const struct shunt_log_options *opts);

/**
 * shunt_log_close() - detach; an ephemeral log that is drained goes.
 * @log: the handle, which is set to NULL; NULL in it is accepted.
 *
 * Records stay for the server; see shunt_log_flush() to wait for the disk.
 *
 * Memory:  frees the handle.
 * Threads: not while another thread uses the handle.
 * Blocks:  at most 100 ms, for others that come or go at this moment.
 * Signals: not from a handler.
 * Death:   killed in it, the next opener or remover finishes the work.
 * Fork:    in a child frees the child's memory only.
 * Since:   0.1
 */
void shunt_log_close(struct shunt_log **log);

/**
 * shunt_log_write()   - log one message of any bytes.
 * shunt_log_printf()  - log a formatted message.
 * shunt_log_vprintf() - the same with a va_list.
 * @log:   an open log.
 * @level: SHUNT_LOG_EMERG to SHUNT_LOG_DEBUG.
 * @msg:   @len bytes; newlines and NUL are legal and come out escaped.
 * @len:   0 to shunt_log_max(@log).
 * @fmt:   as printf(3).
 *
 * The record carries the time of the call, process, thread, level and tag.
 *
 * Returns: 0 (also for a level that is not recorded), or a negative code and
 * nothing was logged:
 *   -EMSGSIZE       longer than shunt_log_max(); it is refused, not cut.
 *   -EINVAL         @level out of range, or a bad @fmt.
 *   SHUNT_E_DROPPED the lane was full, as `full` says; counted, and the
 *                   file will say how many.
 *   -EBUSY          a signal handler interrupted a call of the same thread.
 *   SHUNT_E_SLOTS -ENOSPC -ENOMEM SHUNT_E_REMOVED SHUNT_E_CORRUPT  as
 *                   shunt_queue_send().
 *
 * Memory:  @msg is read only during the call.
 * Threads: safe on one handle from any number of threads.
 * Blocks:  only while the thread's lane is full, as `full` says.
 * Signals: from a handler, once its thread has logged before; with
 *          SHUNT_LOG_FULL_DROP it never sleeps.  Not the thread's first call
 *          after a fork or after the name vanished: that one attaches and may
 *          allocate.  shunt_log_printf() is as safe as vsnprintf(3).
 * Death:   killed at any instruction, the caller leaves the record whole or
 *          absent, and nobody waits for it.
 * Fork:    usable in the child.
 * Since:   0.1
 */
int shunt_log_write(
    struct shunt_log *log, int level, const void *msg, size_t len);
int shunt_log_printf(struct shunt_log *log, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int shunt_log_vprintf(struct shunt_log *log, int level, const char *fmt,
    va_list ap) __attribute__((format(printf, 3, 0)));

/**
 * shunt_log_flush() - wait until all that this process logged is on disk.
 * @log:     an open log.
 * @wait_ns: SHUNT_FOREVER, SHUNT_NOWAIT (only look) or a limit.
 *
 * Counts every record that any thread of this process logged through @log
 * before the call, and asks the server for an fdatasync(2) if need be.
 *
 * Returns: 0, or
 *   -EAGAIN -ETIMEDOUT  not on disk yet.
 *   SHUNT_E_NOSERVER    no server runs; the records stay in the log.
 *   SHUNT_E_REMOVED     the log was removed by force.
 *
 * Memory:  none.
 * Threads: safe from any thread.
 * Blocks:  as @wait_ns says.
 * Signals: not from a handler.
 * Death:   changes nothing but a request, which a successor answers too.
 * Fork:    usable in the child, for what the child logged.
 * Since:   0.1
 */
int shunt_log_flush(struct shunt_log *log, int64_t wait_ns);

/**
 * shunt_log_level()     - the least grave level that is recorded.
 * shunt_log_set_level() - change it for every client of this log, at once.
 * @log:   an open log.
 * @level: SHUNT_LOG_EMERG to SHUNT_LOG_DEBUG.
 *
 * The limit is a word of the log itself; a handle's own `max_level` can only
 * be stricter.
 *
 * Returns: the level; set: 0 or -EINVAL.
 *
 * Memory:  one load; one store.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: async-signal-safe.
 * Death:   the limit is the old or the new one.
 * Fork:    valid in the child.
 * Since:   0.1
 */
int shunt_log_level(const struct shunt_log *log);
int shunt_log_set_level(struct shunt_log *log, int level);

/**
 * shunt_log_max() - the longest message that this log takes, in bytes.
 * @log: an open log.
 *
 * Returns: the number; 0 if @log is NULL.
 *
 * Memory:  none.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: async-signal-safe.
 * Death:   touches nothing shared.
 * Fork:    valid in the child.
 * Since:   0.1
 */
size_t shunt_log_max(const struct shunt_log *log);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_LOG_H */
