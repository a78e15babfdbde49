/* SPDX-License-Identifier: MIT */
/*
 * What comes back to a client.  A lane is served in order, so calls are over
 * in order, and only the oldest is looked at: its reply is there; or a later
 * one is, or its request was released, and it will have none; or the server
 * that began it is dead.
 */
#include "base/copy.h"
#include "base/options.h"
#include "os/os.h"
#include "channel/call.h"

/* Between two questions to the kernel whether the server lives: so much, and
 * what a wake-up takes, stays below 50 ms. */
#define PROBE_NS UINT64_C(30000000)

static void
pop(struct shunt__caller *c)
{
	c->first = (c->first + 1) % SHUNT_CALLS_OPEN;
	c->count--;
	c->peeked = 0;
}

static struct shunt__open *
oldest(struct shunt__caller *c)
{
	return c->count != 0 ? &c->open[c->first] : NULL;
}

/* Done with the record that was peeked; a server may wait for room. */
static void
drop(struct shunt__caller *c)
{
	shunt__lane_release(&c->rx);
	shunt__call_wake(
	    c->client->obj, &c->rx.ctl->ln_waiting, c->client->fence);
}

/* In the lane of replies alone: 0, -EAGAIN, SHUNT_E_PEERDEAD or _CORRUPT. */
static int
look(struct shunt__caller *c)
{
	const struct shunt__open *call = &c->open[c->first];

	if (c->peeked)
		return 0;
	if (__builtin_expect(call->verdict != 0, 0))
		return call->verdict;
	for (uint64_t i = 0; i <= c->rx.cap / SHUNT__LANE_HEAD; i++) {
		const void *at;
		uint16_t tag;
		int64_t len = shunt__lane_peek(&c->rx, &at, &tag);
		if (len == -EAGAIN)
			return -EAGAIN;
		if (len < (int64_t)SHUNT__CALL_HEAD)
			return SHUNT_E_CORRUPT;
		const struct shunt__reply_lay *rp = at;
		uint64_t word = shunt__load64(&rp->rp_word);
		/* Positions that are alive differ by less than a lane. */
		int32_t later = (int32_t)((uint32_t)(word >> 32) -
					  (uint32_t)(call->pos >> 3));
		if (__builtin_expect(later == 0, 1)) {
			c->peeked = 1;
			c->status = (int32_t)(uint32_t)word;
			c->payload = (const unsigned char *)(rp + 1);
			c->len = (size_t)len - SHUNT__CALL_HEAD;
			return 0;
		}
		if (later > 0)
			return SHUNT_E_PEERDEAD; /* it was passed over */
		drop(c); /* of a call that was given up, or before our time */
	}
	return -EAGAIN;
}

/* The same, and was its request released?  No system call. */
static int
look_twice(struct shunt__caller *c)
{
	int e = look(c);

	if (e != -EAGAIN)
		return e;
	/* R: pairs with L in shunt__pair_over(): the reply, if there is one,
	 * was committed before, so it is seen by the second look. */
	e = shunt__lane_tx_refresh(&c->tx);
	if (e != 0)
		return e;
	if (c->tx.tail_seen < c->open[c->first].end)
		return -EAGAIN;
	e = look(c);
	return e == -EAGAIN ? SHUNT_E_PEERDEAD : e;
}

static int
ready(void *arg)
{
	return look_twice(arg);
}

/* Is the one who claimed this lane dead?  Not asked about nobody. */
static int
is_dead(struct shunt__object *obj, uint64_t claim)
{
	uint32_t slot = (uint32_t)(claim & SHUNT__CLAIM_SLOT) - 1;

	return slot >= shunt__call_slots(obj) ||
	       shunt__slot_held(obj, slot) == 0;
}

