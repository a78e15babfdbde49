/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CHANNEL_CALL_H
#define SHUNT_CHANNEL_CALL_H

/*
 * The two ends of a service.  Steps and their names (docs/ordering.md):
 *
 *   client  commit the request (C), look at ct_bell (B)
 *   server  Q: claim := {g + 1, slot}, a CAS; then the positions are read
 *           S: state WAITS -> BEGUN, a CAS: the hand-over
 *           commit the reply (C), release the request (L), U: unclaim
 *   client  sees the reply; or L without a reply: it was dropped; or BEGUN,
 *           not yet L, and the slot of the claim is dead: it is lost
 */

#include <shunt/call.h>
#include <shunt/inspect.h>

#include "channel/call_layout.h"
#include "channel/end.h"
#include "ring/lane.h"
#include "segment/object.h"
#include "segment/seat.h"
#include "segment/slot.h"
#include "segment/wait.h"
#include "sync/bell.h"

#define SHUNT__CLIENT_MAGIC  0x436c6e74u
#define SHUNT__SERVICE_MAGIC 0x53727663u

struct shunt_client {
	uint32_t magic;
	int fence; /* our commits fence by themselves */
	size_t max;
	struct shunt__object *obj;
	struct shunt__seats seats;
};

/* A call that was sent and is not over. */
struct shunt__open {
	uint64_t pos; /* of the request's record */
	uint64_t end; /* behind it */
	int verdict;  /* a code: given up for it, and not told yet; or 0 */
};

/* What a seat of a client has: one end each of its two lanes. */
struct shunt__caller {
	struct shunt__lane_tx tx; /* requests */
	struct shunt__lane_rx rx; /* replies */
	struct shunt_client *client;
	uint32_t lane;         /* that of the requests */
	uint32_t first, count; /* of open: the oldest is open[first] */
	int peeked;            /* its reply was found: */
	int32_t status;
	const unsigned char *payload;
	size_t len;
	uint32_t flags;  /* of the call that waits */
	uint64_t probed; /* when we last asked whether its server lives */
	struct shunt__spin spin;
	struct shunt_end end;
	struct shunt__open open[SHUNT_CALLS_OPEN];
};

/* A server's view of a pair of lanes. */
struct shunt__pair {
	struct shunt__lane_rx rx; /* requests */
	struct shunt__lane_tx tx; /* replies */
	uint64_t claim;           /* the word as we left it */
	uint32_t lane;            /* that of the requests */
	uint8_t adopted;          /* rx is set up */
	uint8_t mine;             /* tx too: true while nobody else claims */
	uint8_t bad;              /* its words lied: told once */
	uint64_t stuck; /* where its client stood when it tried our patience,
			   + 1; or 0 */
};

struct shunt_service {
	uint32_t magic;
	int fence;
	size_t max;
	int64_t patience;
	struct shunt__object *obj;
	struct shunt__slot slot;
	uint32_t slots;
	struct shunt__pair *pairs;
	uint32_t n_pairs;
	uint32_t next;  /* the next round begins here */
	uint32_t calls; /* for looks at the clock */
	uint64_t last_scan;
	struct shunt__spin spin;
	struct shunt__pair *cur;  /* of the last request */
	struct shunt__pair *open; /* of the open request, or NULL: */
	struct shunt__request_lay *request;
	size_t len;
	int told;     /* to the caller */
	int reserved; /* room for the reply is open in tx */
	struct shunt_end end;
};

/* call.c: the fingerprint of what is shared. */
uint64_t shunt__call_fingerprint(void);

/* 0 or a code. */
int shunt__call_open(struct shunt__object **obj, const char *name,
    const struct shunt_service_options *opts, int64_t *patience);
int shunt__call_unread(struct shunt__object *obj);
/* Does anybody serve?  A system call for each slot. */
int shunt__call_served(struct shunt__object *obj);

static inline uint32_t
shunt__call_slots(const struct shunt__object *obj)
{
	return obj->geo.area_bytes / SHUNT__SLOT_BYTES;
}

