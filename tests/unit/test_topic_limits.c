/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/*
 * What a topic's calls answer at their limits: arguments that are none, rings
 * that are full, names that are gone, memory that is not to be had; and that
 * nothing of it keeps the next call from working.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <sys/uio.h>

#include <shunt.h>

#include "channel/publisher.h"
#include "channel/subscriber.h"
#include "lib/peers.h"
#include "os/os.h"

static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_send_options send_soon = {
    .sz = sizeof(send_soon), .wait_ns = 2000000};
static const struct shunt_recv_options recv_now = {
    .sz = sizeof(recv_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_soon = {
    .sz = sizeof(recv_soon), .wait_ns = 15000000};
static const struct shunt_remove_options force = {
    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};

static const char *name;
static struct shunt_publisher *pub;
static struct shunt_subscriber *sub;
static struct shunt__os real;
static char buf[4096];

static int
begin_with(uint32_t policy, uint32_t flags)
{
	struct shunt_publisher_options p = {.sz = sizeof(p),
	    .lane_bytes = 4096,
	    .publishers = 4,
	    .subscribers = 4,
	    .policy = policy};
	struct shunt_subscriber_options s = {.sz = sizeof(s), .flags = flags};

	real = shunt__os;
	name = test_name("topiclimit");
	return shunt_publisher_open(&pub, name, &p) == 1 &&
		       shunt_subscriber_open(&sub, name, &s) == 0
		   ? 0
		   : -1;
}

static int
begin_block(void **state)
{
	(void)state;
	return begin_with(SHUNT_TOPIC_BLOCK, 0);
}

static int
begin_drop(void **state)
{
	(void)state;
	return begin_with(SHUNT_TOPIC_DROP, 0);
}

static int
begin_lossy(void **state)
{
	(void)state;
	return begin_with(SHUNT_TOPIC_LOSSY, 0);
}

static int
begin_readonly(void **state)
{
	(void)state;
	return begin_with(SHUNT_TOPIC_LOSSY, SHUNT_TOPIC_READONLY);
}

static int
end(void **state)
{
	(void)state;
	shunt__os = real;
	shunt_publisher_close(&pub);
	shunt_subscriber_close(&sub);
	unlink(test_path(name));
	return 0;
}

static int
publish(void)
{
	return shunt_publisher_send(pub, "12345678", 8, &send_now);
}

static void
fill(void)
{
	while (publish() == 0)
		;
	assert_int_equal(publish(), -EAGAIN);
}

static ssize_t
next(void)
{
	return shunt_subscriber_recv(sub, buf, 8, NULL, &recv_now);
}

static void
empty(void)
{
	while (next() == 8)
		;
	assert_int_equal(next(), -EAGAIN);
}

/* ---- who only reads ---------------------------------------------------------
 */

static void
who_only_reads_waits_as_long_as_he_says(void **state)
{
	uint64_t before = test_now();

	(void)state;
	assert_int_equal(
	    shunt_subscriber_recv(sub, buf, 8, NULL, &recv_soon), -ETIMEDOUT);
	assert_true(test_now() - before >= 15 * MS);
	/* Longer than his looks ever are apart, and than he takes to ask
	 * whether the name still stands. */
	const struct shunt_recv_options longer = {
	    .sz = sizeof(longer), .wait_ns = 320000000};
	assert_int_equal(
	    shunt_subscriber_recv(sub, buf, 8, NULL, &longer), -ETIMEDOUT);
}

static int naps;

static int
publish_then_nap(int64_t ns)
{
	shunt__os = real;
	assert_int_equal(publish(), 0);
	naps++;
	return real.nanosleep(ns);
}

static void
who_only_reads_gets_what_comes_while_he_sleeps(void **state)
{
	(void)state;
	naps = 0;
	shunt__os.nanosleep = publish_then_nap;
	assert_int_equal(shunt_subscriber_recv(sub, buf, 8, NULL, NULL), 8);
	assert_int_equal(naps, 1);
	/* One that is there already costs no sleep. */
	assert_int_equal(publish(), 0);
	assert_int_equal(shunt_subscriber_recv(sub, buf, 8, NULL, NULL), 8);
	assert_int_equal(naps, 1);
}

