/* SPDX-License-Identifier: MIT */
/*
 * Pain 20: a forked child ends, and its exit handlers remove the parent's
 * segment, free its locks or close what is the parent's.
 * Remedy: a child's calls on objects of its parent are refused by a code, its
 * end changes nothing, and raw memory is simply shared.
 * limit: 20
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

struct all {
	struct shunt_queue *queue;
	struct shunt_lock *lock;
	struct shunt_segment *seg;
};

static struct all *exiting;

static void
at_exit(void)
{
	shunt_queue_close(&exiting->queue);
	shunt_lock_close(&exiting->lock);
	shunt_segment_close(&exiting->seg);
}

static int
child(void *arg)
{
	struct all *all = arg;
	char c;

	NEED(shunt_queue_send(all->queue, "x", 1, NULL) == SHUNT_E_FORKED);
	NEED(shunt_queue_recv(all->queue, &c, 1, NULL, NULL) == SHUNT_E_FORKED);
	NEED(shunt_lock_release(all->lock) == SHUNT_E_FORKED);
	NEED(shunt_lock_acquire(all->lock, SHUNT_NOWAIT) == SHUNT_E_FORKED);
	strcpy(shunt_segment_data(all->seg), "the child was here");
	/* As the handler of a program that knows nothing of fork does. */
	exiting = all;
	at_exit();
	return 0;
}

int
main(void)
{
	const char *queue = test_name("pain20-queue");
	const char *lock = test_name("pain20-lock");
	const char *seg = test_name("pain20-raw");
	struct shunt_lock *second;
	struct all all;
	char text[8];

	NEED(shunt_queue_open(&all.queue, queue, NULL) == 1);
	NEED(shunt_lock_open(&all.lock, lock, NULL) == 1);
	NEED(shunt_segment_create(&all.seg, seg, 4096, NULL) == 0);
	NEED(shunt_lock_acquire(all.lock, SHUNT_NOWAIT) == 0);
	for (int i = 0; i < 3; i++)
		NEED(peer_end(peer_start(child, &all)) == 0);

	/* Names, lock and queue are as they were. */
	NEED(test_there(queue) && test_there(lock) && test_there(seg));
	NEED(shunt_lock_open(&second, lock, NULL) == 0);
	NEED(shunt_lock_acquire(second, SHUNT_NOWAIT) == -EAGAIN);
	shunt_lock_close(&second);
	NEED(shunt_queue_send(all.queue, "still", 6, NULL) == 0);
	NEED(shunt_queue_recv(all.queue, text, sizeof(text), NULL, NULL) == 6);
	NEED(strcmp(shunt_segment_data(all.seg), "the child was here") == 0);
	NEED(shunt_lock_release(all.lock) == 0);
	exiting = &all;
	at_exit();
	/* What was made by first use goes with the one who made it. */
	NEED(!test_there(queue) && !test_there(lock) && test_there(seg));
	puts("1 passed, 0 failed, 0 skipped");
	return 0;
}
