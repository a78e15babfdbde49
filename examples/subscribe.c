/* SPDX-License-Identifier: MIT */
/*
 * First the last value of each publisher, then whatever is published, until
 * nothing came for a second; see publish.c.  Publishers do not wait: who is
 * too slow misses messages, and learns how many.
 */
#include <shunt.h>
#include <errno.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
	struct shunt_subscriber_options last = {
	    .sz = sizeof last, .history = 1};
	struct shunt_recv_options a_second = {
	    .sz = sizeof a_second, .wait_ns = 1000000000};
	struct shunt_topic_message info = {.sz = sizeof info};
	struct shunt_subscriber *sub;
	char msg[256];
	ssize_t n;

	if (argc != 2 || shunt_subscriber_open(&sub, argv[1], &last) < 0) {
		fprintf(stderr, "%s\n",
		    argc != 2 ? "usage: subscribe TOPIC"
			      : shunt_error_detail());
		return 1;
	}
	while ((n = shunt_subscriber_recv(
		    sub, msg, sizeof msg, &info, &a_second)) >= 0) {
		if (info.lost != 0)
			printf("(%llu lost)\n", (unsigned long long)info.lost);
		printf("%.*s\n", (int)n, msg);
		fflush(stdout);
	}
	if (n != -ETIMEDOUT)
		fprintf(stderr, "%s: %s\n", argv[1], shunt_error_text((int)n));
	shunt_subscriber_close(&sub);
	return n != -ETIMEDOUT;
}
