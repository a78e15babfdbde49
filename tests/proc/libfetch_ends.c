/* SPDX-License-Identifier: MIT */
/*
 * Calls on topics, streams, calls and logs, for double_fetch.c: both ends are
 * in one process, each with a mapping of its own; the one that is mapped last
 * lies lowest, and is the one that is watched.
 */
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "lib/peers.h"
#include "proc/libfetch.h"

static const struct shunt_call_options call_now = {
    .sz = sizeof(call_now), .wait_ns = SHUNT_NOWAIT};

struct both {
	void *one, *other;
};

static struct both *
both(void)
{
	struct both *b = calloc(1, sizeof(*b));

	NEED(b != NULL);
	return b;
}

static void *
topic_ends(int publisher_last)
{
	static const struct shunt_publisher_options po = {.sz = sizeof(po),
	    .flags = SHUNT_TOPIC_PERSISTENT,
	    .lane_bytes = 4096,
	    .publishers = 2,
	    .subscribers = 2};
	static const struct shunt_subscriber_options so = {
	    .sz = sizeof(so), .history = SHUNT_TOPIC_ALL};
	struct both *b = both();
	struct shunt_publisher *p;
	struct shunt_subscriber *s;

	if (publisher_last)
		NEED(shunt_subscriber_open(&s, fetch_name, &so) >= 0);
	NEED(shunt_publisher_open(&p, fetch_name, &po) >= 0);
	for (int i = 0; i < 3; i++)
		NEED(shunt_publisher_send(p, "news", 4, &fetch_send) == 0);
	if (!publisher_last)
		NEED(shunt_subscriber_open(&s, fetch_name, &so) >= 0);
	NEED(shunt_subscriber_recv(
		 s, fetch_buf, FETCH_ROOM, NULL, &fetch_recv) == 4);
	b->one = p;
	b->other = s;
	return b;
}

static void *
topic_publisher(void)
{
	return topic_ends(1);
}

static void *
topic_subscriber(void)
{
	return topic_ends(0);
}

static void
topic_make(void)
{
	struct both *b = topic_subscriber();
	struct shunt_publisher *p = b->one;
	struct shunt_subscriber *s = b->other;

	shunt_subscriber_close(&s);
	shunt_publisher_close(&p);
	free(b);
}

static int64_t
publish_one(void *h)
{
	struct both *b = h;

	return shunt_publisher_send(b->one, "more news", 9, &fetch_send);
}

static int64_t
subscribed_one(void *h)
{
	struct both *b = h;
	ssize_t n = shunt_subscriber_recv(
	    b->other, fetch_buf, FETCH_ROOM, NULL, &fetch_recv);

	NEED(n <= FETCH_ROOM);
	return n;
}

static void *
stream_ends(int writer_last)
{
	static const struct shunt_stream_options o = {.sz = sizeof(o),
	    .flags = SHUNT_STREAM_PERSISTENT,
	    .lane_bytes = 4096};
	struct both *b = both();
	struct shunt_stream_writer *w;
	struct shunt_stream_reader *r;

	if (writer_last)
		NEED(shunt_stream_reader_open(&r, fetch_name, &o) >= 0);
	NEED(shunt_stream_writer_open(&w, fetch_name, &o) >= 0);
	NEED(shunt_stream_writer_write(w, "some bytes", 10, &fetch_send) == 10);
	if (!writer_last)
		NEED(shunt_stream_reader_open(&r, fetch_name, &o) >= 0);
	NEED(shunt_stream_reader_read(r, fetch_buf, 5, &fetch_recv) == 5);
	b->one = w;
	b->other = r;
	return b;
}

static void *
stream_writer(void)
{
	return stream_ends(1);
}

static void *
stream_reader(void)
{
	return stream_ends(0);
}

static void
stream_make(void)
{
	struct both *b = stream_reader();
	struct shunt_stream_writer *w = b->one;
	struct shunt_stream_reader *r = b->other;

	shunt_stream_reader_close(&r);
	shunt_stream_writer_close(&w);
	free(b);
}

static int64_t
write_one(void *h)
{
	struct both *b = h;

	return shunt_stream_writer_write(b->one, "more", 4, &fetch_send);
}

static int64_t
read_one(void *h)
{
	struct both *b = h;
	ssize_t n = shunt_stream_reader_read(
	    b->other, fetch_buf, FETCH_ROOM, &fetch_recv);

	NEED(n <= FETCH_ROOM);
	return n;
}

