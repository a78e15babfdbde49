/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CHANNEL_STREAM_H
#define SHUNT_CHANNEL_STREAM_H

#include <shunt/inspect.h>
#include <shunt/stream.h>

#include "channel/stream_layout.h"
#include "ring/lane.h"
#include "segment/object.h"
#include "segment/slot.h"
#include "sync/bell.h"

#define SHUNT__STREAM_WRITER_MAGIC 0x53745772u
#define SHUNT__STREAM_READER_MAGIC 0x53745264u

struct shunt_stream_writer {
	uint32_t magic;
	int fence; /* our commits fence by themselves */
	struct shunt__object *obj;
	struct shunt__stream_lay *lay;
	uint64_t piece; /* bytes of a record, at most, where we choose */
	uint64_t least; /* not less, while the stream does not end with it */
	struct shunt__lane_tx tx;
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
	struct shunt__spin spin;
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

/* stream.c: anything left for a reader?  Nobody else is attached. */
int shunt__stream_unread(struct shunt__object *obj);

static inline struct shunt__stream_lay *
shunt__stream_lay(const struct shunt__object *obj)
{
	return (
	    struct shunt__stream_lay *)(void *)(obj->area + SHUNT__STREAM_OFF);
}

#endif /* SHUNT_CHANNEL_STREAM_H */
