/* SPDX-License-Identifier: MIT */
/*
 * The publishing end: each thread has a ring of its own, so publishers never
 * wait for one another.  What a message costs is its copy, one store that
 * commits it and one look at the bell, however many subscribers there are.
 */
#include <stdlib.h>

#include "base/error.h"
#include "base/options.h"
#include "channel/publisher.h"
#include "channel/too_long.h"
#include "os/os.h"
#include "segment/wait.h"

static struct shunt__caster *
caster_of(struct shunt__seat *seat)
{
	return (struct shunt__caster *)(void *)seat->end;
}

static int
claim(struct shunt__seat *seat, void *arg, int last)
{
	struct shunt_publisher *pub = arg;
	struct shunt__topic *topic = &pub->topic;
	struct shunt__object *obj = topic->obj;
	struct shunt__lane_lay *ctl = shunt__object_lane(obj, seat->lane);
	struct shunt__cast_cursors cursors = {
	    .first = (unsigned char *)shunt__topic_cursor(topic, 0, seat->lane),
	    .stride = topic->stride,
	    .high = &obj->control->ct_slots,
	    .most = topic->slots};
	int e = shunt__object_probe_lane(obj, seat->lane);

	(void)last; /* a ring always has room, or its subscribers are slow */
	if (e == 0)
		e = shunt__cast_tx_adopt(&caster_of(seat)->tx,
		    shunt__object_ring(obj, seat->lane), obj->geo.lane_bytes,
		    ctl, shunt__topic_keeps(topic) ? &cursors : NULL);
	if (e < 0)
		return e;
	shunt__store32(&ctl->ln_pid, (uint32_t)shunt__os.getpid());
	shunt__store32(&ctl->ln_tid, (uint32_t)shunt__os.gettid());
	shunt__store32(&ctl->ln_uid, shunt__os.geteuid());
	shunt__store64(&ctl->ln_since, shunt__now());
	shunt__store32(&ctl->ln_owners, shunt__load32(&ctl->ln_owners) + 1);
	shunt__who_comm(ctl->ln_comm);
	/* A predecessor may have died asleep: nobody sleeps here now. */
	shunt__bell_disarm(&ctl->ln_waiting, SHUNT__BELL_ASLEEP);
	return 0;
}

int
shunt_publisher_open(struct shunt_publisher **out, const char *name,
    const struct shunt_publisher_options *opts)
{
	struct shunt_publisher_options o;
	struct shunt_publisher *pub;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);
	if (e < 0 || o.reserved != 0 || (o.flags & SHUNT_TOPIC_READONLY))
		return shunt__options_refuse(opts);
	pub = calloc(1, sizeof(*pub));
	if (pub == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	e = shunt__topic_attach(&pub->topic, name,
	    &(struct shunt__topic_wish){.flags = o.flags,
		.mode = o.mode,
		.group = o.group,
		.owner = o.owner,
		.type = o.type,
		.schema = o.schema,
		.lane_bytes = o.lane_bytes,
		.publishers = o.publishers,
		.subscribers = o.subscribers,
		.policy = o.policy});
	if (e < 0) {
		free(pub);
		return e;
	}
	pub->magic = SHUNT__PUBLISHER_MAGIC;
	pub->fence = pub->topic.obj->fence;
	pub->max = shunt__cast_max(pub->topic.obj->geo.lane_bytes);
	shunt__seats_init(&pub->seats, pub->topic.obj,
	    sizeof(struct shunt__caster), claim, NULL, pub);
	*out = pub;
	return e;
}

void
shunt_publisher_close(struct shunt_publisher **pub)
{
	if (pub == NULL || *pub == NULL ||
	    (*pub)->magic != SHUNT__PUBLISHER_MAGIC)
		return;
	(*pub)->magic = 0;
	shunt__seats_fini(&(*pub)->seats);
	shunt__topic_detach(&(*pub)->topic);
	free(*pub);
	*pub = NULL;
}

size_t
shunt_publisher_max(const struct shunt_publisher *pub)
{
	return pub == NULL ? 0 : pub->max;
}

