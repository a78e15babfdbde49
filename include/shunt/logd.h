/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_LOGD_H
#define SHUNT_LOGD_H

/*
 * The log server as a library, for programs that run it in a loop of their
 * own.  `shunt logd` is this with signals around it.
 */

#include <stddef.h>
#include <stdint.h>

#include <shunt/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shunt_logd; /* a server; private to its process */

enum shunt_format {
	SHUNT_FORMAT_CLASSIC = 0, /* "PID: Sat Nov 21 04:39:39 2026 MESSAGE" */
	SHUNT_FORMAT_ISO = 1,     /* local time with nanoseconds, level, tag */
	SHUNT_FORMAT_JSON = 2     /* one JSON object a line */
};

/* Values of `sync_ns`; above 0: fdatasync at least so often while it writes. */
#define SHUNT_SYNC_NEVER INT64_C(0)
#define SHUNT_SYNC_BATCH INT64_C(-1)

/* Options of shunt_logd_open(); zeroed with `sz` set, or NULL: defaults. */
struct shunt_logd_options {
	size_t sz;        /* sizeof(struct shunt_logd_options) */
	const char *file; /* path to append to; NULL or "-": standard output */
	uint32_t format;  /* enum shunt_format */
	uint32_t flags;   /* must be 0: none is defined yet */
	int64_t sync_ns; /* SHUNT_SYNC_NEVER, SHUNT_SYNC_BATCH or an interval */
	const char *owner; /* whose log is acceptable besides mine */
	void (*notice)(void *arg, const char *line); /* or NULL: what a person
			      should hear: disk full, resumed, batch repeated */
	void *notice_arg;
};

/* Answer of shunt_logd_stat() and shunt_logd_status(). */
struct shunt_logd_stat {
	size_t sz;          /* sizeof(struct shunt_logd_stat), set by caller */
	uint64_t lines;     /* written since the log object was made */
	uint64_t bytes;     /* likewise */
	uint64_t batches;   /* likewise */
	uint64_t syncs;     /* fdatasync calls, likewise */
	uint64_t late;      /* lines that a stopped client made late */
	uint64_t skewed;    /* records whose stamp was impossible */
	uint64_t dropped;   /* messages that clients gave up on */
	uint64_t repeated;  /* batches written again after a server's death */
	uint64_t waiting;   /* bytes of records not yet written */
	int64_t server_pid; /* 0: no server; for people, never to kill */
	int64_t server_age_ns; /* since it started, 0 without a server */
	uint32_t disk_full;    /* 1 while the server waits for room on disk */
	uint32_t clients;      /* lanes whose owner lives */
	char file[256]; /* the server's file as it was named, cut at 255 */
};

/**
 * shunt_logd_open() - become the server of a log.
 * @out:  set to the server, or NULL on failure.
 * @name: as shunt_log_open(); the log is made if it is missing.
 * @opts: NULL for the defaults.
 *
 * Finishes first what a killed predecessor left undone.
 *
 * Returns: 0 or a negative code as shunt_log_open(); also
 *   -EBUSY  another server serves this log (the detail names its pid), or the
 *           server of another log writes this file.
 *   -EISDIR -EACCES -EROFS -ENOENT ...  the file cannot be opened.
 *
 * Memory:  the server belongs to the caller, until shunt_logd_close().
 * Threads: safe from any thread.
 * Blocks:  for the time that reading the end of the file takes.
 * Signals: not from a handler.
 * Death:   killed at any instruction, the next server puts it right.
 * Fork:    a child must not use it.
 * Since:   0.1
 */
int shunt_logd_open(struct shunt_logd **out, const char *name,
    const struct shunt_logd_options *opts);

/**
 * shunt_logd_run()  - serve until shunt_logd_stop(), then drain and sync.
 * shunt_logd_step() - one pass: write what is there, else wait for more.
 * @logd:    a server.
 * @wait_ns: how long to wait at most when there is nothing to write;
 *           SHUNT_NOWAIT: not at all; SHUNT_FOREVER: as long as it takes.
 *
 * Returns: run: 0 after a stop; step: lines written, 0 for none; or
 *   -ENOSPC        run: stopped, and the disk had no room for all: the rest
 *                  stays in the log for the next server.
 *   SHUNT_E_CORRUPT SHUNT_E_REMOVED SHUNT_E_TRUNCATED  the log is lost.
 *   other -errno   of the file, when it is no full disk.
 *
 * Memory:  none.
 * Threads: one thread at a time.
 * Blocks:  on a futex and on the disk.
 * Signals: not from a handler.
 * Death:   killed at any instruction: every record is written exactly once
 *          by it or by its successor (a regular file, the same boot).
 * Fork:    a child must not use it.
 * Since:   0.1
 */
int shunt_logd_run(struct shunt_logd *logd);
int64_t shunt_logd_step(struct shunt_logd *logd, int64_t wait_ns);

/**
 * shunt_logd_reopen() - open the file anew by its name, for log rotation.
 * shunt_logd_stop()   - make shunt_logd_run() drain, sync and return.
 * @logd: a server.
 *
 * Memory:  one store in the server, one wake.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: async-signal-safe: that is what they are for.
 * Death:   a request that died with the server is gone.
 * Fork:    a child must not use it.
 * Since:   0.1
 */
void shunt_logd_reopen(struct shunt_logd *logd);
void shunt_logd_stop(struct shunt_logd *logd);

/**
 * shunt_logd_stat()         - figures of this server.
 * shunt_logd_status()       - figures of a log by name, from outside.
 * shunt_logd_request_stop() - ask the server of a log, by name, to stop.
 * @logd:    a server.
 * @name:    as shunt_log_open().
 * @owner:   whose log is acceptable besides mine, or NULL.
 * @out:     a struct with `sz` set.
 * @wait_ns: how long to wait until it has stopped.
 *
 * Returns: 0 or a negative code: -ENOENT and the other codes of
 *   shunt_log_open(); request_stop: SHUNT_E_NOSERVER, -ETIMEDOUT.
 *
 * Memory:  fills @out up to its `sz`.
 * Threads: safe from any thread.
 * Blocks:  request_stop as @wait_ns says; the others never.
 * Signals: not from a handler.
 * Death:   changes nothing but the request.
 * Fork:    by name: usable in the child.
 * Since:   0.1
 */
int shunt_logd_stat(struct shunt_logd *logd, struct shunt_logd_stat *out);
int shunt_logd_status(
    const char *name, const char *owner, struct shunt_logd_stat *out);
int shunt_logd_request_stop(
    const char *name, const char *owner, int64_t wait_ns);

/**
 * shunt_logd_close() - stop being the server.
 * @logd: the server, which is set to NULL; NULL in it is accepted.
 *
 * What is not yet written stays in the log for the next server.
 *
 * Memory:  frees the server.
 * Threads: not while another thread uses it.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   as shunt_logd_run().
 * Fork:    in a child frees the child's memory only.
 * Since:   0.1
 */
void shunt_logd_close(struct shunt_logd **logd);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_LOGD_H */
