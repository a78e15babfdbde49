/* SPDX-License-Identifier: MIT */
/*
 * The other process: prints the struct, writes its answer into it, and removes
 * the name.
 *
 * What tutorials get wrong here: they print the text with %s, though nothing
 * says that the other side has ended it with a NUL, and unlink after they have
 * answered, so that the next writer may still meet the name of this pair.
 *
 * This one unlinks first: when the writer ends the name is gone, and the next
 * pair begins with memory of its own.  What is mapped already stays until it
 * is unmapped.
 */
#define _GNU_SOURCE
#include "3_demo.h"
#include "meet.h"
#include "tidy.h"

int
main(void)
{
	int fd = meet(DEMO_NAME, sizeof(struct demo), NULL);
	struct demo *demo = mmap(
	    NULL, sizeof(*demo), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (demo == MAP_FAILED)
		err(1, "%s: mmap", DEMO_NAME);
	close(fd); /* the mapping stays */
	tidy_on_signal(DEMO_PATH);

	demo_await(demo, FILLED);
	printf("number %d, reading %.1f: %.*s\n", demo->number, demo->reading,
	    (int)sizeof(demo->text), demo->text);
	demo->number *= 2;
	snprintf(demo->text, sizeof(demo->text), "as you asked.");

	if (shm_unlink(DEMO_NAME) < 0)
		err(1, "%s: unlink", DEMO_NAME);
	demo_reach(demo, ANSWERED);

	munmap(demo, sizeof(*demo));
	return 0;
}
