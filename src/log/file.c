/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "log/file.h"
#include "os/os.h"

int
shunt__file_full(int e)
{
	return e == -ENOSPC || e == -EDQUOT || e == -EIO || e == -EFBIG ||
	       e == -ENOMEM;
}

int
shunt__inode_of(int fd, struct shunt__inode *id, uint64_t *size)
{
	struct stat st;
	int e = shunt__os.fstat(fd, &st);

	if (e < 0)
		return e;
	memset(id, 0, sizeof(*id));
	id->dev = (uint64_t)st.st_dev;
	id->ino = (uint64_t)st.st_ino;
	*size = (uint64_t)st.st_size;
	if (shunt__os.birth(fd, &id->btime_ns) < 0)
		id->btime_ns = 0;
	return S_ISREG(st.st_mode);
}

int
shunt__inode_same(const struct shunt__inode *a, const struct shunt__inode *b)
{
	return a->dev == b->dev && a->ino == b->ino &&
	       (a->btime_ns == b->btime_ns || a->btime_ns == 0 ||
		   b->btime_ns == 0);
}

static int
fail(const struct shunt__logfile *f, int e)
{
	return shunt__fail(e, "%s: the log cannot be written there: %s",
	    f->shown, shunt__why(e));
}

/*
 * One lock over the whole file: two servers of different logs would tear each
 * other's batches.  Which of them serves the log is settled elsewhere, by the
 * byte in the object: this lock leaves with the file when it is renamed.
 */
static int
lock(const struct shunt__logfile *f)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int e;

	do
		e = shunt__os.lock(f->fd, F_OFD_SETLK, &fl);
	while (e == -EINTR);
	if (e == -EAGAIN || e == -EACCES)
		return shunt__fail(-EBUSY,
		    "%s: the server of another log writes this file; give "
		    "each its own (-o)",
		    f->shown);
	/* A file system without locks: the object's byte has to do. */
	return e == -ENOLCK || e == -EOPNOTSUPP || e == -ENOSYS ? 0 : e;
}

/* 1: the path still leads to this file; 0: it was renamed meanwhile. */
static int
still_there(const struct shunt__logfile *f)
{
	struct stat st;
	int fd = shunt__os.open(f->path, O_PATH | O_CLOEXEC, 0);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	int e = shunt__os.fstat(fd, &st);
	shunt__os.close(fd);
	if (e < 0)
		return e;
	return (uint64_t)st.st_dev == f->id.dev &&
	       (uint64_t)st.st_ino == f->id.ino;
}

/*
 * O2: one open that makes the file if need be, and then only questions to that
 * descriptor.  A look, then a creation, could each meet another file.  @keep:
 * a file that is locked already, by us.  0, 1 it is @keep, -ESTALE: try again.
 */
