/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_INSPECT_FILES_H
#define SHUNT_INSPECT_FILES_H

/* The regular files below a directory. */

#include <stddef.h>
#include <stdint.h>

struct shunt__users;

struct shunt__file {
	char *path;
	uint64_t dev;
	uint64_t ino;
	int sem; /* a named semaphore of libc */
};

struct shunt__files {
	struct shunt__file *all;
	size_t n;
	size_t room;
};

/* Adds those below @dir, and its device to what is wanted of /proc.  What
 * may not be entered is passed over, but not @dir itself.  0 or -errno. */
int shunt__files_list(
    struct shunt__files *files, const char *dir, struct shunt__users *users);

/* By name: those that lie in /dev/shm itself come first, as do their names. */
void shunt__files_sort(struct shunt__files *files);

void shunt__files_free(struct shunt__files *files);

/* The name that shunt_segment_open() takes. */
void shunt__files_name(const char *path, char *name, size_t room);

#endif /* SHUNT_INSPECT_FILES_H */
