/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_STREAM_H
#define SHUNT_STREAM_H

/*
 * Streams: bytes with an end, from one writer at a time to one reader at a
 * time.  Where a write ended is not seen by the reader, as with a pipe.  What
 * a pipe lacks: the end is said, so the reader tells a writer that has
 * finished from one that died; and bytes wait for a reader that comes later.
 *
 * One stream follows the other through one object.  A stream begins with the
 * first byte, or with its end if it is empty.  It ends with
 * shunt_stream_writer_finish(), or breaks off if its writer dies, exits or
 * closes before that; what the next writer writes is another stream.
 *
 * A reader that dies loses nothing: the next one goes on at the byte behind
 * the last that was read or released.
 *
 * With SHUNT_STREAM_OVERWRITE the writer never waits and overwrites the oldest
 * bytes.  A reader that has not read them gets SHUNT_E_OVERRUN, and goes on
 * with the oldest, or the newest, that are there: perhaps in the middle of a
 * later stream.  It never gets bytes that were overwritten while they were
 * copied; therefore such a stream has neither reserve nor peek.  Layout:
 * docs/layout.md.  Ordering and crash argument: docs/ordering.md.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <shunt/error.h>
#include <shunt/queue.h>
#include <shunt/wait.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shunt_stream_writer; /* this process's end; never in shared memory */
struct shunt_stream_reader;

/* Options of both opens; zeroed with `sz` set, or NULL: defaults. */
struct shunt_stream_options {
	size_t sz;           /* sizeof(struct shunt_stream_options) */
	uint32_t flags;      /* SHUNT_STREAM_... */
	uint32_t mode;       /* permission bits when made here; 0 means 0600 */
	const char *group;   /* group to own it when made here; or NULL */
	const char *owner;   /* whose stream is acceptable besides mine */
	uint64_t lane_bytes; /* bytes on their way, when made here; 0: 1 MiB */
	const char *type;    /* what the bytes are: at most 31 bytes, or NULL */
	uint64_t schema;     /* hash of how they are laid out; 0: any */
};

enum {
	SHUNT_STREAM_EXISTING = 1u << 0,  /* -ENOENT rather than make it */
	SHUNT_STREAM_EXCLUSIVE = 1u << 1, /* -EEXIST rather than open it */
	SHUNT_STREAM_PERSISTENT =
	    1u << 2, /* when made here: stays until removed */
	SHUNT_STREAM_OVERWRITE = 1u << 4, /* when made here: its writer never
					     waits, its reader may be overrun */
	SHUNT_STREAM_LAST = 1u << 3, /* reader: nobody reads on after me, so
					writers are told when I close */
};

/**
 * shunt_stream_writer_open() - attach to a stream to write to it.
 * @out:  set to the handle, or NULL on failure.
 * @name: "/name", "posix:/name", "name", "file:PATH" or "fd:N".
 * @opts: NULL for the defaults.
 *
 * A stream that is missing is made; it is ephemeral unless
 * SHUNT_STREAM_PERSISTENT is given: it goes when nobody has it attached and
 * nothing in it is unread.  Writer and reader may come in any order.
 *
 * Where the last writer left a stream without its end, the reader finds it
 * broken at that place, and what is written here is another stream.
 *
 * Returns: 0 if it was there, 1 if made here, or a negative code:
 *   -EBUSY           somebody writes to it already.
 *   -ENOENT -EEXIST  with SHUNT_STREAM_EXISTING, SHUNT_STREAM_EXCLUSIVE.
 *   -ENOSPC          its file system is full.
 *   -EINVAL          bad @opts: a size that is no power of two from 4 KiB to
 *                    1 GiB, an unknown flag, SHUNT_STREAM_LAST.
 *   SHUNT_E_TYPE     its bytes are of another type or schema.
 *   SHUNT_E_NAME     @name is not in the grammar.
 *   SHUNT_E_KIND     the name is raw or an object of another kind.
 *   SHUNT_E_LAYOUT   made by a version that this library does not read.
 *   SHUNT_E_CORRUPT  its words contradict each other.
 *   SHUNT_E_OWNER    it belongs neither to this user nor to `owner`.
 *   other -errno     of open(2), mmap(2) or fcntl(2).
 *
 * Memory:  the handle belongs to the caller, until it is closed.
 * Threads: safe from any thread.
 * Blocks:  never, but for a concurrent removal: at most 1 s.
 * Signals: not from a handler.
 * Death:   killed at any instruction it leaves a whole stream or none.
 * Fork:    the child's calls on the handle return SHUNT_E_FORKED.
 * Since:   0.1
 */
