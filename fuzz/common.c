/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common.h"

void
image_make(struct image *im, const struct shunt__spec *spec)
{
	struct shunt__header_lay *h;

	memset(im, 0, sizeof(*im));
	if (shunt__geometry_make(&im->geo, spec) != 0)
		abort();
	im->size = im->geo.size;
	im->fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (im->fd < 0 || ftruncate(im->fd, (off_t)im->size) != 0)
		abort();
	im->base =
	    mmap(NULL, im->size, PROT_READ | PROT_WRITE, MAP_SHARED, im->fd, 0);
	if (im->base == MAP_FAILED)
		abort();
	snprintf(im->name, sizeof(im->name), "fd:%d", im->fd);
	h = (void *)im->base;
	h->hd_magic = SHUNT__MAGIC;
	h->hd_layout = SHUNT__LAYOUT;
	h->hd_order = SHUNT__ORDER;
	h->hd_fingerprint = shunt__fingerprint(spec->print);
	h->hd_size = im->size;
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
	if (spec->init_len != 0)
		memcpy(im->base + SHUNT__AREA_OFF, spec->init, spec->init_len);
	h->hd_check =
	    shunt__checksum(h, offsetof(struct shunt__header_lay, hd_check));
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
image_free(struct image *im)
{
	munmap(im->base, im->size);
	close(im->fd);
}
