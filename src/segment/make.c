/* SPDX-License-Identifier: MIT */
/* Making an object: whole before anybody can see it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "os/os.h"
#include "segment/lockbyte.h"
#include "segment/object.h"

static void
fill_header(struct shunt__header_lay *h, const struct shunt__geometry *geo,
    const struct shunt__spec *spec)
{
	memset(h, 0, sizeof(*h));
	h->hd_magic = SHUNT__MAGIC;
	h->hd_layout = SHUNT__LAYOUT;
	h->hd_order = SHUNT__ORDER;
	h->hd_fingerprint = shunt__fingerprint(spec->print);
	h->hd_size = geo->size;
	h->hd_kind = geo->kind;
	h->hd_lifetime = geo->lifetime;
	h->hd_lanes = geo->lanes;
	h->hd_area_bytes = geo->area_bytes;
	h->hd_lane_bytes = geo->lane_bytes;
	h->hd_param = geo->param;
	h->hd_schema = spec->schema;
	if (spec->type != NULL)
		memcpy(h->hd_type, spec->type, strlen(spec->type));
	h->hd_timens = shunt__who_timens();
	shunt__who_boot(h->hd_boot);
	h->hd_created_ns = (int64_t)shunt__clock(CLOCK_REALTIME);
	h->hd_pid = shunt__os.getpid();
	h->hd_uid = shunt__os.geteuid();
	shunt__who_comm(h->hd_comm);
	h->hd_check =
	    shunt__checksum(h, offsetof(struct shunt__header_lay, hd_check));
}

static int
write_all(int fd, const void *buf, size_t len, uint64_t off)
{
	const char *from = buf;

	while (len > 0) {
		ssize_t n = shunt__os.pwrite(fd, from, len, (off_t)off);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		from += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int
prepare(struct shunt__object *obj, int fd, const struct shunt__spec *spec)
{
	int e = shunt__geometry_make(&obj->geo, spec);

	if (spec->type != NULL &&
	    strlen(spec->type) >= sizeof(obj->header.hd_type))
		return shunt__fail(-EINVAL,
		    "%s: the name of a type has at most 31 bytes",
		    shunt__quote(obj->name.shown));
	if (e < 0)
		return shunt__fail(e,
		    "%s: a lane is a power of two from 4 KiB to 1 GiB, and "
		    "there are 1 to %u lanes",
		    shunt__quote(obj->name.shown), SHUNT__LANES_MAX);
	do
		e = shunt__os.ftruncate(fd, (off_t)obj->geo.size);
	while (e == -EINTR);
	if (e < 0)
		return shunt__fail(e, "%s: %llu bytes: %s",
		    shunt__quote(obj->name.shown),
		    (unsigned long long)obj->geo.size, shunt__why(e));
	/* Zeros are right for all but the header, and what the kind begins
	 * with: an empty lane is zeros. */
	e = shunt__reserve(fd, 0, obj->geo.rings_off, obj->name.shown);
	if (e < 0)
		return e;
	fill_header(&obj->header, &obj->geo, spec);
	e = write_all(fd, &obj->header, sizeof(obj->header), 0);
	if (e == 0 && spec->init_len != 0)
		e = write_all(fd, spec->init, spec->init_len, SHUNT__AREA_OFF);
	if (e == 0)
		/* Ours before the name is there: else a remover between link
		 * and lock would take it for nobody's. */
		e = shunt__byte_lock(fd, F_RDLCK, SHUNT__BYTE_ATTACHED);
	if (e < 0)
		return shunt__fail(e, "%s: cannot be made: %s",
		    shunt__quote(obj->name.shown), shunt__why(e));
	return 0;
}

/* Makes it; 0, -EEXIST (somebody was quicker) or a code. */
int
shunt__object_make(struct shunt__object *obj, const struct shunt__spec *spec)
{
	char temp[PATH_MAX];
	int e, fd;

	shunt__fork_hold();
	fd = shunt__publish_begin(&obj->name, spec->mode ? spec->mode : 0600, 0,
	    spec->group, temp, sizeof(temp));
	obj->fd = fd < 0 ? -1 : fd;
	shunt__fork_let_go();
	if (fd < 0)
		return fd;
	e = prepare(obj, fd, spec);
	if (e == 0)
		e = shunt__publish_end(&obj->name, fd, temp);
	else if (temp[0] != 0)
		shunt__os.unlink(temp);
	if (e < 0) {
		shunt__object_drop(obj);
		return e;
	}
	/* That there was none is why we made it. */
	shunt__fail_none();
	return 0;
}
