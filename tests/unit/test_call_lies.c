/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/*
 * Words of a service that somebody scribbled over: lanes, claims, counts.  Who
 * meets them says so or goes on beside them; nobody runs for ever.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>

#include <shunt.h>

#include "channel/call.h"
#include "lib/peers.h"
#include "os/os.h"

#define CAP 4096

static const struct shunt_service_options small = {
    .sz = sizeof(small), .lane_bytes = CAP, .clients = 4, .servers = 4};
static const struct shunt_call_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_call_options brief = {
    .sz = sizeof(brief), .wait_ns = 5000000};
/* Longer than anybody goes without looking at everything. */
static const struct shunt_call_options surely = {
    .sz = sizeof(surely), .wait_ns = 5000 * (int64_t)MS};
static const struct shunt_call_options served = {.sz = sizeof(served),
    .wait_ns = 5000 * (int64_t)MS,
    .flags = SHUNT_CALL_SERVED};

static const char *name;
static struct shunt_client *client;
static struct shunt_service *service;
static struct shunt__os real;
static char buf[2000];

static int
begin(void **state)
{
	(void)state;
	real = shunt__os;
	name = test_name("calllie");
	alarm(15);
	return shunt_service_open(&service, name, &small) == 1 &&
		       shunt_client_open(&client, name, &small) == 0
		   ? 0
		   : -1;
}

static int
end(void **state)
{
	(void)state;
	shunt__os = real;
	shunt_client_close(&client);
	shunt_service_close(&service);
	unlink(test_path(name));
	alarm(0);
	return 0;
}

static int
ask(const char *msg)
{
	return shunt_client_send(client, msg, strlen(msg), NULL, &now);
}

static ssize_t
answer_of(const struct shunt_call_options *o)
{
	return shunt_client_poll(client, buf, sizeof(buf), NULL, o);
}

static ssize_t
take(void)
{
	const void *msg;

	return shunt_service_next(service, &msg, NULL, &now);
}

/* By a look at everything, which is not done each time. */
static ssize_t
take_surely(void)
{
	const void *msg;

	return shunt_service_next(service, &msg, NULL, &surely);
}

static void
serve(void)
{
	assert_true(take_surely() >= 0);
	assert_int_equal(shunt_service_reply(service, 0, "y", 1), 0);
}

static struct shunt__lane_lay *
lane(uint32_t n)
{
	return shunt__object_lane(service->obj, n);
}

static struct shunt__u64 *
word(uint32_t n, uint64_t pos)
{
	return shunt__lane_word(shunt__object_ring(service->obj, n), CAP, pos);
}

#define REC(len) (SHUNT__LANE_REC | (uint64_t)(len))

/* Nothing but records of a header and one word. */
static void
fill(uint32_t n, uint64_t payload)
{
	for (uint64_t pos = 0; pos < CAP; pos += 16) {
		shunt__store64(word(n, pos), REC(8));
		shunt__store64(word(n, pos + 8), payload);
	}
}

/* ---- replies ----------------------------------------------------------------
 */

static void
a_reply_too_short_for_its_head(void **state)
{
	(void)state;
	assert_int_equal(ask("a"), 0);
	shunt__store64(word(1, 0), REC(4));
	for (int i = 0; i < 2; i++)
		assert_int_equal(answer_of(&now), SHUNT_E_CORRUPT);
	shunt__store64(word(1, 0), 0);
	serve();
	assert_int_equal(answer_of(&now), 1);
}

static void
old_replies_without_end(void **state)
{
	(void)state;
	assert_int_equal(ask("a"), 0);
	/* Each of a request that came before. */
	fill(1, UINT64_C(0xfffffff0) << 32);
	assert_int_equal(answer_of(&now), -EAGAIN);
	assert_int_equal(answer_of(&brief), -ETIMEDOUT);
}

