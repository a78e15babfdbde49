/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_LINES_H
#define SHUNT_CLI_LINES_H

/* Standard input, a message a line, in bounded memory. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct lines {
	char *buf; /* room for one message and what was read behind it */
	size_t room;
	size_t max;     /* a longer message is skipped and told */
	size_t at, end; /* what of buf is not yet handed out */
	int delim;
	int eof;
	uint64_t number; /* of the message handed out last, from 1 */
};

enum {
	LINES_END = -20001,     /* no more */
	LINES_LONG = -20002,    /* one over max: it was skipped */
	LINES_STOPPED = -20003, /* a signal asked to stop */
	LINES_CUT = -20004,     /* it ends within a message; see framing.h */
};

/* 0 or -ENOMEM. */
int lines_open(struct lines *lines, size_t max, int delim);

/*
 * The next message without its delimiter; a last one without delimiter counts
 * too.  Returns its length, LINES_... or -errno.
 */
ssize_t lines_next(struct lines *lines, const char **line);

/* The next @len bytes, whatever they are; fewer at the end, or LINES_... or
 * -errno. */
ssize_t lines_take(struct lines *lines, size_t len, const char **bytes);
void lines_close(struct lines *lines);

/* read(2) of standard input that a stop signal ends: LINES_STOPPED. */
ssize_t lines_read(void *buf, size_t len);

#endif /* SHUNT_CLI_LINES_H */
