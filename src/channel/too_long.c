/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "base/error.h"
#include "channel/too_long.h"
#include "ring/lane_layout.h"

uint64_t
shunt__lane_for(uint64_t lane_bytes, size_t max, unsigned part, size_t len)
{
	uint64_t most = max;

	for (; most < len; lane_bytes *= 2) {
		if (lane_bytes > SHUNT__LANE_MAX / 2)
			return 0;
		most += lane_bytes / part;
	}
	return lane_bytes;
}

int
shunt__too_long(
    const struct shunt__object *obj, size_t len, size_t max, unsigned part)
{
	uint64_t lane = obj->geo.lane_bytes;
	uint64_t need = shunt__lane_for(lane, max, part, len);
	const char *shown = shunt__quote(obj->name.shown);

	if (need == 0)
		return shunt__fail(-EMSGSIZE,
		    "%s: a message of %zu bytes; no lane can be so long: send "
		    "it in parts, or through a stream",
		    shown, len);
	return shunt__fail(-EMSGSIZE,
	    "%s: a message of %zu bytes; its lanes of %llu bytes take at most "
	    "%zu: remove it, and make it with lanes of %llu (lane_bytes)",
	    shown, len, (unsigned long long)lane, max,
	    (unsigned long long)need);
}
