/* SPDX-License-Identifier: MIT */
/*
 * Reading from a stream.  How far the reader is inside of a record stands in a
 * word of its slot: the next one goes on at that byte.
 */
#include <limits.h>
#include <string.h>

#include "base/copy.h"
#include "channel/stream.h"

/*
 * Nothing at the tail.  Several records in a row before that: a writer at full
 * speed, and we were quicker; so its line is left alone for a moment.  A lone
 * one is a conversation: the answer is on its way, and a few looks at its
 * place see it soonest.
 */
static inline int
look_again(struct shunt_stream_reader *r)
{
	if (!r->adopted)
		return -EAGAIN;
	if (r->run > 1)
		shunt__lane_stand_back();
	r->run = 0;
	if (shunt__lane_await(r->rx.ring, r->rx.cap, r->rx.tail))
		return shunt__stream_look(r);
	return -EAGAIN;
}

static inline int
next(struct shunt_stream_reader *r, const struct shunt_recv_options *opts)
{
	if (__builtin_expect(
		r == NULL || r->magic != SHUNT__STREAM_READER_MAGIC, 0))
		return -EINVAL;
	if (shunt__object_forked(r->obj))
		return SHUNT_E_FORKED;
	int what = shunt__stream_look(r);
	if (__builtin_expect(what == -EAGAIN, 0)) {
		what = look_again(r);
		if (what == -EAGAIN)
			what = shunt__stream_wait(r, opts);
	}
	return what;
}

/* So many bytes of the record at the tail are used up. */
static inline void
use(struct shunt_stream_reader *r, uint64_t n)
{
	r->off += n;
	if (r->off == r->len)
		shunt__stream_release(r);
	else
		shunt__store64(shunt__stream_word(r, SHUNT__STREAM_AT),
		    r->rx.tail + SHUNT__LANE_HEAD + r->off);
}

/* An end or a break was seen: what comes next is another stream. */
static void
pass_mark(struct shunt_stream_reader *r, int what)
{
	if (what == SHUNT__STREAM_LEFT)
		shunt__store64(
		    shunt__stream_word(r, SHUNT__STREAM_TOLD), r->rx.tail + 1);
	else if (r->over)
		shunt__stream_over_pass(r);
	else
		shunt__stream_release(r);
}

ssize_t
shunt_stream_reader_read(struct shunt_stream_reader *r, void *buf, size_t cap,
    const struct shunt_recv_options *opts)
{
	unsigned char *to = buf;
	size_t done = 0;
	/* 0 would be the end. */
	int what = __builtin_expect(cap == 0, 0) ? -EINVAL : next(r, opts);

	if (__builtin_expect(what < 0, 0))
		return what == SHUNT_E_OVERRUN ? shunt__stream_over_told(r)
					       : what;
	r->what = SHUNT__STREAM_NONE;
	if (__builtin_expect(what != SHUNT__STREAM_BYTES, 0)) {
		pass_mark(r, what);
		return what == SHUNT__STREAM_ENDED ? 0 : SHUNT_E_BROKEN;
	}
	cap = cap > SSIZE_MAX ? SSIZE_MAX : cap;
	if (__builtin_expect(r->over, 0))
		return shunt__stream_over_read(r, to, cap);
	do {
		uint64_t n = r->len - r->off;

		n = n < cap - done ? n : cap - done;
		shunt__copy(to + done, r->data + r->off, n);
		use(r, n);
		done += n;
	} while (done < cap && shunt__stream_look(r) == SHUNT__STREAM_BYTES);
	return (ssize_t)done;
}

ssize_t
shunt_stream_reader_peek(struct shunt_stream_reader *r, const void **bytes,
    const struct shunt_recv_options *opts)
{
	if (r != NULL && r->magic == SHUNT__STREAM_READER_MAGIC && r->over)
		return -EOPNOTSUPP;
	int what = next(r, opts);

	if (__builtin_expect(what < 0, 0))
		return what;
	r->what = what;
	r->shown = 0;
	if (what == SHUNT__STREAM_ENDED)
		return 0;
	if (what != SHUNT__STREAM_BYTES)
		return SHUNT_E_BROKEN;
	*bytes = r->data + r->off;
	r->shown = r->len - r->off;
	return (ssize_t)r->shown;
}

int
shunt_stream_reader_release(struct shunt_stream_reader *r, size_t len)
{
	if (r == NULL || r->magic != SHUNT__STREAM_READER_MAGIC)
		return -EINVAL;
	if (shunt__object_forked(r->obj))
		return SHUNT_E_FORKED;
	if (r->what == SHUNT__STREAM_NONE || len > r->shown)
		return -EINVAL;
	if (r->what == SHUNT__STREAM_BYTES) {
		if (len == 0)
			return 0;
		use(r, len);
		r->shown -= len;
		if (r->shown != 0)
			return 0;
	} else {
		pass_mark(r, r->what);
	}
	r->what = SHUNT__STREAM_NONE;
	return 0;
}
