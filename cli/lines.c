/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lines.h"
#include "signals.h"

#define FIRST_ROOM 65536
#define LOOK_MS    200 /* a signal just before poll() is seen so much later */

ssize_t
lines_read(void *buf, size_t len)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

	for (;;) {
		int r = poll(&p, 1, LOOK_MS);

		if (signals_stopped())
			return LINES_STOPPED;
		if (r == 0 || (r < 0 && errno == EINTR))
			continue;
		ssize_t n = read(STDIN_FILENO, buf, len);
		if (n >= 0)
			return n;
		/* A terminal that is gone says EIO: no more will come. */
		if (errno == EIO && isatty(STDIN_FILENO) != 1)
			return 0;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

int
lines_open(struct lines *lines, size_t max, int delim)
{
	*lines = (struct lines){.max = max, .delim = delim, .room = FIRST_ROOM};
	lines->buf = malloc(lines->room);
	return lines->buf != NULL ? 0 : -ENOMEM;
}

/* Room for more bytes behind end: moves what is left down, or grows. */
static int
make_room(struct lines *lines)
{
	char *more;

	if (lines->at > 0) {
		memmove(
		    lines->buf, lines->buf + lines->at, lines->end - lines->at);
		lines->end -= lines->at;
		lines->at = 0;
	}
	if (lines->end < lines->room)
		return 0;
	more = realloc(lines->buf, lines->room * 2);
	if (more == NULL)
		return -ENOMEM;
	lines->buf = more;
	lines->room *= 2;
	return 0;
}

static int
fill(struct lines *lines)
{
	int r = make_room(lines);
	ssize_t n;

	if (r < 0)
		return r;
	n = lines_read(lines->buf + lines->end, lines->room - lines->end);
	if (n < 0)
		return (int)n;
	lines->eof = n == 0;
	lines->end += (size_t)n;
	return 0;
}

/* Passes over the rest of a message that is too long. */
static int
skip(struct lines *lines)
{
	for (;;) {
		char *d = memchr(lines->buf + lines->at, lines->delim,
		    lines->end - lines->at);
		int r;

		if (d != NULL) {
			lines->at = (size_t)(d - lines->buf) + 1;
			return LINES_LONG;
		}
		lines->at = lines->end;
		if (lines->eof)
			return LINES_LONG;
		r = fill(lines);
		if (r < 0)
			return r;
	}
}

ssize_t
lines_next(struct lines *lines, const char **line)
{
	size_t seen = 0; /* bytes that hold no delimiter */

	for (;;) {
		size_t have = lines->end - lines->at;
		char *start = lines->buf + lines->at;
		char *d = memchr(start + seen, lines->delim, have - seen);
		size_t len = d != NULL ? (size_t)(d - start) : have;
		int r;

		if (d != NULL || len > lines->max || lines->eof) {
			if (len == 0 && d == NULL)
				return LINES_END;
			lines->number++;
			if (len > lines->max)
				return skip(lines);
			lines->at += len + (d != NULL);
			*line = start;
			return (ssize_t)len;
		}
		seen = have;
		r = fill(lines);
		if (r < 0)
			return r;
	}
}

ssize_t
lines_take(struct lines *lines, size_t len, const char **bytes)
{
	while (lines->end - lines->at < len && !lines->eof) {
		int r = fill(lines);

		if (r < 0)
			return r;
	}
	if (len > lines->end - lines->at)
		len = lines->end - lines->at;
	*bytes = lines->buf + lines->at;
	lines->at += len;
	return (ssize_t)len;
}

void
lines_close(struct lines *lines)
{
	free(lines->buf);
	lines->buf = NULL;
}
