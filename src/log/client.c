/* SPDX-License-Identifier: MIT */
/* A log as its clients see it: opening, closing and the level. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"
#include "log/client.h"
#include "os/os.h"

#define FLAGS (SHUNT_LOG_EXISTING | SHUNT_LOG_EXCLUSIVE | SHUNT_LOG_PERSISTENT)

static int
check_options(const struct shunt_log_options *o)
{
	if ((o->flags & ~(uint32_t)FLAGS) != 0 || o->reserved != 0 ||
	    (o->mode & ~0777u) != 0)
		return shunt__options_refuse(o);
	if (o->full > SHUNT_LOG_FULL_DROP)
		return shunt__fail(-EINVAL,
		    "there is no way %u to treat a full lane", o->full);
	if (o->max_level > SHUNT_LOG_DEBUG)
		return shunt__fail(-EINVAL,
		    "there is no level %u; the least "
		    "grave is %d",
		    o->max_level, SHUNT_LOG_DEBUG);
	if (o->tag != NULL && strlen(o->tag) > SHUNT_LOG_TAG_MAX)
		return shunt__fail(-EINVAL,
		    "the tag \"%s\" is longer than %d bytes",
		    shunt__quote(o->tag), SHUNT_LOG_TAG_MAX);
	return 0;
}

/* 0, or 1 if there is no memory. */
static int
copy(char **to, const char *from)
{
	if (from != NULL)
		*to = strdup(from);
	return from != NULL && *to == NULL;
}

static int
take_options(
    struct shunt_log *log, const char *name, const struct shunt_log_options *o)
{
	char room[SHUNT__LOG_NAME_ROOM];
	const char *tag =
	    o->tag != NULL ? o->tag : program_invocation_short_name;

	if (copy(&log->name, shunt__log_name(name, room, sizeof(room))) ||
	    copy(&log->group, o->group) || copy(&log->owner, o->owner) ||
	    shunt__fork_mark() == 0)
		return shunt__fail(-ENOMEM, "out of memory");
	shunt__store64(&log->fork_mark, shunt__fork_mark());
	log->tag_len = strnlen(tag, SHUNT_LOG_TAG_MAX);
	memcpy(log->tag, tag, log->tag_len);
	log->limit = o->max_level != 0 ? o->max_level : SHUNT_LOG_DEBUG;
	log->full = o->full;
	shunt__log_spec(&log->spec, o->lanes, o->lane_bytes);
	log->spec.mode = o->mode;
	log->spec.group = log->group;
	log->spec.owner = log->owner;
	log->spec.existing = (o->flags & SHUNT_LOG_EXISTING) != 0;
	log->spec.exclusive = (o->flags & SHUNT_LOG_EXCLUSIVE) != 0;
	log->spec.persistent = (o->flags & SHUNT_LOG_PERSISTENT) != 0;
	return 0;
}

static void
free_handle(struct shunt_log *log)
{
	free(log->name);
	free(log->group);
	free(log->owner);
	free(log);
}

int
shunt_log_open(struct shunt_log **out, const char *name,
    const struct shunt_log_options *opts)
{
	struct shunt_log_options o;
	struct shunt_log *log;
	int e;

	if (out == NULL)
		return shunt__nowhere();
	*out = NULL;
	e = shunt__options_read(&o, sizeof(o), sizeof(o), opts);
	if (e < 0)
		return shunt__options_refuse(opts);
	e = check_options(&o);
	if (e < 0)
		return e;
	log = calloc(1, sizeof(*log));
	if (log == NULL)
		return shunt__fail(-ENOMEM, "out of memory");
	e = take_options(log, name, &o);
	if (e == 0)
		e = shunt__log_attach(log);
	if (e < 0) {
		free_handle(log);
		return e;
	}
	log->magic = SHUNT__LOG_MAGIC;
	*out = log;
	return e;
}

/* Nobody uses the handle any more: seats of all threads are given back, and
 * what a vanished name left behind is brought to the new one. */
static void
close_old(struct shunt_log *log)
{
	struct shunt__log_at *now = atomic_load(&log->now), *at, *next;

	if (now != NULL && shunt__object_check(now->obj) == -ESTALE &&
	    !shunt__log_written(now) && !shunt__log_served(now->obj))
		shunt__log_follow(log, now);
	for (at = atomic_load(&log->old); at != NULL; at = at->next)
		shunt__seats_fini(&at->seats);
	if (atomic_load(&log->old) != NULL)
		shunt__log_reap(log);
	for (at = atomic_load(&log->old); at != NULL; at = next) {
		next = at->next;
		shunt__log_free_at(at, 0);
	}
}

void
shunt_log_close(struct shunt_log **handle)
{
	struct shunt_log *log;

	if (handle == NULL || *handle == NULL ||
	    (*handle)->magic != SHUNT__LOG_MAGIC)
		return;
	log = *handle;
	*handle = NULL;
	log->magic = 0;
	/* In a child that never used it nothing of it is mapped, and the list
	 * may be half changed by another thread of the parent. */
	if (!shunt__log_forked(log))
		close_old(log);
	shunt__log_free_at(atomic_load(&log->now), 1);
	free_handle(log);
}

/* const for the caller; a look is counted among the users all the same. */
static struct shunt_log *
usable(const struct shunt_log *log)
{
	return log == NULL || log->magic != SHUNT__LOG_MAGIC
		   ? NULL
		   : (struct shunt_log *)log;
}

int
shunt_log_level(const struct shunt_log *handle)
{
	struct shunt_log *log = usable(handle);
	struct shunt__log_at *at;

	if (log == NULL)
		return -EINVAL;
	int e = shunt__log_pin(log, &at);
	if (e < 0)
		return e;
	uint32_t level = shunt__log_limit(at->obj->control);
	shunt__log_unpin(log);
	return (int)(level < log->limit ? level : log->limit);
}

int
shunt_log_set_level(struct shunt_log *handle, int level)
{
	struct shunt_log *log = usable(handle);
	struct shunt__log_at *at;

	if (log == NULL || level < 0 || level > SHUNT_LOG_DEBUG)
		return -EINVAL;
	int e = shunt__log_pin(log, &at);
	if (e < 0)
		return e;
	shunt__store32(&at->obj->control->ct_level, (uint32_t)level + 1);
	shunt__log_unpin(log);
	return 0;
}

size_t
shunt_log_max(const struct shunt_log *handle)
{
	struct shunt_log *log = usable(handle);

	return log == NULL ? 0 : log->max;
}
