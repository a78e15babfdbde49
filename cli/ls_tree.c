/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ls.h"
#include "out.h"

/*
 * The same by process: each with what it has below it, then what is had by
 * somebody who cannot be seen, of which nobody can tell, and what nobody has.
 * What several have stands below each of them.
 */

enum { UNSEEN = 1, UNTOLD = 2, NOBODY = 3 };

/* Branch and leaf: a process, or one of the three above without one. */
struct leaf {
	int64_t pid; /* 0: see `rest` */
	int rest;
	const struct ls_entry *entry;
};

struct leaves {
	struct leaf *leaf;
	size_t count;
};

static int
by_branch(const void *va, const void *vb)
{
	const struct leaf *a = va, *b = vb;

	if (a->rest != b->rest)
		return a->rest < b->rest ? -1 : 1;
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	/* Within a branch in the order of the list. */
	return a->entry < b->entry ? -1 : a->entry > b->entry;
}

static int
rest_of(const struct ls_entry *e)
{
	int more;

	if (e->info.state == SHUNT_STATE_UNKNOWN)
		return UNTOLD;
	return ls_users(&e->info, &more) > 0 ? UNSEEN : NOBODY;
}

static int
grow(struct leaves *l, const struct ls_list *list)
{
	size_t room = list->count;

	for (size_t i = 0; i < list->count; i++)
		room += list->entries[i].npids;
	l->leaf = calloc(room, sizeof(*l->leaf));
	if (l->leaf == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++) {
		const struct ls_entry *e = &list->entries[i];

		for (size_t k = 0; k < e->npids; k++)
			l->leaf[l->count++] =
			    (struct leaf){.pid = e->pids[k], .entry = e};
		if (e->npids == 0)
			l->leaf[l->count++] =
			    (struct leaf){.rest = rest_of(e), .entry = e};
	}
	qsort(l->leaf, l->count, sizeof(*l->leaf), by_branch);
	return 0;
}

static const char *
who(const struct leaf *leaf, char *to, size_t room)
{
	const char *program;

	switch (leaf->rest) {
	case UNSEEN:
		return "had by processes that cannot be seen from here";
	case UNTOLD:
		return "whether anybody has it cannot be told from here";
	case NOBODY:
		return "nobody";
	}
	program = ls_program(leaf->pid, 0);
	snprintf(to, room, "%" PRId64 " %s", leaf->pid,
	    program != NULL ? out_safe(program) : "?");
	return to;
}

/* "12 make: 3, 12M": the leaves from @first on that stand on one branch. */
static char *
branch(const struct leaves *l, size_t first)
{
	const struct leaf *b = &l->leaf[first];
	char name[SHUNT_TEXT_ROOM(64) + 24], *text;
	uint64_t used = 0;
	size_t i;

	for (i = first; i < l->count && l->leaf[i].pid == b->pid &&
			l->leaf[i].rest == b->rest;
	     i++)
		used += l->leaf[i].entry->info.used;
	if (asprintf(&text, "%s: %zu, %s in memory", who(b, name, sizeof(name)),
		i - first, out_size(used)) < 0)
		return NULL;
	return text;
}

static int
draw(const struct leaves *l, int wide)
{
	struct ls_line *lines = calloc(2 * l->count, sizeof(*lines));
	size_t n = 0;
	int r = 0;

	if (lines == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < l->count && r == 0; i++) {
		const struct leaf *leaf = &l->leaf[i], *last = leaf - 1;

		if (i == 0 || leaf->pid != last->pid ||
		    leaf->rest != last->rest) {
			lines[n].branch = branch(l, i);
			r = lines[n++].branch == NULL ? -ENOMEM : 0;
		}
		lines[n++].entry = leaf->entry;
	}
	if (r == 0)
		ls_lines(lines, n, wide);
	for (size_t i = 0; i < n; i++)
		free(lines[i].branch);
	free(lines);
	return r;
}

int
ls_tree(const struct ls_list *list, int wide)
{
	struct leaves l = {0};
	int r = grow(&l, list);

	if (r == 0)
		r = draw(&l, wide);
	free(l.leaf);
	return r;
}
