/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CHANNEL_STREAM_LAYOUT_H
#define SHUNT_CHANNEL_STREAM_LAYOUT_H

/*
 * A stream in shared memory: one lane, whose records are pieces of the bytes,
 * and this in the area; docs/layout.md has the same as tables.
 *
 *        0  slot 0      the reader's; two of its words are used
 *      128  stream      the writer's line
 *
 * The tag of a record tells what it is.  A stream is all data up to an END or
 * a BROKEN; what comes behind belongs to the next stream.
 *
 * Who may include this: channel, inspect and the tests.
 */

#include <stddef.h>

#include "base/atomics.h"
#include "segment/slot.h"

enum {
	SHUNT__STREAM_DATA = 0,   /* at least one byte */
	SHUNT__STREAM_END = 1,    /* no payload: the writer has finished */
	SHUNT__STREAM_BROKEN = 2, /* no payload: it died or left before that */
};

/* Words of slot 0; written by the reader. */
enum {
	/* The position of the next byte to read, in the record at the tail;
	 * anything else where none of it was read. */
	SHUNT__STREAM_AT = 0,
	/* A position + 1: that a stream broke off there was told, before a
	 * writer came who says so. */
	SHUNT__STREAM_TOLD = 1,
};

struct shunt__stream_lay {
	/*
	 * The position behind the last END or BROKEN, stored before that is
	 * committed.  While it is the producer's position no stream is begun.
	 */
	struct shunt__u64 st_ended;
	uint64_t st_spare[15];
};

_Static_assert(sizeof(struct shunt__stream_lay) == 128, "two lines");
_Static_assert(offsetof(struct shunt__stream_lay, st_ended) == 0, "");

#define SHUNT__STREAM_OFF SHUNT__SLOT_BYTES /* in the area */

/* Of the structs of a stream: part of its fingerprint. */
uint64_t shunt__stream_fingerprint(void);

#endif /* SHUNT_CHANNEL_STREAM_LAYOUT_H */
