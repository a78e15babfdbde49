/* SPDX-License-Identifier: MIT */
/*
 * The writing end of a stream: pieces of the bytes as records of one lane.
 * Two headers of room are kept behind each piece, one of them for the END:
 * who has written his bytes can say that it was all without waiting.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"
#include "channel/stream.h"
#include "os/os.h"
#include "segment/wait.h"

#define PIECE (UINT64_C(64) << 10) /* of a large write; docs/bench.md */

/* ---- opening and closing ---- */

/* Records were committed, or the byte was given back. */
static inline void
tell_reader(struct shunt_stream_writer *w)
{
	struct shunt__u32 *bell = &w->obj->control->ct_bell;
	uint32_t bits = shunt__bell_look(bell, w->fence);

	if (__builtin_expect(bits & SHUNT__BELL_ASLEEP, 0))
		shunt__ring(w->obj, bell);
}

/* Room is reserved; for a header alone there is never a pad before it. */
static void
commit_mark(struct shunt_stream_writer *w, uint16_t tag)
{
	/* Before the commit: who finds us dead between the two takes the
	 * stream for broken, never one that is broken for ended. */
	shunt__store64(&w->lay->st_ended, w->tx.head + SHUNT__LANE_HEAD);
	shunt__lane_commit(&w->tx, 0, tag);
	tell_reader(w);
}

/* A stream is begun, and not at its end. */
static inline int
is_open(const struct shunt_stream_writer *w)
{
	return shunt__load64(&w->lay->st_ended) != w->tx.head;
}

/* Lane 0's byte is ours: its producer from now on. */
static int
adopt(struct shunt_stream_writer *w)
{
	struct shunt__object *obj = w->obj;
	struct shunt__lane_lay *ctl = shunt__object_lane(obj, 0);
	void *at;
	int e;

	if (shunt__object_high(obj) == 0) {
		/* Reserved before it counts, as in seat.c. */
		e = shunt__object_reserve_lane(obj, 0);
		if (e == 0)
			shunt__object_raise(obj, 1);
	} else {
		e = shunt__object_probe_lane(obj, 0);
	}
	if (e == 0)
		e = shunt__lane_tx_adopt(&w->tx, shunt__object_ring(obj, 0),
		    obj->geo.lane_bytes, ctl);
	if (e < 0)
		return e;
	shunt__store32(&ctl->ln_pid, (uint32_t)shunt__os.getpid());
	shunt__store32(&ctl->ln_tid, (uint32_t)shunt__os.gettid());
	shunt__store32(&ctl->ln_uid, shunt__os.geteuid());
	shunt__store64(&ctl->ln_since, shunt__now());
	shunt__store32(&ctl->ln_owners, shunt__load32(&ctl->ln_owners) + 1);
	shunt__who_comm(ctl->ln_comm);
	/* A predecessor may have died asleep. */
	shunt__bell_disarm(&ctl->ln_waiting, SHUNT__BELL_ASLEEP);
	/* What a reader closed for good, it closed to those before us. */
	shunt__store32(&obj->control->ct_ended, 0);
	if (!is_open(w))
		return 0;
	/* It kept room for an END, or had reserved it. */
	e = shunt__lane_reserve(&w->tx, 0, &at);
	if (e == 0)
		commit_mark(w, SHUNT__STREAM_BROKEN);
	return e == -EAGAIN ? SHUNT_E_CORRUPT : e;
}

