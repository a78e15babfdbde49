/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"
#include "proc/libgolden.h"

#define RING 4096

static const struct shunt_recv_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};

int
golden_opened(int e)
{
	if (e < 0)
		fprintf(stderr, "%s\n", shunt_error_detail());
	if (e == SHUNT_E_LAYOUT)
		_exit(GOLDEN_OTHER);
	return e;
}

void
golden_dies(int (*f)(void *name), const char *name)
{
	NEED(peer_end(peer_start(f, (void *)(uintptr_t)name)) == -SIGKILL);
}

/* ---- queue: a released message, two lanes with unread ones ----------------
 */

static const struct shunt_queue_options queue_small = {
    .sz = sizeof(queue_small),
    .flags = SHUNT_QUEUE_PERSISTENT,
    .lane_bytes = RING,
    .lanes = 4};

static void
send_text(struct shunt_queue *queue, const char *text)
{
	NEED(shunt_queue_send(queue, text, strlen(text), NULL) == 0);
}

static int
queue_sender(void *arg)
{
	struct shunt_queue *queue;
	void *room;

	GOLDEN_OPEN(shunt_queue_open(&queue, arg, NULL));
	send_text(queue, "from the dead");
	send_text(queue, "");
	NEED(shunt_queue_reserve(queue, 100, &room, NULL) == 0);
	memset(room, 'x', 100);
	raise(SIGKILL);
	return 0;
}

static void
queue_make(const char *name)
{
	struct shunt_queue *queue;
	char buf[RING] = {0};

	GOLDEN_OPEN(shunt_queue_open(&queue, name, &queue_small));
	/* So that the next ones go over the ring's end. */
	for (int i = 0; i < 2; i++) {
		NEED(shunt_queue_send(queue, buf, 1900, NULL) == 0);
		NEED(shunt_queue_recv(queue, buf, RING, NULL, &now) == 1900);
	}
	send_text(queue, "read");
	NEED(shunt_queue_recv(queue, buf, RING, NULL, &now) == 4);
	/* Another lane than this one, which has an owner. */
	golden_dies(queue_sender, name);
	NEED(shunt_queue_send(queue, buf, 600, NULL) == 0);
	send_text(queue, "unread");
	shunt_queue_close(&queue);
}

static void
queue_use(const char *name)
{
	static const char *const wanted[] = {"from the dead", "", "unread"};
	struct shunt_queue *queue;
	char buf[RING];
	int seen[4] = {0};
	ssize_t n;

	GOLDEN_OPEN(shunt_queue_open(&queue, name, NULL));
	while ((n = shunt_queue_recv(queue, buf, RING, NULL, &now)) >= 0) {
		int i = 3;
		if (n != 600)
			for (i = 0; i < 3; i++)
				if ((size_t)n == strlen(wanted[i]) &&
				    memcmp(buf, wanted[i], (size_t)n) == 0)
					break;
		NEED(i < 3 || n == 600);
		/* In order within a lane. */
		NEED(i != 1 || seen[0] == 1);
		NEED(i != 2 || seen[3] == 1);
		seen[i]++;
	}
	NEED(n == -EAGAIN);
	for (int i = 0; i < 4; i++)
		NEED(seen[i] == 1);
	send_text(queue, "new");
	NEED(shunt_queue_recv(queue, buf, RING, NULL, &now) == 3);
	shunt_queue_close(&queue);
}

/* ---- log: lines of the living and the dead, no server yet ------------------
 */

static const struct shunt_log_options log_small = {.sz = sizeof(log_small),
    .flags = SHUNT_LOG_PERSISTENT,
    .lane_bytes = RING,
    .lanes = 4,
    .tag = "golden"};

static int
log_client(void *arg)
{
	struct shunt_log *log;

	GOLDEN_OPEN(shunt_log_open(&log, arg, NULL));
	NEED(shunt_log_write(log, SHUNT_LOG_ERR, "of the dead", 11) == 0);
	raise(SIGKILL);
	return 0;
}

static void
log_make(const char *name)
{
	struct shunt_log *log;

	GOLDEN_OPEN(shunt_log_open(&log, name, &log_small));
	NEED(shunt_log_write(log, SHUNT_LOG_INFO, "the first", 9) == 0);
	golden_dies(log_client, name);
	NEED(shunt_log_write(log, SHUNT_LOG_INFO, "the last", 8) == 0);
	shunt_log_close(&log);
}

