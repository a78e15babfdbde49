/* SPDX-License-Identifier: MIT */
/*
 * The reading end of a stream.  How far it is inside of a record stands in a
 * word of its slot: the next reader goes on at that byte.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"
#include "channel/stream.h"
#include "os/os.h"
#include "segment/wait.h"

#define AWAIT  64u               /* looks at one place for what is on its way */
#define ASK_NS UINT64_C(1000000) /* between two questions who lives */

/* ---- opening and closing ---- */

static struct shunt__u64 *
word(struct shunt_stream_reader *r, int n)
{
	return &r->slot.lay->sl_word[n];
}

static int
take_slot(struct shunt_stream_reader *r)
{
	struct shunt__object *obj = r->obj;
	struct shunt__control_lay *ct = obj->control;
	const struct shunt__slot_lay *lay = shunt__slot_at(obj, 0);
	const char *shown = shunt__quote(obj->name.shown);
	int e = shunt__slot_take(&r->slot, obj, 1);

	if (e == SHUNT_E_SLOTS)
		return shunt__fail(-EBUSY,
		    "%s: process %u reads from it already; a stream has one "
		    "reader at a time",
		    shown, shunt__load32(&lay->sl_pid));
	if (e < 0)
		return shunt__fail(e,
		    "%s: its reader's place cannot be had: %s", shown,
		    shunt__why(e));
	shunt__store32(&ct->ct_pid, shunt__load32(&lay->sl_pid));
	shunt__store32(&ct->ct_uid, shunt__load32(&lay->sl_uid));
	shunt__store64(&ct->ct_since, shunt__load64(&lay->sl_since));
	shunt__who_comm(ct->ct_comm);
	/* A predecessor may have died asleep, or closed for good. */
	shunt__bell_disarm(&ct->ct_bell, SHUNT__BELL_ASLEEP | SHUNT__BELL_POLL);
	shunt__store32(&ct->ct_ended, 0);
	r->resume = shunt__load64(word(r, SHUNT__STREAM_AT));
	return 0;
}

int
shunt_stream_reader_open(struct shunt_stream_reader **out, const char *name,
    const struct shunt_stream_options *opts)
{
	struct shunt_stream_reader *r;
	int e, made;

	*out = NULL;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	made = shunt__stream_attach(&r->obj, name, opts,
	    SHUNT_STREAM_EXISTING | SHUNT_STREAM_EXCLUSIVE |
		SHUNT_STREAM_PERSISTENT | SHUNT_STREAM_LAST);
	if (made < 0) {
		free(r);
		return made;
	}
	e = take_slot(r);
	if (e < 0) {
		shunt__object_detach(r->obj, shunt__stream_unread);
		free(r);
		return e;
	}
	r->fence = r->obj->fence;
	r->lay = shunt__stream_lay(r->obj);
	r->last = opts != NULL && (opts->flags & SHUNT_STREAM_LAST) != 0;
	r->what = SHUNT__STREAM_NONE;
	r->magic = SHUNT__STREAM_READER_MAGIC;
	*out = r;
	return made;
}

/* A writer that wants room looks again. */
static inline void
ring_writer(struct shunt_stream_reader *r)
{
	struct shunt__u32 *bell = &shunt__object_lane(r->obj, 0)->ln_waiting;

	if (shunt__bell_look(bell, r->fence) & SHUNT__BELL_ASLEEP)
		shunt__bell_ring(bell, SHUNT__BELL_ASLEEP);
}

void
shunt_stream_reader_close(struct shunt_stream_reader **reader)
{
	struct shunt_stream_reader *r;

	if (reader == NULL || (r = *reader) == NULL ||
	    r->magic != SHUNT__STREAM_READER_MAGIC)
		return;
	r->magic = 0;
	if (r->last && !shunt__object_forked(r->obj)) {
		shunt__store32(&r->obj->control->ct_ended, 1);
		ring_writer(r);
	}
	shunt__slot_give(&r->slot);
	shunt__object_detach(r->obj, shunt__stream_unread);
	free(r);
	*reader = NULL;
}

/* ---- what is there ---- */

