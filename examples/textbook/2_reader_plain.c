/* SPDX-License-Identifier: MIT */
/*
 * Reader, with plain system calls: prints each block exactly once, a line
 * each, stops when the writer says that it is complete, and removes the
 * segment.
 *
 * What tutorials get wrong here: they print with %s what may have no NUL, and
 * believe any count; they poll `complete` every second, and may see it before
 * they have seen the last block.
 *
 * Killed with -9 it leaves a writer that waits.  The next reader goes on where
 * this one was: at worst it prints one block again.
 */
#include <stdio.h>
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
	int id, complete;
	struct blocks *b = attach(&id);

	blocks_end_on_signal(b);
	complete = read_blocks(b);
	/* First the key: who starts next gets a new segment.  Then the turn,
	 * for which the writer waits. */
	if (shmctl(id, IPC_RMID, NULL) < 0 && complete)
		err(1, "IPC_RMID");
	if (complete)
		blocks_pass(b, READER, WRITER);
	else
		futex_wake(&b->turn);
	shmdt(b);
	if (!complete)
		errx(1, "given up, here or on the other side");
	return 0;
}
