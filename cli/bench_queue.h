/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_BENCH_QUEUE_H
#define SHUNT_CLI_BENCH_QUEUE_H

/* What the drivers of the queue share (bench_queue.c, bench_batch.c). */

#include <shunt.h>

#include "bench.h"

struct bench_ends {
	struct shunt_queue *in, *out;
	struct shunt_send_options send;
	struct shunt_recv_options recv;
	void *more; /* freed when the side leaves */
};

int bench_queue_setup(const struct bench_cell *cell);
void bench_queue_teardown(void);
int bench_queue_join(struct bench_side *me);
void bench_queue_leave(struct bench_side *me);

#endif /* SHUNT_CLI_BENCH_QUEUE_H */
