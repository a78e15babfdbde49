/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt/inspect.h>

#include "base/checksum.h"
#include "base/error.h"
#include "log/spec.h"
#include "os/os.h"
#include "ring/lane.h"

static uint32_t
area_bytes(uint32_t lanes)
{
	uint32_t n = lanes < SHUNT__LANES_MAX ? lanes : SHUNT__LANES_MAX;

	return (SHUNT__LOG_TAILS_OFF + 16 * n + 4095) / 4096 * 4096;
}

/* Of what a log shares beside header and control block. */
static uint64_t
fingerprint(void)
{
	const uint64_t words[] = {
	    sizeof(struct shunt__lane_lay),
	    offsetof(struct shunt__lane_lay, ln_durable),
	    offsetof(struct shunt__lane_lay, ln_told),
	    offsetof(struct shunt__lane_lay, ln_waiting),
	    offsetof(struct shunt__lane_lay, ln_flush),
	    offsetof(struct shunt__lane_lay, ln_dropped),
	    offsetof(struct shunt__lane_lay, ln_busy),
	    sizeof(struct shunt__log_record_lay),
	    sizeof(struct shunt__log_count_lay),
	    sizeof(struct shunt__log_note_lay),
	    offsetof(struct shunt__log_note_lay, nt_count),
	    sizeof(struct shunt__log_server_lay),
	    offsetof(struct shunt__log_server_lay, sv_count),
	    SHUNT__LOG_NOTE_OFF,
	    SHUNT__LOG_TAILS_OFF,
	};

	return shunt__checksum(words, sizeof(words));
}

void
shunt__log_spec(struct shunt__spec *spec, uint32_t lanes, uint64_t lane_bytes)
{
	memset(spec, 0, sizeof(*spec));
	spec->kind = SHUNT_KIND_LOG;
	spec->lanes = lanes != 0 ? lanes : SHUNT__LOG_LANES;
	spec->lane_bytes = lane_bytes != 0 ? lane_bytes : SHUNT__LOG_LANE_BYTES;
	spec->area_bytes = area_bytes(spec->lanes);
	spec->print = fingerprint();
}

const char *
shunt__log_name(const char *name, char *room, size_t n)
{
	if (name != NULL) /* an empty one is refused as every bad name is */
		return name;
	name = getenv("SHUNT_LOG");
	if (name != NULL && *name != 0)
		return name;
	uid_t uid = shunt__os.geteuid();
	if (uid == 0)
		return "/shunt-log";
	snprintf(room, n, "/shunt-log-%lu", (unsigned long)uid);
	return room;
}

int
shunt__log_check(struct shunt__object *obj)
{
	uint64_t mine = shunt__who_timens();
	uint64_t its = obj->header.hd_timens;

	if (obj->geo.area_bytes < area_bytes(obj->geo.lanes))
		return shunt__fail(SHUNT_E_LAYOUT,
		    "%s: its area of %u bytes is too small for %u lanes; "
		    "remove the log and let it be made again",
		    shunt__quote(obj->name.shown), obj->geo.area_bytes,
		    obj->geo.lanes);
	/* 0: a kernel without time namespaces, or no /proc to ask. */
	if (mine != its && mine != 0 && its != 0)
		return shunt__fail(SHUNT_E_TIMENS,
		    "%s: made in another time namespace, whose clock runs "
		    "apart from this one; use a log of this namespace's own",
		    shunt__quote(obj->name.shown));
	return 0;
}

int
shunt__log_unread(struct shunt__object *obj)
{
	uint32_t high = shunt__object_high(obj);

	for (uint32_t i = 0; i < high; i++) {
		struct shunt__lane_lay *ctl = shunt__object_lane(obj, i);
		/* L: whoever closes last looks at what the server left. */
		uint64_t tail = shunt__acquire64(&ctl->ln_tail);
		int corrupt;

		/* An odd tail is the server's mark on a lane that it found
		 * corrupt: all that could be read was. */
		if ((tail & 7) != 0)
			continue;
		if (shunt__object_probe_lane(obj, i) != 0)
			continue;
		if (shunt__lane_unread(shunt__object_ring(obj, i),
			obj->geo.lane_bytes, tail, &corrupt) != 0)
			return 1;
	}
	return 0;
}
