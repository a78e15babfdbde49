/* SPDX-License-Identifier: MIT */
/* A short life of each kind: made, used once in each way, closed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"
#include "unit/fakefs.h"
#include "unit/lives.h"

static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_now = {
    .sz = sizeof(recv_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_call_options call_now = {
    .sz = sizeof(call_now), .wait_ns = SHUNT_NOWAIT};
static char bytes[4096];

/* The first bad code of several. */
static long
first(long a, long b)
{
	return a < 0 ? a : b;
}

/* What a handle's calls answer without a handle. */
static long
unless(const void *handle, long e)
{
	return handle == NULL ? 0 : e;
}

static long
queue_life(const char *name)
{
	struct shunt_queue *q = NULL;
	long e = shunt_queue_open(&q, name, NULL);

	e = first(e, unless(q, shunt_queue_send(q, "x", 1, &send_now)));
	/* What was not sent does not come. */
	if (e >= 0)
		e = unless(q, shunt_queue_recv(q, bytes, 8, NULL, &recv_now));
	e = first(e, unless(q, shunt_queue_fd(q)));
	shunt_queue_close(&q);
	return e;
}

static long
topic_life(const char *name)
{
	struct shunt_publisher *p = NULL;
	struct shunt_subscriber *s = NULL;
	long e = shunt_publisher_open(&p, name, NULL);

	e = first(e, shunt_subscriber_open(&s, name, NULL));
	e = first(e, unless(p, shunt_publisher_send(p, "x", 1, &send_now)));
	if (e >= 0)
		e = shunt_subscriber_recv(s, bytes, 8, NULL, &recv_now);
	e = first(e, unless(s, shunt_subscriber_fd(s)));
	shunt_subscriber_close(&s);
	shunt_publisher_close(&p);
	return e;
}

static long
stream_life(const char *name)
{
	struct shunt_stream_writer *w = NULL;
	struct shunt_stream_reader *r = NULL;
	long e = shunt_stream_writer_open(&w, name, NULL);

	e = first(e, shunt_stream_reader_open(&r, name, NULL));
	if (e >= 0)
		e = shunt_stream_writer_write(w, "x", 1, &send_now);
	if (e >= 0)
		e = shunt_stream_reader_read(r, bytes, 8, &recv_now);
	e = first(e, unless(r, shunt_stream_reader_fd(r)));
	shunt_stream_reader_close(&r);
	shunt_stream_writer_close(&w);
	return e;
}

/* One that is written over: its writer has more to remember. */
static long
over_life(const char *name)
{
	const struct shunt_stream_options o = {.sz = sizeof(o),
	    .lane_bytes = 4096,
	    .flags = SHUNT_STREAM_OVERWRITE};
	struct shunt_stream_writer *w = NULL;
	long e = shunt_stream_writer_open(&w, name, &o);

	if (e >= 0)
		e = shunt_stream_writer_write(w, "x", 1, &send_now);
	shunt_stream_writer_close(&w);
	if (e >= 0)
		e = shunt_remove(name, NULL);
	return e;
}

static long
call_life(const char *name)
{
	struct shunt_service *s = NULL;
	struct shunt_client *c = NULL;
	const void *msg;
	long e = shunt_service_open(&s, name, NULL);

	e = first(e, shunt_client_open(&c, name, NULL));
	if (e >= 0)
		e = shunt_client_send(c, "x", 1, NULL, &call_now);
	if (e >= 0)
		e = shunt_service_next(s, &msg, NULL, &call_now);
	if (e >= 0)
		e = shunt_service_reply(s, 0, "y", 1);
	if (e >= 0)
		e = shunt_client_poll(c, bytes, 8, NULL, &call_now);
	e = first(e, unless(c, shunt_client_fd(c)));
	e = first(e, unless(s, shunt_service_fd(s)));
	shunt_client_close(&c);
	shunt_service_close(&s);
	return e;
}

static long
lock_life(const char *name)
{
	struct shunt_lock *l = NULL;
	long e = shunt_lock_open(&l, name, NULL);

	if (e >= 0)
		e = shunt_lock_acquire(l, SHUNT_NOWAIT);
	if (e >= 0)
		e = shunt_lock_release(l);
	shunt_lock_close(&l);
	return e;
}

static long
semaphore_life(const char *name)
{
	struct shunt_semaphore *s = NULL;
	long e = shunt_semaphore_open(&s, name, NULL);

	if (e >= 0)
		e = shunt_semaphore_wait(s, SHUNT_NOWAIT);
	if (e >= 0)
		e = shunt_semaphore_post(s);
	shunt_semaphore_close(&s);
	return e;
}

static long
event_life(const char *name)
{
	struct shunt_event *ev = NULL;
	long e = shunt_event_open(&ev, name, NULL);

	if (e >= 0)
		e = shunt_event_notify(ev, SHUNT_EVENT_ONE);
	if (e >= 0)
		e = shunt_event_wait(ev, SHUNT_NOWAIT);
	shunt_event_close(&ev);
	return e;
}

