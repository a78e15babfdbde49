/* SPDX-License-Identifier: MIT */
/* limit: 20 */
/*
 * What a service's calls answer at their limits: lanes that are full, names
 * that are gone, arguments that are none; and what others do at the moment
 * when a call asks the kernel whether they live.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sys/uio.h>

#include <shunt.h>

#include "channel/call.h"
#include "lib/peers.h"
#include "os/os.h"

#define CAP 4096

static const struct shunt_service_options small = {.sz = sizeof(small),
    .lane_bytes = CAP,
    .clients = 20,
    .servers = 4,
    .patience_ns = 5000 * (int64_t)MS};
static const struct shunt_call_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_call_options brief = {
    .sz = sizeof(brief), .wait_ns = 5000000};
/* Longer than a client goes without asking whether its server lives. */
static const struct shunt_call_options served = {
    .sz = sizeof(served), .wait_ns = 70000000, .flags = SHUNT_CALL_SERVED};
static const struct shunt_call_options wrong = {.sz = 3};
/* Of a later version, which asks for what is not known here. */
static const struct {
	struct shunt_call_options o;
	uint64_t more;
} later = {{.sz = sizeof(later)}, 1};

static const char *name;
static struct shunt_client *client;
static struct shunt_service *service;
static struct shunt__os real;
static char big[1500], buf[2000];

static int
begin(void **state)
{
	(void)state;
	real = shunt__os;
	name = test_name("calllimit");
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
	return 0;
}

static int
ask(const void *msg, size_t len)
{
	return shunt_client_send(client, msg, len, NULL, &now);
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

/* Serves one request with one byte. */
static void
serve(void)
{
	assert_true(take() >= 0);
	assert_int_equal(shunt_service_reply(service, 0, "y", 1), 0);
}

static struct shunt__caller *
caller(void)
{
	return shunt__caller_of(client->seats.first);
}

/* ---- full, gone, none -------------------------------------------------------
 */

static int
serve_then_sleep(const void *word, uint32_t expect, int64_t ns)
{
	(void)word;
	(void)expect;
	(void)ns;
	shunt__os = real;
	serve();
	serve();
	return 0;
}

static void
a_full_lane_of_requests(void **state)
{
	void *room;

	(void)state;
	assert_int_equal(ask(big, sizeof(big)), 0);
	assert_int_equal(ask(big, sizeof(big)), 0);
	assert_int_equal(ask(big, sizeof(big)), -EAGAIN);
	assert_int_equal(
	    shunt_client_reserve(client, sizeof(big), &room, &now), -EAGAIN);
	assert_int_equal(
	    shunt_client_send(client, big, sizeof(big), NULL, &wrong), -EINVAL);
	assert_int_equal(
	    shunt_client_send(client, big, sizeof(big), NULL, &brief),
	    -ETIMEDOUT);
	assert_int_equal(
	    shunt_client_send(client, big, sizeof(big), NULL, &later.o),
	    -EINVAL);
	shunt__os.futex_wait = serve_then_sleep;
	assert_int_equal(
	    shunt_client_send(client, big, sizeof(big), NULL, NULL), 0);
	serve();
	for (int i = 0; i < 3; i++)
		assert_int_equal(answer_of(&now), 1);
}

/* They are in nobody's way, but where they lie there is no room. */
static void
who_comes_to_a_lane_full_of_what_was_given_up_takes_another(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(big, sizeof(big)), 0);
		assert_int_equal(ask(big, sizeof(big)), 0);
		assert_int_equal(ask(big, sizeof(big)), -EAGAIN);
		shunt_client_close(&client);
		assert_int_equal(shunt_client_open(&client, name, &small), 0);
	}
	assert_int_equal(take(), -EAGAIN);
}

/* ---- at full speed ---- */

static void *
serve_all(void *arg)
{
	const void *msg;
	ssize_t n;

	while ((n = shunt_service_next(service, &msg, NULL, NULL)) > 0)
		shunt_service_reply(service, (int32_t)n, "y", 1);
	*(ssize_t *)arg = n;
	return NULL;
}