static int
open_once(struct shunt__logfile *f, const struct shunt__logfile *keep)
{
	int e;

	/* Read, too: the end of the file is looked at.  0640: the group may
	 * read logs; the umask has its say. */
	f->fd = shunt__os.open(
	    f->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (f->fd < 0)
		return fail(f, f->fd);
	e = shunt__inode_of(f->fd, &f->id, &f->size);
	if (e < 0)
		return fail(f, e);
	f->regular = e;
	if (keep != NULL && shunt__inode_same(&f->id, &keep->id))
		return 1;
	if (!f->regular)
		return 0;
	e = lock(f);
	if (e < 0)
		return e == -EBUSY ? e : fail(f, e);
	e = still_there(f);
	return e < 0 ? fail(f, e) : e == 1 ? 0 : -ESTALE;
}

static int
open_path(struct shunt__logfile *f, const struct shunt__logfile *keep)
{
	for (int i = 0; i < 100; i++) {
		int e = open_once(f, keep);
		if (e == 0)
			return 0;
		if (f->fd >= 0)
			shunt__os.close(f->fd);
		f->fd = -1;
		if (e != -ESTALE)
			return e;
	}
	return shunt__fail(
	    -EBUSY, "%s: it is renamed faster than it can be opened", f->shown);
}

static int
set_path(struct shunt__logfile *f, const char *path)
{
	memset(f, 0, sizeof(*f));
	f->fd = -1;
	f->path = path == NULL ? NULL : strdup(path);
	f->shown =
	    strdup(path == NULL ? "standard output" : shunt__quote(path));
	if (f->shown == NULL || (path != NULL && f->path == NULL))
		return shunt__fail(-ENOMEM, "out of memory");
	return 0;
}

int
shunt__file_open(struct shunt__logfile *f, const char *path)
{
	int e = set_path(f, path);

	if (e == 0 && path != NULL)
		e = open_path(f, NULL);
	else if (e == 0 && (f->fd = shunt__os.dup(STDOUT_FILENO)) < 0)
		e = fail(f, f->fd);
	f->synced = shunt__now();
	if (e < 0)
		shunt__file_close(f);
	return e;
}

int
shunt__file_reopen(struct shunt__logfile *f, struct shunt__logfile *old)
{
	int e = set_path(f, old->path);

	if (e == 0 && old->path == NULL)
		e = 1;
	else if (e == 0)
		e = open_path(f, old);
	f->synced = shunt__now();
	f->syncs = old->syncs;
	if (e != 0)
		shunt__file_close(f);
	return e;
}

void
shunt__file_close(struct shunt__logfile *f)
{
	if (f->fd >= 0)
		shunt__os.close(f->fd);
	f->fd = -1;
	free(f->path);
	free(f->shown);
	f->path = f->shown = NULL;
}

static int
write_all(struct shunt__logfile *f, const char *buf, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n =
		    f->regular ? shunt__os.pwrite(f->fd, buf + done, len - done,
				     (off_t)(f->size + done))
			       : shunt__os.write(f->fd, buf + done, len - done);
		/* A stream that nobody reads blocks: a signal gets through. */
		if (n == -EINTR && f->regular)
			continue;
		if (n <= 0)
			return n < 0 ? (int)n : -ENOSPC;
		done += (size_t)n;
	}
	return 0;
}

int
shunt__file_append(struct shunt__logfile *f, const void *buf, size_t len)
{
	int e = write_all(f, buf, len);

	f->dirty = 1;
	if (e == 0)
		f->size += len;
	return e;
}

int
shunt__file_cut(struct shunt__logfile *f)
{
	int e;

	do
		e = shunt__os.ftruncate(f->fd, (off_t)f->size);
	while (e == -EINTR);
	return e;
}

int
shunt__file_sync(struct shunt__logfile *f)
{
	int e;

	f->synced = shunt__now();
	if (!f->dirty || !f->regular)
		return 0;
	do
		e = shunt__os.fdatasync(f->fd);
	while (e == -EINTR);
	f->syncs++;
	if (e == 0)
		f->dirty = 0;
	return e;
}

/* O3: lines of others may end without a newline; ours begin on their own. */
int
shunt__file_begin(struct shunt__logfile *f)
{
	char last = '\n';
	int e;

	if (f->regular && f->size > 0) {
		ssize_t n;
		do
			n = shunt__os.pread(
			    f->fd, &last, 1, (off_t)f->size - 1);
		while (n == -EINTR);
		if (n < 0)
			return (int)n;
	}
	/* Killed after this: the successor finds a newline. */
	e = last == '\n' ? 0 : shunt__file_append(f, "\n", 1);
	f->begun = e == 0;
	return e;
}

int
shunt__file_settle(struct shunt__logfile *f)
{
	struct stat st;
	int e;

	if (!f->regular)
		return 0;
	e = shunt__os.fstat(f->fd, &st);
	if (e < 0)
		return e;
	if (st.st_nlink == 0)
		return -ESTALE;
	if ((uint64_t)st.st_size == f->size && f->begun)
		return 0;
	f->changed = (uint64_t)st.st_size != f->size;
	f->size = (uint64_t)st.st_size;
	return shunt__file_begin(f);
}
