/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ls.h"
#include "out.h"

/* Rows and columns for people. */

#define PID_TEXT (SHUNT_TEXT_ROOM(64) + 32)
#define OTHERS   6 /* " +9999" */

static const char *const titles[LS_COLUMNS] = {"NAME", "KIND", "SIZE", "USED",
    "OWNER", "MODE", "STATE", "USERS", "AGE", "CREATOR", "PIDS"};
/* Numbers stand at the right of their column. */
static const int right[LS_COLUMNS] = {
    [LS_SIZE] = 1, [LS_USED] = 1, [LS_USERS] = 1, [LS_AGE] = 1};

/* Which columns there are, and how wide. */
struct form {
	int shown[LS_COLUMNS];
	int width[LS_COLUMNS];
	int indent;
	int screen; /* columns of the terminal; 0: none */
};

static const char *
state_colour(const struct shunt_segment_info *info)
{
	switch (info->state) {
	case SHUNT_STATE_LIVE:
		return out_colour(OUT_GREEN);
	case SHUNT_STATE_ORPHAN:
	case SHUNT_STATE_HELD:
		return out_colour(OUT_YELLOW);
	}
	return "";
}

static int
pid_text(char *to, size_t room, int64_t pid)
{
	const char *program = ls_program(pid, 0);

	snprintf(to, room, "%" PRId64 "(%s)", pid,
	    program != NULL ? out_safe(program) : "?");
	return out_width(to);
}

/* Who has it, as many as there is room for; a program gets all of them. */
static void
print_pids(const struct form *f, const struct ls_entry *e, int room)
{
	char text[PID_TEXT];
	size_t i;

	for (i = 0; i < e->npids; i++) {
		room -= pid_text(text, sizeof(text), e->pids[i]) + (i > 0);
		/* How many others has to find room behind all but the last. */
		if (f->screen > 0 && i > 0 &&
		    room < (i + 1 < e->npids ? OTHERS : 0))
			break;
		printf("%s%s", i > 0 ? " " : "", text);
	}
	if (i < e->npids)
		printf(" +%zu", e->npids - i);
	puts(e->npids == 0 ? "-" : "");
}

static int
print_cells(const struct form *f, const struct ls_entry *e)
{
	char text[LS_CELL];
	int used = f->indent;

	for (int c = 0; c < LS_PIDS; c++) {
		const char *colour =
		    c == LS_STATE ? state_colour(&e->info) : "";

		if (!f->shown[c])
			continue;
		ls_cell(text, &e->info, c);
		if (c > 0)
			fputs("  ", stdout);
		/* A name that leaves no room for the rest stands above it. */
		if (c == LS_NAME && out_width(text) > f->width[c]) {
			printf("%s\n%*s", text, f->indent, "");
			text[0] = 0;
		}
		fputs(colour, stdout);
		out_cell(text, right[c] ? -f->width[c] : f->width[c]);
		if (*colour != 0)
			fputs(out_colour(OUT_RESET), stdout);
		used += f->width[c] + 2;
	}
	return used;
}

static void
print_entry(const struct form *f, const struct ls_entry *e)
{
	int used;

	printf("%*s", f->indent, "");
	used = print_cells(f, e);
	if (f->shown[LS_PIDS]) {
		fputs("  ", stdout);
		print_pids(f, e, f->screen - used);
	} else {
		putchar('\n');
	}
}

static void
print_titles(const struct form *f)
{
	fputs(out_colour(OUT_BOLD), stdout);
	printf("%*s", f->indent, "");
	for (int c = 0; c < LS_COLUMNS; c++) {
		if (!f->shown[c])
			continue;
		if (c > 0)
			fputs("  ", stdout);
		if (c == LS_PIDS)
			fputs(titles[c], stdout);
		else
			out_cell(
			    titles[c], right[c] ? -f->width[c] : f->width[c]);
	}
	printf("%s\n", out_colour(OUT_RESET));
}

/* What a terminal leaves for the names; programs get their rows whole. */
static int
name_width(const struct form *f)
{
	int rest = f->indent, least = 12;

	if (f->screen == 0)
		return f->width[LS_NAME];
	for (int c = 1; c < LS_COLUMNS; c++)
		if (f->shown[c])
			rest += 2 + f->width[c];
	if (rest + f->width[LS_NAME] <= f->screen || f->width[LS_NAME] <= least)
		return f->width[LS_NAME];
	return f->screen - rest > least ? f->screen - rest : least;
}

/* The room that a column needs for one entry; of processes, for one of them. */
static int
need(const struct ls_entry *e, int column)
{
	char text[LS_CELL];

	if (column != LS_PIDS) {
		ls_cell(text, &e->info, column);
		return out_width(text);
	}
	return e->npids == 0 ? 1
			     : pid_text(text, PID_TEXT, e->pids[0]) +
				   (e->npids > 1 ? OTHERS : 0);
}

static void
measure(struct form *f, const struct ls_line *lines, size_t count)
{
	struct winsize size;

	if (out_terminal() && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		f->screen = size.ws_col;
	for (int c = 0; c < LS_COLUMNS; c++) {
		if (!f->shown[c])
			continue;
		f->width[c] = (int)strlen(titles[c]);
		for (size_t i = 0; i < count; i++)
			if (lines[i].entry != NULL &&
			    need(lines[i].entry, c) > f->width[c])
				f->width[c] = need(lines[i].entry, c);
	}
	f->width[LS_NAME] = name_width(f);
}

static void
print(struct form *f, const struct ls_line *lines, size_t count)
{
	measure(f, lines, count);
	print_titles(f);
	for (size_t i = 0; i < count; i++)
		if (lines[i].entry != NULL)
			print_entry(f, lines[i].entry);
		else
			printf("%s%s%s\n", out_colour(OUT_BOLD),
			    lines[i].branch, out_colour(OUT_RESET));
}

void
ls_lines(const struct ls_line *lines, size_t count, int wide)
{
	struct form f = {.indent = 2};

	/* Who has it is told by the branch. */
	for (int c = 0; c < LS_COLUMNS; c++)
		f.shown[c] = c != LS_USERS && c != LS_PIDS &&
			     (wide || (c != LS_MODE && c != LS_CREATOR));
	print(&f, lines, count);
}

void
ls_table(const struct ls_list *list, int wide)
{
	struct ls_line *lines = calloc(list->count, sizeof(*lines));
	struct form f = {0};

	if (lines == NULL)
		abort();
	for (int c = 0; c < LS_COLUMNS; c++)
		f.shown[c] =
		    wide || (c != LS_MODE && c != LS_CREATOR && c != LS_PIDS);
	for (size_t i = 0; i < list->count; i++)
		lines[i].entry = &list->entries[i];
	print(&f, lines, list->count);
	free(lines);
}
