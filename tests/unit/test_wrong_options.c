/* SPDX-License-Identifier: MIT */
/* limit: 30 */
/*
 * Options that cannot be: each opening of each kind says -EINVAL, or what is
 * wrong with it, and makes nothing.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>

#include <shunt.h>

#include "lib/peers.h"

/* Opens with one thing set; whatever it is, it must be refused. */
#define REFUSED(type, handle, open, code, ...)                                 \
	do {                                                                   \
		const struct shunt_##type##_options o = {                      \
		    .sz = sizeof(o), __VA_ARGS__};                             \
		const char *name = test_name(#handle);                         \
		struct shunt_##handle *h = (void *)name;                       \
		int e = shunt_##open(&h, name, &o);                            \
		if (e != (code) && !((code) == 0 && e < 0))                    \
			fail_msg("%s with %s: %d", #open, #__VA_ARGS__, e);    \
		assert_null(h);                                                \
		assert_false(test_there(name));                                \
	} while (0)

/* What all kinds have in common. */
#define IN_COMMON(type, handle, open)                                          \
	do {                                                                   \
		REFUSED(type, handle, open, -EINVAL, .flags = 1u << 31);       \
		REFUSED(type, handle, open, -EINVAL, .mode = 01000);           \
		REFUSED(type, handle, open, 0, .group = "no-such-group");      \
		const size_t four = 4; /* a size that none ever had */         \
		const char *none = test_name(#handle);                         \
		struct shunt_##handle *h = (void *)&four;                      \
		assert_int_equal(                                              \
		    shunt_##open(&h, none, (const void *)&four), -EINVAL);     \
		assert_null(h);                                                \
		assert_false(test_there(none));                                \
	} while (0)

#define LONG_TYPE "a type of messages that is too long by far"

static void
queues(void **state)
{
	(void)state;
	IN_COMMON(queue, queue, queue_open);
	REFUSED(queue, queue, queue_open, 0, .lanes = 1u << 30);
	REFUSED(queue, queue, queue_open, 0, .receivers = 1u << 30);
	REFUSED(queue, queue, queue_open, 0, .lane_bytes = 100);
	REFUSED(queue, queue, queue_open, 0, .lane_bytes = UINT64_MAX);
	REFUSED(queue, queue, queue_open, 0, .type = LONG_TYPE);
}

static void
topics(void **state)
{
	(void)state;
	IN_COMMON(publisher, publisher, publisher_open);
	IN_COMMON(subscriber, subscriber, subscriber_open);
	REFUSED(publisher, publisher, publisher_open, -EINVAL, .policy = 99);
	REFUSED(publisher, publisher, publisher_open, -EINVAL, .reserved = 1);
	REFUSED(publisher, publisher, publisher_open, -EINVAL,
	    .publishers = 1u << 20);
	REFUSED(publisher, publisher, publisher_open, -EINVAL,
	    .subscribers = 1u << 20);
	REFUSED(publisher, publisher, publisher_open, -EINVAL,
	    .publishers = 4096, .subscribers = 1024);
	REFUSED(publisher, publisher, publisher_open, -EINVAL,
	    .flags = SHUNT_TOPIC_READONLY);
	REFUSED(publisher, publisher, publisher_open, 0, .type = LONG_TYPE);
	REFUSED(subscriber, subscriber, subscriber_open, -EINVAL, .policy = 99);
	REFUSED(subscriber, subscriber, subscriber_open, -EINVAL,
	    .subscribers = 1u << 20);
}

static void
streams(void **state)
{
	(void)state;
	IN_COMMON(stream, stream_writer, stream_writer_open);
	IN_COMMON(stream, stream_reader, stream_reader_open);
	REFUSED(stream, stream_writer, stream_writer_open, -EINVAL,
	    .flags = SHUNT_STREAM_LAST);
	REFUSED(
	    stream, stream_writer, stream_writer_open, 0, .lane_bytes = 100);
	REFUSED(
	    stream, stream_writer, stream_writer_open, 0, .type = LONG_TYPE);
}

static void
services(void **state)
{
	(void)state;
	IN_COMMON(service, service, service_open);
	IN_COMMON(service, client, client_open);
	REFUSED(service, service, service_open, -EINVAL, .clients = 1u << 20);
	REFUSED(service, service, service_open, -EINVAL, .servers = 1u << 20);
	REFUSED(service, service, service_open, -EINVAL, .patience_ns = -1);
	REFUSED(service, client, client_open, 0, .lane_bytes = 100);
	REFUSED(service, client, client_open, 0, .type = LONG_TYPE);
}

static void
locks(void **state)
{
	(void)state;
	IN_COMMON(lock, lock, lock_open);
	REFUSED(lock, lock, lock_open, -EINVAL, .reserved = 1);
	REFUSED(lock, lock, lock_open, -EINVAL, .threads = 1u << 20);
	IN_COMMON(semaphore, semaphore, semaphore_open);
	REFUSED(semaphore, semaphore, semaphore_open, -EINVAL, .reserved = 1);
	REFUSED(
	    semaphore, semaphore, semaphore_open, -EINVAL, .threads = 1u << 20);
	REFUSED(
	    semaphore, semaphore, semaphore_open, -EINVAL, .permits = 1u << 20);
	REFUSED(semaphore, semaphore, semaphore_open, -EINVAL, .max = 1u << 20);
	REFUSED(semaphore, semaphore, semaphore_open, -EINVAL, .permits = 5,
	    .max = 3);
	REFUSED(semaphore, semaphore, semaphore_open, -EINVAL,
	    .flags = SHUNT_SEMAPHORE_EMPTY, .permits = 5);
	IN_COMMON(event, event, event_open);
}

static void
logs(void **state)
{
	(void)state;
	IN_COMMON(log, log, log_open);
	REFUSED(log, log, log_open, -EINVAL, .reserved = 1);
	REFUSED(log, log, log_open, -EINVAL, .full = 99);
	REFUSED(log, log, log_open, -EINVAL, .max_level = 99);
	REFUSED(log, log, log_open, 0, .lanes = 1u << 30);
	REFUSED(log, log, log_open, 0, .lane_bytes = 100);
	REFUSED(logd, logd, logd_open, -EINVAL, .flags = 1);
	REFUSED(logd, logd, logd_open, -EINVAL, .format = 99);
	REFUSED(logd, logd, logd_open, -EINVAL, .sync_ns = -99);
	REFUSED(logd, logd, logd_open, 0, .file = "/no/such/folder/file");
}

/* Options of calls: the call is refused, and nothing was sent. */
static void
calls(void **state)
{
	const char *name = test_name("calls");
	const struct shunt_call_options flag = {
	    .sz = sizeof(flag), .flags = 1u << 31};
	const struct shunt_call_options reserved = {
	    .sz = sizeof(reserved), .reserved = 1};
	const struct shunt_call_options short_call = {.sz = 3};
	const struct shunt_call_options *const bad[] = {
	    &flag, &reserved, &short_call};
	struct shunt_service *s;
	struct shunt_client *c;
	char buf[8] = "";
	struct iovec part = {buf, 1};
	const void *msg;
	void *room;

	(void)state;
	assert_int_equal(shunt_service_open(&s, name, NULL), 1);
	assert_int_equal(shunt_client_open(&c, name, NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    shunt_client_poll(c, buf, 8, NULL, bad[i]), -EINVAL);
		assert_int_equal(
		    shunt_client_peek(c, &msg, NULL, bad[i]), -EINVAL);
		assert_int_equal(
		    shunt_client_call(c, "x", 1, buf, 8, NULL, bad[i]),
		    -EINVAL);
		/* There is room: nothing of it would have mattered. */
		assert_int_equal(
		    shunt_client_send(c, "x", 1, NULL, bad[i]), -EINVAL);
		assert_int_equal(
		    shunt_client_sendv(c, &part, 1, NULL, bad[i]), -EINVAL);
		assert_int_equal(
		    shunt_client_reserve(c, 1, &room, bad[i]), -EINVAL);
		assert_int_equal(
		    shunt_service_next(s, &msg, NULL, bad[i]), -EINVAL);
	}
	/* A request is there. */
	assert_int_equal(shunt_client_send(c, "x", 1, NULL, NULL), 0);
	assert_int_equal(shunt_service_next(s, &msg, NULL, &flag), -EINVAL);
	assert_int_equal(shunt_service_next(s, &msg, NULL, NULL), 1);
	assert_int_equal(shunt_service_reply(s, 0, NULL, 0), 0);
	assert_int_equal(shunt_service_next(s, &msg, NULL,
			     &(struct shunt_call_options){
				 .sz = sizeof(flag), .wait_ns = SHUNT_NOWAIT}),
	    -EAGAIN);
	shunt_client_close(&c);
	shunt_service_close(&s);
}

/* What a caller meant who passes NULL is not known: he is told, and nothing
 * is made. */
#define NOWHERE(name, ...)                                                     \
	do {                                                                   \
		assert_int_equal(__VA_ARGS__, -EINVAL);                        \
		assert_non_null(                                               \
		    strstr(shunt_error_detail(), "no place for the handle"));  \
		assert_false(test_there(name));                                \
	} while (0)

static void
no_place_for_a_handle(void **state)
{
	const char *n = test_name("nowhere");

	(void)state;
	NOWHERE(n, shunt_queue_open(NULL, n, NULL));
	NOWHERE(n, shunt_publisher_open(NULL, n, NULL));
	NOWHERE(n, shunt_subscriber_open(NULL, n, NULL));
	NOWHERE(n, shunt_stream_writer_open(NULL, n, NULL));
	NOWHERE(n, shunt_stream_reader_open(NULL, n, NULL));
	NOWHERE(n, shunt_client_open(NULL, n, NULL));
	NOWHERE(n, shunt_service_open(NULL, n, NULL));
	NOWHERE(n, shunt_lock_open(NULL, n, NULL));
	NOWHERE(n, shunt_semaphore_open(NULL, n, NULL));
	NOWHERE(n, shunt_event_open(NULL, n, NULL));
	NOWHERE(n, shunt_log_open(NULL, n, NULL));
	NOWHERE(n, shunt_logd_open(NULL, n, NULL));
	NOWHERE(n, shunt_tail_open(NULL, n, NULL, SHUNT_FORMAT_ISO));
	NOWHERE(n, shunt_scan_open(NULL, NULL));
	NOWHERE(n, shunt_segment_create(NULL, n, 4096, NULL));
	NOWHERE(n, shunt_segment_open(NULL, n, NULL));
	NOWHERE(n, shunt_segment_anon(NULL, 4096, NULL));
	NOWHERE(n, shunt_segment_recv(NULL, -1, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(queues),
	    TEST(topics),
	    TEST(streams),
	    TEST(services),
	    TEST(locks),
	    TEST(logs),
	    TEST(calls),
	    TEST(no_place_for_a_handle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
