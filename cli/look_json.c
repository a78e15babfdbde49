/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "look.h"
#include "out.h"

/* The keys that every description of a segment has, for programs. */

static void
lanes_json(json_t *o, const struct shunt_segment_info *info)
{
	json_object_set_new(o, "lanes", out_json_int(info->lanes));
	json_object_set_new(o, "lane_bytes", out_json_int(info->lane_bytes));
	json_object_set_new(o, "lanes_used", out_json_int(info->lanes_used));
	json_object_set_new(o, "senders", out_json_int(info->senders));
	json_object_set_new(o, "receiver", json_boolean(info->receiver));
	json_object_set_new(
	    o, "receiver_pid", json_integer(info->receiver_pid));
	json_object_set_new(o, "receivers", out_json_int(info->receivers));
	json_object_set_new(o, "unread", out_json_int(info->unread));
	json_object_set_new(o, "depth", out_json_int(info->depth));
	json_object_set_new(o, "high_water", out_json_int(info->high_water));
	json_object_set_new(o, "sent", out_json_int(info->sent));
	json_object_set_new(o, "sent_bytes", out_json_int(info->passed));
	json_object_set_new(o, "dropped", out_json_int(info->dropped));
	json_object_set_new(o, "waiting", out_json_int(info->waiting));
	json_object_set_new(o, "asleep", json_boolean(info->asleep));
	json_object_set_new(o, "finished", json_boolean(info->finished));
	json_object_set_new(o, "type",
	    info->type[0] != 0 ? out_json_text(info->type) : json_null());
	json_object_set_new(o, "schema",
	    info->schema != 0 ? json_string(look_schema(info->schema))
			      : json_null());
	if (info->kind == SHUNT_KIND_TOPIC)
		json_object_set_new(
		    o, "policy", json_string(look_policy(info->policy)));
}

static void
held_json(json_t *o, const struct shunt_segment_info *info)
{
	switch (info->kind) {
	case SHUNT_KIND_LOCK:
		json_object_set_new(o, "held", json_boolean(info->held));
		json_object_set_new(
		    o, "holder_pid", json_integer(info->holder_pid));
		json_object_set_new(
		    o, "unrepaired", json_boolean(info->unrepaired));
		break;
	case SHUNT_KIND_SEMAPHORE:
		json_object_set_new(o, "free", out_json_int(info->value));
		json_object_set_new(o, "held", out_json_int(info->held));
		json_object_set_new(o, "most", out_json_int(info->most));
		json_object_set_new(
		    o, "missing", out_json_int(info->unrepaired));
		break;
	case SHUNT_KIND_EVENT:
		json_object_set_new(o, "pending", out_json_int(info->value));
		return;
	default:
		return;
	}
	json_object_set_new(o, "recoveries", out_json_int(info->recoveries));
}

static void
object_json(json_t *o, const struct shunt_segment_info *info)
{
	json_object_set_new(o, "persistent", json_boolean(info->persistent));
	json_object_set_new(o, "created_ns", json_integer(info->created_ns));
	json_object_set_new(o, "creator_pid", json_integer(info->creator_pid));
	json_object_set_new(o, "layout", out_json_int(info->layout));
	if (look_has_lanes(info->kind))
		lanes_json(o, info);
	else
		held_json(o, info);
}

static void
sysv_json(json_t *o, const struct shunt_segment_info *info)
{
	json_object_set_new(o, "id", json_integer(info->sysv_id));
	json_object_set_new(o, "key", json_string(look_key(info->sysv_key)));
	json_object_set_new(o, "attached", out_json_int(info->attached));
	json_object_set_new(o, "last_pid", json_integer(info->last_pid));
	json_object_set_new(
	    o, "dest", json_boolean(info->sysv_flags & SHUNT_SYSV_DEST));
	json_object_set_new(
	    o, "locked", json_boolean(info->sysv_flags & SHUNT_SYSV_LOCKED));
}

json_t *
look_info_json(const struct shunt_segment_info *info)
{
	char mode[8];
	json_t *o;

	snprintf(mode, sizeof(mode), "%04o", info->mode & 07777);
	o = json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:I}",
	    "name", out_json_text(info->name), "kind", look_kind(info->kind),
	    "state", look_state(info->state), "size", out_json_int(info->size),
	    "used", out_json_int(info->used), "uid", out_json_int(info->uid),
	    "gid", out_json_int(info->gid), "owner",
	    out_json_text(out_user(info->uid)), "mode", mode, "mtime_ns",
	    (json_int_t)info->mtime_ns);
	if (o != NULL && info->kind != SHUNT_KIND_RAW)
		object_json(o, info);
	if (o != NULL && look_sysv(info->name))
		sysv_json(o, info);
	return o;
}
