/* SPDX-License-Identifier: MIT */
/*
 * Two unrelated processes share a struct, with plain system calls: this one
 * fills it in and prints what the other has made of it.  See
 * 3_struct_reader_plain.c; either may start first, and either may be the
 * version with libshunt.
 *
 * What tutorials get wrong here: both sides scanf() and sleep() to take turns;
 * the struct has an int that one process sets and another polls, which neither
 * compiler nor processor keeps in order with the rest; and both unlink, or
 * neither.
 *
 * Killed with -9 in the middle, the pair leaves the name: the next writer says
 * so, and `rm /dev/shm/shm-demo` puts it right.
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
	if (demo->stage != EMPTY)
		errx(1, "%s is in use; if by nobody: rm %s", DEMO_NAME,
		    DEMO_PATH);
	tidy_on_signal(DEMO_PATH);

	demo->number = 21;
	demo->reading = 36.6;
	snprintf(
	    demo->text, sizeof(demo->text), "What is twice %d?", demo->number);
	demo_reach(demo, FILLED);

	demo_await(demo, ANSWERED);
	printf("the reader says %d: %.*s\n", demo->number,
	    (int)sizeof(demo->text), demo->text);

	munmap(demo, sizeof(*demo));
	return 0;
}
