/* SPDX-License-Identifier: MIT */
/*
 * What has no name and lives only by those who have it: memfds, and files of
 * /dev/shm that were unlinked.  No directory shows them; /proc does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "inspect/places.h"
#include "os/os.h"

#define MEMFD "/memfd:" /* how /proc calls them */

static const char shm[] = SHUNT__SHM_DIR "/";

static int
by_inode(const void *va, const void *vb)
{
	const struct shunt__file *const *a = va, *const *b = vb;

	if ((*a)->dev != (*b)->dev)
		return (*a)->dev < (*b)->dev ? -1 : 1;
	return ((*a)->ino > (*b)->ino) - ((*a)->ino < (*b)->ino);
}

/* Another name may have outlived the one that was opened. */
static int
has_name(
    const struct shunt__file **named, size_t n, const struct shunt__use *use)
{
	struct shunt__file one = {.dev = use->dev, .ino = use->ino};
	const struct shunt__file *key = &one;

	return n > 0 &&
	       bsearch(&key, named, n, sizeof(*named), by_inode) != NULL;
}

/* What stat(2) tells of it; 0 if it is gone meanwhile, and another thing
 * stands in its place.  A mapping is followed for root alone: else its size is
 * as far as it is mapped, and its owner is who has it. */
static int
look(const struct shunt__use *use, struct stat *st)
{
	char path[96];
	int e;

	if (use->fd >= 0)
		snprintf(
		    path, sizeof(path), "/proc/%d/fd/%d", use->pid, use->fd);
	else
		snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx",
		    use->pid, (unsigned long long)use->from,
		    (unsigned long long)use->to);
	e = shunt__os.stat(path, st);
	if (e == 0)
		return st->st_ino == use->ino && st->st_dev == use->dev;
	if (use->fd >= 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d", use->pid);
	if (shunt__os.lstat(path, st) < 0)
		return 0;
	st->st_size = (off_t)use->extent;
	st->st_blocks = 0;
	st->st_mode = 0;
	st->st_nlink = 0;
	st->st_mtim = (struct timespec){0, 0};
	st->st_ino = use->ino;
	st->st_dev = use->dev;
	return 1;
}

static void
name_it(const struct shunt__use *use, uint32_t place, char *name, size_t room)
{
	const char *path = use->path;

	if (place == SHUNT_PLACE_UNLINKED) {
		if (strncmp(path, shm, sizeof(shm) - 1) == 0)
			path += sizeof(shm) - 2;
		snprintf(name, room, "unlinked:%.255s@%llu", path,
		    (unsigned long long)use->ino);
	} else if (use->fd >= 0) {
		snprintf(name, room, "memfd:%.255s@%d/%d", path + strlen(MEMFD),
		    use->pid, use->fd);
	} else {
		snprintf(name, room, "memfd:%.255s@%d/map",
		    path + strlen(MEMFD), use->pid);
	}
}

static int
add(struct shunt__infos *list, uint32_t place, const struct shunt__use *use)
{
	struct shunt_segment_info *info;
	struct stat st;

	if (!look(use, &st) || st.st_nlink != 0)
		return 0;
	info = shunt__infos_add(list);
	if (info == NULL)
		return -ENOMEM;
	shunt__info_file(info, "", &st);
	name_it(use, place, info->name, sizeof(info->name));
	info->place = place;
	info->state = SHUNT_STATE_HELD;
	return 0;
}

static int
by_name(const void *va, const void *vb)
{
	const struct shunt_segment_info *a = va, *b = vb;

	return strcmp(a->name, b->name);
}

static int
add_all(struct shunt__infos *list, uint32_t place,
    const struct shunt__users *users, const struct shunt__file **named,
    size_t n)
{
	int of =
	    place == SHUNT_PLACE_MEMFD ? SHUNT__USE_MEMFD : SHUNT__USE_FILE;
	int e = 0;

	for (size_t i = 0; i < users->n && e == 0; i++) {
		const struct shunt__use *use = &users->uses[i];
		if ((int)use->of == of && use->path != NULL &&
		    !has_name(named, n, use))
			e = add(list, place, use);
	}
	if (list->n > 1)
		qsort(list->all, list->n, sizeof(list->all[0]), by_name);
	return e;
}

int
shunt__list_anon(struct shunt__infos *list, uint32_t place,
    const struct shunt__users *users, const struct shunt__files *named)
{
	const struct shunt__file **sorted;
	int e;

	sorted = malloc((named->n + 1) * sizeof(*sorted));
	if (sorted == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	for (size_t i = 0; i < named->n; i++)
		sorted[i] = &named->all[i];
	if (named->n > 1)
		qsort(sorted, named->n, sizeof(*sorted), by_inode);
	e = add_all(list, place, users, sorted, named->n);
	free(sorted);
	return e;
}
