/* SPDX-License-Identifier: MIT */
/*
 * Offsets: what stands in shared memory in place of a pointer.  Inside is the
 * distance from the segment's first byte, plus 1, so that zeroed memory means
 * "none".  Whoever can write the segment wrote it: any number may come.
 */
#include "segment/raw.h"

void *
shunt_segment_at(
    const struct shunt_segment *seg, struct shunt_offset off, size_t len)
{
	if (seg == NULL || off.opaque == 0 || len == 0)
		return NULL;
	uint64_t from = off.opaque - 1;
	if (from < seg->offset)
		return NULL;
	from -= seg->offset;
	/* Differences only: no sum of theirs can run over. */
	if (from >= seg->size || len > seg->size - from)
		return NULL;
	return seg->data + from;
}

struct shunt_offset
shunt_segment_offset(const struct shunt_segment *seg, const void *ptr)
{
	struct shunt_offset none = {0}, off;

	if (seg == NULL || ptr == NULL)
		return none;
	uintptr_t at = (uintptr_t)ptr, data = (uintptr_t)seg->data;
	if (at < data || at - data >= seg->size)
		return none;
	off.opaque = seg->offset + (at - data) + 1;
	return off;
}
