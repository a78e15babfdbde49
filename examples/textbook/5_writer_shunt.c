/* SPDX-License-Identifier: MIT */
/*
 * Writer, with libshunt: the same greetings through two queues, /my_shm to the
 * reader and one back.  What that buys:
 *
 *	Either side may be killed with -9 at any moment and started again; the
 *	conversation goes on.  A greeting is in the queue whole or not at all.
 *	A queue that nobody has, and that is empty, goes by itself.  After
 *	Ctrl-C or kill -9 it waits for the next run, which takes it over.
 *	Nothing to initialise, nothing to lock, nobody's turn.
 *
 * As no message has a fixed place there are no bytes to agree on, so this
 * pair does not talk to the plain one.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <shunt.h>

#include "5_shunt.h"

/*
 * An answer may be to a writer that was killed, or one that a killed reader
 * had sent already: those are passed over.
 */
static void
await_answer(struct shunt_queue *answers, const struct greeting *mine)
{
	struct greeting g;
	ssize_t n;

	do {
		n = shunt_queue_recv(answers, &g, sizeof(g), NULL, NULL);
		if (n < 0)
			errx(1, "%s: %s", TO_WRITER, shunt_error_text((int)n));
	} while (n != sizeof(g) || g.conversation != mine->conversation ||
		 g.round != mine->round);
	printf("the reader says: %.*s\n", (int)sizeof(g.text), g.text);
}

int
main(int argc, char **argv)
{
	int e, rounds = argc > 1 ? atoi(argv[1]) : 1;
	struct greeting g = {.rounds = (uint32_t)rounds};
	struct shunt_queue *greetings, *answers;

	if (argc > 2 || rounds < 1)
		errx(2, "usage: 5_writer_shunt [ROUNDS]");
	if (getrandom(&g.conversation, sizeof(g.conversation), 0) < 0)
		err(1, "getrandom");
	if (shunt_queue_open(&greetings, TO_READER, NULL) < 0 ||
	    shunt_queue_open(&answers, TO_WRITER, NULL) < 0)
		errx(1, "%s", shunt_error_detail());

	while (g.round++ < g.rounds) {
		snprintf(g.text, sizeof(g.text), "Hello, reader! (%u of %u)",
		    g.round, g.rounds);
		e = shunt_queue_send(greetings, &g, sizeof(g), NULL);
		if (e < 0)
			errx(1, "%s: %s", TO_READER, shunt_error_text(e));
		await_answer(answers, &g);
	}
	shunt_queue_close(&greetings);
	shunt_queue_close(&answers);
	return 0;
}
