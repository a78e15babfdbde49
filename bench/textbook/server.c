/* SPDX-License-Identifier: MIT */

/* The textbook's server: prints slots into a file until it is interrupted. */

#include "common.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct textbook book;
static volatile int stopping;

static void
stop(int sig)
{
	(void)sig;
	stopping = 1;
	sem_post(book.filled);
}

static int
usage(void)
{
	fprintf(stderr, "usage: server -n NAME -o FILE [-s]\n"
			"  -s  O_SYNC: each line is on disk before the next\n");
	return 2;
}

int
main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = stop};
	const char *name = NULL, *path = NULL;
	int c, fd, got = 1, osync = 0;

	while ((c = getopt(argc, argv, "n:o:s")) != -1)
		switch (c) {
		case 'n':
			name = optarg;
			break;
		case 'o':
			path = optarg;
			break;
		case 's':
			osync = 1;
			break;
		default:
			return usage();
		}
	if (name == NULL || path == NULL || optind != argc)
		return usage();
	fd = textbook_file(path, osync);
	if (fd < 0) {
		perror(path);
		return 1;
	}
	if (textbook_make(&book, name) < 0) {
		perror(name);
		return 1;
	}
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	while (got > 0)
		got = textbook_take(&book, fd, &stopping);
	if (got < 0)
		perror(path);
	textbook_close(&book);
	textbook_unlink(name);
	return got < 0;
}
