/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "bench_loops.h"

/*
 * What others are compared with: one cache line there and one back, a copy
 * within one process, and a UNIX seqpacket socket.
 */

/* ---- bare: a line each way ---- */

struct line {
	_Alignas(128) _Atomic uint64_t turn; /* trips so far, from 1 */
	uint64_t word;
};

static struct line *lines; /* two */

static int
bare_setup(const struct bench_cell *cell)
{
	(void)cell;
	lines = mmap(NULL, 2 * sizeof(*lines), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	return lines == MAP_FAILED ? bench_fail("mmap: %s", strerror(errno))
				   : 0;
}

static void
bare_teardown(void)
{
	munmap(lines, 2 * sizeof(*lines));
}

static int
no_join(struct bench_side *me)
{
	(void)me;
	return 0;
}

/* The release pairs with the acquire in bare_recv() of the other side. */
static inline int
bare_send(struct bench_side *me, uint64_t word)
{
	struct line *to = &lines[me->index];
	uint64_t turn = atomic_load_explicit(&to->turn, memory_order_relaxed);

	to->word = word;
	atomic_store_explicit(&to->turn, turn + 1, memory_order_release);
	return 0;
}

static inline int
bare_recv(struct bench_side *me, uint64_t *word)
{
	struct line *from = &lines[!me->index];
	uint64_t turn = (uintptr_t)me->end;

	while (atomic_load_explicit(&from->turn, memory_order_acquire) == turn)
		continue;
	me->end = (void *)(uintptr_t)(turn + 1);
	*word = from->word;
	return 0;
}

BENCH_RUN(bare_run, bare_send, bare_recv, NULL)

const struct bench_driver bench_bare = {
    .id = "bare",
    .what = "one cache line each way: what the hardware takes",
    .can = BENCH_TRIPS | BENCH_POLL | BENCH_LINE | BENCH_CONTROL,
    .setup = bare_setup,
    .teardown = bare_teardown,
    .join = no_join,
    .run = bare_run,
};

/* ---- memcpy ---- */

static int
copy_join(struct bench_side *me)
{
	me->end = mmap(NULL, me->cell.size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	return me->end == MAP_FAILED ? bench_fail("mmap: %s", strerror(errno))
				     : 0;
}

static int
copy_run(struct bench_side *me)
{
	uint64_t n = 0, word;

	while (!bench_stop(me)) {
		bench_stamp(me->buf, me->cell.size, n);
		memcpy(me->end, me->buf, me->cell.size);
		if (bench_check(me->end, me->cell.size, me->cell.size, &word) ||
		    word != n++)
			return -1;
		if ((n & 15) == 0)
			bench_mark(me, n);
	}
	atomic_store(&me->seat->count, n);
	return 0;
}

const struct bench_driver bench_memcpy = {
    .id = "memcpy",
    .what = "one process, from one buffer into another",
    .can = BENCH_FLOOD | BENCH_POLL | BENCH_ONE_WAY | BENCH_CONTROL,
    .join = copy_join,
    .run = copy_run,
};

/* ---- UNIX seqpacket ---- */

static int pair[2] = {-1, -1};

static int
packet_setup(const struct bench_cell *cell)
{
	int room = (int)cell->size * 4 + 65536;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return bench_fail("socketpair: %s", strerror(errno));
	for (int i = 0; i < 2 && cell->size > 32768; i++)
		if (setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &room,
			sizeof(room)) < 0)
			setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &room,
			    sizeof(room));
	return 0;
}

static void
packet_teardown(void)
{
	close(pair[0]);
	close(pair[1]);
}

static inline int
packet_send(struct bench_side *me, uint64_t word)
{
	ssize_t n;

	bench_stamp(me->buf, me->cell.size, word);
	n = send(pair[!me->producer], me->buf, me->cell.size,
	    me->cell.sleeping ? MSG_NOSIGNAL : MSG_NOSIGNAL | MSG_DONTWAIT);
	return n >= 0 ? 0 : bench_errno("send");
}

static inline int
packet_recv(struct bench_side *me, uint64_t *word)
{
	ssize_t n = recv(pair[!me->producer], me->buf, me->cell.size + 8,
	    me->cell.sleeping ? 0 : MSG_DONTWAIT);

	if (n < 0)
		return bench_errno("recv");
	return bench_check(me->buf, (size_t)n, me->cell.size, word);
}

BENCH_RUN(packet_run, packet_send, packet_recv, NULL)

const struct bench_driver bench_seqpacket = {
    .id = "unix-seqpacket",
    .what = "a UNIX socket of whole messages, one pair for all",
    .can = BENCH_TRIPS | BENCH_FLOOD | BENCH_POLL | BENCH_SLEEP |
	   BENCH_FROM_MANY | BENCH_TO_MANY | BENCH_CONTROL,
    .setup = packet_setup,
    .teardown = packet_teardown,
    .join = no_join,
    .run = packet_run,
};
