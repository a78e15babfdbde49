/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Calls as their header page describes them, both ends in one process. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>

#include <shunt.h>

#include "channel/call.h"
#include "lib/peers.h"

static const struct shunt_service_options small = {.sz = sizeof(small),
    .lane_bytes = 4096,
    .clients = 4,
    .servers = 4,
    .patience_ns = 20000000};
static const struct shunt_call_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_call_options brief = {
    .sz = sizeof(brief), .wait_ns = 5000000};
/* Longer than a client goes without asking whether its server lives. */
static const struct shunt_call_options long_enough = {
    .sz = sizeof(long_enough), .wait_ns = 60000000};
static const struct shunt_call_options served = {
    .sz = sizeof(served), .flags = SHUNT_CALL_SERVED};

struct ends {
	const char *name;
	struct shunt_client *client;
	struct shunt_service *service;
};

static void
fresh(struct ends *w)
{
	w->name = test_name("call");
	assert_int_equal(shunt_client_open(&w->client, w->name, &small), 1);
	assert_int_equal(shunt_service_open(&w->service, w->name, &small), 0);
}

static void
done(struct ends *w)
{
	shunt_client_close(&w->client);
	shunt_service_close(&w->service);
	assert_false(test_there(w->name));
}

/* Answers one request with the same bytes and their number. */
static void
echo(struct shunt_service *service)
{
	struct shunt_request info = {.sz = sizeof(info)};
	char copy[4096];
	const void *msg;
	ssize_t n = shunt_service_next(service, &msg, &info, NULL);

	assert_true(n >= 0);
	assert_int_equal(info.len, n);
	memcpy(copy, msg, (size_t)n);
	assert_int_equal(
	    shunt_service_reply(service, (int32_t)n, copy, (size_t)n), 0);
}

static void
requests_and_replies_of_every_length(void **state)
{
	unsigned char out[4096], in[4096];
	struct shunt_reply info = {.sz = sizeof(info)};
	struct ends w;
	uint64_t id, last = 0;

	(void)state;
	fresh(&w);
	size_t max = shunt_client_max(w.client);
	assert_int_equal(max, 2048 - 16);
	assert_int_equal(shunt_service_max(w.service), max);
	for (size_t len = 0; len <= max; len++) {
		memset(out, (int)len, len);
		assert_int_equal(shunt_client_send(w.client, len ? out : NULL,
				     len, &id, NULL),
		    0);
		assert_true(id > last);
		last = id;
		assert_int_equal(
		    shunt_client_poll(w.client, in, sizeof(in), &info, &now),
		    -EAGAIN);
		echo(w.service);
		assert_int_equal(
		    shunt_client_poll(w.client, in, sizeof(in), &info, NULL),
		    len);
		assert_int_equal(info.len, len);
		assert_int_equal(info.status, len);
		assert_true(info.id == id);
		assert_memory_equal(in, out, len);
	}
	assert_int_equal(
	    shunt_client_send(w.client, out, max + 1, NULL, NULL), -EMSGSIZE);
	assert_int_equal(
	    shunt_client_call(w.client, out, SIZE_MAX, in, 1, NULL, NULL),
	    -EMSGSIZE);
	assert_int_equal(
	    shunt_client_poll(w.client, in, sizeof(in), NULL, &now), -ENOENT);
	done(&w);
}

static void
several_open_are_answered_in_order(void **state)
{
	struct shunt_reply info = {.sz = sizeof(info)};
	struct ends w;
	uint64_t id[SHUNT_CALLS_OPEN];
	int got;

	(void)state;
	fresh(&w);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < SHUNT_CALLS_OPEN; i++)
			assert_int_equal(shunt_client_send(w.client, &i,
					     sizeof(i), &id[i], &now),
			    0);
		assert_int_equal(
		    shunt_client_send(w.client, "", 0, NULL, &now), -EBUSY);
		assert_int_equal(
		    shunt_client_call(w.client, "", 0, NULL, 0, NULL, NULL),
		    -EBUSY);
		for (int i = 0; i < SHUNT_CALLS_OPEN; i++)
			echo(w.service);
		for (int i = 0; i < SHUNT_CALLS_OPEN; i++) {
			assert_int_equal(shunt_client_poll(w.client, &got,
					     sizeof(got), &info, &now),
			    sizeof(got));
			assert_int_equal(got, i);
			assert_true(info.id == id[i]);
		}
	}
	done(&w);
}

