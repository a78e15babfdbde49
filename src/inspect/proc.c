/* SPDX-License-Identifier: MIT */
/*
 * One pass over /proc for the table of users.  Processes come and go
 * meanwhile: who is gone has nothing.  Who may not be looked at makes the
 * table `hidden`, and so does a failure of any other kind: what was not seen
 * is never taken for nobody.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "inspect/users.h"
#include "os/lines.h"
#include "os/os.h"

/* Paths that tell what has no name: never one of a file that has. */
static const char memfd[] = "/memfd:";
static const char sysv[] = "/SYSV";
static const char shm[] = "/dev/shm/";
static const char gone[] = " (deleted)";

/* The process that is being read. */
struct pass {
	struct shunt__users *u;
	char own_ipc[64]; /* our namespace, where identifiers are ours */
	int32_t self;     /* what /proc calls us */
	int own_fd;
	int32_t pid;
	char task[48]; /* "/proc/PID", or "/proc/PID/task/TID" */
	int foreign;   /* its System V is not ours; -1: not asked yet */
	int lines;     /* it has memory at all */
	int code;      /* -ENOMEM */
};

/* "ipc:[4026531839]", or "" where we may not see it. */
static void
link_of(const char *path, char *out, size_t room)
{
	ssize_t n = shunt__os.readlink(path, out, room - 1);

	out[n < 0 ? 0 : n] = 0;
}

