/* SPDX-License-Identifier: MIT */
/* Everything about one segment. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <shunt/inspect.h>

#include "base/error.h"
#include "base/options.h"
#include "inspect/inspect.h"
#include "inspect/look.h"
#include "os/os.h"

static int64_t
nanoseconds(const struct timespec *ts)
{
	return (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec;
}

void
shunt__info_file(
    struct shunt_segment_info *info, const char *shown, const struct stat *st)
{
	memset(info, 0, sizeof(*info));
	info->sz = sizeof(*info);
	snprintf(info->name, sizeof(info->name), "%s", shown);
	info->size = (uint64_t)st->st_size;
	info->used = (uint64_t)st->st_blocks * 512;
	info->uid = st->st_uid;
	info->gid = st->st_gid;
	info->mode = st->st_mode & 07777;
	info->mtime_ns = nanoseconds(&st->st_mtim);
	info->sysv_id = -1;
}

/*
 * Has anybody a foreign file open or mapped, in any namespace?  The kernel
 * grants a lease for writing only if nobody has.  It is given back at once;
 * whoever opens the file in between makes the kernel send a signal, so it is
 * one that is ignored unless somebody asked for it.
 */
static uint32_t
raw_state(const struct shunt__look *look)
{
	int64_t pid;
	int e;

	shunt__os.lease(look->fd, F_SETSIG, SIGURG);
	e = shunt__os.lease(look->fd, F_SETLEASE, F_WRLCK);
	if (e == 0) {
		shunt__os.lease(look->fd, F_SETLEASE, F_UNLCK);
		return SHUNT_STATE_IDLE;
	}
	if (e == -EAGAIN)
		return SHUNT_STATE_LIVE;
	/* Not ours to lease: then whoever can be seen. */
	return shunt__mappers(&look->st, &pid, 1) > 0 ? SHUNT_STATE_LIVE
						      : SHUNT_STATE_UNKNOWN;
}

struct list {
	struct shunt_participant *to;
	size_t cap;
	size_t n;
};

static void
add(struct list *list, const struct shunt_participant *one)
{
	if (list->n < list->cap)
		list->to[list->n] = *one;
	list->n++;
}

static void
stat_lane(const struct shunt__look *look, uint32_t lane,
    struct shunt_segment_info *info, struct list *list)
{
	struct shunt_participant one = {.lane = lane};
	struct shunt__lane_lay ctl;
	uint64_t tail, end;

	if (shunt__look_lane(look, lane, &ctl) < 0)
		return;
	tail = shunt__load64(&ctl.ln_tail);
	/* Up to where it is readable it is unread. */
	if (look->geo.lane_bytes != 0 && (tail & 7) == 0) {
		shunt__look_walk(look, lane, &tail, &end);
		one.unread = end - tail;
	}
	one.alive = (uint32_t)shunt__look_held(look, SHUNT__BYTE_LANE + lane);
	one.pid = shunt__load32(&ctl.ln_pid);
	one.tid = shunt__load32(&ctl.ln_tid);
	one.uid = shunt__load32(&ctl.ln_uid);
	one.dropped = look->geo.kind == SHUNT_KIND_LOG
			  ? shunt__load64(&ctl.ln_dropped)
			  : 0;
	memcpy(one.comm, ctl.ln_comm, sizeof(ctl.ln_comm) - 1);
	info->senders += one.alive;
	info->unread += one.unread;
	if (one.alive || one.unread != 0)
		add(list, &one);
}

static void
stat_receiver(const struct shunt__look *look, struct shunt_segment_info *info,
    struct list *list)
{
	const struct shunt__control_lay *ct = &look->control;
	struct shunt_participant one = {.lane = UINT32_MAX, .alive = 1};

	if (!shunt__look_held(look, SHUNT__BYTE_RECEIVER))
		return;
	one.pid = shunt__load32(&ct->ct_pid);
	one.tid = one.pid;
	one.uid = shunt__load32(&ct->ct_uid);
	memcpy(one.comm, ct->ct_comm, sizeof(ct->ct_comm) - 1);
	info->receiver = 1;
	info->receiver_pid = one.pid;
	add(list, &one);
}

static void
stat_object(const struct shunt__look *look, struct shunt_segment_info *info,
    struct list *list)
{
	const struct shunt__header_lay *h = &look->header;
	int left; /* something for the next one who comes */

	info->kind = look->geo.kind;
	info->persistent = look->geo.lifetime == SHUNT__PERSISTENT;
	info->created_ns = h->hd_created_ns;
	info->creator_pid = h->hd_pid;
	info->layout = h->hd_layout;
	info->lanes = look->geo.lanes;
	info->lane_bytes = look->geo.lane_bytes;
	info->lanes_used = look->high;
	stat_receiver(look, info, list);
	for (uint32_t lane = 0; lane < look->high; lane++)
		stat_lane(look, lane, info, list);
	if (look->geo.lane_bytes == 0)
		left = shunt__info_lock(look, info);
	else
		left = info->unread != 0;
	/* Asked last: who came while we looked is not nobody. */
	if (shunt__look_held(look, SHUNT__BYTE_ATTACHED))
		info->state = SHUNT_STATE_LIVE;
	else if (!info->persistent && !left)
		info->state = SHUNT_STATE_ORPHAN;
	else
		info->state = SHUNT_STATE_IDLE;
}

int
shunt__info_fill(const struct shunt__look *look,
    struct shunt_segment_info *info, struct shunt_participant *to, size_t cap)
{
	struct list list = {to, to != NULL ? cap : 0, 0};

	shunt__info_file(info, look->name.shown, &look->st);
	if (look->code == 1) {
		info->kind = SHUNT_KIND_RAW;
		info->state = raw_state(look);
	} else if (look->code < 0) {
		info->kind = SHUNT_KIND_OTHER;
		info->state = SHUNT_STATE_UNKNOWN;
		info->layout = look->header.hd_layout;
	} else {
		stat_object(look, info, &list);
	}
	return list.n < INT32_MAX ? (int)list.n : INT32_MAX;
}

int
shunt_segment_stat(const char *name, struct shunt_segment_info *info,
    struct shunt_participant *list, size_t cap)
{
	struct shunt_segment_info all;
	struct shunt__look look;
	struct shunt__name parsed;
	int n = 0, e;

	if (info == NULL)
		return shunt__fail(-EINVAL, "no place for the answer");
	e = shunt__name_parse(&parsed, name);
	if (e == 0 && parsed.backend == SHUNT__SYSV) {
		e = shunt__info_sysv(&parsed, &all);
	} else if (e == 0) {
		e = shunt__look_open(&look, name, NULL, 1);
		if (e == 0) {
			n = shunt__info_fill(&look, &all, list, cap);
			shunt__look_close(&look);
		}
	}
	if (e < 0)
		return e;
	e = shunt__answer_write(info, &all, sizeof(all));
	return e < 0 ? shunt__fail(e, "sz is not set") : n;
}
