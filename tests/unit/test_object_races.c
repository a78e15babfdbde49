/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/* Several processes make, find, leave and remove one name at once. */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include <shunt.h>

#include "lib/peers.h"
#include "os/os.h"
#include "segment/object.h"

#define PEERS 4

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lane_bytes = 4096, .lanes = 4};

struct race {
	struct step go;          /* the round that runs */
	struct step done[PEERS]; /* the rounds that each has done */
	_Atomic uint32_t made, found, failed, lost;
	uint32_t rounds;
	char name[64];
};

struct runner {
	struct race *race;
	uint32_t me;
};

static struct race *
new_race(const char *what, uint32_t rounds)
{
	struct race *race = test_shared(sizeof(*race));

	race->rounds = rounds;
	snprintf(race->name, sizeof(race->name), "%s", test_name(what));
	return race;
}

/* Starts a child for each of @n functions, then lets them run the rounds,
 * asking @check after each. */
static void
run_race(struct race *race, uint32_t n, int (*const f[])(void *),
    void (*check)(struct race *race))
{
	struct runner r[PEERS];
	pid_t pid[PEERS];

	for (uint32_t i = 0; i < n; i++) {
		r[i] = (struct runner){race, i};
		pid[i] = peer_start(f[i], &r[i]);
	}
	for (uint32_t round = 1; round <= race->rounds; round++) {
		step_to(&race->go, round);
		for (uint32_t i = 0; i < n; i++)
			step_wait(&race->done[i], round);
		check(race);
	}
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(peer_end(pid[i]), 0);
}

static int
open_and_close(void *arg)
{
	struct runner *r = arg;
	struct race *race = r->race;
	struct shunt_queue *queue;

	for (uint32_t round = 1; round <= race->rounds; round++) {
		step_wait(&race->go, 2 * round - 1);
		int e = shunt_queue_open(&queue, race->name, &small);
		if (e == 1)
			race->made++;
		else if (e == 0)
			race->found++;
		else
			race->failed++;
		step_to(&race->done[r->me], 2 * round - 1);
		step_wait(&race->go, 2 * round);
		shunt_queue_close(&queue);
		step_to(&race->done[r->me], 2 * round);
	}
	return 0;
}

static void
one_makes_it_and_the_last_removes_it(void **state)
{
	struct race *race = new_race("race", 300);
	struct runner r[PEERS];
	pid_t pid[PEERS];

	(void)state;
	for (uint32_t i = 0; i < PEERS; i++) {
		r[i] = (struct runner){race, i};
		pid[i] = peer_start(open_and_close, &r[i]);
	}
	for (uint32_t round = 1; round <= 2 * race->rounds; round++) {
		step_to(&race->go, round);
		for (uint32_t i = 0; i < PEERS; i++)
			step_wait(&race->done[i], round);
		if (round % 2 == 1) { /* opened by all */
			assert_int_equal(race->failed, 0);
			assert_int_equal(race->made, round / 2 + 1);
			assert_int_equal(
			    race->made + race->found, (round / 2 + 1) * PEERS);
		} else if (test_there(race->name)) { /* closed by all */
			fail_msg("round %u: it stayed", round / 2);
		}
	}
	for (uint32_t i = 0; i < PEERS; i++)
		assert_int_equal(peer_end(pid[i]), 0);
}

/*
 * Two that close at once, each while the other still counts: the one holds the
 * removing byte, has seen the other attached and stops there, until the other
 * is through or waits.
 */
static struct step looked, through;
static int (*real_lock)(int fd, int cmd, struct flock *fl);
static int (*real_sleep)(int64_t ns);
static _Thread_local int first;

static int
stopping_lock(int fd, int cmd, struct flock *fl)
{
	int64_t byte = fl->l_start;
	int e = real_lock(fd, cmd, fl);

	if (first && cmd == F_OFD_GETLK && byte == SHUNT__BYTE_ATTACHED) {
		step_to(&looked, 1);
		step_wait(&through, 1);
	}
	return e;
}

static int
telling_sleep(int64_t ns)
{
	step_to(&through, 1);
	return real_sleep(ns);
}

static void *
close_first(void *queue)
{
	first = 1;
	shunt_queue_close((struct shunt_queue **)queue);
	return NULL;
}

static void *
close_second(void *queue)
{
	step_wait(&looked, 1);
	shunt_queue_close((struct shunt_queue **)queue);
	step_to(&through, 1);
	return NULL;
}

static void
two_that_close_at_once_leave_nothing(void **state)
{
	const char *name = test_name("two");
	struct shunt_queue *a, *b;
	pthread_t t[2];

	(void)state;
	assert_int_equal(shunt_queue_open(&a, name, &small), 1);
	assert_int_equal(shunt_queue_open(&b, name, &small), 0);
	real_lock = shunt__os.lock;
	real_sleep = shunt__os.nanosleep;
	shunt__os.lock = stopping_lock;
	shunt__os.nanosleep = telling_sleep;
	pthread_create(&t[0], NULL, close_first, &a);
	pthread_create(&t[1], NULL, close_second, &b);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	shunt__os.lock = real_lock;
	shunt__os.nanosleep = real_sleep;
	assert_false(test_there(name));
}

