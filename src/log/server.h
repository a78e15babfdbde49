/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_LOG_SERVER_H
#define SHUNT_LOG_SERVER_H

/* The server: one file, the log that bears the name, and logs that bore it
 * and still have clients. */

#include "log/drain.h"

#define SHUNT__LOGD_SOURCES 4

enum shunt__pace {
	SHUNT__RUNNING, /* a batch after the other, the bell reads 0 */
	SHUNT__NAPPING, /* a look each millisecond; woken by full lanes */
	SHUNT__PARKED   /* nothing came for a while; woken by any record */
};

struct shunt_logd {
	uint64_t fork_mark;
	struct shunt__source
	    *sources[SHUNT__LOGD_SOURCES]; /* [0]: the name's */
	uint32_t count;
	struct shunt__logfile file;
	struct shunt__format format;
	struct shunt__stage stage;
	struct shunt__notice notice;
	int64_t sync_ns;
	char *name;
	char *owner; /* or NULL */

	enum shunt__pace pace;
	int napping;      /* NAP was on the bell before the last pass */
	uint32_t gathers; /* short waits in a row, while running */
	int64_t park_ns;  /* the next long sleep */
	uint64_t seen;    /* when records were seen last, monotonic */
	uint64_t checked; /* when the names were looked at last */
	uint64_t bytes;   /* of the last pass */
	int cut;          /* the last pass left some */

	int full;         /* the file takes nothing for now */
	uint64_t retry;   /* when to try again */
	int sync_failed;  /* what is in the file may never reach the disk */
	int no_successor; /* said already: the new name cannot be served */
	uint64_t syncs;   /* of f->syncs, those that were counted */
	int64_t wall_off;

	/* Written by handlers and by other threads. */
	struct shunt__u32 stop;
	struct shunt__u32 reopen;
	struct shunt__u32 poke; /* changes with each of them */
	_Atomic(struct shunt__u32 *) bell;
};

/* serve.c */
int shunt__logd_add(struct shunt_logd *l, const struct shunt__spec *spec);
void shunt__logd_drop(struct shunt_logd *l, uint32_t i, int may_remove);
void shunt__logd_sign(struct shunt_logd *l, struct shunt__source *s);
int shunt__logd_names(struct shunt_logd *l); /* have they vanished? */

/* pass.c */
int64_t shunt__logd_pass(struct shunt_logd *l);
void shunt__logd_reopen_now(struct shunt_logd *l);
int shunt__logd_sync(struct shunt_logd *l);

/* pace.c */
void shunt__logd_rest(struct shunt_logd *l, uint64_t deadline);
void shunt__logd_pace(struct shunt_logd *l, int64_t lines);
int shunt__logd_stopping(const struct shunt_logd *l);
void shunt__logd_wake(struct shunt_logd *l);

#endif /* SHUNT_LOG_SERVER_H */
