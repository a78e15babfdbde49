/* SPDX-License-Identifier: MIT */
/* The calling end: each thread has a pair of lanes and sends there.  What
 * comes back is in client_reply.c. */
#include <stdlib.h>

#include "base/error.h"
#include "base/copy.h"
#include "base/options.h"
#include "os/os.h"
#include "channel/call.h"
#include "channel/too_long.h"

/* Replies to requests of owners before us. */
static int
drop_old(struct shunt__lane_rx *rx)
{
	for (uint64_t i = 0; i <= rx->cap / SHUNT__LANE_HEAD; i++) {
		const void *payload;
		uint16_t tag;
		int64_t len = shunt__lane_peek(rx, &payload, &tag);
		if (len == -EAGAIN)
			return 0;
		if (len < 0)
			return (int)len;
		shunt__lane_release(rx);
	}
	return 0;
}

static void
introduce(struct shunt__lane_lay *ctl)
{
	shunt__store32(&ctl->ln_pid, (uint32_t)shunt__os.getpid());
	shunt__store32(&ctl->ln_tid, (uint32_t)shunt__os.gettid());
	shunt__store32(&ctl->ln_uid, shunt__os.geteuid());
	shunt__store64(&ctl->ln_since, shunt__now());
	shunt__store32(&ctl->ln_owners, shunt__load32(&ctl->ln_owners) + 1);
	shunt__who_comm(ctl->ln_comm);
	/* A predecessor may have died asleep: nobody sleeps here now. */
	shunt__bell_disarm(
	    &ctl->ln_waiting, SHUNT__BELL_ASLEEP | SHUNT__BELL_POLL);
}

/* As struct shunt__seats wants it: the byte of the even lane is ours. */
static int
claim(struct shunt__seat *seat, void *arg, int last)
{
	struct shunt_client *client = arg;
	struct shunt__object *obj = client->obj;
	struct shunt__caller *c = shunt__caller_of(seat);
	uint64_t cap = obj->geo.lane_bytes;
	uint32_t lane = seat->lane;
	int e = shunt__object_probe_lane(obj, lane);

	if (e == 0)
		e = shunt__object_probe_lane(obj, lane + 1);
	if (e == 0)
		e = shunt__lane_tx_adopt(&c->tx, shunt__object_ring(obj, lane),
		    cap, shunt__object_lane(obj, lane));
	if (e < 0)
		return e;
	/* Our first request would wait for those of the dead, or for room.
	 * Those that were given up are in nobody's way: else a client that
	 * comes and goes while nobody serves takes new lanes each time. */
	if (!last &&
	    (c->tx.head - c->tx.tail_seen > cap / 2 ||
		shunt__call_ahead(c->tx.ring, cap, c->tx.tail_seen) != 0))
		return -EAGAIN;
	shunt__lane_rx_adopt(&c->rx, shunt__object_ring(obj, lane + 1), cap,
	    shunt__object_lane(obj, lane + 1));
	e = drop_old(&c->rx);
	if (e < 0)
		return e;
	c->client = client;
	c->lane = lane;
	introduce(c->tx.ctl);
	shunt__end_init(&c->end, obj, &c->tx.ctl->ln_waiting, SHUNT__END_DEATHS,
	    shunt__caller_ready, c);
	return 0;
}

/* The record is still there until it is released: only we write over it. */
static struct shunt__u32 *
state_of(struct shunt__caller *c, const struct shunt__open *call)
{
	struct shunt__request_lay *rq =
	    (void *)(shunt__lane_word(c->tx.ring, c->tx.cap, call->pos) + 1);

	return &rq->rq_state;
}

int
shunt__caller_withdraw(struct shunt__caller *c, const struct shunt__open *call)
{
	uint32_t state = SHUNT__CALL_WAITS;

	if (c->tx.tail_seen >= call->end)
		return 1;
	/* S: of this and the server's compare-and-swap one is first. */
	if (shunt__cas32(state_of(c, call), &state, SHUNT__CALL_GIVEN_UP))
		return 0;
	return state != SHUNT__CALL_GIVEN_UP; /* we had done so before */
}

/* Not one of the calls that are open any more; its reply, if one comes, is
 * one of before our time. */
static void
forget(struct shunt__caller *c, uint32_t i)
{
	if (i == 0)
		c->peeked = 0;
	for (c->count--; i < c->count; i++)
		c->open[(c->first + i) % SHUNT_CALLS_OPEN] =
		    c->open[(c->first + i + 1) % SHUNT_CALLS_OPEN];
}

