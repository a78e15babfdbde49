/* SPDX-License-Identifier: MIT */
#include "base/checksum.h"
#include "base/error.h"
#include "lock/named.h"
#include "os/os.h"
#include "ring/lane_layout.h"
#include "segment/wait.h"
#include "sync/limit.h"

_Static_assert(
    offsetof(struct shunt__lock_lay, lk_recoveries) == SHUNT__RECOVERIES_OFF,
    "");
_Static_assert(offsetof(struct shunt__semaphore_lay, sm_recoveries) ==
		   SHUNT__RECOVERIES_OFF,
    "");
_Static_assert(SHUNT__LANES_MAX <= SHUNT__OWNERS_MAX, "one for each lane");

uint64_t
shunt__lock_print(uint32_t kind)
{
	const uint64_t words[] = {
	    kind,
	    sizeof(struct shunt__lane_lay),
	    sizeof(struct shunt__recovery_lay),
	    sizeof(struct shunt__recoveries_lay),
	    sizeof(struct shunt__lock_lay),
	    offsetof(struct shunt__lock_lay, lk_recoveries),
	    sizeof(struct shunt__semaphore_lay),
	    offsetof(struct shunt__semaphore_lay, sm_used),
	    offsetof(struct shunt__semaphore_lay, sm_permit),
	    sizeof(struct shunt__event_lay),
	    offsetof(struct shunt__event_lay, ev_all),
	    offsetof(struct shunt__event_lay, ev_one),
	    SHUNT__LOCK_DIRTY,
	    SHUNT__LOCK_WAITERS,
	    SHUNT__PERMIT_FREE,
	};

	return kind == SHUNT_KIND_LOCK || kind == SHUNT_KIND_SEMAPHORE ||
		       kind == SHUNT_KIND_EVENT
		   ? shunt__checksum(words, sizeof(words))
		   : 0;
}

uint32_t
shunt__lock_area(uint32_t kind, uint64_t param)
{
	uint64_t most = param >> 32, bytes = sizeof(struct shunt__lock_lay);

	if (kind == SHUNT_KIND_SEMAPHORE) {
		if (most > SHUNT__PERMITS_MAX)
			return 0;
		bytes = sizeof(struct shunt__semaphore_lay) +
			most * sizeof(struct shunt__u32);
	} else if (kind == SHUNT_KIND_EVENT) {
		bytes = sizeof(struct shunt__event_lay);
	}
	return (uint32_t)((bytes + 4095) / 4096 * 4096);
}

int
shunt__lock_fits(const struct shunt__geometry *geo)
{
	uint32_t area = shunt__lock_area(geo->kind, geo->param);

	/* 0 is what cannot be, and no area of ours, be it that the header says
	 * 0 as well. */
	return area != 0 && area == geo->area_bytes;
}

int
shunt__lock_attach(
    struct shunt__object **out, const char *name, struct shunt__spec *spec)
{
	int e;

	spec->area_bytes = shunt__lock_area(spec->kind, spec->param);
	spec->print = shunt__lock_print(spec->kind);
	e = shunt__object_attach(out, name, spec);
	if (e < 0)
		return e;
	/* What was there already may be of any size: words of ours that would
	 * lie behind its area are not to be had. */
	if (shunt__lock_fits(&(*out)->geo))
		return e;
	shunt__object_detach(*out, NULL);
	*out = NULL;
	return shunt__fail(SHUNT_E_CORRUPT,
	    "%s: its header contradicts itself; something wrote over it: "
	    "remove it (shunt rm --force)",
	    shunt__quote(name));
}

uint64_t
shunt__lock_deadline(int64_t wait_ns)
{
	return wait_ns < 0 ? SHUNT__PAST : shunt__deadline(wait_ns);
}

int
shunt__lock_fd(struct shunt__object *obj)
{
	/* F_DUPFD, unlike what we open ourselves: exec(3) leaves it open. */
	return shunt__os.fcntl(obj->fd, F_DUPFD, 3);
}