static void
who_comes_to_replies_without_end(void **state)
{
	struct shunt_client *late;

	(void)state;
	assert_int_equal(ask("a"), 0);
	fill(3, 0);
	shunt__store32(&service->obj->control->ct_high, 4);
	assert_int_equal(shunt_client_open(&late, name, NULL), 0);
	assert_int_equal(shunt_client_poll(late, buf, 1, NULL, &now), -ENOENT);
	shunt_client_close(&late);
	/* And to what is none at all: he finds another lane. */
	shunt__store64(&lane(3)->ln_tail, 0);
	shunt__store64(word(3, 0), UINT64_MAX);
	assert_int_equal(shunt_client_open(&late, name, NULL), 0);
	assert_int_equal(shunt_client_send(late, "b", 1, NULL, &now), 0);
	serve();
	serve();
	assert_int_equal(shunt_client_poll(late, buf, 8, NULL, &surely), 1);
	shunt_client_close(&late);
}

/* ---- requests ---------------------------------------------------------------
 */

static void
requests_given_up_without_end(void **state)
{
	(void)state;
	assert_int_equal(ask("a"), 0);
	fill(0, SHUNT__CALL_GIVEN_UP);
	assert_int_equal(take(), -EAGAIN);
	const void *msg;
	assert_int_equal(
	    shunt_service_next(service, &msg, NULL, &brief), -ETIMEDOUT);
}

static void
a_tail_that_was_moved_is_told_to_both(void **state)
{
	static const uint64_t tails[] = {4, 20, 5 * CAP};

	(void)state;
	end(NULL);
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		begin(NULL);
		assert_int_equal(ask("a"), 0);
		shunt__store64(&lane(0)->ln_tail, tails[i]);
		assert_int_equal(answer_of(&surely), SHUNT_E_CORRUPT);
		end(NULL);
	}
	begin(NULL);
}

/* A lane of replies that lies is told once, however often it is looked at. */
static void
a_lane_of_replies_that_lies_is_told_once(void **state)
{
	const void *msg;

	(void)state;
	assert_int_equal(ask("a"), 0);
	shunt__store64(word(1, 0), UINT64_MAX);
	assert_int_equal(take(), SHUNT_E_CORRUPT);
	for (int i = 0; i < 200; i++)
		assert_int_equal(take(), -EAGAIN);
	assert_int_equal(
	    shunt_service_next(service, &msg, NULL, &brief), -ETIMEDOUT);
	shunt__store64(word(1, 0), 0);
	serve();
	assert_int_equal(answer_of(&now), 1);
}

/* What waits is counted within one lap, and not past what no request is. */
static void
requests_that_wait_are_counted_within_a_lap(void **state)
{
	struct shunt__u64 *ring = calloc(CAP / 8, 8);

	(void)state;
	assert_non_null(ring);
	for (uint64_t pos = 0; pos < CAP; pos += 16)
		shunt__store64(&ring[pos / 8], REC(8));
	for (uint64_t tail = 0; tail < 3 * CAP; tail += CAP / 4)
		assert_in_range(shunt__call_waiting(ring, CAP, tail), CAP / 16,
		    CAP / 16 + 1);
	shunt__store64(&ring[3], SHUNT__CALL_GIVEN_UP);
	assert_in_range(
	    shunt__call_waiting(ring, CAP, 0), CAP / 16 - 1, CAP / 16);
	shunt__store64(&ring[4], REC(4));
	assert_int_equal(shunt__call_waiting(ring, CAP, 0), 1);
	shunt__store64(&ring[0], 0);
	assert_int_equal(shunt__call_waiting(ring, CAP, 0), 0);
	/* A pad, and one where none can be. */
	shunt__store64(&ring[0], REC(8));
	shunt__store64(&ring[CAP / 8 - 2], SHUNT__LANE_REC | SHUNT__LANE_PAD);
	assert_int_equal(shunt__call_waiting(ring, CAP, CAP - 16), 1);
	shunt__store64(&ring[0], SHUNT__LANE_REC | SHUNT__LANE_PAD);
	assert_int_equal(shunt__call_waiting(ring, CAP, 0), 0);
	free(ring);
}

/* ---- claims -----------------------------------------------------------------
 */