static void
in_place_both_ways(void **state)
{
	struct shunt_reply info = {.sz = sizeof(info)};
	struct ends w;
	const void *msg;
	uint64_t id;
	void *room;

	(void)state;
	fresh(&w);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(
		    shunt_client_commit(w.client, 1, NULL), -EINVAL);
		assert_int_equal(
		    shunt_client_reserve(w.client, 500, &room, NULL), 0);
		assert_int_equal(
		    shunt_client_reserve(w.client, 1, &room, NULL), -EBUSY);
		shunt_client_abort(w.client);
		assert_int_equal(
		    shunt_client_reserve(w.client, 500, &room, NULL), 0);
		memset(room, 'a' + i % 26, 300);
		assert_int_equal(
		    shunt_client_commit(w.client, 501, NULL), -EINVAL);
		assert_int_equal(
		    shunt_client_commit(w.client, SIZE_MAX - 3, NULL), -EINVAL);
		assert_int_equal(shunt_client_commit(w.client, 300, &id), 0);

		assert_int_equal(
		    shunt_service_commit(w.service, 0, 0), -EINVAL);
		assert_int_equal(
		    shunt_service_reply(w.service, 0, "", 0), -EINVAL);
		for (int twice = 0; twice < 2; twice++) {
			assert_int_equal(
			    shunt_service_next(w.service, &msg, NULL, NULL),
			    300);
			assert_int_equal(*(const char *)msg, 'a' + i % 26);
		}
		assert_int_equal(
		    shunt_service_reserve(w.service, 700, &room), 0);
		memset(room, 'A' + i % 26, 700);
		assert_int_equal(
		    shunt_service_commit(w.service, -7, 701), -EINVAL);
		assert_int_equal(shunt_service_commit(w.service, -7, 600), 0);

		assert_int_equal(shunt_client_release(w.client), -EINVAL);
		for (int twice = 0; twice < 2; twice++) {
			assert_int_equal(
			    shunt_client_peek(w.client, &msg, &info, NULL),
			    600);
			assert_int_equal(
			    ((const char *)msg)[599], 'A' + i % 26);
			assert_int_equal(info.status, -7);
			assert_true(info.id == id);
		}
		assert_int_equal(shunt_client_release(w.client), 0);
	}
	done(&w);
}

static void
a_reply_longer_than_the_room_stays(void **state)
{
	struct shunt_reply info = {.sz = sizeof(info)};
	struct ends w;
	char buf[100];

	(void)state;
	fresh(&w);
	memset(buf, 'x', sizeof(buf));
	assert_int_equal(
	    shunt_client_send(w.client, buf, sizeof(buf), NULL, NULL), 0);
	echo(w.service);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    shunt_client_poll(w.client, buf, 99, &info, NULL),
		    -EMSGSIZE);
		assert_int_equal(info.len, 100);
	}
	assert_int_equal(
	    shunt_client_poll(w.client, buf, 100, &info, NULL), 100);
	done(&w);
}

static void
time_is_over_and_the_late_reply_is_dropped(void **state)
{
	struct ends w;
	const void *msg;
	int a = 1, b = 2, got = 0;

	(void)state;
	fresh(&w);
	/* Nobody looked at it: it will never be done. */
	assert_int_equal(
	    shunt_client_call(w.client, &a, 4, &got, 4, NULL, &brief),
	    -ETIMEDOUT);
	assert_int_equal(
	    shunt_service_next(w.service, &msg, NULL, &now), -EAGAIN);
	/* Under way: its server can know, and its reply goes nowhere. */
	assert_int_equal(shunt_client_send(w.client, &a, 4, NULL, NULL), 0);
	assert_int_equal(shunt_service_next(w.service, &msg, NULL, &now), 4);
	assert_int_equal(
	    shunt_client_poll(w.client, &got, 4, NULL, &long_enough),
	    -ETIMEDOUT);
	assert_int_equal(shunt_service_cancelled(w.service), 0);
	struct shunt_request info = {.sz = sizeof(info)};
	assert_int_equal(shunt_service_next(w.service, &msg, &info, NULL), 4);
	assert_int_equal(shunt_client_cancel(w.client, info.id + 1), -ENOENT);
	assert_int_equal(shunt_client_cancel(w.client, info.id), 1);
	assert_int_equal(shunt_client_cancel(w.client, info.id), -ENOENT);
	assert_int_equal(shunt_service_cancelled(w.service), 1);
	assert_int_equal(shunt_service_reply(w.service, 0, &a, 4), 0);
	assert_int_equal(shunt_client_send(w.client, &b, 4, NULL, NULL), 0);
	echo(w.service);
	assert_int_equal(shunt_client_poll(w.client, &got, 4, NULL, NULL), 4);
	assert_int_equal(got, 2);
	done(&w);
}

static void
what_is_cancelled_in_the_middle_is_skipped(void **state)
{
	struct ends w;
	uint64_t id[3];
	const void *msg;
	int got;

	(void)state;
	fresh(&w);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    shunt_client_send(w.client, &i, sizeof(i), &id[i], NULL),
		    0);
	assert_int_equal(shunt_client_cancel(w.client, id[1]), 0);
	echo(w.service);
	echo(w.service);
	assert_int_equal(
	    shunt_service_next(w.service, &msg, NULL, &now), -EAGAIN);
	assert_int_equal(shunt_client_poll(w.client, &got, 4, NULL, NULL), 4);
	assert_int_equal(got, 0);
	assert_int_equal(shunt_client_poll(w.client, &got, 4, NULL, NULL), 4);
	assert_int_equal(got, 2);
	/* A reply that is there already. */
	assert_int_equal(shunt_client_send(w.client, &got, 4, &id[0], NULL), 0);
	echo(w.service);
	assert_int_equal(shunt_client_peek(w.client, &msg, NULL, NULL), 4);
	assert_int_equal(shunt_client_cancel(w.client, id[0]), 1);
	assert_int_equal(shunt_client_release(w.client), -EINVAL);
	got = 9;
	assert_int_equal(shunt_client_send(w.client, &got, 4, &id[0], NULL), 0);
	echo(w.service);
	got = 0;
	assert_int_equal(shunt_client_poll(w.client, &got, 4, NULL, NULL), 4);
	assert_int_equal(got, 9);
	done(&w);
}

