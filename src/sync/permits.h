/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SYNC_PERMITS_H
#define SHUNT_SYNC_PERMITS_H

/*
 * A counting semaphore of one word for each permit there may be:
 *
 *   FREE      to be had
 *   ABSENT    used up, or never made
 *   an owner  held by him
 *
 * Each step is one compare-and-swap of one word, so that a death leaves a
 * permit free, absent or with an owner who is known to be dead; whoever has
 * the right to clean up after him sets his words to FREE.
 *
 * A look at a word takes about a nanosecond, and who comes back finds his
 * permit where he left it; only where nearly all of thousands are taken a look
 * goes over them all.
 *
 * Whoever looks for a permit looks at one word after the other, and others
 * move permits meanwhile: that he met none does not mean that there was none
 * at any moment.  Who finds no FREE word asks the crowd: he arms it, looks at
 * all words again, and if the crowd has not been woken since, there was none
 * but of posts that had not returned: one between its word and its wake may
 * count as not begun.  Who finds no ABSENT word asks a counter, which every
 * user of a permit moves after it, in the same way and with the same limit.
 */

#include "sync/bell.h"
#include "sync/crowd.h"
#include "sync/owners.h"

#define SHUNT__PERMIT_FREE   (1u << 16) /* to be had */
#define SHUNT__PERMIT_ABSENT 0u         /* used up, or never made */

struct shunt__permits {
	struct shunt__u32 *crowd;
	struct shunt__u32 *used; /* permits used up, ever */
	struct shunt__u32 *word;
	uint32_t n;
};

/* One thread's private end. */
#define SHUNT__PERMITS_NOTED 16u
struct shunt__permits_hand {
	uint32_t me;
	uint32_t hint;                       /* look here first */
	uint32_t ask;                        /* and who lives, from here on */
	uint32_t held;                       /* so many are mine */
	uint32_t mine[SHUNT__PERMITS_NOTED]; /* the first of them; hints */
	struct shunt__spin spin;
};

/*
 * Takes a permit: @as is hand->me to hold it, or SHUNT__PERMIT_ABSENT to use
 * it up.  Sleeps until @deadline as shunt__mutex_acquire().  0, -ETIMEDOUT,
 * or what @owners answered.
 */
int shunt__permits_take(const struct shunt__permits *p,
    struct shunt__permits_hand *hand, uint32_t as,
    const struct shunt__owners *owners, uint64_t deadline);

/* Gives one back, or makes one.  0, -EOVERFLOW, or SHUNT_E_CORRUPT: those
 * that I hold are not there. */
int shunt__permits_post(
    const struct shunt__permits *p, struct shunt__permits_hand *hand);

/* Frees what @owner held, who is dead; the caller has the right to.  The
 * number of permits. */
uint32_t shunt__permits_free(const struct shunt__permits *p, uint32_t owner,
    const struct shunt__owners *owners);

/* Words that are FREE, now or a moment ago; with @held, that are FREE or have
 * an owner. */
uint32_t shunt__permits_count(const struct shunt__permits *p, int held);

#endif /* SHUNT_SYNC_PERMITS_H */