static void *
call_ends(int server_last)
{
	static const struct shunt_service_options o = {.sz = sizeof(o),
	    .flags = SHUNT_SERVICE_PERSISTENT,
	    .lane_bytes = 4096,
	    .clients = 1,
	    .servers = 1,
	    .patience_ns = 1};
	struct both *b = both();
	struct shunt_service *s;
	struct shunt_client *c;
	const void *msg;

	if (server_last)
		NEED(shunt_client_open(&c, fetch_name, &o) >= 0);
	NEED(shunt_service_open(&s, fetch_name, &o) >= 0);
	if (!server_last)
		NEED(shunt_client_open(&c, fetch_name, &o) >= 0);
	NEED(shunt_client_send(c, "first", 5, NULL, &call_now) == 0);
	NEED(shunt_service_next(s, &msg, NULL, &call_now) == 5);
	NEED(shunt_service_reply(s, 0, "reply", 5) == 0);
	NEED(shunt_client_poll(c, fetch_buf, FETCH_ROOM, NULL, &call_now) == 5);
	NEED(shunt_client_send(c, "second", 6, NULL, &call_now) == 0);
	b->one = c;
	b->other = s;
	return b;
}

static void *
call_client(void)
{
	return call_ends(0);
}

static void *
call_server(void)
{
	return call_ends(1);
}

static void
call_make(void)
{
	struct both *b = call_client();
	struct shunt_client *c = b->one;
	struct shunt_service *s = b->other;

	shunt_client_close(&c);
	shunt_service_close(&s);
	free(b);
}

static int64_t
request_one(void *h)
{
	struct both *b = h;

	return shunt_client_send(b->one, "third", 5, NULL, &call_now);
}

static int64_t
serve_one(void *h)
{
	struct both *b = h;
	const void *msg;
	ssize_t n = shunt_service_next(b->other, &msg, NULL, &call_now);

	if (n < 0)
		return n;
	NEED(n <= FETCH_ROOM);
	memcpy(fetch_buf, msg, (size_t)n);
	return shunt_service_reply(b->other, 0, fetch_buf, (size_t)n);
}

static void *
replied(void)
{
	struct both *b = call_client();

	NEED(serve_one(b) == 0);
	return b;
}

static int64_t
reply_one(void *h)
{
	struct both *b = h;
	ssize_t n =
	    shunt_client_poll(b->one, fetch_buf, FETCH_ROOM, NULL, &call_now);

	NEED(n <= FETCH_ROOM);
	return n;
}

static void *
log_open(void)
{
	static const struct shunt_log_options o = {.sz = sizeof(o),
	    .flags = SHUNT_LOG_PERSISTENT,
	    .lane_bytes = 4096,
	    .lanes = 2,
	    .full = SHUNT_LOG_FULL_DROP};
	struct shunt_log *l;

	NEED(shunt_log_open(&l, fetch_name, &o) >= 0);
	NEED(shunt_log_write(l, SHUNT_LOG_INFO, "first", 5) == 0);
	return l;
}

static void
log_make(void)
{
	struct shunt_log *l = log_open();

	shunt_log_close(&l);
}

static int64_t
log_one(void *h)
{
	return shunt_log_write(h, SHUNT_LOG_INFO, "another line", 12);
}

static void
log_fill(void)
{
	struct shunt_log *l = log_open();

	for (int i = 0; i < 3; i++)
		NEED(log_one(l) == 0);
	shunt_log_close(&l);
}

static void *
log_server(void)
{
	static const struct shunt_logd_options o = {
	    .sz = sizeof(o), .file = "/dev/null"};
	struct shunt_logd *d;

	NEED(shunt_logd_open(&d, fetch_name, &o) >= 0);
	return d;
}

static int64_t
step_one(void *h)
{
	return shunt_logd_step(h, SHUNT_NOWAIT);
}

const struct fetch_call fetch_ends[] = {
    {"topic-publish", topic_make, topic_publisher, publish_one},
    {"topic-receive", topic_make, topic_subscriber, subscribed_one},
    {"stream-write", stream_make, stream_writer, write_one},
    {"stream-read", stream_make, stream_reader, read_one},
    {"call-send", call_make, call_client, request_one},
    {"call-serve", call_make, call_server, serve_one},
    {"call-reply", call_make, replied, reply_one},
    {"log-write", log_make, log_open, log_one},
    {"log-serve", log_fill, log_server, step_one},
    {0},
};
