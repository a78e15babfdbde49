/* SPDX-License-Identifier: MIT */
/* The files of /dev/shm and of other mounts, directories and all. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/files.h"
#include "inspect/inspect.h"
#include "inspect/users.h"
#include "os/os.h"

#define DEPTH 16 /* directories in directories */

/* What libc keeps there for each named semaphore. */
#define SEM_PREFIX SHUNT__SHM_DIR "/sem."
#define SEM_BYTES  (4 * sizeof(long))

/* Lies it in /dev/shm itself?  Then its name is "/x", which comes before every
 * "file:/dev/shm/d/x". */
static int
short_name(const char *path)
{
	return strncmp(path, SHUNT__SHM_DIR "/", sizeof(SHUNT__SHM_DIR)) == 0 &&
	       strchr(path + sizeof(SHUNT__SHM_DIR), '/') == NULL;
}

int
shunt__is_sem(const char *path, uint64_t size)
{
	return size == SEM_BYTES && short_name(path) &&
	       strncmp(path, SEM_PREFIX, sizeof(SEM_PREFIX) - 1) == 0;
}

static int
add_file(struct shunt__files *files, const char *path, const struct stat *st)
{
	struct shunt__file *file;

	if (files->n == files->room) {
		size_t room = files->room == 0 ? 64 : files->room * 2;
		file = realloc(files->all, room * sizeof(*file));
		if (file == NULL)
			return -ENOMEM;
		files->all = file;
		files->room = room;
	}
	file = &files->all[files->n];
	file->path = strdup(path);
	if (file->path == NULL)
		return -ENOMEM;
	file->dev = st->st_dev;
	file->ino = st->st_ino;
	file->sem = shunt__is_sem(path, (uint64_t)st->st_size);
	files->n++;
	return 0;
}

static int add_directory(
    struct shunt__files *files, const char *path, int depth, uint64_t dev);

/* 0 also for what is gone again or may not be entered: it is passed over, as
 * is what else is mounted there. */
static int
add_entry(struct shunt__files *files, const char *dir, const char *name,
    int depth, uint64_t dev)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	if ((size_t)n >= sizeof(path) || shunt__os.lstat(path, &st) < 0)
		return 0;
	if (S_ISREG(st.st_mode))
		return add_file(files, path, &st);
	if (!S_ISDIR(st.st_mode) || depth == DEPTH || st.st_dev != dev)
		return 0;
	int e = add_directory(files, path, depth + 1, dev);
	return e == -ENOMEM ? e : 0;
}

static int
add_directory(
    struct shunt__files *files, const char *path, int depth, uint64_t dev)
{
	struct dirent *entry;
	DIR *dir;
	int e = shunt__os.opendir(path, &dir), more = 1;

	if (e < 0)
		return e;
	while (e == 0 && (more = shunt__os.readdir(dir, &entry)) == 1)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			e = add_entry(files, path, entry->d_name, depth, dev);
	shunt__os.closedir(dir);
	return e < 0 || more >= 0 ? e : more;
}

int
shunt__files_list(
    struct shunt__files *files, const char *dir, struct shunt__users *users)
{
	struct stat st;
	int e = shunt__os.stat(dir, &st);

	if (e < 0)
		return e;
	shunt__users_device(users, st.st_dev);
	return add_directory(files, dir, 0, st.st_dev);
}

static int
by_name(const void *va, const void *vb)
{
	const struct shunt__file *a = va, *b = vb;

	if (short_name(a->path) != short_name(b->path))
		return short_name(a->path) ? -1 : 1;
	return strcmp(a->path, b->path);
}

void
shunt__files_sort(struct shunt__files *files)
{
	if (files->n > 1)
		qsort(files->all, files->n, sizeof(files->all[0]), by_name);
}

void
shunt__files_free(struct shunt__files *files)
{
	for (size_t i = 0; i < files->n; i++)
		free(files->all[i].path);
	free(files->all);
	files->all = NULL;
	files->n = files->room = 0;
}

void
shunt__files_name(const char *path, char *name, size_t room)
{
	if (short_name(path))
		snprintf(name, room, "%s", path + strlen(SHUNT__SHM_DIR));
	else
		snprintf(name, room, "file:%s", path);
}
