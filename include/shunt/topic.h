/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_TOPIC_H
#define SHUNT_TOPIC_H

/*
 * Topics: each message to every subscriber.  Any number of threads publish,
 * each into a ring of its own; every subscriber reads all rings at its own
 * pace.  Messages of one publishing thread come in the order sent; between
 * publishers there is no order.  The last message of a ring is always there,
 * whoever is killed.  Layout: docs/layout.md.  Ordering and crash argument:
 * docs/ordering.md, "topic".
 *
 * What happens to a subscriber that is slow is the topic's policy, which is
 * chosen when it is made.  A ring holds the messages of a lane's bytes less an
 * eighth; who is further behind than that is slow.
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

struct shunt_publisher;  /* this process's ends; never in shared memory */
struct shunt_subscriber; /* one subscription */

enum shunt_topic_policy {
	SHUNT_TOPIC_ANY = 0,   /* LOSSY when made here, else as it is */
	SHUNT_TOPIC_LOSSY = 1, /* it misses messages, and knows how many */
	SHUNT_TOPIC_BLOCK = 2, /* publishers wait for it, as `wait_ns` says */
	SHUNT_TOPIC_DROP = 3,  /* new messages are dropped, for all */
	SHUNT_TOPIC_EVICT = 4, /* it is told so once, and goes on as LOSSY */
};

enum {
	SHUNT_TOPIC_EXISTING = 1u << 0,   /* -ENOENT rather than make it */
	SHUNT_TOPIC_EXCLUSIVE = 1u << 1,  /* -EEXIST rather than open it */
	SHUNT_TOPIC_PERSISTENT = 1u << 2, /* when made here: stays */
	SHUNT_TOPIC_READONLY = 1u << 3,   /* subscriber: permission to read
					     is enough; see below */
};

/* Subscriber option `history`: everything that is still there. */
#define SHUNT_TOPIC_ALL UINT32_MAX

/* Options of shunt_publisher_open(); zeroed with `sz` set, or NULL: defaults.
 * What says "when made here" is ignored where the topic is there already. */
struct shunt_publisher_options {
	size_t sz;            /* sizeof(struct shunt_publisher_options) */
	uint32_t flags;       /* SHUNT_TOPIC_... */
	uint32_t mode;        /* permission bits when made here; 0: 0600 */
	const char *group;    /* group to own it when made here; or NULL */
	const char *owner;    /* whose topic is acceptable besides mine */
	const char *type;     /* name of what messages hold; or NULL: any */
	uint64_t schema;      /* hash of what messages hold; 0: any */
	uint64_t lane_bytes;  /* a ring's size when made here; 0: 128 KiB */
	uint32_t publishers;  /* rings when made here; 0: 64, at most 4096 */
	uint32_t subscribers; /* slots when made here; 0: 64, at most 1024 */
	uint32_t policy;      /* enum shunt_topic_policy */
	uint32_t reserved;    /* must be 0 */
};

/* Options of shunt_subscriber_open(); as above. */
struct shunt_subscriber_options {
	size_t sz;            /* sizeof(struct shunt_subscriber_options) */
	uint32_t flags;       /* SHUNT_TOPIC_... */
	uint32_t mode;        /* permission bits when made here; 0: 0600 */
	const char *group;    /* group to own it when made here; or NULL */
	const char *owner;    /* whose topic is acceptable besides mine */
	const char *type;     /* name of what messages hold; or NULL: any */
	uint64_t schema;      /* hash of what messages hold; 0: any */
	uint64_t lane_bytes;  /* a ring's size when made here; 0: 128 KiB */
	uint32_t publishers;  /* rings when made here; 0: 64, at most 4096 */
	uint32_t subscribers; /* slots when made here; 0: 64, at most 1024 */
	uint32_t policy;      /* enum shunt_topic_policy */
	uint32_t history;     /* of each ring begin with the newest so many
				 messages: 0 with what comes from now on, 1
				 with the last value, SHUNT_TOPIC_ALL with all
				 that are there */
};

