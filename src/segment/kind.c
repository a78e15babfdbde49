/* SPDX-License-Identifier: MIT */
#include <shunt/inspect.h>

#include "segment/object.h"

const char *
shunt__kind_name(uint32_t kind)
{
	switch (kind) {
	case SHUNT_KIND_RAW:
		return "a raw segment";
	case SHUNT_KIND_QUEUE:
		return "a queue";
	case SHUNT_KIND_LOG:
		return "a log";
	case SHUNT_KIND_LOCK:
		return "a lock";
	case SHUNT_KIND_SEMAPHORE:
		return "a semaphore";
	case SHUNT_KIND_EVENT:
		return "an event";
	case SHUNT_KIND_TOPIC:
		return "a topic";
	case SHUNT_KIND_STREAM:
		return "a stream";
	case SHUNT_KIND_SERVICE:
		return "a service";
	default:
		return "an object of another kind";
	}
}
