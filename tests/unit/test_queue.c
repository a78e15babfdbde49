/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* The queue as its header page describes it, call by call. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>

#include <shunt.h>

#include "channel/sender.h"
#include "lib/peers.h"
#include "os/os.h"

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};
static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_now = {
    .sz = sizeof(recv_now), .wait_ns = SHUNT_NOWAIT};

static struct shunt_queue *
fresh(const char **name)
{
	struct shunt_queue *queue;

	*name = test_name("queue");
	assert_int_equal(shunt_queue_open(&queue, *name, &small), 1);
	return queue;
}

/* Fills the calling thread's lane with messages of @len bytes. */
static int
fill(struct shunt_queue *queue, size_t len)
{
	char buf[4096] = {0};
	int n = 0, e;

	while ((e = shunt_queue_send(queue, buf, len, &send_now)) == 0)
		n++;
	assert_int_equal(e, -EAGAIN);
	return n;
}

static int
drain(struct shunt_queue *queue)
{
	char buf[4096];
	int n = 0;
	ssize_t e;

	while ((e = shunt_queue_recv(
		    queue, buf, sizeof(buf), NULL, &recv_now)) >= 0)
		n++;
	assert_int_equal(e, -EAGAIN);
	return n;
}

static void
messages_of_every_length_in_order(void **state)
{
	unsigned char out[4096], in[4096];
	const char *name;
	struct shunt_queue *queue = fresh(&name);
	size_t max = shunt_queue_max(queue);

	(void)state;
	assert_int_equal(max, 2048 - 8);
	for (size_t len = 0; len <= max; len++) {
		memset(out, (int)len, len);
		assert_int_equal(
		    shunt_queue_send(queue, len ? out : NULL, len, NULL), 0);
		assert_int_equal(
		    shunt_queue_recv(queue, in, sizeof(in), NULL, NULL), len);
		assert_memory_equal(in, out, len);
	}
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 100; i++)
			assert_int_equal(
			    shunt_queue_send(queue, &i, sizeof(i), NULL), 0);
		for (int i = 0; i < 100; i++) {
			int got = -1;
			assert_int_equal(shunt_queue_recv(queue, &got,
					     sizeof(got), NULL, NULL),
			    sizeof(got));
			assert_int_equal(got, i);
		}
	}
	shunt_queue_close(&queue);
	assert_false(test_there(name));
}

static void
too_long_will_never_fit(void **state)
{
	char buf[4096] = {0};
	const char *name;
	struct shunt_queue *queue = fresh(&name);
	size_t max = shunt_queue_max(queue);
	void *at;

	(void)state;
	assert_int_equal(
	    shunt_queue_send(queue, buf, max + 1, NULL), -EMSGSIZE);
	assert_int_equal(
	    shunt_queue_send(queue, buf, SIZE_MAX, NULL), -EMSGSIZE);
	assert_int_equal(
	    shunt_queue_send(queue, buf, SIZE_MAX - 7, NULL), -EMSGSIZE);
	assert_int_equal(
	    shunt_queue_reserve(queue, max + 1, &at, NULL), -EMSGSIZE);
	assert_int_equal(drain(queue), 0);
	shunt_queue_close(&queue);
}

static void
full_and_empty_without_waiting(void **state)
{
	const char *name;
	struct shunt_queue *queue = fresh(&name);
	void *at;

	(void)state;
	assert_int_equal(drain(queue), 0);
	int n = fill(queue, 100);
	assert_in_range(n, 30, 40);
	assert_int_equal(
	    shunt_queue_reserve(queue, 100, &at, &send_now), -EAGAIN);
	assert_int_equal(drain(queue), n);
	assert_int_equal(fill(queue, 0), 511);
	assert_int_equal(drain(queue), 511);
	shunt_queue_close(&queue);
}

static void
a_limit_of_time_is_kept(void **state)
{
	struct shunt_recv_options recv = {
	    .sz = sizeof(recv), .wait_ns = 50 * (int64_t)MS};
	struct shunt_send_options send = {
	    .sz = sizeof(send), .wait_ns = 50 * (int64_t)MS};
	const char *name;
	struct shunt_queue *queue = fresh(&name);
	char buf[100] = {0};
	uint64_t begin = test_now();

	(void)state;
	assert_int_equal(
	    shunt_queue_recv(queue, buf, 100, NULL, &recv), -ETIMEDOUT);
	assert_in_range(test_now() - begin, 50 * MS, 5000 * MS);
	fill(queue, 100);
	begin = test_now();
	assert_int_equal(shunt_queue_send(queue, buf, 100, &send), -ETIMEDOUT);
	assert_in_range(test_now() - begin, 50 * MS, 5000 * MS);
	recv.wait_ns = 1; /* too short to sleep: still looks first */
	assert_int_equal(shunt_queue_recv(queue, buf, 100, NULL, &recv), 100);
	assert_true(drain(queue) > 0);
	recv.wait_ns = 1;
	assert_int_equal(
	    shunt_queue_recv(queue, buf, 100, NULL, &recv), -ETIMEDOUT);
	shunt_queue_close(&queue);
}

