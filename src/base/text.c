/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <shunt/text.h>

#include "base/text.h"

/*
 * Length of the valid, printable UTF-8 sequence that begins with a byte of
 * 0x80 or more at @p, or 0: overlong forms, surrogates, numbers above
 * U+10FFFF and the C1 controls U+0080..U+009F are not valid here.
 */
static size_t
utf8(const unsigned char *p, size_t left)
{
	uint32_t c = p[0];
	size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	static const uint32_t least[5] = {0, 0, 0xa0, 0x800, 0x10000};

	if (c < 0xc2 || c > 0xf4 || n > left)
		return 0;
	c &= n == 2 ? 0x1f : n == 3 ? 0x0f : 0x07;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	/* Marks that turn the text around can make a line lie. */
	if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	    c == 0x061c || c == 0x200e || c == 0x200f)
		return 0;
	if (c == 0x2028 || c == 0x2029) /* line and paragraph separator */
		return 0;
	return n;
}

size_t
shunt__utf8(const void *p, size_t left)
{
	return utf8(p, left);
}

/* Sixteen bytes at a time, in the registers that every machine we know has. */
typedef unsigned char v16 __attribute__((vector_size(16)));

static inline v16
load16(const unsigned char *p)
{
	v16 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/*
 * Bytes that are plain, 0x20..0x7e, become 0..0x5e, all others more; what
 * counts is the largest of all that were seen.
 */
static inline v16
largest16(v16 a, v16 v)
{
	v -= 0x20;
#ifdef __SSE2__
	return (v16)_mm_max_epu8((__m128i)a, (__m128i)v);
#else
	v16 more = (v16)(v > a);
	return (v & more) | (a & ~more);
#endif
}

static inline int
plain16(v16 largest)
{
	uint64_t w[2];

	largest = (v16)(largest > 0x5e);
	memcpy(w, &largest, sizeof(w));
	return (w[0] | w[1]) == 0;
}

int
shunt__text_plain(const void *src, size_t len)
{
	const unsigned char *p = src;
	unsigned bad = 0;
	v16 top = {0};
	size_t i = 0;

	for (; i + 16 <= len; i += 16)
		top = largest16(top, load16(p + i));
	for (; i < len; i++)
		bad |= (unsigned char)(p[i] - 0x20) > 0x5e;
	return bad == 0 && plain16(top);
}

/*
 * Copies bytes, each read once, and tells of what it wrote whether all is
 * plain.  The last vector overlaps the one before it.
 */
static inline int
copy_plain(unsigned char *out, const unsigned char *p, size_t len)
{
	v16 top = {0}, v;

	if (len < 16) {
		unsigned bad = 0;
		for (size_t i = 0; i < len; i++) {
			unsigned char c = p[i];
			out[i] = c;
			bad |= (unsigned char)(c - 0x20) > 0x5e;
		}
		return bad == 0;
	}
	for (size_t i = 0; i + 16 < len; i += 16) {
		v = load16(p + i);
		memcpy(out + i, &v, sizeof(v));
		top = largest16(top, v);
	}
	v = load16(p + len - 16);
	memcpy(out + len - 16, &v, sizeof(v));
	top = largest16(top, v);
	return plain16(top);
}

size_t
shunt__text_copy(char *out, const void *src, size_t len)
{
	if (__builtin_expect(copy_plain((unsigned char *)out, src, len), 1))
		return len;
	/*
	 * Escaping reads bytes twice, so it reads our copy, moved to the end
	 * of the room: after i bytes read from 3 * len on, at most 4 * i are
	 * written, so the writing never runs into what is still to be read.
	 */
	memmove(out + 3 * len, out, len);
	return shunt_text_escape(out, out + 3 * len, len);
}

static size_t
escape_one(char *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	const char *known = memchr("\n\r\t", c, 3);

	out[0] = '\\';
	if (c != 0 && known != NULL) {
		out[1] = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
		return 2;
	}
	out[1] = 'x';
	out[2] = hex[c >> 4];
	out[3] = hex[c & 15];
	return 4;
}

size_t
shunt_text_escape(char *out, const void *src, size_t len)
{
	const unsigned char *p = src;
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		size_t k = 1;
		if (i + 16 <= len) {
			v16 v = load16(p + i);
			if (plain16(largest16((v16){0}, v))) {
				memcpy(out + n, &v, sizeof(v));
				n += 16;
				i += 16;
				continue;
			}
		}
		if (p[i] >= 0x80)
			k = utf8(p + i, len - i);
		else if (p[i] < 0x20 || p[i] == 0x7f)
			k = 0;
		if (k == 0) {
			n += escape_one(out + n, p[i++]);
			continue;
		}
		memcpy(out + n, p + i, k);
		n += k;
		i += k;
	}
	out[n] = 0;
	return n;
}
