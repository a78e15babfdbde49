/* SPDX-License-Identifier: MIT */
/*
 * Consumer, with plain system calls: maps the object read-only, waits until a
 * producer has written, shows and prints the text, unmaps, closes and unlinks.
 *
 * What tutorials get wrong here: they must be started second, or fail; they
 * map for writing what they only read; they print the bytes with %s, which
 * runs off the end of the mapping if there is no NUL; and they forget to
 * unlink, so that the next run begins with the text of the last one.
 *
 * One consumer at a time, and the next pair after this one: the design has no
 * word for "taken".  (A queue has: see 5_reader_shunt.c.)  Killed with -9 it
 * leaves the name, and the next consumer gets the text.
 */
#define _GNU_SOURCE
#include <string.h>

#include "1_text.h"
#include "futex.h"
#include "meet.h"
#include "tidy.h"

int
main(void)
{
	int fd = meet(TEXT_NAME, TEXT_SIZE, NULL);
	const struct text *text;

	tidy_on_signal(TEXT_PATH);
	text = mmap(NULL, TEXT_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	if (text == MAP_FAILED)
		err(1, "%s: mmap", TEXT_NAME);

	/* The partner of the producer's release store.  Sleeping on a word
	 * needs no right to write it. */
	while (atomic_load_explicit(&text->written, memory_order_acquire) == 0)
		futex_wait(&text->written, 0);

	text_show("seen:", text);
	printf("text: %.*s\n", (int)sizeof(text->bytes), text->bytes);

	if (munmap((void *)text, TEXT_SIZE) < 0 || close(fd) < 0)
		err(1, "%s", TEXT_NAME);
	if (shm_unlink(TEXT_NAME) < 0)
		err(1, "%s: unlink", TEXT_NAME);
	return 0;
}
