/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_LOCK_NAMED_H
#define SHUNT_LOCK_NAMED_H

/*
 * What locks, semaphores and events have in common: how their objects look,
 * who their owners are, and the record of those that died.
 */

#include <shunt/inspect.h>

#include "lock/layout.h"
#include "segment/object.h"
#include "segment/seat.h"

#define SHUNT__LOCK_THREADS 256u /* unless somebody asks for more */

/* Both in their areas, so that recoveries need not know which it is. */
#define SHUNT__RECOVERIES_OFF 128u

/* Of the kind's shared structs; 0: not a kind of ours. */
uint64_t shunt__lock_print(uint32_t kind);

/* Bytes of the kind's area, or 0 if @param cannot be. */
uint32_t shunt__lock_area(uint32_t kind, uint64_t param);

/* Has the area of what was found room for the words that its header promises?
 * To be asked before any of them is touched: headers can be forged. */
int shunt__lock_fits(const struct shunt__geometry *geo);

/* As shunt__object_attach(); fills in what the kind says of the spec. */
int shunt__lock_attach(
    struct shunt__object **out, const char *name, struct shunt__spec *spec);

/* The owners of words in this object: lane + 1, alive while the lane's byte is
 * held. */
void shunt__lock_owners(
    struct shunt__owners *owners, struct shunt__object *obj);

/* Says in the lane's control block whose place it is now, for people; answers
 * how many have had it. */
uint32_t shunt__lock_sign(struct shunt__object *obj, uint32_t lane);

/* A deadline for a caller's wait_ns, and the code for its end. */
uint64_t shunt__lock_deadline(int64_t wait_ns);
static inline int
shunt__lock_late(int e, int64_t wait_ns)
{
	return e == -ETIMEDOUT && wait_ns < 0 ? -EAGAIN : e;
}

/* A descriptor of the description that holds our bytes, for any child. */
int shunt__lock_fd(struct shunt__object *obj);

#endif /* SHUNT_LOCK_NAMED_H */