static int
foreign_ipc(struct pass *p)
{
	char path[80], ipc[64];

	if (p->foreign < 0) {
		snprintf(path, sizeof(path), "%s/ns/ipc", p->task);
		link_of(path, ipc, sizeof(ipc));
		p->foreign = ipc[0] != 0 && strcmp(ipc, p->own_ipc) != 0;
	}
	return p->foreign;
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

static int
wanted_device(const struct shunt__users *u, uint64_t dev)
{
	for (size_t i = 0; i < u->ndevices; i++)
		if (u->devices[i] == dev)
			return 1;
	return 0;
}

/* What a use of it is: -1, none of ours. */
static int
use_of(struct pass *p, uint64_t dev, const char *path, int fd)
{
	/* Only mapped; a message queue may have a path that looks like it. */
	if (fd < 0 && begins(path, sysv))
		return foreign_ipc(p) ? -1 : SHUNT__USE_SYSV;
	if (begins(path, memfd))
		return p->u->anon ? SHUNT__USE_MEMFD : -1;
	if (wanted_device(p->u, dev))
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
note_place(struct pass *p, struct shunt__use *use, const char *path, int fd)
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
note(struct pass *p, uint64_t dev, uint64_t ino, const char *path, int fd)
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
static int
take_line(const char *line, void *arg)
{
	struct pass *p = arg;
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

/* Gone, or empty as a dead one's is: that hides nobody. */
static int
is_gone(int e)
{
	return e == -ENOENT || e == -ESRCH || e == -ENOTDIR;
}

static int
read_maps(struct pass *p)
{
	char path[80];
	int e;

	snprintf(path, sizeof(path), "%s/maps", p->task);
	p->lines = 0;
	e = shunt__lines_find(path, take_line, p);
	if (e < 0 && p->code == 0 && !is_gone(e))
		p->u->hidden = 1;
	return p->code;
}

/* A descriptor: asked by stat first, for most are of no device of ours, and
 * have names. */
static int
take_fd(struct pass *p, const char *number)
{
	char at[112], path[PATH_MAX + 64];
	struct stat st;
	int fd = atoi(number), e;

	if (p->pid == p->self && fd == p->own_fd)
		return 0;
	snprintf(at, sizeof(at), "%s/fd/%.20s", p->task, number);
	e = shunt__os.stat(at, &st);
	if (e < 0) {
		if (!is_gone(e))
			p->u->hidden = 1;
		return 0;
	}
	if (!S_ISREG(st.st_mode) ||
	    (st.st_nlink != 0 && !wanted_device(p->u, st.st_dev)))
		return 0;
	link_of(at, path, sizeof(path));
	if (path[0] != 0)
		note(p, st.st_dev, st.st_ino, path, fd);
	else
		p->u->hidden = 1;
	return p->code;
}

static int
read_fds(struct pass *p)
{
	struct dirent *entry;
	char path[80];
	DIR *dir;
	int e;

	snprintf(path, sizeof(path), "%s/fd", p->task);
	e = shunt__os.opendir(path, &dir);
	if (e == 0) {
		while (
		    p->code == 0 && (e = shunt__os.readdir(dir, &entry)) == 1)
			if (entry->d_name[0] != '.')
				take_fd(p, entry->d_name);
		shunt__os.closedir(dir);
	}
	if (e < 0 && !is_gone(e))
		p->u->hidden = 1;
	return p->code;
}

/* The first thread may have ended before the others: then they have what the
 * process has, and it seems to have nothing. */
static int
read_threads(struct pass *p)
{
	struct dirent *entry;
	char path[64];
	DIR *dir;
	int e;

	snprintf(path, sizeof(path), "/proc/%d/task", p->pid);
	e = shunt__os.opendir(path, &dir);
	if (e < 0) {
		if (!is_gone(e))
			p->u->hidden = 1;
		return 0;
	}
	while (p->code == 0 && (e = shunt__os.readdir(dir, &entry)) == 1) {
		if (atoi(entry->d_name) <= 0 || atoi(entry->d_name) == p->pid)
			continue;
		snprintf(p->task, sizeof(p->task), "/proc/%d/task/%.11s",
		    p->pid, entry->d_name);
		if (read_maps(p) == 0 && p->lines) {
			read_fds(p);
			break;
		}
	}
	if (e < 0 && !is_gone(e))
		p->u->hidden = 1;
	shunt__os.closedir(dir);
	return p->code;
}

static int
read_process(struct pass *p, const char *pid)
{
	char *end;
	long number = strtol(pid, &end, 10);
	int hidden = p->u->hidden;

	if (number <= 0 || *end != 0)
		return 0;
	p->pid = (int32_t)number;
	p->foreign = -1;
	snprintf(p->task, sizeof(p->task), "/proc/%.20s", pid);
	p->u->hidden = 0;
	if (read_maps(p) == 0) {
		/* Else without memory: of the kernel, dead, or led by a dead
		 * thread. */
		if (p->lines)
			read_fds(p);
		else if (!p->u->hidden)
			read_threads(p);
	}
	p->u->hidden |= hidden;
	return p->code;
}

static int
take_proc_mount(const char *line, void *arg)
{
	const char *type = strstr(line, " - proc "), *hide;
	struct pass *p = arg;

	if (type == NULL || strstr(line, " /proc ") == NULL)
		return 0;
	hide = strstr(type, "hidepid=");
	if (hide != NULL && hide[8] != '0' && !begins(hide + 8, "off"))
		p->u->hidden = 1;
	return 0;
}

/*
 * Are there processes that /proc does not show at all?  Those of namespaces
 * that are not below ours (only the first one has none beside it; its number
 * is part of the kernel's interface), and with the option hidepid those of
 * others, be it root's first one that is missing.
 */
static void
look_around(struct pass *p)
{
	char self[64];
	struct stat st;

	link_of("/proc/self", self, sizeof(self));
	p->self = atoi(self);
	link_of("/proc/self/ns/pid", self, sizeof(self));
	if (strcmp(self, "pid:[4026531836]") != 0 ||
	    shunt__os.lstat("/proc/1", &st) < 0)
		p->u->hidden = 1;
	link_of("/proc/self/ns/ipc", p->own_ipc, sizeof(p->own_ipc));
	if (p->own_ipc[0] == 0)
		p->u->hidden = 1;
	if (shunt__os.geteuid() != 0 &&
	    shunt__lines_find("/proc/self/mountinfo", take_proc_mount, p) < 0)
		p->u->hidden = 1;
}

int
shunt__users_read(struct shunt__users *u, int own_fd)
{
	struct pass p = {.u = u, .own_fd = own_fd};
	struct dirent *entry;
	DIR *dir;
	int e;

	if (u->read)
		return 0;
	look_around(&p);
	e = shunt__os.opendir("/proc", &dir);
	if (e == 0) {
		while (p.code == 0 && (e = shunt__os.readdir(dir, &entry)) == 1)
			read_process(&p, entry->d_name);
		shunt__os.closedir(dir);
	}
	if (e < 0)
		u->hidden = 1;
	if (p.code < 0) {
		shunt__users_clear(u);
		return p.code;
	}
	shunt__users_sort(u);
	u->read = 1;
	return 0;
}