int
shunt__caller_cancel(struct shunt__caller *c, uint32_t i)
{
	const struct shunt__open *call =
	    &c->open[(c->first + i) % SHUNT_CALLS_OPEN];
	int begun = shunt__caller_withdraw(c, call);

	if (begun && c->tx.tail_seen < call->end)
		shunt__or32(state_of(c, call), SHUNT__CALL_GIVEN_UP);
	forget(c, i);
	return begun;
}

/* The thread ends or the handle closes. */
static void
leave(struct shunt__seat *seat, void *arg)
{
	struct shunt__caller *c = shunt__caller_of(seat);

	(void)arg;
	/* The newest first: no server begins it in place of the one before. */
	while (c->count != 0)
		shunt__caller_cancel(c, c->count - 1);
	shunt__end_fini(&c->end);
}

int
shunt_client_open(struct shunt_client **out, const char *name,
    const struct shunt_service_options *opts)
{
	struct shunt_client *client;
	int64_t patience;
	int e;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	e = shunt__call_open(&client->obj, name, opts, &patience);
	if (e < 0) {
		free(client);
		return e;
	}
	client->magic = SHUNT__CLIENT_MAGIC;
	client->fence = client->obj->fence;
	client->max = shunt__call_max(client->obj);
	shunt__seats_init(&client->seats, client->obj,
	    sizeof(struct shunt__caller), claim, leave, client);
	client->seats.stride = 2;
	*out = client;
	return e;
}

void
shunt_client_close(struct shunt_client **client)
{
	if (client == NULL || *client == NULL ||
	    (*client)->magic != SHUNT__CLIENT_MAGIC)
		return;
	(*client)->magic = 0;
	shunt__seats_fini(&(*client)->seats);
	shunt__object_detach((*client)->obj, shunt__call_unread);
	free(*client);
	*client = NULL;
}

size_t
shunt_client_max(const struct shunt_client *client)
{
	return client == NULL ? 0 : client->max;
}

/* Into the call, marked so that a signal handler that interrupts us sees it. */
int
shunt__caller_enter(struct shunt_client *client, struct shunt__seat **out)
{
	struct shunt__seat *seat;
	int e = shunt__client_check(client);

	if (__builtin_expect(e != 0, 0))
		return e;
	e = shunt__seat_get(&client->seats, &seat);
	if (__builtin_expect(e != 0, 0))
		return e;
	if (__builtin_expect(seat->in_call, 0))
		return -EBUSY;
	seat->in_call = 1;
	shunt__compiler_barrier();
	*out = seat;
	return 0;
}

struct room {
	struct shunt__lane_tx *tx;
	uint64_t len;
	void **msg;
};

static int
room_ready(void *arg)
{
	struct room *r = arg;

	return shunt__lane_reserve(r->tx, r->len, r->msg);
}

/* The lane is full: spin a little, then sleep until a server released. */
static int
wait_for_room(struct shunt__caller *c, struct room *r,
    const struct shunt_call_options *opts)
{
	struct shunt_call_options o;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);

	if (e < 0)
		return e;
	if (o.wait_ns < 0)
		return -EAGAIN;
	uint32_t turns = shunt__spin_turns(&c->spin);
	for (uint32_t i = 0; i < turns; i++) {
		shunt__pause();
		e = room_ready(r);
		if (e != -EAGAIN) {
			shunt__spin_learn(&c->spin, 1);
			return e;
		}
	}
	shunt__spin_learn(&c->spin, 0);
	return shunt__wait(c->client->obj, &r->tx->ctl->ln_waiting,
	    shunt__caller_bits(c), shunt__deadline(o.wait_ns), room_ready, r);
}

