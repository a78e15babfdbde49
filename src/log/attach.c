/* SPDX-License-Identifier: MIT */
/*
 * What a client's handle is attached to, and how that changes: the name may
 * vanish and come again as another object, and a child of fork(2) has nothing
 * of its parent's mapped.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "log/client.h"
#include "os/os.h"
#include "sync/bell.h"

/*
 * The lock is a word with its holder's fork mark: in a child of fork(2), a
 * lock that was held by a thread of the parent is held by nobody.  It is
 * asked for on the slow path only, so a short nap is all the waiting there is.
 */
void
shunt__log_lock(struct shunt_log *log)
{
	uint64_t mine = shunt__fork_mark(), old = 0;

	if (mine == 0) /* out of memory: a mark that no process has */
		mine = UINT64_MAX;
	while (!shunt__cas64(&log->lock, &old, mine)) {
		if (old != mine)
			continue; /* free by now, or an ancestor's: take it */
		shunt__os.nanosleep(50000);
		old = 0;
	}
}

void
shunt__log_unlock(struct shunt_log *log)
{
	shunt__release64(&log->lock, 0);
}

/* L3 of the log's protocol first: an owner that was killed in mid-call left
 * the word odd, and the server would wait for us as long as we wait for room.
 * Killed in here we leave it even or odd, and the byte free: both are fine. */
static void
make_even(struct shunt__log_end *end, struct shunt__lane_lay *ctl)
{
	end->busy = shunt__load32(&ctl->ln_busy);
	if (end->busy & 1)
		shunt__release32(&ctl->ln_busy, ++end->busy);
}

static void
sign(const struct shunt__log_end *end, struct shunt__lane_lay *ctl)
{
	shunt__store32(&ctl->ln_pid, end->pid);
	shunt__store32(&ctl->ln_tid, end->tid);
	shunt__store32(&ctl->ln_uid, shunt__os.geteuid());
	shunt__store32(&ctl->ln_owners, shunt__load32(&ctl->ln_owners) + 1);
	shunt__store64(&ctl->ln_since, shunt__now());
	shunt__who_comm(ctl->ln_comm);
}

static int
claim(struct shunt__seat *seat, void *arg, int last)
{
	struct shunt__log_at *at = arg;
	struct shunt__object *obj = at->obj;
	struct shunt__lane_lay *ctl = shunt__object_lane(obj, seat->lane);
	struct shunt__log_end *end = shunt__log_end(seat);
	int e;

	make_even(end, ctl);
	e = shunt__object_probe_lane(obj, seat->lane);
	if (e == 0)
		e = shunt__lane_tx_adopt(&end->tx,
		    shunt__object_ring(obj, seat->lane), obj->geo.lane_bytes,
		    ctl);
	if (e < 0)
		return e;
	/* Records of others in it do no harm, as long as there is room. */
	if (!last && end->tx.head - end->tx.tail_seen > end->tx.cap / 2)
		return -EAGAIN;
	/* A predecessor may have died asleep. */
	shunt__bell_disarm(&ctl->ln_waiting, SHUNT__BELL_ASLEEP);
	end->control = obj->control;
	end->at = at;
	end->done = &at->heads[seat->lane].pos;
	end->pid = (uint32_t)shunt__os.getpid();
	end->tid = (uint32_t)shunt__os.gettid();
	end->fence = obj->fence;
	end->full_at = UINT64_MAX;
	end->check_at = shunt__now() + SHUNT__LOG_CHECK_NS;
	end->max = at->max;
	end->tag_len = at->log->tag_len;
	memcpy(end->tag, at->log->tag, end->tag_len);
	sign(end, ctl);
	return 0;
}

