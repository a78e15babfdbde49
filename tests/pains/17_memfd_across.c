/* SPDX-License-Identifier: MIT */
/*
 * Pain 17: containers have each a /dev/shm and a System V of their own.
 * Remedy: a memfd handed over a socket is the same memory in all of them.
 * limit: 20
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

static int pair[2];
static const char *name;

static int
contained(void *arg)
{
	struct shunt_segment *seg;

	(void)arg;
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC) != 0)
		return 77;
	NEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	NEED(mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=64k") == 0);
	/* The name is of another world ... */
	NEED(shunt_segment_open(&seg, name, NULL) == -ENOENT);
	/* ... the descriptor is not; nor has its size to fit in there. */
	NEED(shunt_segment_recv(&seg, pair[1], NULL) == 0);
	NEED(shunt_segment_size(seg) == 1 << 20);
	char *data = shunt_segment_data(seg);
	NEED(strcmp(data, "from outside") == 0);
	strcpy(data, "from inside");
	shunt_segment_close(&seg);
	return 0;
}

int
main(void)
{
	struct shunt_segment *named, *seg;

	name = test_name("pain17");
	NEED(shunt_segment_create(&named, name, 4096, NULL) == 0);
	NEED(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	NEED(shunt_segment_anon(&seg, 1 << 20, NULL) == 0);
	char *data = shunt_segment_data(seg);
	strcpy(data, "from outside");
	NEED(shunt_segment_send(seg, pair[0]) == 0);
	int rc = peer_end(peer_start(contained, NULL));
	if (rc == 77) {
		puts("namespaces need root");
		return 77;
	}
	NEED(rc == 0);
	NEED(strcmp(data, "from inside") == 0);
	shunt_segment_close(&seg);
	shunt_segment_close(&named);
	puts("1 passed, 0 failed, 0 skipped");
	return 0;
}
