/* SPDX-License-Identifier: MIT */
#include "base/copy.h"

void
shunt__copy_pieces(void *to, const void *from, size_t len)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	for (; len > SHUNT__COPY_PIECE; len -= SHUNT__COPY_PIECE) {
		memcpy(t, f, SHUNT__COPY_PIECE);
		t += SHUNT__COPY_PIECE;
		f += SHUNT__COPY_PIECE;
	}
	memcpy(t, f, len);
}
