/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_FOLLOW_H
#define SHUNT_CLI_FOLLOW_H

/* A file that grows, is rotated and is truncated, line by line. */

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

struct follow {
	char path[PATH_MAX];
	int fd;     /* -1: not there yet */
	off_t at;   /* what was read so far */
	char *line; /* the beginning of a line that has no end yet */
	size_t len, room;
};

/* Gets each whole line with its newline; 0 or -errno, which ends the reading.
 */
typedef int follow_line_fn(void *arg, const char *line, size_t len);

void follow_init(struct follow *f);

/*
 * Goes over to @path, from its byte @start on, or from the next line if that
 * is within one.  A file that is not there yet is read from its beginning
 * when it is.
 */
void follow_switch(struct follow *f, const char *path, off_t start);

/* Bytes of the file by name, 0 if it is not there. */
off_t follow_size(const char *path);

/* All whole lines that came since the last call; 0 or -errno. */
int follow_read(struct follow *f, follow_line_fn *fn, void *arg);

void follow_fini(struct follow *f);

#endif /* SHUNT_CLI_FOLLOW_H */
