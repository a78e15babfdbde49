/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/*
 * A queue that was removed, truncated or finished, calls that are refused, and
 * what is neither lost nor left behind then.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include <shunt.h>

#include "channel/receiver.h"
#include "channel/sender.h"
#include "lib/peers.h"
#include "os/os.h"

#define CAP 4096

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lane_bytes = CAP, .lanes = 4};
static const struct shunt_recv_options at_once = {
    .sz = sizeof(at_once), .wait_ns = SHUNT_NOWAIT};

static const char *name;
static struct shunt_queue *s, *a, *b;
static struct shunt__os real;

static struct shunt_queue *
open_one(void)
{
	struct shunt_queue *q;

	assert_in_range(shunt_queue_open(&q, name, &small), 0, 1);
	return q;
}

static int
setup(void **state)
{
	(void)state;
	real = shunt__os;
	name = test_name("refused");
	s = open_one();
	a = open_one();
	b = open_one();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shunt__os = real;
	shunt_queue_close(&a);
	shunt_queue_close(&b);
	shunt_queue_close(&s);
	unlink(test_path(name));
	return 0;
}

static void
put(uint32_t from, uint32_t to)
{
	for (; from < to; from++)
		assert_int_equal(
		    shunt_queue_send(s, &from, sizeof(from), NULL), 0);
}

/* The next message's number, or a negative code. */
static int
got(struct shunt_queue *q)
{
	uint32_t n = 0;
	ssize_t e = shunt_queue_recv(q, &n, sizeof(n), NULL, &at_once);

	return e < 0 ? (int)e : (int)n;
}

static int
seen(struct shunt_queue *q)
{
	const void *at;
	uint32_t n;
	ssize_t e = shunt_queue_peek(q, &at, NULL, &at_once);

	if (e < 0)
		return (int)e;
	memcpy(&n, at, sizeof(n));
	return (int)n;
}

/* What shunt_wait() says of @q at once: as its item's `ready`. */
static int
ready(struct shunt_queue *q)
{
	struct shunt_wait_item item = {.end = shunt_queue_end(q)};

	shunt_wait(&item, 1, SHUNT_NOWAIT);
	return item.ready;
}

/* ---- what is refused -----------------------------------------------------
 */

static void
wrong_options_lose_nothing(void **state)
{
	const struct shunt_recv_options no_recv = {.sz = 3};
	const struct shunt_send_options no_send = {.sz = 3};
	struct shunt_message info = {.sz = 3};
	const void *at = NULL;
	char buf[64];
	uint32_t n;

	(void)state;
	assert_int_equal(shunt_queue_recv(a, buf, 64, NULL, &no_recv), -EINVAL);
	put(0, 2);
	assert_int_equal(shunt_queue_peek(a, &at, &info, &at_once), -EINVAL);
	assert_int_equal(
	    shunt_queue_recv(a, buf, 64, &info, &at_once), -EINVAL);
	assert_int_equal(
	    shunt_queue_recv_batch(a, buf, 64, &info, 1, &at_once), -EINVAL);
	assert_null(at);
	assert_int_equal(got(a), 0);
	assert_int_equal(got(a), 1);
	/* They are looked at where they are needed: where there is no room. */
	for (n = 0; shunt_queue_send(s, &n, sizeof(n), &no_send) == 0; n++)
		;
	assert_int_equal(shunt_queue_send(s, &n, sizeof(n), &no_send), -EINVAL);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(got(a), i);
	assert_int_equal(got(a), -EAGAIN);
}

static void
a_batch_waits_for_the_reservation(void **state)
{
	const struct iovec one = {(void *)"one", 3};
	void *room;

	(void)state;
	assert_int_equal(shunt_queue_reserve(s, 4, &room, NULL), 0);
	memset(room, 0, 4);
	assert_int_equal(shunt_queue_send_batch(s, &one, 1, NULL), -EBUSY);
	assert_int_equal(shunt_queue_commit(s, 4), 0);
	assert_int_equal(shunt_queue_send_batch(s, &one, 1, NULL), 1);
	assert_int_equal(got(a), 0);
	char buf[4];
	assert_int_equal(shunt_queue_recv(a, buf, 4, NULL, &at_once), 3);
}

