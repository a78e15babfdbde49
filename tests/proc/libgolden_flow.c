/* SPDX-License-Identifier: MIT */
/* Streams, topics and services. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"
#include "proc/libgolden.h"

static const struct shunt_recv_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options soon = {
    .sz = sizeof(soon), .wait_ns = 5 * (int64_t)1000 * MS};

/* ---- stream: a whole one, then one that its writer's death broke -----------
 */

static int
stream_writer(void *arg)
{
	struct shunt_stream_writer *writer;

	GOLDEN_OPEN(shunt_stream_writer_open(&writer, arg, NULL));
	NEED(shunt_stream_writer_write(writer, "of the dead", 11, NULL) == 11);
	raise(SIGKILL);
	return 0;
}

void
golden_stream_make(const char *name)
{
	const struct shunt_stream_options o = {.sz = sizeof(o),
	    .flags = SHUNT_STREAM_PERSISTENT,
	    .lane_bytes = 4096};
	struct shunt_stream_writer *writer;

	GOLDEN_OPEN(shunt_stream_writer_open(&writer, name, &o));
	NEED(shunt_stream_writer_write(writer, "a whole one", 11, NULL) == 11);
	NEED(shunt_stream_writer_finish(writer, NULL) == 0);
	shunt_stream_writer_close(&writer);
	golden_dies(stream_writer, name);
}

static void
reads(struct shunt_stream_reader *reader, const char *text, int then)
{
	size_t len = 0;
	char buf[64];

	while (len < strlen(text)) {
		ssize_t n = shunt_stream_reader_read(
		    reader, buf + len, sizeof(buf) - len, &soon);
		NEED(n > 0);
		len += (size_t)n;
	}
	NEED(len == strlen(text) && memcmp(buf, text, len) == 0);
	NEED(shunt_stream_reader_read(reader, buf, 1, &soon) == then);
}

void
golden_stream_use(const char *name)
{
	struct shunt_stream_reader *reader;
	struct shunt_stream_writer *writer;

	GOLDEN_OPEN(shunt_stream_reader_open(&reader, name, NULL));
	reads(reader, "a whole one", 0);
	reads(reader, "of the dead", SHUNT_E_BROKEN);
	GOLDEN_OPEN(shunt_stream_writer_open(&writer, name, NULL));
	NEED(shunt_stream_writer_write(writer, "new", 3, NULL) == 3);
	NEED(shunt_stream_writer_finish(writer, NULL) == 0);
	reads(reader, "new", 0);
	shunt_stream_writer_close(&writer);
	shunt_stream_reader_close(&reader);
}

/* ---- topic: messages of two publishers, one of them dead -------------------
 */

static const struct shunt_publisher_options topic_small = {
    .sz = sizeof(topic_small),
    .flags = SHUNT_TOPIC_PERSISTENT,
    .lane_bytes = 4096,
    .publishers = 4,
    .subscribers = 2};

static void
publish(struct shunt_publisher *pub, const char *text)
{
	NEED(shunt_publisher_send(pub, text, strlen(text), NULL) == 0);
}

static int
publisher(void *arg)
{
	struct shunt_publisher *pub;
	void *room;

	GOLDEN_OPEN(shunt_publisher_open(&pub, arg, NULL));
	publish(pub, "dead 0");
	publish(pub, "dead 1");
	NEED(shunt_publisher_reserve(pub, 100, &room, NULL) == 0);
	memset(room, 'x', 100);
	raise(SIGKILL);
	return 0;
}

void
golden_topic_make(const char *name)
{
	struct shunt_publisher *pub;

	GOLDEN_OPEN(shunt_publisher_open(&pub, name, &topic_small));
	publish(pub, "live 0");
	golden_dies(publisher, name);
	publish(pub, "live 1");
	publish(pub, "live 2");
	shunt_publisher_close(&pub);
}

void
golden_topic_use(const char *name)
{
	const struct shunt_subscriber_options o = {
	    .sz = sizeof(o), .history = SHUNT_TOPIC_ALL};
	struct shunt_subscriber *sub;
	struct shunt_publisher *pub;
	int live = 0, dead = 0;
	char buf[64];

	GOLDEN_OPEN(shunt_subscriber_open(&sub, name, &o));
	for (int i = 0; i < 5; i++) {
		NEED(shunt_subscriber_recv(
			 sub, buf, sizeof(buf), NULL, &soon) == 6);
		int *count = memcmp(buf, "live ", 5) == 0 ? &live : &dead;
		NEED(buf[5] - '0' == (*count)++);
	}
	NEED(live == 3 && dead == 2 && shunt_subscriber_lost(sub) == 0);
	NEED(shunt_subscriber_recv(sub, buf, sizeof(buf), NULL, &now) ==
	     -EAGAIN);
	GOLDEN_OPEN(shunt_publisher_open(&pub, name, NULL));
	publish(pub, "new");
	NEED(shunt_subscriber_recv(sub, buf, sizeof(buf), NULL, &soon) == 3);
	shunt_publisher_close(&pub);
	shunt_subscriber_close(&sub);
}

/* ---- service: requests of a dead client, one begun by a dead server --------
 */

static const struct shunt_call_options call_soon = {
    .sz = sizeof(call_soon), .wait_ns = 5 * (int64_t)1000 * MS};
static const struct shunt_call_options call_now = {
    .sz = sizeof(call_now), .wait_ns = SHUNT_NOWAIT};

static int
client(void *arg)
{
	struct shunt_client *c;

	GOLDEN_OPEN(shunt_client_open(&c, arg, NULL));
	NEED(shunt_client_send(c, "begun", 5, NULL, NULL) == 0);
	NEED(shunt_client_send(c, "not begun", 9, NULL, NULL) == 0);
	raise(SIGKILL);
	return 0;
}

static int
server(void *arg)
{
	struct shunt_service *s;
	const void *msg;

	GOLDEN_OPEN(shunt_service_open(&s, arg, NULL));
	NEED(shunt_service_next(s, &msg, NULL, &call_soon) == 5);
	raise(SIGKILL);
	return 0;
}

void
golden_service_make(const char *name)
{
	const struct shunt_service_options o = {.sz = sizeof(o),
	    .flags = SHUNT_SERVICE_PERSISTENT,
	    .lane_bytes = 4096,
	    .clients = 4,
	    .servers = 2};
	struct shunt_service *s;

	GOLDEN_OPEN(shunt_service_open(&s, name, &o));
	golden_dies(client, name);
	golden_dies(server, name);
	shunt_service_close(&s);
}

void
golden_service_use(const char *name)
{
	struct shunt_service *s;
	struct shunt_client *c;
	const void *msg;
	char buf[16];

	GOLDEN_OPEN(shunt_service_open(&s, name, NULL));
	/* At most once: what was begun does not come again. */
	NEED(shunt_service_next(s, &msg, NULL, &call_soon) == 9);
	NEED(memcmp(msg, "not begun", 9) == 0);
	/* Its client is dead, which is noticed only where there is no room. */
	NEED(shunt_service_reply(s, 0, "x", 1) == 0);
	NEED(shunt_service_next(s, &msg, NULL, &call_now) == -EAGAIN);

	GOLDEN_OPEN(shunt_client_open(&c, name, NULL));
	NEED(shunt_client_send(c, "new", 3, NULL, NULL) == 0);
	NEED(shunt_service_next(s, &msg, NULL, &call_soon) == 3);
	NEED(shunt_service_reply(s, 0, "done", 4) == 0);
	NEED(shunt_client_poll(c, buf, sizeof(buf), NULL, &call_soon) == 4);
	shunt_client_close(&c);
	shunt_service_close(&s);
}