static long
log_life(const char *name)
{
	const char *dir = getenv("TMPDIR");
	char path[512], uid[20], gid[20];
	struct shunt_log_options mine = {
	    .sz = sizeof(mine), .owner = uid, .group = gid};
	struct shunt_logd_options o = {
	    .sz = sizeof(o), .owner = uid, .file = path};
	struct shunt_log *log = NULL;
	struct shunt_logd *logd = NULL;
	struct shunt_tail *tail = NULL;
	const char *line;

	snprintf(uid, sizeof(uid), "%u", geteuid());
	snprintf(gid, sizeof(gid), "%u", getegid());
	snprintf(path, sizeof(path), "%s/log", dir != NULL ? dir : "/tmp");
	long e = shunt_log_open(&log, name, &mine);

	if (e >= 0)
		e = shunt_log_write(log, SHUNT_LOG_INFO, "x", 1);
	if (e >= 0)
		e = shunt_log_printf(
		    log, SHUNT_LOG_INFO, "%s%1500s", "long", "x");
	if (e >= 0)
		e = shunt_tail_open(&tail, name, NULL, SHUNT_FORMAT_JSON);
	if (e >= 0)
		e = shunt_tail_next(tail, &line);
	shunt_tail_close(&tail);
	e = first(e, shunt_logd_open(&logd, name, &o));
	if (e >= 0)
		shunt_logd_reopen(logd);
	if (e >= 0)
		e = shunt_logd_step(logd, 0);
	shunt_logd_close(&logd);
	shunt_log_close(&log);
	unlink(path);
	return e;
}

/* Its name goes, and what lies there comes to the next of that name. */
static long
log_moved_life(const char *name)
{
	struct shunt_log *log = NULL;
	long e = shunt_log_open(&log, name, NULL);

	if (e >= 0)
		e = shunt_log_write(log, SHUNT_LOG_INFO, "x", 1);
	if (e >= 0)
		unlink(test_path(name));
	shunt_log_close(&log);
	return first(e, test_there(name) ? shunt_remove(name, NULL) : 0);
}

static long
segment_life(const char *name)
{
	struct shunt_segment *seg = NULL, *anon = NULL;
	int64_t pids[4];
	long e = shunt_segment_create(&seg, name, 100, NULL);

	if (e >= 0)
		e = shunt_segment_resize(seg, 10000);
	if (e >= 0)
		e = shunt_segment_mappers(name, pids, 4);
	e = first(e, shunt_segment_anon(&anon, 100, NULL));
	shunt_segment_close(&anon);
	shunt_segment_close(&seg);
	if (e >= 0)
		e = shunt_segment_set_mode(name, 0600);
	return first(e, test_there(name) ? shunt_remove(name, NULL) : 0);
}

static long
scan_life(const char *name)
{
	struct fake proc[] = {{"/proc/self", .link = "7"},
	    {"/proc/self/mountinfo", .text = "1 1 0:1 / / rw - tmpfs x rw\n"},
	    {"/proc/7/maps", .text = "1-2 rw-s 0 0:9 5 /memfd:x (deleted)\n"},
	    {"/proc/7/fd/3", .link = "/memfd:x (deleted)", .ino = 6}};
	struct shunt_scan_options o = {
	    .sz = sizeof(o), .places = ~0u, .flags = SHUNT_SCAN_USERS};
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_participant list[4];
	struct shunt_queue *q = NULL;
	struct shunt_scan *scan = NULL;
	int64_t pids[8];
	long e;

	o.places = (1u << SHUNT_PLACES) - 1;
	e = shunt_queue_open(&q, name, NULL);
	/* Of a machine with one process: a real one may have thousands, each
	 * of which would be looked at again for each thing that fails. */
	fake_on(proc, sizeof(proc) / sizeof(proc[0]));
	if (e >= 0)
		e = shunt_segment_stat(name, &info, list, 4);
	if (e >= 0)
		e = shunt_scan_open(&scan, &o);
	while (e >= 0 && (e = shunt_scan_next(scan, &info)) > 0)
		shunt_scan_users(scan, pids, 8);
	shunt_scan_close(&scan);
	fake_off();
	shunt_queue_close(&q);
	return e;
}

static long
sysv_life(const char *name)
{
	struct shunt_segment *seg = NULL;
	char id[40];
	long e = shunt_segment_create(&seg, "sysv:private", 100, NULL);

	(void)name;
	if (e < 0)
		return e;
	int number = shunt_sysv_id(seg);
	snprintf(id, sizeof(id), "sysv:id=%d", number);
	shunt_segment_close(&seg);
	e = shunt_remove(id, NULL);
	if (e < 0) /* it has no name by which anybody could */
		shmctl(number, IPC_RMID, NULL);
	return e;
}

const struct life lives[] = {
    {"queue", queue_life},
    {"topic", topic_life},
    {"stream", stream_life},
    {"over", over_life},
    {"call", call_life},
    {"lock", lock_life},
    {"semaphore", semaphore_life},
    {"event", event_life},
    {"log", log_life},
    {"log_moved", log_moved_life},
    {"segment", segment_life},
    {"scan", scan_life},
    {"sysv", sysv_life},
};

const size_t lives_count = sizeof(lives) / sizeof(lives[0]);
