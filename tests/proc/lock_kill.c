/* SPDX-License-Identifier: MIT */
/*
 * Processes at one lock are killed, stopped and continued at random.  What the
 * lock guards is a count in two halves and an intent word: nobody finds them
 * in the middle of a turn without having repaired first, and every turn is
 * accounted for.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define WORKERS 5
#define RUN_MS  3000

struct table {
	char name[64];
	_Atomic uint32_t stop;
	/* Guarded by the lock, and by nothing else: not atomic. */
	volatile uint32_t inside; /* pid of who is between the halves */
	volatile uint64_t left, right;
	volatile uint64_t repairs;
	/* Turns that were given back; of each worker, over its lives. */
	_Atomic uint64_t turns[WORKERS];
	_Atomic uint64_t deaths;
	_Atomic uint64_t waited; /* the longest, ns */
};

static struct table *table;
static unsigned worker;

/* The dead one's half turn is taken back. */
static int
repair(void *arg)
{
	struct table *t = arg;

	t->right = t->left;
	t->inside = 0;
	t->repairs++;
	return 0;
}

static void
turn(struct table *t)
{
	NEED(t->inside == 0);
	NEED(t->left == t->right);
	t->inside = (uint32_t)getpid();
	t->right++;
	if (t->right % 64 == 0)
		usleep(50); /* so that some die and stand still inside */
	NEED(t->inside == (uint32_t)getpid());
	t->left++;
	t->inside = 0;
}

/* Often in short waits, each of which begins with a look at the holder: some
 * take the lock from the dead, as those do who get a dead one's place. */
static uint64_t
take(struct shunt_lock *lock, uint64_t *seed)
{
	int64_t wait_ns =
	    (test_random(seed) % 4 != 0 ? 1 : 20000) * (int64_t)MS;
	uint64_t began = test_now();
	int e;

	do {
		NEED(test_now() < began + 20000 * MS);
		e = shunt_lock_acquire(lock, wait_ns);
	} while (e == -ETIMEDOUT);
	NEED(e == 0);
	return test_now() - began;
}

static int
work(void *arg)
{
	struct table *t = arg;
	uint64_t seed = test_now() | 1;
	const struct shunt_lock_options o = {
	    .sz = sizeof(o), .threads = 16, .repair = repair, .repair_arg = t};
	struct shunt_lock *lock;

	NEED(shunt_lock_open(&lock, t->name, &o) == 0);
	while (!t->stop) {
		uint64_t took = take(lock, &seed);
		turn(t);
		if (took > t->waited)
			t->waited = took;
		NEED(shunt_lock_release(lock) == 0);
		atomic_fetch_add(&t->turns[worker], 1);
	}
	shunt_lock_close(&lock);
	return 0;
}

static pid_t
start(unsigned i)
{
	worker = i;
	return peer_start(work, table);
}

static void
disturb(pid_t *pid, uint64_t x)
{
	unsigned i = (unsigned)(x >> 8) % WORKERS;
	int status;

	if (x % 4 == 0) {
		NEED(kill(pid[i], SIGSTOP) == 0);
		NEED(waitpid(pid[i], &status, WUNTRACED) == pid[i] &&
		     WIFSTOPPED(status));
		usleep((useconds_t)(x >> 40) % 3000);
		NEED(kill(pid[i], SIGCONT) == 0);
	} else {
		NEED(kill(pid[i], SIGKILL) == 0);
		NEED(peer_end(pid[i]) == -SIGKILL);
		table->deaths++;
		usleep((useconds_t)(x >> 40) % 4000); /* others may find it */
		pid[i] = start(i);
	}
}

int
main(void)
{
	const struct shunt_lock_options o = {.sz = sizeof(o), .threads = 16};
	uint64_t seed = test_now() | 1, end, turns = 0;
	struct shunt_lock *keeper;
	pid_t pid[WORKERS];

	alarm(50);
	table = test_shared(sizeof(*table));
	snprintf(table->name, sizeof(table->name), "%s", test_name("lock"));
	printf("seed %llu\n", (unsigned long long)seed);
	NEED(shunt_lock_open(&keeper, table->name, &o) == 1);
	for (unsigned i = 0; i < WORKERS; i++)
		pid[i] = start(i);
	for (end = test_now() + RUN_MS * MS; test_now() < end;) {
		uint64_t x = test_random(&seed);
		usleep((useconds_t)(x >> 24) % 5000);
		disturb(pid, x);
	}
	table->stop = 1;
	for (unsigned i = 0; i < WORKERS; i++) {
		NEED(peer_end(pid[i]) == 0);
		turns += table->turns[i];
	}
	/* Each death may have cost the note of one turn that was done. */
	NEED(table->left == table->right && table->inside == 0);
	NEED(table->left >= turns && table->left <= turns + table->deaths);
	NEED(table->repairs <= table->deaths);
	/* Nothing is owed to anybody: not 1. */
	NEED(shunt_lock_acquire(keeper, SHUNT_NOWAIT) == 0);
	NEED(shunt_lock_release(keeper) == 0);
	NEED(table->deaths > 100 && table->left > 5000 && table->repairs > 5);
	NEED(table->waited < 15000 * MS);
	printf("%llu turns, %llu deaths, %llu repairs, longest wait %llu ms\n",
	    (unsigned long long)table->left, (unsigned long long)table->deaths,
	    (unsigned long long)table->repairs,
	    (unsigned long long)(table->waited / MS));
	shunt_lock_close(&keeper);
	NEED(!test_there(table->name));
	return 0;
}