/* What is known about a message. */
struct shunt_topic_message {
	size_t sz;         /* sizeof(struct shunt_topic_message), by caller */
	size_t len;        /* bytes */
	uint64_t sequence; /* in its ring, from 0 on */
	uint64_t lost;     /* messages of this ring lost right before it */
	uint32_t lane;     /* its ring; one publishing thread at a time */
	uint32_t flags;    /* none is defined yet */
};

/**
 * shunt_publisher_open() - attach to a topic to publish, and make it if it is
 * missing.
 * @out:  set to the handle, or NULL on failure.
 * @name: "/name", "posix:/name", "name", "file:PATH" or "fd:N".
 * @opts: NULL for the defaults.
 *
 * A topic made here is ephemeral unless SHUNT_TOPIC_PERSISTENT is given: it
 * goes when nobody has it attached, whether or not anybody got its messages.
 *
 * Returns: 0 if it was there, 1 if made here, or a negative code:
 *   -ENOENT -EEXIST  with SHUNT_TOPIC_EXISTING, SHUNT_TOPIC_EXCLUSIVE.
 *   -ENOSPC          its file system is full: nothing was made.
 *   -ENOMEM          out of memory.
 *   -EINVAL          bad @opts: a size that is no power of two from 4 KiB to
 *                    1 GiB, more publishers or subscribers than there can be
 *                    (both together, too: 8 bytes for each pair, 1 MiB in
 *                    all), an unknown flag or policy.
 *   SHUNT_E_NAME     @name is not in the grammar.
 *   SHUNT_E_KIND     the name is raw or an object of another kind.
 *   SHUNT_E_TYPE     it has another type, schema or policy than was asked for.
 *   SHUNT_E_LAYOUT   made by a version that this library does not read.
 *   SHUNT_E_CORRUPT  its header contradicts itself.
 *   SHUNT_E_OWNER    it belongs neither to this user nor to `owner`.
 *   other -errno     of open(2), mmap(2) or fcntl(2).
 *
 * Memory:  the handle belongs to the caller, until shunt_publisher_close().
 * Threads: safe from any thread.
 * Blocks:  never, but for a concurrent removal: at most 1 s.
 * Signals: not from a handler.
 * Death:   killed at any instruction it leaves a whole topic or none.
 * Fork:    the child's calls on the handle return SHUNT_E_FORKED; it opens
 *          the topic itself.
 * Since:   0.1
 */
int shunt_publisher_open(struct shunt_publisher **out, const char *name,
    const struct shunt_publisher_options *opts);

/**
 * shunt_publisher_close() - detach; an ephemeral topic that nobody else has
 * goes.
 * @pub: the handle, which is set to NULL; NULL in it is accepted.
 *
 * The rings that it used keep their messages and serve other publishers.
 *
 * Memory:  frees the handle; a reservation is gone.
 * Threads: not while another thread uses the handle.
 * Blocks:  at most 100 ms, for others that come or go at this moment.
 * Signals: not from a handler.
 * Death:   killed in it, the next opener or remover finishes the work.
 * Fork:    in a child of the opener frees the child's memory only.
 * Since:   0.1
 */
void shunt_publisher_close(struct shunt_publisher **pub);

