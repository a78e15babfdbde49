/* SPDX-License-Identifier: MIT */
/* What a process has, into the table of users, if it is shared memory. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "inspect/pass.h"
#include "os/lines.h"
#include "os/os.h"

/* Paths that tell what has no name: never one of a file that has. */
static const char memfd[] = "/memfd:";
static const char sysv[] = "/SYSV";
static const char shm[] = "/dev/shm/";
static const char gone[] = " (deleted)";

void
shunt__pass_link(const char *path, char *out, size_t room)
{
	ssize_t n = shunt__os.readlink(path, out, room - 1);

	out[n < 0 ? 0 : n] = 0;
}

static int
foreign_ipc(struct shunt__pass *p)
{
	char path[80], ipc[64];

	if (p->foreign < 0) {
		snprintf(path, sizeof(path), "%s/ns/ipc", p->task);
		shunt__pass_link(path, ipc, sizeof(ipc));
		p->foreign = ipc[0] != 0 && strcmp(ipc, p->own_ipc) != 0;
	}
	return p->foreign;
}

int32_t
shunt__pass_number(const char *text)
{
	char *end;
	long long n = strtoll(text, &end, 10);

	return end == text || *end != 0 || n < 0 || n > INT32_MAX ? -1
								  : (int32_t)n;
}

static int
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* 1 if it ended so, and now does no more. */
static int
cut_gone(char *path)
{
	size_t n = strlen(path), m = sizeof(gone) - 1;

	if (n <= m || strcmp(path + n - m, gone) != 0)
		return 0;
	path[n - m] = 0;
	return 1;
}

int
shunt__pass_wants(const struct shunt__pass *p, uint64_t dev)
{
	for (size_t i = 0; i < p->u->ndevices; i++)
		if (p->u->devices[i] == dev)
			return 1;
	return 0;
}

/* What a use of it is: -1, none of ours. */
static int
use_of(struct shunt__pass *p, uint64_t dev, const char *path, int fd)
{
	/* Only mapped; a message queue may have a path that looks like it. */
	if (fd < 0 && begins(path, sysv))
		return foreign_ipc(p) ? -1 : SHUNT__USE_SYSV;
	if (begins(path, memfd))
		return p->u->anon ? SHUNT__USE_MEMFD : -1;
	if (shunt__pass_wants(p, dev))
		return SHUNT__USE_FILE;
	/* Of another namespace's /dev/shm: only if it has no name there. */
	return p->u->anon && begins(path, shm) && strlen(path) > 10 &&
		       strcmp(path + strlen(path) - 10, gone) == 0
		   ? SHUNT__USE_FILE
		   : -1;
}

/* The kernel writes a newline in a path of maps as \012. */
static void
unescape(char *path)
{
	char *to = path;

	for (; *path != 0; path++) {
		if (strncmp(path, "\\012", 4) == 0) {
			*to++ = '\n';
			path += 3;
		} else {
			*to++ = *path;
		}
	}
	*to = 0;
}

/* Remembers what its name was, and where it can be looked at: by a descriptor
 * rather than by a mapping, for that asks for less. */
static int
note_place(
    struct shunt__pass *p, struct shunt__use *use, const char *path, int fd)
{
	char copy[PATH_MAX + 64];

	if (!p->u->anon || (use->path != NULL && (fd < 0 || use->fd >= 0)))
		return 0;
	snprintf(copy, sizeof(copy), "%s", path);
	use->deleted = cut_gone(copy);
	if (use->of == SHUNT__USE_FILE && !use->deleted)
		return 0;
	if (fd < 0)
		unescape(copy);
	free(use->path);
	use->path = strdup(copy);
	use->pid = p->pid;
	use->fd = fd;
	return use->path == NULL ? -ENOMEM : 0;
}

static struct shunt__use *
note(
    struct shunt__pass *p, uint64_t dev, uint64_t ino, const char *path, int fd)
{
	int of = use_of(p, dev, path, fd);
	struct shunt__use *use;

	if (of < 0)
		return NULL;
	use = shunt__users_entry(
	    p->u, (enum shunt__use_of)of, of == SHUNT__USE_SYSV ? 0 : dev, ino);
	if (use == NULL || shunt__use_add(use, p->pid) < 0 ||
	    note_place(p, use, path, fd) < 0) {
		p->code = -ENOMEM;
		return NULL;
	}
	return use;
}

/* "from-to perms offset major:minor inode path" */
int
shunt__pass_line(const char *line, void *arg)
{
	struct shunt__pass *p = arg;
	struct shunt__use *use;
	uint64_t from, to, off, ino;
	unsigned major_no, minor_no;
	const char *path;
	char *end;

	p->lines = 1;
	/* Most are private memory or programs; those end early. */
	path = strchr(line, '/');
	if (path == NULL)
		return 0;
	from = strtoull(line, &end, 16);
	to = *end == '-' ? strtoull(end + 1, &end, 16) : 0;
	off = strtoull(shunt__lines_next(end + 1), &end, 16);
	major_no = (unsigned)strtoul(end, &end, 16);
	minor_no = *end == ':' ? (unsigned)strtoul(end + 1, &end, 16) : 0;
	ino = strtoull(end, &end, 10);
	use = note(p, makedev(major_no, minor_no), ino, path, -1);
	if (use == NULL)
		return p->code;
	if (use->path != NULL && use->fd < 0 && use->to == 0) {
		use->from = from;
		use->to = to;
	}
	if (off + (to - from) > use->extent)
		use->extent = off + (to - from);
	return 0;
}

void
shunt__pass_fd(
    struct shunt__pass *p, uint64_t dev, uint64_t ino, const char *path, int fd)
{
	note(p, dev, ino, path, fd);
}