static void
nobody_serves(void **state)
{
	struct shunt_reply info = {.sz = sizeof(info)};
	const char *name = test_name("call");
	struct shunt_client *client;
	struct shunt_service *service;
	const void *msg;
	uint64_t id;

	(void)state;
	assert_int_equal(shunt_client_open(&client, name, &small), 1);
	assert_int_equal(
	    shunt_client_call(client, "x", 1, NULL, 0, NULL, &served),
	    SHUNT_E_NOSERVER);
	assert_int_equal(
	    shunt_client_call(client, "x", 1, NULL, 0, NULL, &brief),
	    -ETIMEDOUT);
	assert_int_equal(shunt_client_send(client, "y", 1, &id, NULL), 0);
	assert_int_equal(shunt_client_poll(client, NULL, 0, &info, &served),
	    SHUNT_E_NOSERVER);
	assert_true(info.id == id);
	assert_int_equal(
	    shunt_client_poll(client, NULL, 0, &info, &served), -ENOENT);
	/* Sent before, served later; and nothing of the above. */
	assert_int_equal(shunt_client_send(client, "z", 1, NULL, NULL), 0);
	assert_int_equal(shunt_service_open(&service, name, NULL), 0);
	assert_int_equal(shunt_service_next(service, &msg, NULL, NULL), 1);
	assert_int_equal(*(const char *)msg, 'z');
	/* Ends without a reply. */
	shunt_service_close(&service);
	assert_int_equal(
	    shunt_client_poll(client, NULL, 0, NULL, NULL), SHUNT_E_PEERDEAD);
	/* Begun by nobody, it goes with its client. */
	assert_int_equal(shunt_client_send(client, "q", 1, NULL, NULL), 0);
	shunt_client_close(&client);
	assert_false(test_there(name));
}

static void
two_servers_share_clients_but_not_a_lane(void **state)
{
	struct shunt_service *other;
	struct ends w;
	const void *msg;
	struct shunt_client *second;
	char buf[8];

	(void)state;
	fresh(&w);
	assert_int_equal(shunt_service_open(&other, w.name, NULL), 0);
	assert_int_equal(shunt_client_open(&second, w.name, NULL), 0);
	assert_int_equal(shunt_client_send(w.client, "a", 1, NULL, NULL), 0);
	assert_int_equal(shunt_client_send(w.client, "b", 1, NULL, NULL), 0);
	assert_int_equal(shunt_service_next(w.service, &msg, NULL, NULL), 1);
	assert_int_equal(*(const char *)msg, 'a');
	assert_int_equal(
	    shunt_service_next(other, &msg, NULL, &brief), -ETIMEDOUT);
	assert_int_equal(shunt_client_send(second, "c", 1, NULL, NULL), 0);
	assert_int_equal(shunt_service_next(other, &msg, NULL, NULL), 1);
	assert_int_equal(*(const char *)msg, 'c');
	assert_int_equal(shunt_service_reply(w.service, 0, "A", 1), 0);
	assert_int_equal(shunt_service_reply(other, 0, "C", 1), 0);
	assert_int_equal(shunt_service_next(other, &msg, NULL, NULL), 1);
	assert_int_equal(*(const char *)msg, 'b');
	assert_int_equal(shunt_service_reply(other, 0, "B", 1), 0);
	assert_int_equal(shunt_client_poll(w.client, buf, 8, NULL, NULL), 1);
	assert_int_equal(buf[0], 'A');
	assert_int_equal(shunt_client_poll(w.client, buf, 8, NULL, NULL), 1);
	assert_int_equal(buf[0], 'B');
	assert_int_equal(shunt_client_poll(second, buf, 8, NULL, NULL), 1);
	assert_int_equal(buf[0], 'C');
	shunt_client_close(&second);
	shunt_service_close(&other);
	done(&w);
}

