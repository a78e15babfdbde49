/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "fail.h"
#include "look.h"
#include "out.h"
#include "sem.h"

/* shunt sem ls: every semaphore of the machine that has a name. */

static const char *const titles[SEM_COLUMNS] = {
    "NAME", "SORT", "FREE", "MOST", "HELD", "WAITING", "OWNER", "MODE"};
static const int right[SEM_COLUMNS] = {0, 0, 1, 1, 1, 1, 0, 0};

int
sem_list_row(struct sem_list *list, const char *const *values)
{
	void *rows =
	    realloc(list->rows, (list->count + 1) * sizeof(*list->rows));

	if (rows == NULL)
		return -ENOMEM;
	list->rows = rows;
	for (int c = 0; c < SEM_COLUMNS; c++) {
		list->rows[list->count][c] = strdup(values[c]);
		if (list->rows[list->count][c] == NULL)
			abort();
	}
	list->count++;
	return 0;
}

static int
add_ours(struct sem_list *list, const struct shunt_segment_info *info)
{
	char value[16], most[16], held[16], mode[8];
	json_t *o;

	if (list->json != NULL) {
		o = look_info_json(info);
		if (o == NULL)
			return -ENOMEM;
		json_object_set_new(o, "sort", json_string("shunt"));
		json_object_set_new(o, "value", out_json_int(info->value));
		return json_array_append_new(list->json, o) < 0 ? -ENOMEM : 0;
	}
	snprintf(value, sizeof(value), "%" PRIu32, info->value);
	snprintf(most, sizeof(most), "%" PRIu32, info->most);
	snprintf(held, sizeof(held), "%" PRIu32, info->held);
	snprintf(mode, sizeof(mode), "%04o", info->mode & 07777);
	return sem_list_row(list,
	    (const char *const[SEM_COLUMNS]){out_safe(info->name), "shunt",
		value, most, held, "-", out_safe(out_user(info->uid)), mode});
}

static int
list_ours(struct sem_list *list)
{
	struct shunt_segment_info info;
	struct shunt_scan *scan;
	int r = shunt_scan_open(&scan, NULL);

	while (r >= 0) {
		info = (struct shunt_segment_info){.sz = sizeof(info)};
		r = shunt_scan_next(scan, &info);
		if (r <= 0)
			break;
		if (info.kind == SHUNT_KIND_SEMAPHORE)
			r = add_ours(list, &info);
	}
	shunt_scan_close(&scan);
	return r;
}

static void
print_cells(char *const *cells, const int *width)
{
	for (int c = 0; c < SEM_COLUMNS - 1; c++) {
		out_cell(cells[c], right[c] ? -width[c] : width[c]);
		fputs("  ", stdout);
	}
	puts(cells[SEM_COLUMNS - 1]);
}

static void
print(const struct sem_list *list)
{
	int width[SEM_COLUMNS];
	char *head[SEM_COLUMNS];

	for (int c = 0; c < SEM_COLUMNS; c++) {
		head[c] = (char *)(uintptr_t)titles[c];
		width[c] = out_width(titles[c]);
		for (size_t i = 0; i < list->count; i++)
			if (out_width(list->rows[i][c]) > width[c])
				width[c] = out_width(list->rows[i][c]);
	}
	fputs(out_colour(OUT_BOLD), stdout);
	print_cells(head, width);
	fputs(out_colour(OUT_RESET), stdout);
	for (size_t i = 0; i < list->count; i++)
		print_cells(list->rows[i], width);
}

int
sem_list(const struct sem *s)
{
	struct sem_list list = {.json = s->json ? json_array() : NULL};
	int r = list_ours(&list), rc = CLI_DONE;

	if (r >= 0)
		r = sem_posix_list(&list);
	if (r >= 0)
		r = sem_sysv_list(&list);
	if (r < 0)
		rc = fail_cold(s->cmd, "/dev/shm", r);
	else if (s->json)
		rc = out_json(json_incref(list.json), 1) < 0 ? CLI_FAILED
							     : CLI_DONE;
	else if (list.count > 0)
		print(&list);
	else if (isatty(STDERR_FILENO) == 1)
		fputs("There are no semaphores with a name.\n", stderr);
	json_decref(list.json);
	for (size_t i = 0; i < list.count; i++)
		for (int c = 0; c < SEM_COLUMNS; c++)
			free(list.rows[i][c]);
	free(list.rows);
	return rc;
}
