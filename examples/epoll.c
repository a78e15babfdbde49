/* SPDX-License-Identifier: MIT */
/*
 * A queue beside a terminal in one loop of epoll(7), until the input ends:
 *
 *	./epoll /epoll-example & shunt send /epoll-example 'from afar'
 *
 * The descriptor is readable when something may be there; receiving until
 * -EAGAIN empties it, and from then on senders make it readable again.
 */
#include <shunt.h>
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

static int
take_all(struct shunt_queue *queue)
{
	struct shunt_recv_options now = {
	    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
	char msg[256];
	ssize_t n;

	while ((n = shunt_queue_recv(queue, msg, sizeof msg, NULL, &now)) >= 0)
		printf("queue: %.*s\n", (int)n, msg);
	return n == -EAGAIN ? 0 : (int)n;
}

int
main(int argc, char **argv)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct shunt_queue *queue;
	int ep = epoll_create1(0), e, fd;
	char line[256];

	if (argc != 2 || shunt_queue_open(&queue, argv[1], NULL) < 0 ||
	    (fd = shunt_queue_fd(queue)) < 0) {
		fprintf(stderr, "%s\n",
		    argc != 2 ? "usage: epoll QUEUE" : shunt_error_detail());
		return 1;
	}
	event.data.fd = fd;
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
	event.data.fd = STDIN_FILENO;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
		return perror("input"), 1; /* a file is always ready */
	for (e = 0; e == 0 && epoll_wait(ep, &event, 1, -1) == 1;) {
		if (event.data.fd == fd)
			e = take_all(queue);
		else if ((e = (int)read(STDIN_FILENO, line, sizeof line)) <= 0)
			break;
		else
			e = printf("input: %.*s", e, line) < 0;
		fflush(stdout);
	}
	shunt_queue_close(&queue);
	return e != 0;
}
