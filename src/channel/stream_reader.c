/* SPDX-License-Identifier: MIT */
/* A stream's reading end comes and goes; stream_read.c has what it does. */
#include <stdlib.h>

#include "base/error.h"
#include "channel/stream.h"
#include "os/os.h"

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
	r->resume = shunt__load64(shunt__stream_word(r, SHUNT__STREAM_AT));
	return 0;
}

int
shunt_stream_reader_open(struct shunt_stream_reader **out, const char *name,
    const struct shunt_stream_options *opts)
{
	struct shunt_stream_reader *r;
	int e, made;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	made = shunt__stream_attach(&r->obj, name, opts,
	    SHUNT_STREAM_EXISTING | SHUNT_STREAM_EXCLUSIVE |
		SHUNT_STREAM_PERSISTENT | SHUNT_STREAM_LAST |
		SHUNT_STREAM_OVERWRITE);
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
	r->over = r->obj->geo.param != 0;
	r->last = opts != NULL && (opts->flags & SHUNT_STREAM_LAST) != 0;
	r->what = SHUNT__STREAM_NONE;
	shunt__end_init(&r->end, r->obj, &r->obj->control->ct_bell,
	    SHUNT__END_DEATHS, shunt__stream_ready, r);
	r->magic = SHUNT__STREAM_READER_MAGIC;
	*out = r;
	return made;
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
		shunt__stream_ring(r);
	}
	shunt__end_fini(&r->end);
	shunt__slot_give(&r->slot);
	shunt__object_detach(r->obj, shunt__stream_unread);
	free(r);
	*reader = NULL;
}

int
shunt_stream_reader_fd(struct shunt_stream_reader *r)
{
	if (r == NULL || r->magic != SHUNT__STREAM_READER_MAGIC)
		return -EINVAL;
	return shunt__end_fd(&r->end);
}

struct shunt_end *
shunt_stream_reader_end(struct shunt_stream_reader *r)
{
	if (r == NULL || r->magic != SHUNT__STREAM_READER_MAGIC)
		return NULL;
	return &r->end;
}
