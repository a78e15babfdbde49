/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "ls.h"

/* What there is and is wanted, in one go through the system. */

/* Every place but files elsewhere, which nobody could list. */
#define EVERYWHERE ((1u << SHUNT_PLACES) - 1 - (1u << SHUNT_PLACE_FILE))

static int
in(uint32_t mask, const char *word, const char *words)
{
	return mask == 0 || (mask & ls_mask(word, words)) != 0;
}

static int
hit(const char *pattern, const char *name)
{
	/* A name of /dev/shm may be given with or without its slash. */
	return fnmatch(pattern, name, 0) == 0 ||
	       (name[0] == '/' && fnmatch(pattern, name + 1, 0) == 0);
}

static int
match(const struct ls_wanted *w, const struct shunt_segment_info *info)
{
	int found = w->npatterns == 0;

	if (!in(w->kinds, ls_kind(info), LS_KINDS) ||
	    !in(w->states, ls_state(info), LS_STATES))
		return 0;
	if ((w->mine || w->owner != NULL) && info->uid != w->uid)
		return 0;
	for (int i = 0; i < w->npatterns && !found; i++)
		found = hit(w->patterns[i], info->name);
	return found;
}

static struct ls_entry *
next_entry(struct ls_list *list)
{
	if (list->count == list->room) {
		size_t room = list->room == 0 ? 64 : list->room * 2;
		struct ls_entry *more =
		    realloc(list->entries, room * sizeof(*more));

		if (more == NULL)
			return NULL;
		list->entries = more;
		list->room = room;
	}
	return &list->entries[list->count];
}

static int
add_pids(struct ls_entry *e, struct shunt_scan *scan)
{
	int64_t few[16];
	int n = shunt_scan_users(scan, few, sizeof(few) / sizeof(few[0]));

	if (n <= 0)
		return n;
	e->pids = calloc((size_t)n, sizeof(*e->pids));
	if (e->pids == NULL)
		return -ENOMEM;
	e->npids = (size_t)n;
	/* They were read when the scan was opened: the number stays. */
	shunt_scan_users(scan, e->pids, e->npids);
	return 0;
}

static int
add(struct ls_list *list, const struct shunt_segment_info *info,
    struct shunt_scan *scan)
{
	struct ls_entry *e = next_entry(list);
	int r;

	if (e == NULL)
		return -ENOMEM;
	*e = (struct ls_entry){.info = *info, .at = list->count};
	r = add_pids(e, scan);
	if (r == 0)
		list->count++;
	return r;
}

static uint32_t
places(const struct ls_wanted *w)
{
	uint32_t mask = w->places;

	if (w->posix)
		mask |= 1u << SHUNT_PLACE_POSIX;
	if (w->sysv)
		mask |= 1u << SHUNT_PLACE_SYSV;
	return mask != 0 ? mask : EVERYWHERE;
}

int
ls_collect(struct ls_list *list, const struct ls_wanted *w)
{
	const struct shunt_scan_options opts = {
	    .sz = sizeof(opts), .places = places(w), .flags = SHUNT_SCAN_USERS};
	struct shunt_segment_info info;
	struct shunt_scan *scan;
	int r = shunt_scan_open(&scan, &opts);

	if (r < 0)
		return r;
	for (;;) {
		info = (struct shunt_segment_info){.sz = sizeof(info)};
		r = shunt_scan_next(scan, &info);
		if (r > 0 && match(w, &info))
			r = add(list, &info, scan) < 0 ? -ENOMEM : 1;
		if (r <= 0)
			break;
	}
	shunt_scan_close(&scan);
	return r;
}

void
ls_free(struct ls_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->entries[i].pids);
	free(list->entries);
	*list = (struct ls_list){0};
}