/*
 * The name changes hands between a caller's open and its lock: a remover must
 * not take away the new object, and who attaches must get the new one.
 */
static const char *swapped;
static struct shunt_queue *newer;

static int
swapping_lock(int fd, int cmd, struct flock *fl)
{
	if (swapped != NULL && fl->l_start == SHUNT__BYTE_REMOVING) {
		const char *name = swapped;
		swapped = NULL;
		if (unlink(test_path(name)) != 0 ||
		    shunt_queue_open(&newer, name, &small) != 1)
			return -EIO;
	}
	return real_lock(fd, cmd, fl);
}

static void
what_replaced_it_is_not_removed(void **state)
{
	const char *name = test_name("swap");
	struct shunt_queue_options o = small;
	struct shunt_queue *queue;

	(void)state;
	o.flags = SHUNT_QUEUE_PERSISTENT;
	assert_int_equal(shunt_queue_open(&queue, name, &o), 1);
	shunt_queue_close(&queue);
	real_lock = shunt__os.lock;
	shunt__os.lock = swapping_lock;
	swapped = name;
	int e = shunt_remove(name, NULL);
	shunt__os.lock = real_lock;
	assert_int_equal(e, -EBUSY);
	assert_detail("somebody replaced it");
	assert_true(test_there(name));
	assert_int_equal(shunt_queue_send(newer, "x", 1, NULL), 0);
	shunt_queue_close(&newer);
	assert_int_equal(shunt_remove(name, NULL), 0);
}

static void
who_attaches_gets_what_replaced_it(void **state)
{
	const char *name = test_name("swap");
	struct shunt_queue_options o = small;
	struct shunt_queue *queue;
	char buf[8];

	(void)state;
	o.flags = SHUNT_QUEUE_PERSISTENT;
	assert_int_equal(shunt_queue_open(&queue, name, &o), 1);
	shunt_queue_close(&queue);
	real_lock = shunt__os.lock;
	shunt__os.lock = swapping_lock;
	swapped = name;
	int e = shunt_queue_open(&queue, name, &o);
	shunt__os.lock = real_lock;
	assert_int_equal(e, 0);
	assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
	assert_int_equal(shunt_queue_recv(newer, buf, 8, NULL,
			     &(struct shunt_recv_options){
				 .sz = sizeof(struct shunt_recv_options),
				 .wait_ns = SHUNT_NOWAIT}),
	    1);
	shunt_queue_close(&newer);
	shunt_queue_close(&queue);
	assert_false(test_there(name));
}

/* Opens, passes a message through what it opened, closes. */
static int
use(void *arg)
{
	struct runner *r = arg;
	struct race *race = r->race;
	struct shunt_queue *queue;

	for (uint32_t round = 1; round <= race->rounds; round++) {
		step_wait(&race->go, round);
		for (int i = 0; i < 5; i++) {
			int e = shunt_queue_open(&queue, race->name, &small);
			if (e < 0) {
				race->failed++;
				fprintf(
				    stderr, "open: %s\n", shunt_error_detail());
				continue;
			}
			e = shunt_queue_send(queue, "x", 1, NULL);
			if (e != 0 && e != SHUNT_E_REMOVED)
				race->failed++;
			shunt_queue_close(&queue);
		}
		step_to(&race->done[r->me], round);
	}
	return 0;
}

static int
remove_it(void *arg)
{
	struct runner *r = arg;
	struct race *race = r->race;
	const struct shunt_remove_options o = {
	    .sz = sizeof(o), .flags = r->me & 1 ? SHUNT_REMOVE_FORCE : 0};

	for (uint32_t round = 1; round <= race->rounds; round++) {
		step_wait(&race->go, round);
		for (int i = 0; i < 10; i++) {
			int e = shunt_remove(race->name, &o);
			if (e != 0 && e != -ENOENT && e != -EBUSY)
				race->failed++;
			race->made += e == 0;
		}
		step_to(&race->done[r->me], round);
	}
	return 0;
}

static void
nobody_failed(struct race *race)
{
	assert_int_equal(race->failed, 0);
}

static void
users_and_removers(void **state)
{
	static int (*const f[])(void *) = {use, remove_it, use, remove_it};
	struct race *race = new_race("remove", 300);

	(void)state;
	run_race(race, 4, f, nobody_failed);
	assert_true(race->made > 10); /* they met */
	shunt_remove(race->name, NULL);
}

static int
create_raw(void *arg)
{
	struct runner *r = arg;
	struct race *race = r->race;
	struct shunt_segment *seg;

	for (uint32_t round = 1; round <= race->rounds; round++) {
		step_wait(&race->go, round);
		int e = shunt_segment_create(&seg, race->name, 8192, NULL);
		if (e == 0)
			race->made++;
		else if (e == 1)
			race->found++;
		else
			race->failed++;
		shunt_segment_close(&seg);
		step_to(&race->done[r->me], round);
	}
	return 0;
}