static void
too_little_room_leaves_the_message(void **state)
{
	struct shunt_message info = {.sz = sizeof(info)};
	const char *name;
	struct shunt_queue *queue = fresh(&name);
	char buf[16];

	(void)state;
	assert_int_equal(shunt_queue_send(queue, "0123456789", 10, NULL), 0);
	assert_int_equal(
	    shunt_queue_recv(queue, buf, 9, &info, NULL), -EMSGSIZE);
	assert_int_equal(info.len, 10);
	assert_int_equal(
	    shunt_queue_recv(queue, buf, 0, NULL, &recv_now), -EMSGSIZE);
	info.len = 0;
	assert_int_equal(shunt_queue_recv(queue, buf, 10, &info, NULL), 10);
	assert_int_equal(info.len, 10);
	assert_int_equal(info.lane, 0);
	assert_int_equal(info.flags, 0);
	assert_memory_equal(buf, "0123456789", 10);
	assert_int_equal(drain(queue), 0);
	/* An answer struct that is none. */
	assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
	info.sz = 3;
	assert_int_equal(
	    shunt_queue_recv(queue, buf, 16, &info, NULL), -EINVAL);
	assert_int_equal(drain(queue), 1);
	shunt_queue_close(&queue);
}

static void
reserve_commit_abort(void **state)
{
	const char *name;
	struct shunt_queue *queue = fresh(&name);
	char buf[16];
	void *at, *at2;

	(void)state;
	assert_int_equal(shunt_queue_commit(queue, 0), -EINVAL);
	shunt_queue_abort(queue);
	assert_int_equal(shunt_queue_reserve(queue, 10, &at, NULL), 0);
	assert_int_equal((uintptr_t)at % 8, 0);
	assert_int_equal(shunt_queue_reserve(queue, 10, &at2, NULL), -EBUSY);
	assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), -EBUSY);
	assert_int_equal(drain(queue), 0); /* not yet */
	assert_int_equal(shunt_queue_commit(queue, 11), -EINVAL);
	memcpy(at, "0123456789", 10);
	assert_int_equal(shunt_queue_commit(queue, 5), 0);
	assert_int_equal(shunt_queue_commit(queue, 5), -EINVAL);
	assert_int_equal(shunt_queue_recv(queue, buf, 16, NULL, NULL), 5);
	assert_memory_equal(buf, "01234", 5);

	assert_int_equal(shunt_queue_reserve(queue, 2000, &at, NULL), 0);
	memset(at, 'x', 2000);
	shunt_queue_abort(queue);
	shunt_queue_abort(queue);
	assert_int_equal(drain(queue), 0);
	assert_int_equal(shunt_queue_send(queue, "y", 1, NULL), 0);
	assert_int_equal(shunt_queue_recv(queue, buf, 16, NULL, NULL), 1);
	assert_int_equal(buf[0], 'y');
	/* A reservation that is open when the handle closes never was. */
	assert_int_equal(shunt_queue_reserve(queue, 10, &at, NULL), 0);
	shunt_queue_close(&queue);
	assert_false(test_there(name));
}

static void
peek_and_release(void **state)
{
	struct shunt_message info = {.sz = sizeof(info)};
	const char *name;
	struct shunt_queue *queue = fresh(&name);
	const void *a, *b;
	char buf[16];

	(void)state;
	assert_int_equal(shunt_queue_release(queue), -EINVAL);
	assert_int_equal(shunt_queue_peek(queue, &a, NULL, &recv_now), -EAGAIN);
	assert_int_equal(shunt_queue_release(queue), -EINVAL);
	assert_int_equal(shunt_queue_send(queue, "one", 3, NULL), 0);
	assert_int_equal(shunt_queue_send(queue, "two", 3, NULL), 0);
	assert_int_equal(shunt_queue_peek(queue, &a, &info, NULL), 3);
	assert_memory_equal(a, "one", 3);
	assert_int_equal(info.len, 3);
	assert_int_equal((uintptr_t)a % 8, 0);
	assert_int_equal(shunt_queue_peek(queue, &b, NULL, NULL), 3);
	assert_ptr_equal(a, b);
	assert_int_equal(shunt_queue_release(queue), 0);
	assert_int_equal(shunt_queue_release(queue), -EINVAL);
	/* What was peeked is received by recv too. */
	assert_int_equal(shunt_queue_peek(queue, &a, NULL, NULL), 3);
	assert_int_equal(shunt_queue_recv(queue, buf, 16, NULL, NULL), 3);
	assert_memory_equal(buf, "two", 3);
	assert_int_equal(drain(queue), 0);
	/* Peeked and not released, it stays for the next receiver. */
	assert_int_equal(shunt_queue_send(queue, "three", 5, NULL), 0);
	assert_int_equal(shunt_queue_peek(queue, &a, NULL, NULL), 5);
	shunt_queue_close(&queue);
	assert_int_equal(shunt_queue_open(&queue, name, &small), 0);
	assert_int_equal(drain(queue), 1);
	shunt_queue_close(&queue);
}