/* Each has to find its way back to where the others left the lanes. */
static void
servers_take_turns_round_the_rings(void **state)
{
	struct shunt_service *others[3];
	struct ends w;
	char buf[1000];

	(void)state;
	fresh(&w);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    shunt_service_open(&others[i], w.name, NULL), 0);
	for (unsigned i = 0; i < 2000; i++) {
		size_t len = i * 37 % 900;
		memset(buf, (int)i, len);
		assert_int_equal(
		    shunt_client_send(w.client, buf, len, NULL, NULL), 0);
		unsigned who = (i * i + i / 7) % 4;
		const void *msg;
		struct shunt_service *s = who < 3 ? others[who] : w.service;
		/* Non-blocking: a place that looks empty is looked at again
		 * without what was remembered. */
		ssize_t n;
		do
			n = shunt_service_next(s, &msg, NULL, &now);
		while (n == -EAGAIN);
		assert_int_equal(n, len);
		assert_int_equal(shunt_service_reply(s, 0, buf, len), 0);
		memset(buf, 0, len);
		assert_int_equal(
		    shunt_client_poll(w.client, buf, sizeof(buf), NULL, &now),
		    len);
		for (size_t b = 0; b < len; b++)
			assert_int_equal((unsigned char)buf[b], i & 255);
	}
	for (int i = 0; i < 3; i++)
		shunt_service_close(&others[i]);
	done(&w);
}

static void
a_client_that_does_not_read_tries_patience(void **state)
{
	struct ends w;
	char big[1500] = {0};
	const void *msg;
	int e;

	(void)state;
	fresh(&w);
	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    shunt_client_send(w.client, &i, sizeof(i), NULL, NULL), 0);
	for (int i = 0;; i++) {
		assert_true(i < 4);
		assert_int_equal(
		    shunt_service_next(w.service, &msg, NULL, NULL), 4);
		e = shunt_service_reply(w.service, 0, big, sizeof(big));
		if (e != 0)
			break;
	}
	assert_int_equal(e, -ETIMEDOUT);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    shunt_client_poll(w.client, big, sizeof(big), NULL, NULL),
		    sizeof(big));
	assert_int_equal(
	    shunt_client_poll(w.client, big, sizeof(big), NULL, NULL),
	    SHUNT_E_PEERDEAD);
	echo(w.service);
	assert_int_equal(
	    shunt_client_poll(w.client, big, sizeof(big), NULL, NULL), 4);
	done(&w);
}

/* One that is stopped, say, with many requests: their server goes on. */
static void
patience_is_tried_once(void **state)
{
	struct shunt_service_options o = small;
	char big[1500] = {0};
	struct ends w;
	const void *msg;
	int dropped = 0, e;

	(void)state;
	o.patience_ns = 300 * (int64_t)MS;
	w.name = test_name("call");
	assert_int_equal(shunt_client_open(&w.client, w.name, &o), 1);
	assert_int_equal(shunt_service_open(&w.service, w.name, &o), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(
		    shunt_client_send(w.client, &i, sizeof(i), NULL, NULL), 0);
	uint64_t begin = test_now();
	for (int i = 0; i < 20; i++) {
		assert_int_equal(
		    shunt_service_next(w.service, &msg, NULL, &now), 4);
		e = shunt_service_reply(w.service, 0, big, sizeof(big));
		assert_true(e == 0 || e == -ETIMEDOUT);
		dropped += e != 0;
	}
	assert_in_range(dropped, 17, 18);
	assert_in_range(test_now() - begin, 300 * MS, 2000 * MS);
	/* It reads, and has earned a new one. */
	for (int i = 0; i < 20; i++) {
		ssize_t n =
		    shunt_client_poll(w.client, big, sizeof(big), NULL, NULL);
		assert_int_equal(n, i < 20 - dropped ? 1500 : SHUNT_E_PEERDEAD);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    shunt_client_send(w.client, &i, sizeof(i), NULL, NULL), 0);
	begin = test_now();
	e = 0;
	while (e == 0) {
		assert_int_equal(
		    shunt_service_next(w.service, &msg, NULL, &now), 4);
		e = shunt_service_reply(w.service, 0, big, sizeof(big));
	}
	assert_int_equal(e, -ETIMEDOUT);
	assert_true(test_now() - begin >= 300 * MS);
	done(&w);
}

static void
nobody_waits_to_reply_to_a_call_given_up(void **state)
{
	struct shunt_service_options o = small;
	char big[1500] = {0};
	struct shunt_request info = {.sz = sizeof(info)};
	struct ends w;
	const void *msg;
	int e = 0;

	(void)state;
	o.patience_ns = 8000 * (int64_t)MS;
	w.name = test_name("call");
	assert_int_equal(shunt_client_open(&w.client, w.name, &o), 1);
	assert_int_equal(shunt_service_open(&w.service, w.name, &o), 0);
	uint64_t begin = test_now();
	for (int i = 0; i < 4 && e == 0; i++) {
		assert_int_equal(
		    shunt_client_send(w.client, "x", 1, NULL, NULL), 0);
		assert_int_equal(
		    shunt_service_next(w.service, &msg, &info, &now), 1);
		assert_int_equal(shunt_client_cancel(w.client, info.id), 1);
		e = shunt_service_reply(w.service, 0, big, sizeof(big));
	}
	assert_int_equal(e, -ETIMEDOUT);
	assert_in_range(test_now() - begin, 0, 4000 * MS);
	done(&w);
}

static void
what_is_cancelled_is_not_open(void **state)
{
	struct shunt_reply info = {.sz = sizeof(info)};
	uint64_t id[SHUNT_CALLS_OPEN], more, first;
	struct ends w;

	(void)state;
	fresh(&w);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(
		    shunt_client_send(w.client, "a", 1, &first, NULL), 0);
		for (int i = 1; i < SHUNT_CALLS_OPEN; i++)
			assert_int_equal(
			    shunt_client_send(w.client, "x", 1, &id[i], &now),
			    0);
		assert_int_equal(
		    shunt_client_send(w.client, "y", 1, NULL, &now), -EBUSY);
		/* Out of the middle, with an older one still open. */
		for (int i = SHUNT_CALLS_OPEN - 2; i > 0; i -= 2)
			assert_int_equal(
			    shunt_client_cancel(w.client, id[i]), 0);
		for (int i = 1; i < SHUNT_CALLS_OPEN; i += 2)
			assert_int_equal(
			    shunt_client_cancel(w.client, id[i]), 0);
		assert_int_equal(
		    shunt_client_send(w.client, "bc", 2, &more, &now), 0);
		echo(w.service);
		echo(w.service);
		assert_int_equal(
		    shunt_client_poll(w.client, id, 8, &info, NULL), 1);
		assert_true(info.id == first);
		assert_int_equal(
		    shunt_client_poll(w.client, id, 8, &info, NULL), 2);
		assert_true(info.id == more);
		assert_int_equal(
		    shunt_client_poll(w.client, id, 8, &info, NULL), -ENOENT);
	}
	/* What nobody serves, found out by asking, and not told yet. */
	struct shunt_wait_item item = {.end = shunt_client_end(w.client)};
	shunt_service_close(&w.service);
	assert_int_equal(
	    shunt_client_call(w.client, "z", 1, NULL, 0, NULL, &served),
	    SHUNT_E_NOSERVER);
	assert_int_equal(shunt_client_send(w.client, "z", 1, &more, NULL), 0);
	assert_int_equal(shunt_wait(&item, 1, SHUNT_FOREVER), 1);
	assert_int_equal(item.ready, SHUNT_E_NOSERVER);
	assert_int_equal(shunt_client_cancel(w.client, more), 0);
	shunt_client_close(&w.client);
	assert_false(test_there(w.name));
}