/* Nobody has written yet, or the lane is ours to read from now on. */
static int
adopt(struct shunt_stream_reader *r)
{
	struct shunt__object *obj = r->obj;
	int e;

	if (shunt__object_high(obj) == 0)
		return -EAGAIN;
	e = shunt__object_probe_lane(obj, 0);
	if (e < 0)
		return e;
	shunt__lane_rx_adopt(&r->rx, shunt__object_ring(obj, 0),
	    obj->geo.lane_bytes, shunt__object_lane(obj, 0));
	r->adopted = 1;
	return 0;
}

static int
lies(struct shunt_stream_reader *r)
{
	r->bad = 1;
	return SHUNT_E_CORRUPT;
}

/* The first record that we see: our predecessor may have read some of it. */
static void
resume(struct shunt_stream_reader *r)
{
	uint64_t first = r->rx.tail + SHUNT__LANE_HEAD;

	if (r->resume > first && r->resume - first < r->len)
		r->off = r->resume - first;
	r->resume = 0;
}

/* The reader is done with the record at the tail. */
static inline void
release(struct shunt_stream_reader *r)
{
	uint64_t old = r->rx.tail;

	r->off = 0;
	r->run++;
	shunt__lane_release(&r->rx);
	/* As a queue's receiver: each quarter of the lane, and when empty. */
	if (__builtin_expect((old ^ r->rx.tail) & ~(r->rx.cap / 4 - 1), 0))
		ring_writer(r);
}

static int look_slow(struct shunt_stream_reader *r, int64_t len, uint16_t tag);

/* What stands at the tail: enum shunt__stream_what, -EAGAIN or a code. */
static inline int
look(struct shunt_stream_reader *r)
{
	const void *payload;
	uint16_t tag = 0;
	int64_t len;

	if (__builtin_expect(!r->adopted || r->bad, 0))
		return look_slow(r, -EAGAIN, 0);
	len = shunt__lane_peek(&r->rx, &payload, &tag);
	if (__builtin_expect(len <= 0 || tag != SHUNT__STREAM_DATA, 0))
		return look_slow(r, len, tag);
	r->len = (uint64_t)len;
	r->data = payload;
	if (__builtin_expect(r->resume != 0, 0))
		resume(r);
	/* A header is read anew each time, and is not ours to believe. */
	if (__builtin_expect(r->off >= r->len, 0))
		return lies(r);
	r->drained = 0;
	return SHUNT__STREAM_BYTES;
}

static int
look_slow(struct shunt_stream_reader *r, int64_t len, uint16_t tag)
{
	if (r->bad)
		return SHUNT_E_CORRUPT;
	if (!r->adopted) {
		int e = adopt(r);
		return e < 0 ? e : look(r);
	}
	if (len == -EAGAIN) {
		if (r->off != 0)
			return lies(r); /* its header was there before */
		if (!r->drained) {
			r->drained = 1;
			ring_writer(r);
		}
		return -EAGAIN;
	}
	if (len != 0 || r->off != 0)
		return lies(r);
	r->resume = 0;
	if (tag == SHUNT__STREAM_END)
		return SHUNT__STREAM_ENDED;
	if (tag != SHUNT__STREAM_BROKEN)
		return lies(r);
	if (shunt__load64(word(r, SHUNT__STREAM_TOLD)) != r->rx.tail + 1)
		return SHUNT__STREAM_BROKE;
	release(r); /* that was told already */
	return look(r);
}

/*
 * Nothing is at the tail.  In the middle of a stream, and nobody there who
 * could write the rest?  The order is: st_ended, then the byte, then the tail
 * once more.  Who has stored st_ended for his END holds the byte, or the END
 * is there, or he is dead.
 */
static int
look_for_writer(struct shunt_stream_reader *r)
{
	/* Every word but the lane's own is one that a peer may scribble. */
	uint64_t ended = shunt__acquire64(&r->lay->st_ended);
	uint64_t tail = r->rx.tail;
	int held, e;

	if (!r->adopted || ended == tail ||
	    shunt__load64(word(r, SHUNT__STREAM_TOLD)) == tail + 1)
		return -EAGAIN;
	held = shunt__lane_held(r->obj, 0);
	if (held != 0)
		return held < 0 ? held : -EAGAIN;
	e = look(r);
	/* A pad alone, and dead behind it: the tail has moved over it. */
	return e == -EAGAIN ? SHUNT__STREAM_LEFT : e;
}

