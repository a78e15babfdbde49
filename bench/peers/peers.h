/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

/*
 * What other libraries and the kernel offer for the same job, behind the
 * drivers of `shunt bench`.  A file each; those whose library is lacking are
 * built all the same, say so in `lacks`, and measure nothing.
 */

#include "bench.h"

/* The kernel's. */
extern const struct bench_driver peer_pipe, peer_unix_stream, peer_mq,
    peer_sysv, peer_eventfd;
/* Libraries. */
extern const struct bench_driver peer_zmq, peer_nng, peer_boost, peer_ck,
    peer_qb_ring, peer_qb_ipc, peer_iceoryx;

/* What a driver without its library has for `lacks`. */
#define PEER_ABSENT(package)                                                   \
	static const char *absent(const struct bench_cell *cell)               \
	{                                                                      \
		(void)cell;                                                    \
		return package " is not on this machine";                      \
	}

/* How many messages a bounded queue is given: as many as 128 KiB hold. */
static inline unsigned
peer_depth(size_t size, unsigned least, unsigned most)
{
	size_t n = 131072 / size;

	return n < least ? least : n > most ? most : (unsigned)n;
}

/* RouDi, started by the first cell that needs it (iceoryx.c). */
void peer_iceoryx_stop(void);

/* The bars of the issue, from the rows of this run (bars.c). */
struct bar {
	const char *name, *what;
	double limit, value; /* value as a rule against a control */
	int least;           /* the limit is the least, not the most */
	int measured, ok;
	char found[160]; /* what was set against what */
};
#define BARS_MOST 48
int bars_judge(const struct bench_row *rows, const struct bench_cost *cost,
    struct bar *out);
void bars_text(const struct bar *bar, int n);
int bars_json(const struct bar *bar, int n);

#endif /* BENCH_PEERS_H */