/* Words that lie where a server would find the request: the client does not
 * wait for ever, and once they are right again the service goes on. */
static void
a_lane_that_lies_is_told_to_both(void **state)
{
	static const struct shunt_call_options surely = {
	    .sz = sizeof(surely), .wait_ns = 20000 * (int64_t)MS};
	char buf[64];
	const void *msg;

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct ends w;
		fresh(&w);
		assert_int_equal(
		    shunt_client_send(w.client, "first", 5, NULL, NULL), 0);
		echo(w.service);
		assert_int_equal(
		    shunt_client_poll(w.client, buf, 64, NULL, NULL), 5);
		/* One that remembers where it was would not look. */
		shunt_service_close(&w.service);
		assert_int_equal(
		    shunt_service_open(&w.service, w.name, &small), 0);
		struct shunt__object *obj = w.service->obj;
		struct shunt__lane_lay *ctl = shunt__object_lane(obj, 0),
				       *back = shunt__object_lane(obj, 1);
		uint64_t tail = shunt__load64(&ctl->ln_tail);
		struct shunt__u64 *words[] = {
		    shunt__lane_word(shunt__object_ring(obj, 0), 4096, tail),
		    shunt__lane_word(shunt__object_ring(obj, 0), 4096, tail),
		    shunt__lane_word(shunt__object_ring(obj, 0), 4096, tail),
		    &ctl->ln_tail, &back->ln_tail, NULL};
		const uint64_t lies[] = {
		    0, UINT64_MAX, SHUNT__LANE_REC | 100, tail + 8, 4, 0};
		assert_int_equal(
		    shunt_client_send(w.client, "12345678", 8, NULL, NULL), 0);
		uint64_t truth = words[i] ? shunt__load64(words[i]) : 0;
		if (words[i] != NULL)
			shunt__store64(words[i], lies[i]);
		else
			shunt__store32(&obj->control->ct_high, 0);
		ssize_t n = shunt_service_next(w.service, &msg, NULL, &now);
		if (i == 1 || i == 4) {
			assert_int_equal(n, SHUNT_E_CORRUPT);
			/* Once. */
			n = shunt_service_next(w.service, &msg, NULL, &brief);
			assert_int_equal(n, -ETIMEDOUT);
		}
		if (i == 2) { /* a request, of another length */
			assert_int_equal(n, 92);
			assert_int_equal(
			    shunt_service_reply(w.service, 0, "", 0), 0);
		}
		n = shunt_client_poll(w.client, buf, 64, NULL, &surely);
		if (i == 2)
			assert_int_equal(n, 0);
		else
			assert_int_equal(n, SHUNT_E_CORRUPT);
		if (words[i] != NULL)
			shunt__store64(words[i], truth);
		else
			shunt__store32(&obj->control->ct_high, 2);
		if (i != 2) {
			echo(w.service);
			assert_int_equal(
			    shunt_client_poll(w.client, buf, 64, NULL, &surely),
			    8);
			assert_memory_equal(buf, "12345678", 8);
		}
		shunt_client_close(&w.client);
		shunt_service_close(&w.service);
		unlink(test_path(w.name));
	}
}

