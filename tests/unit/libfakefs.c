/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/os.h"
#include "unit/fakefs.h"

static struct shunt__os real;
static struct fake *all;
static size_t all_n;
static uid_t user;

/* An open directory of ours: the entries of `all` below it, each once. */
struct listing {
	struct listing *self; /* tells it from what opendir(3) gave */
	struct dirent entry;
	size_t next;
	size_t len;
	char path[4096];
};

/* Our own descriptors stay what they are. */
static int
is_fake(const char *path)
{
	if (strncmp(path, "/proc/self/fd", 13) == 0)
		return 0;
	return strncmp(path, "/proc", 5) == 0 || strncmp(path, "/fake", 5) == 0;
}

static struct fake *
find(const char *path)
{
	for (size_t i = 0; i < all_n; i++)
		if (strcmp(all[i].path, path) == 0)
			return &all[i];
	return NULL;
}

/* Does @file lie in the directory @path, or below? */
static int
below(const struct fake *file, const char *path, size_t len)
{
	return strncmp(file->path, path, len) == 0 && file->path[len] == '/';
}

static int
is_directory(const char *path)
{
	for (size_t i = 0; i < all_n; i++)
		if (below(&all[i], path, strlen(path)))
			return 1;
	return 0;
}

static int
fake_open(const char *path, int flags, mode_t mode)
{
	struct fake *f = find(path);
	int fd;

	if (!is_fake(path))
		return real.open(path, flags, mode);
	if (f == NULL || f->err != 0 || f->text == NULL)
		return f == NULL ? -ENOENT : f->err != 0 ? -f->err : -EACCES;
	fd = memfd_create("fake", MFD_CLOEXEC);
	if (fd < 0 || write(fd, f->text, strlen(f->text)) < 0)
		abort();
	return fd;
}

static int
tell(const char *path, struct stat *st)
{
	struct fake *f = find(path);

	if (f == NULL && !is_directory(path))
		return -ENOENT;
	if (f != NULL && f->err != 0)
		return -f->err;
	memset(st, 0, sizeof(*st));
	st->st_mode = f == NULL ? S_IFDIR | 0755
				: (f->mode != 0 ? f->mode : S_IFREG | 0600);
	if (f == NULL)
		return 0;
	st->st_dev = f->dev;
	st->st_ino = f->ino;
	st->st_nlink = f->links;
	if (f->seen != NULL)
		f->seen(f);
	return 0;
}

static int
fake_stat(const char *path, struct stat *st)
{
	return is_fake(path) ? tell(path, st) : real.stat(path, st);
}

static int
fake_lstat(const char *path, struct stat *st)
{
	return is_fake(path) ? tell(path, st) : real.lstat(path, st);
}

static ssize_t
fake_readlink(const char *path, char *buf, size_t n)
{
	struct fake *f = find(path);

	if (!is_fake(path))
		return real.readlink(path, buf, n);
	if (f == NULL || f->link == NULL)
		return f == NULL ? -ENOENT : -EINVAL;
	if (n > strlen(f->link))
		n = strlen(f->link);
	memcpy(buf, f->link, n);
	return (ssize_t)n;
}

static int
fake_opendir(const char *path, DIR **out)
{
	struct fake *f = find(path);
	struct listing *dir;

	if (!is_fake(path))
		return real.opendir(path, out);
	if (f != NULL && f->err != 0)
		return -f->err;
	if (!is_directory(path))
		return f == NULL ? -ENOENT : -ENOTDIR;
	dir = calloc(1, sizeof(*dir));
	if (dir == NULL)
		return -ENOMEM;
	dir->self = dir;
	dir->len = strlen(path);
	memcpy(dir->path, path, dir->len);
	*out = (DIR *)(void *)dir;
	return 0;
}

/* The name of the entry @i of this directory, or "" if it was told before. */
static void
name_of(const struct listing *dir, size_t i, char *name, size_t room)
{
	const char *from = all[i].path + dir->len + 1;
	size_t n = strcspn(from, "/");

	name[0] = 0;
	for (size_t j = 0; j < i; j++)
		if (below(&all[j], dir->path, dir->len) &&
		    strncmp(all[j].path + dir->len + 1, from, n) == 0 &&
		    strcspn(all[j].path + dir->len + 1, "/") == n)
			return;
	if (n < room) {
		memcpy(name, from, n);
		name[n] = 0;
	}
}

static int
fake_readdir(DIR *at, struct dirent **out)
{
	struct listing *dir = (struct listing *)(void *)at;

	if (dir->self != dir)
		return real.readdir(at, out);
	*out = NULL;
	while (dir->next < all_n) {
		size_t i = dir->next++;
		if (!below(&all[i], dir->path, dir->len))
			continue;
		name_of(dir, i, dir->entry.d_name, sizeof(dir->entry.d_name));
		if (dir->entry.d_name[0] == 0)
			continue;
		*out = &dir->entry;
		return 1;
	}
	return 0;
}

static void
fake_closedir(DIR *at)
{
	struct listing *dir = (struct listing *)(void *)at;

	if (dir->self == dir)
		free(dir);
	else
		real.closedir(at);
}

static uid_t
fake_geteuid(void)
{
	return user;
}

void
fake_user(uid_t euid)
{
	user = euid;
}

void
fake_on(struct fake *files, size_t n)
{
	real = shunt__os;
	all = files;
	all_n = n;
	user = real.geteuid();
	shunt__os.open = fake_open;
	shunt__os.stat = fake_stat;
	shunt__os.lstat = fake_lstat;
	shunt__os.readlink = fake_readlink;
	shunt__os.opendir = fake_opendir;
	shunt__os.readdir = fake_readdir;
	shunt__os.closedir = fake_closedir;
	shunt__os.geteuid = fake_geteuid;
}

void
fake_off(void)
{
	shunt__os = real;
}
