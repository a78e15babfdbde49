/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "ls.h"
#include "out.h"

/* The line below a table: how many, how much, and what could not be seen. */

void
ls_totals(const struct ls_list *list)
{
	uint64_t size = 0, used = 0;
	size_t guessed = 0;
	int more;

	for (size_t i = 0; i < list->count; i++) {
		const struct shunt_segment_info *info = &list->entries[i].info;

		/* A sparse file may claim anything: no sum goes around. */
		size = info->size > UINT64_MAX - size ? UINT64_MAX
						      : size + info->size;
		used += info->used;
		ls_users(info, &more);
		guessed += (size_t)more;
	}
	printf("%s%zu in all: %s, of which %s in memory%s%s\n",
	    out_colour(OUT_DIM), list->count, out_size(size), out_size(used),
	    guessed > 0 ? "; N+: perhaps more, unseen" : "",
	    out_colour(OUT_RESET));
}
