/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "out.h"
#include "watch.h"

/* shunt watch --once: the present values, of the fields or of all bytes. */

#define ROW 16

static void
row(const struct watch *w, size_t i)
{
	const unsigned char *p = w->view.bytes + i;
	size_t n = w->view.len - i < ROW ? w->view.len - i : ROW;

	printf("%s%08" PRIx64 "%s ", out_colour(OUT_CYAN), w->view.at + i,
	    out_colour(OUT_RESET));
	for (size_t k = 0; k < ROW; k++) {
		if (k == ROW / 2)
			putchar(' ');
		if (k < n)
			printf(" %02x", p[k]);
		else
			fputs("   ", stdout);
	}
	fputs("  |", stdout);
	for (size_t k = 0; k < n; k++)
		putchar(p[k] >= 0x20 && p[k] < 0x7f ? p[k] : '.');
	fputs("|\n", stdout);
}

/* Rows like the one before are one line with a star, as dump folds them. */
static void
rows(const struct watch *w)
{
	const struct view *v = &w->view;
	int folding = 0;

	for (size_t i = 0; i < v->len; i += ROW) {
		int like = i > 0 && v->len - i >= ROW &&
			   memcmp(v->bytes + i, v->bytes + i - ROW, ROW) == 0;

		if (!like)
			row(w, i);
		else if (!folding)
			puts("*");
		folding = like;
	}
	printf("%s%08" PRIx64 "%s\n", out_colour(OUT_CYAN), v->at + v->len,
	    out_colour(OUT_RESET));
}

static void
field(const struct watch *w, const struct layout_field *f)
{
	char label[LAYOUT_TEXT], text[LAYOUT_TEXT];
	size_t at;

	for (uint64_t i = 0; i < layout_cells(f) && !f->quiet; i++) {
		layout_label(f, i, label);
		if (!watch_cell(w, f, i, w->view.len, &at)) {
			printf("%s: past the end\n", label);
			break;
		}
		layout_text(f, w->view.bytes + at, text);
		printf("%s: %s\n", label, text);
	}
}

/* A field's value, or those of its elements; null is past the end. */
static json_t *
field_json(const struct watch *w, const struct layout_field *f)
{
	uint64_t cells = layout_cells(f);
	int many = f->array && f->type != LAYOUT_CHAR && f->type != LAYOUT_HEX;
	json_t *array = many ? json_array() : NULL, *value = NULL;
	size_t at;

	for (uint64_t i = 0; i < cells; i++) {
		int there = watch_cell(w, f, i, w->view.len, &at);

		value = there ? watch_cell_json(f, w->view.bytes + at)
			      : json_null();
		if (many)
			json_array_append_new(array, value);
		if (!there)
			break;
	}
	return many ? array : value;
}

static void
once_json(struct watch *w)
{
	json_t *o, *fields = json_object();

	watch_who(w);
	o = look_info_json(&w->info);
	json_object_set_new(o, "users", look_users_json(&w->users));
	for (size_t i = 0; i < w->layout.count; i++) {
		const struct layout_field *f = &w->layout.fields[i];

		if (!f->quiet)
			json_object_set_new(fields, f->name, field_json(w, f));
	}
	json_object_set_new(o, "fields", fields);
	out_json(o, 0);
}

int
watch_once(struct watch *w)
{
	uint64_t size;
	size_t n;

	watch_look(w, &n, &size);
	if (!w->file.there)
		return fail_cold(w->cmd, w->name, w->code);
	view_take(&w->view, n, NULL, NULL);
	if (w->json) {
		once_json(w);
		return CLI_DONE;
	}
	for (size_t i = 0; i < w->layout.count; i++)
		field(w, &w->layout.fields[i]);
	if (w->layout.count == 0)
		rows(w);
	return CLI_DONE;
}
