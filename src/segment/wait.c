/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>

#include <shunt/error.h>

#include "os/os.h"
#include "segment/wait.h"

uint64_t
shunt__deadline(int64_t wait_ns)
{
	return wait_ns <= 0 ? 0 : shunt__now() + (uint64_t)wait_ns;
}

/* Times are for the owner and for who may write; one who gave his rights away
 * since he opened it writes what is there anyway: the magic's first byte. */
int
shunt__touch(struct shunt__object *obj)
{
	int e = shunt__os.touch(obj->fd);

	if (e >= 0)
		return 0;
	ssize_t n = shunt__os.pwrite(obj->fd, &obj->header, 1, 0);
	return n == 1 ? 0 : e;
}

/* What a store that no fence pushed needs at most to be seen; ns. */
#define STORES_ARE_OUT INT64_C(1000000)

void
shunt__arm_surely(struct shunt__u32 *bell, uint32_t bits)
{
	int fenced = (shunt__load32(bell) & SHUNT__BELL_FENCE) != 0;

	shunt__bell_arm(bell, bits);
	/* Here is no membarrier: one that looked just before FENCE was set may
	 * have a commit under way. */
	if (!fenced && (shunt__load32(bell) & SHUNT__BELL_FENCE))
		shunt__os.nanosleep(STORES_ARE_OUT);
}

#define RUNG  (SHUNT__BELL_ASLEEP | SHUNT__BELL_POLL)
#define TRIES 8 /* words that change under us; a peer may scribble */

/*
 * Sleepers in poll(2) have no bound of ours, so the file is touched before the
 * bits are taken back: killed in between we leave the bits, and the kernel
 * closes our descriptor, which they see, too; stopped in between we leave them
 * for others to act on.  Bits are taken only from the word that was read
 * before the touch: had somebody armed since (TURN differs), his descriptor
 * would be empty and his bits gone.
 */
void
shunt__ring(struct shunt__object *obj, struct shunt__u32 *bell)
{
	uint32_t old = shunt__load32(bell);

	for (int i = 0; (old & RUNG) != 0; i++) {
		if (old & SHUNT__BELL_POLL)
			shunt__touch(obj);
		if (i == TRIES)
			old = shunt__and32(bell, ~(uint32_t)RUNG);
		else if (!shunt__cas32(bell, &old, old & ~(uint32_t)RUNG))
			continue;
		shunt__os.futex_wake(bell, INT_MAX);
		if (i == TRIES && (old & SHUNT__BELL_POLL))
			shunt__touch(obj);
		return;
	}
}

int
shunt__wait(struct shunt__object *obj, struct shunt__u32 *bell, uint32_t bits,
    uint64_t deadline, int (*ready)(void *arg), void *arg)
{
	int64_t most = SHUNT__SLEEP_FIRST;
	int shared = (bits & SHUNT__WAIT_SHARED) != 0;

	bits &= ~SHUNT__WAIT_SHARED;

	for (;;) {
		shunt__bell_arm(bell, bits);
		int e = ready(arg);
		if (e == -EAGAIN) {
			e = shunt__object_check(obj);
			if (e == -ESTALE)
				e = SHUNT_E_REMOVED;
			if (e == 0)
				e = -EAGAIN;
		}
		int64_t left = most;
		if (e == -EAGAIN && deadline != 0) {
			uint64_t now = shunt__now();
			if (now >= deadline)
				e = -ETIMEDOUT;
			else if (deadline - now < (uint64_t)left)
				left = (int64_t)(deadline - now);
		}
		if (e != -EAGAIN) {
			if (!shared)
				shunt__bell_disarm(bell, bits);
			return e;
		}
		if (shunt__bell_wait(bell, bits, left) == -ETIMEDOUT &&
		    most < SHUNT__SLEEP_LAST)
			most *= 2;
	}
}
