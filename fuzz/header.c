/* SPDX-License-Identifier: MIT */
/* The header: any bytes are raw, refused or a geometry without overflow.  The
 * checksum is made right half of the time, or nothing behind it is reached. */
#include <stdlib.h>
#include <string.h>

#include "os/os.h"
#include "segment/object.h"

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shunt__header_lay got;
	struct shunt__geometry geo;

	shunt__os.pread = from_memory;
	memset(&h, 0, sizeof(h));
	if (size > 0) {
		size_t n = size - 1 < sizeof(h) ? size - 1 : sizeof(h);
		memcpy(&h, data + 1, n);
		if (data[0] & 1) {
			h.hd_magic = SHUNT__MAGIC;
			h.hd_layout = SHUNT__LAYOUT;
			h.hd_order = SHUNT__ORDER;
			h.hd_check = shunt__checksum(
			    &h, offsetof(struct shunt__header_lay, hd_check));
		}
	}
	if (shunt__header_read(-1, &got, &geo, "fuzz") == 0 &&
	    (geo.size != got.hd_size || geo.lanes > SHUNT__LANES_MAX ||
		geo.rings_off + geo.lanes * geo.lane_bytes != geo.size))
		abort();
	return 0;
}