/* A queue whose header gives it no places, made by nobody who is honest. */
static void
a_queue_without_places_is_refused(void **state)
{
	const char *other = test_name("places");
	struct shunt__spec spec = {.kind = SHUNT_KIND_QUEUE,
	    .lanes = 1,
	    .lane_bytes = CAP,
	    .print = shunt__queue_fingerprint()};
	struct shunt__object *obj;
	struct shunt_queue *q;
	int before = test_fds();

	(void)state;
	assert_int_equal(shunt__object_attach(&obj, other, &spec), 1);
	assert_int_equal(shunt_queue_open(&q, other, NULL), SHUNT_E_CORRUPT);
	assert_detail(other);
	assert_detail("no places for receivers");
	assert_detail("shunt rm --force");
	assert_null(q);
	shunt__object_detach(obj, NULL);
	assert_int_equal(test_fds(), before);
	assert_int_equal(unlink(test_path(other)), 0);
}

/* ---- in hand, in others' hands -------------------------------------------
 */

static void
what_is_in_hand_is_ready(void **state)
{
	(void)state;
	put(0, 1);
	assert_int_equal(seen(a), 0);
	assert_int_equal(ready(a), 1);
	assert_int_equal(ready(b), 0);
	assert_int_equal(shunt_queue_release(a), 0);
	assert_int_equal(ready(a), 0);
}

static int64_t longest;

static int
sleep_not(const void *word, uint32_t expect, int64_t ns)
{
	(void)word;
	(void)expect;
	if (ns > longest)
		longest = ns;
	return -ETIMEDOUT;
}

/* Naps grow up to 100 ms, but none is longer than what is left. */
static void
behind_one_who_is_stopped_the_limit_is_kept_to(void **state)
{
	const struct shunt_recv_options soon = {
	    .sz = sizeof(soon), .wait_ns = 30 * (int64_t)MS};
	uint32_t n;

	(void)state;
	put(0, 2);
	assert_int_equal(got(b), 0);
	shunt__receiver_enter(b->receiver);
	longest = 0;
	shunt__os.futex_wait = sleep_not;
	uint64_t begin = test_now();
	assert_int_equal(
	    shunt_queue_recv(a, &n, sizeof(n), NULL, &soon), -ETIMEDOUT);
	assert_in_range(test_now() - begin, 30 * MS, 5000 * MS);
	assert_in_range(longest, 1, 30 * MS);
	shunt__receiver_leave(b->receiver);
	assert_int_equal(got(a), 1);
}

/* He has an empty lane, and may be about to find something there. */
static void
while_one_is_stopped_with_a_lane_it_is_not_the_end(void **state)
{
	(void)state;
	put(0, 1);
	assert_int_equal(got(b), 0);
	assert_int_equal(got(b), -EAGAIN);
	shunt__receiver_enter(b->receiver);
	assert_int_equal(shunt_queue_finish(s), 0);
	assert_int_equal(got(a), -EAGAIN);
	assert_int_equal(ready(a), 0);
	shunt__receiver_leave(b->receiver);
	assert_int_equal(got(a), SHUNT_E_CLOSED);
	assert_int_equal(got(b), SHUNT_E_CLOSED);
}

static int sleeps;

/* Long ago, as far as the sleeper knows. */
static int
sleep_long(const void *word, uint32_t expect, int64_t ns)
{
	(void)word;
	(void)expect;
	(void)ns;
	a->receiver->last_look -= 1000 * MS;
	sleeps++;
	return -ETIMEDOUT;
}

static int
no_nap(int64_t ns)
{
	(void)ns;
	fail_msg("a receiver naps where nothing happens");
	return 0;
}

/* Naps are for those that others are quicker than. */
static void
one_who_shares_sleeps_while_nothing_comes(void **state)
{
	const struct shunt_recv_options soon = {
	    .sz = sizeof(soon), .wait_ns = 2 * (int64_t)MS};
	uint32_t n;

	(void)state;
	put(0, 3);
	assert_int_equal(got(a), 0);
	assert_int_equal(got(b), 1);
	assert_int_equal(got(a), 2);
	assert_int_equal(a->receiver->sharing, 1);
	sleeps = 0;
	shunt__os.futex_wait = sleep_long;
	shunt__os.nanosleep = no_nap;
	assert_int_equal(
	    shunt_queue_recv(a, &n, sizeof(n), NULL, &soon), -ETIMEDOUT);
	assert_true(sleeps >= 1);
}