static int
take_lane(struct shunt_stream_writer *w)
{
	struct shunt__object *obj = w->obj;
	const char *shown = shunt__quote(obj->name.shown);
	int e = shunt__lane_lock(obj, 0);

	if (e == -EBUSY)
		return shunt__fail(e,
		    "%s: process %u writes to it already; a stream has one "
		    "writer at a time",
		    shown, shunt__load32(&shunt__object_lane(obj, 0)->ln_pid));
	if (e < 0)
		return shunt__fail(
		    e, "%s: its lane cannot be had: %s", shown, shunt__why(e));
	e = adopt(w);
	if (e == 0)
		return 0;
	shunt__lane_unlock(obj, 0);
	if (e == SHUNT_E_CORRUPT)
		return shunt__fail(e,
		    "%s: its words contradict each other; something wrote "
		    "over it: remove it (shunt rm --force)",
		    shown);
	/* That of a full file system has its sentence. */
	return e == -ENOSPC || e == -EDQUOT
		   ? e
		   : shunt__fail(e, "%s: its lane cannot be had: %s", shown,
			 shunt__why(e));
}

int
shunt_stream_writer_open(struct shunt_stream_writer **out, const char *name,
    const struct shunt_stream_options *opts)
{
	struct shunt_stream_writer *w;
	uint64_t cap;
	int e, made;

	*out = NULL;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	made = shunt__stream_attach(&w->obj, name, opts,
	    SHUNT_STREAM_EXISTING | SHUNT_STREAM_EXCLUSIVE |
		SHUNT_STREAM_PERSISTENT);
	if (made < 0) {
		free(w);
		return made;
	}
	w->fence = w->obj->fence;
	w->lay = shunt__stream_lay(w->obj);
	cap = w->obj->geo.lane_bytes;
	w->piece = PIECE < cap / 4 ? PIECE : cap / 4;
	w->least = w->piece / 4;
	e = take_lane(w);
	if (e < 0) {
		shunt__object_detach(w->obj, shunt__stream_unread);
		free(w);
		return e;
	}
	w->magic = SHUNT__STREAM_WRITER_MAGIC;
	*out = w;
	return made;
}

void
shunt_stream_writer_close(struct shunt_stream_writer **writer)
{
	struct shunt_stream_writer *w;

	if (writer == NULL || (w = *writer) == NULL ||
	    w->magic != SHUNT__STREAM_WRITER_MAGIC)
		return;
	w->magic = 0;
	if (!shunt__object_forked(w->obj)) {
		int left = is_open(w);

		shunt__lane_unlock(w->obj, 0);
		/* A reader that sleeps finds the byte free, and no END. */
		if (left)
			tell_reader(w);
	}
	shunt__object_detach(w->obj, shunt__stream_unread);
	free(w);
	*writer = NULL;
}

/* ---- room ---- */

/* May this handle write now? */
static inline int
check(const struct shunt_stream_writer *w)
{
	if (__builtin_expect(
		w == NULL || w->magic != SHUNT__STREAM_WRITER_MAGIC, 0))
		return -EINVAL;
	if (shunt__object_forked(w->obj))
		return SHUNT_E_FORKED;
	if (__builtin_expect(
		shunt__load32(&w->obj->control->ct_removed) != 0, 0))
		return SHUNT_E_REMOVED;
	if (__builtin_expect(shunt__load32(&w->obj->control->ct_ended) != 0, 0))
		return SHUNT_E_CLOSED;
	return 0;
}

struct room {
	struct shunt_stream_writer *w;
	uint64_t want;  /* bytes, at least one */
	uint64_t least; /* that are worth a record, at most @want */
	void *at;
	uint64_t got; /* bytes from @at on */
};

/*
 * Room for one record, as far as we know the tail: as much of what is wanted
 * as there is in one piece.  At the end of the ring a record is made to fit,
 * so pads are rare, and of 8 bytes.  1, or 0: less than is worth a record.
 */
static inline int
find_room(struct room *r)
{
	struct shunt__lane_tx *tx = &r->w->tx;
	uint64_t to_end = tx->cap - (tx->head & (tx->cap - 1));
	uint64_t free = tx->cap - (tx->head - tx->tail_seen);
	uint64_t pad = to_end == SHUNT__LANE_HEAD ? to_end : 0;
	uint64_t most = shunt__lane_max(tx->cap);

	/* Its own header, the zero behind it, and the END. */
	if (free < pad + 3 * SHUNT__LANE_HEAD + 8)
		return 0;
	free -= pad + 3 * SHUNT__LANE_HEAD;
	most = most < r->want ? most : r->want;
	if (pad == 0 && most > to_end - SHUNT__LANE_HEAD)
		most = to_end - SHUNT__LANE_HEAD; /* be it little */
	if (most > free) {
		if (free < r->least)
			return 0;
		most = free;
	}
	tx->pad = pad;
	tx->room = most;
	tx->open = 1;
	r->got = most;
	r->at = shunt__lane_word(tx->ring, tx->cap, tx->head + pad) + 1;
	return 1;
}