/**
 * shunt_publisher_send()  - publish a copy of one message.
 * shunt_publisher_sendv() - the same, gathered from several places.
 * @pub:  an open publisher.
 * @msg:  @len bytes, read only during the call; may be NULL if @len is 0.
 * @len:  0 to shunt_publisher_max(@pub).
 * @iov:  @n places, 0 to 1024, whose bytes follow one another in the message.
 * @opts: NULL for the defaults; `wait_ns` matters for SHUNT_TOPIC_BLOCK only,
 *        with all other policies the call never waits.
 *
 * The message is published whole or not at all.  Success means "in the ring",
 * not "received": there may be no subscriber.
 *
 * Returns: 0, or a negative code and nothing was published:
 *   SHUNT_E_DROPPED policy DROP, and a subscriber is a ring behind.  It is
 *                   counted: subscribers see a gap in `sequence`, and `lost`,
 *                   with the next message that is published in this ring, be
 *                   it by another publisher.
 *   -EAGAIN         policy BLOCK, a subscriber is a ring behind, and wait_ns
 *                   is SHUNT_NOWAIT.
 *   -ETIMEDOUT      policy BLOCK, it was so until wait_ns ran out.
 *   -EMSGSIZE       @len is over shunt_publisher_max(): it will never fit;
 *                   shunt_error_detail() says which lane_bytes would do.
 *   -EINVAL         sendv: @n is no number of places, or a sum of lengths
 *                   that is no size.
 *   -EBUSY          a signal handler interrupted a call on the same ring, or a
 *                   reservation is open.
 *   -ENOSPC -ENOMEM the first call of a thread could not get its ring.
 *   SHUNT_E_SLOTS   all rings are taken by live publishers.
 *   SHUNT_E_CLOSED  somebody finished the topic.
 *   SHUNT_E_REMOVED the topic was removed by force.
 *   SHUNT_E_FORKED  the handle is the parent's.
 *   SHUNT_E_CORRUPT the ring's words contradict each other.
 *
 * Memory:  all that the publisher wrote before the call is visible to a
 *          subscriber once it has this message.
 * Threads: safe on one handle from any number of threads: each takes a ring
 *          of its own on its first call and gives it back when it ends.
 * Blocks:  policy BLOCK sleeps on a futex while a living subscriber is a ring
 *          behind; a dead one is found within 1 s.  Otherwise never.
 * Signals: with SHUNT_NOWAIT from a handler, once its thread has sent before,
 *          and not of a message that is too long: its sentence is made.
 * Death:   killed at any instruction, the publisher leaves the message whole
 *          or absent, and nobody waits for it.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_publisher_send(struct shunt_publisher *pub, const void *msg,
    size_t len, const struct shunt_send_options *opts);
int shunt_publisher_sendv(struct shunt_publisher *pub, const struct iovec *iov,
    int n, const struct shunt_send_options *opts);

/**
 * shunt_publisher_send_batch() - publish several messages at once.
 * @pub:  an open publisher.
 * @msgs: @n messages, 0 to 65536, in this order.
 * @n:    how many.
 * @opts: as shunt_publisher_send().
 *
 * As many as fit a quarter of the ring become visible by one store: killed
 * anywhere, all of these are there or none.  More are published in several
 * such steps.
 *
 * Returns: how many were published, the first ones of @msgs; or, if that is
 *   none of them, a negative code as shunt_publisher_send().  With policy
 *   DROP those that were not published are dropped and counted.
 *
 * Memory:  as shunt_publisher_send().
 * Threads: as shunt_publisher_send().
 * Blocks:  as shunt_publisher_send(); `wait_ns` is for all of them together.
 * Signals: as shunt_publisher_send().
 * Death:   killed at any instruction, whole steps were published or not.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_publisher_send_batch(struct shunt_publisher *pub,
    const struct iovec *msgs, int n, const struct shunt_send_options *opts);

/**
 * shunt_publisher_reserve() - get room in the ring, to write a message there.
 * shunt_publisher_commit()  - publish what was written there.
 * shunt_publisher_abort()   - give the room back; nothing was published.
 * @pub:  an open publisher.
 * @len:  reserve: room wanted, 0 to shunt_publisher_max(@pub); commit: the
 *        message's bytes, at most what was reserved.
 * @msg:  set to the room, 8-byte aligned; it lies in shared memory.
 * @opts: NULL for the defaults.
 *
 * One reservation at a time and thread.  Between reserve and commit the
 * thread must not publish on this topic.
 *
 * Returns: 0, or a negative code as shunt_publisher_send(); also
 *   -EINVAL  commit without a reservation, or of more than was reserved.
 *   -EBUSY   reserve while a reservation is open.
 *
 * Memory:  @msg is valid until commit or abort.
 * Threads: safe from any thread; commit belongs to the reserving thread.
 * Blocks:  reserve as shunt_publisher_send(); commit and abort never.
 * Signals: as shunt_publisher_send().
 * Death:   a reservation of a dead publisher never existed; what it overwrote
 *          were messages that had been given up before.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_publisher_reserve(struct shunt_publisher *pub, size_t len, void **msg,
    const struct shunt_send_options *opts);
int shunt_publisher_commit(struct shunt_publisher *pub, size_t len);
void shunt_publisher_abort(struct shunt_publisher *pub);

/**
 * shunt_publisher_finish() - nothing more is published on this topic.
 * @pub: an open publisher.
 *
 * It ends for all publishers: their calls return SHUNT_E_CLOSED from now on.
 * Subscribers get what is left, then SHUNT_E_CLOSED.  Of messages that others
 * are publishing at this very moment some may not be received any more.
 *
 * Returns: 0, or -EINVAL, SHUNT_E_FORKED.
 *
 * Memory:  subscribers that got SHUNT_E_CLOSED see all that came before.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: async-signal-safe.
 * Death:   killed in it, the topic is finished or not; sleepers see it within
 *          a second.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_publisher_finish(struct shunt_publisher *pub);

/**
 * shunt_publisher_max() - the longest message that this topic takes, in bytes.
 * @pub: an open publisher.
 *
 * Returns: a quarter of a ring less 16 bytes; 0 if @pub is NULL.
 *
 * Memory:  none.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: async-signal-safe.
 * Death:   touches nothing shared.
 * Fork:    valid in the child.
 * Since:   0.1
 */
