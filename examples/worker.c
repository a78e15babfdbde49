/* SPDX-License-Identifier: MIT */
/*
 * Takes jobs from a queue, one at a time, until it is idle for a second; any
 * number of workers share them:
 *
 *	shunt send /work-example first second
 *	./worker /work-example & ./worker /work-example
 *
 * A job is released after it is done.  Killed in the middle of it, another
 * worker gets it, and is told that somebody had begun.
 */
#include <shunt.h>
#include <errno.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
	struct shunt_recv_options a_second = {
	    .sz = sizeof(a_second), .wait_ns = 1000000000};
	struct shunt_message info = {.sz = sizeof(info)};
	struct shunt_queue *jobs;
	const void *job;
	ssize_t n;

	if (argc != 2) {
		fprintf(stderr, "usage: %s QUEUE\n", argv[0]);
		return 2;
	}
	if (shunt_queue_open(&jobs, argv[1], NULL) < 0) {
		fprintf(stderr, "%s\n", shunt_error_detail());
		return 1;
	}
	while ((n = shunt_queue_peek(jobs, &job, &info, &a_second)) >= 0) {
		printf("%s: %.*s\n",
		    info.flags & SHUNT_MESSAGE_REDELIVERED ? "done again"
							   : "done",
		    (int)n, (const char *)job);
		fflush(stdout);
		shunt_queue_release(jobs);
	}
	if (n != -ETIMEDOUT)
		fprintf(stderr, "%s: %s\n", argv[1], shunt_error_text((int)n));
	shunt_queue_close(&jobs);
	return n != -ETIMEDOUT;
}
