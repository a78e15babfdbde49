/* SPDX-License-Identifier: MIT */
/*
 * Waiting on several ends: the same steps as at one (segment/wait.c), on as
 * many words.  Arm all bells, look at everything once more, sleep until one of
 * the words is woken or is another one.
 */
#include <stdint.h>

#include "base/error.h"
#include "channel/end.h"
#include "os/os.h"
#include "segment/wait.h"
#include "sync/limit.h"

_Static_assert(SHUNT_WAIT_MOST == SHUNT__WAITV_MOST, "one call sleeps on all");

/* Between two looks where nobody can wake us; ns. */
#define NAP INT64_C(1000000)
/* And where somebody may die who does not say so: a call's server; ns. */
#define DEATHS_NS INT64_C(30000000)

struct sleep {
	struct shunt_wait_item *items;
	int n;
	int blind;  /* a bell of them cannot be armed */
	int deaths; /* one of them learns of deaths only by asking */
	int bells;
	struct shunt__u32 *bell[SHUNT_WAIT_MOST];
};

static int
check(const struct shunt_wait_item *items, int n)
{
	int ends = 0;

	if (items == NULL || n < 1 || n > SHUNT_WAIT_MOST)
		return shunt__fail(-EINVAL,
		    "%d items to wait for: from 1 to %d can be; wait for the "
		    "others in other threads, or by epoll(7)",
		    n, SHUNT_WAIT_MOST);
	for (int i = 0; i < n; i++) {
		const struct shunt_end *end = items[i].end;
		if (end == NULL)
			continue;
		if (end->magic != SHUNT__END_MAGIC)
			return -EINVAL;
		if (shunt__object_forked(end->obj))
			return SHUNT_E_FORKED;
		ends++;
	}
	return ends != 0 ? 0
			 : shunt__fail(-EINVAL,
			       "%d items to wait for, and no end in them", n);
}

/* How many are ready now. */
static int
look(struct shunt_wait_item *items, int n)
{
	int ready = 0;

	for (int i = 0; i < n; i++) {
		const struct shunt_end *end = items[i].end;
		int e = end == NULL ? -EAGAIN : end->ready(end->arg);
		if (e == -EBUSY) /* not yet: no sleep is long where that is */
			e = -EAGAIN;
		items[i].ready = e == -EAGAIN ? 0 : e == 0 ? 1 : e;
		ready += e != -EAGAIN;
	}
	return ready;
}

/* Nothing is there: is everything still where it was? */
static int
look_at_names(struct shunt_wait_item *items, int n)
{
	int ready = 0;

	for (int i = 0; i < n; i++) {
		if (items[i].end == NULL)
			continue;
		int e = shunt__object_check(items[i].end->obj);
		items[i].ready = e == -ESTALE ? SHUNT_E_REMOVED : e;
		ready += e != 0;
	}
	return ready;
}

static void
begin(struct sleep *s, struct shunt_wait_item *items, int n)
{
	s->items = items;
	s->n = n;
	s->blind = s->bells = s->deaths = 0;
	for (int i = 0; i < n; i++) {
		const struct shunt_end *end = items[i].end;
		if (end == NULL)
			continue;
		if (end->flags & SHUNT__END_DEATHS)
			s->deaths = 1;
		if (end->obj->readonly)
			s->blind = 1;
		else
			s->bell[s->bells++] = end->bell;
	}
}

/* A bell that others sleep on, too, is cleared by who rings it. */
static void
up_again(const struct sleep *s)
{
	for (int i = 0; i < s->n; i++) {
		const struct shunt_end *end = s->items[i].end;
		if (end != NULL && !end->obj->readonly &&
		    !(end->flags & SHUNT__END_SHARED))
			shunt__bell_disarm(end->bell, SHUNT__BELL_ASLEEP);
	}
}

static int
nap(int64_t ns)
{
	shunt__os.nanosleep(ns < NAP ? ns : NAP);
	return 0;
}

/* As shunt__bell_wait(), on all of them. */
static int
sleep_on_all(const struct sleep *s, int64_t ns)
{
	struct shunt__waitv of[SHUNT_WAIT_MOST];

	if (s->blind)
		return nap(ns);
	if (s->bells == 1)
		return shunt__bell_wait(s->bell[0], SHUNT__BELL_ASLEEP, ns);
	for (int i = 0; i < s->bells; i++) {
		uint32_t now = shunt__load32(s->bell[i]);
		if (!(now & SHUNT__BELL_ASLEEP))
			return 0; /* rung since we looked */
		of[i] = (struct shunt__waitv){.expect = now,
		    .word = (uint64_t)(uintptr_t)s->bell[i],
		    .flags = SHUNT__WAITV_FLAGS};
	}
	int e = shunt__os.futex_waitv(of, s->bells, ns);
	if (e == -ETIMEDOUT)
		return e;
	if (e >= 0 || e == -EAGAIN || e == -EINTR)
		return 0;
	return nap(
	    ns); /* the kernel has no such call, or a filter forbids it */
}

static int
sleep_until(struct shunt_wait_item *items, int n, uint64_t deadline)
{
	struct shunt__limit limit = shunt__limit(deadline);
	struct sleep s;
	int ready;

	begin(&s, items, n);
	for (;;) {
		shunt__bell_arm_all(s.bell, s.bells, SHUNT__BELL_ASLEEP);
		ready = look(items, n);
		if (ready == 0 && shunt__limit_look(&limit))
			ready = look_at_names(items, n);
		int64_t left = shunt__limit_left(&limit);
		if (ready != 0 || left == 0)
			break;
		if (s.deaths && left > DEATHS_NS)
			left = DEATHS_NS;
		shunt__limit_slept(&limit, sleep_on_all(&s, left));
	}
	up_again(&s);
	return ready != 0 ? ready : -ETIMEDOUT;
}

static struct shunt__spin *
spin_of(const struct shunt_wait_item *items)
{
	while (items->end == NULL)
		items++;
	return &items->end->spin;
}

int
shunt_wait(struct shunt_wait_item *items, int n, int64_t wait_ns)
{
	int e = check(items, n);

	if (e < 0)
		return e;
	int ready = look(items, n);
	if (ready != 0)
		return ready;
	if (wait_ns < 0)
		return -EAGAIN;
	struct shunt__spin *spin = spin_of(items);
	uint32_t turns = shunt__spin_turns(spin);
	for (uint32_t i = 0; i < turns; i++) {
		shunt__pause();
		ready = look(items, n);
		if (ready == 0)
			continue;
		shunt__spin_learn(spin, 1);
		return ready;
	}
	shunt__spin_learn(spin, 0);
	return sleep_until(items, n, shunt__deadline(wait_ns));
}
