/* SPDX-License-Identifier: MIT */
/*
 * Pain 13: a peer cuts the file, and who had nothing to do with it dies of
 * SIGBUS.
 * Remedy: a memfd sealed against shrinking, asked for by who receives it.  For
 * names, where no seal is: `shunt resize` refuses while anybody maps it
 * (13_truncated.sh), and docs/limits.md, "Names that anybody may cut".
 * limit: 20
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define SIZE 65536

static int pair[2];

/* Whoever has it tries to cut it under the other. */
static int
cutter(void *arg)
{
	struct shunt_segment *seg;

	(void)arg;
	NEED(shunt_segment_recv(&seg, pair[1], NULL) == 0);
	int fd = shunt_segment_fd(seg);
	NEED(ftruncate(fd, 0) == -1 && errno == EPERM);
	NEED(shunt_segment_resize(seg, 4096) == -EPERM);
	NEED(fallocate(
		 fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0);
	shunt_segment_close(&seg);
	return 0;
}

int
main(void)
{
	struct shunt_segment_options safe = {
	    .sz = sizeof(safe), .flags = SHUNT_SEGMENT_SEALED};
	struct shunt_segment *seg, *other;

	NEED(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	NEED(shunt_segment_anon(&seg, SIZE, NULL) == 0);
	/* Not sealed yet: who asks for it does not take it. */
	NEED(shunt_segment_send(seg, pair[0]) == 0);
	NEED(shunt_segment_recv(&other, pair[1], &safe) == SHUNT_E_KIND);
	NEED(other == NULL);

	NEED(shunt_segment_seal(seg, SHUNT_SEAL_SHRINK) == 0);
	NEED(shunt_segment_send(seg, pair[0]) == 0);
	NEED(peer_end(peer_start(cutter, NULL)) == 0);
	/* Every byte is still there for the innocent. */
	memset(shunt_segment_data(seg), 1, SIZE);
	NEED(shunt_segment_send(seg, pair[0]) == 0);
	NEED(shunt_segment_recv(&other, pair[1], &safe) == 0);
	NEED(((char *)shunt_segment_data(other))[SIZE - 1] == 1);
	shunt_segment_close(&other);
	shunt_segment_close(&seg);
	puts("1 passed, 0 failed, 0 skipped");
	return 0;
}
