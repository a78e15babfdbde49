/* SPDX-License-Identifier: MIT */
/*
 * Pain 19: no descriptor to put into epoll or libuv.
 * There is none here, either.  What docs/limits.md, "A descriptor for event
 * loops", tells to do instead is tried: one thread receives and writes an
 * eventfd; the loop sleeps in epoll_wait and is never late.
 * limit: 20
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define MESSAGES 1000

static const char *name;

/* What the thread and the loop share: one message at a time. */
struct bridge {
	struct shunt_queue *queue;
	int arrived; /* eventfd: a message stands in `message` */
	int taken;   /* eventfd: the loop has it */
	int message;
};

static void *
receive(void *arg)
{
	struct bridge *b = arg;
	uint64_t one = 1;

	for (int i = 0; i < MESSAGES; i++) {
		if (shunt_queue_recv(b->queue, &b->message, sizeof(b->message),
			NULL, NULL) != sizeof(b->message))
			break;
		if (write(b->arrived, &one, sizeof(one)) != sizeof(one) ||
		    read(b->taken, &one, sizeof(one)) != sizeof(one))
			break;
		one = 1;
	}
	return NULL;
}

static int
send_all(void *arg)
{
	struct shunt_queue *queue;

	(void)arg;
	NEED(shunt_queue_open(&queue, name, NULL) == 0);
	for (int i = 0; i < MESSAGES; i++)
		NEED(shunt_queue_send(queue, &i, sizeof(i), NULL) == 0);
	shunt_queue_close(&queue);
	return 0;
}

int
main(void)
{
	struct bridge b = {.arrived = eventfd(0, EFD_CLOEXEC),
	    .taken = eventfd(0, EFD_CLOEXEC)};
	struct epoll_event event = {.events = EPOLLIN};
	int loop = epoll_create1(EPOLL_CLOEXEC);
	pthread_t thread;
	uint64_t n;

	name = test_name("pain19");
	NEED(shunt_queue_open(&b.queue, name, NULL) == 1);
	NEED(epoll_ctl(loop, EPOLL_CTL_ADD, b.arrived, &event) == 0);
	NEED(epoll_wait(loop, &event, 1, 0) == 0);
	pid_t sender = peer_start(send_all, NULL);
	NEED(pthread_create(&thread, NULL, receive, &b) == 0);
	for (int i = 0; i < MESSAGES; i++) {
		NEED(epoll_wait(loop, &event, 1, 5000) == 1);
		NEED(read(b.arrived, &n, sizeof(n)) == sizeof(n));
		NEED(b.message == i);
		n = 1;
		NEED(write(b.taken, &n, sizeof(n)) == sizeof(n));
	}
	NEED(pthread_join(thread, NULL) == 0);
	NEED(peer_end(sender) == 0);
	shunt_queue_close(&b.queue);
	puts("1 passed, 0 failed, 0 skipped");
	return 0;
}