/* Nobody began it and nobody can: give it up, if the caller wants that. */
static int
unserved(struct shunt__caller *c)
{
	struct shunt__object *obj = c->client->obj;
	int ended = shunt__load32(&obj->control->ct_ended) != 0;

	if (!ended && !(c->flags & SHUNT_CALL_SERVED))
		return -EAGAIN;
	if (shunt__call_served(obj))
		return -EAGAIN;
	/* A server that came at this moment was first, or will never be. */
	struct shunt__open *call = &c->open[c->first];
	if (shunt__caller_withdraw(c, call) != 0)
		return -EAGAIN;
	return call->verdict = ended ? SHUNT_E_CLOSED : SHUNT_E_NOSERVER;
}

/*
 * Will a server come upon our request, and we upon its reply?  None does if
 * words were scribbled over that are ours alone, and we would wait for ever.
 */
static int
sound(const struct shunt__caller *c)
{
	const struct shunt__open *call = &c->open[c->first];
	uint64_t cap = c->tx.cap, pos = c->tx.tail_seen;

	/* A server's word: it may be anything, and words lie at eights. */
	if ((pos & 7) != 0)
		return 0;
	if (shunt__object_high(c->client->obj) < c->lane + 2 ||
	    shunt__load64(&c->rx.ctl->ln_tail) != c->rx.tail)
		return 0;
	/* What a server has passed since is still there: only we write here. */
	while (pos < call->end) {
		uint64_t head =
		    shunt__load64(shunt__lane_word(c->tx.ring, cap, pos));
		int64_t len = shunt__lane_check(head, pos, cap);
		if (len == -1)
			pos += cap - (pos & (cap - 1));
		else if (len >= (int64_t)SHUNT__CALL_HEAD)
			pos += shunt__lane_need((uint64_t)len);
		else
			return 0;
	}
	return pos == call->end;
}

/*
 * Asks the kernel.  The order is claim, state, end, the owner's byte, claim
 * again: if the claim did not change meanwhile, and the request was begun and
 * not released, then its server is the one who claimed, and he is dead.  He
 * may have committed the reply just before: look at last.
 */
static int
probe(struct shunt__caller *c)
{
	struct shunt__object *obj = c->client->obj;
	const struct shunt__open *call = &c->open[c->first];
	const struct shunt__request_lay *rq =
	    (const void *)(shunt__lane_word(c->tx.ring, c->tx.cap, call->pos) +
			   1);
	/* Q: pairs with U and Q of the servers. */
	uint64_t claim = shunt__acquire64(&c->tx.ctl->ln_claim);
	/* S: pairs with the hand-over. */
	uint32_t state = shunt__acquire32(&rq->rq_state);
	int e = look_twice(c), claimed = (claim & SHUNT__CLAIM_SLOT) != 0;

	c->probed = shunt__now();
	if (e != -EAGAIN)
		return e;
	if (claimed && !is_dead(obj, claim))
		return -EAGAIN;
	if (state & SHUNT__CALL_BEGUN) {
		if (shunt__acquire64(&c->tx.ctl->ln_claim) != claim)
			return -EAGAIN;
		e = look_twice(c);
		return e == -EAGAIN ? SHUNT_E_PEERDEAD : e;
	}
	if (!sound(c))
		return SHUNT_E_CORRUPT;
	/* A dead one stands in the way: whoever sleeps shall take it over. */
	if (claimed)
		shunt__ring(obj, &obj->control->ct_bell);
	return unserved(c);
}

/* Asked often: neither the kernel is asked each time, nor the server's line,
 * which it is writing. */
int
shunt__caller_ready(void *arg)
{
	struct shunt__caller *c = arg;

	if (oldest(c) == NULL)
		return -EAGAIN;
	int e = look(c);
	if (e != -EAGAIN || shunt__now() - c->probed < PROBE_NS / 4)
		return e;
	/* What it finds out is found out again by who asks next, at once. */
	e = probe(c);
	if (e != -EAGAIN)
		c->probed = 0;
	return e;
}

