/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "os/os.h"
#include "sync/crowd.h"

#define ASLEEP SHUNT__CROWD_ASLEEP

/* The read-modify-write before it is a full fence on x86; elsewhere later
 * loads may still pass its store. */
static inline void
finish(void)
{
#if defined(__x86_64__) || defined(__i386__)
	shunt__compiler_barrier();
#else
	shunt__fence();
#endif
}

uint32_t
shunt__crowd_arm(struct shunt__u32 *crowd)
{
	/* A: pairs with B in shunt__crowd_wake(): before the second look. */
	uint32_t old = shunt__or32(crowd, ASLEEP);

	finish();
	return old | ASLEEP;
}

int
shunt__crowd_wait(struct shunt__u32 *crowd, uint32_t armed, int64_t ns)
{
	if (shunt__load32(crowd) != armed)
		return 0;
	int e = shunt__os.futex_wait(crowd, armed, ns);
	return e == -EAGAIN || e == -EINTR ? 0 : e;
}

void
shunt__crowd_wake(struct shunt__u32 *crowd)
{
	finish();
	/* B: after the change, which is a read-modify-write of the caller's. */
	uint32_t now = shunt__load32(crowd);

	/*
	 * Of several wakers one wins, and wakes for all: their changes came
	 * before.  Others arm the word only once, so we lose to wakers alone.
	 */
	if (!(now & ASLEEP))
		return;
	if (shunt__cas32(crowd, &now, (now & ~ASLEEP) + 2))
		shunt__os.futex_wake(crowd, SHUNT__CROWD_ALL);
}