size_t shunt_publisher_max(const struct shunt_publisher *pub);

/**
 * shunt_subscriber_open() - subscribe to a topic, and make it if it is
 * missing.
 * @out:  set to the handle, or NULL on failure.
 * @name: "/name", "posix:/name", "name", "file:PATH" or "fd:N".
 * @opts: NULL for the defaults.
 *
 * Every message whose publishing begins after this call has returned is for
 * this subscriber, also from publishers that come later; `history` says how
 * many of those before it gets.
 *
 * With policy BLOCK and DROP publishers know where each subscriber is, by a
 * slot of the topic.  With LOSSY and EVICT they do not look: subscribers cost
 * them nothing, and there may be more than there are slots; those without one
 * are not shown by tools.
 *
 * With SHUNT_TOPIC_READONLY permission to read the topic is enough, and it is
 * never made.  Such a subscriber writes nothing: it is not waited for, whatever
 * the policy, it looks for messages each 1 to 10 ms while it waits, and no tool
 * shows how far behind it is.
 *
 * Returns: 0 if it was there, 1 if made here, or a negative code as
 *   shunt_publisher_open(); also
 *   SHUNT_E_SLOTS    policy BLOCK or DROP, and all slots are taken.
 *
 * Memory:  the handle belongs to the caller, until shunt_subscriber_close().
 * Threads: safe from any thread.
 * Blocks:  never, but for a concurrent removal: at most 1 s.
 * Signals: not from a handler.
 * Death:   killed anywhere, it is nobody's subscription: publishers that wait
 *          for it go on within a second.
 * Fork:    the child's calls on the handle return SHUNT_E_FORKED; it opens
 *          the topic itself.
 * Since:   0.1
 */
int shunt_subscriber_open(struct shunt_subscriber **out, const char *name,
    const struct shunt_subscriber_options *opts);

