/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Looking at topics, streams and services: what is told is what is there, also
 * where somebody scribbled over all of it. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <shunt.h>

#include "inspect/inspect.h"
#include "inspect/look.h"
#include "inspect/users.h"
#include "lib/peers.h"
#include "os/os.h"
#include "ring/lane_layout.h"
#include "segment/object.h"

#define MANY 64

static struct shunt_participant list[MANY];

static struct shunt_segment_info
look(const char *name)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};

	if (shunt_segment_stat(name, &info, list, MANY) < 0)
		fail_msg("%s", shunt_error_detail());
	return info;
}

static const struct shunt_publisher_options blocks = {.sz = sizeof(blocks),
    .lane_bytes = 4096,
    .publishers = 4,
    .subscribers = 4,
    .policy = SHUNT_TOPIC_BLOCK,
    .type = "ticks",
    .schema = 77};

static void
a_topic_tells_who_is_behind(void **state)
{
	const char *name = test_name("topic");
	struct shunt_send_options now = {
	    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
	struct shunt_publisher *pub;
	struct shunt_subscriber *sub;
	struct shunt_segment_info i;
	char buf[64];

	(void)state;
	assert_int_equal(shunt_publisher_open(&pub, name, &blocks), 1);
	assert_int_equal(shunt_subscriber_open(&sub, name, NULL), 0);
	for (int n = 0; n < 10; n++)
		assert_int_equal(
		    shunt_publisher_send(pub, "12345678", 8, &now), 0);
	for (int n = 0; n < 4; n++)
		assert_int_equal(
		    shunt_subscriber_recv(sub, buf, sizeof(buf), NULL, NULL),
		    8);
	i = look(name);
	assert_int_equal(i.kind, SHUNT_KIND_TOPIC);
	assert_int_equal(i.state, SHUNT_STATE_LIVE);
	assert_int_equal(i.policy, SHUNT_TOPIC_BLOCK);
	assert_string_equal(i.type, "ticks");
	assert_int_equal(i.schema, 77);
	assert_int_equal(i.senders, 1);
	assert_int_equal(i.receivers, 1);
	assert_int_equal(i.receiver_pid, getpid());
	assert_int_equal(i.sent, 10);
	assert_int_equal(i.depth, 10);
	/* Header, sequence number and 8 bytes each. */
	assert_int_equal(i.passed, 240);
	assert_int_equal(i.unread, 6 * 24);
	assert_int_equal(list[0].role, SHUNT_ROLE_PUBLISHES);
	assert_int_equal(list[1].role, SHUNT_ROLE_SUBSCRIBES);
	assert_int_equal(list[1].slot, 0);
	assert_int_equal(list[1].lag, 6 * 24);
	assert_true(list[1].knows);
	assert_int_equal(shunt_publisher_finish(pub), 0);
	assert_true(look(name).finished);
	shunt_publisher_close(&pub);
	shunt_subscriber_close(&sub);
	assert_false(test_there(name));
}

static void
a_lap_later_a_topic_has_counted_all(void **state)
{
	const char *name = test_name("topic");
	struct shunt_publisher_options lossy = blocks;
	struct shunt_subscriber *sub;
	struct shunt_publisher *pub;
	struct shunt_segment_info i;
	char buf[64];

	(void)state;
	lossy.policy = SHUNT_TOPIC_LOSSY;
	assert_int_equal(shunt_publisher_open(&pub, name, &lossy), 1);
	assert_int_equal(shunt_subscriber_open(&sub, name, NULL), 0);
	for (int n = 0; n < 1000; n++)
		assert_int_equal(
		    shunt_publisher_send(pub, "12345678", 8, NULL), 0);
	while (shunt_subscriber_lag(sub) != 0)
		shunt_subscriber_recv(sub, buf, sizeof(buf), NULL, NULL);
	i = look(name);
	assert_int_equal(i.sent, 1000);
	assert_in_range(i.depth, 100, 4096 / 24);
	assert_true(shunt_subscriber_lost(sub) > 800);
	shunt_publisher_close(&pub);
	shunt_subscriber_close(&sub);
}

static void
a_topic_tells_what_was_dropped(void **state)
{
	const char *name = test_name("topic");
	struct shunt_publisher_options drops = blocks;
	struct shunt_subscriber *sub;
	struct shunt_publisher *pub;
	struct shunt_segment_info i;
	uint64_t sent = 0;
	char buf[64];

	(void)state;
	drops.policy = SHUNT_TOPIC_DROP;
	assert_int_equal(shunt_publisher_open(&pub, name, &drops), 1);
	assert_int_equal(shunt_subscriber_open(&sub, name, NULL), 0);
	for (int n = 0; n < 300; n++)
		sent += shunt_publisher_send(pub, "12345678", 8, NULL) == 0;
	assert_in_range(sent, 100, 200);
	/* Before and after there is a number behind them. */
	for (int n = 0; n < 2; n++) {
		i = look(name);
		assert_int_equal(i.sent, sent);
		assert_int_equal(list[0].dropped, 300 - sent + (unsigned)n);
		while (shunt_subscriber_lag(sub) != 0)
			shunt_subscriber_recv(
			    sub, buf, sizeof(buf), NULL, NULL);
		sent += shunt_publisher_send(pub, "12345678", 8, NULL) == 0;
	}
	shunt_publisher_close(&pub);
	shunt_subscriber_close(&sub);
}

static void
who_has_not_received_yet_is_seen_to_be_behind(void **state)
{
	const char *name = test_name("topic");
	struct shunt_publisher_options lossy = blocks;
	struct shunt_subscriber *sub;
	struct shunt_publisher *pub;

	(void)state;
	lossy.policy = SHUNT_TOPIC_LOSSY;
	assert_int_equal(shunt_publisher_open(&pub, name, &lossy), 1);
	assert_int_equal(shunt_publisher_send(pub, "12345678", 8, NULL), 0);
	assert_int_equal(shunt_subscriber_open(&sub, name, NULL), 0);
	for (int n = 0; n < 10; n++)
		assert_int_equal(
		    shunt_publisher_send(pub, "12345678", 8, NULL), 0);
	assert_int_equal(look(name).unread, 10 * 24);
	assert_int_equal(list[1].lag, 10 * 24);
	shunt_publisher_close(&pub);
	shunt_subscriber_close(&sub);
}

/* Publishes a lap before each look at bytes of the ring. */
static struct {
	struct shunt_publisher *pub;
	uint64_t sent, most;
	off_t rings;
	ssize_t (*pread)(int fd, void *buf, size_t n, off_t off);
} laps;

static ssize_t
pread_late(int fd, void *buf, size_t n, off_t off)
{
	/* Payloads that look like headers, and like the end. */
	static const uint64_t hostile[] = {SHUNT__LANE_REC | 8, UINT64_MAX, 0,
	    SHUNT__LANE_REC | 16, UINT64_C(1) << 50, 0, 0};

	for (int i = 0; off >= laps.rings && i < 100; i++)
		if (laps.sent < laps.most &&
		    shunt_publisher_send(
			laps.pub, hostile, laps.sent % 7 * 8, NULL) == 0)
			laps.sent++;
	return laps.pread(fd, buf, n, off);
}

static void
what_is_overwritten_while_it_is_looked_at_is_not_believed(void **state)
{
	const char *name = test_name("topic");
	struct shunt_publisher_options lossy = blocks;
	struct shunt_segment_info i;
	struct shunt__look at;

	(void)state;
	lossy.policy = SHUNT_TOPIC_LOSSY;
	assert_int_equal(shunt_publisher_open(&laps.pub, name, &lossy), 1);
	assert_int_equal(shunt__look_open(&at, name, NULL, 1), 0);
	laps.rings = (off_t)at.geo.rings_off;
	shunt__look_close(&at);
	assert_int_equal(shunt_publisher_send(laps.pub, "", 0, NULL), 0);
	laps.sent = 1;
	laps.pread = shunt__os.pread;
	for (uint64_t round = 1; round < 200; round++) {
		uint64_t before = laps.sent;
		laps.most = before + 1 + round % 90;
		shunt__os.pread = pread_late;
		i = look(name);
		shunt__os.pread = laps.pread;
		assert_in_range(i.sent, before, laps.sent);
		assert_in_range(i.depth, 0, 4096 / 16);
		assert_true(laps.sent > before);
	}
	shunt_publisher_close(&laps.pub);
}

static void
a_stream_stays_for_what_was_not_read(void **state)
{
	const char *name = test_name("stream");
	struct shunt_stream_options o = {.sz = sizeof(o), .lane_bytes = 4096};
	struct shunt_stream_writer *w;
	struct shunt_stream_reader *r;
	struct shunt_segment_info i;
	char buf[64];

	(void)state;
	assert_int_equal(shunt_stream_writer_open(&w, name, &o), 1);
	assert_int_equal(shunt_stream_writer_write(w, "hello", 5, NULL), 5);
	i = look(name);
	assert_int_equal(i.kind, SHUNT_KIND_STREAM);
	assert_int_equal(i.state, SHUNT_STATE_LIVE);
	assert_int_equal(i.unread, 16);
	assert_int_equal(i.senders, 1);
	assert_int_equal(i.receivers, 0);
	assert_false(i.finished);
	assert_int_equal(list[0].role, SHUNT_ROLE_WRITES);
	assert_int_equal(shunt_stream_writer_finish(w, NULL), 0);
	assert_true(look(name).finished);
	shunt_stream_writer_close(&w);
	i = look(name);
	assert_int_equal(i.state, SHUNT_STATE_IDLE);
	assert_int_equal(shunt_stream_reader_open(&r, name, &o), 0);
	i = look(name);
	assert_int_equal(i.receivers, 1);
	assert_int_equal(
	    shunt_stream_reader_read(r, buf, sizeof(buf), NULL), 5);
	assert_int_equal(
	    shunt_stream_reader_read(r, buf, sizeof(buf), NULL), 0);
	assert_int_equal(look(name).unread, 0);
	shunt_stream_reader_close(&r);
	assert_false(test_there(name));
}

static void
a_stream_that_is_overwritten_has_a_reader_at_his_own_place(void **state)
{
	const char *name = test_name("stream");
	struct shunt_stream_options o = {.sz = sizeof(o),
	    .lane_bytes = 4096,
	    .flags = SHUNT_STREAM_OVERWRITE};
	struct shunt_stream_writer *w;
	struct shunt_stream_reader *r;
	char buf[64];

	(void)state;
	assert_int_equal(shunt_stream_writer_open(&w, name, &o), 1);
	assert_int_equal(shunt_stream_reader_open(&r, name, &o), 0);
	assert_int_equal(shunt_stream_writer_write(w, "hello", 5, NULL), 5);
	assert_int_equal(shunt_stream_writer_finish(w, NULL), 0);
	shunt_stream_writer_close(&w);
	assert_true(look(name).unread > 0);
	assert_int_equal(
	    shunt_stream_reader_read(r, buf, sizeof(buf), NULL), 5);
	assert_true(look(name).unread > 0);
	assert_int_equal(
	    shunt_stream_reader_read(r, buf, sizeof(buf), NULL), 0);
	assert_int_equal(look(name).unread, 0);
	shunt_stream_reader_close(&r);
	assert_false(test_there(name));
}

/* Its end, and neither its beginning nor a break, makes a stream finished. */
static void
a_stream_is_finished_when_it_has_its_end(void **state)
{
	(void)state;
	for (int over = 0; over < 2; over++) {
		const char *name = test_name("stream");
		struct shunt_stream_options o = {.sz = sizeof(o),
		    .lane_bytes = 4096,
		    .flags = over ? SHUNT_STREAM_OVERWRITE : 0};
		struct shunt_stream_reader *r;
		struct shunt_stream_writer *w;

		assert_int_equal(shunt_stream_reader_open(&r, name, &o), 1);
		assert_int_equal(shunt_stream_writer_open(&w, name, &o), 0);
		assert_false(look(name).finished);
		assert_int_equal(shunt_stream_writer_finish(w, NULL), 0);
		assert_true(look(name).finished);
		assert_int_equal(shunt_stream_writer_write(w, "x", 1, NULL), 1);
		assert_false(look(name).finished);
		shunt_stream_writer_close(&w);
		assert_false(look(name).finished);
		/* Says that the one before was broken off. */
		assert_int_equal(shunt_stream_writer_open(&w, name, &o), 0);
		assert_false(look(name).finished);
		assert_int_equal(shunt_stream_writer_write(w, "y", 1, NULL), 1);
		assert_int_equal(shunt_stream_writer_finish(w, NULL), 0);
		assert_true(look(name).finished);
		shunt_stream_writer_close(&w);
		shunt_stream_reader_close(&r);
		unlink(test_path(name));
	}
}

static int
send_and_die(void *arg)
{
	struct shunt_service_options o = {
	    .sz = sizeof(o), .lane_bytes = 4096, .clients = 4, .servers = 4};
	struct shunt_client *client;
	uint64_t id;

	NEED(shunt_client_open(&client, arg, &o) == 1);
	NEED(shunt_client_send(client, "work", 4, &id, NULL) == 0);
	_exit(0);
}

static void
a_request_that_nobody_has_keeps_a_service(void **state)
{
	const char *name = test_name("service");
	struct shunt_service *service;
	struct shunt_segment_info i;
	const void *msg;

	(void)state;
	assert_int_equal(
	    peer_end(peer_start(send_and_die, (void *)(uintptr_t)name)), 0);
	i = look(name);
	assert_int_equal(i.kind, SHUNT_KIND_SERVICE);
	assert_int_equal(i.state, SHUNT_STATE_IDLE);
	assert_int_equal(i.depth, 1);
	assert_int_equal(shunt_service_open(&service, name, NULL), 0);
	assert_int_equal(shunt_service_next(service, &msg, NULL, NULL), 4);
	i = look(name);
	assert_int_equal(i.state, SHUNT_STATE_LIVE);
	assert_int_equal(i.receivers, 1);
	assert_int_equal(shunt_service_reply(service, 0, "done", 4), 0);
	shunt_service_close(&service);
	assert_false(test_there(name));
}

/* ---- lies ---- */

static void
make_topic(const char *name)
{
	struct shunt_publisher_options o = blocks;
	struct shunt_publisher *pub;

	o.flags = SHUNT_TOPIC_PERSISTENT;
	assert_int_equal(shunt_publisher_open(&pub, name, &o), 1);
	for (int n = 0; n < 200; n++)
		assert_int_equal(
		    shunt_publisher_send(pub, "12345678", 8, NULL), 0);
	shunt_publisher_close(&pub);
}

static void
make_stream(const char *name)
{
	struct shunt_stream_options o = {.sz = sizeof(o),
	    .lane_bytes = 4096,
	    .flags = SHUNT_STREAM_PERSISTENT};
	struct shunt_stream_writer *w;

	assert_int_equal(shunt_stream_writer_open(&w, name, &o), 1);
	assert_int_equal(shunt_stream_writer_write(w, "hello", 5, NULL), 5);
	shunt_stream_writer_close(&w);
}

static void
make_service(const char *name)
{
	struct shunt_service_options o = {.sz = sizeof(o),
	    .lane_bytes = 4096,
	    .clients = 4,
	    .servers = 4,
	    .flags = SHUNT_SERVICE_PERSISTENT};
	struct shunt_client *client;

	assert_int_equal(shunt_client_open(&client, name, &o), 1);
	assert_int_equal(shunt_client_send(client, "hello", 5, NULL, NULL), 0);
	shunt_client_close(&client);
}

static void
make_queue(const char *name)
{
	struct shunt_queue_options o = {.sz = sizeof(o),
	    .lane_bytes = 4096,
	    .lanes = 4,
	    .flags = SHUNT_QUEUE_PERSISTENT};
	struct shunt_queue *queue;

	assert_int_equal(shunt_queue_open(&queue, name, &o), 1);
	assert_int_equal(shunt_queue_send(queue, "hello", 5, NULL), 0);
	shunt_queue_close(&queue);
}

/* Numbers that break what is not careful, and any number. */
static uint64_t
lie(uint64_t *rnd)
{
	static const uint64_t hostile[] = {0, 1, 7, 8, UINT64_MAX,
	    UINT64_MAX - 7, UINT64_C(1) << 63, UINT64_C(3) << 62, UINT32_MAX,
	    4096, 4088, UINT64_C(0x8000000000000000) + 4096,
	    UINT64_C(0x80000000ffffffff)};
	uint64_t n = test_random(rnd) % 20;

	return n < sizeof(hostile) / sizeof(hostile[0]) ? hostile[n]
							: test_random(rnd);
}

/* Everything that is read by who only looks. */
static void
look_at(const char *name, int *understood)
{
	struct shunt__users users = {.wanted = 0};
	struct shunt_segment_info info;
	struct shunt__look at;

	if (shunt__look_open(&at, name, NULL, 1) < 0)
		return;
	*understood += at.code == 0;
	shunt__info_fill(&at, &users, &info, list, MANY);
	shunt__look_close(&at);
}

static void
scribbled(void (*make)(const char *name))
{
	const char *name = test_name("lies");
	uint64_t rnd = 4711;
	struct stat st;
	int understood = 0;

	make(name);
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	unsigned char *image = malloc((size_t)st.st_size);
	assert_non_null(image);
	assert_int_equal(pread(fd, image, (size_t)st.st_size, 0), st.st_size);
	for (int round = 0; round < 400; round++) {
		struct shunt__header_lay h;

		assert_int_equal(
		    pwrite(fd, image, (size_t)st.st_size, 0), st.st_size);
		for (uint64_t n = test_random(&rnd) % 40; n > 0; n--) {
			uint64_t word = lie(&rnd);
			/* A look at the first pages half of the time. */
			off_t most = n % 2 ? st.st_size : 24576;
			off_t off = 4096 + (off_t)(test_random(&rnd) %
						       (uint64_t)(most - 4104) &
						   ~UINT64_C(7));
			assert_int_equal(pwrite(fd, &word, 8, off), 8);
		}
		/* A header that lies and is whole. */
		if (round % 4 == 0) {
			memcpy(&h, image, sizeof(h));
			if (round % 8 == 0)
				h.hd_param = lie(&rnd);
			else
				h.hd_area_bytes =
				    4096 * (uint32_t)(lie(&rnd) % 300);
			h.hd_check = shunt__checksum(
			    &h, offsetof(struct shunt__header_lay, hd_check));
			assert_int_equal(
			    pwrite(fd, &h, sizeof(h), 0), sizeof(h));
		}
		look_at(name, &understood);
	}
	/* Cut off anywhere. */
	for (off_t len = st.st_size; len > 0; len -= 1000) {
		assert_int_equal(ftruncate(fd, len), 0);
		look_at(name, &understood);
	}
	/* Else nothing of this was looked at. */
	assert_true(understood > 300);
	free(image);
	close(fd);
}

static void
a_topic_that_lies_hurts_nobody_who_looks(void **state)
{
	(void)state;
	scribbled(make_topic);
}

static void
a_stream_that_lies_hurts_nobody_who_looks(void **state)
{
	(void)state;
	scribbled(make_stream);
}

static void
a_service_that_lies_hurts_nobody_who_looks(void **state)
{
	(void)state;
	scribbled(make_service);
}

static void
a_queue_that_lies_hurts_nobody_who_looks(void **state)
{
	(void)state;
	scribbled(make_queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_topic_tells_who_is_behind),
	    TEST(a_lap_later_a_topic_has_counted_all),
	    TEST(a_topic_tells_what_was_dropped),
	    TEST(who_has_not_received_yet_is_seen_to_be_behind),
	    TEST(what_is_overwritten_while_it_is_looked_at_is_not_believed),
	    TEST(a_stream_stays_for_what_was_not_read),
	    TEST(a_stream_that_is_overwritten_has_a_reader_at_his_own_place),
	    TEST(a_stream_is_finished_when_it_has_its_end),
	    TEST(a_request_that_nobody_has_keeps_a_service),
	    TEST(a_topic_that_lies_hurts_nobody_who_looks),
	    TEST(a_stream_that_lies_hurts_nobody_who_looks),
	    TEST(a_service_that_lies_hurts_nobody_who_looks),
	    TEST(a_queue_that_lies_hurts_nobody_who_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
