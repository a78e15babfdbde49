/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <string.h>

#include "log/format.h"

static const char hex[] = "0123456789abcdef";

/* The code point at @p, its bytes in *@n; UINT32_MAX and 1 if it is none. */
static uint32_t
decode(const unsigned char *p, size_t left, size_t *n)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t c = p[0];

	*n = 1;
	if (c < 0x80)
		return c;
	size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	if (c < 0xc2 || c > 0xf4 || len > left)
		return UINT32_MAX;
	c &= len == 2 ? 0x1f : len == 3 ? 0x0f : 0x07;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return UINT32_MAX;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return UINT32_MAX;
	*n = len;
	return c;
}

/* Legal in JSON, but a terminal would obey it: controls, and marks that turn
 * or break text.  Not asked of what can be seen in ASCII. */
static int
must_escape(uint32_t c)
{
	return c < 0xa0 || c == 0x2028 || c == 0x2029 ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static size_t
escape(char *out, uint32_t c)
{
	static const char from[] = "\b\t\n\f\r\"\\", to[] = "btnfr\"\\";
	const char *known = c == 0 || c > 0x7f ? NULL : strchr(from, (int)c);

	out[0] = '\\';
	if (known != NULL) {
		out[1] = to[known - from];
		return 2;
	}
	out[1] = 'u';
	for (int i = 0; i < 4; i++)
		out[2 + i] = hex[c >> (12 - 4 * i) & 15];
	return 6;
}

size_t
shunt__json_string(char *out, const unsigned char *src, size_t len, int *exact)
{
	size_t n = 0, k;

	out[n++] = '"';
	for (size_t i = 0; i < len; i += k) {
		unsigned char b = src[i];
		if (b >= 0x20 && b < 0x7f && b != '"' && b != '\\') {
			out[n++] = (char)b;
			k = 1;
			continue;
		}
		uint32_t c = decode(src + i, len - i, &k);
		if (c == UINT32_MAX) {
			*exact = 0;
			n += escape(out + n, 0xfffd);
		} else if (c == '"' || c == '\\' || must_escape(c)) {
			n += escape(out + n, c);
		} else {
			memcpy(out + n, src + i, k);
			n += k;
		}
	}
	out[n++] = '"';
	return n;
}

size_t
shunt__base64(char *out, const unsigned char *src, size_t len)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = 0;

	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t w = (uint32_t)src[i] << 16;
		if (left > 1)
			w |= (uint32_t)src[i + 1] << 8;
		if (left > 2)
			w |= src[i + 2];
		out[n++] = set[w >> 18];
		out[n++] = set[w >> 12 & 63];
		out[n++] = left > 1 ? set[w >> 6 & 63] : '=';
		out[n++] = left > 2 ? set[w & 63] : '=';
	}
	return n;
}
