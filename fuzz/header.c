/* SPDX-License-Identifier: MIT */
/* The header: any bytes are raw, refused or a geometry without overflow.  Half
 * of them begin as a valid one, of which the input turns bits over; and half of
 * the time the checksum is made right, or nothing behind it is reached. */
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "os/os.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct shunt__header_lay h;

/* A file that is as long as a header. */
static ssize_t
from_memory(int fd, void *buf, size_t n, off_t off)
{
	(void)fd;
	if (off < 0 || (size_t)off > sizeof(h))
		return 0;
	if (n > sizeof(h) - (size_t)off)
		n = sizeof(h) - (size_t)off;
	memcpy(buf, (char *)&h + off, n);
	return (ssize_t)n;
}

/* One of the shapes that objects have. */
static void
valid(unsigned int which)
{
	const struct shunt__spec spec = {.kind = 1 + which % 12,
	    .lanes = which % 3 * 8,
	    .lane_bytes = which % 3 ? 4096u << which % 4 : 0,
	    .area_bytes = which % 5 * 64,
	    .param = which};
	struct shunt__geometry geo;

	if (shunt__geometry_make(&geo, &spec) == 0)
		image_header(&h, &geo, &spec);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shunt__header_lay got;
	struct shunt__geometry geo;
	unsigned int how = size > 0 ? data[0] : 0;

	shunt__os.pread = from_memory;
	image_shape.most = 1 + sizeof(h);
	memset(&h, 0, sizeof(h));
	if (how & 2)
		valid(how >> 2);
	for (size_t i = 1; i < size && i <= sizeof(h); i++)
		((unsigned char *)&h)[i - 1] ^= data[i];
	if (how & 1) {
		h.hd_magic = SHUNT__MAGIC;
		h.hd_layout = SHUNT__LAYOUT;
		h.hd_order = SHUNT__ORDER;
		h.hd_check = shunt__checksum(
		    &h, offsetof(struct shunt__header_lay, hd_check));
	}
	if (shunt__header_read(-1, &got, &geo, "fuzz") == 0 &&
	    (geo.size != got.hd_size || geo.lanes > SHUNT__LANES_MAX ||
		geo.rings_off + geo.lanes * geo.lane_bytes != geo.size))
		abort();
	return 0;
}
