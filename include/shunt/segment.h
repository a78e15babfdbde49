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
 * memfd that this process inherited or received; "sysv:0x1234" the System V
 * segment with that key, "sysv:ftok=PATH,N" with the key of ftok(PATH, N),
 * "sysv:id=N" with that identifier, "sysv:private" a new one without a key.
 * <shunt/sysv.h> has what System V alone has.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shunt_segment; /* this process's mapping; never in shared memory */

/*
 * Options of create, open, anon and recv.  A zeroed struct with `sz` set, or
 * NULL, means the defaults.  Fields are only ever added at the end.
 */
struct shunt_segment_options {
	size_t sz;         /* sizeof(struct shunt_segment_options) */
	uint32_t mode;     /* permission bits, exact; 0 means 0600 */
	uint32_t flags;    /* SHUNT_SEGMENT_... */
	const char *group; /* group to own it, by name or number; or NULL */
	const char *owner; /* whose segment is acceptable; or NULL for any */
	uint64_t offset;   /* the window's first byte; any, not only pages */
	size_t length;     /* the window's bytes; 0: up to the end */
	void *address;     /* for its first page; NULL: anywhere */
	uint32_t prot;     /* SHUNT_PROT_...; 0: reading and writing */
	uint32_t reserved; /* must be 0 */
};

enum {
	SHUNT_SEGMENT_EXCLUSIVE = 1u << 0, /* create: -EEXIST if it is there */
	SHUNT_SEGMENT_TRUNCATE = 1u
				 << 1, /* create: cut and zero what is there */
	SHUNT_SEGMENT_READONLY = 1u << 2, /* map for reading only */
	SHUNT_SEGMENT_UMASK = 1u << 3,    /* create: mode & ~umask */
	SHUNT_SEGMENT_REPLACE = 1u << 4,  /* address: over what is mapped there
					     (MAP_FIXED, SHM_REMAP) */
	SHUNT_SEGMENT_ROUND = 1u << 5,   /* address: rounded down to SHMLBA or a
					    page (SHM_RND) */
	SHUNT_SEGMENT_HUGE = 1u << 6,    /* huge pages where they can be had */
	SHUNT_SEGMENT_LOCKED = 1u << 7,  /* stays in memory, never in swap */
	SHUNT_SEGMENT_INHERIT = 1u << 8, /* the descriptor survives exec(3) */
	SHUNT_SEGMENT_SEALED = 1u << 9,  /* open, recv: SHUNT_E_KIND unless it
					    is sealed against shrinking */
};

/* What a mapping lets its process do.  A bit field: READ | EXEC. */
enum {
	SHUNT_PROT_READ = 1u << 0,
	SHUNT_PROT_WRITE = 1u << 1,
	SHUNT_PROT_EXEC = 1u << 2,
	SHUNT_PROT_NONE = 1u << 3, /* alone: not even reading */
};

/* What a memfd lets nobody do any more; see fcntl(2), F_ADD_SEALS. */
enum {
	SHUNT_SEAL_SEAL = 1u << 0,   /* add another seal */
	SHUNT_SEAL_SHRINK = 1u << 1, /* make it smaller: no SIGBUS any more */
	SHUNT_SEAL_GROW = 1u << 2,   /* make it larger */
	SHUNT_SEAL_WRITE = 1u << 3,  /* change its bytes */
	SHUNT_SEAL_FUTURE_WRITE = 1u << 4, /* change them by new mappings */
};

/*
 * What stands in shared memory in place of a pointer: 8 bytes that mean the
 * same in every process, wherever each has the segment mapped.  All zero is
 * "none", so that zeroed memory points nowhere.  A struct, so that it cannot
 * be mistaken for a number or a pointer; only the two functions below know
 * what is in it.
 */
