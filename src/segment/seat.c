/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "segment/seat.h"
#include "segment/seat_fork.h"

_Thread_local struct shunt__seat_cache
    shunt__seat_cache[SHUNT__SEAT_CACHE] SHUNT__TLS;

/*
 * Every thread has a list of its seats and every handle one of its own; one
 * mutex guards them all, for they are touched only when seats come and go.
 */
struct thread {
	struct shunt__seat *first;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int have_key;
static uint64_t last_id;

/*
 * This thread is at its seats.  A handler that interrupts it there must not
 * wait for the mutex, which its own thread may hold, nor take a second seat.
 */
static _Thread_local int busy SHUNT__TLS;

static void
lock(void)
{
	busy++;
	shunt__compiler_barrier();
	pthread_mutex_lock(&mutex);
}

static void
unlock(void)
{
	pthread_mutex_unlock(&mutex);
	shunt__compiler_barrier();
	busy--;
}

/* Every seat is in both lists from the moment it is taken. */
static void
unlink_from_handle(struct shunt__seat *seat)
{
	struct shunt__seat **p = &seat->seats->first;

	while (*p != seat)
		p = &(*p)->next;
	*p = seat->next;
}

static void
unlink_from_thread(struct shunt__seat *seat)
{
	struct shunt__seat **p = &seat->thread->first;

	while (*p != seat)
		p = &(*p)->thread_next;
	*p = seat->thread_next;
}

/* Gives the lane back; in a child it is the parent's, and stays so. */
static void
vacate(struct shunt__seat *seat)
{
	struct shunt__object *obj = seat->seats->obj;

	if (!shunt__object_forked(obj)) {
		if (seat->seats->leave != NULL)
			seat->seats->leave(seat, seat->seats->arg);
		shunt__lane_unlock(obj, seat->lane);
	}
	free(seat);
}

/* The thread ends. */
static void
thread_ends(void *arg)
{
	struct thread *t = arg;

	lock();
	memset(shunt__seat_cache, 0, sizeof(shunt__seat_cache));
	while (t->first != NULL) {
		struct shunt__seat *seat = t->first;
		t->first = seat->thread_next;
		unlink_from_handle(seat);
		vacate(seat);
	}
	unlock();
	free(t);
}

static void
make_key(void)
{
	have_key = pthread_key_create(&key, thread_ends) == 0;
}

void
shunt__seats_before_fork(void)
{
	lock();
}

void
shunt__seats_after_fork(int child)
{
	if (!child) {
		unlock();
		return;
	}
	pthread_mutex_init(&mutex, NULL);
	busy--;
	memset(shunt__seat_cache, 0, sizeof(shunt__seat_cache));
}

void
shunt__seats_init(struct shunt__seats *seats, struct shunt__object *obj,
    size_t end_size, int (*claim)(struct shunt__seat *, void *, int),
    void (*leave)(struct shunt__seat *, void *), void *arg)
{
	pthread_once(&once, make_key);
	lock();
	*seats = (struct shunt__seats){.obj = obj,
	    .id = ++last_id,
	    .end_size = end_size,
	    .stride = 1,
	    .claim = claim,
	    .leave = leave,
	    .arg = arg};
	unlock();
}

void
shunt__seats_fini(struct shunt__seats *seats)
{
	lock();
	while (seats->first != NULL) {
		struct shunt__seat *seat = seats->first;
		seats->first = seat->next;
		unlink_from_thread(seat);
		vacate(seat);
	}
	/* A cache of another thread may still name this id: it is never used
	 * again, so it can only miss. */
	struct shunt__seat_cache *cached =
	    &shunt__seat_cache[seats->id % SHUNT__SEAT_CACHE];
	if (cached->id == seats->id)
		*cached = (struct shunt__seat_cache){0};
	unlock();
}

static struct thread *
this_thread(void)
{
	struct thread *t;

	if (!have_key)
		return NULL;
	t = pthread_getspecific(key);
	if (t != NULL)
		return t;
	t = calloc(1, sizeof(*t));
	if (t != NULL && pthread_setspecific(key, t) != 0) {
		free(t);
		t = NULL;
	}
	return t;
}

/* Byte and ring are ours: may we stay? */
static int
settle(struct shunt__seat *seat, uint32_t lane, int last)
{
	seat->lane = lane;
	int e = seat->seats->claim(seat, seat->seats->arg, last);
	if (e != 0)
		shunt__lane_unlock(seat->seats->obj, lane);
	return e;
}

/* A lane that was in use before, with room unless @last. */
static int
take_used(struct shunt__seat *seat, int last)
{
	struct shunt__object *obj = seat->seats->obj;
	uint32_t high = shunt__object_high(obj);
	int worst = -EAGAIN;

	for (uint32_t lane = 0; lane < high; lane += seat->seats->stride) {
		int e = shunt__lane_lock(obj, lane);
		if (e == -EBUSY)
			continue;
		if (e == 0)
			e = settle(seat, lane, last);
		if (e == 0)
			return 0;
		if (e != -EAGAIN)
			worst = e;
	}
	return worst;
}

/* The rings of a seat: that of its lane and of those that belong to it. */
static int
reserve(struct shunt__object *obj, uint32_t lane, uint32_t lanes)
{
	int e = 0;

	for (uint32_t n = 0; e == 0 && n < lanes; n++)
		e = shunt__object_reserve_lane(obj, lane + n);
	return e;
}

/* A lane that nobody used yet. */
static int
take_new(struct shunt__seat *seat)
{
	struct shunt__object *obj = seat->seats->obj;
	uint32_t stride = seat->seats->stride;
	uint32_t high = shunt__object_high(obj);

	for (uint32_t lane = high - high % stride;
	     lane + stride <= obj->geo.lanes; lane += stride) {
		int e = shunt__lane_lock(obj, lane);
		if (e == -EBUSY)
			continue;
		if (e != 0)
			return e;
		/* Reserved before it counts: whoever sees the lane may touch
		 * its ring.  Killed between, it is reserved again. */
		e = reserve(obj, lane, stride);
		if (e != 0) {
			shunt__lane_unlock(obj, lane);
			return e;
		}
		shunt__object_raise(obj, lane + stride);
		e = settle(seat, lane, 1);
		if (e != -EAGAIN)
			return e;
	}
	return SHUNT_E_SLOTS;
}

/* Under the mutex. */
static struct shunt__seat *
seat_of(struct thread *t, struct shunt__seats *seats)
{
	struct shunt__seat *seat = t->first;

	while (seat != NULL && seat->seats != seats)
		seat = seat->thread_next;
	return seat;
}

struct shunt__seat *
shunt__seat_find(struct shunt__seats *seats)
{
	struct thread *t = have_key ? pthread_getspecific(key) : NULL;
	struct shunt__seat *seat;

	if (t == NULL || busy)
		return NULL;
	lock();
	seat = seat_of(t, seats);
	unlock();
	return seat;
}

/* @code, with a sentence where there is none yet: reserving has its own. */
static int
refused(const struct shunt__seats *seats, int code)
{
	const struct shunt__object *obj = seats->obj;

	if (code != SHUNT_E_SLOTS)
		return code;
	return shunt__fail(code,
	    "%s: its %u places for threads are all taken by living ones; end "
	    "some (see shunt stat), or make it with more",
	    shunt__quote(obj->name.shown), obj->geo.lanes / seats->stride);
}

static int
take(struct shunt__seats *seats, struct shunt__seat **out)
{
	struct thread *t = this_thread();
	struct shunt__seat *seat;
	int e = 0;

	if (t == NULL)
		return -ENOMEM;
	lock();
	seat = seat_of(t, seats);
	unlock();
	if (seat == NULL) {
		size_t size = (sizeof(*seat) + seats->end_size + 63) & ~63u;
		seat = aligned_alloc(64, size);
		if (seat == NULL)
			return -ENOMEM;
		memset(seat, 0, size);
		seat->seats = seats;
		seat->thread = t;
		e = take_used(seat, 0);
		if (e != 0) {
			int first = take_new(seat);
			e = first != 0 ? take_used(seat, 1) : 0;
			if (e != 0)
				e = first;
		}
		if (e != 0) {
			free(seat);
			return refused(seats, e);
		}
		lock();
		seat->next = seats->first;
		seats->first = seat;
		seat->thread_next = t->first;
		t->first = seat;
		unlock();
	}
	shunt__seat_cache[seats->id % SHUNT__SEAT_CACHE] =
	    (struct shunt__seat_cache){seats->id, seat};
	*out = seat;
	return 0;
}

int
shunt__seat_take(struct shunt__seats *seats, struct shunt__seat **out)
{
	if (busy)
		return -EBUSY;
	busy++;
	shunt__compiler_barrier();
	int e = take(seats, out);
	shunt__compiler_barrier();
	busy--;
	return e;
}

int
shunt__seat_give(struct shunt__seats *seats)
{
	struct thread *t;
	struct shunt__seat *seat = NULL;
	int others;

	if (busy)
		return 1; /* that of the call that was interrupted */
	lock();
	t = this_thread();
	if (t != NULL)
		seat = seat_of(t, seats);
	/* Not from under a call that a signal handler interrupted. */
	if (seat != NULL && !seat->in_call) {
		unlink_from_handle(seat);
		unlink_from_thread(seat);
		for (int k = 0; k < SHUNT__SEAT_CACHE; k++)
			if (shunt__seat_cache[k].seat == seat)
				shunt__seat_cache[k] =
				    (struct shunt__seat_cache){0};
		vacate(seat);
	}
	others = seats->first != NULL;
	unlock();
	return others;
}
