/* SPDX-License-Identifier: MIT */
/* A stream's writing end comes and goes; stream_write.c has what it does. */
#include <stdlib.h>

#include "base/error.h"
#include "channel/stream.h"
#include "os/os.h"

#define PIECE (UINT64_C(64) << 10) /* of a large write; docs/bench.md */

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
	if (e == 0 && obj->geo.param != 0)
		e = shunt__stream_over_adopt(w);
	else if (e == 0)
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
	if (w->cast != NULL)
		return shunt__stream_over_mark(w, SHUNT__STREAM_BROKEN);
	/* It kept room for an END, or had reserved it. */
	e = shunt__lane_reserve(&w->tx, 0, &at);
	if (e == 0)
		shunt__stream_mark(w, SHUNT__STREAM_BROKEN);
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
	return e == -ENOSPC ? e
			    : shunt__fail(e, "%s: its lane cannot be had: %s",
				  shown, shunt__why(e));
}

int
shunt_stream_writer_open(struct shunt_stream_writer **out, const char *name,
    const struct shunt_stream_options *opts)
{
	struct shunt_stream_writer *w;
	uint64_t cap;
	int e, made;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	made = shunt__stream_attach(&w->obj, name, opts,
	    SHUNT_STREAM_EXISTING | SHUNT_STREAM_EXCLUSIVE |
		SHUNT_STREAM_PERSISTENT | SHUNT_STREAM_OVERWRITE);
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
		free(w->cast);
		free(w);
		return e;
	}
	w->small = w->cast == NULL ? w->piece : 0;
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
			shunt__stream_tell(w);
	}
	shunt__object_detach(w->obj, shunt__stream_unread);
	free(w->cast);
	free(w);
	*writer = NULL;
}