/**
 * shunt_subscriber_close() - end the subscription and detach; an ephemeral
 * topic that nobody else has goes.
 * @sub: the handle, which is set to NULL; NULL in it is accepted.
 *
 * Memory:  frees the handle; pointers from peek are gone, the descriptor of
 *          shunt_subscriber_fd() is closed.
 * Threads: not while another thread uses the handle.
 * Blocks:  at most 100 ms, for others that come or go at this moment.
 * Signals: not from a handler.
 * Death:   killed in it, the next opener or remover finishes the work.
 * Fork:    in a child of the opener frees the child's memory only.
 * Since:   0.1
 */
void shunt_subscriber_close(struct shunt_subscriber **sub);

/**
 * shunt_subscriber_recv() - copy the next message out.
 * @sub:  an open subscriber.
 * @buf:  room for the message.
 * @cap:  bytes of room.
 * @info: NULL, or a struct with `sz` set, filled on success.
 * @opts: NULL for the defaults.
 *
 * What is returned is whole: a message that its publisher overwrote while it
 * was copied counts as lost, and the next one is taken.
 *
 * Returns: the message's bytes (0 is an empty message), or a negative code:
 *   -EAGAIN         nothing there, and wait_ns is SHUNT_NOWAIT.
 *   -ETIMEDOUT      nothing came before wait_ns ran out.
 *   -EMSGSIZE       the message is longer than @cap; it stays for the next
 *                   call; @info->len, if given, tells its length.
 *   SHUNT_E_EVICTED policy EVICT: messages were overwritten before they were
 *                   received.  Told once; from then on as policy LOSSY.
 *   SHUNT_E_OVERRUN more than 16 messages in a row were overwritten while they
 *                   were copied; they count as lost: receive again.
 *   SHUNT_E_CLOSED  the topic is finished and all was received.
 *   SHUNT_E_REMOVED the topic was removed by force.
 *   SHUNT_E_FORKED  the handle is the parent's.
 *   SHUNT_E_CORRUPT a ring's words contradict each other; told once, then that
 *                   ring is left alone.
 *
 * Memory:  all that the publisher wrote before publishing is visible.
 * Threads: one thread at a time.
 * Blocks:  never with SHUNT_NOWAIT; else sleeps on a futex while empty.
 * Signals: not from a handler.
 * Death:   a killed subscriber's place is not kept: who opens anew begins as
 *          `history` says.
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
ssize_t shunt_subscriber_recv(struct shunt_subscriber *sub, void *buf,
    size_t cap, struct shunt_topic_message *info,
    const struct shunt_recv_options *opts);

/**
 * shunt_subscriber_recv_batch() - copy several messages out by one call.
 * @sub:   an open subscriber.
 * @buf:   room for the messages, which are put one right after the other.
 * @cap:   bytes of room.
 * @infos: @n structs, of which the first has `sz` set: all are filled as one
 *         of that size.  `len` says where the next message begins.
 * @n:     the most messages wanted, 1 or more.
 * @opts:  NULL for the defaults.
 *
 * Waits for the first message, then takes as many of the same publisher as
 * are there and fit.
 *
 * Returns: how many messages came, 1 to @n; or a negative code as
 *   shunt_subscriber_recv(), for the first one; also
 *   -EINVAL  @n is below 1, or @infos is NULL or has no `sz`.
 *
 * Memory:  all that the publisher wrote before publishing is visible.
 * Threads: one thread at a time.
 * Blocks:  as shunt_subscriber_recv(), for the first message alone.
 * Signals: not from a handler.
 * Death:   as shunt_subscriber_recv().
 * Fork:    SHUNT_E_FORKED in a child.
 * Since:   0.1
 */
int shunt_subscriber_recv_batch(struct shunt_subscriber *sub, void *buf,
    size_t cap, struct shunt_topic_message *infos, int n,
    const struct shunt_recv_options *opts);

