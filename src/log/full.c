/* SPDX-License-Identifier: MIT */
/*
 * A lane without room.  Nothing is lost in silence: the call waits, or the
 * message is counted as dropped, and the file tells how many.
 */
#include <errno.h>

#include "log/client.h"
#include "os/os.h"
#include "segment/wait.h"
#include "sync/bell.h"

/* How often is asked whether a server still lives. */
#define SLICE_NS UINT64_C(100000000)

int
shunt__log_served(struct shunt__object *obj)
{
	return shunt__object_held(obj, SHUNT__BYTE_RECEIVER) == 1;
}

void
shunt__log_wake(struct shunt__log_end *end, uint32_t bits)
{
	struct shunt__lane_tx *tx = &end->tx;
	struct shunt__u32 *bell = &end->control->ct_bell;

	if (bits & SHUNT__BELL_ASLEEP) {
		shunt__bell_ring(bell, SHUNT__BELL_ASLEEP);
		return;
	}
	/* It naps and looks every millisecond by itself: it is disturbed only
	 * for a lane that may be full before that. */
	if (tx->head - tx->tail_seen <= tx->cap / 2)
		return;
	if (shunt__lane_tx_refresh(tx) == 0 &&
	    tx->head - tx->tail_seen > tx->cap / 2)
		shunt__bell_ring(bell, SHUNT__BELL_NAP);
}

struct room {
	struct shunt__lane_tx *tx;
	uint64_t len;
	void **room;
};

static int
room_ready(void *arg)
{
	struct room *r = arg;
	int e = shunt__lane_reserve(r->tx, r->len, r->room);

	/* An odd tail is the server's mark on a lane that it found corrupt:
	 * nothing of it is read any more. */
	return e == -EAGAIN && (r->tx->tail_seen & 7) != 0 ? SHUNT_E_CORRUPT
							   : e;
}

/* Owner's words: the server reads both and writes neither.  Killed between
 * the two, the time of an older drop is told with the next. */
void
shunt__log_drop(struct shunt__log_end *end, uint64_t n, uint64_t since)
{
	struct shunt__lane_lay *ctl = end->tx.ctl;
	uint64_t dropped = shunt__load64(&ctl->ln_dropped);

	if (dropped == shunt__load64(&ctl->ln_told))
		shunt__store64(&ctl->ln_drop_since, since);
	shunt__release64(&ctl->ln_dropped, dropped + n);
}

/*
 * The handle's patience is spent once, not once a message: it begins anew only
 * when there was room since, or a server, or another log.
 */
static void
begin_episode(struct shunt_log *log, struct shunt__log_end *end)
{
	uint64_t of = shunt__load64(&end->control->ct_since);

	if ((end->full_at != UINT64_MAX && end->full_at != end->tx.head) ||
	    shunt__load64(&log->give_up_of) != of) {
		shunt__store64(&log->give_up_of, of);
		shunt__store64(&log->give_up_at, 0);
	}
	end->full_at = end->tx.head;
}

/* Until when to wait before the next look at the server; 0: not at all. */
static uint64_t
patience(struct shunt_log *log, struct shunt__log_end *end)
{
	struct shunt__object *obj = end->at->obj;
	uint64_t now = shunt__now(), until = now + SLICE_NS;

	if (log->full == SHUNT_LOG_FULL_WAIT)
		return until;
	if (log->full == SHUNT_LOG_FULL_DROP)
		return 0;
	if (shunt__load32(&shunt__log_server(obj)->sv_disk_full) == 0 &&
	    shunt__log_served(obj)) {
		shunt__store64(&log->give_up_at, 0);
		return until;
	}
	uint64_t give_up = shunt__load64(&log->give_up_at);
	if (give_up == 0) {
		give_up = now + SHUNT__LOG_PATIENCE_NS;
		shunt__store64(&log->give_up_at, give_up);
	}
	if (now >= give_up)
		return 0;
	return give_up < until ? give_up : until;
}

/* The name is gone, or leads to another object: goes there, if it can. */
static int
go_elsewhere(struct shunt_log *log, struct shunt__log_end *end)
{
	struct shunt__object *obj = end->at->obj;
	int e = shunt__object_check(obj);

	if (e == SHUNT_E_REMOVED || e == SHUNT_E_TRUNCATED)
		return shunt__log_break(log, end->at, e);
	if (e == 0 || shunt__log_follow(log, end->at) == 0)
		return -ESTALE;
	shunt__os.nanosleep(20000000);
	return -EAGAIN;
}

int
shunt__log_wait_for_room(struct shunt_log *log, struct shunt__log_end *end,
    uint64_t len, void **room)
{
	struct shunt__lane_lay *ctl = end->tx.ctl;
	struct room r = {&end->tx, len, room};
	int e;

	begin_episode(log, end);
	for (;;) {
		uint64_t until = patience(log, end);
		if (until == 0) {
			shunt__log_drop(end, 1, shunt__now());
			return SHUNT_E_DROPPED;
		}
		shunt__bell_ring(&end->control->ct_bell,
		    SHUNT__BELL_ASLEEP | SHUNT__BELL_NAP);
		e = shunt__wait(end->at->obj, &ctl->ln_waiting,
		    SHUNT__BELL_ASLEEP, until, room_ready, &r);
		if (e == SHUNT_E_REMOVED || e == SHUNT_E_TRUNCATED) {
			e = go_elsewhere(log, end);
			if (e == -EAGAIN)
				e = room_ready(&r);
		}
		if (e == 0 || e == -ESTALE)
			shunt__store64(&log->give_up_at, 0);
		if (e != -ETIMEDOUT && e != -EAGAIN)
			return e;
	}
}
