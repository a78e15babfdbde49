/* SPDX-License-Identifier: MIT */
/*
 * Writer, with plain system calls: five blocks of 1023 letters, A to E, go
 * through a buffer of 1 KiB in a System V segment.  See 2_reader_plain.c for
 * the other side; either may start first, and either may be the version with
 * libshunt.
 *
 * What tutorials get wrong here: the writer fills the buffer and sleeps a
 * second, in the hope that the reader has been there by then; a slow reader
 * misses blocks and a quick one prints them twice.  The key 0x1234 is in every
 * tutorial, so somebody else's segment may have it: the size is checked.  And
 * the segment is removed by nobody.
 *
 * Killed with -9 it leaves a reader that waits, until Ctrl-C; the segment
 * stays if there is no reader, and `ipcrm -M 0x1234` removes it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#include "2_blocks.h"

/* Made with its size and zeroed in one step: no race to be the first. */
static struct blocks *
attach(int *id)
{
	struct shmid_ds ds;
	struct blocks *b;

	*id = shmget(BLOCKS_KEY, sizeof(*b), IPC_CREAT | 0600);
	if (*id < 0 || shmctl(*id, IPC_STAT, &ds) < 0)
		err(1, "key 0x%x", BLOCKS_KEY);
	if (ds.shm_segsz != sizeof(*b))
		errx(1, "key 0x%x: it has %zu bytes: it is somebody else's",
		    BLOCKS_KEY, ds.shm_segsz);
	b = shmat(*id, NULL, 0);
	if (b == (void *)-1)
		err(1, "shmat");
	return b;
}

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
	int id, done;
	struct blocks *b = attach(&id);

	if (b->turn != WRITER || b->count != 0 || b->complete)
		errx(1, "key 0x%x is in use; if by nobody: ipcrm -M 0x%x",
		    BLOCKS_KEY, BLOCKS_KEY);
	blocks_end_on_signal(b);
	done = write_blocks(b);
	if (!done) {
		shmctl(id, IPC_RMID, NULL); /* by both sides, so maybe gone */
		futex_wake(&b->turn);
	}
	shmdt(b);
	if (!done)
		errx(1, "given up, here or on the other side");
	return 0;
}