static void
finished_is_drained_then_closed(void **state)
{
	struct ends w;
	const void *msg;
	char buf[1];

	(void)state;
	fresh(&w);
	assert_int_equal(shunt_client_send(w.client, "a", 1, NULL, NULL), 0);
	assert_int_equal(shunt_client_send(w.client, "b", 1, NULL, NULL), 0);
	assert_int_equal(shunt_service_finish(w.service), 0);
	assert_int_equal(
	    shunt_client_send(w.client, "c", 1, NULL, NULL), SHUNT_E_CLOSED);
	echo(w.service);
	echo(w.service);
	assert_int_equal(
	    shunt_service_next(w.service, &msg, NULL, &now), SHUNT_E_CLOSED);
	assert_int_equal(
	    shunt_service_next(w.service, &msg, NULL, NULL), SHUNT_E_CLOSED);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    shunt_client_poll(w.client, buf, 1, NULL, NULL), 1);
	done(&w);
}

/* A call that was sent at the moment of the end, with no server left. */
static void
finished_with_nobody_left(void **state)
{
	struct ends w;

	(void)state;
	fresh(&w);
	assert_int_equal(shunt_client_send(w.client, "a", 1, NULL, NULL), 0);
	assert_int_equal(shunt_service_finish(w.service), 0);
	shunt_service_close(&w.service);
	assert_int_equal(
	    shunt_client_poll(w.client, NULL, 0, NULL, NULL), SHUNT_E_CLOSED);
	shunt_client_close(&w.client);
	assert_false(test_there(w.name));
}

static void
a_new_owner_of_the_lanes_starts_clean(void **state)
{
	struct shunt_service_options one = small;
	const char *name = test_name("call");
	struct shunt_client *client;
	struct shunt_service *service;
	struct shunt_reply info = {.sz = sizeof(info)};
	uint64_t first, second;
	const void *msg;
	char c = 0;

	(void)state;
	one.clients = 1;
	assert_int_equal(shunt_service_open(&service, name, &one), 1);
	assert_int_equal(shunt_client_open(&client, name, NULL), 0);
	/* A reply that nobody read, and one that comes late. */
	assert_int_equal(shunt_client_send(client, "a", 1, NULL, NULL), 0);
	assert_int_equal(shunt_client_send(client, "b", 1, &first, NULL), 0);
	echo(service);
	assert_int_equal(shunt_service_next(service, &msg, NULL, NULL), 1);
	shunt_client_close(&client);
	assert_int_equal(shunt_service_cancelled(service), 1);
	assert_int_equal(shunt_client_open(&client, name, NULL), 0);
	assert_int_equal(shunt_client_send(client, "c", 1, &second, NULL), 0);
	assert_true(second > first);
	assert_int_equal(shunt_service_reply(service, 0, "b", 1), 0);
	echo(service);
	assert_int_equal(shunt_client_poll(client, &c, 1, &info, NULL), 1);
	assert_int_equal(c, 'c');
	assert_true(info.id == second);
	shunt_client_close(&client);
	shunt_service_close(&service);
	assert_false(test_there(name));
}

/* While nobody serves, each call is given up, and lies there until somebody
 * does. */
static void
clients_that_come_and_go_do_not_take_all_lanes(void **state)
{
	struct shunt_client *keeper, *client;
	const char *name = test_name("call");
	struct shunt_service *service;
	const void *msg;

	(void)state;
	assert_int_equal(shunt_client_open(&keeper, name, &small), 1);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(shunt_client_open(&client, name, &small), 0);
		assert_int_equal(
		    shunt_client_send(client, "given up", 8, NULL, &now), 0);
		shunt_client_close(&client);
	}
	assert_int_equal(shunt__object_high(keeper->obj), 2);
	/* But nobody stands behind one that is still to be served. */
	assert_int_equal(shunt_client_open(&client, name, &small), 0);
	assert_int_equal(shunt_client_send(client, "a", 1, NULL, &now), 0);
	assert_int_equal(shunt_client_send(keeper, "bb", 2, NULL, &now), 0);
	assert_int_equal(shunt__object_high(keeper->obj), 4);
	assert_int_equal(shunt_service_open(&service, name, &small), 0);
	for (ssize_t len = 1; len <= 2; len++) {
		assert_int_equal(
		    shunt_service_next(service, &msg, NULL, NULL), len);
		assert_int_equal(shunt_service_reply(service, 0, NULL, 0), 0);
	}
	assert_int_equal(shunt_client_poll(client, NULL, 0, NULL, NULL), 0);
	assert_int_equal(shunt_client_poll(keeper, NULL, 0, NULL, NULL), 0);
	shunt_client_close(&client);
	shunt_client_close(&keeper);
	shunt_service_close(&service);
	assert_false(test_there(name));
}

