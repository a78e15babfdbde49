/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SYNC_CROWD_H
#define SHUNT_SYNC_CROWD_H

/*
 * A crowd: the futex word of any number of sleepers that wait for something
 * to change elsewhere.  Bit 0 says that somebody may be asleep; the other bits
 * count wakes, so that a sleeper on its way into the kernel finds another
 * value there.  No sleeper has anything to undo: one may be killed anywhere.
 *
 *   sleeper  word |= ASLEEP (compare-and-swap, a full fence); look again;
 *            futex wait on the value it left there.
 *   waker    change what is waited for by a full-fence operation; load the
 *            word; if ASLEEP: count it up, ASLEEP off; futex wake.
 *
 * One of the two comes first in the order of full fences: either the sleeper
 * sees the change, or the waker sees ASLEEP.  Killed between count and wake a
 * waker leaves sleepers asleep: therefore every sleep is bounded.
 */

#include "base/atomics.h"

#define SHUNT__CROWD_ASLEEP 1u
#define SHUNT__CROWD_ALL    INT32_MAX

/* Sets ASLEEP; the value to hand to shunt__crowd_wait().  Look again after. */
uint32_t shunt__crowd_arm(struct shunt__u32 *crowd);

/* Sleeps while the word is @armed, at most @ns.  0, -ETIMEDOUT or -errno;
 * the caller looks again in any case. */
int shunt__crowd_wait(struct shunt__u32 *crowd, uint32_t armed, int64_t ns);

/* After a change: wakes all who may be asleep; no system call if none. */
void shunt__crowd_wake(struct shunt__u32 *crowd);

#endif /* SHUNT_SYNC_CROWD_H */
