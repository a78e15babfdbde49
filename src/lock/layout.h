/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_LOCK_LAYOUT_H
#define SHUNT_LOCK_LAYOUT_H

/*
 * What a lock, a semaphore and an event keep in the area of their object;
 * docs/layout.md has the same as tables.  Such objects have lanes without
 * rings: a lane is the place of one thread, its byte proves that the thread
 * lives, and an owner word says lane + 1.
 *
 *   lock         word, then the recoveries
 *   semaphore    crowd, then the recoveries, then a word for each permit
 *   event        counts and crowd
 *
 * Who may include this: lock, inspect and the tests.
 */

#include <stddef.h>

#include "base/atomics.h"
#include "sync/mutex.h"   /* the bits of a lock's word */
#include "sync/permits.h" /* and of a permit's */

#define SHUNT__PERMITS_MAX 65536u
#define SHUNT__RECOVERIES  16u /* that are kept */

/* One holder that died.  For people: nothing is decided by it. */
struct shunt__recovery_lay {
	struct shunt__u64 rc_at_ns; /* wall clock; 0: it is being written */
	struct shunt__u32 rc_dead_pid;
	struct shunt__u32 rc_dead_uid;
	struct shunt__u32 rc_by_pid;
	struct shunt__u32 rc_permits; /* that came back; a lock: 1 */
	char rc_dead_comm[16];
	uint64_t rc_spare[3];
};
_Static_assert(sizeof(struct shunt__recovery_lay) == 64, "one line");

struct shunt__recoveries_lay {
	struct shunt__u64 rs_count; /* ever; entry count % 16 is the next */
	uint64_t rs_spare[7];
	struct shunt__recovery_lay rs_last[SHUNT__RECOVERIES];
};
_Static_assert(sizeof(struct shunt__recoveries_lay) == 1088, "");

struct shunt__lock_lay {
	struct shunt__u32 lk_word; /* owner, DIRTY, WAITERS; also the futex */
	uint32_t lk_spare[31];
	struct shunt__recoveries_lay lk_recoveries;
};
_Static_assert(offsetof(struct shunt__lock_lay, lk_recoveries) == 128, "");

struct shunt__semaphore_lay {
	struct shunt__u32 sm_crowd; /* sync/crowd.h; the futex */
	struct shunt__u32 sm_used;  /* permits used up, ever */
	uint32_t sm_spare[30];
	struct shunt__recoveries_lay sm_recoveries;
	uint64_t sm_spare2[8];
	struct shunt__u32 sm_permit[]; /* hd_param says how many */
};
_Static_assert(offsetof(struct shunt__semaphore_lay, sm_recoveries) == 128, "");
_Static_assert(offsetof(struct shunt__semaphore_lay, sm_permit) == 1280, "");

struct shunt__event_lay {
	struct shunt__u32 ev_crowd; /* sync/crowd.h; the futex */
	uint32_t ev_spare[31];
	struct shunt__u64 ev_all; /* notifications of all, ever */
	struct shunt__u32 ev_one; /* notifications of one, pending */
	uint32_t ev_spare2[29];
};
_Static_assert(offsetof(struct shunt__event_lay, ev_all) == 128, "");
_Static_assert(offsetof(struct shunt__event_lay, ev_one) == 136, "");

#endif /* SHUNT_LOCK_LAYOUT_H */
