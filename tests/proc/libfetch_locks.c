/* SPDX-License-Identifier: MIT */
/* Calls on queues, locks, semaphores and events, for double_fetch.c. */
#include <string.h>

#include <shunt.h>

#include "lib/peers.h"
#include "proc/libfetch.h"

const char *fetch_name;
unsigned char fetch_buf[FETCH_ROOM + FETCH_CAN];
const struct shunt_send_options fetch_send = {
    .sz = sizeof(fetch_send), .wait_ns = SHUNT_NOWAIT};
const struct shunt_recv_options fetch_recv = {
    .sz = sizeof(fetch_recv), .wait_ns = SHUNT_NOWAIT};

static void *
queue_open(void)
{
	static const struct shunt_queue_options o = {.sz = sizeof(o),
	    .flags = SHUNT_QUEUE_PERSISTENT,
	    .lane_bytes = 4096,
	    .lanes = 2};
	struct shunt_queue *q;

	NEED(shunt_queue_open(&q, fetch_name, &o) >= 0);
	return q;
}

static void
queue_make(void)
{
	struct shunt_queue *q = queue_open();

	for (int i = 0; i < 6; i++)
		NEED(shunt_queue_send(
			 q, "a message of its own", 20, &fetch_send) == 0);
	shunt_queue_close(&q);
}

/* It has the receiver's place; the call at hand is an ordinary one. */
static void *
receiver(void)
{
	struct shunt_queue *q = queue_open();

	NEED(shunt_queue_recv(q, fetch_buf, FETCH_ROOM, NULL, &fetch_recv) ==
	     20);
	return q;
}

static void *
sender(void)
{
	struct shunt_queue *q = queue_open();

	NEED(shunt_queue_send(q, "first", 5, &fetch_send) == 0);
	return q;
}

static int64_t
recv_one(void *h)
{
	ssize_t n =
	    shunt_queue_recv(h, fetch_buf, FETCH_ROOM, NULL, &fetch_recv);

	NEED(n <= FETCH_ROOM);
	return n;
}

static int64_t
peek_one(void *h)
{
	const void *msg;
	ssize_t n = shunt_queue_peek(h, &msg, NULL, &fetch_recv);

	if (n < 0)
		return n;
	NEED(n <= FETCH_ROOM);
	memcpy(fetch_buf, msg, (size_t)n); /* beyond the mapping: SIGSEGV */
	shunt_queue_release(h);
	return n;
}

static int64_t
send_one(void *h)
{
	return shunt_queue_send(h, "another message", 15, &fetch_send);
}

static int64_t
reserve_one(void *h)
{
	void *room;
	int e = shunt_queue_reserve(h, 100, &room, &fetch_send);

	if (e != 0)
		return e;
	memset(room, 7, 100);
	return shunt_queue_commit(h, 100);
}

static void *
lock_open(void)
{
	static const struct shunt_lock_options o = {
	    .sz = sizeof(o), .flags = SHUNT_LOCK_PERSISTENT};
	struct shunt_lock *l;

	NEED(shunt_lock_open(&l, fetch_name, &o) >= 0);
	return l;
}

static void
lock_make(void)
{
	struct shunt_lock *l = lock_open();

	shunt_lock_close(&l);
}

static void *
locker(void)
{
	struct shunt_lock *l = lock_open();

	NEED(shunt_lock_acquire(l, SHUNT_NOWAIT) == 0);
	NEED(shunt_lock_release(l) == 0);
	return l;
}

static int64_t
lock_one(void *h)
{
	int e = shunt_lock_acquire(h, SHUNT_NOWAIT);

	return e < 0 ? e : shunt_lock_release(h);
}

static void *
semaphore_open(void)
{
	static const struct shunt_semaphore_options o = {
	    .sz = sizeof(o), .flags = SHUNT_SEMAPHORE_PERSISTENT, .permits = 3};
	struct shunt_semaphore *s;

	NEED(shunt_semaphore_open(&s, fetch_name, &o) >= 0);
	return s;
}

static void
semaphore_make(void)
{
	struct shunt_semaphore *s = semaphore_open();

	shunt_semaphore_close(&s);
}

static void *
permitted(void)
{
	struct shunt_semaphore *s = semaphore_open();

	NEED(shunt_semaphore_wait(s, SHUNT_NOWAIT) == 0);
	NEED(shunt_semaphore_post(s) == 0);
	return s;
}

static int64_t
permit_one(void *h)
{
	int e = shunt_semaphore_wait(h, SHUNT_NOWAIT);

	return e < 0 ? e : shunt_semaphore_post(h);
}

static void *
event_open(void)
{
	static const struct shunt_event_options o = {
	    .sz = sizeof(o), .flags = SHUNT_EVENT_PERSISTENT};
	struct shunt_event *v;

	NEED(shunt_event_open(&v, fetch_name, &o) >= 0);
	return v;
}

static void
event_make(void)
{
	struct shunt_event *v = event_open();

	shunt_event_close(&v);
}

static int64_t
event_one(void *h)
{
	int e = shunt_event_notify(h, SHUNT_EVENT_ONE);

	return e < 0 ? e : shunt_event_wait(h, SHUNT_NOWAIT);
}

const struct fetch_call fetch_locks[] = {
    {"queue-recv", queue_make, receiver, recv_one},
    {"queue-peek", queue_make, receiver, peek_one},
    {"queue-send", queue_make, sender, send_one},
    {"queue-reserve", queue_make, sender, reserve_one},
    {"lock", lock_make, locker, lock_one},
    {"semaphore", semaphore_make, permitted, permit_one},
    {"event", event_make, event_open, event_one},
    {0},
};
