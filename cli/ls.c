/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "look.h"
#include "out.h"

/* shunt ls: what segments there are, and whose they are. */

#define COLUMNS 9
#define STATE   6  /* column that is coloured */
#define OWNER   10 /* widest user name on a terminal; else the number */

static const char *const titles[COLUMNS] = {
    "NAME", "KIND", "SIZE", "USED", "OWNER", "MODE", "STATE", "USERS", "AGE"};
/* Numbers stand at the right of their column. */
static const int right[COLUMNS] = {0, 0, 1, 1, 0, 0, 0, 1, 1};

struct row {
	char *cell[COLUMNS];
	uint32_t state;
};

struct list {
	struct row *rows;
	size_t count;
	json_t *json; /* instead of rows, if wanted */
};

/* Which segments are wanted. */
struct wanted {
	uint32_t kind; /* 0: all; else enum shunt_kind + 1 */
	int posix, sysv;
	char **patterns;
	int npatterns;
};

static uint64_t
count_users(const struct shunt_segment_info *info, json_t *json)
{
	struct look_users users;
	uint64_t n;

	/* System V counts for itself, also those that cannot be seen. */
	if (look_sysv(info->name) && json == NULL)
		return info->attached;
	/* Looking through /proc costs: only where somebody is known to be. */
	if (info->state != SHUNT_STATE_LIVE || look_users(&users, info->name))
		n = info->senders + info->receiver;
	else {
		n = users.count;
		if (json != NULL)
			json_object_set_new(
			    json, "users", look_users_json(&users));
		look_users_free(&users);
	}
	return n;
}

static char *
text(const char *s)
{
	char *copy = strdup(s);

	if (copy == NULL)
		abort();
	return copy;
}

static char *
owner(uint32_t uid)
{
	const char *name = out_safe(out_user(uid));
	char number[16];

	if (!out_terminal() || out_width(name) <= OWNER)
		return text(name);
	snprintf(number, sizeof(number), "%" PRIu32, uid);
	return text(number);
}

