/* SPDX-License-Identifier: MIT */
/* What both ends of a stream share: attaching, and what is left behind. */
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/options.h"
#include "channel/stream.h"

#define LANE_BYTES (UINT64_C(1) << 20)

uint64_t
shunt__stream_fingerprint(void)
{
	const uint64_t words[] = {
	    shunt__lane_fingerprint(),
	    shunt__slot_fingerprint(),
	    sizeof(struct shunt__stream_lay),
	    offsetof(struct shunt__stream_lay, st_ended),
	    SHUNT__STREAM_OFF,
	};

	return shunt__checksum(words, sizeof(words));
}

static int
read_options(struct shunt__spec *spec, const struct shunt_stream_options *opts,
    uint32_t allowed)
{
	struct shunt_stream_options o;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);

	if (e < 0 || (o.mode & ~0777u))
		return shunt__options_refuse(opts);
	if (o.flags & ~allowed & SHUNT_STREAM_LAST)
		return shunt__fail(
		    -EINVAL, "SHUNT_STREAM_LAST is for the reader's end");
	if (o.flags & ~allowed)
		return shunt__options_refuse(opts);
	*spec = (struct shunt__spec){.kind = SHUNT_KIND_STREAM,
	    .lanes = 1,
	    .lane_bytes = o.lane_bytes != 0 ? o.lane_bytes : LANE_BYTES,
	    .area_bytes = SHUNT__SLOTS_AREA(1),
	    .print = shunt__stream_fingerprint(),
	    .mode = o.mode,
	    .existing = (o.flags & SHUNT_STREAM_EXISTING) != 0,
	    .exclusive = (o.flags & SHUNT_STREAM_EXCLUSIVE) != 0,
	    .persistent = (o.flags & SHUNT_STREAM_PERSISTENT) != 0,
	    .param = (o.flags & SHUNT_STREAM_OVERWRITE) != 0,
	    .type = o.type,
	    .schema = o.schema,
	    .group = o.group,
	    .owner = o.owner};
	return 0;
}

int
shunt__stream_attach(struct shunt__object **out, const char *name,
    const struct shunt_stream_options *opts, uint32_t allowed)
{
	struct shunt__spec spec;
	const struct shunt__geometry *geo;
	int e = read_options(&spec, opts, allowed);

	if (e < 0)
		return e;
	e = shunt__object_attach(out, name, &spec);
	if (e < 0)
		return e;
	geo = &(*out)->geo;
	if (geo->lanes == 1 && geo->area_bytes >= SHUNT__SLOTS_AREA(1) &&
	    geo->param <= 1)
		return e;
	e = shunt__fail(SHUNT_E_LAYOUT,
	    "%s: a stream with what this version does not know; use the "
	    "version that made it, or remove it",
	    shunt__quote((*out)->name.shown));
	shunt__object_detach(*out, NULL);
	*out = NULL;
	return e;
}

/*
 * Bytes, an end that nobody has seen, or a break that nobody was told of.
 * Nothing, once the last reader has closed for good.
 */
int
shunt__stream_unread(struct shunt__object *obj)
{
	const struct shunt__slot_lay *slot = shunt__slot_at(obj, 0);
	uint64_t tail, ended, left;
	int corrupt;

	if (shunt__object_high(obj) == 0 ||
	    shunt__load32(&obj->control->ct_ended) != 0 ||
	    shunt__object_probe_lane(obj, 0) < 0)
		return 0;
	tail = shunt__acquire64(&shunt__object_lane(obj, 0)->ln_tail);
	left = shunt__lane_unread(
	    shunt__object_ring(obj, 0), obj->geo.lane_bytes, tail, &corrupt);
	if (obj->geo.param != 0) {
		/* The reader's place is its own. */
		tail += left;
		left = tail - shunt__load64(&slot->sl_word[SHUNT__STREAM_AT]);
	}
	if (left != 0)
		return 1;
	ended = shunt__load64(&shunt__stream_lay(obj)->st_ended);
	return tail != ended &&
	       shunt__load64(&slot->sl_word[SHUNT__STREAM_TOLD]) != tail + 1;
}
