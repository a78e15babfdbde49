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

int
shunt__wait(struct shunt__object *obj, struct shunt__u32 *bell, uint32_t bits,
    uint64_t deadline, int (*ready)(void *arg), void *arg)
{
	int64_t most = SHUNT__SLEEP_FIRST;

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
			shunt__bell_disarm(bell, bits);
			return e;
		}
		if (shunt__bell_wait(bell, bits, left) == -ETIMEDOUT &&
		    most < SHUNT__SLEEP_LAST)
			most *= 2;
	}
}