static void
a_claim_of_nobody_is_taken_over(void **state)
{
	const uint64_t claims[] = {0xffff, service->slot.number + 1, 3};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(ask("a"), 0);
		shunt__add64(&lane(0)->ln_claim, claims[i]);
		serve();
		assert_int_equal(answer_of(&now), 1);
	}
}

static void
begun_by_one_whose_claim_is_of_nobody(void **state)
{
	(void)state;
	assert_int_equal(ask("a"), 0);
	assert_int_equal(take(), 1);
	shunt__store64(&lane(0)->ln_claim, 0xffff);
	assert_int_equal(answer_of(&served), SHUNT_E_PEERDEAD);
}

/* The claim that was found to be a dead one's changes before it is seized. */
static int
change_claim(int fd, int cmd, struct flock *fl)
{
	int e = real.lock(fd, cmd, fl);

	if (cmd == F_OFD_GETLK) {
		shunt__os = real;
		shunt__add64(&lane(0)->ln_claim, SHUNT__CLAIM_ONE);
	}
	return e;
}

static void
a_claim_that_changes_meanwhile_is_not_taken(void **state)
{
	(void)state;
	assert_int_equal(ask("a"), 0);
	shunt__store64(&lane(0)->ln_claim, SHUNT__CLAIM_ONE | 3);
	shunt__os.lock = change_claim;
	/* That look finds nothing; the next one does. */
	serve();
	assert_int_equal(answer_of(&now), 1);
	assert_true(shunt__load64(&lane(0)->ln_claim) == 3 * SHUNT__CLAIM_ONE);
}

/* ---- servers that died ------------------------------------------------------
 */

static int
begin_and_stay(void *arg)
{
	const void *msg;

	shunt__os = real;
	NEED(shunt_service_open(&service, name, &small) == 0);
	NEED(shunt_service_next(service, &msg, NULL, NULL) == 5);
	step_to(arg, 1);
	for (;;)
		pause();
}

/* It had begun the first; the second waits; another client has its own. */
static void
what_the_dead_one_began_is_over_and_the_rest_is_served(void **state)
{
	struct step *step = test_shared(sizeof(*step));
	struct shunt_client *other;

	(void)state;
	shunt_service_close(&service);
	pid_t pid = peer_start(begin_and_stay, step);
	assert_int_equal(shunt_client_open(&other, name, NULL), 0);
	assert_int_equal(shunt_client_poll(other, buf, 1, NULL, &now), -ENOENT);
	assert_int_equal(ask("first"), 0);
	step_wait(step, 1);
	assert_int_equal(ask("second"), 0);
	assert_int_equal(shunt_client_send(other, "b", 1, NULL, &now), 0);
	peer_kill(pid);
	assert_int_equal(shunt_service_open(&service, name, &small), 0);
	assert_int_equal(answer_of(&surely), SHUNT_E_PEERDEAD);
	serve();
	serve();
	assert_int_equal(answer_of(&surely), 1);
	assert_int_equal(shunt_client_poll(other, buf, 8, NULL, &surely), 1);
	shunt_client_close(&other);
}

/* Its successor at the same slot comes, and cannot put right at once what the
 * dead one left. */
static void
leave_and_succeed(int (*advise)(void *at, size_t n, int advice), uint64_t lie)
{
	struct step *step = test_shared(sizeof(*step));

	shunt_service_close(&service);
	pid_t pid = peer_start(begin_and_stay, step);
	assert_int_equal(ask("first"), 0);
	step_wait(step, 1);
	peer_kill(pid);
	struct shunt__u64 *at =
	    shunt__lane_word(shunt__object_ring(client->obj, 1), CAP, 0);
	shunt__store64(at, lie);
	if (advise != NULL)
		shunt__os.madvise = advise;
	assert_int_equal(shunt_service_open(&service, name, &small), 0);
	shunt__os = real;
	shunt__store64(at, 0);
	const void *msg;
	assert_int_equal(
	    shunt_service_next(service, &msg, NULL, &brief), -ETIMEDOUT);
	assert_int_equal(answer_of(&surely), SHUNT_E_PEERDEAD);
	assert_int_equal(ask("b"), 0);
	serve();
	assert_int_equal(answer_of(&surely), 1);
}

