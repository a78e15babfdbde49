/* SPDX-License-Identifier: MIT */
/* The file of a note, when rotation has given it another name. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "log/file.h"
#include "os/os.h"

/* The file of that identity in one directory. */
static int
open_if_same(const char *path, const struct shunt__inode *id)
{
	struct shunt__inode its;
	uint64_t size;
	int fd = shunt__os.open(
	    path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0);

	/* No regular file at all: its number is one of another mount. */
	if (fd == -EISDIR || fd == -ELOOP || fd == -ENXIO)
		return -ENOENT;
	if (fd < 0)
		return fd;
	int e = shunt__inode_of(fd, &its, &size);
	if (e == 1 && shunt__inode_same(&its, id))
		return fd;
	shunt__os.close(fd);
	return e < 0 ? e : -ENOENT;
}

int
shunt__file_find(const struct shunt__logfile *f, const struct shunt__inode *id)
{
	char dir[PATH_MAX], path[PATH_MAX + 260];
	struct dirent *entry;
	DIR *d;
	int fd = -ENOENT, e;

	if (f->path == NULL)
		return -ENOENT;
	const char *slash = strrchr(f->path, '/');
	if (slash == NULL)
		snprintf(dir, sizeof(dir), ".");
	else
		snprintf(dir, sizeof(dir), "%.*s",
		    slash == f->path ? 1 : (int)(slash - f->path), f->path);
	e = shunt__os.opendir(dir, &d);
	if (e < 0)
		return e;
	while (fd < 0 && (e = shunt__os.readdir(d, &entry)) == 1) {
		if ((uint64_t)entry->d_ino != id->ino)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		fd = open_if_same(path, id);
	}
	shunt__os.closedir(d);
	return fd >= 0 ? fd : e < 0 ? e : fd;
}
