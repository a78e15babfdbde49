/* SPDX-License-Identifier: MIT */
/*
 * Pain 14: programs that work on x86 tear on ARM, for somebody forgot a fence.
 * Remedy: users never see one: what was stored before a send, a release of a
 * lock or a notify is there after the receive, the acquire, the wait.  Two
 * processes hand plain memory over by each of the three; on whatever machine
 * this runs, no word of it may be old.
 * limit: 20
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define ROUNDS 20000
#define WORDS  64

/* Plain memory, no atomic in it. */
struct page {
	unsigned long words[WORDS];
	unsigned long turn;
};

static struct page *page;
static const char *there, *back, *guard;

static void
fill(unsigned long value)
{
	for (int i = 0; i < WORDS; i++)
		page->words[i] = value;
}

static void
check(unsigned long value)
{
	for (int i = 0; i < WORDS; i++)
		NEED(page->words[i] == value);
}

static struct shunt_queue *
open_queue(const char *name)
{
	struct shunt_queue *queue;

	NEED(shunt_queue_open(&queue, name, NULL) >= 0);
	return queue;
}

/* The message says which value must stand in all of the page. */
static int
by_queue(void *arg)
{
	struct shunt_queue *in = open_queue(there), *out = open_queue(back);
	unsigned long value;

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		NEED(shunt_queue_recv(in, &value, sizeof(value), NULL, NULL) ==
		     sizeof(value));
		check(value);
		fill(value + 1);
		NEED(shunt_queue_send(out, &value, sizeof(value), NULL) == 0);
	}
	shunt_queue_close(&in);
	shunt_queue_close(&out);
	return 0;
}

static void
queues(void)
{
	struct shunt_queue *out = open_queue(there), *in = open_queue(back);
	pid_t peer = peer_start(by_queue, NULL);

	for (unsigned long i = 0; i < ROUNDS; i++) {
		unsigned long value = 2 * i;

		fill(value);
		NEED(shunt_queue_send(out, &value, sizeof(value), NULL) == 0);
		NEED(shunt_queue_recv(in, &value, sizeof(value), NULL, NULL) ==
		     sizeof(value));
		check(2 * i + 1);
	}
	NEED(peer_end(peer) == 0);
	shunt_queue_close(&out);
	shunt_queue_close(&in);
}

/* Both do the same: whoever has the lock finds the page whole. */
static int
by_lock(void *arg)
{
	struct shunt_lock *lock;

	(void)arg;
	NEED(shunt_lock_open(&lock, guard, NULL) >= 0);
	for (int i = 0; i < ROUNDS; i++) {
		NEED(shunt_lock_acquire(lock, SHUNT_FOREVER) == 0);
		check(page->turn);
		fill(++page->turn);
		NEED(shunt_lock_release(lock) == 0);
	}
	shunt_lock_close(&lock);
	return 0;
}

static void
locks(void)
{
	fill(0);
	page->turn = 0;
	pid_t peer = peer_start(by_lock, NULL);
	by_lock(NULL);
	NEED(peer_end(peer) == 0);
	NEED(page->turn == 2 * ROUNDS);
}

static int
by_event(void *arg)
{
	struct shunt_event *go;

	(void)arg;
	NEED(shunt_event_open(&go, guard, NULL) >= 0);
	NEED(shunt_event_wait(go, SHUNT_FOREVER) == 0);
	check(99);
	shunt_event_close(&go);
	return 0;
}

static void
events(void)
{
	struct shunt_event *go;

	for (int i = 0; i < 20; i++) {
		fill(0);
		NEED(shunt_event_open(&go, guard, NULL) >= 0);
		pid_t peer = peer_start(by_event, NULL);
		fill(99);
		NEED(shunt_event_notify(go, SHUNT_EVENT_ONE) == 0);
		NEED(peer_end(peer) == 0);
		shunt_event_close(&go);
	}
}

int
main(void)
{
	page = test_shared(sizeof(*page));
	there = test_name("pain14-there");
	back = test_name("pain14-back");
	guard = test_name("pain14-lock");
	queues();
	locks();
	guard = test_name("pain14-event");
	events();
	puts("3 passed, 0 failed, 0 skipped");
	return 0;
}
