/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "look.h"
#include "ls.h"
#include "out.h"

/*
 * The list for programs; docs/json.md and docs/ls.schema.json say what each
 * key is.  An object a line, one after the other: all of them in memory would
 * take more than everything else.
 */

static json_t *
users_json(const struct ls_entry *e)
{
	json_t *array = json_array();

	for (size_t i = 0; i < e->npids; i++) {
		const char *program = ls_program(e->pids[i], 0);

		json_array_append_new(
		    array, json_pack("{s:I, s:o}", "pid",
			       (json_int_t)e->pids[i], "command",
			       out_json_text(program != NULL ? program : "?")));
	}
	return array;
}

static void
creator_json(json_t *o, const struct shunt_segment_info *info)
{
	const char *program = ls_creator(info);

	if (info->created_ns != 0)
		json_object_set_new(
		    o, "created_ns", json_integer(info->created_ns));
	if (info->creator_pid <= 0)
		return;
	json_object_set_new(o, "creator_pid", json_integer(info->creator_pid));
	json_object_set_new(o, "creator_command",
	    program != NULL ? out_json_text(program) : json_null());
}

/* What only queues and semaphores of the system have. */
static void
ipc_json(json_t *o, const struct shunt_segment_info *info)
{
	uint32_t place = info->place;

	if (place == SHUNT_PLACE_SEMSET || place == SHUNT_PLACE_MSGQUEUE) {
		json_object_set_new(o, "id", json_integer(info->sysv_id));
		json_object_set_new(
		    o, "key", json_string(look_key(info->sysv_key)));
	}
	if (place == SHUNT_PLACE_SEMSET)
		json_object_set_new(o, "semaphores", out_json_int(info->most));
	if (place == SHUNT_PLACE_MSGQUEUE || place == SHUNT_PLACE_MQ)
		json_object_set_new(
		    o, "messages", out_json_int(info->messages));
}

static json_t *
entry_json(const struct ls_entry *e)
{
	const struct shunt_segment_info *info = &e->info;
	json_t *o = look_info_json(info);
	int more;
	uint64_t n = ls_users(info, &more);

	if (o == NULL)
		return NULL;
	json_object_set_new(o, "kind", json_string(ls_kind(info)));
	json_object_set_new(o, "state", json_string(ls_state(info)));
	json_object_set_new(o, "place", json_string(ls_place(info->place)));
	json_object_set_new(o, "inode", out_json_int(info->inode));
	json_object_set_new(o, "device", out_json_int(info->device));
	ipc_json(o, info);
	creator_json(o, info);
	json_object_set_new(o, "users", users_json(e));
	json_object_set_new(o, "user_count", out_json_int(n));
	json_object_set_new(o, "users_hidden", json_boolean(more));
	return o;
}

int
ls_json(const struct ls_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		json_t *o = entry_json(&list->entries[i]);
		char *text = o != NULL ? json_dumps(o, 0) : NULL;

		json_decref(o);
		if (text == NULL)
			return -ENOMEM;
		printf("%s%s", i == 0 ? "[\n" : ",\n", text);
		free(text);
	}
	puts(list->count == 0 ? "[]" : "\n]");
	return 0;
}
