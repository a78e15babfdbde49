/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CALL_H
#define SHUNT_CALL_H

/*
 * Calls: a client sends a request and gets the reply to it.  Any number of
 * client threads and of servers, in any number of processes, meet at one
 * service.  The requests of one client thread are answered one after the
 * other, in the order sent; those of different threads by different servers
 * at the same time.
 *
 * A request is given to a server at most once.  Each call that was sent ends
 * in one of these, never in two:
 *   its reply;
 *   SHUNT_E_PEERDEAD: it was given to a server that died, closed or gave up
 *                     before it replied.  What it did by then is done;
 *   a limit of the caller's (time-out, cancel): the reply, if one comes late,
 *                     is dropped.
 * A request that was given to no server yet waits for the next one, whatever
 * becomes of servers meanwhile.
 *
 * Layout: docs/layout.md.  Ordering and crash argument: docs/ordering.md.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <shunt/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shunt_client;  /* the calling end; never in shared memory */
struct shunt_service; /* the answering end; never in shared memory */
struct shunt_end;     /* of <shunt/wait.h> */

/* Options of both open calls; zeroed with `sz` set, or NULL: defaults. */
struct shunt_service_options {
	size_t sz;           /* sizeof(struct shunt_service_options) */
	uint32_t flags;      /* SHUNT_SERVICE_... */
	uint32_t mode;       /* permission bits when made here; 0 means 0600 */
	const char *group;   /* group to own it when made here; or NULL */
	const char *owner;   /* whose service is acceptable besides mine */
	uint64_t lane_bytes; /* of a lane, when made here; 0: 128 KiB */
	uint32_t clients;    /* client threads at once, when made; 0: 256 */
	uint32_t servers;    /* serving handles at once, when made; 0: 64 */
	const char *type;    /* name of what the messages are; NULL: any */
	uint64_t schema;     /* hash of what they look like; 0: any */
	int64_t patience_ns; /* how long a reply waits for room in the lane of
				a client that does not read; 0: one second.
				This handle's, as it serves; not shared */
};

enum {
	SHUNT_SERVICE_EXISTING = 1u << 0,  /* -ENOENT rather than make it */
	SHUNT_SERVICE_EXCLUSIVE = 1u << 1, /* -EEXIST rather than open it */
	SHUNT_SERVICE_PERSISTENT = 1u << 2 /* made here: stays until removed */
};

/* Options of the calls that may wait. */
struct shunt_call_options {
	size_t sz;       /* sizeof(struct shunt_call_options) */
	int64_t wait_ns; /* SHUNT_FOREVER (default), SHUNT_NOWAIT or a limit */
	uint32_t flags;  /* SHUNT_CALL_... */
	uint32_t reserved; /* must be 0 */
};

enum {
	SHUNT_CALL_SERVED = 1u << 0 /* call, poll and peek: SHUNT_E_NOSERVER
				       where no server is attached, rather
				       than wait for one */
};

/* What a client learns with a reply. */
struct shunt_reply {
	size_t sz;      /* sizeof(struct shunt_reply), set by the caller */
	size_t len;     /* bytes */
	uint64_t id;    /* of the request */
	int32_t status; /* as the server gave it; 0 by convention: all well */
	uint32_t flags; /* none is defined yet */
};

/* What a server learns with a request. */
struct shunt_request {
	size_t sz;       /* sizeof(struct shunt_request), set by the caller */
	size_t len;      /* bytes */
	uint64_t id;     /* grows from request to request of one lane */
	uint32_t client; /* whose lane; one client thread at a time has it */
	uint32_t flags;  /* none is defined yet */
};

/* A thread can have so many calls open at once. */
#define SHUNT_CALLS_OPEN 64

