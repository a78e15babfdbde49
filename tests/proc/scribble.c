/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * A peer that never stops writing rubbish over an object, against every
 * operation of every kind: nobody reads or writes out of bounds, for there are
 * pages without any permission around each mapping, nobody hangs, and what
 * calls answer is a code or a length that can be.
 *
 * usage: scribble [ROUNDS [SEED]]
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"
#include "os/os.h"
#include "ring/lane_layout.h"
#include "segment/object_layout.h"

#define ROUND_MS 40
#define CANARY   64
#define ROOM     2048
#define GUARD    (64u << 10) /* a position that is a lap off stays inside */
#define STAYS    (1u << 2)   /* SHUNT_..._PERSISTENT of each kind */

static struct {
	char name[64];
	struct step step; /* odd: write; even: do not */
	uint64_t seed;
	_Atomic uint64_t written, calls, answers;
} * world;

static unsigned char buf[ROOM + CANARY];
static const struct shunt_send_options send_soon = {
    .sz = sizeof(send_soon), .wait_ns = 200000};
static const struct shunt_recv_options recv_soon = {
    .sz = sizeof(recv_soon), .wait_ns = 200000};
static const struct shunt_call_options call_soon = {
    .sz = sizeof(call_soon), .wait_ns = 200000};

/* ---- pages around each mapping -------------------------------------------
 */

static struct shunt__os real;

static int
guarded_mmap(void **out, size_t n, int prot, int flags, int fd)
{
	size_t all = (n + 4095) / 4096 * 4096;
	char *base = mmap(NULL, all + 2 * (size_t)GUARD, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (base == MAP_FAILED)
		return -errno;
	*out = mmap(base + GUARD, n, prot, flags | MAP_FIXED, fd, 0);
	return *out == MAP_FAILED ? -errno : 0;
}

static int
guarded_munmap(void *p, size_t n)
{
	size_t all = (n + 4095) / 4096 * 4096;

	return munmap((char *)p - GUARD, all + 2 * (size_t)GUARD) < 0 ? -errno
								      : 0;
}

/* ---- the peer -------------------------------------------------------------
 */

/* What words are mistaken for: headers, positions, bits, owners. */
static uint64_t
rubbish(uint64_t *rng)
{
	uint64_t x = test_random(rng);

	switch (x % 10) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return x >> 40;
	case 3:
		return SHUNT__LANE_REC | (x >> 16 & 0x7ff);
	case 4:
		return SHUNT__LANE_REC | SHUNT__LANE_PAD | (x >> 16 & 0xff8);
	case 5:
		return x >> 48 & ~UINT64_C(7);
	case 6:
		return UINT64_C(1) << (x >> 16) % 64;
	case 7:
		return (x >> 16 & 0xf) << 32 | (x >> 24 & 0xf);
	case 8: /* a header whose record would end far outside */
		return SHUNT__LANE_REC | (x >> 16 & UINT32_MAX);
	default:
		return x;
	}
}

/* Fast for a while, then a word now and then: so that calls get far, too. */
static int
peer(void *unused)
{
	uint64_t rng = world->seed | 1;
	struct stat st;
	volatile uint64_t *words;
	int fd = open(test_path(world->name), O_RDWR | O_CLOEXEC);

	(void)unused;
	NEED(fd >= 0 && fstat(fd, &st) == 0);
	words = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	NEED(words != MAP_FAILED);
	step_wait(&world->step, 1);
	while (world->step.n == 1) {
		uint64_t x = test_random(&rng);
		/* Most of what is believed stands in the beginning. */
		uint64_t most = x % 2 != 0 ? 3 * 4096 : (uint64_t)st.st_size;

		if (most > (uint64_t)st.st_size)
			most = (uint64_t)st.st_size;
		x = SHUNT__CONTROL_OFF + (x >> 8) % (most - SHUNT__CONTROL_OFF);
		words[x / 8] = rubbish(&rng);
		world->written++;
		for (uint64_t i = test_random(&rng) % 5000; i > 100; i--)
			__asm__ volatile("" ::: "memory");
	}
	return 0;
}

