/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CHANNEL_CALL_LAYOUT_H
#define SHUNT_CHANNEL_CALL_LAYOUT_H

/*
 * A service in shared memory: lane 2i brings the requests of one client
 * thread, which holds its byte; lane 2i + 1 takes the replies back.  Servers
 * have slots.  docs/layout.md has this as tables.
 *
 *   claim    word ln_claim of lane 2i: who may take requests from it and put
 *            replies into lane 2i + 1
 *              63................16  15...........0
 *             [ generation, grows  | slot + 1, or 0: nobody ]
 *   request  first 8 bytes of the payload
 *              state u32: who of server and client was first; then spare u32
 *   reply    first 8 bytes of the payload
 *              63.................................32  31............0
 *             [ request's position / 8, its low 32 bits | status     ]
 *
 * The id of a request is its record's position / 8 + 1: it needs no counter,
 * and grows on whoever has the lane.
 *
 * Who may include this: channel, inspect and the tests.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/atomics.h"

#define SHUNT__CALL_HEAD 8u /* bytes before the caller's, in both */

#define SHUNT__CLAIM_SLOT UINT64_C(0xffff)
#define SHUNT__CLAIM_ONE  UINT64_C(0x10000) /* a generation */

/* The server's and the client's marks; one compare-and-swap decides. */
enum {
	SHUNT__CALL_WAITS = 0,
	SHUNT__CALL_BEGUN = 1u << 0, /* handed to a server: never to another */
	SHUNT__CALL_GIVEN_UP = 1u << 1 /* alone: to no server at all */
};

struct shunt__request_lay {
	struct shunt__u32 rq_state;
	uint32_t rq_spare;
};

struct shunt__reply_lay {
	struct shunt__u64 rp_word;
};

_Static_assert(sizeof(struct shunt__request_lay) == SHUNT__CALL_HEAD, "");
_Static_assert(offsetof(struct shunt__request_lay, rq_state) == 0, "");
_Static_assert(sizeof(struct shunt__reply_lay) == SHUNT__CALL_HEAD, "");

/* Words of a slot. */
enum {
	SHUNT__CALL_TAKEN = 0,   /* requests, for people */
	SHUNT__CALL_REPLIED = 1, /* replies, for people */
	SHUNT__CALL_SERVING = 2, /* lane + 1 of the open request, for people */
};

/* Of the structs of a service: part of its fingerprint. */
uint64_t shunt__call_fingerprint(void);

/* Requests from @tail on that wait for a server, up to the first header that
 * is 0 or wrong; a look from outside. */
uint64_t shunt__call_waiting(const void *ring, uint64_t cap, uint64_t tail);

/* The same, with those that a server has begun: all that a request behind them
 * has to wait for. */
uint64_t shunt__call_ahead(const void *ring, uint64_t cap, uint64_t tail);

#endif /* SHUNT_CHANNEL_CALL_LAYOUT_H */