struct shunt_offset {
	uint64_t opaque;
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
 * System V: a segment has no file system to fill, and its pages come with the
 * first touch.  It is attached whole, at `address` if that is set; a window is
 * a view inside.  Nothing can cut it, so nothing in it is ever a SIGBUS.
 *
 * Returns: 0 if made, 1 if it was there, or a negative code:
 *   -EEXIST       it exists and SHUNT_SEGMENT_EXCLUSIVE was asked for, or it
 *                 has another size.
 *   -ENOSPC       the file system that holds it has not @size bytes free;
 *                 System V: SHMMNI segments or SHMALL pages are reached.
 *   -EINVAL       @size 0 or over the limit of a file (System V: of SHMMAX),
 *                 a window that is not wholly inside, or bad @opts.
 *   -EEXIST       also: `address` is taken, and not SHUNT_SEGMENT_REPLACE.
 *   -ENOTSUP      System V with SHUNT_SEGMENT_UMASK, _TRUNCATE or _INHERIT.
 *   SHUNT_E_NAME  @name is not in the grammar.
 *   SHUNT_E_NOTREADY  it exists with size 0: its creator, another program, has
 *                 not sized it yet.
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
 *   -EINVAL       a window that is not wholly inside.
 *   -EEXIST       `address` is taken, and not SHUNT_SEGMENT_REPLACE.
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
 * shunt_segment_size() - bytes mapped: the window's, or the segment's as when
 *                        it was opened or resized.
 * shunt_segment_fd()   - its descriptor, owned by the handle; close-on-exec
 *                        unless SHUNT_SEGMENT_INHERIT; -ENOTSUP for System V.
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
 * shunt_segment_at()     - follow an offset: a checked pointer.
 * shunt_segment_offset() - what to store in place of a pointer.
 * @seg: an open segment.
 * @off: an offset, as a rule just copied out of shared memory.
 * @len: bytes that the caller will touch there; at least 1.
 * @ptr: a pointer into @seg's mapping.
 *
 * No pointer is ever stored in shared memory: each process maps a segment at
 * another address.  Copy the offset into a local first, then follow the copy.
 * Offsets count from the segment's first byte, also behind a window.
 *
 * Returns: at: the address, or NULL if @off is none or the @len bytes are not
 *   wholly inside of the mapping.  offset: none if @ptr is NULL or outside.
 *
 * Memory:  the pointer is valid until close or resize.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: async-signal-safe.
 * Death:   touches nothing shared.
 * Fork:    valid in the child.
 * Since:   0.1
 */
void *shunt_segment_at(
    const struct shunt_segment *seg, struct shunt_offset off, size_t len);
struct shunt_offset shunt_segment_offset(
    const struct shunt_segment *seg, const void *ptr);

/**
 * shunt_segment_resize() - give a raw segment another size.
 * @seg:  an open, writable segment that is mapped whole.
 * @size: bytes, at least 1.
 *
 * Growing reserves what is added, zeroed.  Shrinking takes memory away from
 * everybody at once: who touches the lost part, also in other processes, gets
 * a SIGBUS.  Others see a new size when they open it again.  The mapping may
 * move: shunt_segment_data() tells where to, offsets stay right.
 *
 * Returns: 0 or a negative code, and nothing has changed:
 *   -EINVAL   @size 0 or over the limit, or @seg shows a window.
 *   -ENOSPC   the file system has not so many bytes free.
 *   -EPERM    sealed against it.
 *   -EACCES   opened for reading only.
 *   -ENOTSUP  System V segments cannot be resized.
 *   -ENOMEM   it cannot be mapped in the new size.
 *
 * Memory:  pointers into the old mapping are invalid after success.
 * Threads: not while another thread uses the handle.
 * Blocks:  for the time the kernel takes to zero the pages.
 * Signals: not from a handler.
 * Death:   killed in it, the segment has the old size or the new one.
 * Fork:    the child's mapping keeps its size and place.
 * Since:   0.1
 */
int shunt_segment_resize(struct shunt_segment *seg, size_t size);

/**
 * shunt_segment_protect() - change what this process may do with its mapping.
 * @seg:  an open segment.
 * @prot: SHUNT_PROT_... bits.
 *
 * Returns: 0; -EACCES: it was not opened for that; -EINVAL: unknown bits.
 *
 * Memory:  the mapping stays where it is.
 * Threads: safe; other threads' accesses change at once.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   changes nothing that outlives the process.
 * Fork:    the child keeps what it inherited.
 * Since:   0.1
 */
int shunt_segment_protect(struct shunt_segment *seg, uint32_t prot);

/**
 * shunt_segment_seal()  - give up for ever, and for all, what may be changed.
 * shunt_segment_seals() - the seals that a segment bears.
 * @seg:   a memfd: from shunt_segment_anon(), "fd:N" or shunt_segment_recv().
 * @seals: SHUNT_SEAL_... bits to add.
 *
 * SHUNT_SEAL_WRITE maps the segment anew, for reading only: it may move, and
 * it is -EBUSY while any other process has it mapped for writing.
 *
 * Returns: seal: 0; seals: the bits; or a negative code:
 *   -EPERM    sealed with SHUNT_SEAL_SEAL already.
 *   -EBUSY    SHUNT_SEAL_WRITE, and somebody can still write.
 *   -EACCES   opened for reading only.
 *   -ENOTSUP  not a memfd.
 *
 * Memory:  with SHUNT_SEAL_WRITE old pointers are invalid.
 * Threads: not while another thread uses the handle.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   killed in it, the seals are there or are not.
 * Fork:    seals hold for all processes.
 * Since:   0.1
 */
int shunt_segment_seal(struct shunt_segment *seg, uint32_t seals);
int shunt_segment_seals(const struct shunt_segment *seg);

/**
 * shunt_segment_send() - hand a segment to the process behind a UNIX socket.
 * shunt_segment_recv() - take what the other side handed over, and map it.
 * @seg:    any open segment but a System V one.
 * @out:    set to the mapped segment, or NULL on failure.
 * @socket: a connected UNIX socket, stream, datagram or seqpacket.
 * @opts:   as for open; NULL for the defaults.
 *
 * The descriptor travels with a message of 16 bytes, one recv for each send.
 * Whoever receives has exactly the rights that the descriptor carries: open
 * it read-only, or seal it, before you hand it to somebody you do not trust,
 * and ask for SHUNT_SEGMENT_SEALED when you take from such a one.
 *
 * Returns: 0 or a negative code:
 *   SHUNT_E_CLOSED   the other side has closed the socket.
 *   SHUNT_E_CORRUPT  what came is not from shunt_segment_send().
 *   SHUNT_E_KIND     not a regular file or memfd, an object, or not sealed
 *                    as asked.
 *   SHUNT_E_NOTREADY recv: its size is 0.
 *   -ENOTSUP         send: a System V segment has no descriptor.
 *   -EAGAIN          the socket is non-blocking and not ready.
 *   -EACCES          recv: handed over read-only; ask for READONLY.  send:
 *                    open for reading, but its descriptor can write.
 *   other -errno     of sendmsg(2), recvmsg(2) or mmap(2).
 *
 * Memory:  the mapping belongs to the handle, until shunt_segment_close().
 * Threads: safe; two threads must not use one socket at once.
 * Blocks:  as the socket does.
 * Signals: not from a handler; no SIGPIPE.
 * Death:   killed between the two calls, the kernel frees what was in flight.
 * Fork:    usable in the child.
 * Since:   0.1
 */
int shunt_segment_send(const struct shunt_segment *seg, int socket);
int shunt_segment_recv(struct shunt_segment **out, int socket,
    const struct shunt_segment_options *opts);

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
 * is refused and nothing is written.  A System V segment is attached for the
 * time of the copy: what is read of it for the first time takes memory then.
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

/**
 * shunt_segment_set_size()  - shunt_segment_resize() by name, without mapping.
 * shunt_segment_set_mode()  - change the permission bits of a segment.
 * shunt_segment_set_owner() - change its owner, its group or both.
 * @name: see the top of this page.
 * @size: bytes, at least 1.
 * @mode: permission bits, 0 to 0777; exact.
 * @user: name or number of the new owner, or NULL to leave it.
 * @group: name or number of the new group, or NULL to leave it.
 *
 * chmod(2) and chown(2), or IPC_SET for System V.  Mode and owner of objects
 * may be changed too; their size may not.
 *
 * Returns: 0 or a negative code:
 *   -EPERM    neither its owner (System V: nor its creator) nor root.
 *   -EINVAL   a mode over 0777, a size of 0, no such user or group.
 *   -ENOTSUP  set_size of a System V segment.
 *   SHUNT_E_KIND  set_size of an object of ours.
 *   other codes   as shunt_segment_open() and shunt_segment_resize().
 *
 * Memory:  none.
 * Threads: safe from any thread.
 * Blocks:  never for long.
 * Signals: not from a handler.
 * Death:   killed in it, the old or the new value stands.
 * Fork:    usable in the child.
 * Since:   0.1
 */
int shunt_segment_set_size(const char *name, uint64_t size);
int shunt_segment_set_mode(const char *name, uint32_t mode);
int shunt_segment_set_owner(
    const char *name, const char *user, const char *group);

/* Options of shunt_remove(). */
struct shunt_remove_options {
	size_t sz;         /* sizeof(struct shunt_remove_options) */
	uint32_t flags;    /* SHUNT_REMOVE_FORCE */
	uint32_t reserved; /* must be 0 */
	const char *owner; /* as struct shunt_segment_options */
};

enum {
	SHUNT_REMOVE_FORCE = 1u << 0,  /* an object that is in use too */
	SHUNT_REMOVE_ORPHAN = 1u << 1, /* only what is provably nobody's */
	SHUNT_REMOVE_IDLE = 1u << 2,   /* only what nobody has now */
};

/**
 * shunt_remove() - remove a name, whatever kind of segment bears it.
 * @name: see the top of this page.
 * @opts: NULL for the defaults.
 *
 * A raw segment is unlinked as shm_unlink(3) does: those who map it keep it.
 * A System V segment is marked (IPC_RMID): it has no key any more, and goes
 * with the last detach.
 * An object that somebody has attached is refused, unless forced: its users
 * then get SHUNT_E_REMOVED from their next call, at the latest after 1 s.
 *
 * Returns: 0; 1 with SHUNT_REMOVE_ORPHAN or _IDLE if @name is what a removal
 *   that was cut off had left: its own name is back, nothing was removed; or a
 *   negative code:
 *   -ENOENT  no such name.
 *   -EINVAL  SHUNT_REMOVE_FORCE with one of the other two, or bad @opts.
 *   -EBUSY   an object that is in use, and no SHUNT_REMOVE_FORCE; or, with
 *            SHUNT_REMOVE_ORPHAN or _IDLE, not (any more) of that state.  That
 *            is asked under the removal lock, for raw segments by a lease on
 *            the file, for System V by its count: nobody can come in between
 *            unnoticed but to System V, which keeps those who have it.
 *   -EPERM -EACCES  the directory is sticky and the name is another user's.
 *   SHUNT_E_NAME SHUNT_E_OWNER SHUNT_E_KIND  as for open.
 *
 * Memory:  none.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   the name is there or gone.  With SHUNT_REMOVE_IDLE a raw segment
 *          that nobody has may stay as /.shunt-removing.NAME.NUMBER: the next
 *          removal of either name, with one of these flags, gives it back.
 * Fork:    usable in the child.
 * Since:   0.1
 */
int shunt_remove(const char *name, const struct shunt_remove_options *opts);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_SEGMENT_H */