/* ---- victims ---------------------------------------------------------------
 */

/* No answer is longer than there was room, and nothing is behind the room. */
static long
told(long answer)
{
	world->calls++;
	world->answers += answer >= 0;
	NEED(answer <= ROOM);
	for (int i = 0; i < CANARY; i++)
		NEED(buf[ROOM + i] == 0xa5);
	return answer;
}

/* What a call shows of its object can be read to its end. */
static void
seen(long len, const void *at)
{
	const volatile unsigned char *p = at;
	unsigned sum = 0;

	for (long i = 0; i < len; i++)
		sum += p[i];
	(void)sum;
}

/* Now and then something is ended: after that little happens. */
static int
last(void)
{
	return world->step.n != 0 && world->calls % 16 == 0;
}

static void
queue_round(const char *name)
{
	const struct shunt_queue_options o = {.sz = sizeof(o),
	    .flags = STAYS,
	    .lane_bytes = 4096,
	    .lanes = 2, /* the last ring ends at the guard */
	    .receivers = 4};
	struct shunt_message infos[4] = {{.sz = sizeof(infos[0])}};
	struct shunt_queue *q = NULL, *other = NULL;
	struct iovec msgs[2] = {{buf, 100}, {buf, 500}};
	struct shunt_wait_item item = {0};
	const void *msg;
	void *room;
	long n;

	if (shunt_queue_open(&q, name, &o) < 0)
		return;
	shunt_queue_open(&other, name, &o);
	item.end = shunt_queue_end(other);
	for (int i = 0; i < 20; i++) {
		told(shunt_queue_send(q, buf, 300, &send_soon));
		told(shunt_queue_sendv(q, msgs, 2, &send_soon));
		told(shunt_queue_send_batch(q, msgs, 2, &send_soon));
		if (told(shunt_queue_reserve(q, 200, &room, &send_soon)) == 0) {
			memset(room, 1, 200);
			told(shunt_queue_commit(q, 100));
		}
		told(shunt_queue_recv(q, buf, ROOM, NULL, &recv_soon));
		n = shunt_queue_peek(other, &msg, NULL, &recv_soon);
		if (n >= 0)
			seen(n, msg);
		told(
		    shunt_queue_recv_batch(q, buf, ROOM, infos, 4, &recv_soon));
		told(shunt_queue_release(other));
		told(shunt_wait(&item, 1, 200000));
		told(shunt_queue_fd(q) < 0 ? -1 : 0);
	}
	if (last())
		told(shunt_queue_finish(q));
	shunt_queue_close(&other);
	shunt_queue_close(&q);
}

static void
topic_round(const char *name)
{
	const struct shunt_publisher_options o = {.sz = sizeof(o),
	    .flags = STAYS,
	    .lane_bytes = 4096,
	    .publishers = 2,
	    .subscribers = 3,
	    .policy = 1 + (uint32_t)(world->seed >> 8) % 4};
	struct shunt_topic_message infos[4] = {{.sz = sizeof(infos[0])}};
	struct shunt_publisher *p = NULL;
	struct shunt_subscriber *s = NULL;
	struct iovec msgs[2] = {{buf, 100}, {buf, 500}};
	const void *msg;
	void *room;
	long n;

	if (shunt_publisher_open(&p, name, &o) < 0)
		return;
	shunt_subscriber_open(&s, name, NULL);
	for (int i = 0; i < 20; i++) {
		told(shunt_publisher_send(p, buf, 300, &send_soon));
		told(shunt_publisher_send_batch(p, msgs, 2, &send_soon));
		told(shunt_publisher_sendv(p, msgs, 2, &send_soon));
		if (told(shunt_publisher_reserve(p, 200, &room, &send_soon)) ==
		    0) {
			memset(room, 1, 200);
			told(shunt_publisher_commit(p, 100));
		}
		told(shunt_subscriber_recv(s, buf, ROOM, NULL, &recv_soon));
		n = shunt_subscriber_peek(s, &msg, NULL, &recv_soon);
		if (n >= 0)
			seen(n, msg);
		shunt_subscriber_valid(s);
		told(shunt_subscriber_release(s));
		told(shunt_subscriber_recv_batch(
		    s, buf, ROOM, infos, 4, &recv_soon));
		shunt_subscriber_lag(s);
		shunt_subscriber_lost(s);
		told(shunt_subscriber_fd(s) < 0 ? -1 : 0);
	}
	if (last())
		told(shunt_publisher_finish(p));
	shunt_subscriber_close(&s);
	shunt_publisher_close(&p);
}

