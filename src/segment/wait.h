/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SEGMENT_WAIT_H
#define SHUNT_SEGMENT_WAIT_H

#include "segment/object.h"
#include "sync/bell.h"

/*
 * Waits until @ready answers other than -EAGAIN, and returns that answer; or
 * -ETIMEDOUT at @deadline (monotonic ns; 0: none), SHUNT_E_REMOVED or
 * SHUNT_E_TRUNCATED.  Sleeps on @bell with @bits; every sleep is bounded and
 * ends in a look at the name.  @ready is asked before each sleep, after the
 * bell is armed, and must look at everything, not at hints.
 */
int shunt__wait(struct shunt__object *obj, struct shunt__u32 *bell,
    uint32_t bits, uint64_t deadline, int (*ready)(void *arg), void *arg);

/*
 * Rings @bell of @obj: wakes all that sleep there, and touches the file if one
 * of them has a descriptor in poll(2) instead.
 */
void shunt__ring(struct shunt__object *obj, struct shunt__u32 *bell);

/*
 * As shunt__bell_arm(), for who relies on the look that follows and has no
 * bounded sleep behind it.
 */
void shunt__arm_surely(struct shunt__u32 *bell, uint32_t bits);

/* Those that watch the file see it.  0 or -errno. */
int shunt__touch(struct shunt__object *obj);

/* Among @bits of shunt__wait(): others sleep on the bell, too, so only who
 * rings it clears it. */
#define SHUNT__WAIT_SHARED (1u << 31)

/* The deadline of a caller's wait_ns, above 0 or SHUNT_FOREVER. */
uint64_t shunt__deadline(int64_t wait_ns);

#endif /* SHUNT_SEGMENT_WAIT_H */
