/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SEGMENT_H
#define SHUNT_SEGMENT_H

/*
 * Segments: plain shared memory by name.  A raw segment holds any program's
 * bytes and has no header of ours; whatever shm_open(3) and mmap(2) made can
 * be opened here, and what is made here can be opened by them.
 *
 * Names: "/name", "posix:/name" or "name" is the POSIX object that is visible
 * as /dev/shm/name; "file:PATH" a mapped file on any file system; "fd:N" a
 * memfd that this process inherited or received.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shunt_segment; /* this process's mapping; never in shared memory */

/*
 * Options of create, open and anon.  A zeroed struct with `sz` set, or NULL,
 * means the defaults.  Fields are only ever added at the end.
 */
struct shunt_segment_options {
	size_t sz;         /* sizeof(struct shunt_segment_options) */
	uint32_t mode;     /* permission bits, exact; 0 means 0600 */
	uint32_t flags;    /* SHUNT_SEGMENT_... */
	const char *group; /* group to own it, by name or number; or NULL */
	const char *owner; /* whose segment is acceptable; or NULL for any */
};

enum {
	SHUNT_SEGMENT_EXCLUSIVE = 1u << 0, /* create: -EEXIST if it is there */
	SHUNT_SEGMENT_TRUNCATE = 1u
				 << 1, /* create: cut and zero what is there */
	SHUNT_SEGMENT_READONLY = 1u << 2, /* map for reading only */
	SHUNT_SEGMENT_UMASK = 1u << 3,    /* create: mode & ~umask */
};

/**
 * shunt_segment_create() - make a raw segment, zeroed and fully reserved.
 * @out:  set to the mapped segment, or NULL on failure.
 * @name: see the top of this page.
 * @size: bytes, at least 1.
 * @opts: NULL for the defaults.
 *
 * All memory is reserved before the name exists, so a full /dev/shm is an
 * error here and never a SIGBUS later.  A name is never seen half made.  If a
 * raw segment of this size is there already it is opened and left untouched.
 * The segment is persistent: it stays until removed or the machine restarts.
 *
 * Returns: 0 if made, 1 if it was there, or a negative code:
 *   -EEXIST       it exists and SHUNT_SEGMENT_EXCLUSIVE was asked for, or it
 *                 has another size.
 *   -ENOSPC       the file system that holds it has not @size bytes free.
 *   -EINVAL       @size 0 or over the limit of a file, or bad @opts.
 *   SHUNT_E_NAME  @name is not in the grammar.
 *   SHUNT_E_KIND  the name is an object (queue, log) or no regular file.
 *   SHUNT_E_OWNER it exists and belongs to another user than `owner`.
 *   other -errno  of open(2), fchmod(2), fchown(2) or mmap(2).
 *
 * Memory:  the mapping belongs to the handle, until shunt_segment_close().
 * Threads: safe from any thread.
 * Blocks:  for the time the kernel takes to zero the pages.
 * Signals: not from a handler.
 * Death:   killed at any instruction it leaves the whole segment or nothing.
 * Fork:    raw mappings are inherited and stay usable in the child.
 * Since:   0.1
 */
int shunt_segment_create(struct shunt_segment **out, const char *name,
    size_t size, const struct shunt_segment_options *opts);

/**
 * shunt_segment_open() - map a segment that exists.
 * @out:  set to the mapped segment, or NULL on failure.
 * @name: see the top of this page.
 * @opts: NULL for the defaults (reading and writing).
 *
 * Returns: 0 or a negative code:
 *   -ENOENT       no segment has that name.
 *   -EACCES       its mode does not let this user in.
 *   SHUNT_E_NOTREADY  its size is 0: its creator has not sized it yet.
 *   SHUNT_E_NAME SHUNT_E_KIND SHUNT_E_OWNER -EINVAL  as for create.
 *
 * Memory:  the mapping belongs to the handle, until shunt_segment_close().
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   changes nothing that outlives the process.
 * Fork:    raw mappings are inherited and stay usable in the child.
 * Since:   0.1
 */
int shunt_segment_open(struct shunt_segment **out, const char *name,
    const struct shunt_segment_options *opts);

