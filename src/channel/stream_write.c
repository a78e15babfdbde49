/* SPDX-License-Identifier: MIT */
/*
 * Writing to a stream: pieces of the bytes as records of one lane.  Two
 * headers of room are kept behind each piece, one of them for the END: who has
 * written his bytes can say that it was all without waiting.
 */
#include <limits.h>
#include <string.h>

#include "base/copy.h"
#include "base/options.h"
#include "channel/stream.h"
#include "segment/wait.h"

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
	shunt__stream_tell(w);
}

/* A few bytes and room for them as they are, which is nearly always so.  NULL
 * if not: then find_room() tells. */
static inline void *
room_at_once(struct shunt_stream_writer *w, size_t len)
{
	struct shunt__lane_tx *tx = &w->tx;
	uint64_t pos = tx->head & (tx->cap - 1);
	uint64_t need = shunt__lane_need(len);

	/* None, and a length that wraps round, are long, too. */
	if (len - 1 >= w->small || tx->cap - pos < need ||
	    tx->head - tx->tail_seen + need + 2 * SHUNT__LANE_HEAD > tx->cap)
		return NULL;
	tx->pad = 0;
	return tx->ring + pos + SHUNT__LANE_HEAD;
}

static ssize_t write_slow(struct shunt_stream_writer *w, const void *buf,
    size_t len, const struct shunt_send_options *opts);

ssize_t
shunt_stream_writer_write(struct shunt_stream_writer *w, const void *buf,
    size_t len, const struct shunt_send_options *opts)
{
	int e = check(w);

	if (__builtin_expect(e != 0, 0))
		return e;
	if (__builtin_expect(w->tx.open, 0))
		return -EBUSY;
	void *at = room_at_once(w, len);
	if (__builtin_expect(at == NULL, 0))
		return write_slow(w, buf, len, opts);
	shunt__copy(at, buf, len);
	commit(w, len);
	return (ssize_t)len;
}

static ssize_t
write_slow(struct shunt_stream_writer *w, const void *buf, size_t len,
    const struct shunt_send_options *opts)
{
	struct limit limit = {.opts = opts};
	const unsigned char *from = buf;
	size_t done = 0;
	int e = 0;

	if (__builtin_expect(len > SSIZE_MAX, 0))
		return -EINVAL;
	if (__builtin_expect(w->cast != NULL, 0))
		return shunt__stream_over_write(w, buf, len);
	while (done < len) {
		uint64_t left = len - done;
		struct room r;

		e = room_for(w, left < w->piece ? left : w->piece, &r, &limit);
		if (__builtin_expect(e != 0, 0))
			break;
		shunt__copy(r.at, from + done, r.got);
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
			shunt__copy(to,
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

/* Nobody sees where one ends: one after the other. */
static ssize_t
over_writev(struct shunt_stream_writer *w, const struct iovec *iov, int n)
{
	size_t done = 0;

	for (int i = 0; i < n; i++) {
		ssize_t part = shunt__stream_over_write(
		    w, iov[i].iov_base, iov[i].iov_len);
		if (part < 0 && done == 0)
			return part;
		done += part > 0 ? (size_t)part : 0;
		if (part != (ssize_t)iov[i].iov_len)
			break;
	}
	return (ssize_t)done;
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
	if (w->cast != NULL)
		return over_writev(w, iov, n);
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
	if (w->cast != NULL)
		return -EOPNOTSUPP;
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
	if (w->cast != NULL)
		return shunt__stream_over_mark(w, SHUNT__STREAM_END);
	e = end_ready(w);
	/* Only a lane full of ends has no room for another. */
	if (e == -EAGAIN && (e = read_limit(&limit)) == 0)
		e = limit.nowait ? -EAGAIN : wait_for(w, &limit, end_ready, w);
	if (e != 0)
		return e;
	shunt__stream_mark(w, SHUNT__STREAM_END);
	return 0;
}
