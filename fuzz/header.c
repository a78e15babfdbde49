/* SPDX-License-Identifier: MIT */
/* The header: any bytes are raw, refused or a geometry without overflow.  The
 * checksum is made right half of the time, or nothing behind it is reached. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "segment/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct shunt__header_lay h, got;
	struct shunt__geometry geo;

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
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
	if (ftruncate(fd, 0) != 0 || pwrite(fd, &h, sizeof(h), 0) < 0)
		abort();
	if (shunt__header_read(fd, &got, &geo, "fuzz") == 0 &&
	    (geo.size != got.hd_size || geo.lanes > SHUNT__LANES_MAX ||
		geo.rings_off + geo.lanes * geo.lane_bytes != geo.size))
		abort();
	return 0;
}