static void
stream_round(const char *name)
{
	const struct shunt_stream_options o = {.sz = sizeof(o),
	    .lane_bytes = 8192,
	    .flags = STAYS | (world->seed & 256 ? SHUNT_STREAM_OVERWRITE : 0)};
	struct shunt_stream_writer *w = NULL;
	struct shunt_stream_reader *r = NULL;
	struct iovec parts[2] = {{buf, 100}, {buf, 500}};
	const void *bytes;
	void *room;
	long n;

	if (shunt_stream_writer_open(&w, name, &o) < 0)
		return;
	shunt_stream_reader_open(&r, name, NULL);
	for (int i = 0; i < 20; i++) {
		told(shunt_stream_writer_write(w, buf, 1500, &send_soon));
		told(shunt_stream_writer_writev(w, parts, 2, &send_soon));
		n = shunt_stream_writer_reserve(w, 200, &room, &send_soon);
		if (n > 0) {
			memset(room, 1, (size_t)n);
			told(shunt_stream_writer_commit(w, (size_t)n / 2));
		}
		told(shunt_stream_reader_read(r, buf, ROOM, &recv_soon));
		n = shunt_stream_reader_peek(r, &bytes, &recv_soon);
		if (n > 0) {
			seen(n, bytes);
			told(shunt_stream_reader_release(r, (size_t)n / 2));
		}
		told(shunt_stream_reader_fd(r) < 0 ? -1 : 0);
	}
	told(shunt_stream_writer_finish(w, &send_soon));
	shunt_stream_reader_close(&r);
	shunt_stream_writer_close(&w);
}

static void
call_round(const char *name)
{
	const struct shunt_service_options o = {.sz = sizeof(o),
	    .flags = STAYS,
	    .lane_bytes = 4096,
	    .clients = 2,
	    .servers = 3,
	    .patience_ns = 200000};
	struct shunt_service *s = NULL;
	struct shunt_client *c = NULL;
	struct iovec parts[2] = {{buf, 100}, {buf, 200}};
	const void *msg;
	void *room;
	uint64_t id;
	long n;

	if (shunt_service_open(&s, name, &o) < 0)
		return;
	shunt_client_open(&c, name, &o);
	for (int i = 0; i < 20; i++) {
		id = 0;
		told(shunt_client_send(c, buf, 300, &id, &call_soon));
		n = shunt_service_next(s, &msg, NULL, &call_soon);
		if (n >= 0) {
			seen(n, msg);
			shunt_service_cancelled(s);
			told(shunt_service_reply(s, 0, buf, 400));
		}
		told(shunt_client_poll(c, buf, ROOM, NULL, &call_soon));
		told(shunt_client_sendv(c, parts, 2, &id, &call_soon));
		told(shunt_client_cancel(c, id));
		if (told(shunt_client_reserve(c, 200, &room, &call_soon)) ==
		    0) {
			memset(room, 1, 200);
			told(shunt_client_commit(c, 100, &id));
		}
		n = shunt_service_next(s, &msg, NULL, &call_soon);
		if (n >= 0 && i % 2 != 0) {
			told(shunt_service_replyv(s, 0, parts, 2));
		} else if (n >= 0 &&
			   told(shunt_service_reserve(s, 200, &room)) == 0) {
			memset(room, 1, 200);
			told(shunt_service_commit(s, 0, 100));
		}
		n = shunt_client_peek(c, &msg, NULL, &call_soon);
		if (n >= 0)
			seen(n, msg);
		told(shunt_client_release(c));
		told(shunt_client_call(c, buf, 8, buf, ROOM, NULL, &call_soon));
		told(shunt_client_fd(c) < 0 ? -1 : 0);
		told(shunt_service_fd(s) < 0 ? -1 : 0);
	}
	if (last())
		told(shunt_service_finish(s));
	shunt_client_close(&c);
	shunt_service_close(&s);
}