/**
 * shunt_segment_anon() - memory without a name, shared with children.
 * @out:  set to the mapped segment, or NULL on failure.
 * @size: bytes, at least 1; zeroed and fully reserved.
 * @opts: NULL for the defaults; mode, group and owner are not used.
 *
 * A memfd.  It goes when the last process that has it ends.
 *
 * Returns: 0 or a negative code, as shunt_segment_create().
 *
 * Memory:  the mapping belongs to the handle, until shunt_segment_close().
 * Threads: safe from any thread.
 * Blocks:  for the time the kernel takes to zero the pages.
 * Signals: not from a handler.
 * Death:   leaves nothing.
 * Fork:    the child inherits the mapping; that is what it is for.
 * Since:   0.1
 */
int shunt_segment_anon(struct shunt_segment **out, size_t size,
    const struct shunt_segment_options *opts);

/**
 * shunt_segment_data() - first byte of the mapping.
 * shunt_segment_size() - its size in bytes, as when it was opened.
 * shunt_segment_fd()   - its descriptor, close-on-exec, owned by the handle.
 * @seg: an open segment.
 *
 * If another process truncates the file, touching the lost part is a SIGBUS.
 *
 * Returns: the value; NULL, 0 or -EINVAL if @seg is NULL.
 *
 * Memory:  valid until shunt_segment_close().
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: async-signal-safe.
 * Death:   touches nothing shared.
 * Fork:    valid in the child.
 * Since:   0.1
 */
void *shunt_segment_data(const struct shunt_segment *seg);
size_t shunt_segment_size(const struct shunt_segment *seg);
int shunt_segment_fd(const struct shunt_segment *seg);

/**
 * shunt_segment_read()  - copy bytes out of a named segment without mapping.
 * shunt_segment_write() - copy bytes into a raw segment without mapping.
 * @name: see the top of this page.
 * @off:  first byte.
 * @buf:  @len bytes.
 * @len:  number of bytes.
 * @opts: `owner` alone is looked at; NULL for the defaults.
 *
 * Reading works on raw segments and on objects, allocates nothing in the
 * segment and cannot end in a SIGBUS.  Writing past the end or onto an object
 * is refused and nothing is written.
 *
 * Returns: bytes copied (reading stops at the end; 0 at or past it), or
 *   -ERANGE       writing: @off + @len is past the end.
 *   SHUNT_E_KIND  writing: the name is an object of ours; or no regular file.
 *   other codes   as shunt_segment_open().
 *
 * Memory:  @buf belongs to the caller.
 * Threads: safe from any thread.
 * Blocks:  never for long.
 * Signals: not from a handler.
 * Death:   killed while writing, any prefix of the bytes is written.
 * Fork:    usable in the child.
 * Since:   0.1
 */
ssize_t shunt_segment_read(const char *name, uint64_t off, void *buf,
    size_t len, const struct shunt_segment_options *opts);
ssize_t shunt_segment_write(const char *name, uint64_t off, const void *buf,
    size_t len, const struct shunt_segment_options *opts);

/**
 * shunt_segment_close() - unmap; the segment itself stays.
 * @seg: the handle, which is set to NULL; NULL in it is accepted.
 *
 * Memory:  frees the handle and its mapping.
 * Threads: not while another thread uses the handle.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   changes nothing that outlives the process.
 * Fork:    closes the child's mapping only.
 * Since:   0.1
 */
void shunt_segment_close(struct shunt_segment **seg);

/* Options of shunt_remove(). */
struct shunt_remove_options {
	size_t sz;         /* sizeof(struct shunt_remove_options) */
	uint32_t flags;    /* SHUNT_REMOVE_FORCE */
	uint32_t reserved; /* must be 0 */
	const char *owner; /* as struct shunt_segment_options */
};

enum {
	SHUNT_REMOVE_FORCE = 1u << 0, /* an object that is in use too */
};

/**
 * shunt_remove() - remove a name, whatever kind of segment bears it.
 * @name: see the top of this page.
 * @opts: NULL for the defaults.
 *
 * A raw segment is unlinked as shm_unlink(3) does: those who map it keep it.
 * An object that somebody has attached is refused, unless forced: its users
 * then get SHUNT_E_REMOVED from their next call, at the latest after 1 s.
 *
 * Returns: 0 or a negative code:
 *   -ENOENT  no such name.
 *   -EBUSY   an object that is in use, and no SHUNT_REMOVE_FORCE.
 *   -EPERM -EACCES  the directory is sticky and the name is another user's.
 *   SHUNT_E_NAME SHUNT_E_OWNER SHUNT_E_KIND  as for open.
 *
 * Memory:  none.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   the name is there or gone; nothing between.
 * Fork:    usable in the child.
 * Since:   0.1
 */
int shunt_remove(const char *name, const struct shunt_remove_options *opts);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_SEGMENT_H */
