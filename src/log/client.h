/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_LOG_CLIENT_H
#define SHUNT_LOG_CLIENT_H

/*
 * The client's end of a log.  A handle outlives what it is attached to: when
 * the name vanishes, and in a child of fork(2), it attaches anew by name.
 * So there are three things, from the outside in:
 *
 *   handle      struct shunt_log: what the caller has
 *   attachment  struct shunt__log_at: one object of that name; `now` and,
 *               for a while, older ones whose records are still being written
 *   seat        struct shunt__log_end: one thread's lane in an attachment
 *
 * Who may free an attachment: nobody while a thread has a seat there, which
 * only that thread gives back, or while `users` counts one that is about to
 * take a seat or just looks.  The hot path needs neither: it compares the
 * handle's `id` with the seat that its thread used last, and having a seat it
 * may use it.
 */

#include <stdatomic.h>

#include <shunt/log.h>

#include "log/spec.h"
#include "ring/lane.h"
#include "segment/object.h"
#include "segment/seat.h"

#define SHUNT__LOG_MAGIC 0x4c6f6721u

/* An id that no seats have. */
#define SHUNT__LOG_NONE UINT64_MAX

/* How often a client that never sleeps looks at the name. */
#define SHUNT__LOG_CHECK_NS UINT64_C(1000000000)

/* How long a handle waits in all for a server that is not there. */
#define SHUNT__LOG_PATIENCE_NS UINT64_C(1000000000)

/* Where this process's last record in a lane ends; for flush.  Written by the
 * lane's owner for each record, so each has a line of its own. */
struct shunt__log_head {
	_Alignas(64) struct shunt__u64 pos; /* 0: none */
};

struct shunt__log_at {
	struct shunt__log_at *next; /* older */
	struct shunt_log *log;
	struct shunt__object *obj;
	struct shunt__seats seats;
	struct shunt__log_head *heads; /* one a lane */
	void *heads_memory;
	size_t max; /* longest message */
};

struct shunt__log_end {
	struct shunt__lane_tx tx;
	struct shunt__control_lay *control;
	struct shunt__log_at *at;
	struct shunt__u64 *done; /* this lane's head */
	uint32_t busy;           /* what ln_busy says; even between calls */
	uint32_t pid;
	uint32_t tid;
	int fence;
	uint64_t check_at; /* when to look at the name again */
	uint32_t beat;     /* the server's, when we looked last */
	uint64_t full_at;  /* head when the lane was full last */
	size_t max;
	size_t tag_len;
	char tag[SHUNT_LOG_TAG_MAX];
};

struct shunt_log {
	/* Read by every call, written when it attaches anew. */
	uint32_t magic;
	uint32_t limit;       /* the handle's own max_level */
	struct shunt__u64 id; /* of the seats to use, or SHUNT__LOG_NONE */
	struct shunt__u64 fork_mark;
	uint32_t full; /* enum shunt_log_full */

	/* The slow path. */
	struct shunt__u64 lock; /* fork mark of its holder, or 0 */
	struct shunt__u32 users;
	_Atomic(struct shunt__log_at *) now; /* or NULL: to be attached */
	_Atomic(struct shunt__log_at *) old; /* changed under the lock */
	_Atomic(size_t) max;                 /* of `now`; or of the last */
	int broken;                          /* under the lock; a code or 0 */
	uint64_t retry_at;                   /* when to try again */
	struct shunt__u64 give_up_at; /* end of the patience; 0: not begun */
	struct shunt__u64 give_up_of; /* the server of that time: ct_since */
	struct shunt__spec spec;      /* what to attach to, or to make */
	char *name;
	char *group;
	char *owner;
	size_t tag_len;
	char tag[SHUNT_LOG_TAG_MAX];
};

static inline int
shunt__log_forked(const struct shunt_log *log)
{
	return *shunt__fork_page != shunt__load64(&log->fork_mark);
}

static inline struct shunt__log_end *
shunt__log_end(struct shunt__seat *seat)
{
	return (struct shunt__log_end *)(void *)seat->end;
}

/* The gravest level that this object records, as a number: 7 all. */
static inline uint32_t
shunt__log_limit(const struct shunt__control_lay *control)
{
	uint32_t word = shunt__load32(&control->ct_level);

	return word == 0 || word > SHUNT_LOG_DEBUG ? SHUNT_LOG_DEBUG : word - 1;
}

/*
 * Around what changes attachments and seats: a signal handler that interrupts
 * it in the same thread gets -EBUSY, and does not wait for itself.
 */
int shunt__log_enter(void);
void shunt__log_leave(void);

/* lock.c, by holders of the above. */
void shunt__log_lock(struct shunt_log *log);
void shunt__log_unlock(struct shunt_log *log);

/* attach.c: a handle's attachments. */
int shunt__log_attach(struct shunt_log *log);
void shunt__log_free_at(struct shunt__log_at *at, int may_remove);
/* As struct shunt__seats wants it; @arg is the attachment. */
int shunt__log_claim(struct shunt__seat *seat, void *arg, int last);

/* follow.c: how they change. */
/* The attachment to use, which stays until unpinned; or NULL and a code. */
int shunt__log_pin(struct shunt_log *log, struct shunt__log_at **out);
void shunt__log_unpin(struct shunt_log *log);
/* The name leads elsewhere: follows it.  0 if there is another attachment
 * than @at to use, or a code. */
int shunt__log_follow(struct shunt_log *log, struct shunt__log_at *at);
/* The object is lost: calls fail with @code from now on. */
int shunt__log_break(struct shunt_log *log, struct shunt__log_at *at, int code);
/* Lets go of old attachments that nobody needs any more. */
void shunt__log_reap(struct shunt_log *log);
/* Have all records that this process logged there been written? */
int shunt__log_written(const struct shunt__log_at *at);

/* carry.c: brings what lies unread in @from, where no server will ever find
 * it, to @to.  0, or why something is left. */
int shunt__log_carry(struct shunt__log_at *from, struct shunt__log_at *to);

/* full.c: no room.  0 and the room; -ESTALE: another attachment is to be
 * used; or a code. */
int shunt__log_wait_for_room(struct shunt_log *log, struct shunt__log_end *end,
    uint64_t len, void **room);
/* The server sleeps, or naps and this lane fills. */
void shunt__log_wake(struct shunt__log_end *end, uint32_t bits);
/* Counts @n messages that are given up, the first of them at @since. */
void shunt__log_drop(struct shunt__log_end *end, uint64_t n, uint64_t since);
/* 1 if a server serves this object. */
int shunt__log_served(struct shunt__object *obj);

#endif /* SHUNT_LOG_CLIENT_H */
