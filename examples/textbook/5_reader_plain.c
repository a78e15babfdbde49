/* SPDX-License-Identifier: MIT */
/*
 * Reader, with plain system calls: prints each greeting of the writer and
 * answers it, until the last round.
 *
 * What tutorials get wrong here: they unlink at the end, if the program comes
 * to its end.  The name is only needed to meet: with the first greeting both
 * sides are in, and it is removed.  Nothing is left behind whatever happens
 * after that, and the next pair gets memory of its own.
 *
 * Killed with -9 it leaves a writer that waits until Ctrl-C.
 */
#define _GNU_SOURCE
#include "5_plain.h"
#include "meet.h"
#include "tidy.h"

int
main(void)
{
	int fd = meet(GREETING_NAME, sizeof(struct greeting), greeting_prepare);
	struct greeting *g =
	    mmap(NULL, sizeof(*g), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (g == MAP_FAILED)
		err(1, "%s: mmap", GREETING_NAME);
	close(fd); /* the mapping stays */
	tidy_on_signal(GREETING_PATH);

	for (uint32_t i = 1; i == 1 || i <= g->rounds; i++) {
		greeting_down(&g->greeted);
		if (i == 1 && shm_unlink(GREETING_NAME) < 0)
			err(1, "%s: unlink", GREETING_NAME);
		printf(
		    "the writer says: %.*s\n", (int)sizeof(g->hello), g->hello);
		snprintf(g->answer, sizeof(g->answer),
		    "Hello, writer! (%u of %u)", i, g->rounds);
		greeting_up(&g->answered);
	}
	munmap(g, sizeof(*g));
	return 0;
}
