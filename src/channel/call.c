/* SPDX-License-Identifier: MIT */
/* What both ends of a service share: its making and its end. */
#include "base/error.h"
#include "base/options.h"
#include "channel/call.h"

#define LANE_BYTES  (UINT64_C(128) << 10)
#define CLIENTS     256u
#define SERVERS     64u
#define CLIENTS_MAX (SHUNT__LANES_MAX / 2)
#define PATIENCE_NS INT64_C(1000000000)
#define FLAGS                                                                  \
	(SHUNT_SERVICE_EXISTING | SHUNT_SERVICE_EXCLUSIVE |                    \
	    SHUNT_SERVICE_PERSISTENT)

uint64_t
shunt__call_fingerprint(void)
{
	const uint64_t parts[] = {
	    shunt__lane_fingerprint(),
	    shunt__slot_fingerprint(),
	    SHUNT__CALL_HEAD,
	    offsetof(struct shunt__request_lay, rq_state),
	};

	return shunt__checksum(parts, sizeof(parts));
}

static int
read_options(struct shunt__spec *spec, struct shunt_service_options *o,
    const struct shunt_service_options *opts)
{
	int e = shunt__options_read(o, sizeof(*o), sizeof(*o), opts);

	if (e < 0 || (o->flags & ~(uint32_t)FLAGS) || (o->mode & ~0777u))
		return shunt__options_refuse(opts);
	uint32_t clients = o->clients != 0 ? o->clients : CLIENTS;
	uint32_t servers = o->servers != 0 ? o->servers : SERVERS;
	if (clients > CLIENTS_MAX || servers > SHUNT__SLOTS_MAX ||
	    o->patience_ns < 0)
		return shunt__fail(-EINVAL,
		    "%u clients and %u servers are wanted; a service has room "
		    "for at most %u and %u",
		    clients, servers, CLIENTS_MAX, SHUNT__SLOTS_MAX);
	*spec = (struct shunt__spec){.kind = SHUNT_KIND_SERVICE,
	    .lanes = 2 * clients,
	    .area_bytes = SHUNT__SLOTS_AREA(servers),
	    .lane_bytes = o->lane_bytes != 0 ? o->lane_bytes : LANE_BYTES,
	    .print = shunt__call_fingerprint(),
	    .mode = o->mode,
	    .existing = (o->flags & SHUNT_SERVICE_EXISTING) != 0,
	    .exclusive = (o->flags & SHUNT_SERVICE_EXCLUSIVE) != 0,
	    .persistent = (o->flags & SHUNT_SERVICE_PERSISTENT) != 0,
	    .type = o->type,
	    .schema = o->schema,
	    .group = o->group,
	    .owner = o->owner};
	return 0;
}

int
shunt__call_open(struct shunt__object **obj, const char *name,
    const struct shunt_service_options *opts, int64_t *patience)
{
	struct shunt_service_options o;
	struct shunt__spec spec;
	int e = read_options(&spec, &o, opts);

	if (e < 0)
		return e;
	e = shunt__object_attach(obj, name, &spec);
	if (e < 0)
		return e;
	if ((*obj)->geo.lanes % 2 != 0 || (*obj)->geo.area_bytes == 0) {
		e = shunt__fail(SHUNT_E_CORRUPT,
		    "%s: a service with an odd lane or without slots; remove "
		    "it (shunt rm)",
		    shunt__quote((*obj)->name.shown));
		shunt__object_detach(*obj, NULL);
		return e;
	}
	*patience = o.patience_ns != 0 ? o.patience_ns : PATIENCE_NS;
	return e;
}

static uint64_t
count(const void *ring, uint64_t cap, uint64_t tail, int begun)
{
	uint64_t first = tail & ~UINT64_C(7), pos = first, found = 0;

	/* Each step goes on, and behind a pad there is none. */
	while (pos - first <= cap) {
		const struct shunt__u64 *word =
		    shunt__lane_word(ring, cap, pos);
		/* V: pairs with C in shunt__lane_commit(). */
		uint64_t head = shunt__acquire64(word);
		int64_t len =
		    head != 0 ? shunt__lane_check(head, pos, cap) : -2;
		if (len == -1) {
			pos += cap - (pos & (cap - 1));
			continue;
		}
		if (len < (int64_t)SHUNT__CALL_HEAD)
			break;
		const struct shunt__request_lay *rq = (const void *)(word + 1);
		uint32_t state = shunt__load32(&rq->rq_state);
		if (begun ? state != SHUNT__CALL_GIVEN_UP
			  : state == SHUNT__CALL_WAITS)
			found++;
		pos += shunt__lane_need((uint64_t)len);
	}
	return found;
}

uint64_t
shunt__call_waiting(const void *ring, uint64_t cap, uint64_t tail)
{
	return count(ring, cap, tail, 0);
}

uint64_t
shunt__call_ahead(const void *ring, uint64_t cap, uint64_t tail)
{
	return count(ring, cap, tail, 1);
}

/* Requests for the next server?  Asked while nobody else is attached. */
int
shunt__call_unread(struct shunt__object *obj)
{
	uint32_t high = shunt__object_high(obj);

	for (uint32_t lane = 0; lane < high; lane += 2) {
		if (shunt__object_probe_lane(obj, lane) < 0)
			continue;
		/* L: nobody is there who could go on. */
		uint64_t tail =
		    shunt__acquire64(&shunt__object_lane(obj, lane)->ln_tail);
		if (shunt__call_waiting(shunt__object_ring(obj, lane),
			obj->geo.lane_bytes, tail) != 0)
			return 1;
	}
	return 0;
}

int
shunt__call_served(struct shunt__object *obj)
{
	uint32_t high = shunt__slots_high(obj, shunt__call_slots(obj));

	for (uint32_t n = 0; n < high; n++)
		if (shunt__slot_held(obj, n) != 0)
			return 1;
	return 0;
}
