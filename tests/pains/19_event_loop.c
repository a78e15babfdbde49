/* SPDX-License-Identifier: MIT */
/*
 * Pain 19: no descriptor to put into epoll or libuv.
 * Remedy: each receiving end has one.  The loop sleeps in epoll_wait, receives
 * until there is nothing, and is never late; it is not woken for nothing.
 * limit: 20
 */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>

#include <shunt.h>

#include "lib/peers.h"

#define MESSAGES 1000

static const char *name;

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
	const struct shunt_recv_options now = {
	    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
	struct epoll_event event = {.events = EPOLLIN};
	int loop = epoll_create1(EPOLL_CLOEXEC), next = 0, message;
	struct shunt_queue *queue;
	ssize_t n;

	name = test_name("pain19");
	NEED(shunt_queue_open(&queue, name, NULL) == 1);
	NEED(
	    epoll_ctl(loop, EPOLL_CTL_ADD, shunt_queue_fd(queue), &event) == 0);
	NEED(shunt_queue_recv(queue, &message, sizeof(message), NULL, &now) ==
	     -EAGAIN);
	NEED(epoll_wait(loop, &event, 1, 0) == 0);
	pid_t sender = peer_start(send_all, NULL);
	while (next < MESSAGES) {
		NEED(epoll_wait(loop, &event, 1, 5000) == 1);
		while ((n = shunt_queue_recv(
			    queue, &message, sizeof(message), NULL, &now)) >= 0)
			NEED(message == next++);
		NEED(n == -EAGAIN);
	}
	NEED(peer_end(sender) == 0);
	shunt_queue_close(&queue);
	puts("1 passed, 0 failed, 0 skipped");
	return 0;
}