static void
one_made_it(struct race *race)
{
	assert_int_equal(race->failed, 0);
	assert_int_equal(race->made, shunt_remove(race->name, NULL) + 1);
	assert_int_equal(race->made + race->found, PEERS);
	race->made = race->found = 0;
}

static void
one_makes_a_raw_segment(void **state)
{
	static int (*const f[])(void *) = {
	    create_raw, create_raw, create_raw, create_raw};

	(void)state;
	run_race(new_race("raw", 300), PEERS, f, one_made_it);
}

/* ---- the dead and the forked ----------------------------------------------
 */

struct meeting {
	struct step step;
	char name[64];
};

static int
hold_until_killed(void *arg)
{
	struct meeting *m = arg;
	struct shunt_queue *queue;

	NEED(shunt_queue_open(&queue, m->name, &small) >= 0);
	NEED(shunt_queue_send(queue, "x", 1, NULL) == 0);
	step_to(&m->step, 1);
	for (;;)
		pause();
}

static void
a_killed_user_is_nobody(void **state)
{
	struct meeting *m = test_shared(sizeof(*m));
	struct shunt_queue *queue;
	char buf[8];

	(void)state;
	snprintf(m->name, sizeof(m->name), "%s", test_name("dead"));
	pid_t pid = peer_start(hold_until_killed, m);
	step_wait(&m->step, 1);
	assert_int_equal(shunt_remove(m->name, NULL), -EBUSY);
	peer_kill(pid);
	/* What it sent is there; the next opener adopts all. */
	assert_int_equal(shunt_queue_open(&queue, m->name, &small), 0);
	assert_int_equal(
	    shunt_queue_recv(queue, buf, sizeof(buf), NULL, NULL), 1);
	shunt_queue_close(&queue);
	assert_false(test_there(m->name));
	/* And where nobody opens it, it can be removed. */
	step_to(&m->step, 0);
	pid = peer_start(hold_until_killed, m);
	step_wait(&m->step, 1);
	peer_kill(pid);
	assert_int_equal(shunt_remove(m->name, NULL), 0);
}

/*
 * A child made past the atfork handlers keeps the descriptor, and with it the
 * description that holds the lock bytes.  What its parent closes in order is
 * closed nevertheless.
 */
static void
a_child_that_keeps_the_descriptor_blocks_nobody(void **state)
{
	const char *name = test_name("clone");
	struct shunt_queue *queue;
	uint64_t begin;

	(void)state;
	assert_int_equal(shunt_queue_open(&queue, name, &small), 1);
	assert_int_equal(shunt_queue_send(queue, "x", 1, NULL), 0);
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		for (;;)
			syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
	assert_true(pid > 0);
	shunt_queue_close(&queue); /* unread: it stays */
	assert_true(test_there(name));
	begin = test_now();
	int e = shunt_queue_open(&queue, name, &small);
	uint64_t took = test_now() - begin;
	shunt_queue_close(&queue);
	int removed = shunt_remove(name, NULL);
	peer_kill(pid);
	assert_int_equal(e, 0);
	assert_true(took < 500 * MS);
	assert_int_equal(removed, 0);
}

/*
 * Memory outlives its process while somebody has it: who reads its smaps, or,
 * for as long as we like, a child that shares it.
 */
struct lasting {
	struct step opened, end;
	char name[64], stack[64 * 1024];
};

static int
keep_the_memory(void *arg)
{
	struct lasting *l = arg;

	syscall(SYS_close_range, 3u, ~0u, 0u);
	step_to(&l->opened, 1);
	step_wait(&l->end, 1);
	syscall(SYS_exit, 0);
	return 0;
}

static int
open_and_share_memory(void *arg)
{
	struct lasting *l = arg;
	struct shunt_queue *queue;

	if (shunt_queue_open(&queue, l->name, &small) < 0 ||
	    clone(keep_the_memory, l->stack + sizeof(l->stack),
		CLONE_VM | SIGCHLD, l) < 0)
		return 1;
	for (;;)
		pause();
}

static void
a_dead_one_is_nobody_while_its_memory_lasts(void **state)
{
	struct lasting *l = test_shared(sizeof(*l));
	pid_t pid;

	(void)state;
	snprintf(l->name, sizeof(l->name), "%s", test_name("lasting"));
	pid = peer_start(open_and_share_memory, l);
	step_wait(&l->opened, 1);
	assert_int_equal(shunt_remove(l->name, NULL), -EBUSY);
	peer_kill(pid);
	int removed = shunt_remove(l->name, NULL);
	step_to(&l->end, 1);
	assert_int_equal(removed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(one_makes_it_and_the_last_removes_it),
	    TEST(two_that_close_at_once_leave_nothing),
	    TEST(what_replaced_it_is_not_removed),
	    TEST(who_attaches_gets_what_replaced_it),
	    TEST(users_and_removers),
	    TEST(one_makes_a_raw_segment),
	    TEST(a_killed_user_is_nobody),
	    TEST(a_child_that_keeps_the_descriptor_blocks_nobody),
	    TEST(a_dead_one_is_nobody_while_its_memory_lasts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
