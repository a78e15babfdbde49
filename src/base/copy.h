/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_BASE_COPY_H
#define SHUNT_BASE_COPY_H

#include <stddef.h>
#include <string.h>

/*
 * memcpy() of what is mostly short: to call it for 64 bytes costs more than
 * to copy them.  Two pieces that overlap are shorter than a loop.
 */
static inline void
shunt__copy(void *to, const void *from, size_t len)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	if (len - 8 <= 8) { /* 8 to 16 */
		memcpy(t, f, 8);
		memcpy(t + len - 8, f + len - 8, 8);
	} else if (len - 17 <= 47) { /* 17 to 64 */
		memcpy(t, f, 16);
		if (len > 32) {
			memcpy(t + 16, f + 16, 16);
			memcpy(t + len - 32, f + len - 32, 16);
		}
		memcpy(t + len - 16, f + len - 16, 16);
	} else if (len != 0) {
		memcpy(to, from, len);
	}
}

#endif /* SHUNT_BASE_COPY_H */
