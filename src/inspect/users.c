/* SPDX-License-Identifier: MIT */
/* The table of users: what is used is hashed by device and inode. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/users.h"

void
shunt__users_clear(struct shunt__users *u)
{
	for (size_t i = 0; i < u->n; i++) {
		free(u->uses[i].pids);
		free(u->uses[i].path);
	}
	free(u->uses);
	free(u->slots);
	u->uses = NULL;
	u->slots = NULL;
	u->n = u->room = u->nslots = 0;
	u->read = 0;
}

void
shunt__users_device(struct shunt__users *u, uint64_t dev)
{
	for (size_t i = 0; i < u->ndevices; i++)
		if (u->devices[i] == dev)
			return;
	if (u->ndevices < SHUNT__USERS_DEVICES)
		u->devices[u->ndevices++] = dev;
	else
		u->hidden = 1;
}

/* Where the search for it begins.  Inodes are numbered one after the other:
 * the multiplication spreads them. */
static size_t
slot_of(const struct shunt__users *u, enum shunt__use_of of, uint64_t dev,
    uint64_t ino)
{
	uint64_t h = (ino + dev * 0x9e3779b97f4a7c15u + of) *
		     UINT64_C(0xff51afd7ed558ccd);

	return (size_t)(h >> 32) & (u->nslots - 1);
}

static int
same(const struct shunt__use *use, enum shunt__use_of of, uint64_t dev,
    uint64_t ino)
{
	return use->ino == ino && use->dev == dev && use->of == of;
}

/* The slot that has it, or the free one where it would be. */
static size_t
probe(const struct shunt__users *u, enum shunt__use_of of, uint64_t dev,
    uint64_t ino)
{
	size_t at = slot_of(u, of, dev, ino);

	while (u->slots[at] != 0 &&
	       !same(&u->uses[u->slots[at] - 1], of, dev, ino))
		at = (at + 1) & (u->nslots - 1);
	return at;
}

const struct shunt__use *
shunt__users_find(const struct shunt__users *u, enum shunt__use_of of,
    uint64_t dev, uint64_t ino)
{
	size_t at;

	if (u->nslots == 0)
		return NULL;
	at = probe(u, of, dev, ino);
	return u->slots[at] != 0 ? &u->uses[u->slots[at] - 1] : NULL;
}

/* Twice the room; slots stay at most half full, so that each search ends. */
static int
grow(struct shunt__users *u)
{
	size_t room = u->room == 0 ? 64 : u->room * 2;
	struct shunt__use *uses = realloc(u->uses, room * sizeof(*uses));
	uint32_t *slots;

	if (uses == NULL)
		return -ENOMEM;
	u->uses = uses;
	slots = calloc(room * 2, sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	free(u->slots);
	u->slots = slots;
	u->nslots = room * 2;
	u->room = room;
	for (size_t i = 0; i < u->n; i++)
		slots[probe(u, uses[i].of, uses[i].dev, uses[i].ino)] =
		    (uint32_t)i + 1;
	return 0;
}

struct shunt__use *
shunt__users_entry(
    struct shunt__users *u, enum shunt__use_of of, uint64_t dev, uint64_t ino)
{
	struct shunt__use *use;
	size_t at;

	if (u->n == u->room && grow(u) < 0)
		return NULL;
	at = probe(u, of, dev, ino);
	if (u->slots[at] != 0)
		return &u->uses[u->slots[at] - 1];
	use = &u->uses[u->n++];
	memset(use, 0, sizeof(*use));
	use->of = of;
	use->dev = dev;
	use->ino = ino;
	use->fd = -1;
	u->slots[at] = (uint32_t)u->n;
	return use;
}

int
shunt__use_add(struct shunt__use *use, int32_t pid)
{
	/* Processes are read one after the other. */
	if (use->n > 0 && use->pids[use->n - 1] == pid)
		return 0;
	if (use->n == use->room) {
		uint32_t room = use->room == 0 ? 2 : use->room * 2;
		int32_t *more = realloc(use->pids, room * sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		use->pids = more;
		use->room = room;
	}
	use->pids[use->n++] = pid;
	return 0;
}

static int
by_pid(const void *va, const void *vb)
{
	int32_t a = *(const int32_t *)va, b = *(const int32_t *)vb;

	return (a > b) - (a < b);
}

void
shunt__users_sort(struct shunt__users *u)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->uses[i].n > 1)
			qsort(u->uses[i].pids, u->uses[i].n, sizeof(int32_t),
			    by_pid);
}

const struct shunt__use *
shunt__users_of(
    const struct shunt__users *u, const struct shunt_segment_info *info)
{
	switch (info->place) {
	case SHUNT_PLACE_SYSV:
		return shunt__users_find(
		    u, SHUNT__USE_SYSV, 0, (uint32_t)info->sysv_id);
	case SHUNT_PLACE_SEMSET:
	case SHUNT_PLACE_MSGQUEUE:
		return NULL; /* nobody holds them: they are just there */
	case SHUNT_PLACE_MEMFD:
		return shunt__users_find(
		    u, SHUNT__USE_MEMFD, info->device, info->inode);
	default:
		return shunt__users_find(
		    u, SHUNT__USE_FILE, info->device, info->inode);
	}
}

/*
 * A raw one is called idle only when the kernel has just said that nobody has
 * it: then nobody is hidden, and whoever stands in the table is gone since.
 * Where it says that somebody has it and nobody is seen, there is one who
 * hides.
 */
void
shunt__users_tell(const struct shunt__users *u, struct shunt_segment_info *info)
{
	const struct shunt__use *use = shunt__users_of(u, info);
	int held =
	    info->state == SHUNT_STATE_LIVE || info->state == SHUNT_STATE_HELD;

	info->users = use != NULL && held ? use->n : 0;
	info->hidden = u->hidden || !u->read || (held && info->users == 0);
	if (info->kind == SHUNT_KIND_RAW && info->state == SHUNT_STATE_IDLE)
		info->hidden = 0;
}