/* Room for the caller's @len bytes; they come behind the state. */
static int
get_room(struct shunt__caller *c, size_t len, void **msg,
    const struct shunt_call_options *opts)
{
	struct shunt__control_lay *ct = c->client->obj->control;
	struct room r = {&c->tx, len + SHUNT__CALL_HEAD, msg};

	if (__builtin_expect(shunt__load32(&ct->ct_removed) != 0, 0))
		return SHUNT_E_REMOVED;
	if (__builtin_expect(shunt__load32(&ct->ct_ended) != 0, 0))
		return SHUNT_E_CLOSED;
	if (__builtin_expect(len > c->client->max, 0))
		return shunt__too_long(c->client->obj, len, c->client->max, 2);
	if (__builtin_expect(c->tx.open || c->count == SHUNT_CALLS_OPEN, 0))
		return -EBUSY;
	int e = room_ready(&r);
	if (__builtin_expect(e == -EAGAIN, 0))
		e = wait_for_room(c, &r, opts);
	if (__builtin_expect(e != 0, 0))
		return e;
	struct shunt__request_lay *rq = *msg;
	shunt__store32(&rq->rq_state, SHUNT__CALL_WAITS);
	rq->rq_spare = 0;
	*msg = rq + 1;
	return 0;
}

/* C, then B: after the commit a look at the bell of the servers. */
static void
commit(struct shunt__caller *c, size_t len)
{
	struct shunt__object *obj = c->client->obj;

	shunt__lane_commit(&c->tx, len + SHUNT__CALL_HEAD, 0);
	c->open[(c->first + c->count++) % SHUNT_CALLS_OPEN] =
	    (struct shunt__open){
		.pos = c->tx.head - shunt__lane_need(len + SHUNT__CALL_HEAD),
		.end = c->tx.head};
	shunt__call_wake(obj, &obj->control->ct_bell, c->client->fence);
}

int
shunt__caller_send(struct shunt__caller *c, const void *msg, size_t len,
    const struct shunt_call_options *opts)
{
	void *room;
	int e = get_room(c, len, &room, opts);

	if (__builtin_expect(e != 0, 0))
		return e;
	shunt__copy(room, msg, len);
	commit(c, len);
	return 0;
}

static void
tell_id(const struct shunt__caller *c, uint64_t *id)
{
	if (id != NULL)
		*id = shunt__call_id(
		    c->open[(c->first + c->count - 1) % SHUNT_CALLS_OPEN].pos);
}

int
shunt_client_send(struct shunt_client *client, const void *msg, size_t len,
    uint64_t *id, const struct shunt_call_options *opts)
{
	struct shunt__seat *seat;

	if (__builtin_expect(shunt__call_wrong(opts), 0))
		return -EINVAL;
	int e = shunt__caller_enter(client, &seat);
	if (__builtin_expect(e != 0, 0))
		return e;
	e = shunt__caller_send(shunt__caller_of(seat), msg, len, opts);
	if (e == 0)
		tell_id(shunt__caller_of(seat), id);
	shunt__caller_leave(seat);
	return e;
}

int
shunt_client_reserve(struct shunt_client *client, size_t len, void **msg,
    const struct shunt_call_options *opts)
{
	struct shunt__seat *seat;

	if (__builtin_expect(shunt__call_wrong(opts), 0))
		return -EINVAL;
	int e = shunt__caller_enter(client, &seat);
	if (__builtin_expect(e != 0, 0))
		return e;
	e = get_room(shunt__caller_of(seat), len, msg, opts);
	shunt__caller_leave(seat);
	return e;
}

int
shunt_client_commit(struct shunt_client *client, size_t len, uint64_t *id)
{
	struct shunt__seat *seat;
	int e = shunt__caller_enter(client, &seat);

	if (__builtin_expect(e != 0, 0))
		return e;
	struct shunt__caller *c = shunt__caller_of(seat);
	if (!c->tx.open || len > c->tx.room - SHUNT__CALL_HEAD) {
		e = -EINVAL;
	} else {
		commit(c, len);
		tell_id(c, id);
	}
	shunt__caller_leave(seat);
	return e;
}

void
shunt_client_abort(struct shunt_client *client)
{
	struct shunt__seat *seat;

	if (shunt__caller_enter(client, &seat) != 0)
		return;
	shunt__caller_of(seat)->tx.open = 0; /* nothing shared was stored */
	shunt__caller_leave(seat);
}

int
shunt_client_cancel(struct shunt_client *client, uint64_t id)
{
	struct shunt__seat *seat;
	int e = shunt__caller_enter(client, &seat);

	if (__builtin_expect(e != 0, 0))
		return e;
	struct shunt__caller *c = shunt__caller_of(seat);
	e = -ENOENT;
	for (uint32_t i = 0; e == -ENOENT && i < c->count; i++)
		if (shunt__call_id(
			c->open[(c->first + i) % SHUNT_CALLS_OPEN].pos) == id)
			e = shunt__caller_cancel(c, i);
	shunt__caller_leave(seat);
	return e;
}
