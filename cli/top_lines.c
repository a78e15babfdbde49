/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fail.h"
#include "look.h"
#include "out.h"
#include "signals.h"
#include "top.h"

/* top without a screen: a table, or an array of JSON, for each look. */

static json_t *
row_json(const struct top *top, const struct top_row *row)
{
	const struct shunt_segment_info *info = &row->entry->info;
	json_t *o = look_info_json(info);

	if (o == NULL)
		return NULL;
	json_object_set_new(o, "kind", json_string(ls_kind(info)));
	json_object_set_new(o, "state", json_string(ls_state(info)));
	json_object_set_new(o, "place", json_string(ls_place(info->place)));
	json_object_set_new(
	    o, "users", out_json_int(ls_users(info, &(int){0})));
	json_object_set_new(o, "grown", json_integer(row->grown));
	if (!look_has_lanes(info->kind))
		return o;
	json_object_set_new(o, "bytes_per_s",
	    top->looks < 2 && row->fresh ? json_null()
					 : json_real(row->bytes_per_s));
	json_object_set_new(o, "messages_per_s",
	    top->looks < 2 && row->fresh ? json_null()
					 : json_real(row->messages_per_s));
	json_object_set_new(o, "depth", out_json_int(info->depth));
	json_object_set_new(o, "lag", out_json_int(info->unread));
	json_object_set_new(o, "dropped", out_json_int(info->dropped));
	json_object_set_new(o, "dropped_now", out_json_int(row->dropped));
	return o;
}

static int
print_json(const struct top *top)
{
	json_t *array = json_array();

	for (size_t i = 0; i < top->list.count; i++)
		json_array_append_new(array, row_json(top, &top->rows[i]));
	return out_json(array, 0);
}

static void
print_row(const struct top *top, const struct top_row *row)
{
	const struct shunt_segment_info *info = &row->entry->info;
	int lanes = look_has_lanes(info->kind), more;
	uint64_t users = ls_users(info, &more);

	printf("%-9s %-13s %7s %7s %7s %4llu%s %9s ", ls_kind(info),
	    ls_state(info), out_size(info->size), out_size(info->used),
	    top_grown(row), (unsigned long long)users, more ? "+" : " ",
	    top_rate(top, row));
	if (lanes)
		printf("%6llu ", (unsigned long long)info->depth);
	else
		printf("%6s ", "-");
	printf("%s", out_safe(info->name));
	if (row->dropped != 0)
		printf("  (%llu dropped)", (unsigned long long)row->dropped);
	putchar('\n');
}

static int
print(const struct top *top)
{
	struct top_sum sum = top_sum(top);

	if (top->json)
		return print_json(top);
	printf("%zu segment%s, %s, %s used, %s/s\n", top->list.count,
	    top->list.count == 1 ? "" : "s", out_size(sum.size),
	    out_size(sum.used), out_size((uint64_t)sum.bytes_per_s));
	if (top->list.count > 0)
		printf("%-9s %-13s %7s %7s %7s %5s %9s %6s %s\n", "KIND",
		    "STATE", "SIZE", "USED", "CHANGE", "USERS", "MSGS/S",
		    "DEPTH", "NAME");
	for (size_t i = 0; i < top->list.count; i++)
		print_row(top, &top->rows[i]);
	return fflush(stdout) == 0 ? 0 : -errno;
}

static void
pause_until(int64_t ns)
{
	int64_t left;

	while (!signals_stopped() && (left = ns - top_now()) > 0) {
		if (left > 200000000)
			left = 200000000;
		nanosleep(
		    &(struct timespec){left / 1000000000, left % 1000000000},
		    NULL);
	}
}

int
top_lines(struct top *top)
{
	uint64_t printed = 0;
	int r = top_look(top), out = 0;

	/* A rate takes two looks: the first is not shown. */
	while (r >= 0) {
		pause_until(top->looked_ns + top->interval_ns);
		if (signals_stopped())
			return signals_reraise(CLI_DONE);
		r = top_look(top);
		if (r >= 0)
			out = print(top);
		if (out < 0)
			return fail_output(top->cmd, out);
		if (top->once || ++printed == top->most)
			break;
		if (r >= 0 && !top->json)
			putchar('\n');
	}
	return r < 0 ? fail_cold(top->cmd, "/dev/shm", r) : CLI_DONE;
}