static int
remove_then_nap(int64_t ns)
{
	shunt__os = real;
	assert_int_equal(unlink(test_path(name)), 0);
	return real.nanosleep(ns);
}

static void
who_only_reads_learns_that_the_name_is_gone(void **state)
{
	(void)state;
	shunt__os.nanosleep = remove_then_nap;
	assert_int_equal(
	    shunt_subscriber_recv(sub, buf, 8, NULL, NULL), SHUNT_E_REMOVED);
}

static int
force_then_nap(int64_t ns)
{
	shunt__os = real;
	assert_int_equal(shunt_remove(name, &force), 0);
	return real.nanosleep(ns);
}

static void
who_only_reads_learns_that_it_was_removed_by_force(void **state)
{
	(void)state;
	shunt__os.nanosleep = force_then_nap;
	assert_int_equal(
	    shunt_subscriber_recv(sub, buf, 8, NULL, NULL), SHUNT_E_REMOVED);
}

static int
cut_short(int fd, struct stat *st)
{
	int e = real.fstat(fd, st);

	st->st_size = 4096;
	return e;
}

static void
who_only_reads_touches_nothing_that_was_cut_off(void **state)
{
	(void)state;
	shunt__os.fstat = cut_short;
	assert_int_equal(shunt_subscriber_recv(sub, buf, 8, NULL, &recv_soon),
	    SHUNT_E_TRUNCATED);
	shunt__os = real;
	assert_int_equal(publish(), 0);
	assert_int_equal(next(), 8);
}

/* ---- arguments --------------------------------------------------------------
 */

static void
arguments_that_are_none(void **state)
{
	const struct shunt_send_options send_wrong = {.sz = 3};
	const struct shunt_recv_options recv_wrong = {.sz = 3};
	struct iovec part = {buf, 8}, big[2] = {{buf, SIZE_MAX}, {buf, 1}};
	struct shunt_topic_message info = {.sz = 3}, infos[2];
	const void *msg;
	void *room;

	(void)state;
	assert_int_equal(
	    shunt_publisher_sendv(pub, &part, -1, &send_now), -EINVAL);
	assert_int_equal(
	    shunt_publisher_sendv(pub, &part, 1025, &send_now), -EINVAL);
	assert_int_equal(
	    shunt_publisher_sendv(pub, NULL, 1, &send_now), -EINVAL);
	assert_int_equal(
	    shunt_publisher_sendv(pub, big, 2, &send_now), -EINVAL);
	assert_int_equal(
	    shunt_publisher_sendv(pub, big, 1, &send_now), -EMSGSIZE);
	assert_int_equal(
	    shunt_publisher_send_batch(pub, &part, -1, &send_now), -EINVAL);
	assert_int_equal(
	    shunt_publisher_send_batch(pub, &part, 65537, &send_now), -EINVAL);
	assert_int_equal(
	    shunt_publisher_send_batch(pub, NULL, 1, &send_now), -EINVAL);
	assert_int_equal(
	    shunt_publisher_send_batch(pub, NULL, 0, &send_now), 0);
	assert_int_equal(shunt_publisher_reserve(pub, 8, &room, &send_now), 0);
	assert_int_equal(
	    shunt_publisher_send_batch(pub, &part, 1, &send_now), -EBUSY);
	shunt_publisher_abort(pub);

	assert_int_equal(
	    shunt_subscriber_recv(sub, buf, 8, NULL, &recv_wrong), -EINVAL);
	assert_int_equal(shunt_publisher_sendv(pub, NULL, 0, &send_now), 0);
	assert_int_equal(shunt_subscriber_recv(sub, buf, 8, NULL, NULL), 0);
	fill();
	assert_int_equal(
	    shunt_publisher_send(pub, buf, 8, &send_wrong), -EINVAL);

	/* The message stays for who asks for it rightly. */
	assert_int_equal(
	    shunt_subscriber_recv(sub, buf, 8, &info, &recv_now), -EINVAL);
	assert_int_equal(
	    shunt_subscriber_peek(sub, &msg, &info, &recv_now), -EINVAL);
	infos[0].sz = 3;
	assert_int_equal(
	    shunt_subscriber_recv_batch(sub, buf, 64, infos, 2, &recv_now),
	    -EINVAL);
	infos[0].sz = sizeof(infos[0]);
	assert_int_equal(
	    shunt_subscriber_recv_batch(sub, buf, 64, infos, 0, &recv_now),
	    -EINVAL);
	assert_int_equal(
	    shunt_subscriber_recv_batch(sub, buf, 64, NULL, 2, &recv_now),
	    -EINVAL);
	assert_int_equal(
	    shunt_subscriber_recv_batch(sub, buf, 64, infos, 2, &recv_now), 2);
	assert_int_equal(infos[1].sequence, 2);
	empty();
	assert_int_equal(
	    shunt_subscriber_peek(sub, &msg, NULL, &recv_now), -EAGAIN);
	assert_int_equal(publish(), 0);
}

