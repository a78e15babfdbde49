/* SPDX-License-Identifier: MIT */
/* The server as its caller sees it; <shunt/logd.h>. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"
#include "log/server.h"
#include "os/os.h"
#include "segment/wait.h"

/* How often the names are looked at while there is no long sleep. */
#define CHECK_NS UINT64_C(500000000)

static int
read_options(
    struct shunt_logd_options *o, const struct shunt_logd_options *opts)
{
	int e = shunt__options_read(o, sizeof(*o), sizeof(*o), opts);

	if (e < 0 || o->flags != 0)
		return shunt__options_refuse(opts);
	if (o->format > SHUNT_FORMAT_JSON)
		return shunt__fail(-EINVAL, "there is no format %u", o->format);
	if (o->sync_ns < SHUNT_SYNC_BATCH)
		return shunt__fail(-EINVAL,
		    "a sync interval is a number of nanoseconds above 0");
	return 0;
}

static int
take_options(
    struct shunt_logd *l, const char *name, const struct shunt_logd_options *o)
{
	char room[SHUNT__LOG_NAME_ROOM];

	l->notice.fn = o->notice;
	l->notice.arg = o->notice_arg;
	l->sync_ns = o->sync_ns;
	l->park_ns = SHUNT__SLEEP_FIRST;
	l->file.fd = -1;
	l->checked = shunt__now();
	l->name = strdup(shunt__log_name(name, room, sizeof(room)));
	if (o->owner != NULL)
		l->owner = strdup(o->owner);
	shunt__format_init(&l->format, o->format);
	if (l->name == NULL || (o->owner != NULL && l->owner == NULL) ||
	    shunt__stage_init(&l->stage) < 0)
		return shunt__fail(-ENOMEM, "out of memory");
	return 0;
}

/* S0 and R0 to R4, then the file's last line. */
static int
start(struct shunt_logd *l, const char *file)
{
	struct shunt__spec spec;
	int e;

	shunt__log_spec(&spec, 0, 0);
	spec.owner = l->owner;
	e = shunt__logd_add(l, &spec);
	if (e < 0)
		return e;
	l->fork_mark = l->sources[0]->obj->fork_mark;
	e = shunt__file_open(&l->file, file);
	if (e == 0)
		e = shunt__recover(l->sources[0], &l->file,
		    l->sync_ns != SHUNT_SYNC_NEVER, &l->notice);
	if (e < 0)
		return e;
	e = shunt__file_begin(&l->file); /* O3 */
	/* A full disk: the first batch meets it again, and waits. */
	if (e < 0 && !shunt__file_full(e))
		return shunt__fail(e, "%s: the log cannot be written: %s",
		    l->file.shown, shunt__why(e));
	shunt__logd_sign(l, l->sources[0]);
	return 0;
}

int
shunt_logd_open(struct shunt_logd **out, const char *name,
    const struct shunt_logd_options *opts)
{
	struct shunt_logd_options o;
	struct shunt_logd *l;
	int e;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	e = read_options(&o, opts);
	if (e < 0)
		return e;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	e = take_options(l, name, &o);
	if (e == 0)
		e = start(l,
		    o.file != NULL && strcmp(o.file, "-") != 0 ? o.file : NULL);
	if (e < 0) {
		shunt_logd_close(&l);
		return e;
	}
	*out = l;
	return 0;
}

static int
usable(const struct shunt_logd *l)
{
	if (l == NULL)
		return -EINVAL;
	if (*shunt__fork_page != l->fork_mark)
		return SHUNT_E_FORKED;
	/* To touch any of them would be a SIGBUS. */
	for (uint32_t i = 0; i < l->count; i++)
		if (l->sources[i]->lost)
			return SHUNT_E_TRUNCATED;
	return 0;
}

static int
chores(struct shunt_logd *l)
{
	uint64_t now = shunt__now();

	if (shunt__load32(&l->reopen) != 0) {
		/* A request that comes while we reopen is one more. */
		shunt__store32(&l->reopen, 0);
		shunt__logd_reopen_now(l);
	}
	if (now - l->checked >= CHECK_NS)
		return shunt__logd_names(l);
	return 0;
}

int64_t
shunt_logd_step(struct shunt_logd *l, int64_t wait_ns)
{
	uint64_t deadline = shunt__deadline(wait_ns);
	int e = usable(l);

	while (e == 0) {
		if (wait_ns != SHUNT_NOWAIT)
			shunt__logd_rest(l, deadline);
		e = chores(l);
		if (e < 0)
			break;
		int64_t lines = shunt__logd_pass(l);
		shunt__logd_pace(l, lines);
		if (lines != 0 || wait_ns == SHUNT_NOWAIT ||
		    shunt__logd_stopping(l) ||
		    (deadline != 0 && shunt__now() >= deadline))
			return lines;
	}
	return e;
}

/*
 * What was committed before the stop is written: a pass that began after it
 * and was not cut has taken all of that, whatever clients go on to log.  A
 * full disk ends it too; the records stay for the next server.
 */
static int
drain(struct shunt_logd *l)
{
	int64_t n;

	do {
		n = shunt_logd_step(l, SHUNT_NOWAIT);
		if (n < 0)
			return (int)n;
	} while (l->cut && !l->full);
	int e = shunt__logd_sync(l);
	if (l->full)
		return shunt__fail(-ENOSPC,
		    "%s: there was no room for all; the rest stays in %s for "
		    "the next server",
		    l->file.shown, shunt__quote(l->name));
	return e;
}

int
shunt_logd_run(struct shunt_logd *l)
{
	int e = usable(l);

	while (e == 0 && !shunt__logd_stopping(l)) {
		int64_t n = shunt_logd_step(l, SHUNT_FOREVER);
		if (n < 0)
			return (int)n;
	}
	return e < 0 ? e : drain(l);
}

void
shunt_logd_reopen(struct shunt_logd *l)
{
	if (l == NULL)
		return;
	shunt__store32(&l->reopen, 1);
	shunt__logd_wake(l);
}

void
shunt_logd_stop(struct shunt_logd *l)
{
	if (l == NULL)
		return;
	shunt__store32(&l->stop, 1);
	shunt__logd_wake(l);
}

/* The bell must not go on asking clients to wake nobody. */
static void
leave(struct shunt__source *s)
{
	if (s->lost || shunt__object_forked(s->obj))
		return;
	shunt__and32(&s->obj->control->ct_bell,
	    ~(uint32_t)(SHUNT__BELL_ASLEEP | SHUNT__BELL_NAP));
}

void
shunt_logd_close(struct shunt_logd **logd)
{
	struct shunt_logd *l;

	if (logd == NULL || *logd == NULL)
		return;
	l = *logd;
	*logd = NULL;
	/* The file before the log: who gets the byte finds it unlocked. */
	shunt__file_close(&l->file);
	while (l->count > 0) {
		leave(l->sources[l->count - 1]);
		shunt__logd_drop(l, l->count - 1, 1);
	}
	free(l->stage.buf);
	free(l->name);
	free(l->owner);
	free(l);
}
