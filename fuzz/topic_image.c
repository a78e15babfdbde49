/* SPDX-License-Identifier: MIT */
/* A topic that was scribbled over is published to, subscribed to and read,
 * lossily and with cursors: error codes at worst, within bounded calls. */
#include <shunt/topic.h>

#include "channel/topic.h"
#include "common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct shunt_send_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options at_once = {
    .sz = sizeof(at_once), .wait_ns = SHUNT_NOWAIT};

static struct shunt_subscriber *
subscribe(const char *name, uint32_t history, uint32_t flags)
{
	struct shunt_subscriber *sub = NULL;
	struct shunt_subscriber_options o = {
	    .sz = sizeof(o), .history = history, .flags = flags};

	shunt_subscriber_open(&sub, name, &o);
	return sub;
}

static void
drain(struct shunt_subscriber *sub)
{
	struct shunt_topic_message info = {.sz = sizeof(info)};
	const void *msg;
	char buf[4096];
	ssize_t n = 0;
	int bad = 0;

	/* Words that lie are told of once: then nothing is there.  That it is
	 * closed is told each time. */
	for (int i = 0; sub != NULL && n != -EAGAIN && i < 3000 && bad < 20;
	     i++) {
		bad += n < 0;
		if (i % 2 == 0) {
			n = shunt_subscriber_recv(
			    sub, buf, sizeof(buf), &info, &at_once);
			continue;
		}
		n = shunt_subscriber_peek(sub, &msg, &info, &at_once);
		if (n < 0)
			continue;
		memcpy(buf, msg, (size_t)n < sizeof(buf) ? (size_t)n : 0);
		shunt_subscriber_valid(sub);
		shunt_subscriber_release(sub);
	}
	shunt_subscriber_lag(sub);
	shunt_subscriber_lost(sub);
}

static void
publish(const char *name)
{
	struct shunt_publisher *pub = NULL;
	struct iovec msgs[6];
	char buf[1024] = {0};

	if (shunt_publisher_open(&pub, name, NULL) < 0)
		return;
	for (size_t i = 0; i < 12; i++)
		shunt_publisher_send(pub, buf, i * 90, &now);
	for (size_t i = 0; i < 6; i++)
		msgs[i] = (struct iovec){buf, i * 150};
	shunt_publisher_send_batch(pub, msgs, 6, &now);
	shunt_publisher_close(&pub);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shunt__topic shape;
	struct image im;
	uint64_t area;

	if (size < 1)
		return 0;
	struct shunt__spec spec = {.kind = SHUNT_KIND_TOPIC,
	    .lanes = 3,
	    .lane_bytes = 4096,
	    .param = shunt__topic_param(1 + data[0] % 4, 4),
	    .print = shunt__topic_fingerprint()};
	shunt__topic_shape(&shape, spec.param, spec.lanes, &area);
	spec.area_bytes = (uint32_t)area;
	image_shape.lead = 1;
	image_make(&im, &spec);
	struct shunt_subscriber *sub = subscribe(im.name, 0, 0);
	struct shunt_subscriber *look =
	    subscribe(im.name, 0, SHUNT_TOPIC_READONLY);
	for (int round = 0; round < 2; round++) {
		publish(im.name);
		image_patch(&im, data + 1, size - 1);
		drain(look);
		drain(sub);
		struct shunt_subscriber *late =
		    subscribe(im.name, SHUNT_TOPIC_ALL, 0);
		publish(im.name);
		drain(late);
		shunt_subscriber_close(&late);
		late = subscribe(im.name, 3, 0);
		drain(late);
		shunt_subscriber_close(&late);
	}
	shunt_subscriber_close(&sub);
	shunt_subscriber_close(&look);
	image_free(&im);
	return 0;
}
