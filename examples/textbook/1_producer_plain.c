/* SPDX-License-Identifier: MIT */
/*
 * Producer, with plain system calls: writes three strings, one after another,
 * into a POSIX shared memory object of 4096 bytes, and ends.  The bytes stay.
 * See 1_consumer_plain.c for the other side; either may start first, and
 * either may be the version with libshunt.
 *
 * What tutorials get wrong here: they check no result, so that a failed
 * shm_open() or mmap() becomes a crash somewhere else; they make the name
 * first and the memory after it (see meet.h); they sprintf() past the end;
 * and nothing tells the consumer when the text is whole.
 *
 * Killed with -9 half way it leaves the name, and `written` is 0: a consumer
 * waits for the next producer, which writes over it from the start.
 */
#define _GNU_SOURCE
#include <string.h>

#include "1_text.h"
#include "futex.h"
#include "meet.h"

static const char *const strings[] = {
    "Shared memory ", "is the same bytes ", "in two processes."};

/* Where the text ends after this string; it always ends with a NUL. */
static size_t
append(struct text *text, size_t at, const char *string)
{
	size_t len = strlen(string);

	if (len >= sizeof(text->bytes) - at)
		errx(1, "%s: the text does not fit", TEXT_NAME);
	memcpy(text->bytes + at, string, len + 1);
	return at + len;
}

int
main(void)
{
	int fd = meet(TEXT_NAME, TEXT_SIZE, NULL);
	struct text *text =
	    mmap(NULL, TEXT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	size_t end = 0;

	if (text == MAP_FAILED)
		err(1, "%s: mmap", TEXT_NAME);
	close(fd); /* the mapping stays */

	text_show("before:", text);
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		end = append(text, end, strings[i]);
	text_show("after:", text);

	/* A release store: who sees the 1 sees the text before it as well. */
	atomic_store_explicit(&text->written, 1, memory_order_release);
	futex_wake(&text->written);

	munmap(text, TEXT_SIZE);
	return 0;
}
