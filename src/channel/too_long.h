/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CHANNEL_TOO_LONG_H
#define SHUNT_CHANNEL_TOO_LONG_H

#include <stddef.h>
#include <stdint.h>

#include "segment/object.h"

/* The size of lane that takes a message of @len bytes, when one of @lane_bytes
 * takes @max and one of twice that takes @lane_bytes / @part more; 0: none. */
uint64_t shunt__lane_for(
    uint64_t lane_bytes, size_t max, unsigned part, size_t len);

/* -EMSGSIZE, with a sentence that has the number to set. */
int shunt__too_long(
    const struct shunt__object *obj, size_t len, size_t max, unsigned part);

#endif /* SHUNT_CHANNEL_TOO_LONG_H */
