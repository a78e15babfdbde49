/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "out.h"
#include "signals.h"

#define ESCAPE_PIECE 4096

int
out_terminal(void)
{
	static int known = -1;

	if (known < 0)
		known = isatty(STDOUT_FILENO) == 1;
	return known;
}

const char *
out_colour(const char *sgr)
{
	static char ring[8][12];
	static unsigned turn;
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	char *to = ring[turn++ % 8];

	if (!out_terminal() || (no != NULL && *no != 0) || term == NULL ||
	    strcmp(term, "dumb") == 0)
		return "";
	snprintf(to, sizeof(ring[0]), "\033[%sm", sgr);
	return to;
}

const char *
out_safe(const char *text)
{
	static char ring[4][SHUNT_TEXT_ROOM(1024) + 4];
	static unsigned turn;
	size_t len = strnlen(text, 1025);
	char *to = ring[turn++ % 4];
	size_t n = shunt_text_escape(to, text, len > 1024 ? 1024 : len);

	if (len > 1024)
		memcpy(to + n, "...", 4);
	return to;
}

int
out_write(const void *buf, size_t len)
{
	const char *p = buf;

	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, p, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
		/*
		 * Only a reader that reads no more lets a signal in here:
		 * what is written is written in part.
		 */
		if (len > 0 && signals_stopped())
			return -EINTR;
	}
	return 0;
}

/* Bytes at the end of @p that begin a UTF-8 character and do not end it. */
static size_t
cut_character(const unsigned char *p, size_t len)
{
	size_t back = 1;

	while (back <= 3 && back < len && (p[len - back] & 0xc0) == 0x80)
		back++;
	if (back > 3 || p[len - back] < 0xc0)
		return 0;
	size_t want = p[len - back] >= 0xf0 ? 4 : p[len - back] >= 0xe0 ? 3 : 2;
	return back < want ? back : 0;
}

int
out_write_escaped(const void *buf, size_t len)
{
	char out[SHUNT_TEXT_ROOM(ESCAPE_PIECE) + 1];
	const unsigned char *p = buf;

	while (len > 0) {
		const unsigned char *nl = memchr(p, '\n', len);
		size_t n = nl != NULL ? (size_t)(nl - p) : len, m;
		int r, ended = nl != NULL && n <= ESCAPE_PIECE;

		if (n > ESCAPE_PIECE)
			n = ESCAPE_PIECE - cut_character(p, ESCAPE_PIECE);
		m = shunt_text_escape(out, p, n);
		if (ended)
			out[m++] = '\n';
		r = out_write(out, m);
		if (r < 0)
			return r;
		p += n + (size_t)ended;
		len -= n + (size_t)ended;
	}
	return 0;
}

int
out_width(const char *text)
{
	int n = 0;

	for (; *text != 0; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

void
out_cell(const char *text, int width)
{
	int pad = abs(width) - out_width(text);

	if (pad < 0)
		pad = 0;
	if (width < 0)
		printf("%*s%s", pad, "", text);
	else
		printf("%s%*s", text, pad, "");
}