static void
slots_lanes_and_options(void **state)
{
	struct shunt_service_options o = small;
	struct shunt_service *more[64] = {NULL};
	struct shunt_call_options bad = {.sz = sizeof(bad), .flags = 8};
	struct ends w;
	struct shunt_client *c[5];
	const void *msg;
	int e = 0, n;

	(void)state;
	fresh(&w);
	for (n = 0; n < 64 && e == 0; n++)
		e = shunt_service_open(&more[n], w.name, NULL);
	assert_int_equal(e, SHUNT_E_SLOTS);
	assert_detail("servers serve it already");
	for (int i = 0; i < n; i++)
		shunt_service_close(&more[i]);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(shunt_client_open(&c[i], w.name, NULL), 0);
		assert_int_equal(shunt_client_send(c[i], "", 0, NULL, &now),
		    i < 4 ? 0 : SHUNT_E_SLOTS);
	}
	for (int i = 0; i < 5; i++)
		shunt_client_close(&c[i]);
	assert_int_equal(
	    shunt_client_call(w.client, "", 0, NULL, 0, NULL, &bad), -EINVAL);
	assert_int_equal(
	    shunt_client_call(w.client, "", 0, NULL, 0, NULL, &now), -EAGAIN);
	assert_int_equal(
	    shunt_service_next(w.service, &msg, NULL, &now), -EAGAIN);
	o.clients = 2049;
	assert_int_equal(
	    shunt_client_open(&c[0], test_name("call"), &o), -EINVAL);
	assert_detail("at most 2048");
	o = small;
	o.flags = 64;
	assert_int_equal(
	    shunt_service_open(&more[0], test_name("call"), &o), -EINVAL);
	o.flags = SHUNT_SERVICE_EXCLUSIVE;
	assert_int_equal(shunt_service_open(&more[0], w.name, &o), -EEXIST);
	o.flags = 0;
	o.type = "other";
	assert_int_equal(
	    shunt_service_open(&more[0], w.name, &o), SHUNT_E_TYPE);
	assert_detail("no type");
	struct shunt_queue *q;
	assert_int_equal(shunt_queue_open(&q, w.name, NULL), SHUNT_E_KIND);
	assert_int_equal(shunt_client_max(NULL), 0);
	assert_int_equal(shunt_client_send(NULL, "", 0, NULL, NULL), -EINVAL);
	assert_int_equal(shunt_service_next(NULL, &msg, NULL, NULL), -EINVAL);
	done(&w);
}

static int
readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0);
}

/* And who polls for his reply does not sleep on. */
static void
a_lane_that_lies_wakes_who_polls(void **state)
{
	struct ends w;
	const void *msg;

	(void)state;
	fresh(&w);
	int fd = shunt_client_fd(w.client);
	assert_true(fd >= 0);
	assert_int_equal(shunt_client_send(w.client, "x", 1, NULL, NULL), 0);
	while (readable(fd))
		assert_int_equal(
		    shunt_client_poll(w.client, NULL, 0, NULL, &now), -EAGAIN);
	struct shunt__u64 *head = (void *)shunt__object_ring(w.service->obj, 0);
	uint64_t truth = shunt__load64(head);
	shunt__store64(head, UINT64_MAX);
	assert_int_equal(
	    shunt_service_next(w.service, &msg, NULL, &now), SHUNT_E_CORRUPT);
	assert_int_equal(readable(fd), 1);
	assert_int_equal(
	    shunt_client_poll(w.client, NULL, 0, NULL, &now), SHUNT_E_CORRUPT);
	shunt__store64(head, truth);
	done(&w);
}