static inline int
get_room(struct room *r)
{
	if (__builtin_expect(find_room(r), 1))
		return 0;
	int e = shunt__lane_tx_refresh(&r->w->tx);
	if (e != 0)
		return e;
	if (find_room(r))
		return 0;
	shunt__lane_stand_back();
	return -EAGAIN;
}

static int
room_ready(void *arg)
{
	struct room *r = arg;

	/* Whoever closes for good says so before it rings. */
	if (shunt__load32(&r->w->obj->control->ct_ended) != 0)
		return SHUNT_E_CLOSED;
	return get_room(r);
}

/* A call's limit of time, read when it has to wait for the first time. */
struct limit {
	const struct shunt_send_options *opts;
	int known;
	int nowait;
	uint64_t deadline;
};

static int
read_limit(struct limit *limit)
{
	struct shunt_send_options o;
	int e;

	if (limit->known)
		return 0;
	e = shunt__options_read(&o, sizeof(o), sizeof(o), limit->opts);
	if (e < 0)
		return e;
	limit->known = 1;
	limit->nowait = o.wait_ns < 0;
	limit->deadline = shunt__deadline(o.wait_ns);
	return 0;
}

/* @ready says -EAGAIN: spin a little, then sleep until the reader released. */
static int
wait_for(struct shunt_stream_writer *w, struct limit *limit,
    int (*ready)(void *), void *arg)
{
	uint32_t turns = shunt__spin_turns(&w->spin);

	for (uint32_t i = 0; i < turns; i++) {
		shunt__pause();
		int e = ready(arg);
		if (e != -EAGAIN) {
			shunt__spin_learn(&w->spin, 1);
			return e;
		}
	}
	shunt__spin_learn(&w->spin, 0);
	return shunt__wait(w->obj, &w->tx.ctl->ln_waiting, SHUNT__BELL_ASLEEP,
	    limit->deadline, ready, arg);
}

static int
wait_for_room(struct room *r, struct limit *limit)
{
	int e = read_limit(limit);

	if (e < 0)
		return e;
	if (!limit->nowait)
		return wait_for(r->w, limit, room_ready, r);
	r->least = 1; /* better little than nothing */
	return get_room(r);
}

static inline int
room_for(struct shunt_stream_writer *w, uint64_t want, struct room *r,
    struct limit *limit)
{
	*r = (struct room){
	    .w = w, .want = want, .least = want < w->least ? want : w->least};
	int e = get_room(r);
	if (__builtin_expect(e == -EAGAIN, 0))
		e = wait_for_room(r, limit);
	return e;
}

/* ---- writing ---- */

static inline void
commit(struct shunt_stream_writer *w, uint64_t len)
{
	shunt__lane_commit(&w->tx, len, SHUNT__STREAM_DATA);
	tell_reader(w);
}

ssize_t
shunt_stream_writer_write(struct shunt_stream_writer *w, const void *buf,
    size_t len, const struct shunt_send_options *opts)
{
	struct limit limit = {.opts = opts};
	const unsigned char *from = buf;
	size_t done = 0;
	int e = check(w);

	if (__builtin_expect(e != 0, 0))
		return e;
	if (__builtin_expect(w->tx.open, 0))
		return -EBUSY;
	if (__builtin_expect(len > SSIZE_MAX, 0))
		return -EINVAL;
	while (done < len) {
		uint64_t left = len - done;
		struct room r;

		e = room_for(w, left < w->piece ? left : w->piece, &r, &limit);
		if (__builtin_expect(e != 0, 0))
			break;
		memcpy(r.at, from + done, r.got);
		commit(w, r.got);
		done += r.got;
	}
	return done != 0 || len == 0 ? (ssize_t)done : e;
}