static void
who_waits_for_room_sends_all_in_order(void **state)
{
	struct shunt_reply info = {.sz = sizeof(info)};
	int sent = 0, got = 0;
	ssize_t n = -1;
	pthread_t t;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, serve_all, &n), 0);
	while (got < 400) {
		int e = sent == 400 ? -EBUSY
				    : shunt_client_send(client, big,
					  1000 + (size_t)sent, NULL, NULL);
		if (e == 0) {
			sent++;
			continue;
		}
		assert_int_equal(e, -EBUSY);
		assert_int_equal(
		    shunt_client_poll(client, buf, sizeof(buf), &info, NULL),
		    1);
		assert_int_equal(info.status, 1000 + got);
		got++;
	}
	/* An empty one is the last. */
	assert_int_equal(shunt_client_send(client, "", 0, NULL, NULL), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(n, 0);
}

static void
removed_by_force_both_ends_say_so(void **state)
{
	const struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};
	const void *msg;

	(void)state;
	assert_int_equal(ask("a", 1), 0);
	assert_int_equal(shunt_remove(name, &force), 0);
	assert_int_equal(ask("a", 1), SHUNT_E_REMOVED);
	assert_int_equal(answer_of(&now), SHUNT_E_REMOVED);
	assert_int_equal(
	    shunt_client_peek(client, &msg, NULL, NULL), SHUNT_E_REMOVED);
	serve(); /* what is there is there */
	assert_int_equal(take(), SHUNT_E_REMOVED);
	assert_int_equal(
	    shunt_service_next(service, &msg, NULL, NULL), SHUNT_E_REMOVED);
}

static void
arguments_that_are_none(void **state)
{
	struct shunt_request info = {.sz = 3};
	const void *msg;
	void *room;

	(void)state;
	assert_int_equal(ask("ab", 2), 0);
	assert_int_equal(
	    shunt_service_next(service, &msg, &info, &now), -EINVAL);
	/* It stays open, for who asks rightly. */
	assert_int_equal(take(), 2);
	assert_int_equal(shunt_service_reserve(service, 8, &room), 0);
	assert_int_equal(shunt_service_reserve(service, 8, &room), -EINVAL);
	assert_int_equal(shunt_service_reply(service, 0, "y", 1), -EINVAL);
	assert_int_equal(shunt_service_commit(service, 0, 3), 0);
	assert_int_equal(answer_of(&now), 3);
}

static void
an_open_request_is_ready_for_who_waits(void **state)
{
	struct shunt_wait_item item = {.end = shunt_service_end(service)};

	(void)state;
	assert_int_equal(shunt_wait(&item, 1, SHUNT_NOWAIT), -EAGAIN);
	assert_int_equal(ask("ab", 2), 0);
	assert_int_equal(take(), 2);
	assert_int_equal(shunt_wait(&item, 1, SHUNT_NOWAIT), 1);
	assert_int_equal(item.ready, 1);
	assert_int_equal(shunt_service_reply(service, 0, "y", 1), 0);
	assert_int_equal(answer_of(&now), 1);
}

static int
close_it(void *arg)
{
	(void)arg;
	shunt_service_close(&service);
	shunt_client_close(&client);
	return 0;
}

static void
a_child_that_closes_answers_nothing(void **state)
{
	(void)state;
	assert_int_equal(ask("ab", 2), 0);
	assert_int_equal(take(), 2);
	assert_int_equal(peer_end(peer_start(close_it, NULL)), 0);
	assert_int_equal(answer_of(&brief), -ETIMEDOUT);
	assert_int_equal(shunt_service_reply(service, 0, "y", 1), 0);
	assert_int_equal(answer_of(&now), 1);
}

/* ---- many clients -----------------------------------------------------------
 */