/* Sleeps in short pieces, and asks after each whether the server lives. */
static int
sleep_for_reply(struct shunt__caller *c, uint64_t deadline)
{
	struct shunt__object *obj = c->client->obj;
	int e = (c->flags & SHUNT_CALL_SERVED) ? probe(c) : -EAGAIN;

	while (e == -EAGAIN) {
		uint64_t now = shunt__now(), until = now + PROBE_NS;
		if (deadline != 0 && now >= deadline)
			return -ETIMEDOUT;
		if (deadline != 0 && deadline < until)
			until = deadline;
		e = shunt__wait(obj, &c->tx.ctl->ln_waiting,
		    shunt__caller_bits(c), until, ready, c);
		if (e == -ETIMEDOUT)
			e = probe(c);
	}
	return e;
}

/* Somebody may have died whom we take for alive: before the end is armed for
 * poll(2), the kernel is asked. */
static int
arm(struct shunt__caller *c)
{
	if (c->end.fd < 0)
		return -EAGAIN;
	c->probed = 0;
	return shunt__end_empty(&c->end);
}

/* Not there at once. */
static int
wait_for_reply(struct shunt__caller *c, int64_t wait_ns, uint64_t deadline)
{
	if (wait_ns < 0) {
		int e = shunt__caller_ready(c);
		return e == -EAGAIN ? arm(c) : e;
	}
	uint32_t turns = shunt__spin_turns(&c->spin);
	for (uint32_t i = 0; i < turns; i++) {
		shunt__pause();
		if (!shunt__call_await(&c->rx))
			continue;
		int e = look(c);
		if (e != -EAGAIN) {
			shunt__spin_learn(&c->spin, 1);
			return e;
		}
	}
	shunt__spin_learn(&c->spin, 0);
	return sleep_for_reply(c, deadline);
}

static int
next_reply(struct shunt__caller *c, int64_t wait_ns, uint64_t deadline)
{
	int e = look(c);

	if (e == -EAGAIN && shunt__call_await(&c->rx))
		e = look(c);
	if (__builtin_expect(e == -EAGAIN, 0))
		e = wait_for_reply(c, wait_ns, deadline);
	return e;
}

static int
tell(const struct shunt__caller *c, struct shunt_reply *info)
{
	struct shunt_reply r = {.id = shunt__call_id(c->open[c->first].pos),
	    .len = c->peeked ? c->len : 0,
	    .status = c->peeked ? c->status : 0};

	return info == NULL ? 0 : shunt__answer_write(info, &r, sizeof(r));
}

/* The call will have no reply. */
static int
is_over(int e)
{
	return e == SHUNT_E_PEERDEAD || e == SHUNT_E_NOSERVER ||
	       e == SHUNT_E_CLOSED;
}

/* Nothing can come: what made the descriptor readable is over, and a loop of
 * poll(2) that were not told so would never sleep. */
static int
none_open(struct shunt__caller *c, int64_t wait_ns)
{
	int e = wait_ns < 0 ? arm(c) : -EAGAIN;

	return e == -EAGAIN ? -ENOENT : e;
}

/* The oldest call's reply, or what became of it.  0: it is peeked. */
static int
resolve(struct shunt__caller *c, struct shunt_reply *info, int64_t wait_ns,
    uint64_t deadline)
{
	if (oldest(c) == NULL)
		return none_open(c, wait_ns);
	int e = next_reply(c, wait_ns, deadline), told = tell(c, info);

	if (is_over(e))
		pop(c);
	return e != 0 ? e : told;
}

/* The reply into the caller's room; the call is over. */
static ssize_t
take(struct shunt__caller *c, void *buf, size_t cap)
{
	size_t len = c->len;

	if (__builtin_expect(len > cap, 0))
		return -EMSGSIZE;
	shunt__copy(buf, c->payload, len);
	drop(c);
	pop(c);
	return (ssize_t)len;
}

static int
read_options(
    struct shunt_call_options *o, const struct shunt_call_options *opts)
{
	int e = shunt__options_read(o, sizeof(*o), sizeof(*o), opts);

	o->sz = sizeof(*o);
	if (e == 0 &&
	    ((o->flags & ~(uint32_t)SHUNT_CALL_SERVED) || o->reserved != 0))
		e = -EINVAL;
	return e;
}