static int
repair(void *unused)
{
	(void)unused;
	return 0;
}

static void
lock_round(const char *name)
{
	const struct shunt_lock_options o = {
	    .sz = sizeof(o), .flags = STAYS, .threads = 4, .repair = repair};
	struct shunt_lock *l = NULL;

	if (shunt_lock_open(&l, name, &o) < 0)
		return;
	for (int i = 0; i < 40; i++) {
		told(shunt_lock_acquire(l, 200000));
		told(shunt_lock_release(l));
	}
	shunt_lock_close(&l);
}

static void
semaphore_round(const char *name)
{
	const struct shunt_semaphore_options o = {.sz = sizeof(o),
	    .flags = STAYS,
	    .threads = 4,
	    .permits = 3,
	    .max = 6};
	struct shunt_semaphore *s = NULL;

	if (shunt_semaphore_open(&s, name, &o) < 0)
		return;
	for (int i = 0; i < 40; i++) {
		told(shunt_semaphore_wait(s, 200000));
		told(shunt_semaphore_post(s) < 0 ? -1 : 0);
		told(shunt_semaphore_consume(s, 200000));
		shunt_semaphore_value(s);
	}
	shunt_semaphore_close(&s);
}

static void
event_round(const char *name)
{
	const struct shunt_event_options o = {.sz = sizeof(o), .flags = STAYS};
	struct shunt_event *ev = NULL;

	if (shunt_event_open(&ev, name, &o) < 0)
		return;
	for (int i = 0; i < 40; i++) {
		told(shunt_event_notify(ev, SHUNT_EVENT_ONE));
		told(shunt_event_notify(ev, SHUNT_EVENT_ALL));
		told(shunt_event_wait(ev, 200000));
		told(shunt_event_wait(ev, 200000));
	}
	shunt_event_close(&ev);
}

/* One of the two that play serves the log, into nowhere. */
static struct shunt_logd *
log_server(const char *name)
{
	const struct shunt_logd_options o = {
	    .sz = sizeof(o), .file = "/dev/null", .format = SHUNT_FORMAT_JSON};
	struct shunt_logd *logd = NULL;

	shunt_logd_open(&logd, name, &o);
	return logd;
}

static void
log_round(const char *name)
{
	const struct shunt_log_options o = {.sz = sizeof(o),
	    .flags = STAYS,
	    .lane_bytes = 4096,
	    .lanes = 2,
	    .full = SHUNT_LOG_FULL_DROP};
	struct shunt_logd_stat stat = {.sz = sizeof(stat)};
	struct shunt_log *log = NULL;
	struct shunt_logd *logd;

	if (shunt_log_open(&log, name, &o) < 0)
		return;
	logd = log_server(name);
	for (int i = 0; i < 40; i++) {
		told(shunt_log_write(log, SHUNT_LOG_INFO, buf, 200));
		told(shunt_log_printf(log, SHUNT_LOG_INFO, "%0300d", i));
		shunt_log_set_level(log, SHUNT_LOG_DEBUG);
		if (logd != NULL)
			told(shunt_logd_step(logd, 200000) < 0 ? -1 : 0);
		told(shunt_log_flush(log, 200000));
	}
	told(shunt_logd_status(name, NULL, &stat));
	shunt_logd_close(&logd);
	shunt_log_close(&log);
}

