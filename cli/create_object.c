/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>

#include <shunt.h>

#include "create.h"
#include "fail.h"
#include "look.h"
#include "out.h"

/* Objects that `shunt create` makes: each kind's own open, made persistent. */

/* Permits that a semaphore may have if its SIZE and --max are given so. */
#define MAX_OF_EMPTY 1024

union end {
	struct shunt_queue *queue;
	struct shunt_log *log;
	struct shunt_lock *lock;
	struct shunt_semaphore *semaphore;
	struct shunt_event *event;
	struct shunt_stream_reader *reader;
	struct shunt_publisher *publisher;
	struct shunt_client *client;
};

static int
open_queue(union end *end, const struct create *c, int excl)
{
	struct shunt_queue_options o = {.sz = sizeof(o),
	    .mode = c->mode,
	    .group = c->group,
	    .owner = c->owner,
	    .lane_bytes = c->size,
	    .type = c->type,
	    .schema = c->schema,
	    .flags = SHUNT_QUEUE_PERSISTENT};

	o.flags |= excl ? SHUNT_QUEUE_EXCLUSIVE : 0;
	return shunt_queue_open(&end->queue, c->name, &o);
}

static int
open_log(union end *end, const struct create *c, int excl)
{
	struct shunt_log_options o = {.sz = sizeof(o),
	    .mode = c->mode,
	    .group = c->group,
	    .owner = c->owner,
	    .lane_bytes = c->size,
	    .flags = SHUNT_LOG_PERSISTENT};

	o.flags |= excl ? SHUNT_LOG_EXCLUSIVE : 0;
	return shunt_log_open(&end->log, c->name, &o);
}

static int
open_lock(union end *end, const struct create *c, int excl)
{
	struct shunt_lock_options o = {.sz = sizeof(o),
	    .mode = c->mode,
	    .group = c->group,
	    .owner = c->owner,
	    .flags = SHUNT_LOCK_PERSISTENT};

	o.flags |= excl ? SHUNT_LOCK_EXCLUSIVE : 0;
	return shunt_lock_open(&end->lock, c->name, &o);
}

static int
open_semaphore(union end *end, const struct create *c, int excl)
{
	struct shunt_semaphore_options o = {.sz = sizeof(o),
	    .mode = c->mode,
	    .group = c->group,
	    .owner = c->owner,
	    .permits = (uint32_t)c->size,
	    .max = (uint32_t)c->max,
	    .flags = SHUNT_SEMAPHORE_PERSISTENT};

	o.flags |= excl ? SHUNT_SEMAPHORE_EXCLUSIVE : 0;
	o.flags |= c->sized && c->size == 0 ? SHUNT_SEMAPHORE_EMPTY : 0;
	return shunt_semaphore_open(&end->semaphore, c->name, &o);
}

static int
open_event(union end *end, const struct create *c, int excl)
{
	struct shunt_event_options o = {.sz = sizeof(o),
	    .mode = c->mode,
	    .group = c->group,
	    .owner = c->owner,
	    .flags = SHUNT_EVENT_PERSISTENT};

	o.flags |= excl ? SHUNT_EVENT_EXCLUSIVE : 0;
	return shunt_event_open(&end->event, c->name, &o);
}

static int
open_stream(union end *end, const struct create *c, int excl)
{
	struct shunt_stream_options o = {.sz = sizeof(o),
	    .mode = c->mode,
	    .group = c->group,
	    .owner = c->owner,
	    .lane_bytes = c->size,
	    .type = c->type,
	    .schema = c->schema,
	    .flags = SHUNT_STREAM_PERSISTENT};

	int r;

	o.flags |= excl ? SHUNT_STREAM_EXCLUSIVE : 0;
	r = shunt_stream_reader_open(&end->reader, c->name, &o);

	/* Somebody reads from it already: so it is there. */
	return r == -EBUSY && !excl ? 0 : r;
}

static int
open_topic(union end *end, const struct create *c, int excl)
{
	struct shunt_publisher_options o = {.sz = sizeof(o),
	    .mode = c->mode,
	    .group = c->group,
	    .owner = c->owner,
	    .lane_bytes = c->size,
	    .type = c->type,
	    .schema = c->schema,
	    .policy = c->policy,
	    .flags = SHUNT_TOPIC_PERSISTENT};

	o.flags |= excl ? SHUNT_TOPIC_EXCLUSIVE : 0;
	return shunt_publisher_open(&end->publisher, c->name, &o);
}

static int
open_service(union end *end, const struct create *c, int excl)
{
	struct shunt_service_options o = {.sz = sizeof(o),
	    .mode = c->mode,
	    .group = c->group,
	    .owner = c->owner,
	    .lane_bytes = c->size,
	    .type = c->type,
	    .schema = c->schema,
	    .flags = SHUNT_SERVICE_PERSISTENT};

	o.flags |= excl ? SHUNT_SERVICE_EXCLUSIVE : 0;
	return shunt_client_open(&end->client, c->name, &o);
}

