/* SPDX-License-Identifier: MIT */
/* limit: 30 */
/*
 * Every function that takes a handle refuses what is none: NULL, memory that
 * never was one, and what a child has of its parent's.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <shunt.h>

#include "lib/peers.h"

/* Behind the last function of a kind. */
#define END 1000

static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_now = {
    .sz = sizeof(recv_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_call_options call_soon = {
    .sz = sizeof(call_soon), .wait_ns = 1};
static char bytes[64];
static const struct iovec part = {bytes, 8};
static void *room;
static const void *at;

/* An end or none, told as a code. */
static long
end_of(struct shunt_end *end)
{
	return end == NULL ? -EINVAL : 0;
}

static long
on_queue(void *h, int which)
{
	struct shunt_message info = {.sz = sizeof(info)};

	switch (which) {
	case 0:
		return shunt_queue_send(h, bytes, 8, &send_now);
	case 1:
		return shunt_queue_sendv(h, &part, 1, &send_now);
	case 2:
		return shunt_queue_send_batch(h, &part, 1, &send_now);
	case 3:
		return shunt_queue_reserve(h, 8, &room, &send_now);
	case 4:
		return shunt_queue_commit(h, 8);
	case 5:
		return shunt_queue_recv(h, bytes, 8, NULL, &recv_now);
	case 6:
		return shunt_queue_recv_batch(h, bytes, 8, &info, 1, &recv_now);
	case 7:
		return shunt_queue_peek(h, &at, NULL, &recv_now);
	case 8:
		return shunt_queue_release(h);
	case 9:
		return shunt_queue_finish(h);
	case 10:
		return shunt_queue_fd(h);
	case 11:
		shunt_queue_abort(h);
		return shunt_queue_send(h, bytes, 8, &send_now);
	}
	return END;
}

static long
on_publisher(void *h, int which)
{
	switch (which) {
	case 0:
		return shunt_publisher_send(h, bytes, 8, &send_now);
	case 1:
		return shunt_publisher_sendv(h, &part, 1, &send_now);
	case 2:
		return shunt_publisher_send_batch(h, &part, 1, &send_now);
	case 3:
		return shunt_publisher_reserve(h, 8, &room, &send_now);
	case 4:
		return shunt_publisher_commit(h, 8);
	case 5:
		shunt_publisher_abort(h);
		return shunt_publisher_finish(h);
	}
	return END;
}

static long
on_subscriber(void *h, int which)
{
	struct shunt_topic_message info = {.sz = sizeof(info)};

	switch (which) {
	case 0:
		return shunt_subscriber_recv(h, bytes, 8, NULL, &recv_now);
	case 1:
		return shunt_subscriber_recv_batch(
		    h, bytes, 8, &info, 1, &recv_now);
	case 2:
		return shunt_subscriber_peek(h, &at, NULL, &recv_now);
	case 3:
		return shunt_subscriber_release(h);
	case 4:
		return shunt_subscriber_fd(h);
	}
	return END;
}

static long
on_writer(void *h, int which)
{
	switch (which) {
	case 0:
		return shunt_stream_writer_write(h, bytes, 8, &send_now);
	case 1:
		return shunt_stream_writer_writev(h, &part, 1, &send_now);
	case 2:
		return shunt_stream_writer_reserve(h, 8, &room, &send_now);
	case 3:
		return shunt_stream_writer_commit(h, 8);
	case 4:
		return shunt_stream_writer_finish(h, &send_now);
	}
	return END;
}

static long
on_reader(void *h, int which)
{
	switch (which) {
	case 0:
		return shunt_stream_reader_read(h, bytes, 8, &recv_now);
	case 1:
		return shunt_stream_reader_peek(h, &at, &recv_now);
	case 2:
		return shunt_stream_reader_release(h, 0);
	case 3:
		return shunt_stream_reader_fd(h);
	}
	return END;
}

static long
on_client(void *h, int which)
{
	switch (which) {
	case 0:
		return shunt_client_call(
		    h, bytes, 8, bytes, 8, NULL, &call_soon);
	case 1:
		return shunt_client_send(h, bytes, 8, NULL, &call_soon);
	case 2:
		return shunt_client_sendv(h, &part, 1, NULL, &call_soon);
	case 3:
		return shunt_client_reserve(h, 8, &room, &call_soon);
	case 4:
		return shunt_client_commit(h, 8, NULL);
	case 5:
		return shunt_client_poll(h, bytes, 8, NULL, &call_soon);
	case 6:
		return shunt_client_peek(h, &at, NULL, &call_soon);
	case 7:
		return shunt_client_release(h);
	case 8:
		return shunt_client_cancel(h, 1);
	case 9:
		shunt_client_abort(h);
		return shunt_client_fd(h);
	}
	return END;
}

static long
on_service(void *h, int which)
{
	switch (which) {
	case 0:
		return shunt_service_next(h, &at, NULL, &call_soon);
	case 1:
		return shunt_service_reply(h, 0, bytes, 8);
	case 2:
		return shunt_service_replyv(h, 0, &part, 1);
	case 3:
		return shunt_service_reserve(h, 8, &room);
	case 4:
		return shunt_service_commit(h, 0, 8);
	case 5:
		return shunt_service_finish(h);
	case 6:
		return shunt_service_fd(h);
	}
	return END;
}

static long
on_lock(void *h, int which)
{
	switch (which) {
	case 0:
		return shunt_lock_acquire(h, SHUNT_NOWAIT);
	case 1:
		return shunt_lock_release(h);
	case 2:
		return shunt_lock_fd(h);
	}
	return END;
}

static long
on_semaphore(void *h, int which)
{
	switch (which) {
	case 0:
		return shunt_semaphore_wait(h, SHUNT_NOWAIT);
	case 1:
		return shunt_semaphore_consume(h, SHUNT_NOWAIT);
	case 2:
		return shunt_semaphore_post(h);
	case 3:
		return shunt_semaphore_value(h);
	case 4:
		return shunt_semaphore_fd(h);
	}
	return END;
}

static long
on_event(void *h, int which)
{
	switch (which) {
	case 0:
		return shunt_event_wait(h, SHUNT_NOWAIT);
	case 1:
		return shunt_event_notify(h, SHUNT_EVENT_ONE);
	}
	return END;
}

static long
on_log(void *h, int which)
{
	switch (which) {
	case 0:
		return shunt_log_write(h, SHUNT_LOG_INFO, bytes, 8);
	case 1:
		return shunt_log_printf(h, SHUNT_LOG_INFO, "%d", 1);
	case 2:
		return shunt_log_flush(h, SHUNT_NOWAIT);
	case 3:
		return shunt_log_set_level(h, SHUNT_LOG_INFO);
	}
	return END;
}

/* What tells nothing by a code: of no handle there is nothing to tell. */
static void
tell_nothing(void *h)
{
	assert_int_equal(shunt_queue_max(h), 0);
	assert_int_equal(shunt_publisher_max(h), 0);
	assert_int_equal(shunt_client_max(h), 0);
	assert_int_equal(shunt_service_max(h), 0);
	assert_int_equal(shunt_log_max(h), 0);
	assert_int_equal(shunt_subscriber_lost(h), 0);
	assert_int_equal(shunt_subscriber_lag(h), 0);
	assert_true(shunt_subscriber_valid(h) <= 0);
	assert_true(shunt_service_cancelled(h) <= 0);
	assert_int_equal(end_of(shunt_queue_end(h)), -EINVAL);
	assert_int_equal(end_of(shunt_subscriber_end(h)), -EINVAL);
	assert_int_equal(end_of(shunt_stream_reader_end(h)), -EINVAL);
	assert_int_equal(end_of(shunt_client_end(h)), -EINVAL);
	assert_int_equal(end_of(shunt_service_end(h)), -EINVAL);
	shunt_queue_abort(h);
	shunt_publisher_abort(h);
	shunt_client_abort(h);
}

static const struct kind {
	const char *name;
	long (*on)(void *handle, int which);
	int in_child; /* a log handle attaches again by itself */
} kinds[] = {
    {"queue", on_queue, SHUNT_E_FORKED},
    {"publisher", on_publisher, SHUNT_E_FORKED},
    {"subscriber", on_subscriber, SHUNT_E_FORKED},
    {"writer", on_writer, SHUNT_E_FORKED},
    {"reader", on_reader, SHUNT_E_FORKED},
    {"client", on_client, SHUNT_E_FORKED},
    {"service", on_service, SHUNT_E_FORKED},
    {"lock", on_lock, SHUNT_E_FORKED},
    {"semaphore", on_semaphore, SHUNT_E_FORKED},
    {"event", on_event, SHUNT_E_FORKED},
    {"log", on_log, 0},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* How many functions of a kind do not answer @code. */
static int
others_than(const struct kind *kind, void *handle, int code)
{
	int bad = 0;

	for (int which = 0;; which++) {
		long got = kind->on(handle, which);

		if (got == END)
			return bad;
		if (got == code)
			continue;
		print_message("%s, function %d: %ld\n", kind->name, which, got);
		bad++;
	}
}

static void
null_is_no_handle(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++)
		assert_int_equal(others_than(&kinds[i], NULL, -EINVAL), 0);
	tell_nothing(NULL);
}

/* As a handle that was closed looks, if one is lucky. */
static void
zeroes_are_no_handle(void **state)
{
	void *zeroes = calloc(1, 1 << 16);

	(void)state;
	assert_non_null(zeroes);
	for (size_t i = 0; i < KINDS; i++)
		assert_int_equal(others_than(&kinds[i], zeroes, -EINVAL), 0);
	tell_nothing(zeroes);
	free(zeroes);
}

/* What looks, serves and lists. */
static void
nothing_to_look_with(void **state)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_logd_stat st = {.sz = sizeof(st)};
	struct shunt_scan *scan = NULL;
	struct shunt_tail *tail = NULL;
	struct shunt_logd *logd = NULL;
	struct shunt_segment *seg = NULL;
	const char *line;
	int64_t pid;

	(void)state;
	assert_int_equal(shunt_scan_open(NULL, NULL), -EINVAL);
	assert_int_equal(shunt_scan_next(NULL, &info), -EINVAL);
	assert_int_equal(shunt_scan_users(NULL, &pid, 1), -EINVAL);
	shunt_scan_close(NULL);
	shunt_scan_close(&scan);
	assert_int_equal(shunt_scan_open(&scan, NULL), 0);
	assert_int_equal(shunt_scan_next(scan, NULL), -EINVAL);
	assert_true(shunt_scan_users(scan, &pid, 1) < 0);
	assert_true(shunt_scan_users(scan, NULL, 1) < 0);
	shunt_scan_close(&scan);
	assert_int_equal(shunt_tail_open(NULL, "/x", NULL, 0), -EINVAL);
	assert_int_equal(shunt_tail_next(NULL, &line), -EINVAL);
	assert_string_equal(shunt_tail_file(NULL), "");
	shunt_tail_close(NULL);
	shunt_tail_close(&tail);
	assert_int_equal(shunt_segment_stat("/x", NULL, NULL, 0), -EINVAL);
	assert_int_equal(shunt_recoveries("/x", NULL, 1), -EINVAL);
	assert_int_equal(shunt_logd_run(NULL), -EINVAL);
	assert_true(shunt_logd_step(NULL, 0) < 0);
	assert_int_equal(shunt_logd_stat(NULL, &st), -EINVAL);
	assert_int_equal(shunt_logd_status("/x", NULL, NULL), -EINVAL);
	shunt_logd_reopen(NULL);
	shunt_logd_stop(NULL);
	shunt_logd_close(NULL);
	shunt_logd_close(&logd);
	assert_true(shunt_log_level(NULL) < 0);
	assert_int_equal(shunt_log_open(NULL, "/x", NULL), -EINVAL);
	assert_int_equal(shunt_logd_open(NULL, "/x", NULL), -EINVAL);
	assert_int_equal(shunt_sysv_id(NULL), -EINVAL);
	shunt_segment_close(NULL);
	shunt_segment_close(&seg);
}

/* Of a handle that is one, each end and each limit is there. */
static void
a_handle_has_its_ends(void **state)
{
	const char *topic = test_name("t"), *stream = test_name("s");
	const char *service = test_name("c");
	struct shunt_publisher *pub;
	struct shunt_subscriber *sub;
	struct shunt_stream_writer *w;
	struct shunt_stream_reader *r;
	struct shunt_client *client;
	struct shunt_service *server;
	struct shunt_queue *queue;
	struct shunt_log *log;

	(void)state;
	assert_true(shunt_queue_open(&queue, test_name("q"), NULL) >= 0);
	assert_true(shunt_publisher_open(&pub, topic, NULL) >= 0);
	assert_true(shunt_subscriber_open(&sub, topic, NULL) >= 0);
	assert_true(shunt_stream_writer_open(&w, stream, NULL) >= 0);
	assert_true(shunt_stream_reader_open(&r, stream, NULL) >= 0);
	assert_true(shunt_client_open(&client, service, NULL) >= 0);
	assert_true(shunt_service_open(&server, service, NULL) >= 0);
	assert_true(shunt_log_open(&log, test_name("log"), NULL) >= 0);
	assert_int_equal(end_of(shunt_queue_end(queue)), 0);
	assert_int_equal(end_of(shunt_subscriber_end(sub)), 0);
	assert_int_equal(end_of(shunt_stream_reader_end(r)), 0);
	assert_int_equal(end_of(shunt_client_end(client)), 0);
	assert_int_equal(end_of(shunt_service_end(server)), 0);
	assert_true(shunt_queue_max(queue) > 0);
	assert_true(shunt_publisher_max(pub) > 0);
	assert_true(shunt_client_max(client) > 0);
	assert_true(shunt_service_max(server) > 0);
	assert_true(shunt_log_max(log) > 0);
	assert_int_equal(shunt_subscriber_lost(sub), 0);
	assert_int_equal(shunt_subscriber_lag(sub), 0);
	assert_true(shunt_subscriber_valid(sub) >= 0);
	assert_int_equal(shunt_service_cancelled(server), 0);
	assert_int_equal(shunt_log_set_level(log, -1), -EINVAL);
	assert_int_equal(shunt_log_set_level(log, 99), -EINVAL);
	assert_int_equal(shunt_log_set_level(log, SHUNT_LOG_ERR), 0);
	assert_int_equal(shunt_log_level(log), SHUNT_LOG_ERR);
	assert_int_equal(shunt_log_write(log, SHUNT_LOG_ERR, NULL, 3), -EINVAL);
	assert_int_equal(shunt_log_flush(log, -2), -EINVAL);
	shunt_queue_close(&queue);
	shunt_publisher_close(&pub);
	shunt_subscriber_close(&sub);
	shunt_stream_writer_close(&w);
	shunt_stream_reader_close(&r);
	shunt_client_close(&client);
	shunt_service_close(&server);
	shunt_log_close(&log);
}

#define CLOSES(what)                                                           \
	do {                                                                   \
		struct shunt_##what *none = NULL, *not_one = (void *)zeroes;   \
		shunt_##what##_close(NULL);                                    \
		shunt_##what##_close(&none);                                   \
		assert_null(none);                                             \
		shunt_##what##_close(&not_one);                                \
	} while (0)

static void
what_is_no_handle_can_be_closed(void **state)
{
	char *zeroes = calloc(1, 1 << 16);

	(void)state;
	assert_non_null(zeroes);
	CLOSES(queue);
	CLOSES(publisher);
	CLOSES(subscriber);
	CLOSES(stream_writer);
	CLOSES(stream_reader);
	CLOSES(client);
	CLOSES(service);
	CLOSES(lock);
	CLOSES(semaphore);
	CLOSES(event);
	CLOSES(log);
	free(zeroes);
}

static void
a_child_has_none_of_its_parents(void **state)
{
	const char *topic = test_name("t"), *stream = test_name("s");
	const char *service = test_name("c");
	struct shunt_publisher *pub;
	struct shunt_subscriber *sub;
	struct shunt_stream_writer *w;
	struct shunt_stream_reader *r;
	struct shunt_client *client;
	struct shunt_service *server;
	struct shunt_queue *queue;
	struct shunt_lock *lock;
	struct shunt_semaphore *sem;
	struct shunt_event *event;
	struct shunt_log *log;
	int status;

	(void)state;
	assert_true(shunt_queue_open(&queue, test_name("q"), NULL) >= 0);
	assert_true(shunt_publisher_open(&pub, topic, NULL) >= 0);
	assert_true(shunt_subscriber_open(&sub, topic, NULL) >= 0);
	assert_true(shunt_stream_writer_open(&w, stream, NULL) >= 0);
	assert_true(shunt_stream_reader_open(&r, stream, NULL) >= 0);
	assert_true(shunt_client_open(&client, service, NULL) >= 0);
	assert_true(shunt_service_open(&server, service, NULL) >= 0);
	assert_true(shunt_lock_open(&lock, test_name("l"), NULL) >= 0);
	assert_true(shunt_semaphore_open(&sem, test_name("p"), NULL) >= 0);
	assert_true(shunt_event_open(&event, test_name("e"), NULL) >= 0);
	assert_true(shunt_log_open(&log, test_name("log"), NULL) >= 0);
	void *handle[KINDS] = {
	    queue, pub, sub, w, r, client, server, lock, sem, event, log};
	pid_t pid = fork();
	if (pid == 0) {
		int bad = 0;

		for (size_t i = 0; i < KINDS; i++)
			if (kinds[i].in_child != 0)
				bad += others_than(
				    &kinds[i], handle[i], kinds[i].in_child);
		_exit(bad);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	shunt_queue_close(&queue);
	shunt_publisher_close(&pub);
	shunt_subscriber_close(&sub);
	shunt_stream_writer_close(&w);
	shunt_stream_reader_close(&r);
	shunt_client_close(&client);
	shunt_service_close(&server);
	shunt_lock_close(&lock);
	shunt_semaphore_close(&sem);
	shunt_event_close(&event);
	shunt_log_close(&log);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(null_is_no_handle),
	    TEST(zeroes_are_no_handle),
	    TEST(what_is_no_handle_can_be_closed),
	    TEST(nothing_to_look_with),
	    TEST(a_handle_has_its_ends),
	    TEST(a_child_has_none_of_its_parents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