/* Who only looks at what is there. */
static void
look_round(const char *name)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_participant list[8];
	struct shunt_recovery recovery[4];
	struct shunt_scan *scan = NULL;
	struct shunt_tail *tail = NULL;
	const char *line;

	if (shunt_scan_open(&scan, NULL) >= 0)
		while (shunt_scan_next(scan, &info) > 0)
			continue;
	shunt_scan_close(&scan);
	for (int i = 0; i < 10; i++) {
		told(shunt_segment_stat(name, &info, list, 8) < 0 ? -1 : 0);
		told(shunt_recoveries(name, recovery, 4) < 0 ? -1 : 0);
	}
	if (shunt_tail_open(&tail, name, NULL, SHUNT_FORMAT_ISO) >= 0)
		for (int i = 0; i < 100; i++)
			if (shunt_tail_next(tail, &line) <= 0)
				break;
	shunt_tail_close(&tail);
}

static const struct kind {
	const char *name;
	void (*round)(const char *name);
} kinds[] = {
    {"queue", queue_round},
    {"topic", topic_round},
    {"stream", stream_round},
    {"call", call_round},
    {"lock", lock_round},
    {"semaphore", semaphore_round},
    {"event", event_round},
    {"log", log_round},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int
victim(void *arg)
{
	const struct kind *kind = arg;
	uint64_t end = test_now() + ROUND_MS * MS;

	real = shunt__os;
	shunt__os.mmap = guarded_mmap;
	shunt__os.munmap = guarded_munmap;
	memset(buf, 0, ROOM);
	memset(buf + ROOM, 0xa5, CANARY);
	step_wait(&world->step, 1);
	do {
		kind->round(world->name);
		look_round(world->name);
	} while (test_now() < end);
	return 0;
}

/* Undisturbed: it makes the object, which stays. */
static int
maker(void *arg)
{
	const struct kind *kind = arg;

	memset(buf + ROOM, 0xa5, CANARY);
	kind->round(world->name);
	return 0;
}

static int
play(const struct kind *kind, uint64_t seed)
{
	const char *name = test_name(kind->name);
	pid_t writer, one, two;
	int bad[3];

	snprintf(world->name, sizeof(world->name), "%s", name);
	world->seed = seed;
	world->step.n = 0;
	NEED(peer_end(peer_start(maker, (void *)kind)) == 0);
	NEED(test_there(name));
	writer = peer_start(peer, NULL);
	one = peer_start(victim, (void *)kind);
	two = peer_start(victim, (void *)kind);
	step_to(&world->step, 1);
	bad[0] = peer_end(one);
	bad[1] = peer_end(two);
	step_to(&world->step, 2);
	bad[2] = peer_end(writer);
	if (bad[0] != 0 || bad[1] != 0 || bad[2] != 0)
		fprintf(stderr, "%s, seed %llu: ended with %d, %d, %d\n",
		    kind->name, (unsigned long long)seed, bad[0], bad[1],
		    bad[2]);
	unlink(test_path(name));
	return bad[0] != 0 || bad[1] != 0 || bad[2] != 0;
}

int
main(int argc, char **argv)
{
	uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 3;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : test_now() | 1;
	int failed = 0;

	world = test_shared(sizeof(*world));
	for (uint64_t r = 0; r < rounds; r++)
		for (size_t k = 0; k < KINDS; k++)
			failed += play(&kinds[k], test_random(&seed)) != 0;
	printf("%llu words written, %llu calls, %llu of them with an answer\n",
	    (unsigned long long)world->written,
	    (unsigned long long)world->calls,
	    (unsigned long long)world->answers);
	return failed != 0;
}
