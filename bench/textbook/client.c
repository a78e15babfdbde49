/* SPDX-License-Identifier: MIT */

/* The textbook's client: asks for messages and logs them. */

#include "common.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct textbook book;
	char message[200]; /* with pid and stamp it must fit into a slot */

	if (argc != 3 || strcmp(argv[1], "-n") != 0) {
		fprintf(stderr, "usage: client -n NAME < MESSAGES\n");
		return 2;
	}
	if (textbook_open(&book, argv[2]) < 0) {
		perror(argv[2]);
		return 1;
	}
	for (;;) {
		if (isatty(STDIN_FILENO)) {
			printf("Please type a message: ");
			fflush(stdout);
		}
		if (fgets(message, sizeof message, stdin) == NULL)
			break;
		message[strcspn(message, "\n")] = '\0';
		if (textbook_put(&book, message) < 0) {
			perror(argv[2]);
			return 1;
		}
	}
	textbook_close(&book);
	return 0;
}