static int
make_heads(struct shunt__log_at *at)
{
	/* From calloc, so that lanes that we never use cost no memory. */
	at->heads_memory =
	    calloc(at->obj->geo.lanes + 1, sizeof(at->heads[0]));
	if (at->heads_memory == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	at->heads = (void *)(((uintptr_t)at->heads_memory + 63) &
	    ~(uintptr_t)63);
	return 0;
}

void
shunt__log_free_at(struct shunt__log_at *at, int may_remove)
{
	if (at == NULL)
		return;
	if (at->seats.id != 0)
		shunt__seats_fini(&at->seats);
	shunt__object_detach(at->obj, may_remove ? shunt__log_unread : NULL);
	free(at->heads_memory);
	free(at);
}

/* What is made anew later, is made like what was there. */
static void
remember(struct shunt_log *log, const struct shunt__object *obj)
{
	struct stat st;

	shunt__log_spec(&log->spec, obj->geo.lanes, obj->geo.lane_bytes);
	log->spec.persistent = obj->geo.lifetime == SHUNT__PERSISTENT;
	log->spec.owner = log->owner;
	log->spec.group = log->group;
	if (shunt__os.fstat(obj->fd, &st) == 0)
		log->spec.mode = st.st_mode & 0777;
}

/* Attaches to what the name leads to and makes it what calls use.  0 it was
 * there, 1 made here, or a code. */
int
shunt__log_attach(struct shunt_log *log)
{
	struct shunt__log_at *at = calloc(1, sizeof(*at));
	int existing = log->spec.existing, made, e;

	if (at == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	made = e = shunt__object_attach(&at->obj, log->name, &log->spec);
	if (e >= 0)
		e = shunt__log_check(at->obj);
	if (e >= 0)
		e = make_heads(at);
	if (e < 0) {
		shunt__log_free_at(at, made == 1);
		return e;
	}
	at->log = log;
	/* The fixed part of a record, and a NUL that printf writes. */
	at->max = shunt__lane_max(at->obj->geo.lane_bytes) -
	    sizeof(struct shunt__log_record_lay) - SHUNT_LOG_TAG_MAX - 8;
	remember(log, at->obj);
	log->spec.existing = existing;
	shunt__seats_init(&at->seats, at->obj, sizeof(struct shunt__log_end),
	    claim, NULL, at);
	log->broken = 0;
	shunt__store64(&log->give_up_at, 0);
	atomic_store(&log->max, at->max);
	atomic_store(&log->now, at);
	shunt__release64(&log->id, at->seats.id);
	return made;
}

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

int
shunt__log_pin(struct shunt_log *log, struct shunt__log_at **out)
{
	if (__builtin_expect(shunt__log_forked(log), 0)) {
		shunt__log_lock(log);
		if (shunt__log_forked(log))
			leave_parent(log);
		shunt__log_unlock(log);
	}
	/*
	 * Counted before the look: whoever takes `now` away and then reads
	 * the count as 0 knows that we see his new one.
	 */
	shunt__add32(&log->users, 1);
	*out = atomic_load(&log->now);
	if (__builtin_expect(*out != NULL, 1))
		return 0;
	shunt__log_lock(log);
	int e = atomic_load(&log->now) == NULL ? attach_again(log) : 0;
	*out = atomic_load(&log->now);
	shunt__log_unlock(log);
	if (*out == NULL)
		shunt__log_unpin(log);
	return *out != NULL ? 0 : e;
}

void
shunt__log_unpin(struct shunt_log *log)
{
	shunt__add32(&log->users, UINT32_MAX);
}

/* Have all records that this process logged there been written? */
static int
written(const struct shunt__log_at *at)
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

/* Is somebody there, or a server still writing our records?  Without a name
 * no server finds it any more: one that has it now is the last. */
static int
needed(struct shunt_log *log, struct shunt__log_at *at)
{
	return shunt__seat_give(&at->seats) ||
	    shunt__add32(&log->users, 0) != 0 || /* a full fence, too */
	    (shunt__object_check(at->obj) != SHUNT_E_TRUNCATED &&
		!written(at) && shunt__log_served(at->obj));
}

void
shunt__log_reap(struct shunt_log *log)
{
	struct shunt__log_at *before = NULL, *next;

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
