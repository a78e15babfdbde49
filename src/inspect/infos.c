/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "inspect/inspect.h"

struct shunt_segment_info *
shunt__infos_add(struct shunt__infos *list)
{
	struct shunt_segment_info *one;

	if (list->n == list->room) {
		size_t room = list->room == 0 ? 16 : list->room * 2;
		one = realloc(list->all, room * sizeof(*one));
		if (one == NULL) {
			shunt__fail(-ENOMEM, "out of memory");
			return NULL;
		}
		list->all = one;
		list->room = room;
	}
	one = &list->all[list->n++];
	memset(one, 0, sizeof(*one));
	one->sz = sizeof(*one);
	one->sysv_id = -1;
	return one;
}

void
shunt__infos_free(struct shunt__infos *list)
{
	free(list->all);
	memset(list, 0, sizeof(*list));
}
