/* SPDX-License-Identifier: MIT */
/*
 * Answers in capitals, until nobody has asked for a second:
 *
 *	./serve /upper-example &  ./ask /upper-example 'loud words'
 *
 * Any number of these may serve, and any number of clients ask.
 */
#include <shunt.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
	struct shunt_call_options a_second = {
	    .sz = sizeof a_second, .wait_ns = 1000000000};
	struct shunt_service *service;
	const void *msg;
	void *reply;
	ssize_t n;

	if (argc != 2 || shunt_service_open(&service, argv[1], NULL) < 0) {
		fprintf(stderr, "%s\n",
		    argc != 2 ? "usage: serve SERVICE" : shunt_error_detail());
		return 1;
	}
	while ((n = shunt_service_next(service, &msg, NULL, &a_second)) >= 0) {
		if (shunt_service_reserve(service, (size_t)n, &reply) < 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			((unsigned char *)reply)[i] = (unsigned char)toupper(
			    ((const unsigned char *)msg)[i]);
		shunt_service_commit(service, 0, (size_t)n);
	}
	if (n != -ETIMEDOUT)
		fprintf(stderr, "%s: %s\n", argv[1], shunt_error_text((int)n));
	shunt_service_close(&service);
	return n != -ETIMEDOUT;
}
