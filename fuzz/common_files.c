/* SPDX-License-Identifier: MIT */
/*
 * What paths lead to: the image, files that are made in MACHINE_DIR, and so
 * much of /proc as the library reads, in which one process lives: we.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "os/os.h"

enum { FILES = 4, FILE_ROOM = 1 << 18, TEXT_ROOM = 4096, OPEN_DIRS = 4 };

static struct machine_node image;
static struct machine_node files[FILES];

void
machine_files_begin(unsigned char *bytes, size_t size)
{
	image = (struct machine_node){
	    .kind = MACHINE_IMAGE, .bytes = bytes, .size = size, .room = size};
	for (int i = 0; i < FILES; i++)
		files[i].kind = MACHINE_NONE;
}

static struct machine_node *
text(const char *path, const char *is)
{
	static char room[4][TEXT_ROOM];
	static struct machine_node nodes[4];
	static unsigned next;
	unsigned k = next++ % 4;

	nodes[k] = (struct machine_node){.kind = MACHINE_TEXT,
	    .links = 1,
	    .bytes = (unsigned char *)room[k]};
	if (is != NULL)
		nodes[k].size = (size_t)snprintf(room[k], TEXT_ROOM, "%s", is);
	else
		nodes[k].size = machine_maps(room[k], TEXT_ROOM);
	snprintf(nodes[k].path, sizeof(nodes[k].path), "%s", path);
	return &nodes[k];
}

/* The rest of "/proc/self/..." or "/proc/77/...", or NULL. */
static const char *
of_process(const char *path)
{
	if (strncmp(path, "/proc/self/", 11) == 0)
		return path + 11;
	return strncmp(path, "/proc/77/", 9) == 0 ? path + 9 : NULL;
}

struct machine_node *
machine_find(const char *path)
{
	const char *own = of_process(path);

	if (own != NULL && strcmp(own, "fd/image") == 0)
		return &image; /* for who makes it */
	if (own != NULL && strncmp(own, "fd/", 3) == 0)
		return machine_node(atoi(own + 3));
	if (own != NULL && strcmp(own, "comm") == 0)
		return text(path, "fuzz\n");
	if (own != NULL && strcmp(own, "maps") == 0)
		return text(path, NULL);
	if (strcmp(path, "/proc/sys/kernel/random/boot_id") == 0)
		return text(path, "0f0e0d0c-0b0a-0908-0706-050403020100\n");
	for (int i = 0; i < FILES; i++)
		if (files[i].kind == MACHINE_FILE && files[i].links > 0 &&
		    strcmp(files[i].path, path) == 0)
			return &files[i];
	return NULL;
}

struct machine_node *
machine_new_file(const char *path)
{
	struct machine_node *f = files;

	if (strncmp(path, MACHINE_DIR "/", sizeof(MACHINE_DIR)) != 0)
		return NULL;
	while (f < files + FILES && f->kind != MACHINE_NONE)
		f++;
	if (f == files + FILES)
		return NULL;
	if (f->bytes == NULL && (f->bytes = malloc(FILE_ROOM)) == NULL)
		abort();
	f->kind = MACHINE_FILE;
	f->links = 1;
	f->size = 0;
	f->room = FILE_ROOM;
	snprintf(f->path, sizeof(f->path), "%s", path);
	return f;
}

static ino_t
number_of(const struct machine_node *node)
{
	return node->kind == MACHINE_FILE ? 2 + (ino_t)(node - files) : 1;
}

int
machine_node_stat(const struct machine_node *node, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFREG | 0600;
	st->st_dev = 1;
	st->st_ino = number_of(node);
	st->st_nlink = (nlink_t)node->links;
	st->st_size = (off_t)node->size;
	st->st_blocks = (blkcnt_t)(node->size / 512);
	return 0;
}

static int
path_stat(const char *path, struct stat *st)
{
	const struct machine_node *node = machine_find(path);

	if (node == NULL && strcmp(path, "/proc/1") != 0)
		return -ENOENT;
	return machine_node_stat(node != NULL ? node : &image, st);
}

static int
unlink_file(const char *path)
{
	struct machine_node *node = machine_find(path);

	if (node == NULL || node->kind != MACHINE_FILE)
		return -ENOENT;
	node->links = 0;
	return 0;
}

static ssize_t
read_link(const char *path, char *buf, size_t room)
{
	const char *own = of_process(path), *to = NULL;
	struct machine_node *node;

	if (strcmp(path, "/proc/self") == 0)
		to = "77";
	else if (own != NULL && strcmp(own, "ns/pid") == 0)
		to = "pid:[4026531836]";
	else if (own != NULL && strcmp(own, "ns/ipc") == 0)
		to = "ipc:[4026531839]";
	else if (own != NULL && strcmp(own, "ns/time") == 0)
		to = "time:[4026531834]";
	else if (own != NULL && (node = machine_find(path)) != NULL)
		to = node->kind == MACHINE_IMAGE ? "/memfd:fuzz (deleted)"
						 : node->path;
	if (to == NULL)
		return -ENOENT;
	size_t n = strlen(to) < room ? strlen(to) : room;
	memcpy(buf, to, n);
	return (ssize_t)n;
}

/* What readdir() hands out in place of a DIR. */
static struct dir {
	int used;
	int at;
	enum { OF_PROC, OF_FDS, OF_FILES } of;
	struct dirent entry;
} dirs[OPEN_DIRS];

static int
open_dir(const char *path, DIR **out)
{
	const char *own = of_process(path);
	struct dir *d = dirs;

	while (d < dirs + OPEN_DIRS && d->used)
		d++;
	if (d == dirs + OPEN_DIRS)
		return -EMFILE;
	d->at = 0;
	if (strcmp(path, "/proc") == 0)
		d->of = OF_PROC;
	else if (own != NULL && strcmp(own, "fd") == 0)
		d->of = OF_FDS;
	else if (strcmp(path, MACHINE_DIR) == 0)
		d->of = OF_FILES;
	else
		return -ENOENT;
	d->used = 1;
	*out = (DIR *)(void *)d;
	return 0;
}

/* The name of entry @i: 1; 0: there is none there; -1: nor any behind. */
static int
entry(struct dir *d, int i)
{
	static const char *const proc[] = {".", "self", "77", "meminfo"};
	char *name = d->entry.d_name;

	d->entry.d_ino = 1;
	switch (d->of) {
	case OF_PROC:
		if (i >= 4)
			return -1;
		strcpy(name, proc[i]);
		return 1;
	case OF_FDS:
		if (i >= 64)
			return -1;
		sprintf(name, "%d", MACHINE_FD + i);
		return machine_node(MACHINE_FD + i) != NULL;
	default:
		if (i >= FILES)
			return -1;
		if (files[i].kind != MACHINE_FILE || files[i].links == 0)
			return 0;
		d->entry.d_ino = number_of(&files[i]);
		strcpy(name, strrchr(files[i].path, '/') + 1);
		return 1;
	}
}

static int
read_dir(DIR *dir, struct dirent **out)
{
	struct dir *d = (void *)dir;
	int is;

	do
		is = entry(d, d->at++);
	while (is == 0);
	*out = is == 1 ? &d->entry : NULL;
	return is == 1;
}

static void
close_dir(DIR *dir)
{
	((struct dir *)(void *)dir)->used = 0;
}

void
machine_files_table(void)
{
	shunt__os.lstat = path_stat;
	shunt__os.stat = path_stat;
	shunt__os.unlink = unlink_file;
	shunt__os.readlink = read_link;
	shunt__os.opendir = open_dir;
	shunt__os.readdir = read_dir;
	shunt__os.closedir = close_dir;
}
