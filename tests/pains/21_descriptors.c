/* SPDX-License-Identifier: MIT */
/*
 * Pain 21: a descriptor for each buffer, and after a thousand of them an error
 * that speaks of anything but descriptors.
 * Remedy: any number of messages and threads over the same few descriptors,
 * and a sentence that says which limit it was.
 * limit: 20
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

static void
few_descriptors(void)
{
	struct rlimit limit = {32, 32};

	NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* Under a limit of 32, 20,000 messages through one queue. */
static int
messages(void *arg)
{
	struct shunt_queue *queue;
	int got, before;

	few_descriptors();
	NEED(shunt_queue_open(&queue, arg, NULL) == 1);
	NEED(shunt_queue_send(queue, "", 0, NULL) == 0);
	NEED(shunt_queue_recv(queue, &got, sizeof(got), NULL, NULL) == 0);
	before = test_fds();
	for (int i = 0; i < 20000; i++) {
		NEED(shunt_queue_send(queue, &i, sizeof(i), NULL) == 0);
		NEED(shunt_queue_recv(queue, &got, sizeof(got), NULL, NULL) ==
		     sizeof(got));
		NEED(got == i);
	}
	NEED(test_fds() == before);
	shunt_queue_close(&queue);
	/* Opened and closed, again and again, none is left. */
	before = test_fds();
	for (int i = 0; i < 100; i++) {
		NEED(shunt_queue_open(&queue, arg, NULL) == 1);
		shunt_queue_close(&queue);
	}
	NEED(test_fds() == before);
	return 0;
}

static int
none_left(void *arg)
{
	struct shunt_segment *seg;
	struct shunt_queue *queue;
	int fd;

	few_descriptors();
	do
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (fd >= 0);
	NEED(shunt_queue_open(&queue, arg, NULL) == -EMFILE);
	NEED(strstr(shunt_error_detail(), "open files") != NULL);
	NEED(shunt_segment_create(&seg, arg, 4096, NULL) == -EMFILE);
	NEED(strstr(shunt_error_detail(), "open files") != NULL);
	NEED(!test_there(arg));
	return 0;
}

int
main(void)
{
	const char *name = test_name("pain21");

	NEED(peer_end(peer_start(messages, (void *)name)) == 0);
	NEED(peer_end(peer_start(none_left, (void *)name)) == 0);
	puts("2 passed, 0 failed, 0 skipped");
	return 0;
}