/**
 * shunt_client_open() - attach to a service to call it; makes it if missing.
 * @out:  set to the handle, or NULL on failure.
 * @name: "/name", "posix:/name", "name", "file:PATH" or "fd:N".
 * @opts: NULL for the defaults.
 *
 * A service made here is ephemeral unless SHUNT_SERVICE_PERSISTENT is given:
 * it goes when nobody has it attached and no request in it waits for a server.
 *
 * Returns: 0 if it was there, 1 if made here, or a negative code:
 *   -ENOENT -EEXIST  with SHUNT_SERVICE_EXISTING, SHUNT_SERVICE_EXCLUSIVE.
 *   -ENOSPC          its file system is full: nothing was made.
 *   -EINVAL          bad @opts: a size that is no power of two from 4 KiB to
 *                    1 GiB, over 2048 clients or 1024 servers, a flag unknown.
 *   SHUNT_E_NAME     @name is not in the grammar.
 *   SHUNT_E_KIND     the name is raw or an object of another kind.
 *   SHUNT_E_TYPE     its messages are of another type or schema.
 *   SHUNT_E_LAYOUT   made by a version that this library does not read.
 *   SHUNT_E_CORRUPT  its header contradicts itself.
 *   SHUNT_E_OWNER    it belongs neither to this user nor to `owner`.
 *   other -errno     of open(2), mmap(2) or fcntl(2).
 *
 * Memory:  the handle belongs to the caller, until shunt_client_close().
 * Threads: safe from any thread.
 * Blocks:  never, but for a concurrent removal: at most 1 s.
 * Signals: not from a handler.
 * Death:   killed at any instruction it leaves a whole service or none.
 * Fork:    the child's calls on the handle return SHUNT_E_FORKED; it opens
 *          the service itself.
 * Since:   0.1
 */
int shunt_client_open(struct shunt_client **out, const char *name,
    const struct shunt_service_options *opts);

/**
 * shunt_client_close() - detach; an ephemeral service that is done goes.
 * @client: the handle, which is set to NULL; NULL in it is accepted.
 *
 * Calls of this handle that are open are cancelled: what no server has begun
 * will not be done.  A thread that ends cancels its own likewise.
 *
 * Memory:  frees the handle; pointers from reserve and peek are gone.
 * Threads: not while another thread uses the handle.
 * Blocks:  at most 100 ms, for others that come or go at this moment.
 * Signals: not from a handler.
 * Death:   killed in it, requests not yet begun stay and are done.
 * Fork:    in a child of the opener frees the child's memory only.
 * Since:   0.1
 */
void shunt_client_close(struct shunt_client **client);