static void
one_conversation_goes_on_beside_many_that_are_silent(void **state)
{
	struct shunt_client *others[18];
	struct shunt_service *idle;
	const void *msg;

	(void)state;
	assert_int_equal(ask("a", 1), 0);
	serve();
	assert_int_equal(shunt_service_open(&idle, name, &small), 0);
	for (int i = 0; i < 18; i++) {
		assert_int_equal(
		    shunt_client_open(&others[i], name, &small), 0);
		assert_int_equal(
		    shunt_client_poll(others[i], buf, 1, NULL, &now), -ENOENT);
	}
	assert_int_equal(answer_of(&now), 1);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(take(), -EAGAIN);
		assert_int_equal(ask("a", 1), 0);
		serve();
		assert_int_equal(answer_of(&now), 1);
	}
	/* One that never had a request looks at all of them. */
	assert_int_equal(shunt_service_next(idle, &msg, NULL, &now), -EAGAIN);
	shunt_service_close(&idle);
	for (int i = 0; i < 18; i++)
		shunt_client_close(&others[i]);
}

/* ---- no reply ---------------------------------------------------------------
 */

static void
a_server_that_lives_and_does_not_begin_is_waited_for(void **state)
{
	(void)state;
	assert_int_equal(ask("a", 1), 0);
	assert_int_equal(answer_of(&served), -ETIMEDOUT);
	serve();
	assert_int_equal(answer_of(&served), 1);
}

static void
dropped_without_a_reply(void **state)
{
	(void)state;
	assert_int_equal(ask("a", 1), 0);
	assert_int_equal(take(), 1);
	shunt_service_close(&service);
	assert_int_equal(shunt_service_open(&service, name, &small), 0);
	assert_int_equal(answer_of(&now), SHUNT_E_PEERDEAD);
	assert_int_equal(answer_of(&now), -ENOENT);
	assert_int_equal(ask("b", 1), 0);
	serve();
	assert_int_equal(answer_of(&now), 1);
}

static void
what_shunt_wait_found_is_told_by_the_next_call(void **state)
{
	struct shunt_wait_item item = {.end = shunt_client_end(client)};

	(void)state;
	assert_int_equal(ask("a", 1), 0);
	assert_int_equal(shunt_service_finish(service), 0);
	shunt_service_close(&service);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(shunt_wait(&item, 1, SHUNT_FOREVER), 1);
		assert_int_equal(item.ready, SHUNT_E_CLOSED);
	}
	assert_int_equal(answer_of(&now), SHUNT_E_CLOSED);
	assert_int_equal(answer_of(&now), -ENOENT);
}

static void
who_has_a_descriptor_may_also_sleep(void **state)
{
	(void)state;
	assert_true(shunt_client_fd(client) >= 0);
	assert_int_equal(ask("a", 1), 0);
	assert_int_equal(answer_of(&brief), -ETIMEDOUT);
	serve();
	assert_int_equal(answer_of(&brief), 1);
}

static ssize_t
no_read(int fd, void *to, size_t n)
{
	(void)fd;
	(void)to;
	(void)n;
	return -EIO;
}

static void
a_descriptor_that_cannot_be_emptied_is_told(void **state)
{
	(void)state;
	assert_true(shunt_client_fd(client) >= 0);
	assert_int_equal(answer_of(&now), -ENOENT);
	shunt__os.read = no_read;
	assert_int_equal(answer_of(&now), -EIO);
	shunt__os = real;
	assert_int_equal(answer_of(&now), -ENOENT);
}

static void
what_is_over_cannot_be_taken_back(void **state)
{
	uint64_t id;

	(void)state;
	assert_int_equal(
	    shunt_client_send(client, big, sizeof(big), &id, &now), 0);
	assert_int_equal(ask(big, sizeof(big)), 0);
	serve();
	serve();
	/* For want of room it looks where the server is. */
	assert_int_equal(ask(big, sizeof(big)), 0);
	assert_int_equal(shunt_client_cancel(client, id), 1);
	assert_int_equal(shunt_client_cancel(client, id), -ENOENT);
	serve();
	for (int i = 0; i < 2; i++)
		assert_int_equal(answer_of(&now), 1);
	assert_int_equal(answer_of(&now), -ENOENT);
}

