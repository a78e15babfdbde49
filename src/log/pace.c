/* SPDX-License-Identifier: MIT */
/*
 * When the server looks, when it naps and when it sleeps.  A steady trickle
 * must cost its clients no system call, so a server that saw records lately
 * looks each millisecond by itself; only one that saw none for a tenth of a
 * second is woken by a record, and that costs one client one wake.
 */
#include <errno.h>

#include "log/server.h"
#include "os/os.h"
#include "sync/bell.h"

#define NAP_NS     INT64_C(1000000)
#define PARK_AFTER UINT64_C(100000000)
#define OLD_NS     INT64_C(10000000) /* while an old log has clients */

/* A pass that wrote so much is followed by the next at once. */
#define BUSY_BYTES (UINT64_C(32) << 10)

/* One that wrote less, while clients write at full speed, by so many short
 * waits first: a nap would let them all run into their full lanes. */
#define GATHERS   20u
#define GATHER_NS UINT64_C(20000)

int
shunt__logd_stopping(const struct shunt_logd *l)
{
	if (shunt__load32(&l->stop) != 0)
		return 1;
	return shunt__load32(&l->sources[0]->server->sv_stop) != 0;
}

/* From a signal handler, too: stores and a system call. */
void
shunt__logd_wake(struct shunt_logd *l)
{
	struct shunt__u32 *bell =
	    atomic_load_explicit(&l->bell, memory_order_acquire);

	shunt__add32(&l->poke, 1);
	shunt__os.futex_wake(&l->poke, 1);
	if (bell != NULL)
		shunt__bell_ring(bell, SHUNT__BELL_ASLEEP | SHUNT__BELL_NAP);
}

static struct shunt__u32 *
bell(struct shunt_logd *l)
{
	return &l->sources[0]->obj->control->ct_bell;
}

static int64_t
at_most(int64_t ns, uint64_t until, uint64_t now)
{
	if (until <= now)
		return 0;
	return until - now < (uint64_t)ns ? (int64_t)(until - now) : ns;
}

/* Everything that ends a sleep early, the interval of the syncs too. */
static int64_t
bound(struct shunt_logd *l, int64_t ns, uint64_t deadline)
{
	uint64_t now = shunt__now();

	if (deadline != 0)
		ns = at_most(ns, deadline, now);
	if (l->sync_ns > 0 && l->file.dirty && !l->sync_failed)
		ns = at_most(ns, l->file.synced + (uint64_t)l->sync_ns, now);
	if (l->count > 1 && ns > OLD_NS)
		ns = OLD_NS;
	return ns;
}

static int
called(const struct shunt_logd *l)
{
	return shunt__load32(&l->reopen) != 0 || shunt__logd_stopping(l);
}

/* The disk is full: clients may ring as they like, only time helps. */
static void
wait_for_room(struct shunt_logd *l, uint64_t deadline)
{
	uint32_t poke = shunt__load32(&l->poke);
	uint64_t now = shunt__now();
	int64_t ns = at_most(SHUNT__SLEEP_LAST, l->retry, now);

	if (deadline != 0)
		ns = at_most(ns, deadline, now);
	if (ns > 0 && !called(l))
		shunt__os.futex_wait(&l->poke, poke, ns);
}

/* NAP is set before a pass, so that whoever fills his lane in it rings for
 * nothing or is seen; then it stays for as long as nobody takes it. */
static void
nap(struct shunt_logd *l, uint64_t deadline)
{
	if (!l->napping) {
		shunt__or32(bell(l), SHUNT__BELL_NAP);
		l->napping = 1;
		return;
	}
	int64_t ns = bound(l, NAP_NS, deadline);
	if (ns <= 0 || called(l) ||
	    shunt__bell_wait(bell(l), SHUNT__BELL_NAP, ns) != -ETIMEDOUT)
		l->napping = 0;
}

static int
anything(struct shunt_logd *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (shunt__source_any(l->sources[i]) ||
		    (!l->sync_failed && shunt__drain_wants_sync(l->sources[i])))
			return 1;
	return called(l);
}

/* The bell is armed, then everything is looked at, then we sleep: see A in
 * sync/bell.h.  A client killed between commit and wake delays its record to
 * the end of the sleep. */
static void
park(struct shunt_logd *l, uint64_t deadline)
{
	int woken = 1;

	shunt__bell_arm(bell(l), SHUNT__BELL_ASLEEP);
	if (!anything(l)) {
		int64_t ns = bound(l, l->park_ns, deadline);
		if (ns > 0)
			woken = shunt__bell_wait(bell(l), SHUNT__BELL_ASLEEP,
				    ns) != -ETIMEDOUT;
	}
	shunt__bell_disarm(bell(l), SHUNT__BELL_ASLEEP);
	if (woken)
		l->park_ns = SHUNT__SLEEP_FIRST;
	else if (l->park_ns < SHUNT__SLEEP_LAST)
		l->park_ns *= 2;
}

/* Clients are on their way: let them fill a batch worth its write. */
static void
gather(void)
{
	uint64_t end = shunt__now() + GATHER_NS;

	do
		for (int i = 0; i < 16; i++)
			shunt__pause();
	while (shunt__now() < end);
}

/* Between two passes. */
void
shunt__logd_rest(struct shunt_logd *l, uint64_t deadline)
{
	if (l->full)
		wait_for_room(l, deadline);
	else if (l->pace == SHUNT__RUNNING && l->gathers != 0)
		gather();
	else if (l->pace == SHUNT__NAPPING)
		nap(l, deadline);
	else if (l->pace == SHUNT__PARKED)
		park(l, deadline);
}

/* What comes after a pass that wrote @lines. */
void
shunt__logd_pace(struct shunt_logd *l, int64_t lines)
{
	uint64_t now = shunt__now();
	enum shunt__pace next = SHUNT__PARKED;

	if (lines > 0)
		l->seen = now;
	if (l->bytes >= BUSY_BYTES || l->cut) {
		next = SHUNT__RUNNING;
		l->gathers = 0;
	} else if (l->pace == SHUNT__RUNNING && l->gathers < GATHERS &&
		   shunt__os.cpus() > 1) {
		next = SHUNT__RUNNING;
		l->gathers++;
	} else if (now - l->seen < PARK_AFTER)
		next = SHUNT__NAPPING;
	if (next != SHUNT__NAPPING && l->pace == SHUNT__NAPPING) {
		shunt__bell_disarm(bell(l), SHUNT__BELL_NAP);
		l->napping = 0;
	}
	if (next == SHUNT__PARKED && l->pace != SHUNT__PARKED)
		l->park_ns = SHUNT__SLEEP_FIRST;
	l->pace = next;
}