/**
 * shunt_client_call() - send a request and wait for its reply.
 * @client: an open client; no call of this thread on it may be open.
 * @msg:    @len bytes, read only during the call; may be NULL if @len is 0.
 * @len:    0 to shunt_client_max(@client).
 * @buf:    room for the reply; may be NULL if @cap is 0.
 * @cap:    bytes of room.
 * @info:   NULL, or a struct with `sz` set: the reply's status stands there.
 * @opts:   NULL for the defaults.  wait_ns limits the whole call; with
 *          SHUNT_NOWAIT nothing is sent: -EAGAIN.
 *
 * Returns: the reply's bytes, whatever its status is, or a negative code:
 *   -ETIMEDOUT       no reply before wait_ns ran out; it was cancelled.  It
 *                    may be under way, unless no server was there.
 *   -EMSGSIZE        @len is over shunt_client_max(): nothing was sent, and
 *                    shunt_error_detail() says which lane_bytes would do; or
 *                    the reply is longer than @cap, and @info->len, if given,
 *                    tells its length: get it by shunt_client_poll().
 *   -EBUSY           another call of this thread is open, or a reservation,
 *                    or a signal handler interrupted a call on this lane.
 *   -ENOSPC -ENOMEM  the first call of a thread could not get its lanes.
 *   SHUNT_E_PEERDEAD the server that had the request ended without a reply;
 *                    known at most 50 ms after its death.
 *   SHUNT_E_NOSERVER with SHUNT_CALL_SERVED: nobody serves.  It will not be
 *                    done.
 *   SHUNT_E_CLOSED   the service is finished (shunt_service_finish()).
 *   SHUNT_E_SLOTS    all lanes are taken by live clients.
 *   SHUNT_E_REMOVED  the service was removed; the call is cancelled.
 *   SHUNT_E_FORKED   the handle is the parent's.
 *   SHUNT_E_CORRUPT  a lane's words contradict each other.
 *
 * Memory:  all that the client wrote before is visible to the server, and all
 *          that the server wrote before its reply is visible on return.
 * Threads: safe on one handle from any number of threads: each takes a pair
 *          of lanes on its first call and gives it back when it ends.
 * Blocks:  spins a little, then sleeps on a futex.
 * Signals: not from a handler.
 * Death:   a killed client's request is done or was never sent; its reply is
 *          dropped.  A killed server costs the one call that it had.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
ssize_t shunt_client_call(struct shunt_client *client, const void *msg,
    size_t len, void *buf, size_t cap, struct shunt_reply *info,
    const struct shunt_call_options *opts);

/**
 * shunt_client_send()    - send a request; its reply is had later.
 * shunt_client_sendv()   - the same, of a message in several parts.
 * shunt_client_reserve() - get room for a request, to write it in place.
 * shunt_client_commit()  - send what was written there.
 * shunt_client_abort()   - give the room back; nothing was sent.
 * @client: an open client.
 * @msg:    send: @len bytes; reserve: set to the room, 8-byte aligned.
 * @len:    0 to shunt_client_max(@client); commit: at most what was reserved.
 * @parts:  the @n parts, sent one right after the other; NULL if @n is 0.
 * @id:     set to the request's id, never 0; or NULL.
 * @opts:   NULL for the defaults; wait_ns is for room.
 *
 * Up to SHUNT_CALLS_OPEN calls of a thread may be open.  They are answered in
 * the order sent.  Who sends many with long replies and reads none stops his
 * server when the reply lane is full: read in between.
 *
 * Returns: 0, or a negative code and nothing was sent:
 *   -EAGAIN         no room, and wait_ns is SHUNT_NOWAIT.
 *   -ETIMEDOUT      no room before wait_ns ran out.
 *   -EBUSY          SHUNT_CALLS_OPEN calls are open: poll first; or as call.
 *   -EINVAL         commit without a reservation, or of more than it; @n is
 *                   negative.
 *   -EMSGSIZE -ENOSPC -ENOMEM SHUNT_E_CLOSED SHUNT_E_SLOTS SHUNT_E_REMOVED
 *   SHUNT_E_FORKED SHUNT_E_CORRUPT as shunt_client_call().
 *
 * Memory:  the room is valid until commit or abort.
 * Threads: as shunt_client_call(); commit belongs to the reserving thread.
 * Blocks:  never with SHUNT_NOWAIT; else sleeps on a futex while full.
 * Signals: with SHUNT_NOWAIT from a handler, once its thread has sent before,
 *          and not of a request that is too long: its sentence is made.
 * Death:   killed at any instruction, the request is there whole or absent.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_client_send(struct shunt_client *client, const void *msg, size_t len,
    uint64_t *id, const struct shunt_call_options *opts);
int shunt_client_sendv(struct shunt_client *client, const struct iovec *parts,
    int n, uint64_t *id, const struct shunt_call_options *opts);
int shunt_client_reserve(struct shunt_client *client, size_t len, void **msg,
    const struct shunt_call_options *opts);
int shunt_client_commit(struct shunt_client *client, size_t len, uint64_t *id);
void shunt_client_abort(struct shunt_client *client);

/**
 * shunt_client_poll()    - what became of this thread's oldest open call.
 * shunt_client_peek()    - the same; the reply is looked at where it lies.
 * shunt_client_release() - be done with the reply that was peeked.
 * @client: an open client.
 * @buf:    room for the reply.
 * @cap:    bytes of room.
 * @msg:    set to the reply, 8-byte aligned, in shared memory.
 * @info:   NULL, or a struct with `sz` set; `id` tells which call it was.
 * @opts:   NULL for the defaults.
 *
 * Returns: the reply's bytes and the call is over (peek: once released), or:
 *   -EAGAIN          no reply yet, and wait_ns is SHUNT_NOWAIT.
 *   -ETIMEDOUT       no reply before wait_ns ran out; the call stays open.
 *   -ENOENT          no call of this thread is open.
 *   -EMSGSIZE        the reply is longer than @cap; the call stays open and
 *                    @info->len, if given, tells the length.
 *   -EINVAL          release: nothing was peeked.
 *   SHUNT_E_PEERDEAD the call is over; @info->id, if given, tells which.
 *   SHUNT_E_NOSERVER with SHUNT_CALL_SERVED: nobody serves; the call is over
 *                    and will not be done; @info->id as above.
 *   SHUNT_E_CLOSED   likewise, on a finished service.
 *   SHUNT_E_REMOVED SHUNT_E_FORKED SHUNT_E_CORRUPT as shunt_client_call().
 *
 * Memory:  @msg is valid until release; its server can still change it.
 * Threads: each thread polls for its own calls.
 * Blocks:  never with SHUNT_NOWAIT; else sleeps on a futex.
 * Signals: not from a handler.
 * Death:   as shunt_client_call().
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
ssize_t shunt_client_poll(struct shunt_client *client, void *buf, size_t cap,
    struct shunt_reply *info, const struct shunt_call_options *opts);
ssize_t shunt_client_peek(struct shunt_client *client, const void **msg,
    struct shunt_reply *info, const struct shunt_call_options *opts);
int shunt_client_release(struct shunt_client *client);

/**
 * shunt_client_cancel() - give a call of this thread up.
 * @client: an open client.
 * @id:     as shunt_client_send() gave it.
 *
 * The call is over at once, and its reply is dropped when it comes.
 *
 * Returns: 0: no server has begun it and none will; 1: it was begun, and its
 *   server can learn of this by shunt_service_cancelled(); -ENOENT: no such
 *   call is open; or a code of the handle as shunt_client_call().
 *
 * Memory:  none.
 * Threads: the thread that sent it.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   killed in it, the call is cancelled or not.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_client_cancel(struct shunt_client *client, uint64_t id);

/**
 * shunt_client_max()  - the longest request, in bytes.
 * shunt_service_max() - the longest reply, in bytes: the same.
 *
 * Returns: half a lane less 16 bytes; 0 if the handle is NULL.
 *
 * Memory:  none.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: async-signal-safe.
 * Death:   touches nothing shared.
 * Fork:    valid in the child.
 * Since:   0.1
 */
