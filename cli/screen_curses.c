/* SPDX-License-Identifier: MIT */
#ifdef SHUNT_NCURSES
#define NCURSES_WIDECHAR 1

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include <ncurses.h>
#include <term.h>

#include "out.h"
#include "screen.h"

/* The screen by ncursesw: taking the terminal, text, keys, giving it back. */

#define NS_PER_MS INT64_C(1000000)

static SCREEN *screen;
static const char *why = "";
static attr_t inks[INK_KINDS];
static short pairs[INK_KINDS];

/* For a signal that ends us: what the terminal was, what puts it back. */
static struct termios before;
static char restore[256];
static size_t restore_len;
static volatile sig_atomic_t taken;

/*
 * Only what POSIX allows in a handler: endwin() is not.  The handler before
 * this one has the last word, and its sentence is seen.
 */
static struct sigaction old_fatal[32];

static void
on_fatal(int sig)
{
	if (taken) {
		ssize_t n = write(STDOUT_FILENO, restore, restore_len);

		(void)n;
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
		taken = 0;
	}
	sigaction(sig, &old_fatal[sig], NULL);
	raise(sig);
}

static void
guard(int on)
{
	static const int sigs[] = {
	    SIGBUS, SIGSEGV, SIGABRT, SIGILL, SIGFPE, SIGQUIT};
	struct sigaction sa = {.sa_handler = on_fatal};

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		sigaction(sigs[i], on ? &sa : &old_fatal[sigs[i]],
		    on ? &old_fatal[sigs[i]] : NULL);
}

static void
add_restore(const char *capability)
{
	size_t n = capability != NULL ? strlen(capability) : 0;

	if (n < sizeof(restore) - restore_len) {
		memcpy(restore + restore_len,
		    capability != NULL ? capability : "", n);
		restore_len += n;
	}
}

static void
set_ink(enum screen_ink ink, attr_t mono, int fg, int bg, attr_t with)
{
	const char *no = getenv("NO_COLOR");
	short pair = (short)(ink + 1);

	inks[ink] = mono;
	pairs[ink] = 0;
	if ((no != NULL && *no != 0) || !has_colors() ||
	    init_pair(pair, (short)fg, (short)bg) == ERR)
		return;
	inks[ink] = with;
	pairs[ink] = pair;
}

static void
set_inks(void)
{
	if (has_colors()) {
		start_color();
		use_default_colors();
	}
	inks[INK_DIM] = A_DIM;
	inks[INK_BOLD] = A_BOLD;
	inks[INK_BAR] = A_REVERSE;
	inks[INK_COOL] = A_UNDERLINE;
	set_ink(INK_GOOD, A_BOLD, COLOR_GREEN, -1, A_BOLD);
	set_ink(INK_WARN, A_BOLD | A_UNDERLINE, COLOR_BLACK, COLOR_YELLOW, 0);
	set_ink(INK_BAD, A_REVERSE | A_BOLD, COLOR_WHITE, COLOR_RED, A_BOLD);
	set_ink(INK_HOT, A_REVERSE | A_BOLD, COLOR_BLACK, COLOR_YELLOW, 0);
	set_ink(INK_WARM, A_BOLD | A_UNDERLINE, COLOR_BLACK, COLOR_CYAN, 0);
}

/* A terminal whose cursor can be moved; newterm() alone takes a printer. */
static int
usable(void)
{
	int error = 0;

	if (setupterm(NULL, STDOUT_FILENO, &error) == ERR) {
		why = "TERM names no terminal that is known here";
		return 0;
	}
	if (cursor_address == NULL || clear_screen == NULL) {
		del_curterm(cur_term);
		why = "this terminal (see TERM) has no cursor to move";
		return 0;
	}
	restore_len = 0;
	add_restore(exit_attribute_mode);
	add_restore(cursor_normal);
	add_restore(keypad_local);
	add_restore(exit_ca_mode);
	/* newterm() takes one of its own. */
	del_curterm(cur_term);
	return 1;
}