int shunt_stream_writer_open(struct shunt_stream_writer **out, const char *name,
    const struct shunt_stream_options *opts);

/**
 * shunt_stream_writer_write()  - copy bytes into the stream.
 * shunt_stream_writer_writev() - copy bytes from several places.
 * @writer: an open writer.
 * @buf:    @len bytes, read only during the call.
 * @len:    any number; 0 does nothing.
 * @iov:    @n places; all that is in one fits ssize_t.
 * @n:      how many, 0 or more.
 * @opts:   NULL for the defaults.
 *
 * Waits until all of the bytes are in the stream.  With a limit of time, or
 * SHUNT_NOWAIT, it may end with a part of them, whose number it returns, as
 * write(2) does.  Success means "in the stream", not "read".
 *
 * Returns: the bytes that were written, or a negative code and none were:
 *   -EAGAIN         no room, and wait_ns is SHUNT_NOWAIT.
 *   -ETIMEDOUT      no room before wait_ns ran out.
 *   -EBUSY          a reservation is open.
 *   -EINVAL         no handle; @len over SSIZE_MAX; a negative @n.
 *   SHUNT_E_CLOSED  a reader with SHUNT_STREAM_LAST has closed.
 *   SHUNT_E_REMOVED the stream was removed by force.
 *   SHUNT_E_FORKED  the handle is the parent's.
 *   SHUNT_E_CORRUPT the lane's words contradict each other.
 *
 * Memory:  all that the writer wrote before the call is visible to the reader
 *          once it has these bytes.
 * Threads: one thread at a time.
 * Blocks:  never with SHUNT_NOWAIT; else sleeps on a futex while full.
 * Signals: not from a handler.
 * Death:   killed at any instruction, the bytes so far are there, up to a
 *          place in this call's; then the stream is broken.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
ssize_t shunt_stream_writer_write(struct shunt_stream_writer *writer,
    const void *buf, size_t len, const struct shunt_send_options *opts);
ssize_t shunt_stream_writer_writev(struct shunt_stream_writer *writer,
    const struct iovec *iov, int n, const struct shunt_send_options *opts);

/**
 * shunt_stream_writer_reserve() - get room in the stream, to write in place.
 * shunt_stream_writer_commit()  - send what was written there.
 * @writer: an open writer.
 * @want:   reserve: bytes wanted, at least one.
 * @at:     set to the room, 8-byte aligned; it lies in shared memory.
 * @len:    commit: bytes, at most what was reserved; 0 gives the room back.
 * @opts:   NULL for the defaults.
 *
 * The room is what there is in one piece, at least one byte and at most
 * @want.  A read(2) from a file or a pipe can go straight into it.
 *
 * Returns: reserve: bytes of room; commit: 0; or a negative code as
 *   shunt_stream_writer_write(), and
 *   -EINVAL  @want is 0; commit without a reservation, or of more.
 *   -EOPNOTSUPP  made with SHUNT_STREAM_OVERWRITE: write instead.
 *   -EBUSY   reserve while a reservation is open.
 *
 * Memory:  @at is valid until commit.
 * Threads: one thread at a time.
 * Blocks:  reserve as shunt_stream_writer_write(); commit never.
 * Signals: not from a handler.
 * Death:   a reservation of a dead writer never existed.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
ssize_t shunt_stream_writer_reserve(struct shunt_stream_writer *writer,
    size_t want, void **at, const struct shunt_send_options *opts);
int shunt_stream_writer_commit(struct shunt_stream_writer *writer, size_t len);

/**
 * shunt_stream_writer_finish() - say that these were all of the bytes.
 * @writer: an open writer.
 * @opts:   NULL for the defaults.
 *
 * The reader comes to the end behind the last byte.  Room for the end is kept
 * by every write, so this waits only where the stream is full of ends.  The
 * writer may go on then: its next byte begins the next stream.
 *
 * Returns: 0, or a negative code as shunt_stream_writer_write().
 *
 * Memory:  as shunt_stream_writer_write().
 * Threads: one thread at a time.
 * Blocks:  as shunt_stream_writer_write(), if at all.
 * Signals: not from a handler.
 * Death:   killed in it, the stream has its end or is broken.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_stream_writer_finish(
    struct shunt_stream_writer *writer, const struct shunt_send_options *opts);

/**
 * shunt_stream_writer_close() - detach; an ephemeral stream that is done goes.
 * @writer: the handle, which is set to NULL; NULL in it is accepted.
 *
 * A stream that was begun and not finished is broken off, as if its writer
 * had died: the reader gets what was written, then SHUNT_E_BROKEN.
 *
 * Memory:  frees the handle; a pointer from reserve is gone.
 * Threads: not while another thread uses the handle.
 * Blocks:  at most 100 ms, for others that come or go at this moment.
 * Signals: not from a handler.
 * Death:   killed in it, the next opener or remover finishes the work.
 * Fork:    in a child of the opener frees the child's memory only.
 * Since:   0.1
 */