static void
descriptors_and_ends(void **state)
{
	struct shunt_wait_item items[2];
	struct ends w;
	const void *msg;
	char c;

	(void)state;
	fresh(&w);
	int fd = shunt_client_fd(w.client), at = shunt_service_fd(w.service);
	assert_true(fd >= 0 && at >= 0 && fd != at);
	assert_int_equal(shunt_client_fd(w.client), fd);
	for (int i = 0; i < 3; i++) {
		/* What the other did to its file may show in both. */
		assert_int_equal(
		    shunt_service_next(w.service, &msg, NULL, &now), -EAGAIN);
		assert_int_equal(
		    shunt_service_next(w.service, &msg, NULL, &now), -EAGAIN);
		assert_int_equal(readable(at), 0);
		assert_int_equal(
		    shunt_client_send(w.client, "x", 1, NULL, NULL), 0);
		assert_int_equal(readable(at), 1);
		assert_int_equal(
		    shunt_client_poll(w.client, &c, 1, NULL, &now), -EAGAIN);
		assert_int_equal(readable(fd), 0);
		echo(w.service);
		assert_int_equal(readable(fd), 1);
		assert_int_equal(
		    shunt_client_poll(w.client, &c, 1, NULL, &now), 1);
	}
	items[0].end = shunt_client_end(w.client);
	items[1].end = shunt_service_end(w.service);
	assert_int_equal(shunt_wait(items, 2, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(shunt_client_send(w.client, "x", 1, NULL, NULL), 0);
	assert_int_equal(shunt_wait(items, 2, SHUNT_FOREVER), 1);
	assert_int_equal(items[1].ready, 1);
	echo(w.service);
	assert_int_equal(shunt_wait(items, 2, SHUNT_FOREVER), 1);
	assert_int_equal(items[0].ready, 1);
	assert_int_equal(shunt_client_poll(w.client, &c, 1, NULL, &now), 1);
	done(&w);
}

/* In a loop of poll(2) beside other things nobody may have asked anything. */
static void
a_client_with_no_call_open_is_not_readable(void **state)
{
	struct ends w;
	char c;

	(void)state;
	fresh(&w);
	int fd = shunt_client_fd(w.client);
	assert_int_equal(readable(fd), 1); /* look first */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    shunt_client_poll(w.client, &c, 1, NULL, &now), -ENOENT);
		assert_int_equal(readable(fd), 0);
		assert_int_equal(
		    shunt_client_send(w.client, "x", 1, NULL, NULL), 0);
		echo(w.service);
		assert_int_equal(readable(fd), 1);
		assert_int_equal(
		    shunt_client_poll(w.client, &c, 1, NULL, &now), 1);
	}
	done(&w);
}

/* ---- threads ---- */

#define THREADS 4
#define CALLS   3000

static void *
serve(void *arg)
{
	struct shunt_service *s;
	const void *msg;
	ssize_t n;

	assert_true(shunt_service_open(&s, arg, NULL) >= 0);
	while ((n = shunt_service_next(s, &msg, NULL, NULL)) >= 0) {
		uint64_t twice;
		if (n != sizeof(twice))
			break;
		memcpy(&twice, msg, sizeof(twice));
		twice *= 2;
		if (shunt_service_reply(s, 1, &twice, sizeof(twice)) != 0)
			break;
	}
	shunt_service_close(&s);
	return (void *)(intptr_t)n;
}

struct many {
	struct shunt_client *client;
	uint64_t first;
};

static void *
call_many(void *arg)
{
	struct many *m = arg;

	for (uint64_t i = 0; i < CALLS; i++) {
		uint64_t x = m->first + i, y = 0;
		if (shunt_client_call(m->client, &x, sizeof(x), &y, sizeof(y),
			NULL, NULL) != sizeof(y) ||
		    y != 2 * x)
			return (void *)1;
	}
	return NULL;
}

static void
threads_call_threads(void **state)
{
	pthread_t servers[2], callers[THREADS];
	struct many many[THREADS];
	struct shunt_service_options o = {.sz = sizeof(o), .lane_bytes = 8192};
	const char *name = test_name("call");
	struct shunt_client *client;
	struct shunt_service *ender;
	void *result;

	(void)state;
	assert_int_equal(shunt_client_open(&client, name, &o), 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&servers[i], NULL, serve,
				     (void *)(uintptr_t)name),
		    0);
	for (uint64_t i = 0; i < THREADS; i++) {
		many[i] = (struct many){client, i << 32};
		assert_int_equal(
		    pthread_create(&callers[i], NULL, call_many, &many[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(callers[i], &result), 0);
		assert_null(result);
	}
	assert_int_equal(shunt_service_open(&ender, name, NULL), 0);
	assert_int_equal(shunt_service_finish(ender), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(servers[i], &result), 0);
		assert_int_equal((intptr_t)result, SHUNT_E_CLOSED);
	}
	shunt_service_close(&ender);
	shunt_client_close(&client);
	assert_false(test_there(name));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(requests_and_replies_of_every_length),
	    TEST(several_open_are_answered_in_order),
	    TEST(in_place_both_ways),
	    TEST(a_reply_longer_than_the_room_stays),
	    TEST(time_is_over_and_the_late_reply_is_dropped),
	    TEST(what_is_cancelled_in_the_middle_is_skipped),
	    TEST(nobody_serves),
	    TEST(two_servers_share_clients_but_not_a_lane),
	    TEST(servers_take_turns_round_the_rings),
	    TEST(a_client_that_does_not_read_tries_patience),
	    TEST(patience_is_tried_once),
	    TEST(nobody_waits_to_reply_to_a_call_given_up),
	    TEST(what_is_cancelled_is_not_open),
	    TEST(a_lane_that_lies_is_told_to_both),
	    TEST(finished_is_drained_then_closed),
	    TEST(finished_with_nobody_left),
	    TEST(a_new_owner_of_the_lanes_starts_clean),
	    TEST(clients_that_come_and_go_do_not_take_all_lanes),
	    TEST(slots_lanes_and_options),
	    TEST(a_lane_that_lies_wakes_who_polls),
	    TEST(descriptors_and_ends),
	    TEST(a_client_with_no_call_open_is_not_readable),
	    TEST(threads_call_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
