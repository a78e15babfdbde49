/* SPDX-License-Identifier: MIT */
/*
 * Writer, with libshunt: the same segment by the same key, so that it talks to
 * 2_reader_plain.c too.  A key that somebody has with another size is refused
 * with a sentence that names both sizes.
 *
 * It is still a raw segment: a reader that dies is not noticed.  Where that
 * matters use a queue, as 5_writer_shunt.c does; there this whole program is
 * five calls of shunt_queue_send().
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include <shunt.h>

#include "2_blocks.h"

/* Writes all of them: 1, or 0 if the reader gave up. */
static int
write_blocks(struct blocks *b)
{
	for (char letter = 'A'; letter <= 'E'; letter++) {
		if (!blocks_await(b, WRITER))
			return 0;
		b->count = sizeof(b->buf) - 1;
		memset(b->buf, letter, sizeof(b->buf) - 1);
		b->buf[sizeof(b->buf) - 1] = '\0';
		printf("%d letters %c\n", b->count, letter);
		blocks_pass(b, WRITER, READER);
	}
	if (!blocks_await(b, WRITER))
		return 0;
	b->count = 0;
	b->complete = 1;
	blocks_pass(b, WRITER, READER);
	return blocks_await(b, WRITER); /* the reader has removed the key */
}

int
main(void)
{
	struct shunt_segment *segment;
	struct blocks *b;
	char id[32];
	int done;

	if (shunt_segment_create(&segment, BLOCKS_NAME, sizeof(*b), NULL) < 0)
		errx(1, "%s", shunt_error_detail());
	b = shunt_segment_data(segment);
	if (b->turn != WRITER || b->count != 0 || b->complete)
		errx(1, "%s is in use; if by nobody: shunt rm %s", BLOCKS_NAME,
		    BLOCKS_NAME);
	blocks_end_on_signal(b);
	done = write_blocks(b);
	if (!done) { /* by both sides, so maybe gone */
		snprintf(id, sizeof(id), "sysv:id=%d", shunt_sysv_id(segment));
		shunt_remove(id, NULL);
		futex_wake(&b->turn);
	}
	shunt_segment_close(&segment);
	if (!done)
		errx(1, "given up, here or on the other side");
	return 0;
}
