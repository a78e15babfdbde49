/* SPDX-License-Identifier: MIT */

/* System V message queues, private ones. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#include "bench_loops.h"
#include "peers.h"

static int ways[2] = {-1, -1};

static unsigned long
limit(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long v = 0;

	if (f != NULL) {
		if (fscanf(f, "%lu", &v) != 1)
			v = 0;
		fclose(f);
	}
	return v;
}

static const char *
lacks(const struct bench_cell *cell)
{
	static char text[80];
	unsigned long most = limit("/proc/sys/kernel/msgmax");

	if (cell->size <= most)
		return NULL;
	snprintf(text, sizeof text, "kernel.msgmax is %lu", most);
	return text;
}

static int
setup(const struct bench_cell *cell)
{
	struct msqid_ds ds;

	for (int i = 0; i < 2; i++) {
		ways[i] = msgget(IPC_PRIVATE, 0600);
		if (ways[i] < 0 || msgctl(ways[i], IPC_STAT, &ds) < 0)
			return bench_fail("msgget: %s", strerror(errno));
		ds.msg_qbytes =
		    cell->size * 4 > 131072 ? cell->size * 4 : 131072;
		/* Without the right to it, the default is what there is. */
		msgctl(ways[i], IPC_SET, &ds);
	}
	return 0;
}

static void
teardown(void)
{
	for (int i = 0; i < 2; i++) {
		msgctl(ways[i], IPC_RMID, NULL);
		ways[i] = -1;
	}
}

static int
join(struct bench_side *me)
{
	*(long *)me->buf = 1; /* the type, in front of each message */
	return 0;
}

static inline int
put(struct bench_side *me, uint64_t word)
{
	bench_stamp(me->buf + sizeof(long), me->cell.size, word);
	return msgsnd(ways[!me->producer], me->buf, me->cell.size,
		   me->cell.sleeping ? 0 : IPC_NOWAIT) == 0
		   ? 0
		   : bench_errno("msgsnd");
}

static inline int
get(struct bench_side *me, uint64_t *word)
{
	ssize_t n = msgrcv(ways[me->producer], me->buf, me->cell.size + 8, 0,
	    me->cell.sleeping ? 0 : IPC_NOWAIT);

	if (n < 0 && errno == ENOMSG)
		return -EAGAIN;
	return n < 0 ? bench_errno("msgrcv")
		     : bench_check(me->buf + sizeof(long), (size_t)n,
			   me->cell.size, word);
}

BENCH_RUN(run, put, get, NULL)

const struct bench_driver peer_sysv = {
    .id = "sysv-msg",
    .what = "System V message queue",
    .can = BENCH_TRIPS | BENCH_FLOOD | BENCH_POLL | BENCH_SLEEP |
	   BENCH_FROM_MANY | BENCH_TO_MANY,
    .lacks = lacks,
    .setup = setup,
    .teardown = teardown,
    .join = join,
    .run = run,
};
