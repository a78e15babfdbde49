/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* The topic as its header page describes it, call by call. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <shunt.h>

#include "lib/peers.h"

static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_now = {
    .sz = sizeof(recv_now), .wait_ns = SHUNT_NOWAIT};

static const char *name;

/* A topic of small rings. */
static struct shunt_publisher *
publisher(uint32_t policy)
{
	struct shunt_publisher_options o = {.sz = sizeof(o),
	    .lane_bytes = 4096,
	    .publishers = 4,
	    .subscribers = 4,
	    .policy = policy};
	struct shunt_publisher *pub;

	assert_in_range(shunt_publisher_open(&pub, name, &o), 0, 1);
	return pub;
}

static struct shunt_publisher *
fresh(uint32_t policy)
{
	name = test_name("topic");
	return publisher(policy);
}

static struct shunt_subscriber *
subscriber(uint32_t history, uint32_t flags)
{
	struct shunt_subscriber_options o = {
	    .sz = sizeof(o), .history = history, .flags = flags};
	struct shunt_subscriber *sub;

	assert_int_equal(shunt_subscriber_open(&sub, name, &o), 0);
	return sub;
}

static void
publish(struct shunt_publisher *pub, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		assert_int_equal(
		    shunt_publisher_send(pub, &i, sizeof(i), &send_now), 0);
}

static int64_t
next(struct shunt_subscriber *sub)
{
	uint64_t got = 0;
	ssize_t n =
	    shunt_subscriber_recv(sub, &got, sizeof(got), NULL, &recv_now);

	if (n < 0)
		return n;
	assert_int_equal(n, sizeof(got));
	return (int64_t)got;
}

/* The next ones are these, and no more. */
static void
expect(struct shunt_subscriber *sub, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++)
		assert_int_equal(next(sub), i);
	assert_int_equal(next(sub), -EAGAIN);
}

static void
every_subscriber_gets_messages_of_every_length(void **state)
{
	unsigned char out[1024], in[1024];
	struct shunt_publisher *pub = fresh(0);
	struct shunt_subscriber *sub[3];
	struct shunt_topic_message info = {.sz = sizeof(info)};
	size_t max = shunt_publisher_max(pub);

	(void)state;
	assert_int_equal(max, 1024 - 16);
	for (int k = 0; k < 3; k++)
		sub[k] = subscriber(0, 0);
	for (size_t len = 0; len <= max; len++) {
		memset(out, (int)len, len);
		assert_int_equal(
		    shunt_publisher_send(pub, len ? out : NULL, len, NULL), 0);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(shunt_subscriber_recv(sub[k], in,
					     sizeof(in), &info, NULL),
			    len);
			assert_memory_equal(in, out, len);
			assert_int_equal(info.sequence, len);
			assert_int_equal(info.lost, 0);
			assert_int_equal(info.len, len);
		}
	}
	assert_int_equal(
	    shunt_publisher_send(pub, out, max + 1, NULL), -EMSGSIZE);
	assert_int_equal(
	    shunt_publisher_send(pub, out, SIZE_MAX, NULL), -EMSGSIZE);
	for (int k = 0; k < 3; k++) {
		assert_int_equal(shunt_subscriber_lost(sub[k]), 0);
		expect(sub[k], 0, 0);
		shunt_subscriber_close(&sub[k]);
	}
	shunt_publisher_close(&pub);
	assert_false(test_there(name));
}