static inline int
check(const struct shunt_publisher *pub)
{
	if (__builtin_expect(
		pub == NULL || pub->magic != SHUNT__PUBLISHER_MAGIC, 0))
		return -EINVAL;
	return shunt__object_forked(pub->topic.obj) ? SHUNT_E_FORKED : 0;
}

/* Into the call: the thread's seat, marked so that a signal handler that
 * interrupts us sees it. */
static inline int
enter(struct shunt_publisher *pub, struct shunt__seat **out)
{
	struct shunt__control_lay *ct;
	struct shunt__seat *seat;
	int e = check(pub);

	if (__builtin_expect(e != 0, 0))
		return e;
	ct = pub->topic.obj->control;
	if (__builtin_expect(shunt__load32(&ct->ct_removed) != 0, 0))
		return SHUNT_E_REMOVED;
	if (__builtin_expect(shunt__load32(&ct->ct_ended) != 0, 0))
		return SHUNT_E_CLOSED;
	e = shunt__seat_get(&pub->seats, &seat);
	if (__builtin_expect(e != 0, 0))
		return e;
	if (__builtin_expect(seat->in_call, 0))
		return -EBUSY;
	seat->in_call = 1;
	shunt__compiler_barrier();
	*out = seat;
	return 0;
}

static inline void
leave(struct shunt__seat *seat)
{
	shunt__compiler_barrier();
	seat->in_call = 0;
}

/* Lets the subscribers know: all that sleep, and nobody else, are rung. */
static inline void
announce(struct shunt_publisher *pub)
{
	struct shunt__u32 *bell = &pub->topic.obj->control->ct_bell;

	if (__builtin_expect(
		shunt__bell_look(bell, pub->fence) & SHUNT__BELL_ASLEEP, 0))
		shunt__ring(pub->topic.obj, bell);
}

static inline int
get_room(struct shunt_publisher *pub, struct shunt__caster *c, size_t len,
    void **msg, const struct shunt_send_options *opts)
{
	if (__builtin_expect(len > pub->max, 0))
		return shunt__too_long(pub->topic.obj, len, pub->max, 4);
	if (__builtin_expect(c->tx.lane.open, 0))
		return -EBUSY;
	int e = shunt__cast_reserve(&c->tx, len, msg);
	if (__builtin_expect(e == -EAGAIN, 0)) {
		struct shunt__want w = {
		    .pub = pub, .c = c, .len = len, .msg = msg};
		e = shunt__publisher_full(&w, opts);
	}
	return e;
}

int
shunt_publisher_send(struct shunt_publisher *pub, const void *msg, size_t len,
    const struct shunt_send_options *opts)
{
	struct shunt__seat *seat;
	void *room;
	int e = enter(pub, &seat);

	if (__builtin_expect(e != 0, 0))
		return e;
	struct shunt__caster *c = caster_of(seat);
	e = get_room(pub, c, len, &room, opts);
	if (__builtin_expect(e == 0, 1)) {
		shunt__cast_put(room, msg, len);
		shunt__cast_commit(&c->tx, len);
		announce(pub);
	}
	leave(seat);
	return e;
}

/* Puts pieces of any length one after the other, by whole words. */
struct gather {
	struct shunt__u64 *to;
	unsigned char word[8];
	size_t have; /* bytes in word */
};

static void
gather_piece(struct gather *g, const unsigned char *from, size_t len)
{
	if (g->have == 0 && len >= 8) {
		size_t whole = len & ~(size_t)7;
		shunt__cast_put(g->to, from, whole);
		g->to += whole / 8;
		from += whole;
		len -= whole;
	}
	while (len-- > 0) {
		g->word[g->have++] = *from++;
		if (g->have == 8) {
			shunt__cast_put_words(g->to++, g->word, 8);
			g->have = 0;
		}
	}
}

