/* SPDX-License-Identifier: MIT */
/*
 * The input into a stream, at once and without a copy:
 *
 *	./get /film-example > copy &  ./put /film-example < film
 *
 * Either may start first.
 */
#include <shunt.h>
#include <stdio.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct shunt_stream_writer *to;
	ssize_t room, n = 0;
	void *at;
	int e = 0;

	if (argc != 2 || shunt_stream_writer_open(&to, argv[1], NULL) < 0) {
		fprintf(stderr, "%s\n",
		    argc != 2 ? "usage: put STREAM < FILE"
			      : shunt_error_detail());
		return 1;
	}
	while ((room = shunt_stream_writer_reserve(to, 65536, &at, NULL)) > 0) {
		n = read(STDIN_FILENO, at, (size_t)room);
		/* 0 gives the room back. */
		shunt_stream_writer_commit(to, n > 0 ? (size_t)n : 0);
		if (n <= 0)
			break;
	}
	if (n < 0)
		perror("put"); /* without its end the stream is broken */
	else
		e = room < 0 ? (int)room : shunt_stream_writer_finish(to, NULL);
	if (e < 0)
		fprintf(stderr, "%s: %s\n", argv[1], shunt_error_text(e));
	shunt_stream_writer_close(&to);
	return n < 0 || e < 0;
}