static int
open_kind(union end *end, const struct create *c, int excl)
{
	switch (c->kind) {
	case SHUNT_KIND_QUEUE:
		return open_queue(end, c, excl);
	case SHUNT_KIND_LOG:
		return open_log(end, c, excl);
	case SHUNT_KIND_LOCK:
		return open_lock(end, c, excl);
	case SHUNT_KIND_SEMAPHORE:
		return open_semaphore(end, c, excl);
	case SHUNT_KIND_EVENT:
		return open_event(end, c, excl);
	case SHUNT_KIND_STREAM:
		return open_stream(end, c, excl);
	case SHUNT_KIND_TOPIC:
		return open_topic(end, c, excl);
	case SHUNT_KIND_SERVICE:
		return open_service(end, c, excl);
	}
	return -EINVAL;
}

static void
close_kind(union end *end, uint32_t kind)
{
	switch (kind) {
	case SHUNT_KIND_QUEUE:
		shunt_queue_close(&end->queue);
		break;
	case SHUNT_KIND_LOG:
		shunt_log_close(&end->log);
		break;
	case SHUNT_KIND_LOCK:
		shunt_lock_close(&end->lock);
		break;
	case SHUNT_KIND_SEMAPHORE:
		shunt_semaphore_close(&end->semaphore);
		break;
	case SHUNT_KIND_EVENT:
		shunt_event_close(&end->event);
		break;
	case SHUNT_KIND_TOPIC:
		shunt_publisher_close(&end->publisher);
		break;
	case SHUNT_KIND_SERVICE:
		shunt_client_close(&end->client);
		break;
	case SHUNT_KIND_STREAM:
		shunt_stream_reader_close(&end->reader);
		break;
	}
}

/*
 * Opens the object, making it if it is missing, and lets go of it: 1 made, 0
 * it was there, or a code.  It is told in *@info, as it was while we had it
 * attached.
 */
static int
open_object(const struct create *c, int excl, struct shunt_segment_info *info)
{
	union end end;
	int r = open_kind(&end, c, excl), e;

	if (r < 0)
		return r;
	if (r >= 0) {
		*info = (struct shunt_segment_info){.sz = sizeof(*info)};
		e = shunt_segment_stat(c->name, info, NULL, 0);
		/* Its mode may forbid even its maker to look. */
		if (e < 0 && r == 1)
			info->mode = c->mode != 0 ? c->mode : 0600;
		else if (e < 0)
			r = e;
	}
	close_kind(&end, c->kind);
	return r;
}

/* What was there is what was asked for, as far as anything was. */
static int
compare(const struct create *c, const struct shunt_segment_info *info)
{
	uint64_t most = c->max != 0    ? c->max
			: c->size != 0 ? c->size
				       : MAX_OF_EMPTY;

	if (look_has_lanes(c->kind) && info->lane_bytes != c->size)
		return fail_say(c->cmd,
		    "%s: this %s exists with lanes of %" PRIu64
		    " bytes, not %" PRIu64 "; remove it with `shunt rm` first",
		    out_safe(c->name), look_kind(c->kind), info->lane_bytes,
		    c->size);
	if (c->kind == SHUNT_KIND_SEMAPHORE && (c->sized || c->max != 0) &&
	    info->most != most)
		return fail_say(c->cmd,
		    "%s: this semaphore exists with room for %" PRIu32
		    " permits, not %" PRIu64
		    "; remove it with `shunt rm` first",
		    out_safe(c->name), info->most, most);
	return CLI_DONE;
}

static int
tell(const struct create *c, int made, uint32_t mode)
{
	json_t *o;

	if (!made)
		create_mode_note(c->cmd, c->name, c->mode, mode);
	if (!c->json)
		return CLI_DONE;
	o = json_pack("{s:o, s:s, s:b, s:o}", "name", out_json_text(c->name),
	    "kind", look_kind(c->kind), "made", made, "mode",
	    create_mode_json(mode));
	return o == NULL || out_json(o, 1) < 0 ? CLI_FAILED : CLI_DONE;
}

int
create_object(const struct create *c)
{
	struct shunt_segment_info info;
	int r = open_object(c, c->excl, &info), rc;

	/* An ephemeral one that nobody needed went as we let go of it. */
	if (r == 0 && !info.persistent) {
		r = open_object(c, 1, &info);
		if (r == -EEXIST)
			return fail_say(c->cmd,
			    "%s: an ephemeral %s of that name is in use, it "
			    "goes when it is done with; end its users, or "
			    "remove it with `shunt rm --force`",
			    out_safe(c->name), look_kind(c->kind));
	}
	if (r < 0)
		return create_fail(c->cmd, c->name, c->excl, r);
	rc = r == 0 ? compare(c, &info) : CLI_DONE;
	return rc != CLI_DONE ? rc : tell(c, r == 1, info.mode);
}
