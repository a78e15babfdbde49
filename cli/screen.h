/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_SCREEN_H
#define SHUNT_CLI_SCREEN_H

/*
 * The whole terminal as a screen, for watch and top: ncursesw behind a dozen
 * functions.  Built without it, screen_open() answers -ENOTSUP and the others
 * are never called.
 *
 * The terminal is put back by screen_close(), at exit() and when a signal
 * ends the program.  Call signals_catch_stop() first, and leave the loop when
 * signals_stopped().
 */

#include <stdint.h>

/*
 * How text looks.  No ink relies on the terminal being light or dark: a
 * colour stands on the terminal's own background only where it can be read on
 * both, else its background is given too.  With NO_COLOR, and on terminals
 * without colours, all of them are bold, dim, underlined or reversed.
 */
enum screen_ink {
	INK_PLAIN,
	INK_DIM,   /* offsets, zeroes, hints */
	INK_BOLD,  /* headings, names */
	INK_GOOD,  /* live */
	INK_WARN,  /* to be noticed */
	INK_BAD,   /* trouble */
	INK_BAR,   /* a title or status line, the chosen row */
	INK_HOT,   /* changed just now */
	INK_WARM,  /* changed a moment ago */
	INK_COOL,  /* changed a while ago */
	INK_KINDS, /* their number */
};

/* What screen_key() answers besides characters. */
enum screen_key {
	SCREEN_NONE = 0, /* the time is over, or a signal came */
	SCREEN_ENTER = '\n',
	SCREEN_ESCAPE = 27,
	SCREEN_UP = 0x1000,
	SCREEN_DOWN,
	SCREEN_LEFT,
	SCREEN_RIGHT,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
	SCREEN_HOME,
	SCREEN_END,
	SCREEN_ERASE,   /* backspace */
	SCREEN_RESIZED, /* draw again, in the new size */
	SCREEN_OTHER,   /* some other key */
	SCREEN_LOST,    /* the terminal is gone: end */
};

/* 1 if standard input and output are terminals: a screen makes sense. */
int screen_wanted(void);

/*
 * Takes the terminal.  0; -ENOTTY: no terminal; -ENOTSUP: built without
 * ncursesw, or a terminal that has no cursor to move (TERM=dumb).
 */
int screen_open(void);
void screen_close(void);

/* Why screen_open() said no, as the rest of a sentence. */
const char *screen_why(void);

/* The size as of the last screen_begin(). */
int screen_rows(void);
int screen_cols(void);

/* A frame: begin with an empty one, put text, show it. */
void screen_begin(void);
void screen_end(void);

/*
 * Puts @text, escaped, cut at column @limit (0: at the edge of the screen);
 * returns the column behind it.  Outside of the screen nothing is put.
 */
int screen_put(
    int row, int col, int limit, enum screen_ink ink, const char *text);

/* The same for a format whose result is cut at 1,023 bytes. */
int screen_printf(int row, int col, enum screen_ink ink, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* A row of @ink from edge to edge, with @text in it from column 0. */
void screen_bar(int row, enum screen_ink ink, const char *text);

/* The next key, waiting for at most so long; enum screen_key or a byte. */
int screen_key(int64_t wait_ns);

/*
 * Keys of a line that is typed at the bottom, such as an offset.  @text is a
 * string in @room bytes: 1 if it is finished, -1 if given up, 0 to go on.
 */
int screen_typed(char *text, int room, int key);

#endif /* SHUNT_CLI_SCREEN_H */