size_t shunt_client_max(const struct shunt_client *client);
size_t shunt_service_max(const struct shunt_service *service);

/**
 * shunt_service_open() - attach to a service to serve it; makes it if missing.
 * @out:  set to the handle, or NULL on failure.
 * @name: as shunt_client_open().
 * @opts: NULL for the defaults.
 *
 * Several handles, of one process or of many, serve at the same time.  What a
 * dead server left in the slot that this one gets is put right first.
 *
 * Returns: as shunt_client_open(); also
 *   SHUNT_E_SLOTS  as many serve already as the service was made for.
 *
 * Memory:  the handle belongs to the caller, until shunt_service_close().
 * Threads: safe from any thread.
 * Blocks:  as shunt_client_open().
 * Signals: not from a handler.
 * Death:   killed at any instruction it leaves a whole service or none.
 * Fork:    SHUNT_E_FORKED in a child, which opens the service itself.
 * Since:   0.1
 */
int shunt_service_open(struct shunt_service **out, const char *name,
    const struct shunt_service_options *opts);

/**
 * shunt_service_next() - the next request, where it lies.
 * @service: an open service.
 * @msg:     set to the bytes, 8-byte aligned, in shared memory: its client can
 *           still change them, so check after copying, not before.
 * @info:    NULL, or a struct with `sz` set, filled on success.
 * @opts:    NULL for the defaults.
 *
 * From here on the request belongs to this server: if it dies the client is
 * told so, and no other server gets it.  While it is open, the client's next
 * requests wait, and another shunt_service_next() answers the same request.
 *
 * Returns: the request's bytes, or a negative code:
 *   -EAGAIN         none there, and wait_ns is SHUNT_NOWAIT.
 *   -ETIMEDOUT      none came before wait_ns ran out.
 *   SHUNT_E_CLOSED  the service is finished and nothing is left.
 *   SHUNT_E_REMOVED the service was removed.
 *   SHUNT_E_FORKED  the handle is the parent's.
 *   SHUNT_E_CORRUPT a lane's words contradict each other; told once for each
 *                   lane, which is left alone until they agree again.
 *
 * Memory:  @msg is valid until the reply.
 * Threads: one thread at a time on one handle.
 * Blocks:  never with SHUNT_NOWAIT; else spins a little, then sleeps.
 * Signals: not from a handler.
 * Death:   killed before the reply is committed, the client gets
 *          SHUNT_E_PEERDEAD; after, the reply.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
ssize_t shunt_service_next(struct shunt_service *service, const void **msg,
    struct shunt_request *info, const struct shunt_call_options *opts);

/**
 * shunt_service_reply()   - answer the open request.
 * shunt_service_replyv()  - the same, with an answer in several parts.
 * shunt_service_reserve() - get room for the answer, to write it in place.
 * shunt_service_commit()  - answer with what was written there.
 * @service: a service with an open request.
 * @status:  any number; the client finds it in struct shunt_reply.
 * @msg:     reply: @len bytes, not those of the request, copied; reserve: set
 *           to the room, 8-byte aligned.
 * @len:     0 to shunt_service_max(); commit: at most what was reserved.
 * @parts:   the @n parts, sent one right after the other; NULL if @n is 0.
 *
 * A client whose reply lane is full is waited for as `patience_ns` says; then,
 * or if it is dead, or gave the call up, the reply is dropped and the request
 * is over.  Until it has read something, its other replies are not waited for.
 *
 * Returns: 0, or a negative code:
 *   -EINVAL          no request is open, or commit without a reservation.
 *   -EMSGSIZE        @len is over the maximum, and shunt_error_detail() says
 *                    which lane_bytes would do; the request stays open.
 *   -ETIMEDOUT       the client does not read: dropped, the request is over.
 *   SHUNT_E_PEERDEAD the client is dead: dropped, the request is over.
 *   SHUNT_E_REMOVED  the service was removed: dropped, the request is over.
 *   SHUNT_E_FORKED   the handle is the parent's.
 *   SHUNT_E_CORRUPT  a lane's words contradict each other: dropped, over.
 *
 * Memory:  the room is valid until commit.
 * Threads: one thread at a time on one handle.
 * Blocks:  while the client's lane is full, at most `patience_ns`.
 * Signals: not from a handler.
 * Death:   one store makes the reply: killed before it, SHUNT_E_PEERDEAD.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_service_reply(
    struct shunt_service *service, int32_t status, const void *msg, size_t len);
int shunt_service_replyv(struct shunt_service *service, int32_t status,
    const struct iovec *parts, int n);
int shunt_service_reserve(
    struct shunt_service *service, size_t len, void **msg);
int shunt_service_commit(
    struct shunt_service *service, int32_t status, size_t len);

/**
 * shunt_service_cancelled() - does nobody want the open request any more?
 * @service: a service.
 *
 * Returns: 1 if its client gave it up, which a server with long work may ask
 *   now and then; else 0.  It is to be answered all the same.
 *
 * Memory:  none.
 * Threads: one thread at a time on one handle.
 * Blocks:  never: one load.
 * Signals: not from a handler.
 * Death:   a client that died without giving up is not noticed here.
 * Fork:    0 in a child.
 * Since:   0.1
 */
