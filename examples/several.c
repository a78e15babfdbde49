/* SPDX-License-Identifier: MIT */
/*
 * Waits on several queues at once, until all have been idle for a second:
 *
 *	./several /orders-example /returns-example &
 *	shunt send /returns-example 'one broken'
 */
#include <shunt.h>
#include <errno.h>
#include <stdio.h>

#define MOST 8

static void
take_all(const char *name, struct shunt_queue *queue)
{
	struct shunt_recv_options now = {
	    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
	char msg[256];
	ssize_t n;

	while ((n = shunt_queue_recv(queue, msg, sizeof msg, NULL, &now)) >= 0)
		printf("%s: %.*s\n", name, (int)n, msg);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct shunt_queue *queue[MOST] = {NULL};
	struct shunt_wait_item items[MOST];
	int n = argc - 1 < MOST ? argc - 1 : MOST, e;

	for (int i = 0; i < n; i++) {
		if (shunt_queue_open(&queue[i], argv[i + 1], NULL) < 0) {
			fprintf(stderr, "%s\n", shunt_error_detail());
			return 1;
		}
		items[i].end = shunt_queue_end(queue[i]);
	}
	while ((e = shunt_wait(items, n, 1000000000)) > 0)
		for (int i = 0; i < n; i++)
			if (items[i].ready)
				take_all(argv[i + 1], queue[i]);
	if (e != -ETIMEDOUT)
		fprintf(stderr, "%s: %s\n", argv[0], shunt_error_text(e));
	for (int i = 0; i < n; i++)
		shunt_queue_close(&queue[i]);
	return e != -ETIMEDOUT;
}
