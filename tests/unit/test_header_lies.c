/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/*
 * Headers that are sound in themselves and tell of a topic, a stream or a
 * service that cannot be: who opens it is told what to do, and gets nothing.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <shunt.h>

#include "channel/call.h"
#include "channel/stream.h"
#include "channel/topic.h"
#include "lock/named.h"
#include "lib/peers.h"

static int
open_topic(const char *name)
{
	struct shunt_subscriber *sub;
	int e = shunt_subscriber_open(&sub, name, NULL);

	assert_true((e < 0) == (sub == NULL));
	shunt_subscriber_close(&sub);
	return e;
}

static int
open_stream(const char *name)
{
	struct shunt_stream_reader *r;
	int e = shunt_stream_reader_open(&r, name, NULL);

	assert_true((e < 0) == (r == NULL));
	shunt_stream_reader_close(&r);
	return e;
}

static int
open_service(const char *name)
{
	struct shunt_client *c;
	int e = shunt_client_open(&c, name, NULL);

	assert_true((e < 0) == (c == NULL));
	shunt_client_close(&c);
	return e;
}

/* Of an object that there is, with another geometry: both files are as long as
 * their headers say. */
static void
lie(const char *name, const struct shunt__header_lay *lied)
{
	struct shunt__header_lay h = *lied;
	struct shunt__spec spec = {.kind = h.hd_kind,
	    .lanes = h.hd_lanes,
	    .area_bytes = h.hd_area_bytes,
	    .lane_bytes = h.hd_lane_bytes,
	    .param = h.hd_param};
	struct shunt__geometry geo;
	int fd = open(test_path(name), O_RDWR | O_CLOEXEC);

	assert_int_equal(shunt__geometry_make(&geo, &spec), 0);
	h.hd_size = geo.size;
	h.hd_check = shunt__checksum(&h, offsetof(typeof(h), hd_check));
	assert_int_equal(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
	assert_int_equal(ftruncate(fd, (off_t)h.hd_size), 0);
	close(fd);
}

static struct shunt__header_lay
header_of(const char *name)
{
	struct shunt__header_lay h;
	int fd = open(test_path(name), O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, &h, sizeof(h), 0), sizeof(h));
	close(fd);
	return h;
}

#define LIE(code, f, field, value)                                             \
	do {                                                                   \
		struct shunt__header_lay h = truth;                            \
		int fds = test_fds();                                          \
		h.field = (value);                                             \
		lie(name, &h);                                                 \
		assert_int_equal(f(name), code);                               \
		assert_detail(name);                                           \
		assert_detail("remove it");                                    \
		assert_int_equal(test_fds(), fds);                             \
		assert_true(test_there(name));                                 \
	} while (0)

static void
a_topic_that_cannot_be(void **state)
{
	const char *name = test_name("headerlie");
	const struct shunt_publisher_options o = {.sz = sizeof(o),
	    .lane_bytes = 4096,
	    .publishers = 2,
	    .subscribers = 2,
	    .flags = SHUNT_TOPIC_PERSISTENT};
	struct shunt_publisher *pub;

	(void)state;
	assert_int_equal(shunt_publisher_open(&pub, name, &o), 1);
	shunt_publisher_close(&pub);
	const struct shunt__header_lay truth = header_of(name);
	LIE(SHUNT_E_CORRUPT, open_topic, hd_param, shunt__topic_param(0, 2));
	LIE(SHUNT_E_CORRUPT, open_topic, hd_param,
	    shunt__topic_param(SHUNT_TOPIC_EVICT + 1, 2));
	LIE(SHUNT_E_CORRUPT, open_topic, hd_param,
	    shunt__topic_param(SHUNT_TOPIC_LOSSY, 0));
	LIE(SHUNT_E_CORRUPT, open_topic, hd_param,
	    shunt__topic_param(SHUNT_TOPIC_LOSSY, SHUNT__SLOTS_MAX + 1));
	/* More of them than there is room for cursors. */
	LIE(SHUNT_E_CORRUPT, open_topic, hd_param,
	    shunt__topic_param(SHUNT_TOPIC_LOSSY, 1000));
	LIE(SHUNT_E_CORRUPT, open_topic, hd_area_bytes, 1u << 16);
	lie(name, &truth);
	assert_int_equal(open_topic(name), 0);
	shunt_remove(name, NULL);
}

static void
a_stream_that_cannot_be(void **state)
{
	const char *name = test_name("headerlie");
	const struct shunt_stream_options o = {.sz = sizeof(o),
	    .lane_bytes = 4096,
	    .flags = SHUNT_STREAM_PERSISTENT};
	struct shunt_stream_writer *w;

	(void)state;
	assert_int_equal(shunt_stream_writer_open(&w, name, &o), 1);
	shunt_stream_writer_close(&w);
	const struct shunt__header_lay truth = header_of(name);
	LIE(SHUNT_E_LAYOUT, open_stream, hd_lanes, 2);
	LIE(SHUNT_E_LAYOUT, open_stream, hd_area_bytes, 0);
	LIE(SHUNT_E_LAYOUT, open_stream, hd_param, 2);
	lie(name, &truth);
	assert_int_equal(open_stream(name), 0);
	shunt_remove(name, NULL);
}

static void
a_service_that_cannot_be(void **state)
{
	const char *name = test_name("headerlie");
	const struct shunt_service_options o = {.sz = sizeof(o),
	    .lane_bytes = 4096,
	    .clients = 2,
	    .servers = 2,
	    .flags = SHUNT_SERVICE_PERSISTENT};
	struct shunt_service *s;

	(void)state;
	assert_int_equal(shunt_service_open(&s, name, &o), 1);
	shunt_service_close(&s);
	const struct shunt__header_lay truth = header_of(name);
	LIE(SHUNT_E_CORRUPT, open_service, hd_lanes, 3);
	LIE(SHUNT_E_CORRUPT, open_service, hd_area_bytes, 0);
	lie(name, &truth);
	assert_int_equal(open_service(name), 0);
	shunt_remove(name, NULL);
}

static void
what_is_no_lock_has_no_print_of_one(void **state)
{
	uint64_t lock = shunt__lock_print(SHUNT_KIND_LOCK);

	(void)state;
	assert_true(lock != 0);
	assert_true(shunt__lock_print(SHUNT_KIND_EVENT) != lock);
	assert_true(shunt__lock_print(SHUNT_KIND_QUEUE) == 0);
	assert_true(shunt__lock_print(99) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_topic_that_cannot_be),
	    TEST(a_stream_that_cannot_be),
	    TEST(a_service_that_cannot_be),
	    TEST(what_is_no_lock_has_no_print_of_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
