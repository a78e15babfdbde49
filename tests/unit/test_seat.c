/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Which thread has which lane: taken with the first call, given back at the
 * thread's end, and nobody starves. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <shunt.h>

#include "lib/peers.h"
#include "channel/queue_layout.h"
#include "os/os.h"
#include "ring/lane.h"
#include "segment/object.h"

#define THREADS 64

static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_now = {
    .sz = sizeof(recv_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_soon = {
    .sz = sizeof(recv_soon), .wait_ns = 10000 * (int64_t)MS};

static struct shunt_queue *
fresh(const char **name, uint32_t lanes)
{
	const struct shunt_queue_options o = {
	    .sz = sizeof(o), .lane_bytes = 4096, .lanes = lanes};
	struct shunt_queue *queue;

	*name = test_name("seat");
	assert_int_equal(shunt_queue_open(&queue, *name, &o), 1);
	return queue;
}

/* Lanes that were ever used. */
static uint32_t
lanes_used(const char *name)
{
	uint32_t high = 0;

	assert_int_equal(shunt_segment_read(name,
			     SHUNT__CONTROL_OFF +
				 offsetof(struct shunt__control_lay, ct_high),
			     &high, sizeof(high), NULL),
	    sizeof(high));
	return high;
}

struct note {
	uint32_t thread;
	uint32_t n;
};

struct crew {
	struct shunt_queue *queue;
	pthread_barrier_t all;
	uint32_t count; /* messages of each */
	int answers[THREADS];
};

struct hand {
	struct crew *crew;
	uint32_t me;
};

static void *
send_many(void *arg)
{
	struct hand *h = arg;
	struct crew *crew = h->crew;
	int e = 0;

	pthread_barrier_wait(&crew->all);
	for (uint32_t i = 0; i < crew->count && e == 0; i++) {
		struct note m = {h->me, i};
		e = shunt_queue_send(crew->queue, &m, sizeof(m), NULL);
	}
	crew->answers[h->me] = e;
	return NULL;
}

/* Runs @n threads that send @count messages each; all arrive, in order. */
static void
run_crew(struct shunt_queue *queue, uint32_t n, uint32_t count)
{
	struct crew crew = {.queue = queue, .count = count};
	struct hand hands[THREADS];
	pthread_t t[THREADS];
	uint32_t next[THREADS] = {0};
	struct note m;

	pthread_barrier_init(&crew.all, NULL, n);
	for (uint32_t i = 0; i < n; i++) {
		hands[i] = (struct hand){&crew, i};
		assert_int_equal(
		    pthread_create(&t[i], NULL, send_many, &hands[i]), 0);
	}
	for (uint32_t i = 0; i < n * count; i++) {
		assert_int_equal(
		    shunt_queue_recv(queue, &m, sizeof(m), NULL, &recv_soon),
		    sizeof(m));
		assert_true(m.thread < n);
		assert_int_equal(m.n, next[m.thread]);
		next[m.thread]++;
	}
	for (uint32_t i = 0; i < n; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(crew.answers[i], 0);
	}
	pthread_barrier_destroy(&crew.all);
	assert_int_equal(
	    shunt_queue_recv(queue, &m, sizeof(m), NULL, &recv_now), -EAGAIN);
}

static void
each_thread_has_its_lane_and_gives_it_back(void **state)
{
	const char *name;
	struct shunt_queue *queue = fresh(&name, THREADS);

	(void)state;
	for (int round = 0; round < 10; round++)
		run_crew(queue, THREADS, 50);
	run_crew(queue, 4, 5000);
	assert_true(lanes_used(name) <= THREADS);
	shunt_queue_close(&queue);
	assert_false(test_there(name));
}

static void *
send_once(void *queue)
{
	return (void *)(intptr_t)shunt_queue_send(queue, "x", 1, &send_now);
}

static void
short_lived_senders_share_few_lanes(void **state)
{
	const char *name;
	struct shunt_queue *queue = fresh(&name, 1024);
	char buf[8];
	int got = 0;

	(void)state;
	/* Nobody receives meanwhile: lanes are taken with records in them. */
	for (int i = 0; i < 2000; i++) {
		pthread_t t;
		void *answer;
		assert_int_equal(pthread_create(&t, NULL, send_once, queue), 0);
		pthread_join(t, &answer);
		assert_int_equal((intptr_t)answer, 0);
	}
	/* 2,000 records of 16 bytes are 8 lanes of 4 KiB, half of them at
	 * worst left over in each. */
	assert_in_range(lanes_used(name), 8, 18);
	while (shunt_queue_recv(queue, buf, 8, NULL, &recv_now) == 1)
		got++;
	assert_int_equal(got, 2000);
	shunt_queue_close(&queue);
	assert_false(test_there(name));
}

struct crowd {
	struct shunt_queue *queue;
	pthread_barrier_t sent, done;
	_Atomic int good, slots, other;
};

static void *
send_and_stay(void *arg)
{
	struct crowd *c = arg;
	int e = shunt_queue_send(c->queue, "x", 1, &send_now);

	if (e == 0)
		c->good++;
	else if (e == SHUNT_E_SLOTS)
		c->slots++;
	else
		c->other++;
	pthread_barrier_wait(&c->sent);
	pthread_barrier_wait(&c->done);
	return NULL;
}

static void
more_threads_than_lanes_are_told_so(void **state)
{
	const char *name;
	struct crowd c = {.queue = fresh(&name, 4)};
	struct shunt_queue *other;
	pthread_t t[7];
	char buf[8];

	(void)state;
	pthread_barrier_init(&c.sent, NULL, 8);
	pthread_barrier_init(&c.done, NULL, 8);
	for (int i = 0; i < 7; i++)
		pthread_create(&t[i], NULL, send_and_stay, &c);
	pthread_barrier_wait(&c.sent);
	assert_int_equal(c.good, 4);
	assert_int_equal(c.slots, 3);
	assert_int_equal(c.other, 0);
	/* Another handle finds none either. */
	assert_int_equal(shunt_queue_open(&other, name, NULL), 0);
	assert_int_equal(
	    shunt_queue_send(other, "x", 1, &send_now), SHUNT_E_SLOTS);
	assert_detail(name);
	assert_detail("its 4 places");
	pthread_barrier_wait(&c.done);
	for (int i = 0; i < 7; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(shunt_queue_send(other, "x", 1, &send_now), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(
		    shunt_queue_recv(other, buf, 8, NULL, &recv_now), 1);
	shunt_queue_close(&other);
	shunt_queue_close(&c.queue);
	pthread_barrier_destroy(&c.sent);
	pthread_barrier_destroy(&c.done);
}

/* A thread that has seats at several queues, some closed before it ends. */
static void *
use_three(void *arg)
{
	struct shunt_queue **q = arg;

	for (int round = 0; round < 100; round++)
		for (int i = 0; i < 3; i++)
			if (shunt_queue_send(q[i], "x", 1, NULL) != 0)
				return "send";
	shunt_queue_close(&q[1]);
	return shunt_queue_send(q[2], "x", 1, NULL) == 0 ? NULL : "late";
}

static void
one_thread_at_several_queues(void **state)
{
	const char *names[3];
	struct shunt_queue *q[3];
	pthread_t t;
	void *answer;
	char buf[8];

	(void)state;
	for (int i = 0; i < 3; i++)
		q[i] = fresh(&names[i], 1);
	pthread_create(&t, NULL, use_three, q);
	pthread_join(t, &answer);
	assert_null(answer);
	assert_null(q[1]);
	/* The one lane of each is free again. */
	assert_int_equal(shunt_queue_send(q[0], "x", 1, NULL), 0);
	assert_int_equal(shunt_queue_send(q[2], "x", 1, NULL), 0);
	for (int i = 0; i < 101; i++)
		assert_int_equal(
		    shunt_queue_recv(q[0], buf, 8, NULL, &recv_now), 1);
	for (int i = 0; i < 102; i++)
		assert_int_equal(
		    shunt_queue_recv(q[2], buf, 8, NULL, &recv_now), 1);
	shunt_queue_close(&q[0]);
	shunt_queue_close(&q[2]);
}

/* A handle is closed by one thread while others still have seats there. */
static void *
send_then_wait(void *arg)
{
	struct crowd *c = arg;

	c->good += shunt_queue_send(c->queue, "x", 1, NULL) == 0;
	pthread_barrier_wait(&c->sent);
	pthread_barrier_wait(&c->done);
	return NULL;
}

static void
seats_of_living_threads_go_with_the_handle(void **state)
{
	const char *name;
	struct crowd c = {.queue = fresh(&name, 4)};
	struct shunt_queue *again;
	pthread_t t[4];

	(void)state;
	pthread_barrier_init(&c.sent, NULL, 5);
	pthread_barrier_init(&c.done, NULL, 5);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, send_then_wait, &c);
	pthread_barrier_wait(&c.sent);
	assert_int_equal(c.good, 4);
	shunt_queue_close(&c.queue);
	assert_int_equal(shunt_queue_open(&again, name, NULL), 0);
	assert_int_equal(shunt_queue_send(again, "x", 1, NULL), 0);
	pthread_barrier_wait(&c.done);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(shunt_queue_send(again, "x", 1, NULL), 0);
	shunt_queue_close(&again);
	assert_int_equal(shunt_remove(name, NULL), 0);
	pthread_barrier_destroy(&c.sent);
	pthread_barrier_destroy(&c.done);
}

/*
 * A sender that is never done: its lane always has a record.  Another's one
 * message must come through all the same.
 */
static void
nobody_starves_beside_a_sender_that_is_never_done(void **state)
{
	const char *name;
	struct shunt_queue *queue = fresh(&name, 4), *other;
	struct note m = {0, 0};
	int waited;

	(void)state;
	assert_int_equal(shunt_queue_open(&other, name, NULL), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(
		    shunt_queue_send(queue, &m, sizeof(m), NULL), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(
		    shunt_queue_recv(queue, &m, sizeof(m), NULL, NULL), 8);
	m.thread = 1;
	assert_int_equal(shunt_queue_send(other, &m, sizeof(m), NULL), 0);
	for (waited = 0; waited < 10000; waited++) {
		m.thread = 0;
		assert_int_equal(
		    shunt_queue_send(queue, &m, sizeof(m), NULL), 0);
		assert_int_equal(
		    shunt_queue_recv(queue, &m, sizeof(m), NULL, NULL), 8);
		if (m.thread == 1)
			break;
	}
	assert_in_range(waited, 0, 500);
	shunt_queue_close(&other);
	shunt_queue_close(&queue);
	shunt_remove(name, NULL);
}

/*
 * Records whose senders died before they set a ready bit, in lanes that the
 * receiver no longer polls, while one sender is never done.
 */
#define LANES 12
static void
no_record_is_hidden_for_lack_of_its_bit(void **state)
{
	const struct shunt__spec spec = {.kind = SHUNT_KIND_QUEUE,
	    .lanes = LANES,
	    .lane_bytes = 4096,
	    .print = shunt__queue_fingerprint(),
	    .existing = 1};
	const char *name;
	struct shunt_queue *queue = fresh(&name, LANES), *others[LANES];
	struct shunt__object *obj;
	struct note m = {0, 0};
	uint64_t end;
	uint32_t found = 0;

	(void)state;
	/* All lanes are used once and then idle until they are dropped. */
	for (int i = 0; i < LANES; i++) {
		assert_int_equal(shunt_queue_open(&others[i], name, NULL), 0);
		assert_int_equal(
		    shunt_queue_send(others[i], &m, sizeof(m), NULL), 0);
	}
	for (int i = 1; i < LANES; i++)
		shunt_queue_close(&others[i]);
	for (end = test_now() + 400 * MS; test_now() < end;)
		shunt_queue_recv(queue, &m, sizeof(m), NULL, &recv_now);
	/* Committed, and dead before the next step. */
	assert_int_equal(shunt__object_attach(&obj, name, &spec), 0);
	for (uint32_t i = 1; i < LANES; i++) {
		struct shunt__lane_tx tx;
		struct note *at = NULL;
		assert_int_equal(
		    shunt__lane_tx_adopt(&tx, shunt__object_ring(obj, i), 4096,
			shunt__object_lane(obj, i)),
		    0);
		assert_int_equal(
		    shunt__lane_reserve(&tx, sizeof(*at), (void **)&at), 0);
		*at = (struct note){i, 0};
		shunt__lane_commit(&tx, sizeof(*at), 0);
	}
	assert_int_equal(
	    shunt_queue_send(others[0], &(struct note){0, 0}, sizeof(m), NULL),
	    0);
	for (end = test_now() + 5000 * MS;
	     found != (1u << LANES) - 2 && test_now() < end;) {
		assert_int_equal(shunt_queue_send(others[0],
				     &(struct note){0, 0}, sizeof(m), NULL),
		    0);
		assert_int_equal(
		    shunt_queue_recv(queue, &m, sizeof(m), NULL, NULL), 8);
		if (m.thread != 0)
			found |= 1u << m.thread;
	}
	assert_int_equal(found, (1u << LANES) - 2);
	shunt__object_detach(obj, NULL);
	shunt_queue_close(&others[0]);
	shunt_queue_close(&queue);
	shunt_remove(name, NULL);
}

/* ---- signals
 * ----------------------------------------------------------------- */

static struct shunt_queue *volatile handler_queue;
static volatile int handler_answer, handler_reserve;
static volatile sig_atomic_t handled;

static void
on_signal(int sig)
{
	void *at;

	(void)sig;
	handler_answer = shunt_queue_send(handler_queue, "h", 1, &send_now);
	handler_reserve = shunt_queue_reserve(handler_queue, 1, &at, &send_now);
	handled++;
}

static int (*real_wait)(const void *word, uint32_t expect, int64_t ns);
static int
interrupted_wait(const void *word, uint32_t expect, int64_t ns)
{
	shunt__os.futex_wait = real_wait;
	raise(SIGUSR1); /* in the middle of the call, for certain */
	return real_wait(word, expect, ns);
}

static void
a_handler_that_interrupts_a_call_is_told_so(void **state)
{
	const struct shunt_send_options soon = {
	    .sz = sizeof(soon), .wait_ns = 20 * (int64_t)MS};
	const struct sigaction sa = {.sa_handler = on_signal};
	struct sigaction old;
	const char *name;
	struct shunt_queue *queue = fresh(&name, 2);
	char buf[2000] = {0};
	void *at;

	(void)state;
	handler_queue = queue;
	sigaction(SIGUSR1, &sa, &old);
	/* Between calls it may send. */
	assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
	raise(SIGUSR1);
	assert_int_equal(handler_answer, 0);
	assert_int_equal(handler_reserve, 0);
	shunt_queue_abort(queue);
	/* Not while a reservation is open. */
	assert_int_equal(shunt_queue_reserve(queue, 1, &at, NULL), 0);
	raise(SIGUSR1);
	assert_int_equal(handler_answer, -EBUSY);
	assert_int_equal(handler_reserve, -EBUSY);
	shunt_queue_abort(queue);
	/* Not while its thread is in a call: here it waits for room. */
	while (shunt_queue_send(queue, buf, sizeof(buf), &send_now) == 0)
		;
	real_wait = shunt__os.futex_wait;
	shunt__os.futex_wait = interrupted_wait;
	handler_answer = handler_reserve = 0;
	assert_int_equal(
	    shunt_queue_send(queue, buf, sizeof(buf), &soon), -ETIMEDOUT);
	shunt__os.futex_wait = real_wait;
	assert_int_equal(handled, 3);
	assert_int_equal(handler_answer, -EBUSY);
	assert_int_equal(handler_reserve, -EBUSY);
	sigaction(SIGUSR1, &old, NULL);
	shunt_queue_close(&queue);
	shunt_remove(name, NULL);
}

/* Handlers at any place of the call: what was said to be sent arrives. */
static volatile uint32_t from_handler, refused;
static void
send_from_handler(int sig)
{
	int e = shunt_queue_send(handler_queue, "h", 1, &send_now);

	(void)sig;
	if (e == 0)
		from_handler++;
	else if (e == -EBUSY)
		refused++;
}

static void
handlers_at_any_place(void **state)
{
	const struct sigaction sa = {.sa_handler = send_from_handler};
	const struct itimerspec often = {{0, 20000}, {0, 20000}};
	struct itimerspec never = {{0, 0}, {0, 0}};
	struct sigaction old;
	const char *name;
	struct shunt_queue *queue = fresh(&name, 2);
	uint32_t sent = 0, got = 0, of_handler = 0;
	uint64_t end;
	timer_t timer;
	char buf[32];

	(void)state;
	handler_queue = queue;
	assert_int_equal(shunt_queue_send(queue, "first", 5, NULL), 0);
	sigaction(SIGALRM, &sa, &old);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
	timer_settime(timer, 0, &often, NULL);
	for (end = test_now() + 500 * MS; test_now() < end;) {
		for (int i = 0; i < 20; i++)
			sent += shunt_queue_send(
				    queue, "normal", 6, &send_now) == 0;
		ssize_t n;
		for (int i = 0; i < 25; i++) {
			n = shunt_queue_recv(
			    queue, buf, sizeof(buf), NULL, &recv_now);
			got += n == 6;
			of_handler += n == 1;
		}
	}
	timer_settime(timer, 0, &never, NULL);
	timer_delete(timer);
	sigaction(SIGALRM, &old, NULL);
	for (;;) {
		ssize_t n =
		    shunt_queue_recv(queue, buf, sizeof(buf), NULL, &recv_now);
		if (n == -EAGAIN)
			break;
		assert_true(n == 6 || n == 1 || n == 5);
		got += n == 6;
		of_handler += n == 1;
	}
	assert_int_equal(got, sent);
	assert_int_equal(of_handler, from_handler);
	assert_true(from_handler > 100);
	shunt_queue_close(&queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_thread_has_its_lane_and_gives_it_back),
	    TEST(short_lived_senders_share_few_lanes),
	    TEST(more_threads_than_lanes_are_told_so),
	    TEST(one_thread_at_several_queues),
	    TEST(seats_of_living_threads_go_with_the_handle),
	    TEST(nobody_starves_beside_a_sender_that_is_never_done),
	    TEST(no_record_is_hidden_for_lack_of_its_bit),
	    TEST(a_handler_that_interrupts_a_call_is_told_so),
	    TEST(handlers_at_any_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
