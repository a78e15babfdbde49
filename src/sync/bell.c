/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <linux/membarrier.h>

#include "os/os.h"
#include "sync/bell.h"

int
shunt__bell_register(void)
{
	/* The kernel keeps it per address space and repeats are cheap; a
	 * child of fork(2) has a new one, so nothing is remembered here. */
	return shunt__os.membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) ==
	       0;
}

uint32_t
shunt__bell_ring(struct shunt__u32 *bell, uint32_t bits)
{
	/*
	 * The word changes before the wake: a sleeper between its last look
	 * and the kernel then does not sleep.  Of several wakers one wins.
	 */
	uint32_t old = shunt__and32(bell, ~bits);

	if (old & bits)
		shunt__os.futex_wake(bell, INT_MAX);
	return old;
}

void
shunt__bell_arm(struct shunt__u32 *bell, uint32_t bits)
{
	shunt__bell_arm_all(&bell, 1, bits);
}

void
shunt__bell_arm_all(struct shunt__u32 *const *bells, int n, uint32_t bits)
{
	uint32_t all = SHUNT__BELL_FENCE;

	/* A: pairs with B in shunt__bell_look().  The RMW is a full fence on
	 * x86; elsewhere the fence makes it one. */
	for (int i = 0; i < n; i++)
		all &= shunt__or32(bells[i], bits);
	shunt__fence();
	if (all & SHUNT__BELL_FENCE)
		return;
	if (shunt__os.membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) == 0)
		return;
	/* No membarrier here (old kernel, seccomp): from now on wakers fence.
	 * One that looked a moment ago is covered by the bounded sleep. */
	for (int i = 0; i < n; i++)
		shunt__or32(bells[i], SHUNT__BELL_FENCE);
	shunt__fence();
}

int
shunt__bell_wait(struct shunt__u32 *bell, uint32_t bits, int64_t ns)
{
	uint32_t now = shunt__load32(bell);

	if ((now & bits) != bits)
		return 0;
	int e = shunt__os.futex_wait(bell, now, ns);
	return e == -EAGAIN || e == -EINTR ? 0 : e;
}

#define SPIN_LEAST 50u
#define SPIN_MOST  2000u

uint32_t
shunt__spin_turns(struct shunt__spin *spin)
{
	if (spin->turns == 0)
		spin->turns = shunt__os.cpus() > 1 ? SPIN_LEAST : UINT32_MAX;
	return spin->turns == UINT32_MAX ? 0 : spin->turns;
}

void
shunt__spin_learn(struct shunt__spin *spin, int won)
{
	if (spin->turns == UINT32_MAX || spin->turns == 0)
		return;
	if (won && spin->turns < SPIN_MOST)
		spin->turns *= 2;
	else if (!won && spin->turns > SPIN_LEAST)
		spin->turns /= 2;
}
