/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Messages of several parts, several messages at once, and the end. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include <shunt.h>

#include "channel/queue.h"
#include "lib/peers.h"
#include "os/os.h"

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};
static const struct shunt_recv_options at_once = {
    .sz = sizeof(at_once), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};

static struct shunt_queue *
open_one(const char *name)
{
	struct shunt_queue *q;

	assert_in_range(shunt_queue_open(&q, name, &small), 0, 1);
	return q;
}

static void
parts_become_one_message(void **state)
{
	char buf[4096], out[4096];
	struct iovec parts[5] = {{(void *)"ab", 2}, {NULL, 0}, {(void *)"c", 1},
	    {out, 100}, {(void *)"end", 3}};
	struct shunt_queue *q = open_one(test_name("parts"));

	(void)state;
	memset(out, 'x', sizeof(out));
	assert_int_equal(shunt_queue_sendv(q, NULL, 0, NULL), 0);
	assert_int_equal(shunt_queue_recv(q, buf, 9, NULL, &at_once), 0);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(shunt_queue_sendv(q, parts, 5, NULL), 0);
		assert_int_equal(
		    shunt_queue_recv(q, buf, sizeof(buf), NULL, &at_once), 106);
		assert_memory_equal(buf, "abc", 3);
		assert_memory_equal(buf + 3, out, 100);
		assert_memory_equal(buf + 103, "end", 3);
	}
	assert_int_equal(shunt_queue_sendv(q, parts, -1, NULL), -EINVAL);
	assert_int_equal(shunt_queue_sendv(q, NULL, 1, NULL), -EINVAL);
	parts[1].iov_len = SIZE_MAX;
	assert_int_equal(shunt_queue_sendv(q, parts, 5, NULL), -EMSGSIZE);
	parts[1] = (struct iovec){out, 2040 - 106 + 1};
	assert_int_equal(shunt_queue_sendv(q, parts, 5, NULL), -EMSGSIZE);
	assert_detail("2041 bytes");
	assert_detail("4096");
	assert_detail("2040");
	parts[1].iov_len--;
	assert_int_equal(shunt_queue_sendv(q, parts, 5, NULL), 0);
	shunt_queue_close(&q);
}

/* Every length over the end of the ring, of every number of messages. */
static void
batches_of_all_sizes(void **state)
{
	unsigned char text[512], buf[8192];
	struct shunt_queue *q = open_one(test_name("batch"));
	struct shunt_message infos[64] = {{.sz = sizeof(infos[0])}};
	struct iovec msgs[64];
	uint64_t seed = 88172645463325252u;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)i;
	for (int round = 0; round < 3000; round++) {
		int n = 1 + (int)(test_random(&seed) % 64), got = 0;
		for (int i = 0; i < n; i++)
			msgs[i] = (struct iovec){text + i,
			    test_random(&seed) % (round & 1 ? 20 : 400)};
		int sent = shunt_queue_send_batch(q, msgs, n, &send_now);
		assert_in_range(sent, 1, n);
		while (got < sent) {
			int most = 1 + (int)(test_random(&seed) % 64);
			int k = shunt_queue_recv_batch(
			    q, buf, sizeof(buf), infos, most, &at_once);
			assert_in_range(k, 1, most);
			const unsigned char *at = buf;
			for (int i = 0; i < k; i++, got++) {
				assert_int_equal(
				    infos[i].len, msgs[got].iov_len);
				assert_int_equal(infos[i].sz, sizeof(infos[0]));
				assert_int_equal(infos[i].flags, 0);
				assert_memory_equal(
				    at, msgs[got].iov_base, msgs[got].iov_len);
				at += infos[i].len;
			}
		}
		assert_int_equal(got, sent);
		assert_int_equal(shunt_queue_recv_batch(
				     q, buf, sizeof(buf), infos, 64, &at_once),
		    -EAGAIN);
	}
	shunt_queue_close(&q);
}

static void
batches_that_do_not_fit(void **state)
{
	static char text[4096];
	const char *name = test_name("fit");
	struct shunt_queue *q = open_one(name), *other = open_one(name);
	struct shunt_message infos[8] = {{.sz = sizeof(infos[0])}};
	struct iovec msgs[8];
	const void *at;
	char buf[4096];

	(void)state;
	for (int i = 0; i < 8; i++)
		msgs[i] = (struct iovec){text, 1000};
	assert_int_equal(shunt_queue_send_batch(q, msgs, 0, NULL), 0);
	assert_int_equal(shunt_queue_send_batch(q, msgs, -1, NULL), -EINVAL);
	assert_int_equal(shunt_queue_send_batch(q, NULL, 1, NULL), -EINVAL);
	assert_int_equal(shunt_queue_send_batch(q, msgs, 8, NULL), 4);
	assert_int_equal(
	    shunt_queue_send_batch(q, msgs, 8, &send_now), -EAGAIN);
	msgs[7].iov_len = 2041;
	assert_int_equal(
	    shunt_queue_send_batch(q, msgs, 8, &send_now), -EMSGSIZE);
	/* Room for two and a bit; for none. */
	assert_int_equal(
	    shunt_queue_recv_batch(q, buf, 2500, infos, 8, NULL), 2);
	assert_int_equal(
	    shunt_queue_recv_batch(q, buf, 999, infos, 8, NULL), -EMSGSIZE);
	assert_int_equal(infos[0].len, 1000);
	assert_int_equal(
	    shunt_queue_recv_batch(q, buf, 2500, infos, 0, NULL), -EINVAL);
	assert_int_equal(
	    shunt_queue_recv_batch(q, buf, 2500, NULL, 8, NULL), -EINVAL);
	/* One in hand goes alone, and those behind one in another's hand. */
	assert_int_equal(shunt_queue_peek(q, &at, NULL, NULL), 1000);
	assert_int_equal(
	    shunt_queue_recv_batch(other, buf, 4096, infos, 8, NULL), 1);
	assert_int_equal(
	    shunt_queue_recv_batch(q, buf, 4096, infos, 8, NULL), 1);
	assert_int_equal(shunt_queue_release(q), -EINVAL);
	assert_int_equal(
	    shunt_queue_recv_batch(q, buf, 4096, infos, 8, &at_once), -EAGAIN);
	shunt_queue_close(&q);
	shunt_queue_close(&other);
	assert_false(test_there(name));
}

