/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"

int
shunt__options_read(void *dst, size_t dst_sz, size_t min_sz, const void *src)
{
	const unsigned char *from = src;
	size_t sz;

	memset(dst, 0, dst_sz);
	if (src == NULL)
		return 0;
	memcpy(&sz, src, sizeof(sz));
	if (sz < min_sz)
		return -EINVAL;
	for (size_t i = dst_sz; i < sz; i++)
		if (from[i] != 0)
			return -EINVAL;
	memcpy(dst, src, sz < dst_sz ? sz : dst_sz);
	return 0;
}

int
shunt__options_refuse(const void *src)
{
	size_t sz = SIZE_MAX;

	if (src != NULL)
		memcpy(&sz, src, sizeof(sz));
	/* A pointer and a number, the least that any of them has. */
	if (sz <= sizeof(sz))
		return shunt__fail(-EINVAL,
		    "the options' sz is %zu: set it to the size of their "
		    "struct, {.sz = sizeof(...)}",
		    sz);
	return shunt__fail(-EINVAL,
	    "options with a flag, a mode or a field that this version does "
	    "not know");
}

int
shunt__answer_write(void *dst, const void *src, size_t src_sz)
{
	size_t sz;

	memcpy(&sz, dst, sizeof(sz));
	if (sz < sizeof(sz))
		return -EINVAL;
	size_t known = sz < src_sz ? sz : src_sz;
	memcpy((char *)dst + sizeof(sz), (const char *)src + sizeof(sz),
	    known - sizeof(sz));
	if (sz > src_sz)
		memset((char *)dst + src_sz, 0, sz - src_sz);
	return 0;
}
