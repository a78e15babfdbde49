/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CHANNEL_QUEUE_LAYOUT_H
#define SHUNT_CHANNEL_QUEUE_LAYOUT_H

/*
 * What a queue has in its object beside lanes: a slot for each receiving
 * handle, at the beginning of its area, and these words.
 *
 *   ln_claim    63......32  31.............16  15......0
 *              [ changes  | taking of slot   | slot + 1 ]  0 below: nobody's
 *   SLOT_HAND   63.......51  50.............35  34..............0
 *              [ lane + 1  | taking of slot   | position / 8     ]
 *
 * The taking of a slot is the low half of its sl_owners: it tells the one who
 * lives there from those who died in it.
 *
 * Who may include this: channel, inspect and the tests.
 */

#include <stdint.h>

/* The words of a slot. */
enum {
	SHUNT__SLOT_BUSY,   /* 1: in a call */
	SHUNT__SLOT_REVOKE, /* 1: share; written by others, too */
	SHUNT__SLOT_HAND,   /* the record that was handed out; 0: none */
};

/* ct_ended: finished; and some receiver was told that nothing is left. */
enum { SHUNT__ENDED = 1, SHUNT__ENDED_TOLD = 2 };

/* Of all shared structs of a queue. */
uint64_t shunt__queue_fingerprint(void);

#endif /* SHUNT_CHANNEL_QUEUE_LAYOUT_H */