int
shunt_publisher_sendv(struct shunt_publisher *pub, const struct iovec *iov,
    int n, const struct shunt_send_options *opts)
{
	struct shunt__seat *seat;
	size_t len = 0;
	void *room;

	if (n < 0 || n > 1024 || (n > 0 && iov == NULL))
		return -EINVAL;
	for (int i = 0; i < n; i++)
		if (__builtin_add_overflow(len, iov[i].iov_len, &len))
			return -EINVAL;
	int e = enter(pub, &seat);
	if (e != 0)
		return e;
	struct shunt__caster *c = caster_of(seat);
	e = get_room(pub, c, len, &room, opts);
	if (e == 0) {
		struct gather g = {.to = room};
		for (int i = 0; i < n; i++)
			gather_piece(&g, iov[i].iov_base, iov[i].iov_len);
		shunt__cast_put_words(g.to, g.word, g.have);
		shunt__cast_commit(&c->tx, len);
		announce(pub);
	}
	leave(seat);
	return e;
}

/* Steps of a batch.  What was published, or a code if nothing was. */
static int
send_steps(struct shunt_publisher *pub, struct shunt__caster *c,
    const struct iovec *msgs, int n, const struct shunt_send_options *opts)
{
	struct shunt__want w = {.pub = pub, .c = c};
	int done = 0, e = 0;

	while (done < n) {
		w.msgs = msgs + done;
		w.n = n - done;
		e = shunt__cast_batch(&c->tx, w.msgs, w.n);
		if (e == -EAGAIN)
			e = shunt__publisher_full(&w, opts);
		if (e <= 0)
			break;
		done += e;
		announce(pub);
	}
	return done > 0 ? done : e;
}

int
shunt_publisher_send_batch(struct shunt_publisher *pub,
    const struct iovec *msgs, int n, const struct shunt_send_options *opts)
{
	struct shunt__seat *seat;

	if (n < 0 || n > 65536 || (n > 0 && msgs == NULL))
		return -EINVAL;
	int e = enter(pub, &seat);
	if (e != 0)
		return e;
	struct shunt__caster *c = caster_of(seat);
	for (int i = 0; i < n && e == 0; i++)
		if (msgs[i].iov_len > pub->max)
			e = shunt__too_long(
			    pub->topic.obj, msgs[i].iov_len, pub->max, 4);
	if (e == 0 && c->tx.lane.open)
		e = -EBUSY;
	if (e == 0)
		e = send_steps(pub, c, msgs, n, opts);
	leave(seat);
	return e;
}

int
shunt_publisher_reserve(struct shunt_publisher *pub, size_t len, void **msg,
    const struct shunt_send_options *opts)
{
	struct shunt__seat *seat;
	int e = enter(pub, &seat);

	if (__builtin_expect(e != 0, 0))
		return e;
	e = get_room(pub, caster_of(seat), len, msg, opts);
	leave(seat);
	return e;
}

int
shunt_publisher_commit(struct shunt_publisher *pub, size_t len)
{
	struct shunt__seat *seat;
	int e = enter(pub, &seat);

	if (__builtin_expect(e != 0, 0))
		return e;
	struct shunt__caster *c = caster_of(seat);
	if (!c->tx.lane.open || len > c->tx.lane.room) {
		e = -EINVAL;
	} else {
		shunt__cast_commit(&c->tx, len);
		announce(pub);
	}
	leave(seat);
	return e;
}

void
shunt_publisher_abort(struct shunt_publisher *pub)
{
	struct shunt__seat *seat;

	if (enter(pub, &seat) != 0)
		return;
	/* The tail may have moved for it; nothing else shared was stored. */
	caster_of(seat)->tx.lane.open = 0;
	leave(seat);
}

int
shunt_publisher_finish(struct shunt_publisher *pub)
{
	int e = check(pub);

	if (e != 0)
		return e;
	struct shunt__object *obj = pub->topic.obj;
	/* E: pairs with E in the subscriber's last look. */
	shunt__release32(&obj->control->ct_ended, 1);
	shunt__fence();
	shunt__ring(obj, &obj->control->ct_bell);
	for (uint32_t n = 0; n < shunt__object_high(obj); n++)
		shunt__bell_ring(&shunt__object_lane(obj, n)->ln_waiting,
		    SHUNT__BELL_ASLEEP);
	return 0;
}
