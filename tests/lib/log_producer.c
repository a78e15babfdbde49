/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "lib/log_producer.h"
#include "os/os.h"
#include "sync/bell.h"

static int
claim(struct producer *p)
{
	for (uint32_t i = 0; i < p->obj->geo.lanes; i++) {
		if (shunt__lane_lock(p->obj, i) != 0)
			continue;
		int e = shunt__object_reserve_lane(p->obj, i);
		p->lane = i;
		p->ctl = shunt__object_lane(p->obj, i);
		if (e == 0)
			e = shunt__lane_tx_adopt(&p->tx,
			    shunt__object_ring(p->obj, i),
			    p->obj->geo.lane_bytes, p->ctl);
		if (e < 0)
			return e;
		/* L3 */
		uint32_t busy = shunt__load32(&p->ctl->ln_busy);
		if (busy & 1)
			shunt__release32(&p->ctl->ln_busy, busy + 1);
		shunt__store32(&p->ctl->ln_pid, p->pid);
		shunt__object_raise(p->obj, i + 1);
		return 0;
	}
	return SHUNT_E_SLOTS;
}

int
producer_open(
    struct producer *p, const char *name, const struct shunt__spec *spec)
{
	memset(p, 0, sizeof(*p));
	p->pid = (uint32_t)shunt__os.getpid();
	p->wait = 1;
	int e = shunt__object_attach(&p->obj, name, spec);
	if (e >= 0)
		e = claim(p);
	if (e < 0)
		producer_close(p);
	return e;
}

void
producer_close(struct producer *p)
{
	shunt__object_detach(p->obj, shunt__log_unread);
	p->obj = NULL;
}

static void
ring(struct producer *p, uint32_t bits)
{
	if (shunt__bell_look(&p->obj->control->ct_bell, p->obj->fence) & bits)
		shunt__bell_ring(&p->obj->control->ct_bell, bits);
}

static int
room(void *arg)
{
	struct producer *p = arg;
	void *at;

	return shunt__lane_reserve(&p->tx, p->tx.room, &at);
}

/* C1: before the lane is busy.  Bounded sleeps on the lane's own bell. */
static int
wait_for_room(struct producer *p, uint64_t len, void **at)
{
	struct shunt__u32 *bell = &p->ctl->ln_waiting;

	for (;;) {
		int e = shunt__lane_reserve(&p->tx, len, at);
		if (e != -EAGAIN || !p->wait)
			return e;
		p->tx.room = len;
		ring(p, SHUNT__BELL_ASLEEP | SHUNT__BELL_NAP);
		shunt__bell_arm(bell, SHUNT__BELL_ASLEEP);
		if (room(p) == -EAGAIN)
			shunt__bell_wait(bell, SHUNT__BELL_ASLEEP, 100000000);
		shunt__bell_disarm(bell, SHUNT__BELL_ASLEEP);
	}
}

int
producer_begin(struct producer *p, size_t len, void **at)
{
	int e =
	    wait_for_room(p, sizeof(struct shunt__log_record_lay) + len, at);
	if (e == 0) /* C2 */
		shunt__exchange32(
		    &p->ctl->ln_busy, shunt__load32(&p->ctl->ln_busy) + 1);
	return e;
}

void
producer_commit(struct producer *p, void *at, uint64_t stamp, unsigned level,
    const void *msg, size_t len)
{
	struct shunt__log_record_lay r = {stamp, p->pid, p->pid};

	memcpy(at, &r, sizeof(r));
	memcpy((char *)at + sizeof(r), msg, len);
	shunt__lane_commit(&p->tx, sizeof(r) + len, (uint16_t)level);
}

void
producer_end(struct producer *p)
{
	shunt__release32(&p->ctl->ln_busy, shunt__load32(&p->ctl->ln_busy) + 1);
	uint32_t bits = SHUNT__BELL_ASLEEP;
	if (p->tx.head - p->tx.tail_seen > p->tx.cap / 2)
		bits |= SHUNT__BELL_NAP;
	ring(p, bits);
}

int
producer_put(struct producer *p, const void *msg, size_t len)
{
	void *at;
	int e = producer_begin(p, len, &at);

	if (e < 0)
		return e;
	producer_commit(p, at, shunt__now(), 6, msg, len);
	producer_end(p);
	return 0;
}

int
producer_raw(struct producer *p, const void *bytes, size_t len, uint16_t tag)
{
	void *at;
	int e = wait_for_room(p, len, &at);

	if (e < 0)
		return e;
	memcpy(at, bytes, len);
	shunt__lane_commit(&p->tx, len, tag);
	ring(p, SHUNT__BELL_ASLEEP | SHUNT__BELL_NAP);
	return 0;
}

int
producer_flush(struct producer *p, int64_t ns)
{
	uint64_t want = p->tx.head, end = shunt__now() + (uint64_t)ns;
	struct shunt__u32 *bell = &p->ctl->ln_waiting;

	shunt__release64(&p->ctl->ln_flush, want);
	for (;;) {
		ring(p, SHUNT__BELL_ASLEEP | SHUNT__BELL_NAP);
		shunt__bell_arm(bell, SHUNT__BELL_ASLEEP);
		if (shunt__acquire64(&p->ctl->ln_durable) >= want)
			break;
		if (shunt__now() > end)
			break;
		shunt__bell_wait(bell, SHUNT__BELL_ASLEEP, 10000000);
	}
	shunt__bell_disarm(bell, SHUNT__BELL_ASLEEP);
	return shunt__acquire64(&p->ctl->ln_durable) >= want;
}