static ssize_t
call(struct shunt__caller *c, const void *msg, size_t len, void *buf,
    size_t cap, struct shunt_reply *info, const struct shunt_call_options *o)
{
	uint64_t deadline = shunt__deadline(o->wait_ns);
	ssize_t e;

	if (oldest(c) != NULL)
		return -EBUSY;
	c->flags = o->flags;
	e = shunt__caller_send(c, msg, len, o);
	if (__builtin_expect(e != 0, 0))
		return e;
	e = resolve(c, info, o->wait_ns, deadline);
	if (__builtin_expect(e == 0, 1))
		return take(c, buf, cap);
	if (c->count != 0)
		shunt__caller_cancel(c, 0);
	return e;
}

ssize_t
shunt_client_call(struct shunt_client *client, const void *msg, size_t len,
    void *buf, size_t cap, struct shunt_reply *info,
    const struct shunt_call_options *opts)
{
	struct shunt_call_options o;
	struct shunt__seat *seat;
	ssize_t e = read_options(&o, opts);

	if (__builtin_expect(e == 0 && o.wait_ns < 0, 0))
		e = -EAGAIN;
	if (e == 0)
		e = shunt__caller_enter(client, &seat);
	if (__builtin_expect(e != 0, 0))
		return e;
	e = call(shunt__caller_of(seat), msg, len, buf, cap, info, &o);
	shunt__caller_leave(seat);
	return e;
}

/* As the public peek. */
static int
find(struct shunt__caller *c, struct shunt_reply *info,
    const struct shunt_call_options *opts)
{
	struct shunt_call_options o;
	int e = read_options(&o, opts);

	if (e != 0)
		return e;
	c->flags = o.flags;
	if (shunt__load32(&c->client->obj->control->ct_removed) != 0)
		return SHUNT_E_REMOVED;
	return resolve(c, info, o.wait_ns, shunt__deadline(o.wait_ns));
}

ssize_t
shunt_client_poll(struct shunt_client *client, void *buf, size_t cap,
    struct shunt_reply *info, const struct shunt_call_options *opts)
{
	struct shunt__seat *seat;
	ssize_t e = shunt__caller_enter(client, &seat);

	if (__builtin_expect(e != 0, 0))
		return e;
	struct shunt__caller *c = shunt__caller_of(seat);
	e = find(c, info, opts);
	if (e == 0)
		e = take(c, buf, cap);
	shunt__caller_leave(seat);
	return e;
}

ssize_t
shunt_client_peek(struct shunt_client *client, const void **msg,
    struct shunt_reply *info, const struct shunt_call_options *opts)
{
	struct shunt__seat *seat;
	ssize_t e = shunt__caller_enter(client, &seat);

	if (__builtin_expect(e != 0, 0))
		return e;
	struct shunt__caller *c = shunt__caller_of(seat);
	e = find(c, info, opts);
	if (e == 0) {
		*msg = c->payload;
		e = (ssize_t)c->len;
	}
	shunt__caller_leave(seat);
	return e;
}

int
shunt_client_release(struct shunt_client *client)
{
	struct shunt__seat *seat;
	int e = shunt__caller_enter(client, &seat);

	if (__builtin_expect(e != 0, 0))
		return e;
	struct shunt__caller *c = shunt__caller_of(seat);
	if (oldest(c) == NULL || !c->peeked) {
		e = -EINVAL;
	} else {
		drop(c);
		pop(c);
	}
	shunt__caller_leave(seat);
	return e;
}

int
shunt_client_fd(struct shunt_client *client)
{
	struct shunt__seat *seat;
	int e = shunt__caller_enter(client, &seat);

	if (e != 0)
		return e;
	e = shunt__end_fd(&shunt__caller_of(seat)->end);
	shunt__caller_leave(seat);
	return e;
}

struct shunt_end *
shunt_client_end(struct shunt_client *client)
{
	struct shunt__seat *seat;

	if (shunt__caller_enter(client, &seat) != 0)
		return NULL;
	shunt__caller_leave(seat);
	return &shunt__caller_of(seat)->end;
}
