/* SPDX-License-Identifier: MIT */
/* The segments of /dev/shm in the order of their names, then System V's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt/inspect.h>

#include "base/error.h"
#include "base/options.h"
#include "inspect/inspect.h"
#include "inspect/look.h"
#include "os/os.h"

#define DEPTH 16 /* directories in directories */

struct shunt_scan {
	char **paths;
	size_t n;
	size_t room;
	size_t at;
	struct shunt_segment_info *sysv; /* as they were when it began */
	size_t sysv_n;
	size_t sysv_at;
};

static int
add_path(struct shunt_scan *s, const char *path)
{
	if (s->n == s->room) {
		size_t room = s->room == 0 ? 64 : s->room * 2;
		char **more = realloc(s->paths, room * sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		s->paths = more;
		s->room = room;
	}
	s->paths[s->n] = strdup(path);
	return s->paths[s->n++] == NULL ? -ENOMEM : 0;
}

static int add_directory(struct shunt_scan *s, const char *path, int depth);

/* 0 also for what is gone again or may not be entered: it is passed over. */
static int
add_entry(struct shunt_scan *s, const char *dir, const char *name, int depth)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	if (n < 0 || (size_t)n >= sizeof(path) ||
	    shunt__os.lstat(path, &st) < 0)
		return 0;
	if (S_ISREG(st.st_mode))
		return add_path(s, path);
	if (!S_ISDIR(st.st_mode) || depth == DEPTH)
		return 0;
	int e = add_directory(s, path, depth + 1);
	return e == -ENOMEM ? e : 0;
}

static int
add_directory(struct shunt_scan *s, const char *path, int depth)
{
	struct dirent *entry;
	DIR *dir;
	int e = shunt__os.opendir(path, &dir);

	if (e < 0)
		return e;
	while (e == 0 && shunt__os.readdir(dir, &entry) == 1)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			e = add_entry(s, path, entry->d_name, depth);
	shunt__os.closedir(dir);
	return e;
}

/* Lies it in /dev/shm itself?  Then its name is "/x", which comes before every
 * "file:/dev/shm/d/x". */
static int
short_name(const char *path)
{
	return strchr(path + sizeof(SHUNT__SHM_DIR), '/') == NULL;
}

static int
by_name(const void *va, const void *vb)
{
	const char *a = *(char *const *)va, *b = *(char *const *)vb;

	if (short_name(a) != short_name(b))
		return short_name(a) ? -1 : 1;
	return strcmp(a, b);
}

int
shunt_scan_open(struct shunt_scan **out, const struct shunt_scan_options *opts)
{
	struct shunt_scan_options o;
	struct shunt_scan *s;
	int e;

	if (out == NULL)
		return shunt__fail(-EINVAL, "no place for the handle");
	*out = NULL;
	e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);
	if (e < 0 || o.reserved != 0)
		return shunt__fail(-EINVAL, "options of a newer version");
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	e = add_directory(s, SHUNT__SHM_DIR, 0);
	if (e < 0)
		shunt__fail(e, "%s: %s", SHUNT__SHM_DIR, shunt__why(e));
	else
		e = shunt__list_sysv(&s->sysv, &s->sysv_n);
	if (e < 0) {
		shunt_scan_close(&s);
		return e;
	}
	if (s->n > 1)
		qsort(s->paths, s->n, sizeof(s->paths[0]), by_name);
	*out = s;
	return 0;
}

/* The name that open takes. */
static void
name_of(const char *path, char *name, size_t room)
{
	if (short_name(path))
		snprintf(name, room, "%s", path + strlen(SHUNT__SHM_DIR));
	else
		snprintf(name, room, "file:%s", path);
}

/* What may not be opened still has what stat(2) tells. */
static int
from_outside(
    const char *path, const char *name, struct shunt_segment_info *info)
{
	struct stat st;
	int64_t pid;

	if (shunt__os.lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	shunt__info_file(info, name, &st);
	if (shunt__mappers(&st, &pid, 1) > 0)
		info->state = SHUNT_STATE_LIVE;
	return 1;
}

int
shunt_scan_next(struct shunt_scan *s, struct shunt_segment_info *info)
{
	char name[PATH_MAX + 8];
	struct shunt_segment_info all;
	struct shunt__look look;

	if (s == NULL || info == NULL)
		return -EINVAL;
	while (s->at < s->n) {
		const char *path = s->paths[s->at++];
		name_of(path, name, sizeof(name));
		if (shunt__look_open(&look, name, NULL, 1) == 0) {
			shunt__info_fill(&look, &all, NULL, 0);
			shunt__look_close(&look);
		} else if (!from_outside(path, name, &all)) {
			continue; /* gone since the listing */
		}
		int e = shunt__answer_write(info, &all, sizeof(all));
		return e < 0 ? e : 1;
	}
	if (s->sysv_at == s->sysv_n)
		return 0;
	int e = shunt__answer_write(
	    info, &s->sysv[s->sysv_at++], sizeof(s->sysv[0]));
	return e < 0 ? e : 1;
}

void
shunt_scan_close(struct shunt_scan **scan)
{
	if (scan == NULL || *scan == NULL)
		return;
	for (size_t i = 0; i < (*scan)->n; i++)
		free((*scan)->paths[i]);
	free((*scan)->paths);
	free((*scan)->sysv);
	free(*scan);
	*scan = NULL;
}
