/* SPDX-License-Identifier: MIT */
/* Asks a service once, and waits a second at most; see serve.c. */
#include <shunt.h>
#include <stdio.h>
#include <string.h>

int
main(int argc, char **argv)
{
	struct shunt_call_options a_second = {
	    .sz = sizeof a_second, .wait_ns = 1000000000};
	struct shunt_client *client;
	char reply[256];

	if (argc != 3 || shunt_client_open(&client, argv[1], NULL) < 0) {
		fprintf(stderr, "%s\n",
		    argc != 3 ? "usage: ask SERVICE TEXT"
			      : shunt_error_detail());
		return 1;
	}
	/* SHUNT_E_PEERDEAD: the server that had it died, half way or not. */
	ssize_t n = shunt_client_call(client, argv[2], strlen(argv[2]), reply,
	    sizeof reply, NULL, &a_second);
	if (n >= 0)
		printf("%.*s\n", (int)n, reply);
	else
		fprintf(stderr, "%s: %s\n", argv[1], shunt_error_text((int)n));
	shunt_client_close(&client);
	return n < 0;
}
