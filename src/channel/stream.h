/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CHANNEL_STREAM_H
#define SHUNT_CHANNEL_STREAM_H

#include <shunt/inspect.h>
#include <shunt/stream.h>

#include "channel/end.h"
#include "channel/stream_layout.h"
#include "ring/cast.h"
#include "ring/lane.h"
#include "segment/object.h"
#include "segment/slot.h"
#include "segment/wait.h"
#include "sync/bell.h"

#define SHUNT__STREAM_WRITER_MAGIC 0x53745772u
#define SHUNT__STREAM_READER_MAGIC 0x53745264u

struct shunt_stream_writer {
	uint32_t magic;
	int fence; /* our commits fence by themselves */
	struct shunt__object *obj;
	struct shunt__stream_lay *lay;
	uint64_t piece; /* bytes of a record, at most, where we choose */
	uint64_t small; /* the same; 0: SHUNT_STREAM_OVERWRITE */
	uint64_t least; /* not less, while the stream does not end with it */
	struct shunt__lane_tx tx;
	struct shunt__cast_tx *cast; /* SHUNT_STREAM_OVERWRITE, or NULL */
	struct shunt__spin spin;
};

struct shunt_stream_reader {
	uint32_t magic;
	int fence;
	struct shunt__object *obj;
	struct shunt__stream_lay *lay;
	struct shunt__lane_rx rx;
	struct shunt__slot slot;
	const unsigned char *data; /* of the record at the tail */
	uint64_t len;              /* its bytes */
	uint64_t off;              /* of them, used up */
	uint64_t shown;            /* bytes that peek has shown */
	uint64_t resume;           /* the word of our predecessor, once, or 0 */
	uint64_t next_ask; /* when to ask again whether the writer lives */
	int what;          /* that peek has shown: enum shunt__stream_what */
	int adopted;       /* rx is set up */
	int bad;           /* its words lied: SHUNT_E_CORRUPT from now on */
	int drained;       /* the writer was rung when the lane ran empty */
	int run;           /* records in a row */
	int last;          /* SHUNT_STREAM_LAST */
	int over;          /* SHUNT_STREAM_OVERWRITE */
	int over_adopted;  /* cast is set up */
	int overrun;       /* not told yet */
	struct shunt__cast_rx cast;
	struct shunt__spin spin;
	struct shunt_end end;
};

/* What a reader finds; or a negative code. */
enum shunt__stream_what {
	SHUNT__STREAM_NONE = -1, /* peek: nothing was shown */
	SHUNT__STREAM_BYTES = 0,
	SHUNT__STREAM_ENDED = 1,
	SHUNT__STREAM_BROKE = 2, /* a writer says so */
	SHUNT__STREAM_LEFT = 3,  /* nobody is there to say so */
};

/* stream.c: attaches, with those of the flags that are @allowed. */
int shunt__stream_attach(struct shunt__object **out, const char *name,
    const struct shunt_stream_options *opts, uint32_t allowed);

/* stream.c: of what a stream shares. */
uint64_t shunt__stream_fingerprint(void);

/* stream.c: anything left for a reader?  Nobody else is attached. */
int shunt__stream_unread(struct shunt__object *obj);

/* Records were committed, or the byte was given back. */
static inline void
shunt__stream_tell(struct shunt_stream_writer *w)
{
	struct shunt__u32 *bell = &w->obj->control->ct_bell;
	uint32_t bits = shunt__bell_look(bell, w->fence);

	if (__builtin_expect(bits & SHUNT__BELL_ASLEEP, 0))
		shunt__ring(w->obj, bell);
}

/* Room is reserved; for a header alone there is never a pad before it. */
static inline void
shunt__stream_mark(struct shunt_stream_writer *w, uint16_t tag)
{
	/* Before the commit: who finds us dead between the two takes the
	 * stream for broken, never one that is broken for ended. */
	shunt__store64(&w->lay->st_ended, w->tx.head + SHUNT__LANE_HEAD);
	shunt__lane_commit(&w->tx, 0, tag);
	shunt__stream_tell(w);
}

static inline struct shunt__stream_lay *
shunt__stream_lay(const struct shunt__object *obj)
{
	return (
	    struct shunt__stream_lay *)(void *)(obj->area + SHUNT__STREAM_OFF);
}

/* stream_over.c: for SHUNT_STREAM_OVERWRITE. */
int shunt__stream_over_adopt(struct shunt_stream_writer *w);
int shunt__stream_over_mark(struct shunt_stream_writer *w, uint16_t tag);
ssize_t shunt__stream_over_write(
    struct shunt_stream_writer *w, const void *buf, size_t len);
int shunt__stream_over_look(struct shunt_stream_reader *r);
ssize_t shunt__stream_over_read(
    struct shunt_stream_reader *r, unsigned char *to, size_t cap);
int shunt__stream_over_told(struct shunt_stream_reader *r);
void shunt__stream_over_pass(struct shunt_stream_reader *r);

/* stream_look.c: what is not met at each read. */
int shunt__stream_look_slow(
    struct shunt_stream_reader *r, int64_t len, uint16_t tag);
int shunt__stream_lies(struct shunt_stream_reader *r);
void shunt__stream_resume(struct shunt_stream_reader *r);
int shunt__stream_wait(
    struct shunt_stream_reader *r, const struct shunt_recv_options *opts);
int shunt__stream_ready(void *reader); /* as struct shunt_end wants it */

static inline struct shunt__u64 *
shunt__stream_word(struct shunt_stream_reader *r, int n)
{
	return &r->slot.lay->sl_word[n];
}

/* A writer that wants room looks again. */
static inline void
shunt__stream_ring(struct shunt_stream_reader *r)
{
	struct shunt__u32 *bell = &shunt__object_lane(r->obj, 0)->ln_waiting;

	if (shunt__bell_look(bell, r->fence) & SHUNT__BELL_ASLEEP)
		shunt__bell_ring(bell, SHUNT__BELL_ASLEEP);
}

/* The reader is done with the record at the tail. */
static inline void
shunt__stream_release(struct shunt_stream_reader *r)
{
	uint64_t old = r->rx.tail;

	r->off = 0;
	r->run++;
	shunt__lane_release(&r->rx);
	/* As a queue's receiver: each quarter of the lane, and when empty. */
	if (__builtin_expect((old ^ r->rx.tail) & ~(r->rx.cap / 4 - 1), 0))
		shunt__stream_ring(r);
}

/* What stands at the tail: enum shunt__stream_what, -EAGAIN or a code. */
static inline int
shunt__stream_look(struct shunt_stream_reader *r)
{
	const void *payload;
	uint16_t tag = 0;
	int64_t len;

	if (__builtin_expect(!r->adopted || r->bad, 0))
		return shunt__stream_look_slow(r, -EAGAIN, 0);
	len = shunt__lane_peek(&r->rx, &payload, &tag);
	if (__builtin_expect(len <= 0 || tag != SHUNT__STREAM_DATA, 0))
		return shunt__stream_look_slow(r, len, tag);
	r->len = (uint64_t)len;
	r->data = payload;
	if (__builtin_expect(r->resume != 0, 0))
		shunt__stream_resume(r);
	/* A header is read anew each time, and is not ours to believe. */
	if (__builtin_expect(r->off >= r->len, 0))
		return shunt__stream_lies(r);
	r->drained = 0;
	return SHUNT__STREAM_BYTES;
}

#endif /* SHUNT_CHANNEL_STREAM_H */
