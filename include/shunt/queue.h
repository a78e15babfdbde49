/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_QUEUE_H
#define SHUNT_QUEUE_H

/*
 * Queues: each message to one receiver.  Any number of processes and threads
 * send, any number of handles receive.  One receiver gets the messages of one
 * sending thread in the order sent, and of several each takes the next one
 * that nobody has yet; between senders there is no order.
 *
 * A receiver that copies (recv) is done with a message at once.  One that
 * looks at it (peek) has it in hand until it says so (release): meanwhile
 * others go on with the messages behind it, and if it dies, or closes, the
 * message comes again, to somebody else, with SHUNT_MESSAGE_REDELIVERED.
 * A receiver stopped in the midst of a call (SIGSTOP) holds up the one lane
 * that it was taking from, until it goes on or dies.
 *
 * Layout: docs/layout.md.  Ordering and crash argument: docs/ordering.md.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <shunt/error.h>
#include <shunt/wait.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shunt_queue; /* this process's end of a queue; never in shared memory */

/* Options of shunt_queue_open(); zeroed with `sz` set, or NULL: defaults. */
struct shunt_queue_options {
	size_t sz;           /* sizeof(struct shunt_queue_options) */
	uint32_t flags;      /* SHUNT_QUEUE_... */
	uint32_t mode;       /* permission bits when made here; 0 means 0600 */
	const char *group;   /* group to own it when made here; or NULL */
	const char *owner;   /* whose queue is acceptable besides mine */
	uint64_t lane_bytes; /* a lane's size when made here; 0: 128 KiB */
	uint32_t lanes;      /* sending threads at once; 0 means 1024 */
	uint32_t receivers;  /* receiving handles at once; 0 means 64 */
	const char *type;    /* of its messages, at most 31 bytes; or NULL */
	uint64_t schema;     /* what they hold, as a number; 0: any */
};

enum {
	SHUNT_QUEUE_EXISTING = 1u << 0,  /* -ENOENT rather than make it */
	SHUNT_QUEUE_EXCLUSIVE = 1u << 1, /* -EEXIST rather than open it */
	SHUNT_QUEUE_PERSISTENT = 1u
				 << 2, /* when made here: stays until removed */
};

/* Options of the sending and receiving calls. */
struct shunt_send_options {
	size_t sz;       /* sizeof(struct shunt_send_options) */
	int64_t wait_ns; /* SHUNT_FOREVER (default), SHUNT_NOWAIT or a limit */
};

struct shunt_recv_options {
	size_t sz;       /* sizeof(struct shunt_recv_options) */
	int64_t wait_ns; /* SHUNT_FOREVER (default), SHUNT_NOWAIT or a limit */
};

/* What is known about a received message. */
struct shunt_message {
	size_t sz;      /* sizeof(struct shunt_message), set by the caller */
	size_t len;     /* bytes */
	uint32_t lane;  /* which lane brought it; one sender at a time has it */
	uint32_t flags; /* SHUNT_MESSAGE_... */
};

enum {
	/* Another receiver had it and died, or left, before he released it. */
	SHUNT_MESSAGE_REDELIVERED = 1u << 0,
};

/**
 * shunt_queue_open() - attach to a queue, and make it if it is missing.
 * @out:  set to the handle, or NULL on failure.
 * @name: "/name", "posix:/name", "name", "file:PATH" or "fd:N".
 * @opts: NULL for the defaults.
 *
 * A queue made here is ephemeral unless SHUNT_QUEUE_PERSISTENT is given: it
 * goes when nobody has it attached and nothing in it is unread.
 *
 * Returns: 0 if it was there, 1 if made here, or a negative code:
 *   -ENOENT -EEXIST  with SHUNT_QUEUE_EXISTING, SHUNT_QUEUE_EXCLUSIVE.
 *   -ENOSPC          its file system is full: nothing was made.
 *   -EINVAL          bad @opts: a size that is no power of two from 4 KiB to
 *                    1 GiB, more than 4096 lanes or 1024 receivers, an
 *                    unknown flag, a type of more than 31 bytes.
 *   SHUNT_E_NAME     @name is not in the grammar.
 *   SHUNT_E_KIND     the name is raw or an object of another kind.
 *   SHUNT_E_LAYOUT   made by a version that this library does not read.
 *   SHUNT_E_CORRUPT  its header contradicts itself.
 *   SHUNT_E_OWNER    it belongs neither to this user nor to `owner`.
 *   SHUNT_E_TYPE     its messages are of another type or schema.
 *   other -errno     of open(2), mmap(2) or fcntl(2).
 *
 * Memory:  the handle belongs to the caller, until shunt_queue_close().
 * Threads: safe from any thread.
 * Blocks:  never, but for a concurrent removal: at most 1 s.
 * Signals: not from a handler.
 * Death:   killed at any instruction it leaves a whole queue or none.
 * Fork:    the child's calls on the handle return SHUNT_E_FORKED; it opens
 *          the queue itself.
 * Since:   0.1
 */
