/* SPDX-License-Identifier: MIT */
/*
 * One pass over /proc for the table of users.  Processes come and go
 * meanwhile: who is gone has nothing.  Who may not be looked at makes the
 * table `hidden`, and so does a failure of any other kind: what was not seen
 * is never taken for nobody.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "inspect/pass.h"
#include "os/lines.h"
#include "os/os.h"

/* Gone, or empty as a dead one's is: that hides nobody. */
static int
is_gone(int e)
{
	return e == -ENOENT || e == -ESRCH || e == -ENOTDIR;
}

static int
read_maps(struct shunt__pass *p)
{
	char path[80];
	int e;

	snprintf(path, sizeof(path), "%s/maps", p->task);
	p->lines = 0;
	e = shunt__lines_find(path, shunt__pass_line, p);
	if (e < 0 && p->code == 0 && !is_gone(e))
		p->u->hidden = 1;
	return p->code;
}

/* A descriptor: asked by stat first, for most are of no device of ours, and
 * have names. */
static int
take_fd(struct shunt__pass *p, const char *number)
{
	char at[112], path[PATH_MAX + 64];
	struct stat st;
	int32_t fd = shunt__pass_number(number), e;

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
	    (st.st_nlink != 0 && !shunt__pass_wants(p, st.st_dev)))
		return 0;
	shunt__pass_link(at, path, sizeof(path));
	if (path[0] != 0)
		shunt__pass_fd(p, st.st_dev, st.st_ino, path, fd);
	else
		p->u->hidden = 1;
	return p->code;
}

static int
read_fds(struct shunt__pass *p)
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
read_threads(struct shunt__pass *p)
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
		int32_t tid = shunt__pass_number(entry->d_name);
		if (tid <= 0 || tid == p->pid)
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
read_process(struct shunt__pass *p, const char *pid)
{
	int hidden = p->u->hidden;

	p->pid = shunt__pass_number(pid);
	if (p->pid <= 0)
		return 0;
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
	struct shunt__pass *p = arg;

	if (type == NULL || strstr(line, " /proc ") == NULL)
		return 0;
	hide = strstr(type, "hidepid=");
	if (hide != NULL && hide[8] != '0' && strncmp(hide + 8, "off", 3) != 0)
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
look_around(struct shunt__pass *p)
{
	char self[64];
	struct stat st;

	shunt__pass_link("/proc/self", self, sizeof(self));
	p->self = shunt__pass_number(self);
	shunt__pass_link("/proc/self/ns/pid", self, sizeof(self));
	if (strcmp(self, "pid:[4026531836]") != 0 ||
	    shunt__os.lstat("/proc/1", &st) < 0)
		p->u->hidden = 1;
	shunt__pass_link("/proc/self/ns/ipc", p->own_ipc, sizeof(p->own_ipc));
	if (p->own_ipc[0] == 0)
		p->u->hidden = 1;
	if (shunt__os.geteuid() != 0 &&
	    shunt__lines_find("/proc/self/mountinfo", take_proc_mount, p) < 0)
		p->u->hidden = 1;
}

int
shunt__users_read(struct shunt__users *u, int own_fd)
{
	struct shunt__pass p = {.u = u, .own_fd = own_fd};
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
