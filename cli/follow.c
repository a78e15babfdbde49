/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "follow.h"

#define PIECE         65536
#define LINE_MAX_HELD (1 << 20) /* a longer line is handed out in parts */

void
follow_init(struct follow *f)
{
	*f = (struct follow){.fd = -1};
}

void
follow_fini(struct follow *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->line);
	follow_init(f);
}

off_t
follow_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : 0;
}

/* Opens the file at @at; whatever is no regular file cannot be followed. */
static void
open_at(struct follow *f, off_t at)
{
	struct stat st;
	int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	f->at = at;
	f->len = 0;
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	f->fd = fd;
}

/* Moves on to the beginning of a line. */
static void
align(struct follow *f)
{
	char buf[4096], *nl = NULL;
	ssize_t n;

	if (f->at == 0)
		return;
	f->at--;
	do {
		n = pread(f->fd, buf, sizeof(buf), f->at);
		if (n <= 0)
			return;
		nl = memchr(buf, '\n', (size_t)n);
		f->at += nl != NULL ? nl - buf + 1 : n;
	} while (nl == NULL);
}

void
follow_switch(struct follow *f, const char *path, off_t start)
{
	if (f->fd >= 0)
		close(f->fd);
	snprintf(f->path, sizeof(f->path), "%s", path);
	open_at(f, start);
	if (f->fd < 0)
		f->at = 0;
	else
		align(f);
}

static int
hold(struct follow *f, const char *p, size_t n)
{
	if (f->len + n > f->room) {
		size_t room = (f->len + n) * 2;
		char *more = realloc(f->line, room);

		if (more == NULL)
			return -ENOMEM;
		f->line = more;
		f->room = room;
	}
	memcpy(f->line + f->len, p, n);
	f->len += n;
	return 0;
}

static int
hand_out(
    struct follow *f, const char *p, size_t n, follow_line_fn *fn, void *arg)
{
	while (n > 0) {
		const char *nl = memchr(p, '\n', n);
		size_t len = nl != NULL ? (size_t)(nl - p) + 1 : n;
		int r = hold(f, p, len);

		if (r == 0 && (nl != NULL || f->len > LINE_MAX_HELD)) {
			r = fn(arg, f->line, f->len);
			f->len = 0;
		}
		if (r < 0)
			return r;
		p += len;
		n -= len;
	}
	return 0;
}

static int
read_on(struct follow *f, follow_line_fn *fn, void *arg)
{
	char buf[PIECE];

	for (;;) {
		ssize_t n = pread(f->fd, buf, sizeof(buf), f->at);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		f->at += n;
		r = hand_out(f, buf, (size_t)n, fn, arg);
		if (r < 0)
			return r;
	}
}

/*
 * A file that became much shorter was truncated: it begins anew.  A little
 * shorter: a server cut the torn end of a batch that it writes once more.
 */
static void
look_truncated(struct follow *f)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0 || st.st_size >= f->at)
		return;
	f->at = st.st_size < f->at / 2 ? 0 : st.st_size;
	f->len = 0;
}

/* 1 if the name means another file now. */
static int
rotated(const struct follow *f)
{
	struct stat name, fd;

	return stat(f->path, &name) == 0 && fstat(f->fd, &fd) == 0 &&
	       (name.st_ino != fd.st_ino || name.st_dev != fd.st_dev);
}

int
follow_read(struct follow *f, follow_line_fn *fn, void *arg)
{
	int r, moved;

	if (f->path[0] == 0)
		return 0;
	if (f->fd < 0)
		open_at(f, 0);
	if (f->fd < 0)
		return 0;
	/*
	 * Looked at before reading: whoever made the new file had by then
	 * finished with the old one, so its end is really the end.
	 */
	moved = rotated(f);
	look_truncated(f);
	r = read_on(f, fn, arg);
	if (r < 0 || !moved)
		return r;
	close(f->fd);
	open_at(f, 0);
	return f->fd >= 0 ? read_on(f, fn, arg) : 0;
}