static int
add_row(struct list *list, const struct shunt_segment_info *info)
{
	struct row *rows, *row;
	char number[32];

	rows = realloc(list->rows, (list->count + 1) * sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	list->rows = rows;
	row = &rows[list->count++];
	row->state = info->state;
	row->cell[0] = text(out_safe(info->name));
	row->cell[1] = text(look_kind(info->kind));
	row->cell[2] = text(out_size(info->size));
	row->cell[3] = text(out_size(info->used));
	row->cell[4] = owner(info->uid);
	snprintf(number, sizeof(number), "%04o", info->mode & 07777);
	row->cell[5] = text(number);
	row->cell[STATE] =
	    text(look_dest(info) ? "dest" : look_state(info->state));
	snprintf(number, sizeof(number), "%" PRIu64, count_users(info, NULL));
	row->cell[7] = text(info->state == SHUNT_STATE_UNKNOWN ? "?" : number);
	row->cell[8] = text(
	    out_age(info->created_ns != 0 ? info->created_ns : info->mtime_ns));
	return 0;
}

static int
add(struct list *list, const struct shunt_segment_info *info)
{
	json_t *o;

	if (list->json == NULL)
		return add_row(list, info);
	o = look_info_json(info);
	if (o == NULL)
		return -ENOMEM;
	json_object_set_new(o, "users", json_array());
	count_users(info, o);
	return json_array_append_new(list->json, o) < 0 ? -ENOMEM : 0;
}

/* A name of /dev/shm may be given with or without its slash. */
static int
match(const struct wanted *w, const struct shunt_segment_info *info)
{
	int sysv = look_sysv(info->name), hit = w->npatterns == 0;

	if ((w->posix || w->sysv) && !(sysv ? w->sysv : w->posix))
		return 0;
	if (w->kind != 0 && info->kind + 1 != w->kind)
		return 0;
	for (int i = 0; i < w->npatterns && !hit; i++)
		hit =
		    fnmatch(w->patterns[i], info->name, 0) == 0 ||
		    (!sysv && fnmatch(w->patterns[i], info->name + 1, 0) == 0);
	return hit;
}

static int
collect(struct list *list, const struct wanted *w)
{
	struct shunt_segment_info info;
	struct shunt_scan *scan;
	int r = shunt_scan_open(&scan);

	if (r < 0)
		return r;
	for (;;) {
		info = (struct shunt_segment_info){.sz = sizeof(info)};
		r = shunt_scan_next(scan, &info);
		if (r <= 0)
			break;
		if (!match(w, &info))
			continue;
		r = add(list, &info);
		if (r < 0)
			break;
	}
	shunt_scan_close(&scan);
	return r;
}

static const char *
state_colour(uint32_t state)
{
	switch (state) {
	case SHUNT_STATE_LIVE:
		return out_colour(OUT_GREEN);
	case SHUNT_STATE_ORPHAN:
		return out_colour(OUT_YELLOW);
	}
	return "";
}

static void
print_line(char *const *cells, const int *width, uint32_t state)
{
	int c = 0;

	/* A name that leaves no room for the rest stands above it. */
	if (out_width(cells[0]) > width[0]) {
		printf("%s\n%*s  ", cells[0], width[0], "");
		c = 1;
	}
	for (; c < COLUMNS; c++) {
		const char *colour = c == STATE ? state_colour(state) : "";

		fputs(colour, stdout);
		out_cell(cells[c], right[c] ? -width[c] : width[c]);
		if (*colour != 0)
			fputs(out_colour(OUT_RESET), stdout);
		fputs(c < COLUMNS - 1 ? "  " : "\n", stdout);
	}
}

/* What a terminal leaves for the names; programs get their rows whole. */
static int
name_width(const int *width)
{
	struct winsize size;
	int rest = 2 * (COLUMNS - 1), least = (int)strlen(titles[0]);

	if (!out_terminal() || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 ||
	    size.ws_col == 0)
		return width[0];
	for (int c = 1; c < COLUMNS; c++)
		rest += width[c];
	if (rest + width[0] <= size.ws_col)
		return width[0];
	return size.ws_col - rest > least ? size.ws_col - rest : least;
}

static void
print(const struct list *list)
{
	int width[COLUMNS];
	char *head[COLUMNS];

	for (int c = 0; c < COLUMNS; c++) {
		width[c] = (int)strlen(titles[c]);
		head[c] = (char *)(uintptr_t)titles[c];
		for (size_t i = 0; i < list->count; i++)
			if (out_width(list->rows[i].cell[c]) > width[c])
				width[c] = out_width(list->rows[i].cell[c]);
	}
	width[0] = name_width(width);
	fputs(out_colour(OUT_BOLD), stdout);
	print_line(head, width, SHUNT_STATE_UNKNOWN);
	fputs(out_colour(OUT_RESET), stdout);
	for (size_t i = 0; i < list->count; i++)
		print_line(list->rows[i].cell, width, list->rows[i].state);
}

static void
drop(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		for (int c = 0; c < COLUMNS; c++)
			free(list->rows[i].cell[c]);
	free(list->rows);
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct list list = {0};
	struct wanted w = {0};
	int json = 0, r;
	const struct arg table[] = {
	    {'k', "kind", ARG_CHOICE, &w.kind,
		"all raw queue log lock semaphore event"},
	    {0, "posix", ARG_FLAG, &w.posix, NULL},
	    {0, "sysv", ARG_FLAG, &w.sysv, NULL},
	    {0, "json", ARG_FLAG, &json, NULL},
	    {0},
	};
	const struct operands ops = {0, -1, "PATTERNs"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc >= 0)
		return rc;
	w.patterns = argv;
	w.npatterns = argc;
	list.json = json ? json_array() : NULL;
	r = collect(&list, &w);
	if (r < 0)
		rc = fail_cold(cmd, "/dev/shm", r);
	else if (json)
		rc = out_json(json_incref(list.json), 1) < 0 ? CLI_FAILED
							     : CLI_DONE;
	else {
		rc = CLI_DONE;
		if (list.count > 0)
			print(&list);
		else if (isatty(STDERR_FILENO) == 1)
			fputs(argc > 0 || w.kind != 0 || w.posix || w.sysv
				  ? "Nothing matches.\n"
				  : "There are no segments: /dev/shm is empty, "
				    "and so is System V.\n",
			    stderr);
	}
	json_decref(list.json);
	drop(&list);
	return rc;
}

/* clang-format off */
static const char help[] =
"Lists the segments of the machine: what lies in /dev/shm, objects of shunt and\n"
"the raw segments of any program, then those of System V.  Nothing is touched.\n"
"PATTERN is as in a shell, quoted.\n"
"\n"
"  -k, --kind=KIND   only raw, queue, log, lock, semaphore or event (all)\n"
"      --posix       only what lies in /dev/shm\n"
"      --sysv        only System V\n"
"      --json        an array of objects, sizes exact\n"
"\n"
"  NAME   /name, or sysv:KEY, sysv:id=N of one without a key\n"
"  SIZE   as the file says        USED  memory it really takes\n"
"  STATE  live: somebody has it attached or mapped; idle: nobody has, but it\n"
"         may be meant to stay; orphan: provably nobody's any more; dest:\n"
"         removed, goes with the last detach; unknown: cannot be told from here\n"
"  USERS  processes that have it, as far as they can be seen; System V: how\n"
"         often it is attached\n"
"  AGE    since it was made (raw: last changed)\n"
"\n"
"Examples:\n"
"  shunt ls\n"
"  shunt ls '/build-*' --kind=raw\n"
"  shunt ls --sysv\n"
"  shunt ls --json | jq -r '.[] | select(.state == \"orphan\").name'\n";
/* clang-format on */

const struct command command_ls = {
    .name = "ls",
    .summary = "list segments, who owns and who uses them",
    .synopsis = "[PATTERN...] [--kind=KIND] [--posix|--sysv] [--json]",
    .run = run,
    .help = help,
};
