/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SEGMENT_OBJECT_LAYOUT_H
#define SHUNT_SEGMENT_OBJECT_LAYOUT_H

/*
 * An object in its file; docs/layout.md has the same as tables.
 *
 *        0  header    176 bytes, complete before the name exists, then fixed
 *     4096  control   one page that all users share
 *     8192  area      the kind's own, a multiple of 4096 (log: the note; what
 *                     has receivers: their slots, segment/slot.h)
 *           lanes     256 bytes of control each, a multiple of 4096 in all
 *           rings     lane_bytes each, reserved when the lane is claimed;
 *                     a lock, a semaphore and an event have none
 *
 * Lock bytes lie far beyond the data, where no byte is ever stored:
 *   2^40 - 2           attached: every user, shared
 *   2^40 - 1           attaching (shared) or removing (alone)
 *   2^40 + lane        the thread whose lane it is, alone
 *   2^40 + 2^20        receiver or server, alone
 *   2^40 + 2^20 + slot one of several receivers, subscribers, servers, alone
 *
 * Who may include this: segment, channel, log, lock, inspect and the tests.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/atomics.h"

#define SHUNT__MAGIC  UINT64_C(0x4a424f544e554853) /* "SHUNTOBJ" */
#define SHUNT__ORDER  0x01020304u
#define SHUNT__LAYOUT 1u /* 0x8000 and up: development, not released */

#define SHUNT__HEADER_BYTES 4096u
#define SHUNT__CONTROL_OFF  4096u
#define SHUNT__AREA_OFF     8192u
#define SHUNT__LANES_MAX    4096u
#define SHUNT__LANE_BLOCK   256u /* bytes of a lane's control block */
#define SHUNT__AREA_MAX     (UINT32_C(1) << 20)

#define SHUNT__BYTE_ATTACHED ((INT64_C(1) << 40) - 2)
#define SHUNT__BYTE_REMOVING ((INT64_C(1) << 40) - 1)
#define SHUNT__BYTE_LANE     (INT64_C(1) << 40)
#define SHUNT__BYTE_RECEIVER ((INT64_C(1) << 40) + (INT64_C(1) << 20))

enum { SHUNT__PERSISTENT = 1, SHUNT__EPHEMERAL = 2 };

struct shunt__header_lay {
	uint64_t hd_magic;
	uint32_t hd_layout;
	uint32_t hd_order;       /* tells the byte order */
	uint64_t hd_fingerprint; /* of every shared struct's offsets */
	uint64_t hd_size;        /* of the whole file */
	uint32_t hd_kind;        /* enum shunt_kind */
	uint32_t hd_lifetime;    /* SHUNT__PERSISTENT, SHUNT__EPHEMERAL */
	uint32_t hd_lanes;
	uint32_t hd_area_bytes;
	uint64_t hd_lane_bytes;
	uint64_t hd_timens;    /* inode of the creator's time namespace */
	uint8_t hd_boot[16];   /* boot id */
	int64_t hd_created_ns; /* wall clock, for people */
	int64_t hd_pid;        /* creator, for people */
	uint32_t hd_uid;
	uint32_t hd_spare;
	char hd_comm[16];
	uint64_t hd_param; /* semaphore: most permits << 32 | those at first */
	uint64_t
	    hd_schema;    /* 0: none; the caller's hash of what messages hold */
	char hd_type[32]; /* "": none; the caller's name of it; NUL-filled */
	uint64_t hd_check; /* checksum of all bytes before it */
};

_Static_assert(sizeof(struct shunt__header_lay) == 176, "no hidden padding");
_Static_assert(offsetof(struct shunt__header_lay, hd_layout) == 8, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_order) == 12, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_fingerprint) == 16, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_size) == 24, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_kind) == 32, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_lifetime) == 36, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_lanes) == 40, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_area_bytes) == 44, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_lane_bytes) == 48, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_timens) == 56, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_boot) == 64, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_created_ns) == 80, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_pid) == 88, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_uid) == 96, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_comm) == 104, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_param) == 120, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_schema) == 128, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_type) == 136, "");
_Static_assert(offsetof(struct shunt__header_lay, hd_check) == 168, "");

struct shunt__control_lay {
	/* Read after every commit, written when the receiver goes to sleep. */
	struct shunt__u32 ct_bell;    /* the receiver's; sync/bell.h */
	struct shunt__u32 ct_removed; /* 1: the name was removed by force */
	struct shunt__u32 ct_level;   /* log: 0 all, else least grave + 1 */
	uint32_t ct_spare0[29];

	struct shunt__u32 ct_high;  /* lanes below were claimed; only grows */
	struct shunt__u32 ct_slots; /* slots below were taken; only grows */
	struct shunt__u32 ct_ended; /* 1: finished, nothing more is sent */
	uint32_t ct_spare1[29];

	/* Written when a receiver or server begins, for people. */
	struct shunt__u32 ct_pid;
	struct shunt__u32 ct_uid;
	struct shunt__u64 ct_since; /* monotonic ns */
	char ct_comm[16];
	uint64_t ct_spare2[28];

	/* One bit a lane: "something may be there".  Hints, never the truth. */
	struct shunt__u64 ct_ready[SHUNT__LANES_MAX / 64];
};

_Static_assert(offsetof(struct shunt__control_lay, ct_removed) == 4, "");
_Static_assert(offsetof(struct shunt__control_lay, ct_level) == 8, "");
_Static_assert(offsetof(struct shunt__control_lay, ct_high) == 128, "");
_Static_assert(offsetof(struct shunt__control_lay, ct_slots) == 132, "");
_Static_assert(offsetof(struct shunt__control_lay, ct_ended) == 136, "");
_Static_assert(offsetof(struct shunt__control_lay, ct_pid) == 256, "");
_Static_assert(offsetof(struct shunt__control_lay, ct_uid) == 260, "");
_Static_assert(offsetof(struct shunt__control_lay, ct_since) == 264, "");
_Static_assert(offsetof(struct shunt__control_lay, ct_comm) == 272, "");
_Static_assert(offsetof(struct shunt__control_lay, ct_ready) == 512, "");
_Static_assert(sizeof(struct shunt__control_lay) == 1024, "");

#endif /* SHUNT_SEGMENT_OBJECT_LAYOUT_H */