/* ---- removed, truncated --------------------------------------------------
 */

static void
a_queue_that_was_removed_says_so(void **state)
{
	const struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};

	(void)state;
	put(0, 1);
	assert_int_equal(ready(a), 1);
	assert_int_equal(shunt_remove(name, &force), 0);
	assert_int_equal(shunt_queue_finish(s), SHUNT_E_REMOVED);
	assert_int_equal(ready(a), SHUNT_E_REMOVED);
	assert_int_equal(ready(b), SHUNT_E_REMOVED);
	assert_int_equal(shunt_queue_send(s, "x", 1, NULL), SHUNT_E_REMOVED);
}

static void
a_queue_that_was_cut_is_closed_without_a_fault(void **state)
{
	int before = test_fds();

	(void)state;
	struct shunt_queue *q = open_one();
	put(0, 2);
	assert_int_equal(seen(q), 0);
	assert_int_equal(truncate(test_path(name), 0), 0);
	shunt_queue_close(&q);
	assert_null(q);
	shunt_queue_close(&a);
	shunt_queue_close(&b);
	shunt_queue_close(&s);
	assert_true(test_fds() < before);
}

/* ---- the end, and a message that races with it ---------------------------
 * What is sent lies in a page that cannot be read: the queue is finished in
 * the midst of the copy.  The sender then rings who sleeps, and what happens
 * there happens before it looks whether anybody was told of the end.
 */

static unsigned char *page;
static void (*when_rung)(void);

