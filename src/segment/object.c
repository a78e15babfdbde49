/* SPDX-License-Identifier: MIT */
/* What an attachment can be asked, and the lanes of its object. */
#include <errno.h>
#include <sys/mman.h>

#include <shunt/error.h>

#include "os/os.h"
#include "segment/object.h"

int
shunt__object_check(struct shunt__object *obj)
{
	struct stat st;
	int e = shunt__os.fstat(obj->fd, &st);

	/* The size first: below, the mapping is touched. */
	if (e == 0 && (uint64_t)st.st_size < obj->geo.size)
		return SHUNT_E_TRUNCATED;
	if (shunt__load32(&obj->control->ct_removed) != 0)
		return SHUNT_E_REMOVED;
	e = shunt__is_named(&obj->name, obj->dev, obj->ino);
	return e == 0 ? -ESTALE : 0;
}

int
shunt__object_reserve_lane(struct shunt__object *obj, uint32_t lane)
{
	uint64_t off = obj->geo.rings_off + lane * obj->geo.lane_bytes;

	if (obj->geo.lane_bytes == 0)
		return 0;
	int e =
	    shunt__reserve(obj->fd, off, obj->geo.lane_bytes, obj->name.shown);

	if (e == 0) /* a first touch is a fault of microseconds: have it now */
		shunt__os.madvise(shunt__object_ring(obj, lane),
		    obj->geo.lane_bytes, MADV_POPULATE_WRITE);
	return e;
}

int
shunt__object_probe_lane(struct shunt__object *obj, uint32_t lane)
{
	int e;

	/*
	 * A scribbled count of lanes may lead us to a ring that was never
	 * reserved; read through the mapping it would take a page, and on a
	 * full file system a SIGBUS.  This answers with an error instead.
	 */
	do
		e = shunt__os.madvise(shunt__object_ring(obj, lane),
		    obj->geo.lane_bytes, MADV_POPULATE_READ);
	while (e == -EINTR);
	if (e == -EFAULT)
		return SHUNT_E_TRUNCATED;
	return e == -ENOMEM ? e : 0;
}

void
shunt__object_raise(struct shunt__object *obj, uint32_t count)
{
	uint32_t old = shunt__load32(&obj->control->ct_high);

	/* H: pairs with H in shunt__object_high(): who sees the lane counted
	 * finds its ring reserved.  Others raise it too, never lower it. */
	for (int i = 0; i < 1000 && old < count; i++)
		if (shunt__cas32(&obj->control->ct_high, &old, count))
			break;
}