int
screen_open(void)
{
	static int at_exit;

	if (!screen_wanted()) {
		why = "standard input and output are no terminal";
		return -ENOTTY;
	}
	if (tcgetattr(STDIN_FILENO, &before) < 0 || !usable())
		return -ENOTSUP;
	fflush(stdout);
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL) {
		why = "the terminal cannot be set up";
		return -ENOTSUP;
	}
	set_term(screen);
	taken = 1;
	guard(1);
	if (!at_exit)
		at_exit = atexit(screen_close) == 0;
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	set_inks();
	return 0;
}

const char *
screen_why(void)
{
	return why;
}

void
screen_close(void)
{
	if (screen == NULL)
		return;
	curs_set(1);
	endwin();
	taken = 0;
	guard(0);
	delscreen(screen);
	screen = NULL;
}

int
screen_rows(void)
{
	return getmaxy(stdscr);
}

int
screen_cols(void)
{
	return getmaxx(stdscr);
}

void
screen_begin(void)
{
	erase();
}

void
screen_end(void)
{
	refresh();
}

/* One character of @text into @wc; its bytes.  What cannot be shown is '?'. */
static size_t
next_char(const char *text, wchar_t *wc)
{
	mbstate_t state = {0};
	size_t n = mbrtowc(wc, text, strlen(text), &state);

	if (n == 0 || n > strlen(text)) {
		*wc = L'?';
		return 1;
	}
	if (wcwidth(*wc) < 0)
		*wc = L'?';
	return n;
}

int
screen_put(int row, int col, int limit, enum screen_ink ink, const char *text)
{
	const char *p = out_safe(text);
	int end = screen_cols();

	if (limit > 0 && limit < end)
		end = limit;
	if (row < 0 || row >= screen_rows() || col < 0)
		return col;
	attr_set(inks[ink], pairs[ink], NULL);
	while (*p != 0 && col < end) {
		wchar_t wide[2] = {0};
		size_t n = next_char(p, wide);
		int width = wcwidth(wide[0]);

		if (col + width > end)
			break;
		mvaddnwstr(row, col, wide, 1);
		col += width;
		p += n;
	}
	attr_set(A_NORMAL, 0, NULL);
	return col;
}

void
screen_bar(int row, enum screen_ink ink, const char *text)
{
	int col = screen_put(row, 0, 0, ink, text);

	for (; col < screen_cols(); col++)
		screen_put(row, col, 0, ink, " ");
}

static int
translate(int c)
{
	static const int keys[][2] = {{KEY_UP, SCREEN_UP},
	    {KEY_DOWN, SCREEN_DOWN}, {KEY_LEFT, SCREEN_LEFT},
	    {KEY_RIGHT, SCREEN_RIGHT}, {KEY_PPAGE, SCREEN_PAGE_UP},
	    {KEY_NPAGE, SCREEN_PAGE_DOWN}, {KEY_HOME, SCREEN_HOME},
	    {KEY_END, SCREEN_END}, {KEY_BACKSPACE, SCREEN_ERASE},
	    {0x7f, SCREEN_ERASE}, {'\b', SCREEN_ERASE},
	    {KEY_RESIZE, SCREEN_RESIZED}, {KEY_ENTER, SCREEN_ENTER},
	    {'\r', SCREEN_ENTER}};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (c == keys[i][0])
			return keys[i][1];
	return c < 0x100 ? c : SCREEN_OTHER;
}

/* Without this, a terminal that is gone would answer at once for ever. */
static int
lost(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&in, 1, 0) > 0 &&
	       (in.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

int
screen_key(int64_t wait_ns)
{
	int64_t ms = (wait_ns + NS_PER_MS - 1) / NS_PER_MS;
	int c;

	timeout(ms > 60000 ? 60000 : ms < 0 ? 0 : (int)ms);
	c = getch();
	if (c == ERR)
		return lost() ? SCREEN_LOST : SCREEN_NONE;
	/*
	 * Ctrl-L: somebody else wrote on the terminal.  A new size: terminals
	 * move their rows then as they like, and what was on its way to the
	 * old ones is anywhere.
	 */
	if (c == 'L' - '@' || c == KEY_RESIZE) {
		clearok(curscr, TRUE);
		return SCREEN_RESIZED;
	}
	return translate(c);
}

#else
typedef int screen_without_ncurses; /* a file must hold something */
#endif