/* ---- full -------------------------------------------------------------------
 */

static void
a_full_ring_takes_no_piece_of_anything(void **state)
{
	struct iovec parts[2] = {{buf, 3}, {buf, 5}};
	struct iovec msgs[600];

	(void)state;
	for (int i = 0; i < 600; i++)
		msgs[i] = (struct iovec){buf, 8};
	fill();
	assert_int_equal(
	    shunt_publisher_sendv(pub, parts, 2, &send_now), -EAGAIN);
	assert_int_equal(
	    shunt_publisher_send_batch(pub, msgs, 2, &send_now), -EAGAIN);
	assert_int_equal(
	    shunt_publisher_send_batch(pub, msgs, 2, &send_soon), -ETIMEDOUT);
	empty();
	int n = shunt_publisher_send_batch(pub, msgs, 600, &send_soon);
	assert_in_range(n, 1, 599);
	for (int i = 0; i < n; i++)
		assert_int_equal(next(), 8);
	assert_int_equal(next(), -EAGAIN);
}

static int slept;

static int
receive_then_sleep(const void *word, uint32_t expect, int64_t ns)
{
	(void)word;
	(void)expect;
	(void)ns;
	slept++;
	empty();
	return 0;
}

static void
a_long_batch_waits_as_often_as_it_must(void **state)
{
	struct iovec msgs[600];

	(void)state;
	for (int i = 0; i < 600; i++)
		msgs[i] = (struct iovec){buf, 8};
	slept = 0;
	const struct shunt_send_options in_time = {
	    .sz = sizeof(in_time), .wait_ns = 5000 * (int64_t)MS};
	shunt__os.futex_wait = receive_then_sleep;
	assert_int_equal(
	    shunt_publisher_send_batch(pub, msgs, 600, &in_time), 600);
	assert_true(slept > 1);
	empty();
}

static int
finish_then_sleep(const void *word, uint32_t expect, int64_t ns)
{
	struct shunt_publisher *other;

	(void)word;
	(void)expect;
	(void)ns;
	shunt__os = real;
	assert_int_equal(shunt_publisher_open(&other, name, NULL), 0);
	assert_int_equal(shunt_publisher_finish(other), 0);
	shunt_publisher_close(&other);
	return 0;
}

static void
finished_by_another_while_it_waits_for_room(void **state)
{
	(void)state;
	fill();
	shunt__os.futex_wait = finish_then_sleep;
	assert_int_equal(
	    shunt_publisher_send(pub, buf, 8, NULL), SHUNT_E_CLOSED);
	int n = 0;
	while (next() == 8)
		n++;
	assert_true(n > 0);
	assert_int_equal(next(), SHUNT_E_CLOSED);
}