static void
a_late_joiner_gets_what_it_asks_for(void **state)
{
	struct shunt_publisher *pub = fresh(0);
	struct shunt_subscriber *sub;

	(void)state;
	publish(pub, 0, 50);
	for (uint32_t history = 0; history <= 50; history++) {
		sub = subscriber(history, 0);
		assert_int_equal(shunt_subscriber_lag(sub), history);
		expect(sub, 50 - (int64_t)history, 50);
		shunt_subscriber_close(&sub);
	}
	sub = subscriber(1000, 0);
	expect(sub, 0, 50);
	assert_int_equal(shunt_subscriber_lost(sub), 0);
	shunt_subscriber_close(&sub);
	/* Around the ring, often: what is still there. */
	publish(pub, 50, 2000);
	sub = subscriber(SHUNT_TOPIC_ALL, 0);
	int64_t first = next(sub);
	assert_in_range(first, 2000 - 4096 / 24, 2000 - 3 * 4096 / 4 / 24);
	expect(sub, first + 1, 2000);
	assert_int_equal(shunt_subscriber_lost(sub), 0);
	shunt_subscriber_close(&sub);
	sub = subscriber(1, SHUNT_TOPIC_READONLY);
	expect(sub, 1999, 2000);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

static void
the_last_value_stays_whatever_its_length(void **state)
{
	struct shunt_publisher *pub = fresh(0);
	size_t max = shunt_publisher_max(pub);
	unsigned char out[1024], in[1024];
	uint64_t seed = 7;
	void *room;

	(void)state;
	for (int i = 0; i < 500; i++) {
		size_t len = test_random(&seed) % (max + 1);
		if (i % 3 == 0)
			len = max;
		memset(out, i, len);
		assert_int_equal(shunt_publisher_send(pub, out, len, NULL), 0);
		/* Also while the next one is being written. */
		assert_int_equal(
		    shunt_publisher_reserve(pub, max, &room, NULL), 0);
		memset(room, 255, max);
		struct shunt_subscriber *sub = subscriber(1, 0);
		assert_int_equal(
		    shunt_subscriber_recv(sub, in, sizeof(in), NULL, &recv_now),
		    len);
		assert_memory_equal(in, out, len);
		shunt_subscriber_close(&sub);
		shunt_publisher_abort(pub);
	}
	shunt_publisher_close(&pub);
}

static void
lossy_counts_exactly(void **state)
{
	struct shunt_publisher *pub = fresh(SHUNT_TOPIC_LOSSY);
	struct shunt_subscriber *sub = subscriber(0, 0);
	struct shunt_topic_message info = {.sz = sizeof(info)};
	uint64_t sent = 0, got = 0, lost = 0, seed = 3, value, last = 0;

	(void)state;
	for (int round = 0; round < 300; round++) {
		uint64_t n = test_random(&seed) % 700;
		publish(pub, sent, sent + n);
		sent += n;
		n = test_random(&seed) % 400;
		while (n-- > 0 && shunt_subscriber_recv(sub, &value,
				      sizeof(value), &info, &recv_now) >= 0) {
			assert_int_equal(info.sequence, value);
			assert_true(got == 0 || value > last);
			last = value;
			lost += info.lost;
			got++;
		}
		assert_int_equal(shunt_subscriber_lost(sub), lost);
		assert_int_equal(shunt_subscriber_lag(sub), sent - got - lost);
	}
	while (shunt_subscriber_recv(
		   sub, &value, sizeof(value), NULL, &recv_now) >= 0)
		got++;
	assert_int_equal(got + shunt_subscriber_lost(sub), sent);
	assert_true(shunt_subscriber_lost(sub) > 0);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

static void
a_lap_exactly_is_seen(void **state)
{
	struct shunt_publisher *pub = fresh(SHUNT_TOPIC_LOSSY);
	struct shunt_subscriber *sub = subscriber(0, 0);

	(void)state;
	/* 16 bytes each, 256 in a ring: its end is where we stand. */
	for (int i = 0; i < 256; i++)
		assert_int_equal(shunt_publisher_send(pub, NULL, 0, NULL), 0);
	assert_int_equal(
	    shunt_subscriber_recv(sub, NULL, 0, NULL, &recv_now), 0);
	assert_in_range(shunt_subscriber_lost(sub), 1, 64);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

static void
evict_tells_once(void **state)
{
	struct shunt_publisher *pub = fresh(SHUNT_TOPIC_EVICT);
	struct shunt_subscriber *sub = subscriber(0, 0);
	struct shunt_subscriber *quick = subscriber(0, 0);

	(void)state;
	publish(pub, 0, 100);
	for (int64_t i = 0; i < 50; i++)
		assert_int_equal(next(sub), i);
	expect(quick, 0, 100);
	publish(pub, 100, 200);
	expect(quick, 100, 200);
	publish(pub, 200, 300);
	expect(quick, 200, 300);
	assert_int_equal(next(sub), SHUNT_E_EVICTED);
	int64_t first = next(sub);
	assert_true(first > 50);
	assert_int_equal(shunt_subscriber_lost(sub), first - 50);
	expect(sub, first + 1, 300);
	publish(pub, 300, 900);
	assert_true(next(sub) > 600);
	assert_int_equal(next(quick), SHUNT_E_EVICTED);
	shunt_subscriber_close(&sub);
	shunt_subscriber_close(&quick);
	shunt_publisher_close(&pub);
}

static void
what_is_told_once_is_told_by_a_receiving_call(void **state)
{
	struct shunt_publisher *pub = fresh(SHUNT_TOPIC_EVICT);
	struct shunt_subscriber *sub = subscriber(0, 0);
	struct shunt_wait_item item = {.end = shunt_subscriber_end(sub)};
	char buf[64] = {0};

	(void)state;
	publish(pub, 0, 5);
	expect(sub, 0, 5);
	/* Longer ones: where it stands is no header any more. */
	for (int i = 0; i < 1000; i++)
		assert_int_equal(shunt_publisher_send(pub, buf, 40, NULL), 0);
	/* Ready stays ready until its handle has received. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(shunt_wait(&item, 1, SHUNT_NOWAIT), 1);
		assert_int_equal(item.ready, SHUNT_E_EVICTED);
	}
	assert_int_equal(next(sub), SHUNT_E_EVICTED);
	uint64_t got = 5;
	while (
	    shunt_subscriber_recv(sub, buf, sizeof(buf), NULL, &recv_now) == 40)
		got++;
	assert_true(got > 50);
	assert_int_equal(got + shunt_subscriber_lost(sub), 1005);
	assert_int_equal(shunt_wait(&item, 1, SHUNT_NOWAIT), -EAGAIN);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

static void
block_waits_for_the_slowest(void **state)
{
	struct shunt_send_options brief = {
	    .sz = sizeof(brief), .wait_ns = 20 * (int64_t)MS};
	struct shunt_publisher *pub = fresh(SHUNT_TOPIC_BLOCK);
	struct shunt_subscriber *sub[2] = {subscriber(0, 0), subscriber(0, 0)};
	struct shunt_subscriber *look = subscriber(0, SHUNT_TOPIC_READONLY);
	uint64_t sent = 0;
	int e;

	(void)state;
	while ((e = shunt_publisher_send(
		    pub, &sent, sizeof(sent), &send_now)) == 0)
		sent++;
	assert_int_equal(e, -EAGAIN);
	assert_in_range(sent, 4096 / 24 * 3 / 4, 4096 / 24);
	uint64_t begin = test_now();
	assert_int_equal(
	    shunt_publisher_send(pub, &sent, sizeof(sent), &brief), -ETIMEDOUT);
	assert_in_range(test_now() - begin, 20 * MS, 5000 * MS);
	expect(sub[0], 0, (int64_t)sent);
	assert_int_equal(
	    shunt_publisher_send(pub, &sent, sizeof(sent), &send_now), -EAGAIN);
	expect(sub[1], 0, (int64_t)sent);
	publish(pub, sent, sent + 50);
	expect(sub[0], (int64_t)sent, (int64_t)sent + 50);
	/* Who leaves is waited for no more. */
	sent += 50;
	uint64_t at = sent;
	while (shunt_publisher_send(pub, &sent, sizeof(sent), &send_now) == 0)
		sent++;
	shunt_subscriber_close(&sub[1]);
	expect(sub[0], (int64_t)at, (int64_t)sent);
	publish(pub, sent, sent + 1);
	/* Who has only looked on was not waited for, and can count. */
	uint64_t got = 0;
	while (next(look) >= 0)
		got++;
	assert_int_equal(got + shunt_subscriber_lost(look), sent + 1);
	shunt_subscriber_close(&look);
	shunt_subscriber_close(&sub[0]);
	shunt_publisher_close(&pub);
}

static void
drop_counts_and_shows_the_gap(void **state)
{
	struct shunt_publisher *pub = fresh(SHUNT_TOPIC_DROP);
	struct shunt_subscriber *sub = subscriber(0, 0);
	uint64_t sent = 0;
	void *room;

	(void)state;
	while (shunt_publisher_send(pub, &sent, sizeof(sent), NULL) == 0)
		sent++;
	assert_int_equal(shunt_publisher_send(pub, &sent, sizeof(sent), NULL),
	    SHUNT_E_DROPPED);
	assert_int_equal(
	    shunt_publisher_reserve(pub, 8, &room, NULL), SHUNT_E_DROPPED);
	expect(sub, 0, (int64_t)sent);
	assert_int_equal(shunt_subscriber_lost(sub), 0);
	publish(pub, sent + 3, sent + 4);
	expect(sub, (int64_t)sent + 3, (int64_t)sent + 4);
	assert_int_equal(shunt_subscriber_lost(sub), 3);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

/* As many as there is room for; those of @drops behind are dropped. */
static uint64_t
fill_and_drop(struct shunt_publisher *pub, int drops)
{
	uint64_t sent = 0;

	while (shunt_publisher_send(pub, &sent, sizeof(sent), NULL) == 0)
		sent++;
	while (--drops > 0)
		assert_int_equal(
		    shunt_publisher_send(pub, &sent, sizeof(sent), NULL),
		    SHUNT_E_DROPPED);
	return sent;
}

static void
drops_are_counted_also_if_their_publisher_is_gone(void **state)
{
	struct shunt_publisher *pub = fresh(SHUNT_TOPIC_DROP);
	struct shunt_subscriber *sub = subscriber(0, 0);
	uint64_t sent = fill_and_drop(pub, 5);

	(void)state;
	shunt_publisher_close(&pub);
	expect(sub, 0, (int64_t)sent);
	pub = publisher(0);
	publish(pub, sent + 5, sent + 6);
	expect(sub, (int64_t)sent + 5, (int64_t)sent + 6);
	assert_int_equal(shunt_subscriber_lost(sub), 5);
	/* Once is enough. */
	shunt_publisher_close(&pub);
	pub = publisher(0);
	publish(pub, sent + 6, sent + 7);
	expect(sub, (int64_t)sent + 6, (int64_t)sent + 7);
	assert_int_equal(shunt_subscriber_lost(sub), 5);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

static void
what_was_dropped_before_it_came_is_no_loss(void **state)
{
	struct shunt_publisher *pub = fresh(SHUNT_TOPIC_DROP);
	struct shunt_subscriber *sub = subscriber(0, 0), *late;
	uint64_t sent = fill_and_drop(pub, 5);

	(void)state;
	late = subscriber(0, 0);
	expect(sub, 0, (int64_t)sent);
	publish(pub, sent, sent + 1);
	expect(sub, (int64_t)sent, (int64_t)sent + 1);
	expect(late, (int64_t)sent, (int64_t)sent + 1);
	assert_int_equal(shunt_subscriber_lost(sub), 5);
	assert_int_equal(shunt_subscriber_lost(late), 0);
	shunt_subscriber_close(&late);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

static void
history_counts_messages_and_not_the_gaps(void **state)
{
	struct shunt_publisher *pub = fresh(SHUNT_TOPIC_DROP);
	struct shunt_subscriber *sub = subscriber(0, 0), *late;
	int64_t sent = (int64_t)fill_and_drop(pub, 50);

	(void)state;
	expect(sub, 0, sent);
	publish(pub, 1000, 1002);
	for (uint32_t history = 1; history < 20; history++) {
		late = subscriber(history, 0);
		for (int64_t i = 2 - (int64_t)history; i < 0; i++)
			assert_int_equal(next(late), sent + i);
		expect(late, history == 1 ? 1001 : 1000, 1002);
		shunt_subscriber_close(&late);
	}
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

static void
batches_arrive_whole_and_in_order(void **state)
{
	struct shunt_publisher *pub = fresh(SHUNT_TOPIC_BLOCK);
	struct shunt_subscriber *sub = subscriber(0, 0);
	uint64_t seed = 5, sent = 0, numbers[64];
	struct iovec msgs[64];
	unsigned char big[1024] = {0};

	(void)state;
	for (int i = 0; i < 64; i++)
		msgs[i] = (struct iovec){&numbers[i], 8};
	for (int round = 0; round < 500; round++) {
		int n = (int)(test_random(&seed) % 65);
		for (int i = 0; i < n; i++)
			numbers[i] = sent + (uint64_t)i;
		assert_int_equal(
		    shunt_publisher_send_batch(pub, msgs, n, &send_now), n);
		expect(sub, (int64_t)sent, (int64_t)sent + n);
		sent += (uint64_t)n;
	}
	assert_int_equal(shunt_subscriber_lost(sub), 0);
	/* As many as there is room for. */
	for (int i = 0; i < 8; i++)
		msgs[i] = (struct iovec){big, 1000};
	int n = shunt_publisher_send_batch(pub, msgs, 8, &send_now);
	assert_in_range(n, 1, 4);
	assert_int_equal(
	    shunt_publisher_send_batch(pub, msgs, 8, &send_now), -EAGAIN);
	while (n-- > 0)
		assert_int_equal(shunt_subscriber_recv(
				     sub, big, sizeof(big), NULL, &recv_now),
		    1000);
	msgs[3].iov_len = 1009;
	assert_int_equal(
	    shunt_publisher_send_batch(pub, msgs, 8, NULL), -EMSGSIZE);
	assert_int_equal(next(sub), -EAGAIN);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

static void
gathered_from_pieces_of_any_length(void **state)
{
	struct shunt_publisher *pub = fresh(0);
	struct shunt_subscriber *sub = subscriber(0, 0);
	unsigned char out[1000], in[1000];
	uint64_t seed = 11;

	(void)state;
	for (int i = 0; i < 1000; i++)
		out[i] = (unsigned char)(i * 7);
	for (int round = 0; round < 500; round++) {
		struct iovec iov[6];
		size_t len = 0;
		for (int k = 0; k < 6; k++) {
			iov[k].iov_base = out + len;
			iov[k].iov_len = test_random(&seed) % 40;
			len += iov[k].iov_len;
		}
		assert_int_equal(shunt_publisher_sendv(pub, iov, 6, NULL), 0);
		assert_int_equal(
		    shunt_subscriber_recv(sub, in, sizeof(in), NULL, &recv_now),
		    len);
		assert_memory_equal(in, out, len);
	}
	struct iovec huge[2] = {{out, SIZE_MAX}, {out, 2}};
	assert_int_equal(shunt_publisher_sendv(pub, huge, 2, NULL), -EINVAL);
	assert_int_equal(shunt_publisher_sendv(pub, huge, -1, NULL), -EINVAL);
	assert_int_equal(shunt_publisher_sendv(pub, NULL, 0, NULL), 0);
	assert_int_equal(
	    shunt_subscriber_recv(sub, in, sizeof(in), NULL, &recv_now), 0);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

static void
a_look_in_place_knows_when_it_was_overwritten(void **state)
{
	struct shunt_publisher *pub = fresh(0);
	struct shunt_subscriber *sub = subscriber(0, 0);
	struct shunt_topic_message info = {.sz = sizeof(info)};
	const void *msg, *again;
	uint64_t sent = 0;

	(void)state;
	assert_int_equal(shunt_subscriber_valid(sub), 0);
	assert_int_equal(shunt_subscriber_release(sub), -EINVAL);
	publish(pub, 0, 3);
	assert_int_equal(shunt_subscriber_peek(sub, &msg, &info, NULL), 8);
	assert_int_equal(shunt_subscriber_peek(sub, &again, NULL, NULL), 8);
	assert_ptr_equal(msg, again);
	assert_int_equal(*(const uint64_t *)msg, 0);
	assert_int_equal(shunt_subscriber_valid(sub), 1);
	assert_int_equal(shunt_subscriber_release(sub), 0);
	assert_int_equal(shunt_subscriber_peek(sub, &msg, &info, NULL), 8);
	for (sent = 3; shunt_subscriber_valid(sub); sent++) {
		assert_int_equal(*(const uint64_t *)msg, 1);
		publish(pub, sent, sent + 1);
		assert_true(sent < 200);
	}
	assert_true(sent > 100);
	assert_int_equal(shunt_subscriber_release(sub), SHUNT_E_OVERRUN);
	/* A peek that is overtaken before it is taken again goes on. */
	assert_int_equal(shunt_subscriber_peek(sub, &msg, &info, NULL), 8);
	publish(pub, sent, sent + 300);
	sent += 300;
	assert_int_equal(shunt_subscriber_valid(sub), 0);
	assert_int_equal(shunt_subscriber_peek(sub, &msg, &info, NULL), 8);
	assert_int_equal(shunt_subscriber_valid(sub), 1);
	assert_int_equal(*(const uint64_t *)msg, info.sequence);
	assert_int_equal(shunt_subscriber_release(sub), 0);
	uint64_t got = 2;
	while (next(sub) >= 0)
		got++;
	assert_int_equal(got + shunt_subscriber_lost(sub), sent);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

static void
room_is_given_back_and_used(void **state)
{
	struct shunt_publisher *pub = fresh(0);
	struct shunt_subscriber *sub = subscriber(0, 0);
	void *room, *other;

	(void)state;
	assert_int_equal(shunt_publisher_commit(pub, 0), -EINVAL);
	assert_int_equal(shunt_publisher_reserve(pub, 100, &room, NULL), 0);
	assert_int_equal(shunt_publisher_reserve(pub, 8, &other, NULL), -EBUSY);
	assert_int_equal(shunt_publisher_send(pub, room, 8, NULL), -EBUSY);
	assert_int_equal(shunt_publisher_commit(pub, 101), -EINVAL);
	memset(room, 0, 8);
	assert_int_equal(shunt_publisher_commit(pub, 8), 0);
	assert_int_equal(shunt_publisher_reserve(pub, 100, &room, NULL), 0);
	shunt_publisher_abort(pub);
	expect(sub, 0, 1);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

static void
too_little_room_leaves_the_message(void **state)
{
	struct shunt_publisher *pub = fresh(0);
	struct shunt_subscriber *sub = subscriber(0, 0);
	struct shunt_topic_message info = {.sz = sizeof(info)};
	char buf[16];

	(void)state;
	assert_int_equal(shunt_publisher_send(pub, "0123456789", 10, NULL), 0);
	assert_int_equal(
	    shunt_subscriber_recv(sub, buf, 9, &info, NULL), -EMSGSIZE);
	assert_int_equal(info.len, 10);
	assert_int_equal(shunt_subscriber_recv(sub, buf, 10, &info, NULL), 10);
	assert_memory_equal(buf, "0123456789", 10);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

static void
finished_after_what_is_left(void **state)
{
	struct shunt_publisher *pub = fresh(SHUNT_TOPIC_BLOCK);
	struct shunt_subscriber *sub = subscriber(0, 0);

	(void)state;
	publish(pub, 0, 10);
	assert_int_equal(shunt_publisher_finish(pub), 0);
	assert_int_equal(
	    shunt_publisher_send(pub, "x", 1, NULL), SHUNT_E_CLOSED);
	for (int64_t i = 0; i < 10; i++)
		assert_int_equal(next(sub), i);
	assert_int_equal(next(sub), SHUNT_E_CLOSED);
	assert_int_equal(
	    shunt_subscriber_recv(sub, NULL, 0, NULL, NULL), SHUNT_E_CLOSED);
	struct shunt_subscriber *late = subscriber(2, SHUNT_TOPIC_READONLY);
	assert_int_equal(next(late), 8);
	assert_int_equal(next(late), 9);
	assert_int_equal(
	    shunt_subscriber_recv(late, NULL, 0, NULL, NULL), SHUNT_E_CLOSED);
	shunt_subscriber_close(&late);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

static void
subscribers_first_and_publishers_that_come_later(void **state)
{
	struct shunt_subscriber *sub;
	struct shunt_publisher *pub[3];

	(void)state;
	name = test_name("topic");
	struct shunt_subscriber_options o = {.sz = sizeof(o),
	    .policy = SHUNT_TOPIC_BLOCK,
	    .lane_bytes = 4096,
	    .publishers = 3,
	    .subscribers = 1};
	assert_int_equal(shunt_subscriber_open(&sub, name, &o), 1);
	uint64_t sent[3] = {0}, got[3] = {0}, value;
	for (int k = 0; k < 3; k++) {
		pub[k] = publisher(0);
		/* More than a ring takes: the subscriber has not seen it yet
		 * and is waited for all the same. */
		for (int e = 0; e == 0; sent[k] += e == 0) {
			value = (uint64_t)k << 32 | sent[k];
			e = shunt_publisher_send(pub[k], &value, 8, &send_now);
			assert_true(e == 0 || e == -EAGAIN);
		}
		assert_in_range(sent[k], 100, 200);
	}
	int64_t n;
	while ((n = next(sub)) >= 0) {
		assert_int_equal((uint32_t)n, got[n >> 32]);
		got[n >> 32]++;
	}
	for (int k = 0; k < 3; k++) {
		assert_int_equal(got[k], sent[k]);
		shunt_publisher_close(&pub[k]);
	}
	struct shunt_subscriber *more;
	o.flags = SHUNT_TOPIC_EXISTING;
	assert_int_equal(shunt_subscriber_open(&more, name, &o), SHUNT_E_SLOTS);
	assert_detail("no slot for more");
	shunt_subscriber_close(&sub);
	assert_false(test_there(name));
}

static void
lossy_has_room_for_more_than_its_slots(void **state)
{
	struct shunt_publisher *pub = fresh(0);
	struct shunt_subscriber *sub[6];

	(void)state;
	for (int k = 0; k < 6; k++)
		sub[k] = subscriber(0, 0);
	publish(pub, 0, 10);
	for (int k = 0; k < 6; k++) {
		expect(sub[k], 0, 10);
		shunt_subscriber_close(&sub[k]);
	}
	shunt_publisher_close(&pub);
}

static void
a_ring_goes_on_under_its_next_owner(void **state)
{
	struct shunt_publisher *pub = fresh(SHUNT_TOPIC_BLOCK);
	struct shunt_subscriber *sub = subscriber(0, 0);
	struct shunt_topic_message info = {.sz = sizeof(info)};
	uint64_t sent = 0, got = 0, value, seed = 9;

	(void)state;
	for (int life = 0; life < 300; life++) {
		uint64_t n = test_random(&seed) % 60;
		publish(pub, sent, sent + n);
		sent += n;
		while (shunt_subscriber_recv(
			   sub, &value, 8, &info, &recv_now) >= 0) {
			assert_int_equal(value, got);
			assert_int_equal(info.sequence, got);
			assert_int_equal(info.lane, 0);
			got++;
		}
		shunt_publisher_close(&pub);
		pub = publisher(0);
	}
	assert_int_equal(got, sent);
	assert_int_equal(shunt_subscriber_lost(sub), 0);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

static void
wishes_that_contradict(void **state)
{
	struct shunt_publisher *pub = fresh(SHUNT_TOPIC_DROP), *other;
	struct shunt_publisher_options o = {
	    .sz = sizeof(o), .policy = SHUNT_TOPIC_BLOCK};
	struct shunt_subscriber *sub;

	(void)state;
	assert_int_equal(shunt_publisher_open(&other, name, &o), SHUNT_E_TYPE);
	assert_detail("its policy is 'drop', not 'block'");
	o.policy = 5;
	assert_int_equal(shunt_publisher_open(&other, name, &o), -EINVAL);
	o = (struct shunt_publisher_options){.sz = sizeof(o), .type = "tick"};
	assert_int_equal(shunt_publisher_open(&other, name, &o), SHUNT_E_TYPE);
	o = (struct shunt_publisher_options){
	    .sz = sizeof(o), .publishers = 4096, .subscribers = 1024};
	assert_int_equal(
	    shunt_publisher_open(&other, "/never-made", &o), -EINVAL);
	assert_detail("at most 1 MiB");
	o = (struct shunt_publisher_options){
	    .sz = sizeof(o), .flags = SHUNT_TOPIC_READONLY};
	assert_int_equal(shunt_publisher_open(&other, name, &o), -EINVAL);
	assert_int_equal(shunt_subscriber_open(&sub, "/not-there-at-all",
			     &(struct shunt_subscriber_options){
				 .sz = sizeof(struct shunt_subscriber_options),
				 .flags = SHUNT_TOPIC_READONLY}),
	    -ENOENT);
	struct shunt_queue *queue;
	assert_int_equal(shunt_queue_open(&queue, name, NULL), SHUNT_E_KIND);
	assert_int_equal(shunt_publisher_send(NULL, "", 0, NULL), -EINVAL);
	assert_int_equal(
	    shunt_subscriber_recv(NULL, NULL, 0, NULL, NULL), -EINVAL);
	shunt_publisher_close(&pub);
	shunt_publisher_close(&pub);
	shunt_subscriber_close(NULL);
}

static void *
receive_until_the_end(void *arg)
{
	struct shunt_subscriber *sub = arg;
	uint64_t got = 0, value;
	ssize_t n;

	while ((n = shunt_subscriber_recv(sub, &value, 8, NULL, NULL)) >= 0)
		got++;
	return n == SHUNT_E_CLOSED ? (void *)(uintptr_t)got : NULL;
}

static void
sleepers_are_woken_all_of_them(void **state)
{
	struct shunt_publisher *pub = fresh(SHUNT_TOPIC_BLOCK);
	struct shunt_subscriber *sub[3];
	pthread_t thread[3];
	void *got;

	(void)state;
	for (int k = 0; k < 3; k++) {
		sub[k] = subscriber(0, 0);
		pthread_create(&thread[k], NULL, receive_until_the_end, sub[k]);
	}
	for (uint64_t i = 0; i < 3000; i++)
		assert_int_equal(shunt_publisher_send(pub, &i, 8, NULL), 0);
	assert_int_equal(shunt_publisher_finish(pub), 0);
	for (int k = 0; k < 3; k++) {
		pthread_join(thread[k], &got);
		assert_int_equal((uintptr_t)got, 3000);
		shunt_subscriber_close(&sub[k]);
	}
	shunt_publisher_close(&pub);
}

static void
subscribers_are_waited_for_by_poll_and_shunt_wait(void **state)
{
	struct shunt_publisher *pub = fresh(0);
	struct shunt_subscriber *sub[2] = {subscriber(0, 0), subscriber(0, 0)};
	struct shunt_subscriber *look = subscriber(0, SHUNT_TOPIC_READONLY);
	struct pollfd p[2];

	(void)state;
	for (int k = 0; k < 2; k++) {
		p[k].fd = shunt_subscriber_fd(sub[k]);
		p[k].events = POLLIN;
		assert_true(p[k].fd >= 0);
	}
	/* A new one is readable, for all others that watch, too. */
	assert_int_equal(poll(p, 2, 5000), 2);
	expect(sub[0], 0, 0);
	expect(sub[1], 0, 0);
	assert_int_equal(shunt_subscriber_fd(look), -EACCES);
	assert_int_equal(poll(p, 2, 0), 0);
	for (int64_t i = 0; i < 20; i++) {
		publish(pub, (uint64_t)i, (uint64_t)i + 1);
		assert_int_equal(poll(p, 2, 5000), 2);
		expect(sub[0], i, i + 1);
		expect(sub[1], i, i + 1);
		assert_int_equal(poll(p, 2, 0), 0);
	}
	struct shunt_wait_item items[3] = {
	    {.end = shunt_subscriber_end(sub[0])},
	    {.end = shunt_subscriber_end(sub[1])},
	    {.end = shunt_subscriber_end(look)}};
	assert_int_equal(next(look), 0);
	assert_int_equal(shunt_wait(items, 2, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(shunt_wait(items, 3, SHUNT_NOWAIT), 1);
	publish(pub, 20, 21);
	assert_int_equal(shunt_wait(items, 3, SHUNT_FOREVER), 3);
	expect(sub[0], 20, 21);
	assert_int_equal(shunt_publisher_finish(pub), 0);
	assert_int_equal(poll(p, 2, 5000), 2);
	assert_int_equal(next(sub[0]), SHUNT_E_CLOSED);
	assert_int_equal(shunt_wait(items, 1, SHUNT_FOREVER), 1);
	assert_int_equal(items[0].ready, SHUNT_E_CLOSED);
	assert_null(shunt_subscriber_end(NULL));
	assert_int_equal(shunt_subscriber_fd(NULL), -EINVAL);
	shunt_subscriber_close(&look);
	shunt_subscriber_close(&sub[0]);
	shunt_subscriber_close(&sub[1]);
	shunt_publisher_close(&pub);
}

static int
use_after_fork(void *arg)
{
	void **ends = arg;
	uint64_t value;

	NEED(shunt_publisher_send(ends[0], "x", 1, NULL) == SHUNT_E_FORKED);
	NEED(shunt_subscriber_recv(ends[1], &value, 8, NULL, NULL) ==
	     SHUNT_E_FORKED);
	NEED(shunt_subscriber_lag(ends[1]) == 0);
	struct shunt_publisher *pub = ends[0];
	struct shunt_subscriber *sub = ends[1];
	shunt_publisher_close(&pub);
	shunt_subscriber_close(&sub);
	return 0;
}

static void
handles_are_the_parents(void **state)
{
	struct shunt_publisher *pub = fresh(SHUNT_TOPIC_BLOCK);
	struct shunt_subscriber *sub = subscriber(0, 0);
	void *ends[2] = {pub, sub};

	(void)state;
	publish(pub, 0, 2);
	assert_int_equal(peer_end(peer_start(use_after_fork, ends)), 0);
	publish(pub, 2, 4);
	expect(sub, 0, 4);
	shunt_subscriber_close(&sub);
	shunt_publisher_close(&pub);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_subscriber_gets_messages_of_every_length),
	    TEST(a_late_joiner_gets_what_it_asks_for),
	    TEST(the_last_value_stays_whatever_its_length),
	    TEST(lossy_counts_exactly),
	    TEST(a_lap_exactly_is_seen),
	    TEST(evict_tells_once),
	    TEST(what_is_told_once_is_told_by_a_receiving_call),
	    TEST(block_waits_for_the_slowest),
	    TEST(drop_counts_and_shows_the_gap),
	    TEST(drops_are_counted_also_if_their_publisher_is_gone),
	    TEST(what_was_dropped_before_it_came_is_no_loss),
	    TEST(history_counts_messages_and_not_the_gaps),
	    TEST(batches_arrive_whole_and_in_order),
	    TEST(gathered_from_pieces_of_any_length),
	    TEST(a_look_in_place_knows_when_it_was_overwritten),
	    TEST(room_is_given_back_and_used),
	    TEST(too_little_room_leaves_the_message),
	    TEST(finished_after_what_is_left),
	    TEST(subscribers_first_and_publishers_that_come_later),
	    TEST(lossy_has_room_for_more_than_its_slots),
	    TEST(a_ring_goes_on_under_its_next_owner),
	    TEST(wishes_that_contradict),
	    TEST(sleepers_are_woken_all_of_them),
	    TEST(subscribers_are_waited_for_by_poll_and_shunt_wait),
	    TEST(handles_are_the_parents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