int shunt_service_cancelled(const struct shunt_service *service);

/**
 * shunt_service_finish() - take no requests any more.
 * @service: an open service.
 *
 * From now on clients get SHUNT_E_CLOSED instead of sending.  Servers get what
 * was sent before, then SHUNT_E_CLOSED.
 *
 * Returns: 0 or SHUNT_E_FORKED, -EINVAL.
 *
 * Memory:  none.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   killed in it, the service is finished or not.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_service_finish(struct shunt_service *service);

/**
 * shunt_service_close() - detach; an ephemeral service that is done goes.
 * @service: the handle, which is set to NULL; NULL in it is accepted.
 *
 * The open request, if there is one, ends in SHUNT_E_PEERDEAD.  Requests that
 * no server has begun stay for the next server.
 *
 * Memory:  frees the handle; pointers from next and reserve are gone.
 * Threads: not while another thread uses the handle.
 * Blocks:  at most 100 ms, for others that come or go at this moment.
 * Signals: not from a handler.
 * Death:   killed in it, the next opener or remover finishes the work.
 * Fork:    in a child of the opener frees the child's memory only.
 * Since:   0.1
 */
void shunt_service_close(struct shunt_service **service);

/**
 * shunt_client_fd()   - a descriptor for poll(2) and epoll.
 * shunt_service_fd()  - the same.
 * shunt_client_end()  - the receiving end, for shunt_wait().
 * shunt_service_end() - the same.
 * @client:  an open client.
 * @service: an open service.
 *
 * Readable when something may be there: a reply to, or the end of, a call of
 * the thread that asked; a request.  Then poll, or ask for the next, with
 * SHUNT_NOWAIT until -EAGAIN (or -ENOENT: no call is open), which arms it
 * again; never read it.  While nobody sleeps on it, it costs the other side no
 * system call.
 *
 * Returns: the descriptor, or -errno; the end, or NULL.
 *
 * Memory:  both belong to the handle; those of a client to the thread, too.
 * Threads: a client's belong to the calling thread.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   a server's death makes its client's descriptor readable.
 * Fork:    SHUNT_E_FORKED in a child; NULL.
 * Since:   0.1
 */
int shunt_client_fd(struct shunt_client *client);
int shunt_service_fd(struct shunt_service *service);
struct shunt_end *shunt_client_end(struct shunt_client *client);
struct shunt_end *shunt_service_end(struct shunt_service *service);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_CALL_H */
