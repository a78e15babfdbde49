/* SPDX-License-Identifier: MIT */
#ifndef TEXTBOOK_TEXT_H
#define TEXTBOOK_TEXT_H

/*
 * What producer and consumer agree on: a POSIX object of 4096 bytes.
 *
 *	   0  bytes    text that ends with a NUL, or fills all 4092 bytes
 *	4092  written  0: not yet; 1: the text is whole
 */

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_NAME "/textbook"
#define TEXT_PATH "/dev/shm/textbook"
#define TEXT_SIZE 4096

struct text {
	char bytes[TEXT_SIZE - 4];
	_Atomic uint32_t written;
};

_Static_assert(sizeof(struct text) == TEXT_SIZE, "what both sides map");

/* The first 64 bytes in hex. */
static inline void
text_show(const char *title, const struct text *text)
{
	printf("%s\n", title);
	for (int i = 0; i < 64; i++)
		printf("%02x%c", (unsigned char)text->bytes[i],
		    i % 16 == 15 ? '\n' : ' ');
}

#endif /* TEXTBOOK_TEXT_H */
