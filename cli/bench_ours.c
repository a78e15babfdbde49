/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include <shunt.h>

#include "bench.h"

/* What the drivers of our own kinds share. */

int
bench_code(int r)
{
	if (r == -EAGAIN || r == -ETIMEDOUT)
		return -EAGAIN;
	return bench_fail("%s", shunt_error_text(r));
}

uint64_t
bench_lane(size_t size)
{
	uint64_t bytes = 128 * 1024;

	while (bytes < size * 4)
		bytes *= 2;
	return bytes;
}

/* They go by themselves, unless a process of the cell was killed. */
void
bench_remove(const char *name)
{
	const struct shunt_remove_options o = {
	    .sz = sizeof(o), .flags = SHUNT_REMOVE_FORCE};

	shunt_remove(name, &o);
}
