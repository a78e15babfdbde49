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

enum {
	NAME,
	KIND,
	SIZE,
	USED,
	OWNER,
	MODE,
	STATE,
	USERS,
	AGE,
	CREATOR,
	PIDS, /* the last: as long as it likes */
	COLUMNS
};

#define OWNER_MOST 10 /* widest user name on a terminal; else the number */
#define CELL       SHUNT_TEXT_ROOM(288)

static const char *const titles[COLUMNS] = {"NAME", "KIND", "SIZE", "USED",
    "OWNER", "MODE", "STATE", "USERS", "AGE", "CREATOR", "PIDS"};
/* Numbers stand at the right of their column. */
static const int right[COLUMNS] = {
    [SIZE] = 1, [USED] = 1, [USERS] = 1, [AGE] = 1};

/* Which columns there are, and how wide. */
struct form {
	int shown[COLUMNS];
	int width[COLUMNS];
	int indent;
	int screen; /* columns of the terminal; 0: none */
};

static void
owner_cell(char *to, uint32_t uid)
{
	const char *name = out_safe(ls_owner(uid));

	if (!out_terminal() || out_width(name) <= OWNER_MOST)
		snprintf(to, CELL, "%s", name);
	else
		snprintf(to, CELL, "%" PRIu32, uid);
}

static void
users_cell(char *to, const struct shunt_segment_info *info)
{
	int more;
	uint64_t n = ls_users(info, &more);

	if (n == 0 && info->state == SHUNT_STATE_UNKNOWN)
		snprintf(to, CELL, "?");
	else
		snprintf(to, CELL, "%" PRIu64 "%s", n, more ? "+" : "");
}

static void
creator_cell(char *to, const struct shunt_segment_info *info)
{
	const char *program = ls_creator(info);

	if (info->creator_pid <= 0)
		snprintf(to, CELL, "-");
	else if (program == NULL)
		snprintf(to, CELL, "%" PRId64, info->creator_pid);
	else
		snprintf(to, CELL, "%" PRId64 "(%s)", info->creator_pid,
		    out_safe(program));
}

static void
cell(char *to, const struct shunt_segment_info *info, int column)
{
	switch (column) {
	case NAME:
		snprintf(to, CELL, "%s", out_safe(info->name));
		break;
	case KIND:
		snprintf(to, CELL, "%s", ls_kind(info));
		break;
	case SIZE:
		snprintf(to, CELL, "%s", out_size(info->size));
		break;
	case USED:
		snprintf(to, CELL, "%s", out_size(info->used));
		break;
	case OWNER:
		owner_cell(to, info->uid);
		break;
	case MODE:
		snprintf(to, CELL, "%04o", info->mode & 07777);
		break;
	case STATE:
		snprintf(to, CELL, "%s", ls_state(info));
		break;
	case USERS:
		users_cell(to, info);
		break;
	case AGE:
		/* Of some the kernel keeps no time. */
		snprintf(to, CELL, "%s",
		    ls_since(info) != 0 ? out_age(ls_since(info)) : "-");
		break;
	case CREATOR:
		creator_cell(to, info);
		break;
	}
}

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

/* Who has it, as many as there is room for; a program gets all of them. */
static void
print_pids(const struct form *f, const struct ls_entry *e, int room)
{
	char text[SHUNT_TEXT_ROOM(64) + 32];
	size_t i;

	for (i = 0; i < e->npids; i++) {
		const char *program = ls_program(e->pids[i], 0);

		snprintf(text, sizeof(text), "%s%" PRId64 "(%s)",
		    i > 0 ? " " : "", e->pids[i],
		    program != NULL ? out_safe(program) : "?");
		room -= out_width(text);
		/* "+999" has to find room behind all but the last. */
		if (f->screen > 0 && i > 0 && room < (i + 1 < e->npids ? 7 : 0))
			break;
		fputs(text, stdout);
	}
	if (i < e->npids)
		printf(" +%zu", e->npids - i);
	puts(e->npids == 0 ? "-" : "");
}

static int
print_cells(const struct form *f, const struct ls_entry *e)
{
	char text[CELL];
	int used = f->indent;

	for (int c = 0; c < PIDS; c++) {
		const char *colour = c == STATE ? state_colour(&e->info) : "";

		if (!f->shown[c])
			continue;
		cell(text, &e->info, c);
		if (c > 0)
			fputs("  ", stdout);
		/* A name that leaves no room for the rest stands above it. */
		if (c == NAME && out_width(text) > f->width[c]) {
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
	if (f->shown[PIDS]) {
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
	for (int c = 0; c < COLUMNS; c++) {
		if (!f->shown[c])
			continue;
		if (c > 0)
			fputs("  ", stdout);
		if (c == PIDS)
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
		return f->width[NAME];
	for (int c = 1; c < COLUMNS; c++)
		if (f->shown[c])
			rest += 2 + (c == PIDS ? 10 : f->width[c]);
	if (rest + f->width[NAME] <= f->screen || f->width[NAME] <= least)
		return f->width[NAME];
	return f->screen - rest > least ? f->screen - rest : least;
}

static void
measure(struct form *f, const struct ls_line *lines, size_t count)
{
	struct winsize size;
	char text[CELL];

	if (out_terminal() && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		f->screen = size.ws_col;
	for (int c = 0; c < PIDS; c++) {
		f->width[c] = f->shown[c] ? (int)strlen(titles[c]) : 0;
		for (size_t i = 0; i < count && f->shown[c]; i++) {
			if (lines[i].entry == NULL)
				continue;
			cell(text, &lines[i].entry->info, c);
			if (out_width(text) > f->width[c])
				f->width[c] = out_width(text);
		}
	}
	f->width[NAME] = name_width(f);
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
	for (int c = 0; c < COLUMNS; c++)
		f.shown[c] = c != USERS && c != PIDS &&
			     (wide || (c != MODE && c != CREATOR));
	print(&f, lines, count);
}

void
ls_table(const struct ls_list *list, int wide)
{
	struct ls_line *lines = calloc(list->count, sizeof(*lines));
	struct form f = {0};

	if (lines == NULL)
		abort();
	for (int c = 0; c < COLUMNS; c++)
		f.shown[c] = wide || (c != MODE && c != CREATOR && c != PIDS);
	for (size_t i = 0; i < list->count; i++)
		lines[i].entry = &list->entries[i];
	print(&f, lines, list->count);
	free(lines);
}
