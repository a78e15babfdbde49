/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "look.h"
#include "out.h"

/* shunt ls: what lies in /dev/shm, and whose it is. */

#define COLUMNS 9

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

static uint64_t
count_users(const struct shunt_segment_info *info, json_t *json)
{
	struct look_users users;
	uint64_t n;

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
	row->cell[4] = text(out_user(info->uid));
	snprintf(number, sizeof(number), "%04o", info->mode & 07777);
	row->cell[5] = text(number);
	row->cell[6] = text(look_state(info->state));
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

static int
collect(struct list *list, uint32_t kind, char **patterns, int npatterns)
{
	struct shunt_segment_info info;
	struct shunt_scan *scan;
	int r = shunt_scan_open(&scan);

	if (r < 0)
		return r;
	for (;;) {
		int match = npatterns == 0;

		info = (struct shunt_segment_info){.sz = sizeof(info)};
		r = shunt_scan_next(scan, &info);
		if (r <= 0)
			break;
		/* A name may be given with or without its slash. */
		for (int i = 0; i < npatterns && !match; i++)
			match = fnmatch(patterns[i], info.name, 0) == 0 ||
				fnmatch(patterns[i], info.name + 1, 0) == 0;
		if (!match || (kind != 0 && info.kind + 1 != kind))
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
	for (int c = 0; c < COLUMNS; c++) {
		const char *colour = c == 6 ? state_colour(state) : "";

		fputs(colour, stdout);
		if (right[c] || c < COLUMNS - 1)
			out_cell(cells[c], right[c] ? -width[c] : width[c]);
		else
			fputs(cells[c], stdout);
		if (*colour != 0)
			fputs(out_colour(OUT_RESET), stdout);
		fputs(c < COLUMNS - 1 ? "  " : "\n", stdout);
	}
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
	uint32_t kind = 0;
	int json = 0, r;
	const struct arg table[] = {
	    {'k', "kind", ARG_CHOICE, &kind, "all raw queue log"},
	    {0, "json", ARG_FLAG, &json, NULL},
	    {0},
	};
	const struct operands ops = {0, -1, "PATTERNs"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc >= 0)
		return rc;
	list.json = json ? json_array() : NULL;
	r = collect(&list, kind, argv, argc);
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
			fputs(argc > 0 || kind != 0
				  ? "Nothing in /dev/shm matches.\n"
				  : "There are no segments in /dev/shm.\n",
			    stderr);
	}
	json_decref(list.json);
	drop(&list);
	return rc;
}

/* clang-format off */
static const char help[] =
"Lists what lies in /dev/shm: objects of shunt and the raw segments of any\n"
"program.  Nothing is touched.  PATTERN is as in a shell, quoted.\n"
"\n"
"  -k, --kind=KIND   only raw, queue or log (all)\n"
"      --json        an array of objects, sizes exact\n"
"\n"
"  SIZE   as the file says        USED  memory it really takes\n"
"  STATE  live: somebody has it attached or mapped; idle: nobody has, but it\n"
"         may be meant to stay; orphan: provably nobody's any more; unknown:\n"
"         cannot be told from here\n"
"  USERS  processes that have it, as far as they can be seen\n"
"  AGE    since it was made (raw: last changed)\n"
"\n"
"Examples:\n"
"  shunt ls\n"
"  shunt ls '/build-*' --kind=raw\n"
"  shunt ls --json | jq -r '.[] | select(.state == \"orphan\").name'\n";
/* clang-format on */

const struct command command_ls = {
    .name = "ls",
    .summary = "list segments, who owns and who uses them",
    .synopsis = "[PATTERN...] [--kind=KIND] [--json]",
    .run = run,
    .help = help,
};
