/* SPDX-License-Identifier: MIT */
/*
 * Reader, with libshunt: prints each greeting and answers it, until the last
 * round.
 *
 * A greeting is released after it is answered.  Killed before that, the next
 * reader gets it again: it may be printed a second time, but it is never lost,
 * and the writer passes over a second answer.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <shunt.h>

#include "5_shunt.h"

/* Answers one greeting: 1, or 0 if it was the last one and none is there. */
static int
greet(struct shunt_queue *greetings, struct shunt_queue *answers)
{
	static struct shunt_recv_options wait = {.sz = sizeof(wait)};
	const void *message;
	struct greeting g;
	ssize_t n = shunt_queue_peek(greetings, &message, NULL, &wait);
	int e;

	if (n == -EAGAIN)
		return 0;
	if (n < 0)
		errx(1, "%s: %s", TO_READER, shunt_error_text((int)n));
	if (n != sizeof(g)) { /* somebody else's message */
		shunt_queue_release(greetings);
		return 1;
	}
	memcpy(&g, message, sizeof(g));
	printf("the writer says: %.*s\n", (int)sizeof(g.text), g.text);
	fflush(stdout);
	snprintf(g.text, sizeof(g.text), "Hello, writer! (%u of %u)", g.round,
	    g.rounds);
	e = shunt_queue_send(answers, &g, sizeof(g), NULL);
	if (e < 0)
		errx(1, "%s: %s", TO_WRITER, shunt_error_text(e));
	shunt_queue_release(greetings);
	/* After the last one another may be there already, if this one was of
	 * a writer that has been killed. */
	wait.wait_ns = g.round < g.rounds ? SHUNT_FOREVER : SHUNT_NOWAIT;
	return 1;
}

int
main(void)
{
	struct shunt_queue *greetings, *answers;

	if (shunt_queue_open(&greetings, TO_READER, NULL) < 0 ||
	    shunt_queue_open(&answers, TO_WRITER, NULL) < 0)
		errx(1, "%s", shunt_error_detail());
	while (greet(greetings, answers))
		;
	shunt_queue_close(&greetings);
	shunt_queue_close(&answers);
	return 0;
}
