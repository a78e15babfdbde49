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

/* Two words side by side, in the registers that every machine we know has. */
typedef uint64_t v2 __attribute__((vector_size(16)));

static inline v2
pair(const unsigned char *p)
{
	return (v2){word(p), word(p + 8)};
}

/*
 * Long stretches by a plain sum and a sum of sums: the first tells what, the
 * second also where.  Additions alone: a batch of the log is summed up in a
 * fraction of the time that its write takes.
 */
uint64_t
shunt__checksum(const void *p, size_t len)
{
	const unsigned char *at = p;
	v2 a = {0}, b = {0}, c = {0}, d = {0}, aa = {0}, bb = {0}, cc = {0},
	   dd = {0};
	uint64_t sum = (len + 1) * K2;
	unsigned char rest[8] = {0};

	for (; len >= 64; len -= 64, at += 64) {
		a += pair(at);
		b += pair(at + 16);
		c += pair(at + 32);
		d += pair(at + 48);
		aa += a;
		bb += b;
		cc += c;
		dd += d;
	}
	const v2 all[8] = {a, b, c, d, aa, bb, cc, dd};
	for (int i = 0; i < 8; i++)
		sum = mix(mix(sum, all[i][0]), all[i][1]);
	for (; len >= 8; len -= 8, at += 8)
		sum = mix(sum, word(at));
	if (len > 0)
		memcpy(rest, at, len);
	return mix(sum, word(rest)) * K2;
}