int shunt_queue_open(struct shunt_queue **out, const char *name,
    const struct shunt_queue_options *opts);

/**
 * shunt_queue_close() - detach; an ephemeral queue that is done goes.
 * @queue: the handle, which is set to NULL; NULL in it is accepted.
 *
 * Memory:  frees the handle; pointers from reserve and peek are gone.
 * Threads: not while another thread uses the handle.
 * Blocks:  at most 100 ms, for others that come or go at this moment.
 * Signals: not from a handler.
 * Death:   killed in it, the next opener or remover finishes the work.
 * Fork:    in a child of the opener frees the child's memory only.
 * Since:   0.1
 */
void shunt_queue_close(struct shunt_queue **queue);

/**
 * shunt_queue_send() - copy one message into the queue.
 * @queue: an open queue.
 * @msg:   @len bytes, read only during the call; may be NULL if @len is 0.
 * @len:   0 to shunt_queue_max(@queue).
 * @opts:  NULL for the defaults.
 *
 * The message is delivered whole or not at all.  Success means "in the queue",
 * not "received".  It stays there when sender and receiver die.
 *
 * Returns: 0, or a negative code and nothing was sent:
 *   -EAGAIN         no room, and wait_ns is SHUNT_NOWAIT.
 *   -ETIMEDOUT      no room before wait_ns ran out.
 *   -EMSGSIZE       @len is over shunt_queue_max(): it will never fit;
 *                   shunt_error_detail() says which lane_bytes would do.
 *   -EBUSY          a signal handler interrupted a call on the same lane.
 *   -ENOSPC -ENOMEM the first call of a thread could not get its lane.
 *   SHUNT_E_SLOTS   all lanes are taken by live senders.
 *   SHUNT_E_CLOSED  the queue is finished (shunt_queue_finish()).  If it was
 *                   finished during this very call, a receiver that had the
 *                   message already under its hands may have got it.
 *   SHUNT_E_REMOVED the queue was removed by force.
 *   SHUNT_E_FORKED  the handle is the parent's.
 *   SHUNT_E_CORRUPT the lane's words contradict each other.
 *
 * Memory:  all that the sender wrote before the call is visible to the
 *          receiver once it has this message.
 * Threads: safe on one handle from any number of threads: each takes a lane
 *          of its own on its first call and gives it back when it ends.
 * Blocks:  never with SHUNT_NOWAIT; else sleeps on a futex while full.
 * Signals: with SHUNT_NOWAIT from a handler, once its thread has sent before,
 *          and not of a message that is too long: its sentence is made.
 * Death:   killed at any instruction, the sender leaves the message whole or
 *          absent, and nobody waits for it.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_queue_send(struct shunt_queue *queue, const void *msg, size_t len,
    const struct shunt_send_options *opts);

/**
 * shunt_queue_sendv() - send one message that is made of several parts.
 * @queue: an open queue.
 * @parts: @n pieces, put one after the other; may be NULL if @n is 0.
 * @n:     how many, 0 or more.
 * @opts:  NULL for the defaults.
 *
 * Returns: 0, or a negative code as shunt_queue_send(); also
 *   -EINVAL  @n is negative, or @parts is NULL.
 *
 * Memory:  the pieces are read only during the call.
 * Threads: as shunt_queue_send().
 * Blocks:  as shunt_queue_send().
 * Signals: as shunt_queue_send().
 * Death:   as shunt_queue_send(): all parts or none.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_queue_sendv(struct shunt_queue *queue, const struct iovec *parts,
    int n, const struct shunt_send_options *opts);

/**
 * shunt_queue_send_batch() - send several messages at once.
 * @queue: an open queue.
 * @msgs:  @n messages, each of one piece.
 * @n:     how many, 0 or more.
 * @opts:  NULL for the defaults.
 *
 * Waits until there is room for the first, then sends as many as there is room
 * for by one store: all of them exist, or none.
 *
 * Returns: how many were sent, from the first on: 1 to @n, or 0 if @n is 0; or
 *   a negative code as shunt_queue_send(), and nothing was sent; also
 *   -EMSGSIZE  one of them, whichever, is over shunt_queue_max().
 *   -EINVAL    @n is negative, or @msgs is NULL.
 *
 * Memory:  the messages are read only during the call.
 * Threads: as shunt_queue_send().
 * Blocks:  as shunt_queue_send(), for the first message alone.
 * Signals: as shunt_queue_send().
 * Death:   killed at any instruction, all that it would have told of is there
 *          or nothing.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_queue_send_batch(struct shunt_queue *queue, const struct iovec *msgs,
    int n, const struct shunt_send_options *opts);

/**
 * shunt_queue_finish() - close and drain: nothing more is sent.
 * @queue: an open queue, be it a sender's or a receiver's handle.
 *
 * From now on sending calls return SHUNT_E_CLOSED, those of others and those
 * that wait for room, too.  Receiving calls return what is left, and when
 * nothing is left and nobody has a message in hand that might come again,
 * SHUNT_E_CLOSED.  What was sent is received, what was refused is not; there
 * is no third thing.  A queue stays finished until it is removed.
 *
 * Returns: 0, also if it was finished before; or a negative code:
 *   -EINVAL         @queue is NULL.
 *   SHUNT_E_REMOVED the queue was removed by force.
 *   SHUNT_E_FORKED  the handle is the parent's.
 *
 * Memory:  none.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   killed in it, the queue is finished or not; who sleeps learns of it
 *          after at most 1 s.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_queue_finish(struct shunt_queue *queue);

/**
 * shunt_queue_reserve() - get room in the queue, to write a message in place.
 * shunt_queue_commit()  - send what was written there.
 * shunt_queue_abort()   - give the room back; nothing was sent.
 * @queue: an open queue.
 * @len:   reserve: room wanted, 0 to shunt_queue_max(@queue); commit: the
 *         message's bytes, at most what was reserved.
 * @msg:   set to the room, 8-byte aligned; it lies in shared memory.
 * @opts:  NULL for the defaults.
 *
 * One reservation at a time and thread.  Between reserve and commit the
 * thread must not send on this queue.
 *
 * Returns: 0, or a negative code as shunt_queue_send(); also
 *   -EINVAL  commit without a reservation, or of more than was reserved.
 *   -EBUSY   reserve while a reservation is open.
 *
 * Memory:  @msg is valid until commit or abort.
 * Threads: safe from any thread; commit belongs to the reserving thread.
 * Blocks:  reserve as shunt_queue_send(); commit and abort never.
 * Signals: as shunt_queue_send().
 * Death:   a reservation of a dead sender never existed.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_queue_reserve(struct shunt_queue *queue, size_t len, void **msg,
    const struct shunt_send_options *opts);
int shunt_queue_commit(struct shunt_queue *queue, size_t len);
void shunt_queue_abort(struct shunt_queue *queue);

/**
 * shunt_queue_recv() - copy the next message out and release it.
 * @queue: an open queue; the first call makes the handle a receiver of it.
 * @buf:   room for the message.
 * @cap:   bytes of room.
 * @info:  NULL, or a struct with `sz` set, filled on success.
 * @opts:  NULL for the defaults.
 *
 * Returns: the message's bytes (0 is an empty message), or a negative code:
 *   -EAGAIN         nothing there, and wait_ns is SHUNT_NOWAIT.
 *   -ETIMEDOUT      nothing came before wait_ns ran out.
 *   -EMSGSIZE       the message is longer than @cap; it stays; @info->len,
 *                   if given, tells its length.
 *   SHUNT_E_SLOTS   there are as many receivers as it has places for.
 *   SHUNT_E_CLOSED  it is finished, and nothing is left.
 *   SHUNT_E_REMOVED the queue was removed by force.
 *   SHUNT_E_FORKED  the handle is the parent's.
 *   SHUNT_E_CORRUPT a lane's words contradict each other.
 *   SHUNT_E_TRUNCATED, -ENOMEM  a lane's memory is not there: told once, then
 *                   tried again by each later call.
 *
 * Memory:  all that the sender wrote before sending is visible.
 * Threads: one receiving thread at a time and handle; others open their own.
 * Blocks:  never with SHUNT_NOWAIT; else sleeps on a futex while empty.
 * Signals: not from a handler.
 * Death:   killed before the message is released, which is the last thing that
 *          it does, the message goes to another receiver.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
ssize_t shunt_queue_recv(struct shunt_queue *queue, void *buf, size_t cap,
    struct shunt_message *info, const struct shunt_recv_options *opts);

/**
 * shunt_queue_recv_batch() - copy several messages out and release them.
 * @queue: an open queue; the first call makes the handle a receiver of it.
 * @buf:   room for the messages, which are put one right after the other.
 * @cap:   bytes of room.
 * @infos: @n structs, of which the first has `sz` set: all are filled as one
 *         of that size.  `len` says where the next message begins.
 * @n:     the most messages wanted, 1 or more.
 * @opts:  NULL for the defaults.
 *
 * Waits for the first message, then takes as many of the same lane as are
 * there and fit, and releases them by one store.
 *
 * Returns: how many messages came, 1 to @n; or a negative code as
 *   shunt_queue_recv(); also
 *   -EMSGSIZE  the first one is longer than @cap; it stays; @infos[0].len
 *              tells its length.
 *   -EINVAL    @n is below 1, or @infos is NULL or has no `sz`.
 *
 * Memory:  all that the senders wrote before sending is visible.
 * Threads: one receiving thread at a time and handle; others open their own.
 * Blocks:  as shunt_queue_recv(), for the first message alone.
 * Signals: not from a handler.
 * Death:   killed before they are released, which is the last thing that it
 *          does, all of them go to other receivers.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_queue_recv_batch(struct shunt_queue *queue, void *buf, size_t cap,
    struct shunt_message *infos, int n, const struct shunt_recv_options *opts);

/**
 * shunt_queue_peek()    - look at the next message where it lies.
 * shunt_queue_release() - be done with it.
 * @queue: an open queue; the first peek makes the handle a receiver of it.
 * @msg:   set to the bytes, 8-byte aligned, in shared memory: its sender can
 *         still change them, so check after copying, not before.
 * @info:  NULL, or a struct with `sz` set, filled on success.
 * @opts:  NULL for the defaults.
 *
 * A second peek without release answers the same message, and so does recv,
 * which releases it.  Meanwhile the message is nobody else's.
 *
 * Returns: peek: the message's bytes or a negative code as
 *   shunt_queue_recv(); release: 0, or -EINVAL if nothing was peeked.
 *
 * Memory:  @msg is valid until release.
 * Threads: one receiving thread at a time and handle; others open their own.
 * Blocks:  peek as shunt_queue_recv(); release never.
 * Signals: not from a handler.
 * Death:   killed or closed before release, the message goes to another
 *          receiver with SHUNT_MESSAGE_REDELIVERED, at the latest within 1 s.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
ssize_t shunt_queue_peek(struct shunt_queue *queue, const void **msg,
    struct shunt_message *info, const struct shunt_recv_options *opts);
int shunt_queue_release(struct shunt_queue *queue);

/**
 * shunt_queue_fd()  - a descriptor for poll(2), epoll(7) and their like.
 * shunt_queue_end() - the receiving end, for shunt_wait().
 * @queue: an open queue.
 *
 * The descriptor is readable when there may be a message, and after this call;
 * then receive with SHUNT_NOWAIT until -EAGAIN, which arms it again
 * (shunt/wait.h).  It is made by the first call, belongs to the handle, and
 * has O_CLOEXEC.  Until then, and while it is not armed, it costs nothing.
 *
 * Returns: fd: the descriptor, or a negative code:
 *   -EMFILE         the process's descriptors or the user's inotify instances
 *                   (fs.inotify.max_user_instances) are used up.
 *   -ENOSPC         the user's inotify watches are used up.
 *   -EACCES         the caller may no longer read the queue's file.
 *   -EINVAL         @queue is NULL.
 *   SHUNT_E_FORKED  the handle is the parent's.
 *   end: the end; NULL if @queue is NULL.
 *
 * Memory:  both go with the handle.
 * Threads: as shunt_queue_recv(): one receiving thread at a time.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   a sender killed between sending and waking makes the descriptor
 *          readable by its death.
 * Fork:    SHUNT_E_FORKED in a child; the end is of no use there.
 * Since:   0.1
 */
int shunt_queue_fd(struct shunt_queue *queue);
struct shunt_end *shunt_queue_end(struct shunt_queue *queue);

/**
 * shunt_queue_max() - the longest message that this queue takes, in bytes.
 * @queue: an open queue.
 *
 * Returns: half a lane less one header; 0 if @queue is NULL.
 *
 * Memory:  none.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: async-signal-safe.
 * Death:   touches nothing shared.
 * Fork:    valid in the child.
 * Since:   0.1
 */
size_t shunt_queue_max(const struct shunt_queue *queue);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_QUEUE_H */
