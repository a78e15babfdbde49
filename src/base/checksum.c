/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/checksum.h"

#define K1 UINT64_C(0x9e3779b97f4a7c15) /* odd, of no structure */
#define K2 UINT64_C(0xd6e8feb86659fd93)

static inline uint64_t
word(const unsigned char *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	x = __builtin_bswap64(x);
#endif
	return x;
}

static inline uint64_t
mix(uint64_t sum, uint64_t x)
{
	sum = (sum ^ x) * K1;
	return sum ^ sum >> 29;
}

uint64_t
shunt__checksum(const void *p, size_t len)
{
	const unsigned char *at = p;
	/* Four sums side by side: one multiplication does not wait for the
	 * other. */
	uint64_t a = len * K2, b = a + 1, c = a + 2, d = a + 3;
	unsigned char rest[8] = {0};

	for (; len >= 32; len -= 32, at += 32) {
		a = mix(a, word(at));
		b = mix(b, word(at + 8));
		c = mix(c, word(at + 16));
		d = mix(d, word(at + 24));
	}
	for (; len >= 8; len -= 8, at += 8)
		a = mix(a, word(at));
	if (len > 0)
		memcpy(rest, at, len);
	a = mix(a, word(rest));
	return mix(mix(mix(a * K2, b), c), d) * K2;
}
