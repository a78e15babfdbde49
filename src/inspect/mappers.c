/* SPDX-License-Identifier: MIT */
/* Who maps a file: the lines of /proc/PID/maps that bear its device and
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
#include "os/os.h"
#include "segment/object.h"

#define CHUNK 16384

/* Skips a field and the blanks behind it. */
static const char *
next_field(const char *p)
{
	while (*p != 0 && *p != ' ')
		p++;
	while (*p == ' ')
		p++;
	return p;
}

/* "from-to perms offset major:minor inode path" */
static int
line_matches(const char *line, const struct stat *st)
{
	const char *p = next_field(next_field(next_field(line)));
	char *end;
	unsigned long major_no = strtoul(p, &end, 16);

	if (*end != ':')
		return 0;
	unsigned long minor_no = strtoul(end + 1, &end, 16);
	return strtoull(end, NULL, 10) == st->st_ino &&
	       major_no == major(st->st_dev) && minor_no == minor(st->st_dev);
}

/* Lines may be cut by the end of a chunk: the rest is carried over.  One that
 * is longer than a chunk has matched or not by its beginning. */
static int
maps_it(int fd, const struct stat *st)
{
	char buf[CHUNK + 1];
	size_t have = 0;
	off_t off = 0;
	ssize_t n;

	while ((n = shunt__os.pread(fd, buf + have, CHUNK - have, off)) > 0) {
		char *line = buf, *nl;

		off += n;
		have += (size_t)n;
		buf[have] = 0;
		while ((nl = memchr(line, '\n', have - (size_t)(line - buf))) !=
		       NULL) {
			*nl = 0;
			if (line_matches(line, st))
				return 1;
			line = nl + 1;
		}
		have -= (size_t)(line - buf);
		if (have == CHUNK)
			have = 128; /* numbers and so much of the path */
		memmove(buf, line, have);
	}
	return 0;
}

static int
process_maps(const char *pid, const struct stat *st)
{
	char path[64];
	int fd, found;

	snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
	fd = shunt__os.open(path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	found = maps_it(fd, st);
	shunt__os.close(fd);
	return found;
}

int
shunt__mappers(const struct stat *st, int64_t *pids, size_t cap)
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
		if (pid <= 0 || *end != 0 || !process_maps(entry->d_name, st))
			continue;
		if (n < cap)
			pids[n] = pid;
		n++;
	}
	shunt__os.closedir(dir);
	return (int)n;
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
	/* Its name is all that is needed, so its mode does not matter. */
	if (name.backend == SHUNT__FD) {
		fd = shunt__open_checked(&name, O_PATH, NULL, 1, &st);
		if (fd < 0)
			return fd;
		shunt__os.close(fd);
		e = 0;
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
	e = shunt__mappers(&st, pids, pids != NULL ? cap : 0);
	return e < 0 ? shunt__fail(e, "/proc: %s", shunt__why(e)) : e;
}