/* The bytes of an iovec that are left. */
struct rest {
	const struct iovec *iov;
	int n;
	size_t used; /* of iov[0] */
};

static void
take(struct rest *rest, unsigned char *to, uint64_t len)
{
	while (len > 0) {
		uint64_t part = rest->iov->iov_len - rest->used;

		if (part > len)
			part = len;
		if (part != 0)
			memcpy(to,
			    (const unsigned char *)rest->iov->iov_base +
				rest->used,
			    part);
		to += part;
		len -= part;
		rest->used += part;
		if (rest->used == rest->iov->iov_len) {
			rest->iov++;
			rest->n--;
			rest->used = 0;
		}
	}
}

ssize_t
shunt_stream_writer_writev(struct shunt_stream_writer *w,
    const struct iovec *iov, int n, const struct shunt_send_options *opts)
{
	struct limit limit = {.opts = opts};
	struct rest rest = {iov, n, 0};
	size_t done = 0, len = 0;
	int e = check(w);

	if (e != 0)
		return e;
	if (w->tx.open)
		return -EBUSY;
	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len > SSIZE_MAX - len)
			return -EINVAL;
		len += iov[i].iov_len;
	}
	if (n < 0)
		return -EINVAL;
	while (done < len) {
		uint64_t left = len - done;
		struct room r;

		e = room_for(w, left < w->piece ? left : w->piece, &r, &limit);
		if (e != 0)
			break;
		take(&rest, r.at, r.got);
		commit(w, r.got);
		done += r.got;
	}
	return done != 0 || len == 0 ? (ssize_t)done : e;
}

ssize_t
shunt_stream_writer_reserve(struct shunt_stream_writer *w, size_t want,
    void **at, const struct shunt_send_options *opts)
{
	struct limit limit = {.opts = opts};
	struct room r;
	int e = check(w);

	if (__builtin_expect(e != 0, 0))
		return e;
	if (__builtin_expect(w->tx.open, 0))
		return -EBUSY;
	if (want == 0)
		return -EINVAL;
	e = room_for(w, want, &r, &limit);
	if (e != 0)
		return e;
	*at = r.at;
	return (ssize_t)r.got;
}

int
shunt_stream_writer_commit(struct shunt_stream_writer *w, size_t len)
{
	if (w == NULL || w->magic != SHUNT__STREAM_WRITER_MAGIC)
		return -EINVAL;
	if (shunt__object_forked(w->obj))
		return SHUNT_E_FORKED;
	if (!w->tx.open || len > w->tx.room)
		return -EINVAL;
	if (len == 0)
		w->tx.open = 0; /* nothing shared was stored */
	else
		commit(w, len);
	return 0;
}

/* ---- the end ---- */

static int
end_ready(void *arg)
{
	struct shunt_stream_writer *w = arg;
	void *at;

	if (shunt__load32(&w->obj->control->ct_ended) != 0)
		return SHUNT_E_CLOSED;
	return shunt__lane_reserve(&w->tx, 0, &at);
}

int
shunt_stream_writer_finish(
    struct shunt_stream_writer *w, const struct shunt_send_options *opts)
{
	struct limit limit = {.opts = opts};
	int e = check(w);

	if (e != 0)
		return e;
	if (w->tx.open)
		return -EBUSY;
	e = end_ready(w);
	/* Only a lane full of ends has no room for another. */
	if (e == -EAGAIN && (e = read_limit(&limit)) == 0)
		e = limit.nowait ? -EAGAIN : wait_for(w, &limit, end_ready, w);
	if (e != 0)
		return e;
	commit_mark(w, SHUNT__STREAM_END);
	return 0;
}