/* ---- the end ----------------------------------------------------------------
 */

static void
what_is_left_comes_before_the_end(void **state)
{
	const char *name = test_name("end");
	struct shunt_queue *a = open_one(name), *b = open_one(name);
	struct iovec one = {(void *)"x", 1};
	char buf[64];
	void *room;

	(void)state;
	assert_int_equal(shunt_queue_send(a, "one", 3, NULL), 0);
	assert_int_equal(shunt_queue_send(a, "two", 3, NULL), 0);
	assert_int_equal(shunt_queue_reserve(a, 10, &room, NULL), 0);
	assert_int_equal(shunt_queue_finish(b), 0);
	assert_int_equal(shunt_queue_finish(a), 0);
	assert_int_equal(shunt_queue_commit(a, 10), SHUNT_E_CLOSED);
	assert_int_equal(shunt_queue_commit(a, 10), SHUNT_E_CLOSED);
	assert_int_equal(shunt_queue_send(a, "x", 1, NULL), SHUNT_E_CLOSED);
	assert_int_equal(
	    shunt_queue_reserve(a, 1, &room, NULL), SHUNT_E_CLOSED);
	assert_int_equal(shunt_queue_sendv(a, &one, 1, NULL), SHUNT_E_CLOSED);
	assert_int_equal(
	    shunt_queue_send_batch(a, &one, 1, NULL), SHUNT_E_CLOSED);
	assert_int_equal(shunt_queue_recv(b, buf, 64, NULL, NULL), 3);
	assert_int_equal(shunt_queue_recv(b, buf, 64, NULL, NULL), 3);
	assert_memory_equal(buf, "two", 3);
	assert_int_equal(
	    shunt_queue_recv(b, buf, 64, NULL, NULL), SHUNT_E_CLOSED);
	assert_int_equal(
	    shunt_queue_recv(b, buf, 64, NULL, &at_once), SHUNT_E_CLOSED);
	assert_int_equal(
	    shunt_queue_recv(a, buf, 64, NULL, NULL), SHUNT_E_CLOSED);
	assert_int_equal(shunt_queue_finish(NULL), -EINVAL);
	shunt_queue_close(&a);
	shunt_queue_close(&b);
	assert_false(test_there(name));
}

/* One that somebody has in hand may come again: so it is not the end yet. */
static void
in_hand_is_not_the_end(void **state)
{
	const char *name = test_name("hand");
	struct shunt_queue *a = open_one(name), *b = open_one(name);
	struct shunt_message info = {.sz = sizeof(info)};
	const void *at;
	char buf[64];

	(void)state;
	for (int again = 0; again < 2; again++) {
		if (again)
			shunt_queue_close(&a);
		else
			assert_int_equal(
			    shunt_queue_send(b, "one", 3, NULL), 0);
		if (!again) {
			assert_int_equal(
			    shunt_queue_peek(a, &at, NULL, NULL), 3);
			assert_int_equal(shunt_queue_finish(b), 0);
			assert_int_equal(
			    shunt_queue_recv(b, buf, 64, NULL, &at_once),
			    -EAGAIN);
			continue;
		}
		ssize_t n;
		for (uint64_t t = test_now();;) {
			n = shunt_queue_recv(b, buf, 64, &info, &at_once);
			if (n != -EAGAIN)
				break;
			assert_true(test_now() - t < 10000 * MS);
		}
		assert_int_equal(n, 3);
		assert_int_equal(info.flags, SHUNT_MESSAGE_REDELIVERED);
		assert_int_equal(
		    shunt_queue_recv(b, buf, 64, NULL, NULL), SHUNT_E_CLOSED);
	}
	shunt_queue_close(&b);
	assert_false(test_there(name));
}

struct sleeper {
	struct shunt_queue *q;
	ssize_t e;
};

static void *
sleep_for_a_message(void *arg)
{
	struct sleeper *s = arg;
	char buf[64];

	s->e = shunt_queue_recv(s->q, buf, sizeof(buf), NULL, NULL);
	return NULL;
}

