/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "look.h"
#include "out.h"
#include "top.h"

/* A look at everything, and what is different from the look before. */

int64_t
top_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* The same thing still, not another one of that name. */
static int
by_identity(const void *va, const void *vb)
{
	const struct shunt_segment_info *a =
	    &((const struct ls_entry *)va)->info;
	const struct shunt_segment_info *b =
	    &((const struct ls_entry *)vb)->info;

	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	return strcmp(a->name, b->name);
}

static void
compare(struct top_row *row, const struct ls_entry *before, double seconds)
{
	const struct shunt_segment_info *now = &row->entry->info;

	if (before == NULL) {
		row->fresh = 1;
		return;
	}
	row->grown = (int64_t)(now->used - before->info.used);
	/* Words of others: they may go back. */
	if (now->passed > before->info.passed && seconds > 0)
		row->bytes_per_s =
		    (double)(now->passed - before->info.passed) / seconds;
	if (now->sent > before->info.sent && seconds > 0)
		row->messages_per_s =
		    (double)(now->sent - before->info.sent) / seconds;
	if (now->dropped > before->info.dropped)
		row->dropped = now->dropped - before->info.dropped;
}

int
top_look(struct top *top)
{
	struct ls_list before = top->list;
	int64_t began = top_now();
	double seconds = (double)(began - top->looked_ns) / 1e9;
	struct top_row *rows;
	int r;

	top->list = (struct ls_list){0};
	r = ls_collect(&top->list, &top->wanted);
	rows = calloc(top->list.count + 1, sizeof(*rows));
	if (r == 0 && rows == NULL)
		r = -ENOMEM;
	if (r < 0) {
		free(rows);
		ls_free(&top->list);
		top->list = before;
		return r;
	}
	if (top->list.count > 1)
		qsort(top->list.entries, top->list.count,
		    sizeof(top->list.entries[0]), by_identity);
	for (size_t i = 0; i < top->list.count; i++) {
		const struct ls_entry *e = &top->list.entries[i];

		rows[i].entry = e;
		compare(&rows[i],
		    before.count == 0 ? NULL
				      : bsearch(e, before.entries, before.count,
					    sizeof(*e), by_identity),
		    seconds);
	}
	free(top->rows);
	ls_free(&before);
	top->rows = rows;
	top->looked_ns = began;
	top->took_ns = top_now() - began;
	top->looks++;
	top_sort(top);
	return 0;
}

static uint32_t sort_key;

static int
less(uint64_t a, uint64_t b)
{
	return a > b ? -1 : a < b;
}

/* Of a stream only its bytes are known. */
static int
by_rate(const struct top_row *a, const struct top_row *b)
{
	int r = less((uint64_t)a->messages_per_s, (uint64_t)b->messages_per_s);

	return r != 0
		   ? r
		   : less((uint64_t)a->bytes_per_s, (uint64_t)b->bytes_per_s);
}

static int
by_key(const void *va, const void *vb)
{
	const struct top_row *a = va, *b = vb;
	const struct shunt_segment_info *ia = &a->entry->info;
	const struct shunt_segment_info *ib = &b->entry->info;
	int r = 0;

	if (sort_key == TOP_RATE)
		r = by_rate(a, b);
	else if (sort_key == TOP_SIZE)
		r = less(ia->size, ib->size);
	else if (sort_key == TOP_USERS)
		r = less(ls_users(ia, &(int){0}), ls_users(ib, &(int){0}));
	if (r == 0 && sort_key != TOP_NAME)
		r = less(ia->used, ib->used);
	return r != 0 ? r : strcmp(ia->name, ib->name);
}

void
top_sort(struct top *top)
{
	size_t n = top->list.count;

	sort_key = top->key;
	if (n > 1)
		qsort(top->rows, n, sizeof(top->rows[0]), by_key);
	for (size_t i = 0; top->reverse && i < n / 2; i++) {
		struct top_row row = top->rows[i];

		top->rows[i] = top->rows[n - 1 - i];
		top->rows[n - 1 - i] = row;
	}
}

struct top_sum
top_sum(const struct top *top)
{
	struct top_sum sum = {0};

	for (size_t i = 0; i < top->list.count; i++) {
		const struct shunt_segment_info *info =
		    &top->rows[i].entry->info;

		sum.size += info->size;
		sum.used += info->used;
		sum.live += info->state == SHUNT_STATE_LIVE;
		sum.orphans += info->state == SHUNT_STATE_ORPHAN;
		sum.bytes_per_s += top->rows[i].bytes_per_s;
	}
	return sum;
}

const char *
top_rate(const struct top *top, const struct top_row *row)
{
	static char text[4][24];
	static unsigned turn;
	char *out = text[turn++ % 4];

	if (!look_has_lanes(row->entry->info.kind))
		return "-";
	if (row->fresh && top->looks < 2)
		return "?"; /* a rate takes two looks */
	/* Of bytes nobody knows where one message ends. */
	if (row->entry->info.kind == SHUNT_KIND_STREAM)
		snprintf(out, sizeof(text[0]), "%sB",
		    out_size((uint64_t)row->bytes_per_s));
	else if (row->messages_per_s < 10000)
		snprintf(out, sizeof(text[0]), "%.0f", row->messages_per_s);
	else if (row->messages_per_s < 1e6)
		snprintf(
		    out, sizeof(text[0]), "%.1fk", row->messages_per_s / 1e3);
	else
		snprintf(
		    out, sizeof(text[0]), "%.2fM", row->messages_per_s / 1e6);
	return out;
}

const char *
top_grown(const struct top_row *row)
{
	static char text[4][24];
	static unsigned turn;
	char *out = text[turn++ % 4];

	if (row->grown == 0)
		return "";
	snprintf(out, sizeof(text[0]), "%c%s", row->grown < 0 ? '-' : '+',
	    out_size((uint64_t)(row->grown < 0 ? -row->grown : row->grown)));
	return out;
}

void
top_free(struct top *top)
{
	free(top->rows);
	ls_free(&top->list);
}
