/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_RING_LANE_LAYOUT_H
#define SHUNT_RING_LANE_LAYOUT_H

/*
 * A lane in shared memory: a control block of 256 bytes and, elsewhere, a
 * power-of-two ring of 8-aligned records.  docs/layout.md has both in bytes.
 *
 *   record   63   62   61  60......48  47..........32  31..............0
 *   header  [REC|PAD |DONE|   taker   |  caller's tag  |  payload bytes  ]
 *           [ payload, filled up to a multiple of 8                      ]
 *
 * A header is never 0 once committed; PAD fills the ring up to its end.  A
 * zero header means that nothing follows yet.  Producers commit with bits 61
 * to 48 zero, and so they stay but in queues with several consumers: who
 * takes a record away to work on it writes his slot + 1 there and, over the
 * tag, which queues do not use, the low bits of sl_owners; DONE when he has
 * done with it, and what stands before it is not yet.
 *
 * Who may include this: ring, channel, log, inspect and the tests.
 */

#include <stddef.h>

#include "base/atomics.h"

#define SHUNT__LANE_REC  (UINT64_C(1) << 63)
#define SHUNT__LANE_PAD  (UINT64_C(1) << 62)
#define SHUNT__LANE_DONE (UINT64_C(1) << 61)
#define SHUNT__LANE_ZERO (UINT64_C(0x3fff) << 48)
#define SHUNT__LANE_HEAD 8 /* bytes of a header */

#define SHUNT__LANE_MIN (UINT64_C(1) << 12)
#define SHUNT__LANE_MAX (UINT64_C(1) << 30)

struct shunt__lane_lay {
	/* The consumer's line.  The producer reads it when it thinks the lane
	 * full, and when it takes the lane over. */
	struct shunt__u64 ln_tail;    /* released up to here; only grows */
	struct shunt__u64 ln_durable; /* log: on disk up to here */
	struct shunt__u64 ln_told;    /* log: drops that the file told of */
	struct shunt__u64 ln_count;   /* queue: messages released, for people */
	struct shunt__u64
	    ln_claim; /* queue, call: whose the receiving end is */
	uint64_t ln_spare0[3];

	/* Written at take-over, for people; nothing is decided by it. */
	struct shunt__u32 ln_pid;
	struct shunt__u32 ln_tid;
	struct shunt__u32 ln_uid;
	struct shunt__u32 ln_owners; /* how often it was taken */
	struct shunt__u64 ln_since;  /* monotonic ns of the last taking */
	char ln_comm[16];
	uint64_t ln_spare1[3];

	/* Written by the producer, but not for each record. */
	struct shunt__u32 ln_waiting; /* its futex word while it wants room */
	uint32_t ln_spare2;
	struct shunt__u64 ln_flush;   /* log: please make durable up to here */
	struct shunt__u64 ln_dropped; /* log, topic: messages given up on */
	struct shunt__u64 ln_drop_since; /* log: monotonic ns of the first;
					    topic: number behind the last */
	struct shunt__u64 ln_most; /* bytes: most that its producer saw unread,
				      who looks once a lap; for people */
	uint64_t ln_spare3[3];

	/* Written by the producer for each record of a log: two stores. */
	struct shunt__u32 ln_busy; /* odd while in a call; only grows */
	uint32_t ln_spare4[15];
};

_Static_assert(sizeof(struct shunt__lane_lay) == 256, "four lines");
_Static_assert(offsetof(struct shunt__lane_lay, ln_tail) == 0, "");
_Static_assert(offsetof(struct shunt__lane_lay, ln_durable) == 8, "");
_Static_assert(offsetof(struct shunt__lane_lay, ln_told) == 16, "");
_Static_assert(offsetof(struct shunt__lane_lay, ln_count) == 24, "");
_Static_assert(offsetof(struct shunt__lane_lay, ln_claim) == 32, "");
_Static_assert(offsetof(struct shunt__lane_lay, ln_pid) == 64, "");
_Static_assert(offsetof(struct shunt__lane_lay, ln_tid) == 68, "");
_Static_assert(offsetof(struct shunt__lane_lay, ln_uid) == 72, "");
_Static_assert(offsetof(struct shunt__lane_lay, ln_owners) == 76, "");
_Static_assert(offsetof(struct shunt__lane_lay, ln_since) == 80, "");
_Static_assert(offsetof(struct shunt__lane_lay, ln_comm) == 88, "");
_Static_assert(offsetof(struct shunt__lane_lay, ln_waiting) == 128, "");
_Static_assert(offsetof(struct shunt__lane_lay, ln_flush) == 136, "");
_Static_assert(offsetof(struct shunt__lane_lay, ln_dropped) == 144, "");
_Static_assert(offsetof(struct shunt__lane_lay, ln_drop_since) == 152, "");
_Static_assert(offsetof(struct shunt__lane_lay, ln_most) == 160, "");
_Static_assert(offsetof(struct shunt__lane_lay, ln_busy) == 192, "");

#endif /* SHUNT_RING_LANE_LAYOUT_H */
