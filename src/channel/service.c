/* SPDX-License-Identifier: MIT */
/* The answering end: its life, and the way to the next request. */
#include <stdlib.h>

#include "base/error.h"
#include "base/options.h"
#include "os/os.h"
#include "channel/call.h"

#define SCAN_NS  UINT64_C(1000000) /* between two careful looks at all pairs */
#define SCAN_ASK 63u               /* calls between two looks at the clock */
#define AGAIN    15u /* pairs between two looks at the last one served */

static void
introduce(struct shunt__control_lay *ct)
{
	shunt__store32(&ct->ct_pid, (uint32_t)shunt__os.getpid());
	shunt__store32(&ct->ct_uid, shunt__os.geteuid());
	shunt__store64(&ct->ct_since, shunt__now());
	shunt__who_comm(ct->ct_comm);
}

/* A slot, and what its last owner left is put right first. */
static int
begin(struct shunt_service *s)
{
	struct shunt__object *obj = s->obj;
	int e;

	s->slots = shunt__call_slots(obj);
	s->n_pairs = obj->geo.lanes / 2;
	s->fence = obj->fence;
	s->max = shunt__call_max(obj);
	s->pairs = calloc(s->n_pairs, sizeof(*s->pairs));
	if (s->pairs == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	for (uint32_t i = 0; i < s->n_pairs; i++)
		s->pairs[i].lane = 2 * i;
	e = shunt__slot_take(&s->slot, obj, s->slots);
	if (e == SHUNT_E_SLOTS)
		return shunt__fail(e,
		    "%s: %u servers serve it already, and it has room for no "
		    "more; make one with more",
		    shunt__quote(obj->name.shown), s->slots);
	if (e < 0)
		return shunt__fail(e, "%s: no slot of a server can be had: %s",
		    shunt__quote(obj->name.shown), shunt__why(e));
	for (int i = 0; i < 3; i++)
		shunt__store64(&s->slot.lay->sl_word[i], 0);
	shunt__pairs_recover(s);
	introduce(obj->control);
	return 0;
}

/* One round over all pairs.  0: the request is open; -EAGAIN; or a code. */
static int
round_of_all(struct shunt_service *s, int careful)
{
	uint32_t n = shunt__object_high(s->obj) / 2;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = s->next < n ? s->next : 0;
		s->next = at + 1;
		int e = shunt__pair_look(s, &s->pairs[at], careful);
		if (e != -EAGAIN)
			return e;
		if ((i & AGAIN) == AGAIN && s->cur != NULL &&
		    (e = shunt__pair_look(s, s->cur, 0)) != -EAGAIN)
			return e;
	}
	return -EAGAIN;
}

/*
 * Now and then, busy or not, nothing that was remembered is trusted: a place
 * where others took requests since may look empty for ever, and a dead
 * server's claim stands in the way until the kernel is asked about it.
 */
static int
look(struct shunt_service *s)
{
	if (s->open != NULL)
		return 0;
	if (__builtin_expect((++s->calls & SCAN_ASK) == 0, 0)) {
		uint64_t now = shunt__now();
		if (now - s->last_scan > SCAN_NS) {
			s->last_scan = now;
			return round_of_all(s, 1);
		}
	}
	return round_of_all(s, 0);
}

static int
ready(void *arg)
{
	struct shunt_service *s = arg;

	if (s->open != NULL)
		return 0;
	int e = round_of_all(s, 1);
	if (e == -EAGAIN && shunt__acquire32(&s->obj->control->ct_ended) != 0)
		e = SHUNT_E_CLOSED;
	return e;
}

/* Nothing at once: spin a little, then sleep. */
static int
wait_for_request(struct shunt_service *s, const struct shunt_call_options *opts)
{
	struct shunt_call_options o;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);

	if (e < 0)
		return e;
	if (shunt__load32(&s->obj->control->ct_removed) != 0)
		return SHUNT_E_REMOVED;
	if (shunt__acquire32(&s->obj->control->ct_ended) != 0)
		return ready(s);
	if (o.wait_ns < 0)
		return shunt__end_empty(&s->end);
	uint32_t turns = shunt__spin_turns(&s->spin);
	for (uint32_t i = 0; i < turns; i++) {
		shunt__pause();
		if (s->cur != NULL)
			shunt__call_await(&s->cur->rx);
		e = look(s);
		if (e != -EAGAIN) {
			shunt__spin_learn(&s->spin, 1);
			return e;
		}
	}
	shunt__spin_learn(&s->spin, 0);
	return shunt__wait(s->obj, &s->obj->control->ct_bell,
	    SHUNT__BELL_ASLEEP | SHUNT__WAIT_SHARED, shunt__deadline(o.wait_ns),
	    ready, s);
}