/**
 * shunt_subscriber_peek()    - look at the next message where it lies.
 * shunt_subscriber_valid()   - is it still whole?
 * shunt_subscriber_release() - be done with it.
 * @sub:  an open subscriber.
 * @msg:  set to the bytes, 8-byte aligned, in shared memory, read-only here.
 * @info: NULL, or a struct with `sz` set, filled on success.
 * @opts: NULL for the defaults.
 *
 * With policy LOSSY and EVICT, and for a read-only subscriber, the publisher
 * does not wait: the bytes can change while they are used.  So use them, then
 * ask shunt_subscriber_valid(), and only then believe what came of it.  A
 * second peek without release answers the same message, if it is still whole.
 *
 * Returns: peek: the message's bytes or a negative code as
 *   shunt_subscriber_recv(); valid: 1 if all that was read up to now was
 *   whole, 0 if it may not have been or nothing was peeked; release: 0, or
 *   -EINVAL         nothing was peeked.
 *   SHUNT_E_OVERRUN it was not whole any more: it counts as lost.
 *   SHUNT_E_EVICTED policy EVICT: so it was, and this is told once.
 *   SHUNT_E_FORKED SHUNT_E_CORRUPT  as shunt_subscriber_recv().
 *
 * Memory:  @msg can be read until release, and is whole while
 *          shunt_subscriber_valid() says so.
 * Threads: one thread at a time.
 * Blocks:  peek as shunt_subscriber_recv(); valid and release never.
 * Signals: not from a handler.
 * Death:   as shunt_subscriber_recv().
 * Fork:    SHUNT_E_FORKED in a child; valid is 0.
 * Since:   0.1
 */
ssize_t shunt_subscriber_peek(struct shunt_subscriber *sub, const void **msg,
    struct shunt_topic_message *info, const struct shunt_recv_options *opts);
int shunt_subscriber_valid(const struct shunt_subscriber *sub);
int shunt_subscriber_release(struct shunt_subscriber *sub);

/**
 * shunt_subscriber_lost() - messages that were for it and that it will not get.
 * shunt_subscriber_lag()  - messages that are there and that it did not get
 * yet.
 * @sub: an open subscriber.
 *
 * A loss is counted when the next message of the same ring is taken: then
 * received and lost together are exactly what was published there.  The lag
 * counts those, too, that are overwritten already and not yet counted as lost.
 *
 * Returns: the number; 0 if @sub is NULL or the parent's.
 *
 * Memory:  none.
 * Threads: one thread at a time.
 * Blocks:  never; lag walks through what is there.
 * Signals: not from a handler.
 * Death:   nothing shared is written.
 * Fork:    0 in a child.
 * Since:   0.1
 */
uint64_t shunt_subscriber_lost(const struct shunt_subscriber *sub);
uint64_t shunt_subscriber_lag(const struct shunt_subscriber *sub);

/**
 * shunt_subscriber_fd()  - a descriptor that is readable when something may be
 *                          there.
 * shunt_subscriber_end() - its end, for shunt_wait().
 * @sub: an open subscriber.
 *
 * <shunt/wait.h> says how both are used.  A finished topic is something, too:
 * receiving answers SHUNT_E_CLOSED then.
 *
 * Returns: the descriptor, or a negative code:
 *   -EINVAL          @sub is NULL or not open.
 *   -EACCES          it is open for reading only: publishers cannot be told.
 *   -EMFILE -ENOSPC  no descriptor or watch is to be had; the sentence says
 *                    which limit it is.
 *   SHUNT_E_FORKED   the handle is the parent's.
 *   other -errno     of inotify_init1(2) or inotify_add_watch(2).
 *   end: the end, or NULL if @sub is NULL or not open.
 *
 * Memory:  both belong to the handle: the descriptor is not closed by the
 *          caller.
 * Threads: one thread at a time.
 * Blocks:  never.
 * Signals: not from a handler.
 * Death:   a publisher killed before it made the descriptor readable makes it
 *          so by its death.
 * Fork:    SHUNT_E_FORKED in a child; end: shunt_wait() says so.
 * Since:   0.1
 */
int shunt_subscriber_fd(struct shunt_subscriber *sub);
struct shunt_end *shunt_subscriber_end(struct shunt_subscriber *sub);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_TOPIC_H */
