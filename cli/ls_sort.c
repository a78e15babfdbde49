/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ls.h"

/* The orders of `shunt ls`.  What is alike stays as the library told it. */

/* qsort() carries nothing along; the command has one thread. */
static uint32_t sort_key;
static int sort_turn;

static int
by_number(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* What wants to be looked at comes first. */
static uint64_t
rank(const struct shunt_segment_info *info)
{
	static const uint8_t ranks[] = {
	    [SHUNT_STATE_ORPHAN] = 0,
	    [SHUNT_STATE_HELD] = 1,
	    [SHUNT_STATE_UNKNOWN] = 3,
	    [SHUNT_STATE_IDLE] = 4,
	    [SHUNT_STATE_LIVE] = 5,
	};

	if (strcmp(ls_state(info), "dest") == 0)
		return 2;
	return info->state < sizeof(ranks) ? ranks[info->state] : 3;
}

static int
compare(const struct shunt_segment_info *a, const struct shunt_segment_info *b)
{
	char owner[40];
	int more;

	switch (sort_key) {
	case LS_BY_NAME:
		return strcmp(a->name, b->name);
	case LS_BY_SIZE:
		return by_number(b->size, a->size);
	case LS_BY_USED:
		return by_number(b->used, a->used);
	case LS_BY_AGE:
		return ls_since(a) < ls_since(b) ? -1
						 : ls_since(a) > ls_since(b);
	case LS_BY_USERS:
		return by_number(ls_users(b, &more), ls_users(a, &more));
	case LS_BY_OWNER:
		/* The second look-up may take the place of the first. */
		snprintf(owner, sizeof(owner), "%s", ls_owner(a->uid));
		return strcmp(owner, ls_owner(b->uid));
	case LS_BY_STATE:
		return by_number(rank(a), rank(b));
	}
	return 0;
}

static int
by_key(const void *va, const void *vb)
{
	const struct ls_entry *a = va, *b = vb;
	int r = compare(&a->info, &b->info);

	if (r == 0)
		r = by_number(a->at, b->at);
	return sort_turn ? -r : r;
}

void
ls_sort(struct ls_list *list, uint32_t key, int reverse)
{
	sort_key = key;
	sort_turn = reverse;
	if (list->count > 1)
		qsort(list->entries, list->count, sizeof(list->entries[0]),
		    by_key);
}
