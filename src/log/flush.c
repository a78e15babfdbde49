/* SPDX-License-Identifier: MIT */
/*
 * Waiting for the disk.  What this process logged through a handle ends, in
 * each lane, where its `heads` say; that is on disk once the server's
 * ln_durable has come so far.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "log/client.h"
#include "os/os.h"
#include "segment/wait.h"
#include "sync/bell.h"

#define NAP_FIRST INT64_C(50000)
#define NAP_LAST  INT64_C(2000000)

/*
 * Asks for a sync up to @head.  The lane may have another owner by now, who
 * asks too, or another thread of ours: the word only grows.
 */
static void
ask(struct shunt__lane_lay *ctl, uint64_t head)
{
	uint64_t old = shunt__load64(&ctl->ln_flush);

	for (int i = 0; i < 1000 && old < head; i++)
		if (shunt__cas64(&ctl->ln_flush, &old, head))
			break;
}

/* Asks for all lanes; 1 if one of them is not on disk as far as *@heads. */
static int
pending(struct shunt__log_at *at, const uint64_t *heads, uint32_t n)
{
	int any = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct shunt__lane_lay *ctl = shunt__object_lane(at->obj, i);
		/* Pairs with the server's release after its fdatasync. */
		if (heads[i] == 0 ||
		    shunt__acquire64(&ctl->ln_durable) >= heads[i])
			continue;
		ask(ctl, heads[i]);
		any = 1;
	}
	return any;
}

/* As seen now: records that are logged later are no matter of this flush. */
static uint32_t
copy_heads(const struct shunt__log_at *at, uint64_t *heads)
{
	uint32_t n = shunt__object_high(at->obj);

	for (uint32_t i = 0; i < n; i++)
		heads[i] = shunt__acquire64(&at->heads[i].pos);
	return n;
}

/* One attachment.  0, or why not. */
static int
flush_at(struct shunt__log_at *at, int64_t wait_ns, uint64_t deadline)
{
	uint64_t heads[SHUNT__LANES_MAX];
	uint32_t n;
	int64_t nap = NAP_FIRST;
	int e = shunt__object_check(at->obj);

	if (e == SHUNT_E_TRUNCATED)
		return e;
	n = copy_heads(at, heads);
	while (pending(at, heads, n)) {
		/* The old bearer of a name is still served; one that was
		 * removed by force may not be for long. */
		if (e == SHUNT_E_REMOVED || e == SHUNT_E_TRUNCATED)
			return e;
		if (!shunt__log_served(at->obj))
			return pending(at, heads, n) ? SHUNT_E_NOSERVER : 0;
		shunt__bell_ring(&at->obj->control->ct_bell,
		    SHUNT__BELL_ASLEEP | SHUNT__BELL_NAP);
		if (wait_ns < 0)
			return -EAGAIN;
		if (deadline != 0 && shunt__now() >= deadline)
			return -ETIMEDOUT;
		shunt__os.nanosleep(nap);
		if (nap < NAP_LAST)
			nap *= 2;
		e = shunt__object_check(at->obj);
	}
	return 0;
}

/* Older attachments too: they are not freed while we are counted as a user. */
static int
flush_all(struct shunt_log *log, struct shunt__log_at *now, int64_t wait_ns,
    uint64_t deadline)
{
	struct shunt__log_at *old;
	int e;

	e = shunt__log_enter();
	if (e < 0)
		return e;
	/* Whoever frees one has the lock and has not seen us yet. */
	shunt__log_lock(log);
	old = atomic_load(&log->old);
	shunt__log_unlock(log);
	shunt__log_leave();
	e = flush_at(now, wait_ns, deadline);
	/* The list changes at its head, and shrinks without users only. */
	for (; e == 0 && old != NULL; old = old->next)
		e = flush_at(old, wait_ns, deadline);
	return e;
}

int
shunt_log_flush(struct shunt_log *log, int64_t wait_ns)
{
	uint64_t deadline = shunt__deadline(wait_ns);
	struct shunt__log_at *now;

	if (log == NULL || log->magic != SHUNT__LOG_MAGIC || wait_ns < -1)
		return -EINVAL;
	int e = shunt__log_pin(log, &now);
	if (e < 0)
		return e;
	e = flush_all(log, now, wait_ns, deadline);
	shunt__log_unpin(log);
	if (atomic_load(&log->old) != NULL)
		shunt__log_reap(log);
	return e;
}