static int
no_memory(void *at, size_t n, int advice)
{
	(void)at;
	(void)n;
	(void)advice;
	return -ENOMEM;
}

static void
what_cannot_be_put_right_at_once_is_later(void **state)
{
	(void)state;
	leave_and_succeed(no_memory, 0);
}

static void
replies_of_the_dead_that_lie_hold_up_no_successor(void **state)
{
	(void)state;
	leave_and_succeed(NULL, UINT64_MAX);
}

/* ---- memory that cannot be touched ------------------------------------------
 */

static unsigned probes, refused;

static int
some_memory(void *at, size_t n, int advice)
{
	return probes++ >= refused ? real.madvise(at, n, advice) : -ENOMEM;
}

static int
later_no_memory(void *at, size_t n, int advice)
{
	return probes++ < refused ? real.madvise(at, n, advice) : -ENOMEM;
}

static void
lanes_that_cannot_be_touched_now_are_served_later(void **state)
{
	(void)state;
	assert_int_equal(ask("a"), 0);
	for (refused = 0; refused < 2; refused++) {
		probes = 0;
		shunt__os.madvise = later_no_memory;
		for (int i = 0; i < 5; i++) {
			probes = 0;
			assert_int_equal(take(), -EAGAIN);
		}
		shunt__os = real;
	}
	serve();
	assert_int_equal(answer_of(&now), 1);
}

static void
a_client_without_memory_sends_nothing(void **state)
{
	(void)state;
	assert_int_equal(ask("a"), 0);
	serve();
	assert_int_equal(answer_of(&now), 1);
	shunt_client_close(&client);
	for (refused = 0; refused < 2; refused++) {
		struct shunt_client *late;
		assert_int_equal(shunt_client_open(&late, name, NULL), 0);
		probes = 0;
		shunt__os.madvise = later_no_memory;
		assert_int_equal(
		    shunt_client_send(late, "a", 1, NULL, &now), -ENOMEM);
		shunt__os = real;
		assert_int_equal(
		    shunt_client_send(late, "a", 1, NULL, &now), 0);
		serve();
		assert_int_equal(
		    shunt_client_poll(late, buf, 8, NULL, &surely), 1);
		shunt_client_close(&late);
	}
}

/* The count of lanes lies: rings that were never reserved are passed over by
 * who asks whether something is left. */
static void
rings_that_are_none_hold_nothing(void **state)
{
	(void)state;
	shunt_client_close(&client);
	shunt__store32(&service->obj->control->ct_high, 8);
	probes = 0;
	refused = 4;
	shunt__os.madvise = some_memory;
	shunt_service_close(&service);
	assert_int_equal(probes, 4);
	assert_false(test_there(name));
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(a_reply_too_short_for_its_head),
	    FRESH(old_replies_without_end),
	    FRESH(who_comes_to_replies_without_end),
	    FRESH(requests_given_up_without_end),
	    FRESH(a_tail_that_was_moved_is_told_to_both),
	    FRESH(a_lane_of_replies_that_lies_is_told_once),
	    FRESH(requests_that_wait_are_counted_within_a_lap),
	    FRESH(a_claim_of_nobody_is_taken_over),
	    FRESH(begun_by_one_whose_claim_is_of_nobody),
	    FRESH(a_claim_that_changes_meanwhile_is_not_taken),
	    FRESH(what_the_dead_one_began_is_over_and_the_rest_is_served),
	    FRESH(what_cannot_be_put_right_at_once_is_later),
	    FRESH(replies_of_the_dead_that_lie_hold_up_no_successor),
	    FRESH(lanes_that_cannot_be_touched_now_are_served_later),
	    FRESH(a_client_without_memory_sends_nothing),
	    FRESH(rings_that_are_none_hold_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
