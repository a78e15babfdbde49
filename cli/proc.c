/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc.h"

/* The last number on the line "KEY:" of /proc/PID/status, or -1. */
static int64_t
status(int64_t pid, const char *key)
{
	char path[48], line[256];
	size_t len = strlen(key);
	int64_t v = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/status", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return -1;
	while (v < 0 && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, key, len) != 0 || line[len] != ':')
			continue;
		line[strcspn(line, "\n")] = 0;
		v = strtoll(line + strcspn(line, "\t"), NULL, 10);
		if (strrchr(line, '\t') != NULL)
			v = strtoll(strrchr(line, '\t'), NULL, 10);
	}
	fclose(f);
	return v;
}

int64_t
proc_self(int64_t pid)
{
	return status(pid, "NSpid");
}

int64_t
proc_parent(int64_t pid)
{
	return status(pid, "PPid");
}

int64_t
proc_uid(int64_t pid)
{
	char path[48];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%" PRId64, pid);
	return stat(path, &st) < 0 ? -1 : (int64_t)st.st_uid;
}

int
proc_file(const char *name, struct stat *st)
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

/* "lock:	1: OFDLCK ADVISORY  WRITE -1 00:1b:547615 FROM TO" */
static int
line_locks(const char *line, int64_t byte)
{
	long long from, to;

	if (sscanf(line, "lock: %*s OFDLCK %*s WRITE %*s %*s %lld %lld", &from,
		&to) != 2)
		return 0;
	return byte == PROC_ANY || (from <= byte && byte <= to);
}

/* A program that was left behind has the descriptor, too, but what was held
 * by it has been given back. */
static int
has_locked(const char *fd_path, int64_t byte)
{
	char line[256];
	int found = 0;
	FILE *info = fopen(fd_path, "re");

	if (info == NULL)
		return 0;
	while (!found && fgets(line, sizeof(line), info) != NULL)
		found = line_locks(line, byte);
	fclose(info);
	return found;
}

int
proc_keeps(int64_t pid, const struct stat *file, int64_t byte)
{
	char path[320];
	struct dirent *entry;
	struct stat st;
	int found = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/fd", pid);
	dir = opendir(path);
	if (dir == NULL)
		return -errno;
	while (!found && (entry = readdir(dir)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%" PRId64 "/fd/%.20s", pid,
		    entry->d_name);
		if (stat(path, &st) < 0 || st.st_ino != file->st_ino ||
		    st.st_dev != file->st_dev)
			continue;
		snprintf(path, sizeof(path), "/proc/%" PRId64 "/fdinfo/%.20s",
		    pid, entry->d_name);
		found = has_locked(path, byte);
	}
	closedir(dir);
	return found;
}

int
proc_each(int (*each)(int64_t pid, void *arg), void *arg)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	int r = 0;

	if (dir == NULL)
		return -errno;
	while (r == 0 && (entry = readdir(dir)) != NULL) {
		int64_t pid = strtoll(entry->d_name, NULL, 10);

		if (pid > 0)
			r = each(pid, arg);
	}
	closedir(dir);
	return r;
}
