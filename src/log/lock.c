/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "log/client.h"
#include "os/os.h"

static _Thread_local struct shunt__u32 inside SHUNT__TLS;

int
shunt__log_enter(void)
{
	if (shunt__load32(&inside) != 0)
		return -EBUSY;
	shunt__store32(&inside, 1);
	shunt__compiler_barrier();
	return 0;
}

void
shunt__log_leave(void)
{
	shunt__compiler_barrier();
	shunt__store32(&inside, 0);
}

/*
 * The lock is a word with its holder's fork mark: in a child of fork(2), a
 * lock that was held by a thread of the parent is held by nobody.  It is
 * asked for on the slow path only, so a short nap is all the waiting there is.
 */
void
shunt__log_lock(struct shunt_log *log)
{
	/* A process that could not mark itself has no handle. */
	uint64_t mine = shunt__fork_mark(), old = 0;

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
