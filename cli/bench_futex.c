/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "bench_loops.h"

/* A bare futex ping-pong: what waking a sleeper takes, and nothing else. */

struct door {
	_Alignas(128) _Atomic uint32_t turn;
	uint64_t word;
};

static struct door *doors; /* two: there, back */

static int
setup(const struct bench_cell *cell)
{
	(void)cell;
	doors = mmap(NULL, 2 * sizeof(*doors), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	return doors == MAP_FAILED ? bench_fail("mmap: %s", strerror(errno))
				   : 0;
}

static void
teardown(void)
{
	munmap(doors, 2 * sizeof(*doors));
}

static int
join(struct bench_side *me)
{
	(void)me;
	return 0;
}

/* The release pairs with the acquire in futex_recv() of the other side. */
static inline int
futex_send(struct bench_side *me, uint64_t word)
{
	struct door *to = &doors[me->index];

	to->word = word;
	atomic_fetch_add_explicit(&to->turn, 1, memory_order_release);
	syscall(SYS_futex, &to->turn, FUTEX_WAKE, 1, NULL, NULL, 0);
	return 0;
}

static inline int
futex_recv(struct bench_side *me, uint64_t *word)
{
	struct door *from = &doors[!me->index];
	uint32_t turn = (uint32_t)(uintptr_t)me->end;

	while (atomic_load_explicit(&from->turn, memory_order_acquire) == turn)
		syscall(
		    SYS_futex, &from->turn, FUTEX_WAIT, turn, NULL, NULL, 0);
	me->end = (void *)(uintptr_t)(turn + 1);
	*word = from->word;
	return 0;
}

BENCH_RUN(run, futex_send, futex_recv, NULL)

const struct bench_driver bench_futex = {
    .id = "futex",
    .what = "a bare futex each way: what waking a sleeper takes",
    .can = BENCH_TRIPS | BENCH_SLEEP | BENCH_LINE | BENCH_CONTROL,
    .setup = setup,
    .teardown = teardown,
    .join = join,
    .run = run,
};
