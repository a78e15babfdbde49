/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_BASE_COPY_H
#define SHUNT_BASE_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * `rep movsb`, which memcpy() takes for long copies, is ten times slower where
 * the target lies 1 to 63 bytes behind the source in the lower 32 bits of their
 * addresses: it takes them for overlapping.  A ring of a power of two whose
 * payloads lie 8 bytes behind its pages, and a buffer that was mapped next to
 * it, are such a pair.  Pieces so short are copied by other instructions.
 */
enum { SHUNT__COPY_PIECE = 1024 };

static inline int
shunt__copy_slow(const void *to, const void *from)
{
	return (uint32_t)((uintptr_t)to - (uintptr_t)from) - 1 < 63;
}

/* memcpy(), by such pieces. */
void shunt__copy_pieces(void *to, const void *from, size_t len);

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
	} else if (len > SHUNT__COPY_PIECE && shunt__copy_slow(to, from)) {
		shunt__copy_pieces(to, from, len);
	} else if (len != 0) {
		memcpy(to, from, len);
	}
}

#endif /* SHUNT_BASE_COPY_H */
