/* SPDX-License-Identifier: MIT */
/*
 * Owners by lock bytes.  Whoever gets the byte of a dead owner's lane has the
 * right to clean up after him, and while he holds it the lane is nobody
 * else's; if he dies too, the kernel passes the right on.
 */
#include <string.h>

#include "lock/named.h"
#include "os/os.h"
#include "ring/lane_layout.h"

static int
inherit(void *arg, uint32_t owner)
{
	/* Held: he lives, or somebody else inherits, or a new thread has just
	 * taken the lane: then that one cleans up before anything else. */
	int e = shunt__lane_lock(arg, owner - 1);

	return e == -EBUSY ? 0 : e < 0 ? e : 1;
}

static void
done(void *arg, uint32_t owner)
{
	shunt__lane_unlock(arg, owner - 1);
}

static int
check(void *arg)
{
	int e = shunt__object_check(arg);

	return e == -ESTALE ? SHUNT_E_REMOVED : e;
}

/*
 * For people.  Each has an entry of its own by the count, so that two who
 * write at once do not mix; an entry without a time is not done.
 */
static void
note(void *arg, uint32_t owner, uint32_t n)
{
	struct shunt__object *obj = arg;
	struct shunt__recoveries_lay *all =
	    (void *)(obj->area + SHUNT__RECOVERIES_OFF);
	const struct shunt__lane_lay *ctl = shunt__object_lane(obj, owner - 1);
	uint64_t at = shunt__add64(&all->rs_count, 1);
	struct shunt__recovery_lay *rc = &all->rs_last[at % SHUNT__RECOVERIES];

	shunt__store64(&rc->rc_at_ns, 0);
	shunt__store32(&rc->rc_dead_pid, shunt__load32(&ctl->ln_pid));
	shunt__store32(&rc->rc_dead_uid, shunt__load32(&ctl->ln_uid));
	shunt__store32(&rc->rc_by_pid, (uint32_t)shunt__os.getpid());
	shunt__store32(&rc->rc_permits, n);
	memcpy(rc->rc_dead_comm, ctl->ln_comm, sizeof(rc->rc_dead_comm));
	shunt__release64(&rc->rc_at_ns, shunt__clock(CLOCK_REALTIME));
}

void
shunt__lock_owners(struct shunt__owners *owners, struct shunt__object *obj)
{
	*owners = (struct shunt__owners){.most = obj->geo.lanes,
	    .inherit = inherit,
	    .done = done,
	    .note = note,
	    .check = check,
	    .arg = obj};
}

uint32_t
shunt__lock_sign(struct shunt__object *obj, uint32_t lane)
{
	struct shunt__lane_lay *ctl = shunt__object_lane(obj, lane);
	uint32_t count = shunt__load32(&ctl->ln_owners) + 1;

	shunt__store32(&ctl->ln_pid, (uint32_t)shunt__os.getpid());
	shunt__store32(&ctl->ln_tid, (uint32_t)shunt__os.gettid());
	shunt__store32(&ctl->ln_uid, shunt__os.geteuid());
	shunt__store64(&ctl->ln_since, shunt__now());
	shunt__store32(&ctl->ln_owners, count);
	shunt__who_comm(ctl->ln_comm);
	return count;
}
