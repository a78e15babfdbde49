/* SPDX-License-Identifier: MIT */
/* The logs of a server: the one that bears its name, and, when somebody took
 * the name away, those whose clients have not noticed yet. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "log/server.h"
#include "os/os.h"
#include "segment/lockbyte.h"
#include "sync/bell.h"

/* For people, who is here and where the lines go. */
void
shunt__logd_sign(struct shunt_logd *l, struct shunt__source *s)
{
	struct shunt__control_lay *ct = s->obj->control;
	struct shunt__log_server_lay *sv = s->server;
	const char *file = l->file.path != NULL ? l->file.path : "-";

	snprintf(sv->sv_file, sizeof(sv->sv_file), "%s", file);
	sv->sv_dev = l->file.id.dev;
	sv->sv_ino = l->file.id.ino;
	shunt__store32(&sv->sv_sync, l->sync_ns == SHUNT_SYNC_BATCH ? 1
				     : l->sync_ns > 0               ? 2
								    : 0);
	shunt__who_comm(ct->ct_comm);
	shunt__store32(&ct->ct_uid, shunt__os.geteuid());
	shunt__store64(&ct->ct_since, shunt__now());
	shunt__store32(&ct->ct_pid, (uint32_t)shunt__os.getpid());
}

/* S0, the first half: one server a log, proved by the kernel. */
static int
take_byte(struct shunt__object *obj)
{
	int e = shunt__object_lock(obj, SHUNT__BYTE_RECEIVER);

	if (e == -EBUSY)
		return shunt__fail(e,
		    "%s: process %u serves this log already; end it first "
		    "(shunt logd --stop)",
		    shunt__quote(obj->name.shown),
		    shunt__load32(&obj->control->ct_pid));
	if (e < 0)
		return shunt__fail(e, "%s: the server's byte: %s",
		    shunt__quote(obj->name.shown), shunt__why(e));
	return 0;
}

static void
note_boot(struct shunt__source *s)
{
	static const uint8_t none[16];
	uint8_t its[16], now[16];

	shunt__who_boot(now);
	memcpy(its, s->server->sv_boot, sizeof(its));
	if (memcmp(its, none, sizeof(its)) == 0)
		memcpy(its, s->obj->header.hd_boot, sizeof(its));
	s->foreign_boot = memcmp(its, now, sizeof(now)) != 0;
	if (!s->foreign_boot)
		memcpy(s->server->sv_boot, now, sizeof(now));
}

/* We are the server: what a dead one left on the words that are ours. */
static void
begin(struct shunt__source *s)
{
	shunt__store32(&s->server->sv_stop, 0);
	shunt__store32(&s->server->sv_disk_full, 0);
	shunt__and32(&s->obj->control->ct_bell,
	    ~(uint32_t)(SHUNT__BELL_ASLEEP | SHUNT__BELL_NAP));
	note_boot(s);
}

/*
 * Attaches to the log of the server's name and puts it at place 0, byte taken;
 * the file is not looked at yet.  0 or a code.
 */
