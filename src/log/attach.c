/* SPDX-License-Identifier: MIT */
/* What a client's handle is attached to, and a thread's lane in it. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "log/client.h"
#include "os/os.h"
#include "sync/bell.h"

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

int
shunt__log_claim(struct shunt__seat *seat, void *arg, int last)
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
	at->heads_memory = calloc(at->obj->geo.lanes + 1, sizeof(at->heads[0]));
	if (at->heads_memory == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	at->heads =
	    (void *)(((uintptr_t)at->heads_memory + 63) & ~(uintptr_t)63);
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
	    shunt__log_claim, NULL, at);
	log->broken = 0;
	shunt__store64(&log->give_up_at, 0);
	atomic_store(&log->max, at->max);
	atomic_store(&log->now, at);
	shunt__release64(&log->id, at->seats.id);
	return made;
}
