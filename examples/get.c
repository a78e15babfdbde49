/* SPDX-License-Identifier: MIT */
/*
 * A stream to the output; see put.c.  The end and a writer that died before it
 * are told apart.
 */
#include <shunt.h>
#include <stdio.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct shunt_stream_reader *from;
	const void *bytes;
	ssize_t n;

	if (argc != 2 || shunt_stream_reader_open(&from, argv[1], NULL) < 0) {
		fprintf(stderr, "%s\n",
		    argc != 2 ? "usage: get STREAM > FILE"
			      : shunt_error_detail());
		return 1;
	}
	while ((n = shunt_stream_reader_peek(from, &bytes, NULL)) > 0) {
		n = write(STDOUT_FILENO, bytes, (size_t)n);
		if (n < 0) {
			perror("get"); /* what is not released stays */
			return 1;
		}
		shunt_stream_reader_release(from, (size_t)n);
	}
	if (n < 0)
		fprintf(stderr, "%s: %s\n", argv[1], shunt_error_text((int)n));
	shunt_stream_reader_release(from, 0); /* past the end, or the break */
	shunt_stream_reader_close(&from);
	return n < 0;
}
