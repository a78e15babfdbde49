/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "screen.h"

/* What needs no ncurses; and, where that is lacking, all of it. */

int
screen_wanted(void)
{
	return isatty(STDIN_FILENO) == 1 && out_terminal();
}

int
screen_printf(int row, int col, enum screen_ink ink, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return screen_put(row, col, 0, ink, text);
}

int
screen_typed(char *text, int room, int key)
{
	size_t len = strlen(text);

	if (key == SCREEN_ENTER)
		return 1;
	if (key == SCREEN_ESCAPE)
		return -1;
	if (key == SCREEN_ERASE && len == 0)
		return -1;
	/* The bytes of a character go together. */
	while (key == SCREEN_ERASE && len > 0) {
		int within = ((unsigned char)text[--len] & 0xc0) == 0x80;

		text[len] = 0;
		if (!within)
			break;
	}
	if (key >= 0x20 && key < 0x100 && key != 0x7f && (int)len + 1 < room) {
		text[len] = (char)key;
		text[len + 1] = 0;
	}
	return 0;
}

#ifndef SHUNT_NCURSES

int
screen_open(void)
{
	return screen_wanted() ? -ENOTSUP : -ENOTTY;
}

const char *
screen_why(void)
{
	return "this shunt was built without ncursesw";
}

void
screen_close(void)
{
}

int
screen_rows(void)
{
	return 0;
}

int
screen_cols(void)
{
	return 0;
}

void
screen_begin(void)
{
}

void
screen_end(void)
{
}

int
screen_put(int row, int col, int limit, enum screen_ink ink, const char *text)
{
	(void)row, (void)limit, (void)ink, (void)text;
	return col;
}

void
screen_bar(int row, enum screen_ink ink, const char *text)
{
	(void)row, (void)ink, (void)text;
}

int
screen_key(int64_t wait_ns)
{
	(void)wait_ns;
	return SCREEN_NONE;
}

#endif
