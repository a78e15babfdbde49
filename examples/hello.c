/* SPDX-License-Identifier: MIT */
/* A message to oneself: the program of the README. */
#include <shunt.h>
#include <stdio.h>

int
main(void)
{
	struct shunt_queue *jobs;
	char job[256];

	if (shunt_queue_open(&jobs, "/hello-example", NULL) < 0) {
		fprintf(stderr, "%s\n", shunt_error_detail());
		return 1;
	}
	shunt_queue_send(jobs, "hello", 5, NULL);
	ssize_t n = shunt_queue_recv(jobs, job, sizeof job, NULL, NULL);
	if (n >= 0)
		printf("%.*s\n", (int)n, job);
	shunt_queue_close(&jobs);
	return n < 0;
}