static inline uint64_t
shunt__call_id(uint64_t pos)
{
	return (pos >> 3) + 1;
}

static inline size_t
shunt__call_max(const struct shunt__object *obj)
{
	return shunt__lane_max(obj->geo.lane_bytes) - SHUNT__CALL_HEAD;
}

/* What is asked for that is not known: told also where nothing of it would
 * matter, for the next call may have to wait. */
static inline int
shunt__call_wrong(const struct shunt_call_options *opts)
{
	return opts != NULL &&
	       (opts->sz < sizeof(*opts) ||
		   (opts->flags & ~(uint32_t)SHUNT_CALL_SERVED) ||
		   opts->reserved != 0);
}

/* Wakes the one thread that sleeps on a word of a lane. */
static inline void
shunt__call_wake(struct shunt__object *obj, struct shunt__u32 *bell, int fence)
{
	if (__builtin_expect(
		shunt__bell_look(bell, fence) & SHUNT__BELL_ASLEEP, 0))
		shunt__ring(obj, bell);
}

/* Is a record at the consumer's place?  V: only asks whether to look. */
static inline int
shunt__call_there(const struct shunt__lane_rx *rx)
{
	return shunt__acquire64(
		   shunt__lane_word(rx->ring, rx->cap, rx->tail)) != 0;
}

/* The same, for a moment: in a conversation the answer is on its way. */
static inline int
shunt__call_await(const struct shunt__lane_rx *rx)
{
	return shunt__lane_await(rx->ring, rx->cap, rx->tail);
}

/* The bits to sleep with on a client's bell: who polls besides keeps it armed
 * until it is rung. */
static inline uint32_t
shunt__caller_bits(const struct shunt__caller *c)
{
	return SHUNT__BELL_ASLEEP | (c->end.fd >= 0 ? SHUNT__WAIT_SHARED : 0);
}

/* client_reply.c: as struct shunt_end wants it, of a caller. */
int shunt__caller_ready(void *arg);

/* client.c */
int shunt__caller_enter(struct shunt_client *client, struct shunt__seat **out);
/* Makes sure that nobody begins a call.  0; or 1: one did, or it is over. */
int shunt__caller_withdraw(
    struct shunt__caller *c, const struct shunt__open *call);
/* Gives the @i-th open call up, be it begun or not.  As above. */
int shunt__caller_cancel(struct shunt__caller *c, uint32_t i);
int shunt__caller_send(struct shunt__caller *c, const void *msg, size_t len,
    const struct shunt_call_options *opts);

static inline struct shunt__caller *
shunt__caller_of(struct shunt__seat *seat)
{
	return (struct shunt__caller *)(void *)seat->end;
}

static inline void
shunt__caller_leave(struct shunt__seat *seat)
{
	shunt__compiler_barrier();
	seat->in_call = 0;
}

static inline int
shunt__client_check(const struct shunt_client *client)
{
	if (__builtin_expect(
		client == NULL || client->magic != SHUNT__CLIENT_MAGIC, 0))
		return -EINVAL;
	return shunt__object_forked(client->obj) ? SHUNT_E_FORKED : 0;
}

static inline int
shunt__service_check(const struct shunt_service *service)
{
	if (__builtin_expect(
		service == NULL || service->magic != SHUNT__SERVICE_MAGIC, 0))
		return -EINVAL;
	return shunt__object_forked(service->obj) ? SHUNT_E_FORKED : 0;
}

/* claim.c: the right to a pair of lanes.  look: 0 and the request is open,
 * -EAGAIN or SHUNT_E_CORRUPT; @careful asks the kernel and trusts nothing
 * that was remembered. */
int shunt__pair_look(
    struct shunt_service *s, struct shunt__pair *pair, int careful);
void shunt__pair_over(struct shunt_service *s); /* the open request */
void shunt__pairs_recover(struct shunt_service *s);

#endif /* SHUNT_CHANNEL_CALL_H */
