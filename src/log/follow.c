/* SPDX-License-Identifier: MIT */
/*
 * How a handle's attachment changes: the name may vanish and come again as
 * another object, and a child of fork(2) has nothing of its parent's mapped.
 */
#include <errno.h>
#include <stdatomic.h>

#include "log/client.h"
#include "os/os.h"
#include "sync/bell.h"

/* The first call in a child.  The parent's attachments are memory that the
 * child has a copy of; older ones may be half changed by another thread of
 * the parent, so they are left alone: a few hundred bytes. */
static void
leave_parent(struct shunt_log *log)
{
	struct shunt__log_at *at = atomic_load(&log->now);

	atomic_store(&log->now, NULL);
	shunt__store64(&log->id, SHUNT__LOG_NONE);
	shunt__store32(&log->users, 0);
	atomic_store(&log->old, NULL);
	log->broken = 0;
	log->retry_at = 0;
	shunt__store64(&log->fork_mark, shunt__fork_mark());
	shunt__log_free_at(at, 0);
}

/* Under the lock: a failure is not tried again at once by every call. */
static int
attach_again(struct shunt_log *log)
{
	uint64_t now = shunt__now();

	if (now < log->retry_at)
		return log->broken;
	int e = shunt__log_attach(log);
	if (e < 0) {
		log->broken = e;
		log->retry_at = now + SHUNT__LOG_CHECK_NS;
		return e;
	}
	return 0;
}

/* There is none, or it is the parent's. */
static int
make_now(struct shunt_log *log)
{
	int e = shunt__log_enter();

	if (e < 0)
		return e;
	shunt__log_lock(log);
	if (shunt__log_forked(log))
		leave_parent(log);
	if (atomic_load(&log->now) == NULL)
		e = attach_again(log);
	shunt__log_unlock(log);
	shunt__log_leave();
	return e;
}

int
shunt__log_pin(struct shunt_log *log, struct shunt__log_at **out)
{
	int e = 0;

	if (__builtin_expect(
		shunt__log_forked(log) || atomic_load(&log->now) == NULL, 0))
		e = make_now(log);
	if (e < 0)
		return e;
	/*
	 * Counted before the look: whoever takes `now` away and then reads
	 * the count as 0 knows that we see his new one.
	 */
	shunt__add32(&log->users, 1);
	*out = atomic_load(&log->now);
	if (__builtin_expect(*out != NULL, 1))
		return 0;
	shunt__log_unpin(log); /* it was lost between the two looks */
	return SHUNT_E_NOTREADY;
}

void
shunt__log_unpin(struct shunt_log *log)
{
	shunt__add32(&log->users, UINT32_MAX);
}

int
shunt__log_written(const struct shunt__log_at *at)
{
	uint32_t high = shunt__object_high(at->obj);

	for (uint32_t i = 0; i < high; i++) {
		uint64_t head = shunt__acquire64(&at->heads[i].pos);
		uint64_t tail =
		    shunt__load64(&shunt__object_lane(at->obj, i)->ln_tail);
		if (head != 0 && tail < head && (tail & 7) == 0)
			return 0;
	}
	return 1;
}

/*
 * Is somebody there, or a server still writing our records?  Without a name no
 * server finds it any more: one that has it now is the last, and where there
 * is none, we carry what lies there to the log that has the name now.
 */
static int
needed(struct shunt_log *log, struct shunt__log_at *at)
{
	struct shunt__log_at *now = atomic_load(&log->now);

	if (shunt__seat_give(&at->seats) ||
	    shunt__add32(&log->users, 0) != 0) /* a full fence, too */
		return 1;
	if (shunt__object_check(at->obj) == SHUNT_E_TRUNCATED ||
	    shunt__log_written(at))
		return 0;
	return shunt__log_served(at->obj) ||
	       (now != NULL && shunt__log_carry(at, now) < 0);
}

void
shunt__log_reap(struct shunt_log *log)
{
	struct shunt__log_at *before = NULL, *next;

	if (shunt__log_enter() < 0)
		return;
	shunt__log_lock(log);
	for (struct shunt__log_at *at = atomic_load(&log->old); at != NULL;
	     at = next) {
		next = at->next;
		if (needed(log, at)) {
			before = at;
			continue;
		}
		if (before != NULL)
			before->next = next;
		else
			atomic_store(&log->old, next);
		shunt__log_free_at(at, 0);
	}
	shunt__log_unlock(log);
	shunt__log_leave();
}

int
shunt__log_follow(struct shunt_log *log, struct shunt__log_at *at)
{
	int e = 0;

	shunt__log_lock(log);
	if (atomic_load(&log->now) == at) {
		e = shunt__log_attach(log);
		if (e >= 0) {
			at->next = atomic_load(&log->old);
			atomic_store(&log->old, at);
			/* Its server may sleep there for a second, which is
			 * all the patience that clients of the new one have. */
			shunt__bell_ring(&at->obj->control->ct_bell,
			    SHUNT__BELL_ASLEEP | SHUNT__BELL_NAP);
		}
	}
	shunt__log_unlock(log);
	return e < 0 ? e : 0;
}

int
shunt__log_break(struct shunt_log *log, struct shunt__log_at *at, int code)
{
	shunt__log_lock(log);
	if (atomic_load(&log->now) == at) {
		atomic_store(&log->now, NULL);
		shunt__store64(&log->id, SHUNT__LOG_NONE);
		log->broken = code;
		/* What was cut may be made anew; what was removed by force
		 * is not to come back by itself. */
		log->retry_at = code == SHUNT_E_REMOVED
				    ? UINT64_MAX
				    : shunt__now() + SHUNT__LOG_CHECK_NS;
		at->next = atomic_load(&log->old);
		atomic_store(&log->old, at);
	}
	shunt__log_unlock(log);
	return code;
}
