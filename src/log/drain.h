/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_LOG_DRAIN_H
#define SHUNT_LOG_DRAIN_H

/*
 * From lanes to a file, in batches.  The parts, in the order of a batch:
 *   source.c   the cursors
 *   horizon.c  S2, S3: until when everything is final now
 *   order.c    S4, S5: what is final, merged by stamp; line.c: as lines
 *   note.c     S6, S7, S10..S13: the batch's note in shared memory
 *   file.c     S8, S9: the bytes; find.c: the file after a rotation
 *   drain.c    the batch as a whole, and what is on disk
 *   recover.c  R0..R4: what a killed server left of its last batch
 *   logd.c, serve.c, pass.c, pace.c, status.c: the server around it
 * What can be killed where is said beside the S and R labels in the code;
 * docs/reliability.md has the table.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <shunt/logd.h>

#include "log/file.h"
#include "log/format.h"
#include "log/log_layout.h"
#include "log/spec.h"
#include "ring/lane.h"
#include "segment/object.h"

/* A batch is about so long; a single line may be longer. */
#define SHUNT__BATCH_BYTES (UINT64_C(1) << 20)

/* What a stopped client may delay the file by, once. */
#define SHUNT__HOLD_NS UINT64_C(100000000)

/* A tail that no producer can accept: the lane was found corrupt. */
#define SHUNT__TAIL_CLOSED (UINT64_C(1) << 63 | 1)

enum shunt__cursor_state {
	SHUNT__CURSOR_READ,    /* its records can be read */
	SHUNT__CURSOR_UNREADY, /* its ring is not reserved, as it seems */
	SHUNT__CURSOR_CORRUPT, /* nothing behind `pos` can be read */
};

/* One lane as the server reads it.  The words of the lane are not believed
 * where we know better. */
struct shunt__cursor {
	struct shunt__lane_lay *ctl;
	unsigned char *ring;
	uint64_t cap;
	uint64_t pos;     /* next header to look at; not published */
	uint64_t tail;    /* as published: records before it are history */
	uint64_t told;    /* drops that the file told of, published */
	uint64_t durable; /* as published */
	uint64_t next_told;
	uint64_t last;      /* stamp of the record taken last */
	uint64_t last_done; /* of the one published last */
	uint64_t lie_pos;   /* the record there has a stamp of the future */
	uint64_t lie_stamp; /* and this one instead */
	uint32_t gave_up;   /* on this value of ln_busy, if odd */
	enum shunt__cursor_state state;
	/* The record at `pos`, once looked at. */
	const unsigned char *record;
	uint64_t len;
	uint64_t stamp;
	uint32_t tag;
	int skewed;
};

struct shunt__heap_entry {
	uint64_t stamp;
	uint32_t lane;
};

/* A log object that this server drains. */
struct shunt__source {
	struct shunt__object *obj;
	struct shunt__log_server_lay *server;
	struct shunt__log_note_lay *note;
	struct shunt__cursor *lanes; /* obj->geo.lanes of them */
	struct shunt__heap_entry *heap;
	uint32_t known; /* lanes that have a cursor */
	uint32_t count_heap;
	uint64_t batch;   /* number of the batch, for people */
	int stuck;        /* note says INTENT, the cut back failed */
	int foreign_boot; /* what is unread is of another boot's clock */
	int orphan;       /* its name is gone or names another object */
	int lost;         /* truncated: may not be touched any more */
	struct shunt__log_count_lay done; /* as published */
	struct shunt__log_count_lay next; /* as this batch will leave it */
};

/* Lines on their way. */
struct shunt__stage {
	char *buf;
	size_t len;
	size_t room;
	uint64_t lines;
	int cut; /* there was more than one batch */
};

struct shunt__notice {
	void (*fn)(void *arg, const char *line);
	void *arg;
};

/* Tells a person, if one listens. */
void shunt__notice(const struct shunt__notice *to, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), cold));

/* source.c, horizon.c, order.c */
int shunt__source_init(struct shunt__source *s, struct shunt__object *obj);
void shunt__source_fini(struct shunt__source *s);
void shunt__source_scan(struct shunt__source *s); /* cursors of new lanes */
int shunt__source_any(struct shunt__source *s);   /* 1: something to read */
uint64_t shunt__order_horizon(struct shunt__source *s);
void shunt__order_fill(struct shunt__source *s, uint64_t horizon,
    struct shunt__format *f, struct shunt__stage *st);
void shunt__order_rewind(struct shunt__source *s); /* nothing was taken */
int shunt__stage_init(struct shunt__stage *st);
int shunt__stage_need(struct shunt__stage *st, size_t bytes);

/* line.c: one record, or a sentence of the server's own. */
int shunt__line_put(struct shunt__source *s, struct shunt__cursor *c,
    struct shunt__format *f, struct shunt__stage *st);
int shunt__line_drops(struct shunt__source *s, struct shunt__cursor *c,
    uint64_t stamp, struct shunt__format *f, struct shunt__stage *st);

/* note.c */
struct shunt__note_copy {
	struct shunt__log_note_lay head;
	struct shunt__inode id;
	uint64_t *tails;
	uint64_t *tolds;
	unsigned state;
};
void shunt__note_fill(struct shunt__source *s, const struct shunt__logfile *f,
    const struct shunt__stage *st);
void shunt__note_state(struct shunt__source *s, unsigned state);
int shunt__note_read(struct shunt__source *s, struct shunt__note_copy *out);
void shunt__note_free(struct shunt__note_copy *note);
void shunt__publish_lanes(struct shunt__source *s, int durable);
void shunt__publish_pads(struct shunt__source *s);
void shunt__publish_count(struct shunt__source *s);
void shunt__publish_durable(struct shunt__source *s);

/* drain.c: a batch.  Lines written, 0, or a code. */
int64_t shunt__drain_pass(struct shunt__source *s, struct shunt__logfile *f,
    struct shunt__format *fmt, struct shunt__stage *st, int sync);
int shunt__drain_wants_sync(const struct shunt__source *s);

/* recover.c: 0 or a code. */
int shunt__recover(struct shunt__source *s, struct shunt__logfile *f, int sync,
    const struct shunt__notice *to);

#endif /* SHUNT_LOG_DRAIN_H */