static void *
sleep_for_room(void *arg)
{
	struct sleeper *s = arg;
	static char buf[1000];

	do
		s->e = shunt_queue_send(s->q, buf, sizeof(buf), NULL);
	while (s->e == 0);
	return NULL;
}

static void
who_sleeps_is_told_of_the_end(void **state)
{
	const char *name = test_name("told");
	struct shunt_queue *q = open_one(name);
	struct sleeper s = {.q = open_one(name)};
	struct shunt__object *obj = q->obj;
	pthread_t thread;

	(void)state;
	assert_int_equal(
	    pthread_create(&thread, NULL, sleep_for_a_message, &s), 0);
	while (!(shunt__load32(&obj->control->ct_bell) & SHUNT__BELL_ASLEEP))
		sched_yield();
	assert_int_equal(shunt_queue_finish(q), 0);
	pthread_join(thread, NULL);
	assert_int_equal(s.e, SHUNT_E_CLOSED);
	shunt_queue_close(&q);
	shunt_queue_close(&s.q);

	name = test_name("told");
	q = open_one(name);
	s.q = open_one(name);
	obj = q->obj;
	assert_int_equal(pthread_create(&thread, NULL, sleep_for_room, &s), 0);
	while (!(shunt__load32(&shunt__object_lane(obj, 0)->ln_waiting) &
		 SHUNT__BELL_ASLEEP))
		sched_yield();
	assert_int_equal(shunt_queue_finish(q), 0);
	pthread_join(thread, NULL);
	assert_int_equal(s.e, SHUNT_E_CLOSED);
	shunt_queue_close(&q);
	shunt_queue_close(&s.q);
}

/* Finished between a sender's look and its commit: the copy faults. */
static struct shunt_queue *finisher;
static unsigned char *page;
static int told;

static void
finish_in_between(int sig)
{
	char buf[64];

	(void)sig;
	shunt_queue_finish(finisher);
	if (told)
		told = (int)shunt_queue_recv(
		    finisher, buf, sizeof(buf), NULL, &at_once);
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void
a_message_that_races_with_the_end(void **state)
{
	struct sigaction sa = {
	    .sa_handler = finish_in_between, .sa_flags = SA_NODEFER};
	char buf[64];

	(void)state;
	for (int way = 0; way < 2; way++) {
		const char *name = test_name("race");
		struct shunt_queue *s = open_one(name);
		finisher = open_one(name);
		assert_int_equal(shunt_queue_send(s, "x", 1, NULL), 0);
		assert_int_equal(
		    shunt_queue_recv(finisher, buf, 64, NULL, NULL), 1);
		page = mmap(
		    NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(page != MAP_FAILED);
		assert_int_equal(sigaction(SIGSEGV, &sa, NULL), 0);
		told = way;
		int e = shunt_queue_send(s, page, 20, NULL);
		signal(SIGSEGV, SIG_DFL);
		if (way) {
			/* Somebody has heard that nothing is left. */
			assert_int_equal(told, SHUNT_E_CLOSED);
			assert_int_equal(e, SHUNT_E_CLOSED);
		} else {
			assert_int_equal(e, 0);
			assert_int_equal(
			    shunt_queue_recv(finisher, buf, 64, NULL, NULL),
			    20);
		}
		assert_int_equal(
		    shunt_queue_recv(finisher, buf, 64, NULL, NULL),
		    SHUNT_E_CLOSED);
		munmap(page, 4096);
		shunt_queue_close(&s);
		shunt_queue_close(&finisher);
		assert_false(test_there(name));
	}
}

/* ---- types ------------------------------------------------------------------
 */

static void
types_and_schemas(void **state)
{
	struct shunt_queue_options o = small;
	const char *name = test_name("type");
	struct shunt_queue *q, *other;

	(void)state;
	o.type = "orders";
	o.schema = 7;
	assert_int_equal(shunt_queue_open(&q, name, &o), 1);
	assert_int_equal(shunt_queue_open(&other, name, &small), 0);
	shunt_queue_close(&other);
	assert_int_equal(shunt_queue_open(&other, name, &o), 0);
	shunt_queue_close(&other);
	o.schema = 8;
	assert_int_equal(shunt_queue_open(&other, name, &o), SHUNT_E_TYPE);
	assert_null(other);
	o.schema = 7;
	o.type = "bills";
	assert_int_equal(shunt_queue_open(&other, name, &o), SHUNT_E_TYPE);
	assert_detail("'orders'");
	/* The struct as it was before it had types. */
	o.sz = offsetof(struct shunt_queue_options, type);
	assert_int_equal(shunt_queue_open(&other, name, &o), 0);
	shunt_queue_close(&other);
	shunt_queue_close(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(parts_become_one_message),
	    TEST(batches_of_all_sizes),
	    TEST(batches_that_do_not_fit),
	    TEST(what_is_left_comes_before_the_end),
	    TEST(in_hand_is_not_the_end),
	    TEST(who_sleeps_is_told_of_the_end),
	    TEST(a_message_that_races_with_the_end),
	    TEST(types_and_schemas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
