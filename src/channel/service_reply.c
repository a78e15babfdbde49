/* SPDX-License-Identifier: MIT */
/* The way back: one store makes a reply, then the request is released, then
 * the pair of lanes is let go. */
#include "base/copy.h"
#include "os/os.h"
#include "channel/call.h"
#include "channel/too_long.h"

/* Between two questions whether a client that does not read lives. */
#define PROBE_NS UINT64_C(50000000)

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

/*
 * The lane is full: its client reads, or is dead, or tries our patience.  That
 * it does once: a stopped client with many requests must not stop us as often;
 * until it reads, no other reply is waited for, nor one that it gave up.
 */
static int
wait_for_room(struct shunt_service *s, struct room *r)
{
	struct shunt__object *obj = s->obj;
	uint64_t place = r->tx->tail_seen + 1;
	uint64_t end =
	    s->open->stuck == place ? 0 : shunt__now() + (uint64_t)s->patience;
	int e = -ETIMEDOUT;

	while (e == -ETIMEDOUT) {
		uint64_t now = shunt__now(), until = now + PROBE_NS;
		if (shunt__object_held(obj, SHUNT__BYTE_LANE + s->open->lane) ==
		    0)
			return SHUNT_E_PEERDEAD;
		if (shunt_service_cancelled(s))
			return -ETIMEDOUT;
		if (now >= end) {
			s->open->stuck = place;
			return -ETIMEDOUT;
		}
		e = shunt__wait(obj, &r->tx->ctl->ln_waiting,
		    SHUNT__BELL_ASLEEP, until < end ? until : end, room_ready,
		    r);
	}
	return e;
}

/* Room for @len bytes behind our word.  A code other than -EMSGSIZE and
 * -EINVAL: the request is over without a reply. */
static int
get_room(struct shunt_service *s, size_t len, void **msg)
{
	int e = shunt__service_check(s);

	if (__builtin_expect(e != 0, 0))
		return e;
	if (s->open == NULL || s->reserved)
		return -EINVAL;
	if (len > s->max)
		return shunt__too_long(s->obj, len, s->max, 2);
	struct room r = {&s->open->tx, len + SHUNT__CALL_HEAD, msg};
	e = room_ready(&r);
	if (__builtin_expect(e == -EAGAIN, 0))
		e = wait_for_room(s, &r);
	if (__builtin_expect(e != 0, 0)) {
		s->open->mine = 0;
		shunt__pair_over(s);
	}
	return e;
}

static void
answer(struct shunt_service *s, int32_t status, size_t len, void *room)
{
	struct shunt__u64 *count = &s->slot.lay->sl_word[SHUNT__CALL_REPLIED];
	struct shunt__pair *p = s->open;
	struct shunt__reply_lay *rp = room;

	shunt__store64(&rp->rp_word, p->rx.tail >> 3 << 32 | (uint32_t)status);
	/* C: the reply is there.  Killed before it, the client learns that we
	 * died; after it, it has its reply. */
	shunt__lane_commit(&p->tx, len + SHUNT__CALL_HEAD, 0);
	shunt__pair_over(s);
	shunt__store64(count, shunt__load64(count) + 1);
	shunt__store64(&s->slot.lay->sl_word[SHUNT__CALL_SERVING], 0);
}

int
shunt_service_reply(
    struct shunt_service *service, int32_t status, const void *msg, size_t len)
{
	void *room;
	int e = get_room(service, len, &room);

	if (__builtin_expect(e != 0, 0))
		return e;
	shunt__copy((struct shunt__reply_lay *)room + 1, msg, len);
	answer(service, status, len, room);
	return 0;
}

int
shunt_service_reserve(struct shunt_service *service, size_t len, void **msg)
{
	int e = get_room(service, len, msg);

	if (e != 0)
		return e;
	service->reserved = 1;
	*msg = (struct shunt__reply_lay *)*msg + 1;
	return 0;
}

int
shunt_service_commit(struct shunt_service *service, int32_t status, size_t len)
{
	int e = shunt__service_check(service);

	if (e != 0)
		return e;
	if (!service->reserved ||
	    len > service->open->tx.room - SHUNT__CALL_HEAD)
		return -EINVAL;
	struct shunt__lane_tx *tx = &service->open->tx;
	/* Behind the pad, if there is one, that the commit puts before it. */
	answer(service, status, len,
	    shunt__lane_word(tx->ring, tx->cap, tx->head + tx->pad) + 1);
	return 0;
}