/* For people, on our own line. */
static void
count_request(struct shunt_service *s)
{
	struct shunt__u64 *word = s->slot.lay->sl_word;

	shunt__store64(&word[SHUNT__CALL_TAKEN],
	    shunt__load64(&word[SHUNT__CALL_TAKEN]) + 1);
	shunt__store64(&word[SHUNT__CALL_SERVING], s->open->lane + 1);
	s->told = 1;
}

ssize_t
shunt_service_next(struct shunt_service *service, const void **msg,
    struct shunt_request *info, const struct shunt_call_options *opts)
{
	struct shunt_service *s = service;
	int e = shunt__service_check(s);

	if (__builtin_expect(e != 0, 0))
		return e;
	if (__builtin_expect(shunt__call_wrong(opts), 0))
		return -EINVAL;
	e = look(s);
	if (e == -EAGAIN && s->cur != NULL && shunt__call_await(&s->cur->rx))
		e = look(s);
	if (__builtin_expect(e == -EAGAIN, 0))
		e = wait_for_request(s, opts);
	if (__builtin_expect(e != 0, 0))
		return e;
	if (!s->told)
		count_request(s);
	struct shunt_request r = {.len = s->len,
	    .id = shunt__call_id(s->open->rx.tail),
	    .client = s->open->lane / 2};
	if (info != NULL && (e = shunt__answer_write(info, &r, sizeof(r))) < 0)
		return e;
	*msg = s->request + 1;
	return (ssize_t)s->len;
}

int
shunt_service_cancelled(const struct shunt_service *service)
{
	if (shunt__service_check(service) != 0 || service->open == NULL)
		return 0;
	/* Only asked: relaxed. */
	return (shunt__load32(&service->request->rq_state) &
		   SHUNT__CALL_GIVEN_UP) != 0;
}

int
shunt_service_open(struct shunt_service **out, const char *name,
    const struct shunt_service_options *opts)
{
	struct shunt_service *s;
	int e, made;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	made = shunt__call_open(&s->obj, name, opts, &s->patience);
	if (made < 0) {
		free(s);
		return made;
	}
	s->magic = SHUNT__SERVICE_MAGIC;
	e = begin(s);
	if (e < 0) {
		shunt_service_close(&s);
		return e;
	}
	shunt__end_init(&s->end, s->obj, &s->obj->control->ct_bell,
	    SHUNT__END_SHARED | SHUNT__END_DEATHS, ready, s);
	*out = s;
	return made;
}

void
shunt_service_close(struct shunt_service **service)
{
	struct shunt_service *s = service != NULL ? *service : NULL;

	if (s == NULL || s->magic != SHUNT__SERVICE_MAGIC)
		return;
	s->magic = 0;
	shunt__end_fini(&s->end);
	if (s->open != NULL && !shunt__object_forked(s->obj))
		shunt__pair_over(s);
	shunt__slot_give(&s->slot);
	shunt__object_detach(s->obj, shunt__call_unread);
	free(s->pairs);
	free(s);
	*service = NULL;
}

size_t
shunt_service_max(const struct shunt_service *service)
{
	return service == NULL ? 0 : service->max;
}

int
shunt_service_finish(struct shunt_service *service)
{
	int e = shunt__service_check(service);

	if (e != 0)
		return e;
	/* E: read by clients before they send.  One that sent at the same
	 * moment is served, or asks by itself when it waits. */
	shunt__release32(&service->obj->control->ct_ended, 1);
	shunt__ring(service->obj, &service->obj->control->ct_bell);
	return 0;
}

int
shunt_service_fd(struct shunt_service *service)
{
	int e = shunt__service_check(service);

	return e != 0 ? e : shunt__end_fd(&service->end);
}

struct shunt_end *
shunt_service_end(struct shunt_service *service)
{
	return shunt__service_check(service) != 0 ? NULL : &service->end;
}
