/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "holders.h"

/*
 * Who keeps bytes of an object locked without having it attached: read from
 * /proc/PID/fd and fdinfo, which show the processes of others to root alone.
 */

/* The file behind a name; 0 or -errno. */
static int
file_of(const char *name, struct stat *st)
{
	char path[4096 + 16];

	if (strncmp(name, "file:", 5) == 0)
		snprintf(path, sizeof(path), "%s", name + 5);
	else if (strncmp(name, "fd:", 3) == 0)
		snprintf(path, sizeof(path), "/proc/self/fd/%s", name + 3);
	else {
		if (strncmp(name, "posix:", 6) == 0)
			name += 6;
		snprintf(path, sizeof(path), "/dev/shm/%s",
		    name + strspn(name, "/"));
	}
	return stat(path, st) < 0 ? -errno : 0;
}

/* Are there bytes locked for writing by this descriptor?  A program that was
 * left behind has one, too, but what was held by it has been given back. */
static int
has_locked(const char *pid, const char *fd)
{
	char path[64], line[256];
	int found = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/%.20s/fdinfo/%.20s", pid, fd);
	info = fopen(path, "re");
	if (info == NULL)
		return 0;
	while (!found && fgets(line, sizeof(line), info) != NULL)
		found = strncmp(line, "lock:", 5) == 0 &&
			strstr(line, "OFDLCK") != NULL &&
			strstr(line, "WRITE") != NULL;
	fclose(info);
	return found;
}

static int
keeps(const char *pid, const struct stat *want)
{
	char path[320];
	struct dirent *entry;
	struct stat st;
	int found = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	if (dir == NULL)
		return 0;
	while (!found && (entry = readdir(dir)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", pid,
		    entry->d_name);
		found = stat(path, &st) == 0 && st.st_ino == want->st_ino &&
			st.st_dev == want->st_dev &&
			has_locked(pid, entry->d_name);
	}
	closedir(dir);
	return found;
}

static int
attached(const struct look_users *users, int64_t pid)
{
	for (size_t i = 0; i < users->count; i++)
		if (users->pids[i] == pid)
			return 1;
	return 0;
}

static int
add(struct look_users *users, int64_t pid)
{
	int64_t *more =
	    realloc(users->pids, (users->count + 1) * sizeof(*users->pids));

	if (more == NULL)
		return -ENOMEM;
	more[users->count++] = pid;
	users->pids = more;
	return 0;
}

int
holders_keepers(struct look_users *kept, const char *name)
{
	struct look_users users = {0};
	struct dirent *entry;
	struct stat st;
	DIR *proc;
	int r = file_of(name, &st);

	*kept = (struct look_users){0};
	if (r == 0)
		r = look_users(&users, name);
	if (r < 0)
		return r;
	proc = opendir("/proc");
	while (r == 0 && proc != NULL && (entry = readdir(proc)) != NULL) {
		int64_t pid = strtoll(entry->d_name, NULL, 10);

		if (pid > 0 && !attached(&users, pid) &&
		    keeps(entry->d_name, &st))
			r = add(kept, pid);
	}
	if (proc != NULL)
		closedir(proc);
	look_users_free(&users);
	if (r < 0)
		look_users_free(kept);
	return r;
}
