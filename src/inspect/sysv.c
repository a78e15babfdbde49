/* SPDX-License-Identifier: MIT */
/* System V segments, as scan and stat tell them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt/sysv.h>

#include "base/error.h"
#include "inspect/inspect.h"
#include "os/lines.h"
#include "segment/raw.h"

/* No two segments have one key: the kernel takes it from what is removed. */
static void
fill(struct shunt_segment_info *info, const struct shunt_sysv_info *sysv)
{
	memset(info, 0, sizeof(*info));
	info->sz = sizeof(*info);
	if (sysv->key != 0)
		snprintf(info->name, sizeof(info->name), "sysv:0x%08x",
		    (uint32_t)sysv->key);
	else
		snprintf(
		    info->name, sizeof(info->name), "sysv:id=%d", sysv->id);
	info->kind = SHUNT_KIND_RAW;
	info->state = sysv->attached > 0 ? SHUNT_STATE_LIVE : SHUNT_STATE_IDLE;
	info->size = sysv->size;
	info->used = sysv->rounded;
	info->uid = sysv->uid;
	info->gid = sysv->gid;
	info->mode = sysv->mode;
	info->mtime_ns = sysv->ctime * 1000000000;
	info->creator_pid = sysv->creator_pid;
	info->last_pid = sysv->last_pid;
	info->attached = sysv->attached;
	info->sysv_id = sysv->id;
	info->sysv_key = sysv->key;
	info->sysv_flags = sysv->flags;
	info->place = SHUNT_PLACE_SYSV;
	info->inode = (uint32_t)sysv->id;
}

static int
by_id(const void *va, const void *vb)
{
	const struct shunt_segment_info *a = va, *b = vb;

	return (a->sysv_id > b->sysv_id) - (a->sysv_id < b->sysv_id);
}

/*
 * A line of /proc/sysvipc/shm: key, identifier and twelve fields that are
 * known already, then the bytes in memory and those in swap.
 */
static int
take_memory(const char *line, void *arg)
{
	const struct shunt__infos *list = arg;
	struct shunt_segment_info want, *one;
	uint64_t number[16];
	char *end;

	for (int i = 0; i < 16; i++) {
		number[i] = strtoull(line, &end, 10);
		if (end == line)
			return 0; /* the heading, or an older kernel */
		line = end;
	}
	want.sysv_id = (int32_t)number[1];
	one = bsearch(&want, list->all, list->n, sizeof(want), by_id);
	if (one != NULL)
		one->used = number[14] + number[15];
	return 0;
}

/* What memory they really take /proc alone tells; without it the size stands
 * there. */
static void
add_memory(struct shunt__infos *list)
{
	if (list->n > 0)
		shunt__lines_find("/proc/sysvipc/shm", take_memory, list);
}

int
shunt__info_sysv(
    const struct shunt__name *name, struct shunt_segment_info *info)
{
	struct shunt_sysv_info sysv = {.sz = sizeof(sysv)};
	struct shunt__infos list = {info, 1, 1};
	int e = shunt_sysv_stat(name->shown, &sysv);

	if (e < 0)
		return e;
	fill(info, &sysv);
	add_memory(&list);
	return 0;
}

int
shunt__list_sysv(struct shunt__infos *list)
{
	struct shunt_sysv_usage usage = {.sz = sizeof(usage)};
	struct shunt_sysv_info sysv = {.sz = sizeof(sysv)};
	struct shunt_segment_info *info;
	int e = shunt_sysv_usage(&usage);

	/* Not in this kernel, or forbidden to us: then there are none. */
	if (e == -ENOSYS || e == -EPERM || e == -EACCES)
		usage.highest = -1;
	else if (e < 0)
		return e;
	for (int32_t i = 0; i <= usage.highest; i++) {
		if (shunt_sysv_index(i, &sysv) < 0)
			continue; /* a gap, or not ours to see */
		info = shunt__infos_add(list);
		if (info == NULL)
			return -ENOMEM;
		fill(info, &sysv);
	}
	if (list->n > 1)
		qsort(list->all, list->n, sizeof(list->all[0]), by_id);
	add_memory(list);
	return 0;
}
