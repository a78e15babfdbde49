/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "os/lines.h"
#include "os/os.h"

#define CHUNK 16384

const char *
shunt__lines_next(const char *p)
{
	while (*p != 0 && *p != ' ')
		p++;
	while (*p == ' ')
		p++;
	return p;
}

/* Lines may be cut by the end of a chunk: the rest is carried over.  One that
 * is longer than a chunk is asked about by its beginning. */
static int
each_line(int fd, int (*match)(const char *line, void *arg), void *arg)
{
	char buf[CHUNK + 1];
	size_t have = 0;
	off_t off = 0;
	ssize_t n;

	while ((n = shunt__os.pread(fd, buf + have, CHUNK - have, off)) > 0 ||
	       n == -EINTR) {
		char *line = buf, *nl;

		if (n < 0)
			continue;
		off += n;
		have += (size_t)n;
		buf[have] = 0;
		while ((nl = memchr(line, '\n', have - (size_t)(line - buf))) !=
		       NULL) {
			*nl = 0;
			int found = match(line, arg);
			if (found != 0)
				return found;
			line = nl + 1;
		}
		have -= (size_t)(line - buf);
		if (have == CHUNK)
			have = 128; /* numbers and so much of the path */
		memmove(buf, line, have);
	}
	return n < 0 ? (int)n : 0;
}

int
shunt__lines_find(
    const char *path, int (*match)(const char *line, void *arg), void *arg)
{
	int fd = shunt__os.open(path, O_RDONLY | O_CLOEXEC, 0);
	int found;

	if (fd < 0)
		return fd;
	found = each_line(fd, match, arg);
	shunt__os.close(fd);
	return found;
}
