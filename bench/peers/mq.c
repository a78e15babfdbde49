/* SPDX-License-Identifier: MIT */

/* POSIX message queues. */

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "bench_loops.h"
#include "peers.h"

static mqd_t ways[2];

/* Root may go over the limits; others stay within, or the cell is left out. */
static mqd_t
make(const struct bench_cell *cell)
{
	struct mq_attr a = {.mq_msgsize = (long)cell->size,
	    .mq_maxmsg = (long)peer_depth(cell->size, 4, 1024)};
	int flags =
	    O_RDWR | O_CREAT | O_EXCL | (cell->sleeping ? 0 : O_NONBLOCK);
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	char name[BENCH_NAME];
	mqd_t q;

	setrlimit(RLIMIT_MSGQUEUE, &all);
	bench_name(name);
	q = mq_open(name, flags, 0600, &a);
	/* Its memory counts against RLIMIT_MSGQUEUE too. */
	while (q == (mqd_t)-1 && a.mq_maxmsg > 1) {
		a.mq_maxmsg /= 2;
		q = mq_open(name, flags, 0600, &a);
	}
	if (q != (mqd_t)-1)
		mq_unlink(name); /* the descriptors are inherited */
	return q;
}

static const char *
lacks(const struct bench_cell *cell)
{
	static char text[80];
	mqd_t q = make(cell);

	if (q != (mqd_t)-1) {
		mq_close(q);
		return NULL;
	}
	snprintf(text, sizeof text, "the limits of mq_overview(7): %s",
	    errno == EMFILE ? "RLIMIT_MSGQUEUE" : strerror(errno));
	return text;
}

static int
setup(const struct bench_cell *cell)
{
	for (int i = 0; i < 2; i++) {
		ways[i] = make(cell);
		if (ways[i] == (mqd_t)-1)
			return bench_fail("mq_open: %s", strerror(errno));
	}
	return 0;
}

static void
teardown(void)
{
	mq_close(ways[0]);
	mq_close(ways[1]);
}

static int
join(struct bench_side *me)
{
	(void)me;
	return 0;
}

static inline int
put(struct bench_side *me, uint64_t word)
{
	bench_stamp(me->buf, me->cell.size, word);
	return mq_send(ways[!me->producer], me->buf, me->cell.size, 0) == 0
		   ? 0
		   : bench_errno("mq_send");
}

static inline int
get(struct bench_side *me, uint64_t *word)
{
	ssize_t n =
	    mq_receive(ways[me->producer], me->buf, me->cell.size + 8, NULL);

	return n < 0 ? bench_errno("mq_receive")
		     : bench_check(me->buf, (size_t)n, me->cell.size, word);
}

BENCH_RUN(run, put, get, NULL)

const struct bench_driver peer_mq = {
    .id = "posix-mq",
    .what = "POSIX message queue",
    .can = BENCH_TRIPS | BENCH_FLOOD | BENCH_POLL | BENCH_SLEEP |
	   BENCH_FROM_MANY | BENCH_TO_MANY,
    .lacks = lacks,
    .setup = setup,
    .teardown = teardown,
    .join = join,
    .run = run,
};