static void
a_batch_without_room_is_dropped_and_counted(void **state)
{
	struct iovec msgs[3] = {{buf, 8}, {buf, 8}, {buf, 8}};
	struct shunt_topic_message info = {.sz = sizeof(info)};
	int n = 0;

	(void)state;
	while (publish() == 0)
		n++;
	assert_int_equal(shunt_publisher_send_batch(pub, msgs, 3, &send_now),
	    SHUNT_E_DROPPED);
	for (int i = 0; i < n; i++)
		assert_int_equal(next(), 8);
	assert_int_equal(publish(), 0);
	assert_int_equal(
	    shunt_subscriber_recv(sub, buf, 8, &info, &recv_now), 8);
	assert_int_equal(info.lost, 4);
}

/* ---- in the way: the dead, and cursors that nobody keeps
 * ---------------------
 */

static int
fill_and_die(void *arg)
{
	struct shunt_subscriber *mine;

	NEED(shunt_subscriber_open(&mine, name, NULL) == 0);
	step_to(arg, 1);
	for (;;)
		pause();
}

static void
dead_ones_hold_up_nobody_but_while_another_thread_looks(void **state)
{
	struct step *step = test_shared(sizeof(*step));

	(void)state;
	shunt_subscriber_close(&sub);
	pid_t pid[2];
	for (int i = 0; i < 2; i++) {
		step->n = 0;
		pid[i] = peer_start(fill_and_die, step);
		step_wait(step, 1);
	}
	fill();
	peer_kill(pid[0]);
	peer_kill(pid[1]);
	/* The thread that has the mutex may be the one that cleans up. */
	pthread_mutex_lock(&pub->topic.obj->mutex);
	/* Longer than it goes without asking. */
	for (uint64_t until = test_now() + 3 * MS; test_now() < until;)
		assert_int_equal(publish(), -EAGAIN);
	pthread_mutex_unlock(&pub->topic.obj->mutex);
	assert_int_equal(shunt_publisher_send(pub, "12345678", 8, NULL), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(publish(), 0);
}

static struct shunt__u64 *cursors[4];

/* Whoever gives a byte back finds that cursor there again. */
static int
write_again(int fd, int cmd, struct flock *fl)
{
	int e = real.lock(fd, cmd, fl);

	if (fl->l_type == F_UNLCK)
		for (int i = 0; i < 4; i++)
			shunt__store64(cursors[i], SHUNT__CURSOR_KEPT);
	return e;
}

static void
cursors_that_come_back_are_no_endless_work(void **state)
{
	(void)state;
	shunt_subscriber_close(&sub);
	assert_int_equal(publish(), 0);
	shunt__store32(&pub->topic.obj->control->ct_slots, 4);
	for (uint32_t i = 0; i < 4; i++) {
		cursors[i] = shunt__topic_cursor(&pub->topic, i, 0);
		shunt__store64(cursors[i], SHUNT__CURSOR_KEPT);
	}
	shunt__os.lock = write_again;
	alarm(10);
	int e = 0;
	for (int i = 0; i < 1000 && e == 0; i++)
		e = publish();
	alarm(0);
	assert_int_equal(e, -EAGAIN);
	shunt__os = real;
	assert_int_equal(shunt_publisher_send(pub, buf, 8, NULL), 0);
}

/* ---- removed, and calls out of calls ----------------------------------------
 */

static void
removed_by_force_both_ends_say_so(void **state)
{
	(void)state;
	assert_int_equal(publish(), 0);
	assert_int_equal(shunt_remove(name, &force), 0);
	assert_int_equal(publish(), SHUNT_E_REMOVED);
	assert_int_equal(next(), 8);
	assert_int_equal(next(), SHUNT_E_REMOVED);
	assert_int_equal(
	    shunt_subscriber_recv(sub, buf, 8, NULL, NULL), SHUNT_E_REMOVED);
}

static int inner[4];

static int
call_then_sleep(const void *word, uint32_t expect, int64_t ns)
{
	struct iovec part = {buf, 8};
	void *room;

	(void)word;
	(void)expect;
	(void)ns;
	shunt__os = real;
	inner[0] = publish();
	inner[1] = shunt_publisher_sendv(pub, &part, 1, &send_now);
	inner[2] = shunt_publisher_send_batch(pub, &part, 1, &send_now);
	inner[3] = shunt_publisher_reserve(pub, 8, &room, &send_now);
	shunt_publisher_abort(pub);
	empty();
	return 0;
}

static void
a_handler_that_interrupts_a_call_is_told_so(void **state)
{
	(void)state;
	fill();
	shunt__os.futex_wait = call_then_sleep;
	assert_int_equal(shunt_publisher_send(pub, buf, 8, NULL), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(inner[i], -EBUSY);
	assert_int_equal(next(), 8);
	assert_int_equal(next(), -EAGAIN);
}

/* ---- rings that cannot be touched, or were not taken
 * -------------------------
 */

static int
no_memory(void *at, size_t n, int advice)
{
	(void)at;
	(void)n;
	(void)advice;
	return -ENOMEM;
}

static void
a_subscriber_without_memory_takes_no_slot(void **state)
{
	struct shunt_subscriber *late;
	int fds = test_fds();

	(void)state;
	assert_int_equal(publish(), 0);
	shunt__os.madvise = no_memory;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(
		    shunt_subscriber_open(&late, name, NULL), -ENOMEM);
		assert_null(late);
		assert_detail(name);
	}
	assert_int_equal(test_fds(), fds);
	shunt__os = real;
	assert_int_equal(shunt_subscriber_open(&late, name, NULL), 0);
	shunt_subscriber_close(&late);
	assert_int_equal(next(), 8);
}

static void
rings_that_nobody_took_but_have_a_tail(void **state)
{
	struct shunt__object *obj = pub->topic.obj;
	struct shunt_subscriber *late;

	(void)state;
	shunt__store64(&shunt__object_lane(obj, 3)->ln_tail, 8);
	assert_int_equal(shunt_subscriber_open(&late, name, NULL), 0);
	assert_int_equal(shunt_subscriber_recv(late, buf, 8, NULL, &recv_now),
	    SHUNT_E_CORRUPT);
	assert_int_equal(
	    shunt_subscriber_recv(late, buf, 8, NULL, &recv_now), -EAGAIN);
	/* And all others are read. */
	assert_int_equal(publish(), 0);
	assert_int_equal(
	    shunt_subscriber_recv(late, buf, 8, NULL, &recv_now), 8);
	shunt_subscriber_close(&late);
}

static void
a_count_of_rings_that_lies(void **state)
{
	(void)state;
	assert_int_equal(publish(), 0);
	shunt__store32(&pub->topic.obj->control->ct_high, 4);
	shunt__os.madvise = no_memory;
	assert_int_equal(shunt_subscriber_lag(sub), 0);
	shunt__os = real;
	assert_int_equal(shunt_subscriber_lag(sub), 1);
	assert_int_equal(next(), 8);
	assert_int_equal(next(), -EAGAIN);
	assert_int_equal(shunt_subscriber_lag(sub), 0);
}

#define ON(what, f) cmocka_unit_test_setup_teardown(f, begin_##what, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ON(readonly, who_only_reads_waits_as_long_as_he_says),
	    ON(readonly, who_only_reads_gets_what_comes_while_he_sleeps),
	    ON(readonly, who_only_reads_learns_that_the_name_is_gone),
	    ON(readonly, who_only_reads_learns_that_it_was_removed_by_force),
	    ON(readonly, who_only_reads_touches_nothing_that_was_cut_off),
	    ON(block, arguments_that_are_none),
	    ON(block, a_full_ring_takes_no_piece_of_anything),
	    ON(block, a_long_batch_waits_as_often_as_it_must),
	    ON(block, finished_by_another_while_it_waits_for_room),
	    ON(drop, a_batch_without_room_is_dropped_and_counted),
	    ON(block, dead_ones_hold_up_nobody_but_while_another_thread_looks),
	    ON(block, cursors_that_come_back_are_no_endless_work),
	    ON(lossy, removed_by_force_both_ends_say_so),
	    ON(block, a_handler_that_interrupts_a_call_is_told_so),
	    ON(block, a_subscriber_without_memory_takes_no_slot),
	    ON(lossy, rings_that_nobody_took_but_have_a_tail),
	    ON(lossy, a_count_of_rings_that_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
