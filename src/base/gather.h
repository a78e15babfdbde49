/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_BASE_GATHER_H
#define SHUNT_BASE_GATHER_H

/* Messages in several parts. */

#include <errno.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/copy.h"

/* Bytes of all parts together.  0, -EINVAL, or -EMSGSIZE: no number is that
 * large. */
static inline int
shunt__gather_length(const struct iovec *parts, int n, size_t *len)
{
	*len = 0;
	if (n < 0 || (n != 0 && parts == NULL))
		return -EINVAL;
	for (int i = 0; i < n; i++)
		if (__builtin_add_overflow(*len, parts[i].iov_len, len))
			return -EMSGSIZE;
	return 0;
}

static inline void
shunt__gather_copy(void *to, const struct iovec *parts, int n)
{
	unsigned char *at = to;

	for (int i = 0; i < n; i++) {
		shunt__copy(at, parts[i].iov_base, parts[i].iov_len);
		at += parts[i].iov_len;
	}
}

#endif /* SHUNT_BASE_GATHER_H */