static void
log_use(const char *name)
{
	struct shunt_logd_options o = {.sz = sizeof(o)};
	struct shunt_logd *logd;
	char path[300], line[300], text[2000] = "";
	const char *dir = getenv("TMPDIR");

	snprintf(
	    path, sizeof(path), "%s/golden-log", dir != NULL ? dir : "/tmp");
	unlink(path);
	o.file = path;
	GOLDEN_OPEN(shunt_logd_open(&logd, name, &o));
	shunt_logd_stop(logd);
	NEED(shunt_logd_run(logd) == 0);
	shunt_logd_close(&logd);
	FILE *f = fopen(path, "re");
	NEED(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		strncat(text, line, sizeof(text) - strlen(text) - 1);
	fclose(f);
	unlink(path);
	const char *first = strstr(text, "the first\n");
	const char *dead = strstr(text, "of the dead\n");
	const char *last = strstr(text, "the last\n");
	if (first == NULL || dead == NULL || last == NULL || dead < first ||
	    last < dead)
		fprintf(stderr, "%s", text);
	NEED(first != NULL && dead > first && last > dead);
	NEED(strstr(last + 1, "the last") == NULL);
}

/* ---- lock, semaphore, event ------------------------------------------------
 */

static int
lock_holder(void *arg)
{
	struct shunt_lock *lock;

	GOLDEN_OPEN(shunt_lock_open(&lock, arg, NULL));
	NEED(shunt_lock_acquire(lock, 0) == 0);
	raise(SIGKILL);
	return 0;
}

static void
lock_make(const char *name)
{
	const struct shunt_lock_options o = {
	    .sz = sizeof(o), .flags = SHUNT_LOCK_PERSISTENT, .threads = 4};
	struct shunt_lock *lock;

	GOLDEN_OPEN(shunt_lock_open(&lock, name, &o));
	golden_dies(lock_holder, name);
	shunt_lock_close(&lock);
}

/* Its holder is dead: it is ours, and we are told. */
static void
lock_use(const char *name)
{
	struct shunt_lock *lock;

	GOLDEN_OPEN(shunt_lock_open(&lock, name, NULL));
	NEED(shunt_lock_acquire(lock, 5 * (int64_t)1000 * MS) == 1);
	NEED(shunt_lock_release(lock) == 0);
	NEED(shunt_lock_acquire(lock, SHUNT_NOWAIT) == 0);
	NEED(shunt_lock_release(lock) == 0);
	shunt_lock_close(&lock);
}

static int
permit_holder(void *arg)
{
	struct shunt_semaphore *sem;

	GOLDEN_OPEN(shunt_semaphore_open(&sem, arg, NULL));
	NEED(shunt_semaphore_wait(sem, 0) >= 0);
	raise(SIGKILL);
	return 0;
}

static void
semaphore_make(const char *name)
{
	const struct shunt_semaphore_options o = {.sz = sizeof(o),
	    .flags = SHUNT_SEMAPHORE_PERSISTENT,
	    .threads = 4,
	    .permits = 3,
	    .max = 5};
	struct shunt_semaphore *sem;

	GOLDEN_OPEN(shunt_semaphore_open(&sem, name, &o));
	NEED(shunt_semaphore_consume(sem, SHUNT_NOWAIT) >= 0);
	golden_dies(permit_holder, name);
	shunt_semaphore_close(&sem);
}

/* One of three is consumed; that of the dead is free again. */
static void
semaphore_use(const char *name)
{
	struct shunt_semaphore *sem;

	GOLDEN_OPEN(shunt_semaphore_open(&sem, name, NULL));
	for (int i = 0; i < 2; i++)
		NEED(shunt_semaphore_consume(sem, (int64_t)1000 * MS) >= 0);
	NEED(shunt_semaphore_consume(sem, SHUNT_NOWAIT) == -EAGAIN);
	for (int i = 0; i < 5; i++)
		NEED(shunt_semaphore_post(sem) >= 0);
	NEED(shunt_semaphore_post(sem) < 0);
	shunt_semaphore_close(&sem);
}

static void
event_make(const char *name)
{
	const struct shunt_event_options o = {
	    .sz = sizeof(o), .flags = SHUNT_EVENT_PERSISTENT};
	struct shunt_event *event;

	GOLDEN_OPEN(shunt_event_open(&event, name, &o));
	NEED(shunt_event_notify(event, SHUNT_EVENT_ALL) >= 0);
	shunt_event_close(&event);
}

/* Who came after it was notified is not; then it is. */
static void
event_use(const char *name)
{
	struct shunt_event *event;

	GOLDEN_OPEN(shunt_event_open(&event, name, NULL));
	NEED(shunt_event_wait(event, SHUNT_NOWAIT) == -EAGAIN);
	NEED(shunt_event_notify(event, SHUNT_EVENT_ALL) >= 0);
	NEED(shunt_event_wait(event, SHUNT_NOWAIT) == 0);
	shunt_event_close(&event);
}

const struct golden goldens[] = {
    {"queue", queue_make, queue_use},
    {"topic", golden_topic_make, golden_topic_use},
    {"stream", golden_stream_make, golden_stream_use},
    {"service", golden_service_make, golden_service_use},
    {"log", log_make, log_use},
    {"lock", lock_make, lock_use},
    {"semaphore", semaphore_make, semaphore_use},
    {"event", event_make, event_use},
    {NULL, NULL, NULL},
};
