/* SPDX-License-Identifier: MIT */
/* Who maps a segment: the lines of /proc/PID/maps that bear its device and
 * inode.  Processes of other users are shown to root alone. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <shunt/inspect.h>

#include "base/error.h"
#include "inspect/inspect.h"
#include "os/lines.h"
#include "os/os.h"
#include "segment/object.h"
#include "segment/raw.h"

/* The kernel calls them "/SYSV" and the key they were made with, and takes the
 * identifier for the inode's number. */
struct wanted {
	const struct stat *st; /* NULL: System V */
	int64_t id;
	char own_ipc[64]; /* our namespace, where identifiers are ours */
};

/* "from-to perms offset major:minor inode path" */
static int
line_matches(const char *line, void *arg)
{
	const struct wanted *want = arg;
	const char *p = line;
	char *end;

	for (int i = 0; i < 3; i++)
		p = shunt__lines_next(p);
	unsigned long major_no = strtoul(p, &end, 16);
	if (*end != ':')
		return 0;
	unsigned long minor_no = strtoul(end + 1, &end, 16);
	unsigned long long inode = strtoull(end, &end, 10);
	if (want->st == NULL)
		return major_no == 0 && inode == (uint64_t)want->id &&
		       strncmp(shunt__lines_next(end), "/SYSV", 5) == 0;
	return inode == want->st->st_ino &&
	       major_no == major(want->st->st_dev) &&
	       minor_no == minor(want->st->st_dev);
}

/* "ipc:[4026531839]", or "" where we may not see it. */
static void
ipc_of(const char *pid, char *out, size_t room)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%.20s/ns/ipc", pid);
	n = shunt__os.readlink(path, out, room - 1);
	out[n < 0 ? 0 : n] = 0;
}

static int
process_maps(const char *pid, struct wanted *want)
{
	char path[64], ipc[64];

	snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
	if (shunt__lines_find(path, line_matches, want) != 1)
		return 0;
	if (want->st != NULL)
		return 1;
	/* Another namespace has another segment of that identifier. */
	ipc_of(pid, ipc, sizeof(ipc));
	return ipc[0] == 0 || strcmp(ipc, want->own_ipc) == 0;
}

static int
mappers(struct wanted *want, int64_t *pids, size_t cap)
{
	struct dirent *entry;
	size_t n = 0;
	DIR *dir;
	int e = shunt__os.opendir("/proc", &dir);

	if (e < 0)
		return e;
	while (shunt__os.readdir(dir, &entry) == 1) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);
		if (pid <= 0 || *end != 0 || !process_maps(entry->d_name, want))
			continue;
		if (n < cap)
			pids[n] = pid;
		n++;
	}
	shunt__os.closedir(dir);
	return (int)n;
}

static int
file_mappers(const struct stat *st, int64_t *pids, size_t cap)
{
	struct wanted want = {.st = st};

	return mappers(&want, pids, cap);
}

static int
sysv_mappers(const struct shunt__name *name, int64_t *pids, size_t cap)
{
	struct wanted want = {.id = shunt__sysv_find(name)};

	if (want.id < 0)
		return (int)want.id;
	ipc_of("self", want.own_ipc, sizeof(want.own_ipc));
	int e = mappers(&want, pids, cap);
	return e < 0 ? shunt__fail(e, "/proc: %s", shunt__why(e)) : e;
}

int
shunt_segment_mappers(const char *text, int64_t *pids, size_t cap)
{
	struct shunt__name name;
	struct stat st;
	int e, fd;

	e = shunt__name_parse(&name, text);
	if (e < 0)
		return e;
	if (name.backend == SHUNT__SYSV)
		return sysv_mappers(&name, pids, pids != NULL ? cap : 0);
	/* Its name is all that is needed, so its mode does not matter. */
	if (name.backend == SHUNT__FD) {
		fd = shunt__open_checked(&name, O_PATH, NULL, 1, &st);
		if (fd < 0)
			return fd;
		shunt__os.close(fd);
	} else {
		e = shunt__os.lstat(name.path, &st);
		if (e < 0)
			return shunt__fail(e, "%s: %s",
			    shunt__quote(name.shown), shunt__why(e));
		if (!S_ISREG(st.st_mode))
			return shunt__fail(SHUNT_E_KIND,
			    "%s: it is no regular file",
			    shunt__quote(name.shown));
	}
	e = file_mappers(&st, pids, pids != NULL ? cap : 0);
	return e < 0 ? shunt__fail(e, "/proc: %s", shunt__why(e)) : e;
}