/* ---- while the kernel is asked ----------------------------------------------
 */

static int asked;

/* A server that comes just after it was found that there is none. */
static int
come_at_that_moment(int fd, int cmd, struct flock *fl)
{
	int e = real.lock(fd, cmd, fl);

	if (cmd == F_OFD_GETLK && service == NULL) {
		struct flock found = *fl;
		shunt__os = real;
		assert_int_equal(shunt_service_open(&service, name, &small), 0);
		assert_int_equal(take(), 1);
		*fl = found;
		asked++;
	}
	return e;
}

static void
a_server_that_comes_at_the_last_moment_is_in_time(void **state)
{
	(void)state;
	asked = 0;
	assert_int_equal(ask("a", 1), 0);
	shunt_service_close(&service);
	shunt__os.lock = come_at_that_moment;
	assert_int_equal(answer_of(&served), -ETIMEDOUT);
	assert_int_equal(asked, 1);
	assert_int_equal(shunt_service_reply(service, 0, "y", 1), 0);
	assert_int_equal(answer_of(&now), 1);
}

/* The server died behind its reply; told is that its byte is free. */
static int
reply_and_die(int fd, int cmd, struct flock *fl)
{
	int e = real.lock(fd, cmd, fl);

	if (cmd == F_OFD_GETLK && asked++ == 0) {
		struct shunt__pair *p = service->open;
		struct shunt__reply_lay *rp;
		void *room = NULL;

		assert_int_equal(
		    shunt__lane_reserve(&p->tx, SHUNT__CALL_HEAD + 1, &room),
		    0);
		rp = room;
		shunt__store64(&rp->rp_word, p->rx.tail >> 3 << 32 | 7);
		memcpy(rp + 1, "z", 1);
		shunt__lane_commit(&p->tx, SHUNT__CALL_HEAD + 1, 0);
		fl->l_type = F_UNLCK;
	}
	return e;
}

static void
a_reply_of_one_who_died_behind_it_is_had(void **state)
{
	struct shunt_reply info = {.sz = sizeof(info)};

	(void)state;
	asked = 0;
	assert_int_equal(ask("a", 1), 0);
	assert_int_equal(take(), 1);
	shunt__os.lock = reply_and_die;
	assert_int_equal(
	    shunt_client_poll(client, buf, sizeof(buf), &info, &served), 1);
	assert_int_equal(info.status, 7);
	assert_true(asked > 0);
}

/* The claim of the dead is another's by the time the answer is there. */
static int
take_over_at_that_moment(int fd, int cmd, struct flock *fl)
{
	int e = real.lock(fd, cmd, fl);

	if (cmd == F_OFD_GETLK && asked++ == 0) {
		struct shunt__u64 *claim = &caller()->tx.ctl->ln_claim;
		shunt__add64(claim, SHUNT__CLAIM_ONE);
		fl->l_type = F_UNLCK;
	}
	return e;
}

static void
a_claim_that_changed_meanwhile_is_asked_about_anew(void **state)
{
	(void)state;
	asked = 0;
	assert_int_equal(ask("a", 1), 0);
	assert_int_equal(take(), 1);
	shunt__os.lock = take_over_at_that_moment;
	/* Not told dead: the new owner lives. */
	assert_int_equal(answer_of(&served), -ETIMEDOUT);
	assert_true(asked > 1);
	assert_int_equal(shunt_service_reply(service, 0, "y", 1), 0);
	assert_int_equal(answer_of(&now), 1);
}

/* ---- full of replies --------------------------------------------------------
 */

static int
poll_then_sleep(const void *word, uint32_t expect, int64_t ns)
{
	(void)word;
	(void)expect;
	(void)ns;
	shunt__os = real;
	for (int i = 0; i < 2; i++)
		assert_int_equal(answer_of(&now), sizeof(big));
	return 0;
}

static void
a_reply_waits_for_a_client_that_reads(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask("a", 1), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(take(), 1);
		if (i == 2)
			shunt__os.futex_wait = poll_then_sleep;
		assert_int_equal(
		    shunt_service_reply(service, 0, big, sizeof(big)), 0);
	}
	assert_int_equal(answer_of(&now), sizeof(big));
}

