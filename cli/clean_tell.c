/* SPDX-License-Identifier: MIT */
/* What `shunt clean` did, or would do. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clean.h"
#include "fail.h"
#include "look.h"
#include "out.h"

static const char *
word(enum clean_result result)
{
	static const char *const words[] = {"would remove", "would put back",
	    "removed", "put back", "kept", "gone", "failed"};

	return words[result];
}

static size_t
count(const struct clean_list *list, enum clean_result result)
{
	size_t n = 0;

	for (size_t i = 0; i < list->count; i++)
		n += list->items[i].result == result;
	return n;
}

/* The plan: a line each. */
static void
tell_plan(const struct clean_list *list)
{
	int name = 4, used = 4;

	for (size_t i = 0; i < list->count; i++) {
		const struct shunt_segment_info *info = &list->items[i].info;
		int w = out_width(out_safe(info->name));
		int u = out_width(out_size(info->used));

		name = w > name ? w : name;
		used = u > used ? u : used;
	}
	fputs(out_colour(OUT_BOLD), stdout);
	out_cell("NAME", name);
	printf("  %-9s  ", "KIND");
	out_cell("USED", -used);
	printf("  WHY%s\n", out_colour(OUT_RESET));
	for (size_t i = 0; i < list->count; i++) {
		const struct clean_item *item = &list->items[i];

		out_cell(out_safe(item->info.name), name);
		printf("  %-9s  ", look_kind(item->info.kind));
		out_cell(out_size(item->info.used), -used);
		printf("  %s\n", item->why);
	}
}

static void
tell_done(const struct command *cmd, const struct clean_item *item)
{
	const char *name = out_safe(item->info.name);

	switch (item->result) {
	case CLEAN_REMOVED:
		printf("%s: removed, %s\n", name, out_size(item->info.used));
		break;
	case CLEAN_PUT_BACK:
		printf(
		    "%s: a removal was cut off: its name is put back\n", name);
		break;
	case CLEAN_GONE:
		printf("%s: gone already\n", name);
		break;
	case CLEAN_KEPT:
		if (item->sentence != NULL)
			printf("kept: %s\n", item->sentence);
		else
			printf("kept: %s: %s\n", name, item->why);
		break;
	case CLEAN_WOULD:
	case CLEAN_WOULD_PUT_BACK:
		break;
	case CLEAN_FAILED:
		fail_say(cmd, "%s",
		    item->sentence != NULL ? item->sentence
					   : shunt_error_text(item->code));
	}
}

static const char *
plural(size_t n)
{
	return n == 1 ? "" : "s";
}

int
clean_tell(const struct command *cmd, const struct clean_list *list, int yes)
{
	size_t n = count(list, yes ? CLEAN_REMOVED : CLEAN_WOULD);

	if (list->count == 0) {
		puts("There is nothing to clean.");
		return CLI_DONE;
	}
	if (!yes)
		tell_plan(list);
	for (size_t i = 0; yes && i < list->count; i++)
		tell_done(cmd, &list->items[i]);
	printf("%zu segment%s, %s%s\n", n, plural(n), out_size(list->bytes),
	    yes ? " won" : ": nothing is removed yet, --yes does it");
	return count(list, CLEAN_FAILED) != 0 ? CLI_FAILED : CLI_DONE;
}

static json_t *
item_json(const struct clean_item *item)
{
	json_t *o = json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:s, s:s}",
	    "name", out_json_text(item->info.name), "kind",
	    look_kind(item->info.kind), "state", look_state(item->info.state),
	    "used", out_json_int(item->info.used), "uid",
	    out_json_int(item->info.uid), "owner",
	    out_json_text(out_user(item->info.uid)), "why", item->why, "result",
	    word(item->result));

	if (o != NULL && item->code < 0)
		json_object_set_new(
		    o, "error", json_string(shunt_error_name(item->code)));
	if (o != NULL && item->sentence != NULL)
		json_object_set_new(o, "detail", out_json_text(item->sentence));
	return o;
}

int
clean_json(const struct clean_list *list, int yes)
{
	json_t *array = json_array(), *all;

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, item_json(&list->items[i]));
	all = json_pack("{s:b, s:o, s:o}", "dry_run", !yes, "bytes",
	    out_json_int(list->bytes), "segments", array);
	if (out_json(all, 1) < 0 || count(list, CLEAN_FAILED) != 0)
		return CLI_FAILED;
	return CLI_DONE;
}