void shunt_stream_writer_close(struct shunt_stream_writer **writer);

/**
 * shunt_stream_reader_open() - attach to a stream to read from it.
 * @out:  set to the handle, or NULL on failure.
 * @name: as shunt_stream_writer_open().
 * @opts: NULL for the defaults.
 *
 * Reading goes on where the last reader, closed or dead, had come to.  With
 * SHUNT_STREAM_LAST, writers get SHUNT_E_CLOSED from the close of this handle
 * on, until another reader or writer opens; what is unread then does not keep
 * an ephemeral stream.  Without it they wait for the next reader.
 *
 * Returns: as shunt_stream_writer_open(); -EBUSY: somebody reads already.
 *
 * Memory:  the handle belongs to the caller, until it is closed.
 * Threads: safe from any thread.
 * Blocks:  never, but for a concurrent removal: at most 1 s.
 * Signals: not from a handler.
 * Death:   killed at any instruction it leaves a whole stream or none.
 * Fork:    the child's calls on the handle return SHUNT_E_FORKED.
 * Since:   0.1
 */
int shunt_stream_reader_open(struct shunt_stream_reader **out, const char *name,
    const struct shunt_stream_options *opts);

/**
 * shunt_stream_reader_read() - copy the next bytes out.
 * @reader: an open reader.
 * @buf:    room for them.
 * @cap:    bytes of room, at least one.
 * @opts:   NULL for the defaults.
 *
 * Waits until there is something, and returns what there is, at most @cap.
 * The end is answered once: the read behind it waits for the next stream.
 * So is a break; it is told while the writer's byte is free, at the latest
 * after 1 s of sleep, or when the next writer comes, and always after all
 * bytes that were written.
 *
 * Returns: the bytes read, 0 at the end of a stream, or a negative code:
 *   -EAGAIN         nothing there, and wait_ns is SHUNT_NOWAIT.
 *   -ETIMEDOUT      nothing came before wait_ns ran out.
 *   -EINVAL         no handle, or @cap is 0.
 *   SHUNT_E_BROKEN  the writer died, exited or closed before the end.
 *   SHUNT_E_OVERRUN bytes were overwritten unread (SHUNT_STREAM_OVERWRITE).
 *   SHUNT_E_REMOVED the stream was removed by force.
 *   SHUNT_E_FORKED  the handle is the parent's.
 *   SHUNT_E_CORRUPT the stream's words contradict each other.
 *
 * Memory:  all that the writer wrote before these bytes is visible.
 * Threads: one thread at a time.
 * Blocks:  never with SHUNT_NOWAIT; else sleeps on a futex while empty.
 * Signals: not from a handler.
 * Death:   killed before it returns, the next reader gets the bytes again, or
 *          goes on behind those of them that were copied.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
ssize_t shunt_stream_reader_read(struct shunt_stream_reader *reader, void *buf,
    size_t cap, const struct shunt_recv_options *opts);

/**
 * shunt_stream_reader_peek()    - look at the next bytes where they lie.
 * shunt_stream_reader_release() - be done with some of them.
 * @reader: an open reader.
 * @bytes:  set to them; in shared memory: their writer can still change them,
 *          so check after copying, not before.
 * @len:    release: how many, at most what peek has shown; behind an end or a
 *          break 0, which goes past it.
 * @opts:   NULL for the defaults.
 *
 * Peek answers the longest piece that lies in one place.  Without a release
 * it answers the same place again, also an end or a break: so whoever acts on
 * them first and releases then, misses none when it is killed.
 *
 * Returns: peek: as shunt_stream_reader_read(), and -EOPNOTSUPP if it was made
 *   with SHUNT_STREAM_OVERWRITE: read instead; release: 0, or -EINVAL if not so
 *   many bytes were peeked.
 *
 * Memory:  @bytes is valid until they are released.
 * Threads: one thread at a time.
 * Blocks:  peek as shunt_stream_reader_read(); release never.
 * Signals: not from a handler.
 * Death:   killed before release, the next reader gets the bytes again; what
 *          was released never comes again.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
ssize_t shunt_stream_reader_peek(struct shunt_stream_reader *reader,
    const void **bytes, const struct shunt_recv_options *opts);
int shunt_stream_reader_release(struct shunt_stream_reader *reader, size_t len);

/**
 * shunt_stream_reader_fd()  - a descriptor for poll(2), epoll(7), their like.
 * shunt_stream_reader_end() - the receiving end, for shunt_wait().
 * @reader: an open reader.
 *
 * The descriptor is readable when there may be bytes, an end or a break, and
 * after this call; then read with SHUNT_NOWAIT until -EAGAIN, which arms it
 * again (shunt/wait.h).  It is made by the first call, belongs to the handle,
 * and has O_CLOEXEC.  Until then, and while it is not armed, it costs nothing.
 *
 * Returns: fd: the descriptor, or a negative code:
 *   -EMFILE         the process's descriptors or the user's inotify instances
 *                   (fs.inotify.max_user_instances) are used up.
 *   -ENOSPC         the user's inotify watches are used up.
 *   -EACCES         the caller may no longer read the stream's file.
 *   -EINVAL         no handle.
 *   SHUNT_E_FORKED  the handle is the parent's.
 *   end: the end; NULL if there is no handle.
 *
 * Memory:  both go with the handle.
 * Threads: as shunt_stream_reader_read(): one thread at a time.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   a writer's death makes the descriptor readable.
 * Fork:    SHUNT_E_FORKED in a child; the end is of no use there.
 * Since:   0.1
 */
int shunt_stream_reader_fd(struct shunt_stream_reader *reader);
struct shunt_end *shunt_stream_reader_end(struct shunt_stream_reader *reader);

/**
 * shunt_stream_reader_close() - detach; an ephemeral stream that is done goes.
 * @reader: the handle, which is set to NULL; NULL in it is accepted.
 *
 * Memory:  frees the handle; a pointer from peek is gone.
 * Threads: not while another thread uses the handle.
 * Blocks:  at most 100 ms, for others that come or go at this moment.
 * Signals: not from a handler.
 * Death:   killed in it, the next opener or remover finishes the work.
 * Fork:    in a child of the opener frees the child's memory only.
 * Since:   0.1
 */
void shunt_stream_reader_close(struct shunt_stream_reader **reader);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_STREAM_H */