static void
finish_in_between(int sig)
{
	(void)sig;
	assert_int_equal(shunt_queue_finish(b), 0);
	assert_int_equal(got(b), SHUNT_E_CLOSED); /* told */
	shunt__or32(&b->obj->control->ct_bell, SHUNT__BELL_ASLEEP);
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static int
as_it_is_rung(const void *word, int n)
{
	(void)word;
	(void)n;
	shunt__os.futex_wake = real.futex_wake;
	when_rung();
	return 0;
}

/* Sends @n messages of four bytes by one call, and has @f run then. */
static int
send_late(int n, void (*f)(void))
{
	struct sigaction sa = {
	    .sa_handler = finish_in_between, .sa_flags = SA_NODEFER};
	struct iovec msgs[4];

	page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(page != MAP_FAILED);
	for (int i = 0; i < n; i++)
		msgs[i] = (struct iovec){page, sizeof(uint32_t)};
	assert_int_equal(sigaction(SIGSEGV, &sa, NULL), 0);
	when_rung = f;
	shunt__os.futex_wake = as_it_is_rung;
	int e = shunt_queue_send_batch(s, msgs, n, NULL);
	signal(SIGSEGV, SIG_DFL);
	munmap(page, 4096);
	return e;
}

/* The header of what was sent last but @n. */
static struct shunt__u64 *
header(uint64_t n)
{
	struct shunt__seat *seat;

	assert_int_equal(shunt__seat_get(&s->seats, &seat), 0);
	return shunt__lane_word(shunt__object_ring(s->obj, 0), CAP,
	    shunt__sender_of(seat)->tx.head - 16 * (n + 1));
}

static void
nothing(void)
{
}

static void
receive_it(void)
{
	assert_int_equal(got(a), 0);
}

static void
peek_at_it(void)
{
	assert_int_equal(seen(a), 0);
}

static void
mark_the_second(void)
{
	shunt__store64(
	    header(0), shunt__head_taken(shunt__load64(header(0)), 7));
}

static void
scribble(void)
{
	shunt__store64(header(0), SHUNT__LANE_REC | UINT32_MAX);
}

/* A and B share, B has seen everything; the next record begins at @pos. */
static void
begin_race(uint64_t pos)
{
	uint32_t n = 0;

	put(0, 3);
	assert_int_equal(got(a), 0);
	assert_int_equal(got(b), 1);
	assert_int_equal(got(a), 2);
	for (pos -= 48; pos > 0; pos -= 16) {
		put(n, n + 1);
		assert_int_equal(got(a), n++);
	}
}

static void
what_was_sent_too_late_is_taken_back(void **state)
{
	(void)state;
	begin_race(64);
	assert_int_equal(send_late(3, nothing), SHUNT_E_CLOSED);
	assert_int_equal(got(a), SHUNT_E_CLOSED);
	assert_int_equal(got(b), SHUNT_E_CLOSED);
}

static void
what_was_received_meanwhile_is_sent(void **state)
{
	(void)state;
	begin_race(64);
	assert_int_equal(send_late(1, receive_it), 1);
	assert_int_equal(got(a), SHUNT_E_CLOSED);
}

static void
what_is_in_a_hand_meanwhile_is_sent(void **state)
{
	struct shunt__u32 *bell = &s->obj->control->ct_bell;

	(void)state;
	begin_race(64);
	assert_int_equal(send_late(1, peek_at_it), 1);
	/* Who sleeps learns that it does not come again. */
	shunt__or32(bell, SHUNT__BELL_ASLEEP);
	assert_int_equal(shunt_queue_release(a), 0);
	assert_false(shunt__load32(bell) & SHUNT__BELL_ASLEEP);
	assert_int_equal(got(a), SHUNT_E_CLOSED);
}

/* The first of them decides: nobody is told of one that is in a hand. */
static void
of_several_the_first_decides(void **state)
{
	(void)state;
	begin_race(64);
	assert_int_equal(send_late(2, mark_the_second), SHUNT_E_CLOSED);
	assert_true(shunt__load64(header(1)) & SHUNT__LANE_DONE);
	assert_false(shunt__load64(header(0)) & SHUNT__LANE_DONE);
}

static void
what_cannot_be_taken_back_is_said(void **state)
{
	(void)state;
	begin_race(64);
	assert_int_equal(send_late(2, scribble), SHUNT_E_CORRUPT);
}

/* A message of 32 bytes where 16 are left: a pad stands before it. */
static void
over_the_end_of_the_ring_it_is_taken_back(void **state)
{
	struct sigaction sa = {
	    .sa_handler = finish_in_between, .sa_flags = SA_NODEFER};

	(void)state;
	begin_race(CAP - 16);
	page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(page != MAP_FAILED);
	assert_int_equal(sigaction(SIGSEGV, &sa, NULL), 0);
	when_rung = nothing;
	shunt__os.futex_wake = as_it_is_rung;
	assert_int_equal(shunt_queue_send(s, page, 24, NULL), SHUNT_E_CLOSED);
	signal(SIGSEGV, SIG_DFL);
	munmap(page, 4096);
	assert_true(shunt__load64(shunt__lane_word(
			shunt__object_ring(s->obj, 0), CAP, 0)) &
		    SHUNT__LANE_DONE);
	assert_int_equal(got(a), SHUNT_E_CLOSED);
	assert_int_equal(got(b), SHUNT_E_CLOSED);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(wrong_options_lose_nothing),
	    FRESH(a_batch_waits_for_the_reservation),
	    FRESH(a_queue_without_places_is_refused),
	    FRESH(what_is_in_hand_is_ready),
	    FRESH(behind_one_who_is_stopped_the_limit_is_kept_to),
	    FRESH(while_one_is_stopped_with_a_lane_it_is_not_the_end),
	    FRESH(one_who_shares_sleeps_while_nothing_comes),
	    FRESH(a_queue_that_was_removed_says_so),
	    FRESH(a_queue_that_was_cut_is_closed_without_a_fault),
	    FRESH(what_was_sent_too_late_is_taken_back),
	    FRESH(what_was_received_meanwhile_is_sent),
	    FRESH(what_is_in_a_hand_meanwhile_is_sent),
	    FRESH(of_several_the_first_decides),
	    FRESH(what_cannot_be_taken_back_is_said),
	    FRESH(over_the_end_of_the_ring_it_is_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
