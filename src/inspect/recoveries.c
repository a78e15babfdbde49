/* SPDX-License-Identifier: MIT */
/* The holders of a lock or semaphore that died. */
#include <string.h>

#include <shunt/inspect.h>

#include "base/error.h"
#include "inspect/look.h"
#include "lock/named.h"

/* 1; or 0: the entry is empty, or was being written when somebody was killed
 * or we looked. */
static int
read_one(const struct shunt__recovery_lay *rc, struct shunt_recovery *to)
{
	int64_t at = (int64_t)shunt__load64(&rc->rc_at_ns);

	if (at <= 0)
		return 0;
	memset(to, 0, sizeof(*to));
	to->at_ns = at;
	to->dead_pid = shunt__load32(&rc->rc_dead_pid);
	to->by_pid = shunt__load32(&rc->rc_by_pid);
	to->dead_uid = shunt__load32(&rc->rc_dead_uid);
	to->permits = shunt__load32(&rc->rc_permits);
	memcpy(to->dead_comm, rc->rc_dead_comm, sizeof(rc->rc_dead_comm) - 1);
	return 1;
}

/* The newest first: entry count - 1, modulo their number, and backwards. */
static int
read_all(
    const struct shunt__look *look, struct shunt_recovery *list, size_t cap)
{
	struct shunt__recoveries_lay all;
	size_t n = 0;
	int e = shunt__look_read(
	    look, SHUNT__AREA_OFF + SHUNT__RECOVERIES_OFF, &all, sizeof(all));

	if (e < 0)
		return shunt__fail(e, "%s: it cannot be read: %s",
		    shunt__quote(look->name.shown), shunt__why(e));
	uint64_t count = shunt__load64(&all.rs_count);
	for (uint64_t k = 1; k <= SHUNT__RECOVERIES && k <= count && n < cap;
	     k++)
		n += (size_t)read_one(
		    &all.rs_last[(count - k) % SHUNT__RECOVERIES], &list[n]);
	return (int)n;
}

static int
has_recoveries(const struct shunt__look *look)
{
	return look->geo.kind == SHUNT_KIND_LOCK ||
	       look->geo.kind == SHUNT_KIND_SEMAPHORE;
}

int
shunt_recoveries(const char *name, struct shunt_recovery *list, size_t cap)
{
	struct shunt__look look;
	int e;

	if (list == NULL && cap != 0)
		return shunt__fail(-EINVAL, "no place for the answer");
	e = shunt__look_open(&look, name, NULL, 1);
	if (e < 0)
		return e;
	if (look.code < 0)
		e = look.code;
	else if (look.code == 1 || !has_recoveries(&look))
		e = shunt__fail(SHUNT_E_KIND,
		    "%s: it is %s; locks and semaphores alone have recoveries",
		    shunt__quote(look.name.shown),
		    shunt__kind_name(
			look.code == 1 ? SHUNT_KIND_RAW : look.geo.kind));
	else
		e = read_all(&look, list, cap);
	shunt__look_close(&look);
	return e;
}
