/* SPDX-License-Identifier: MIT */
/*
 * Writer, with plain system calls: greets the reader through /my_shm and
 * prints its answer, once or as many rounds as asked for.  See
 * 5_reader_plain.c; either may start first.
 *
 * What tutorials get wrong here: one buffer for both directions, in which the
 * writer reads its own greeting back; sleep(1) between the rounds; semaphores
 * that both sides initialise, the second one over the first one's count.
 *
 * Killed with -9 it leaves a reader that waits until Ctrl-C: a semaphore does
 * not know who was to post it.  See 5_writer_shunt.c.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "5_plain.h"
#include "meet.h"
#include "tidy.h"

int
main(int argc, char **argv)
{
	int fd, rounds = argc > 1 ? atoi(argv[1]) : 1;
	struct greeting *g;

	if (argc > 2 || rounds < 1)
		errx(2, "usage: 5_writer_plain [ROUNDS]");
	fd = meet(GREETING_NAME, sizeof(*g), greeting_prepare);
	g = mmap(NULL, sizeof(*g), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (g == MAP_FAILED)
		err(1, "%s: mmap", GREETING_NAME);
	close(fd); /* the mapping stays */
	if (g->rounds != 0)
		errx(1, "%s is in use; if by nobody: rm %s", GREETING_NAME,
		    GREETING_PATH);
	tidy_on_signal(GREETING_PATH);

	g->rounds = (uint32_t)rounds;
	for (int i = 1; i <= rounds; i++) {
		snprintf(g->hello, sizeof(g->hello),
		    "Hello, reader! (%d of %d)", i, rounds);
		greeting_up(&g->greeted);
		greeting_down(&g->answered);
		printf("the reader says: %.*s\n", (int)sizeof(g->answer),
		    g->answer);
	}
	munmap(g, sizeof(*g));
	return 0;
}