static int
ask_and_stay(void *arg)
{
	struct shunt_client *mine;

	NEED(shunt_client_open(&mine, name, &small) == 0);
	for (int i = 0; i < 4; i++)
		NEED(shunt_client_send(mine, "a", 1, NULL, &now) == 0);
	step_to(arg, 1);
	for (;;)
		pause();
}

static void
nobody_waits_to_reply_to_the_dead(void **state)
{
	struct step *step = test_shared(sizeof(*step));
	pid_t pid = peer_start(ask_and_stay, step);

	(void)state;
	step_wait(step, 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(take(), 1);
		assert_int_equal(
		    shunt_service_reply(service, 0, big, sizeof(big)), 0);
	}
	assert_int_equal(take(), 1);
	peer_kill(pid);
	int e = -ETIMEDOUT;
	uint64_t before = test_now();
	e = shunt_service_reply(service, 0, big, sizeof(big));
	assert_int_equal(e, SHUNT_E_PEERDEAD);
	assert_true(test_now() - before < 5000 * MS);
}

static void
requests_of_the_dead_stay_for_the_next_server(void **state)
{
	struct step *step = test_shared(sizeof(*step));
	pid_t pid = peer_start(ask_and_stay, step);

	(void)state;
	step_wait(step, 1);
	peer_kill(pid);
	shunt_client_close(&client);
	shunt_service_close(&service);
	assert_true(test_there(name));
	assert_int_equal(shunt_service_open(&service, name, &small), 0);
	for (int i = 0; i < 4; i++)
		serve();
	assert_int_equal(take(), -EAGAIN);
	shunt_service_close(&service);
	assert_false(test_there(name));
}

/* ---- calls out of calls -----------------------------------------------------
 */

static int
call_then_sleep(const void *word, uint32_t expect, int64_t ns)
{
	(void)word;
	(void)expect;
	(void)ns;
	shunt__os = real;
	asked = ask("b", 1) == -EBUSY && answer_of(&now) == -EBUSY &&
		shunt_client_end(client) == NULL;
	serve();
	return 0;
}

static void
a_handler_that_interrupts_a_call_is_told_so(void **state)
{
	(void)state;
	asked = 0;
	assert_int_equal(ask("a", 1), 0);
	shunt__os.futex_wait = call_then_sleep;
	assert_int_equal(answer_of(NULL), 1);
	assert_int_equal(asked, 1);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(a_full_lane_of_requests),
	    FRESH(who_comes_to_a_lane_full_of_what_was_given_up_takes_another),
	    FRESH(who_waits_for_room_sends_all_in_order),
	    FRESH(removed_by_force_both_ends_say_so),
	    FRESH(arguments_that_are_none),
	    FRESH(an_open_request_is_ready_for_who_waits),
	    FRESH(a_child_that_closes_answers_nothing),
	    FRESH(one_conversation_goes_on_beside_many_that_are_silent),
	    FRESH(a_server_that_lives_and_does_not_begin_is_waited_for),
	    FRESH(dropped_without_a_reply),
	    FRESH(what_shunt_wait_found_is_told_by_the_next_call),
	    FRESH(who_has_a_descriptor_may_also_sleep),
	    FRESH(a_descriptor_that_cannot_be_emptied_is_told),
	    FRESH(what_is_over_cannot_be_taken_back),
	    FRESH(a_server_that_comes_at_the_last_moment_is_in_time),
	    FRESH(a_reply_of_one_who_died_behind_it_is_had),
	    FRESH(a_claim_that_changed_meanwhile_is_asked_about_anew),
	    FRESH(a_reply_waits_for_a_client_that_reads),
	    FRESH(nobody_waits_to_reply_to_the_dead),
	    FRESH(requests_of_the_dead_stay_for_the_next_server),
	    FRESH(a_handler_that_interrupts_a_call_is_told_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
