/* SPDX-License-Identifier: MIT */
/*
 * Publishes each argument to all subscribers that there are:
 *
 *	./subscribe /prices-example &  ./subscribe /prices-example &
 *	./publish /prices-example 'tea 3.20' 'milk 1.10'
 */
#include <shunt.h>
#include <stdio.h>
#include <string.h>

int
main(int argc, char **argv)
{
	struct shunt_publisher *pub;
	int e = 0;

	if (argc < 2 || shunt_publisher_open(&pub, argv[1], NULL) < 0) {
		fprintf(stderr, "%s\n",
		    argc < 2 ? "usage: publish TOPIC TEXT..."
			     : shunt_error_detail());
		return 1;
	}
	for (int i = 2; i < argc && e == 0; i++)
		e = shunt_publisher_send(pub, argv[i], strlen(argv[i]), NULL);
	if (e < 0)
		fprintf(stderr, "%s: %s\n", argv[1], shunt_error_text(e));
	shunt_publisher_close(&pub);
	return e < 0;
}
