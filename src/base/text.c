/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <string.h>

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
	    c == 0x2028 || c == 0x2029)
		return 0;
	return n;
}

size_t
shunt__utf8(const void *p, size_t left)
{
	return utf8(p, left);
}

int
shunt__text_plain(const void *src, size_t len)
{
	const unsigned char *p = src;
	unsigned bad = 0;

	/* Written so that the compiler makes vectors of it. */
	for (size_t i = 0; i < len; i++)
		bad |= (unsigned char)(p[i] - 0x20) > 0x5e;
	return bad == 0;
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
