/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include <shunt/error.h>

#include "os/os.h"
#include "segment/wait.h"

uint64_t
shunt__deadline(int64_t wait_ns)
{
	return wait_ns <= 0 ? 0 : shunt__now() + (uint64_t)wait_ns;
}

void
shunt__ring(struct shunt__object *obj, struct shunt__u32 *bell)
{
	uint32_t old =
	    shunt__bell_ring(bell, SHUNT__BELL_ASLEEP | SHUNT__BELL_POLL);

	if (old & SHUNT__BELL_POLL)
		shunt__os.touch(obj->fd);
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
