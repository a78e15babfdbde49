/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt/inspect.h>

#include "common.h"
#include "machine.h"

#define BOUND (UINT64_C(3) * 1000000000u)

/* What is allocated is freed in the same execution, mostly: neither a long
 * memory of what was freed nor of who allocated it finds more.  For a report
 * that names them all: ASAN_OPTIONS=malloc_context_size=30. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "malloc_context_size=3:quarantine_size_mb=4:"
	       "thread_local_quarantine_size_kb=64";
}

void
image_header(struct shunt__header_lay *h, const struct shunt__geometry *geo,
    const struct shunt__spec *spec)
{
	memset(h, 0, sizeof(*h));
	h->hd_magic = SHUNT__MAGIC;
	h->hd_layout = SHUNT__LAYOUT;
	h->hd_order = SHUNT__ORDER;
	h->hd_fingerprint = shunt__fingerprint(spec->print);
	h->hd_size = geo->size;
	h->hd_kind = spec->kind;
	h->hd_lifetime = SHUNT__PERSISTENT;
	h->hd_lanes = spec->lanes;
	h->hd_area_bytes = spec->area_bytes;
	h->hd_lane_bytes = spec->lane_bytes;
	h->hd_param = spec->param;
	h->hd_schema = spec->schema;
	if (spec->type != NULL)
		memcpy(h->hd_type, spec->type, strlen(spec->type));
	h->hd_timens = shunt__who_timens();
	shunt__who_boot(h->hd_boot);
	h->hd_check =
	    shunt__checksum(h, offsetof(struct shunt__header_lay, hd_check));
}

void
image_make(struct image *im, const struct shunt__spec *spec)
{
	memset(im, 0, sizeof(*im));
	if (shunt__geometry_make(&im->geo, spec) != 0)
		abort();
	image_shape.geo = im->geo;
	im->size = im->geo.size;
	im->base = machine_memory(im->size);
	memset(im->base, 0, im->size);
	im->fd = machine_begin(im->base, im->size);
	snprintf(im->name, sizeof(im->name), "fd:%d", im->fd);
	image_header((void *)im->base, &im->geo, spec);
	if (spec->init_len != 0)
		memcpy(im->base + SHUNT__AREA_OFF, spec->init, spec->init_len);
}

void
image_patch(struct image *im, const uint8_t *data, size_t size)
{
	while (size > 3) {
		size_t off = (size_t)(data[0] | data[1] << 8);
		size_t len = data[2];
		data += 3;
		size -= 3;
		if (len > size)
			len = size;
		off =
		    SHUNT__CONTROL_OFF + off % (im->size - SHUNT__CONTROL_OFF);
		if (len > im->size - off)
			len = im->size - off;
		memcpy(im->base + off, data, len);
		data += len;
		size -= len;
	}
}

void
image_resize(struct image *im, size_t size)
{
	unsigned char *to = machine_memory(size);
	size_t keep = size < im->size ? size : im->size;

	/* It may be the same memory. */
	memmove(to, im->base, keep);
	memset(to + keep, 0, size - keep);
	im->base = to;
	im->size = size;
	machine_move(to, size);
}

/* As `shunt stat` does, and `ls`, `why` and `top`. */
static void
look_at(const struct image *im)
{
	struct shunt_segment_info st = {.sz = sizeof(st)};
	struct shunt_participant list[8];

	if (shunt_segment_stat(im->name, &st, list, 8) >= 0 &&
	    memchr(st.name, 0, sizeof(st.name)) == NULL)
		abort();
}

void
image_free(const struct image *im)
{
	/* Whatever was scribbled, nobody waits for long: most that is done here
	 * does not wait at all. */
	if (machine_passed() > BOUND)
		abort();
	look_at(im);
	machine_end();
}
