/* SPDX-License-Identifier: MIT */
/*
 * Strict order without a lock: the horizon.  A client makes its lane's busy
 * word odd, then reads the clock, commits, and makes the word even.  We read
 * the clock (T0), then the busy words, wait until each odd one has moved, and
 * only then read the lanes.  A record stamped before T0 belongs to a call that
 * was odd before T0: either we saw it odd and waited for its commit, or it was
 * even again, and committed.  So those records, and only those, are final.
 */
#include "log/drain.h"
#include "os/os.h"

/* Turns to spin for a client that runs on another processor: a call takes
 * less than a microsecond.  One that was preempted needs our processor. */
#define BUSY_SPINS 200

static int
dead(struct shunt__source *s, uint32_t lane)
{
	/* The kernel frees the byte after the last store of its holder. */
	return shunt__lane_held(s->obj, lane) == 0;
}

/* S3 for one lane that was seen at @busy, odd. */
static void
wait_for(struct shunt__source *s, uint32_t lane, uint32_t busy, uint64_t until)
{
	struct shunt__cursor *c = &s->lanes[lane];
	int64_t nap = 20000;

	for (unsigned i = 0; i < BUSY_SPINS; i++) {
		/* Pairs with C6, the client's even: its commit is visible. */
		if (shunt__acquire32(&c->ctl->ln_busy) != busy)
			return;
		shunt__pause();
	}
	while (shunt__acquire32(&c->ctl->ln_busy) == busy && !dead(s, lane)) {
		if (shunt__now() >= until) {
			/* Stopped in mid-call.  It delayed the file once; not
			 * again, while it stands at this very call. */
			c->gave_up = busy;
			return;
		}
		shunt__os.nanosleep(nap);
		if (nap < 1000000)
			nap *= 2;
	}
}

uint64_t
shunt__order_horizon(struct shunt__source *s)
{
	shunt__source_scan(s);
	if (s->foreign_boot) /* what lies there is no matter of now */
		return UINT64_MAX;
	/*
	 * A lane that was claimed since the scan is not missed: its first
	 * call reads the clock after ct_high was raised.  If that was before
	 * T0, the second scan, behind the fence, sees it.
	 */
	uint64_t t0 = shunt__now(); /* S2 */
	shunt__fence_after_clock();
	shunt__source_scan(s);
	for (uint32_t i = 0; i < s->known; i++) { /* S3 */
		struct shunt__cursor *c = &s->lanes[i];
		uint32_t busy = shunt__acquire32(&c->ctl->ln_busy);
		if (__builtin_expect(busy & 1, 0) && busy != c->gave_up)
			wait_for(s, i, busy, t0 + SHUNT__HOLD_NS);
	}
	return t0;
}
