/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_LOG_FILE_H
#define SHUNT_LOG_FILE_H

/*
 * The file that a server writes.  A regular file has a size that we know and
 * lines that we can take back; everything else (pipe, terminal, device) is a
 * stream, of which no such thing can be said.
 */

#include <stddef.h>
#include <stdint.h>

/* Which file it is, whatever it is called by now. */
struct shunt__inode {
	uint64_t dev;
	uint64_t ino;
	int64_t btime_ns; /* 0 where the file system knows no birth */
};

struct shunt__logfile {
	int fd;
	int regular;
	char *path;  /* NULL: standard output */
	char *shown; /* for sentences, escaped */
	struct shunt__inode id;
	uint64_t size;   /* as far as we know: we alone write */
	int dirty;       /* something was written since the last sync */
	uint64_t synced; /* monotonic ns of that */
	uint64_t syncs;  /* how many, for the figures */
	int changed;     /* somebody else cut it or wrote to it */
	int begun;       /* it is known to end in a whole line */
};

/* Opens @path, NULL for standard output, makes it if it is missing and locks
 * it.  0 or a code with its sentence.  close: never fails; may be closed. */
int shunt__file_open(struct shunt__logfile *f, const char *path);
void shunt__file_close(struct shunt__logfile *f);

/* Opens the same path anew.  0 another file now, 1 it is the same, or a code;
 * then the old one stays. */
int shunt__file_reopen(struct shunt__logfile *f, struct shunt__logfile *old);

/* Makes the file end in a newline.  0 or -errno. */
int shunt__file_begin(struct shunt__logfile *f);

/* Looks whether our size still holds; if not, `changed` is set and the file
 * made to end in a whole line.  0, -ESTALE: no name is left of it, -errno. */
int shunt__file_settle(struct shunt__logfile *f);

/* Appends; regular: at f->size, which only moves when all is written.  0 or
 * -errno, and any part may have been written. */
int shunt__file_append(struct shunt__logfile *f, const void *buf, size_t len);

/* Takes back what lies behind f->size. */
int shunt__file_cut(struct shunt__logfile *f);

/* 0 also if nothing was written since the last time, or for a stream. */
int shunt__file_sync(struct shunt__logfile *f);

/* A descriptor of the file that @id says, in the directory of f->path, or
 * -ENOENT or -errno. */
int shunt__file_find(
    const struct shunt__logfile *f, const struct shunt__inode *id);

/* 1 a regular file, 0 a stream, or -errno; a directory cannot be open to
 * write. */
int shunt__inode_of(int fd, struct shunt__inode *id, uint64_t *size);
int shunt__inode_same(
    const struct shunt__inode *a, const struct shunt__inode *b);

/* Would it pass if somebody made room?  Then records are kept meanwhile. */
int shunt__file_full(int e);

#endif /* SHUNT_LOG_FILE_H */