static void
options_of_a_newer_version_are_refused(void **state)
{
	struct shunt_queue_options o = small;
	const char *name = test_name("opts");
	struct shunt_queue *queue;

	(void)state;
	o.flags = 1u << 9;
	assert_int_equal(shunt_queue_open(&queue, name, &o), -EINVAL);
	o = small;
	o.receivers = 1025;
	assert_int_equal(shunt_queue_open(&queue, name, &o), -EINVAL);
	o = small;
	o.mode = 01000;
	assert_int_equal(shunt_queue_open(&queue, name, &o), -EINVAL);
	o = small;
	o.sz = 8;
	assert_int_equal(shunt_queue_open(&queue, name, &o), -EINVAL);
	o = small;
	o.lanes = 4097;
	assert_int_equal(shunt_queue_open(&queue, name, &o), -EINVAL);
	o = small;
	o.lane_bytes = 5000;
	assert_int_equal(shunt_queue_open(&queue, name, &o), -EINVAL);
	assert_int_equal(shunt_queue_open(&queue, "a/b", &small), SHUNT_E_NAME);
	assert_int_equal(shunt_queue_open(&queue, NULL, &small), SHUNT_E_NAME);
	assert_null(queue);
	assert_false(test_there(name));
}

static void
the_defaults(void **state)
{
	const char *name = test_name("default");
	struct shunt_queue *queue;
	struct stat st;

	(void)state;
	assert_int_equal(shunt_queue_open(&queue, name, NULL), 1);
	assert_int_equal(shunt_queue_max(queue), 65536 - 8);
	assert_int_equal(stat(test_path(name), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(st.st_size > 1024 * 131072);
	assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
	shunt_queue_close(&queue);
	assert_true(test_there(name)); /* unread */
	assert_int_equal(shunt_queue_open(&queue, name, NULL), 0);
	assert_int_equal(drain(queue), 1);
	shunt_queue_close(&queue);
	assert_false(test_there(name));
}

static void
handles_that_are_none(void **state)
{
	struct shunt_queue *queue = NULL;
	const char *name;
	const void *msg;
	void *at;
	char buf[8];

	(void)state;
	assert_int_equal(shunt_queue_send(NULL, "x", 1, NULL), -EINVAL);
	assert_int_equal(shunt_queue_recv(NULL, buf, 8, NULL, NULL), -EINVAL);
	assert_int_equal(shunt_queue_reserve(NULL, 1, &at, NULL), -EINVAL);
	assert_int_equal(shunt_queue_commit(NULL, 1), -EINVAL);
	shunt_queue_abort(NULL);
	assert_int_equal(shunt_queue_peek(NULL, &msg, NULL, NULL), -EINVAL);
	assert_int_equal(shunt_queue_release(NULL), -EINVAL);
	assert_int_equal(shunt_queue_max(NULL), 0);
	shunt_queue_close(NULL);
	shunt_queue_close(&queue);
	queue = fresh(&name);
	shunt_queue_close(&queue);
	assert_null(queue);
}

/* ---- removed ----------------------------------------------------------------
 */

static struct step asleep;
static int (*real_wait)(const void *word, uint32_t expect, int64_t ns);

static int
telling_wait(const void *word, uint32_t expect, int64_t ns)
{
	step_to(&asleep, 1);
	return real_wait(word, expect, ns);
}

static void *
remove_by_force(void *name)
{
	const struct shunt_remove_options o = {
	    .sz = sizeof(o), .flags = SHUNT_REMOVE_FORCE};

	step_wait(&asleep, 1);
	return (void *)(intptr_t)shunt_remove(name, &o);
}

static void *
remove_as_rm_does(void *name)
{
	step_wait(&asleep, 1);
	return (void *)(intptr_t)unlink(test_path(name));
}

static void
removed_under(void *(*how)(void *))
{
	const char *name;
	struct shunt_queue *queue = fresh(&name);
	pthread_t t;
	void *answer;
	char buf[100] = {0};
	uint64_t begin = test_now();

	real_wait = shunt__os.futex_wait;
	shunt__os.futex_wait = telling_wait;
	step_to(&asleep, 0);
	/* While it waits for a message. */
	pthread_create(&t, NULL, how, (void *)name);
	assert_int_equal(
	    shunt_queue_recv(queue, buf, 8, NULL, NULL), SHUNT_E_REMOVED);
	assert_true(test_now() - begin < 2000 * MS);
	pthread_join(t, &answer);
	assert_null(answer);
	shunt_queue_close(&queue);
	/* While it waits for room. */
	queue = fresh(&name);
	int n = fill(queue, 100);
	begin = test_now();
	step_to(&asleep, 0);
	pthread_create(&t, NULL, how, (void *)name);
	assert_int_equal(
	    shunt_queue_send(queue, buf, 100, NULL), SHUNT_E_REMOVED);
	assert_true(test_now() - begin < 2000 * MS);
	pthread_join(t, &answer);
	assert_null(answer);
	/* What is in it can still be had. */
	for (int i = 0; i < n; i++)
		assert_int_equal(
		    shunt_queue_recv(queue, buf, 100, NULL, NULL), 100);
	assert_int_equal(
	    shunt_queue_recv(queue, buf, 100, NULL, NULL), SHUNT_E_REMOVED);
	shunt_queue_close(&queue);
	shunt__os.futex_wait = real_wait;
}

static void
removed_by_force(void **state)
{
	(void)state;
	removed_under(remove_by_force);
}

static void
removed_by_rm(void **state)
{
	(void)state;
	removed_under(remove_as_rm_does);
}

/* A receiver that comes later counts on. */
static void
messages_are_counted_over_all_receivers(void **state)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	const char *name;
	struct shunt_queue *queue = fresh(&name), *other;
	uint64_t sent = 0;

	(void)state;
	assert_int_equal(shunt_queue_open(&other, name, NULL), 0);
	for (int round = 0; round < 3; round++) {
		char buf[64];

		sent += (uint64_t)fill(queue, 40); /* pads are no messages */
		assert_true(shunt_segment_stat(name, &info, NULL, 0) >= 0);
		assert_int_equal(info.sent, sent);
		assert_true(info.depth > 0 && info.passed >= 48 * info.depth);
		assert_int_equal(
		    shunt_queue_recv(other, buf, sizeof(buf), NULL, &recv_now),
		    40);
		assert_true(drain(other) > 0);
		shunt_queue_close(&other);
		assert_int_equal(shunt_queue_open(&other, name, NULL), 0);
		assert_true(shunt_segment_stat(name, &info, NULL, 0) >= 0);
		assert_int_equal(info.depth, 0);
		assert_int_equal(info.sent, sent);
	}
	shunt_queue_close(&other);
	shunt_queue_close(&queue);
}

/* What a sender leaves that is killed between a pad and its record: nothing
 * that anybody will ever read. */
static void
pad_alone(struct shunt_queue *queue)
{
	struct shunt__lane_tx *tx = &shunt__sender_of(queue->seats.first)->tx;

	assert_true(tx->open && tx->pad != 0);
	shunt__store64(
	    shunt__lane_word(tx->ring, tx->cap, tx->head + tx->pad), 0);
	shunt__release64(shunt__lane_word(tx->ring, tx->cap, tx->head),
	    SHUNT__LANE_REC | SHUNT__LANE_PAD);
}

static void
a_pad_alone_keeps_no_queue(void **state)
{
	const char *name = test_name("pad");
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct shunt_queue *queue, *other;
	char buf[1000] = "";
	void *room;

	(void)state;
	assert_int_equal(shunt_queue_open(&queue, name, &small), 1);
	assert_int_equal(shunt_queue_open(&other, name, &small), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    shunt_queue_send(queue, buf, sizeof(buf), &send_now), 0);
		assert_int_equal(
		    shunt_queue_recv(other, buf, sizeof(buf), NULL, &recv_now),
		    sizeof(buf));
	}
	shunt_queue_close(&other);
	/* It does not fit in before the end of the ring. */
	assert_int_equal(shunt_queue_reserve(queue, 1500, &room, &send_now), 0);
	pad_alone(queue);
	assert_true(shunt_segment_stat(name, &info, NULL, 0) >= 0);
	assert_int_equal(info.unread, 0);
	shunt_queue_close(&queue);
	assert_false(test_there(name));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(messages_of_every_length_in_order),
	    TEST(too_long_will_never_fit),
	    TEST(full_and_empty_without_waiting),
	    TEST(a_limit_of_time_is_kept),
	    TEST(too_little_room_leaves_the_message),
	    TEST(reserve_commit_abort),
	    TEST(peek_and_release),
	    TEST(options_of_a_newer_version_are_refused),
	    TEST(the_defaults),
	    TEST(handles_that_are_none),
	    TEST(messages_are_counted_over_all_receivers),
	    TEST(a_pad_alone_keeps_no_queue),
	    TEST(removed_by_force),
	    TEST(removed_by_rm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
