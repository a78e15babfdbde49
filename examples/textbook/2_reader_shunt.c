/* SPDX-License-Identifier: MIT */
/*
 * Reader, with libshunt: prints each block exactly once, a line each, stops
 * when the writer says that it is complete, and removes the segment by its
 * identifier: the key may be a newer pair's by then.
 */
#include <err.h>
#include <stdio.h>

#include <shunt.h>

#include "2_blocks.h"

/* Prints what comes: 1 when it is complete, 0 if the writer gave up. */
static int
read_blocks(struct blocks *b)
{
	while (blocks_await(b, READER)) {
		int32_t count = b->count; /* once: it is not our memory alone */

		if (b->complete)
			return 1;
		if (count < 0 || count > (int32_t)sizeof(b->buf)) {
			warnx("a block of %d bytes is none", count);
			atomic_store(&b->turn, OVER);
			return 0;
		}
		printf("%.*s\n", count, b->buf);
		fflush(stdout);
		blocks_pass(b, READER, WRITER);
	}
	return 0;
}

int
main(void)
{
	struct shunt_segment *segment;
	struct blocks *b;
	char id[32];
	int complete;

	if (shunt_segment_create(&segment, BLOCKS_NAME, sizeof(*b), NULL) < 0)
		errx(1, "%s", shunt_error_detail());
	b = shunt_segment_data(segment);
	blocks_end_on_signal(b);
	complete = read_blocks(b);
	/* First the key: who starts next gets a new segment.  Then the turn,
	 * for which the writer waits. */
	snprintf(id, sizeof(id), "sysv:id=%d", shunt_sysv_id(segment));
	if (shunt_remove(id, NULL) < 0 && complete)
		errx(1, "%s", shunt_error_detail());
	if (complete)
		blocks_pass(b, READER, WRITER);
	else
		futex_wake(&b->turn);
	shunt_segment_close(&segment);
	if (!complete)
		errx(1, "given up, here or on the other side");
	return 0;
}
