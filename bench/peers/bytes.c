/* SPDX-License-Identifier: MIT */

/* Pipes and UNIX stream sockets: bytes, of which each side knows the count. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench_loops.h"
#include "peers.h"

static int ways[2][2]; /* there, back: read end, write end */

/* All or nothing: who could pass a part waits for the rest. */
static inline int
put(int fd, const char *buf, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = write(fd, buf + at, len - at);

		if (n > 0)
			at += (size_t)n;
		else if (at == 0 || bench_errno("write") != -EAGAIN)
			return bench_errno("write");
	}
	return 0;
}

static inline int
get(int fd, char *buf, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = read(fd, buf + at, len - at);

		if (n > 0)
			at += (size_t)n;
		else if (n == 0)
			return bench_fail("the other side is gone");
		else if (at == 0 || bench_errno("read") != -EAGAIN)
			return bench_errno("read");
	}
	return 0;
}

static inline int
bytes_send(struct bench_side *me, uint64_t word)
{
	bench_stamp(me->buf, me->cell.size, word);
	return put(ways[!me->producer][1], me->buf, me->cell.size);
}

static inline int
bytes_recv(struct bench_side *me, uint64_t *word)
{
	int r = get(ways[me->producer][0], me->buf, me->cell.size);

	return r < 0 ? r
		     : bench_check(me->buf, me->cell.size, me->cell.size, word);
}

BENCH_RUN(run, bytes_send, bytes_recv, NULL)

static int
join(struct bench_side *me)
{
	(void)me;
	return 0;
}

static void
teardown(void)
{
	for (int i = 0; i < 4; i++)
		close(ways[i / 2][i % 2]);
}

static int
pipe_setup(const struct bench_cell *cell)
{
	for (int i = 0; i < 2; i++) {
		if (pipe2(ways[i],
			O_CLOEXEC | (cell->sleeping ? 0 : O_NONBLOCK)) < 0)
			return bench_fail("pipe2: %s", strerror(errno));
		fcntl(ways[i][1], F_SETPIPE_SZ, 1 << 20);
	}
	return 0;
}

static const char *
pipe_lacks(const struct bench_cell *cell)
{
	return cell->size > PIPE_BUF &&
		       (cell->producers > 1 || cell->consumers > 1)
		   ? "above PIPE_BUF bytes of several get mixed"
		   : NULL;
}

static int
unix_setup(const struct bench_cell *cell)
{
	int type = SOCK_STREAM | SOCK_CLOEXEC;

	type |= cell->sleeping ? 0 : SOCK_NONBLOCK;
	for (int i = 0; i < 2; i++)
		if (socketpair(AF_UNIX, type, 0, ways[i]) < 0)
			return bench_fail("socketpair: %s", strerror(errno));
	return 0;
}

const struct bench_driver peer_pipe = {
    .id = "pipe",
    .what = "pipe(2) of 1 MiB",
    .can = BENCH_TRIPS | BENCH_FLOOD | BENCH_POLL | BENCH_SLEEP |
	   BENCH_FROM_MANY | BENCH_TO_MANY,
    .lacks = pipe_lacks,
    .setup = pipe_setup,
    .teardown = teardown,
    .join = join,
    .run = run,
};

/* Its bytes have no borders that hold among several readers or writers. */
const struct bench_driver peer_unix_stream = {
    .id = "unix-stream",
    .what = "a UNIX stream socket",
    .can = BENCH_TRIPS | BENCH_FLOOD | BENCH_POLL | BENCH_SLEEP,
    .setup = unix_setup,
    .teardown = teardown,
    .join = join,
    .run = run,
};