int
shunt__logd_add(struct shunt_logd *l, const struct shunt__spec *spec)
{
	struct shunt__source *s = calloc(1, sizeof(*s));
	struct shunt__object *obj = NULL;
	int e;

	if (s == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	e = shunt__object_attach(&obj, l->name, spec);
	if (e >= 0)
		e = shunt__log_check(obj);
	if (e == 0)
		e = take_byte(obj);
	if (e == 0 && (e = shunt__source_init(s, obj)) < 0)
		e = shunt__fail(e, "out of memory");
	if (e < 0) {
		shunt__object_detach(obj, shunt__log_unread);
		free(s);
		return e;
	}
	begin(s);
	memmove(l->sources + 1, l->sources, l->count * sizeof(l->sources[0]));
	l->sources[0] = s;
	l->count++;
	atomic_store_explicit(
	    &l->bell, &obj->control->ct_bell, memory_order_release);
	return 0;
}

void
shunt__logd_drop(struct shunt_logd *l, uint32_t i, int may_remove)
{
	struct shunt__source *s = l->sources[i];

	if (i == 0)
		atomic_store_explicit(&l->bell, NULL, memory_order_release);
	shunt__object_detach(s->obj, may_remove ? shunt__log_unread : NULL);
	shunt__source_fini(s);
	free(s);
	l->count--;
	memmove(l->sources + i, l->sources + i + 1,
	    (l->count - i) * sizeof(l->sources[0]));
}

/* A log of the same kind as the one whose name went. */
static void
spec_like(struct shunt_logd *l, const struct shunt__object *obj,
    struct shunt__spec *spec, char *group, size_t room)
{
	struct stat st;

	shunt__log_spec(spec, obj->geo.lanes, obj->geo.lane_bytes);
	spec->owner = l->owner;
	spec->persistent = obj->geo.lifetime == SHUNT__PERSISTENT;
	if (shunt__os.fstat(obj->fd, &st) == 0) {
		spec->mode = st.st_mode & 07777;
		snprintf(group, room, "%u", st.st_gid);
		spec->group = group;
	}
}

/* Serves the new bearer of the name too.  0 or a code. */
static int
follow_name(struct shunt_logd *l)
{
	struct shunt__spec spec;
	char group[16];
	int e;

	if (l->count == SHUNT__LOGD_SOURCES)
		return -EAGAIN;
	spec_like(l, l->sources[0]->obj, &spec, group, sizeof(group));
	e = shunt__logd_add(l, &spec);
	if (e < 0)
		return e;
	e = shunt__recover(l->sources[0], &l->file,
	    l->sync_ns != SHUNT_SYNC_NEVER, &l->notice);
	if (e < 0) {
		struct shunt__source *old = l->sources[1];
		shunt__logd_drop(l, 0, 1);
		atomic_store_explicit(&l->bell, &old->obj->control->ct_bell,
		    memory_order_release);
		return e;
	}
	shunt__logd_sign(l, l->sources[0]);
	/* The old one's bell may have bits that nobody sleeps on. */
	l->pace = SHUNT__RUNNING;
	l->napping = 0;
	return 0;
}

static int
orphaned(struct shunt_logd *l, struct shunt__source *s, int e)
{
	if (s->orphan)
		return 0;
	s->orphan = 1;
	shunt__notice(&l->notice,
	    "%s: %s; its clients are served on, and the new one is made",
	    shunt__quote(l->name),
	    e == -ESTALE ? "its name is gone or names another log"
			 : "it was removed by force");
	return 0;
}

/* Nobody but us has it, and nothing is in it: nobody can come any more. */
static int
finished(struct shunt__source *s)
{
	return shunt__byte_held(s->obj->fd, F_WRLCK, SHUNT__BYTE_ATTACHED) ==
		   0 &&
	       !s->stuck && !shunt__source_any(s);
}

static int
look(struct shunt_logd *l, struct shunt__source *s)
{
	int e = shunt__object_check(s->obj);

	if (e == SHUNT_E_TRUNCATED) {
		/* To touch it would be a SIGBUS. */
		s->lost = 1;
		return shunt__fail(e,
		    "%s: somebody truncated it; what was not written yet is "
		    "lost; remove it (shunt rm --force) and start again",
		    shunt__quote(l->name));
	}
	return e < 0 ? orphaned(l, s, e) : 0;
}

/* We have looked at the name: clients that see this need not. */
static void
beat(struct shunt__source *s)
{
	struct shunt__u32 *word = &s->server->sv_beat;

	if (!s->orphan)
		shunt__store32(word, shunt__load32(word) + 1);
}

/* On the slow path.  0, or a code that ends the server. */
int
shunt__logd_names(struct shunt_logd *l)
{
	int e = 0;

	l->checked = shunt__now();
	for (uint32_t i = l->count; i-- > 0 && e == 0;)
		e = look(l, l->sources[i]);
	if (e < 0)
		return e;
	for (uint32_t i = 0; i < l->count; i++)
		beat(l->sources[i]);
	if (l->sources[0]->orphan) {
		e = follow_name(l);
		if (e < 0 && e != -EAGAIN && !l->no_successor)
			shunt__notice(&l->notice, "%s", shunt_error_detail());
		l->no_successor = e < 0;
	}
	/* Behind the first all are orphans. */
	for (uint32_t i = l->count; i-- > 1;)
		if (finished(l->sources[i]))
			shunt__logd_drop(l, i, 0);
	if (l->sources[0]->orphan && l->count == 1 && finished(l->sources[0]))
		return shunt__fail(SHUNT_E_REMOVED,
		    "%s: it was removed, and the new one cannot be served",
		    shunt__quote(l->name));
	return 0;
}