/* Looks at everything, as shunt__wait() wants it. */
static int
look_at_all(void *arg)
{
	struct shunt_stream_reader *r = arg;
	int e = look(r);

	return e == -EAGAIN ? look_for_writer(r) : e;
}

/* Who polls asks the kernel about the writer once a millisecond. */
static int
poll_writer(struct shunt_stream_reader *r)
{
	uint64_t now = shunt__now();

	if (now < r->next_ask)
		return -EAGAIN;
	r->next_ask = now + ASK_NS;
	return look_for_writer(r);
}

/* Nothing at once: spin a little, then sleep. */
static int
wait_for_bytes(
    struct shunt_stream_reader *r, const struct shunt_recv_options *opts)
{
	struct shunt_recv_options o;
	int e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);

	if (e < 0)
		return e;
	if (shunt__load32(&r->obj->control->ct_removed) != 0)
		return SHUNT_E_REMOVED;
	if (o.wait_ns < 0)
		return poll_writer(r);
	/* Several in a row, then none: the writer is at full speed. */
	if (r->run > 1)
		shunt__lane_stand_back();
	r->run = 0;
	uint32_t turns = shunt__spin_turns(&r->spin);
	for (uint32_t i = 0; i < turns; i++) {
		shunt__pause();
		e = look(r);
		if (e != -EAGAIN) {
			shunt__spin_learn(&r->spin, 1);
			return e;
		}
	}
	shunt__spin_learn(&r->spin, 0);
	return shunt__wait(r->obj, &r->obj->control->ct_bell,
	    SHUNT__BELL_ASLEEP, shunt__deadline(o.wait_ns), look_at_all, r);
}

/* In a conversation the answer is on its way: as await() of receiver.c. */
static inline int
await(struct shunt_stream_reader *r)
{
	if (!r->adopted || r->run > 1)
		return -EAGAIN;
	for (uint32_t i = 0; i < AWAIT; i++)
		/* V: only asks whether to look. */
		if (shunt__acquire64(shunt__lane_word(
			r->rx.ring, r->rx.cap, r->rx.tail)) != 0)
			return look(r);
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
	int what = look(r);
	if (__builtin_expect(what == -EAGAIN, 0)) {
		what = await(r);
		if (what == -EAGAIN)
			what = wait_for_bytes(r, opts);
	}
	return what;
}

/* ---- reading ---- */

/* So many bytes of the record at the tail are used up. */
static inline void
use(struct shunt_stream_reader *r, uint64_t n)
{
	r->off += n;
	if (r->off == r->len)
		release(r);
	else
		shunt__store64(word(r, SHUNT__STREAM_AT),
		    r->rx.tail + SHUNT__LANE_HEAD + r->off);
}

/* An end or a break was seen: what comes next is another stream. */
static void
pass_mark(struct shunt_stream_reader *r, int what)
{
	if (what == SHUNT__STREAM_LEFT)
		shunt__store64(word(r, SHUNT__STREAM_TOLD), r->rx.tail + 1);
	else
		release(r);
}

ssize_t
shunt_stream_reader_read(struct shunt_stream_reader *r, void *buf, size_t cap,
    const struct shunt_recv_options *opts)
{
	unsigned char *to = buf;
	size_t done = 0;
	int what = next(r, opts);

	if (__builtin_expect(what < 0, 0))
		return what;
	r->what = SHUNT__STREAM_NONE;
	if (__builtin_expect(what != SHUNT__STREAM_BYTES, 0)) {
		pass_mark(r, what);
		return what == SHUNT__STREAM_ENDED ? 0 : SHUNT_E_BROKEN;
	}
	if (cap == 0)
		return -EINVAL; /* 0 would be the end */
	cap = cap > SSIZE_MAX ? SSIZE_MAX : cap;
	do {
		uint64_t n = r->len - r->off;

		n = n < cap - done ? n : cap - done;
		memcpy(to + done, r->data + r->off, n);
		use(r, n);
		done += n;
	} while (done < cap && look(r) == SHUNT__STREAM_BYTES);
	return (ssize_t)done;
}

ssize_t
shunt_stream_reader_peek(struct shunt_stream_reader *r, const void **bytes,
    const struct shunt_recv_options *opts)
{
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
