/* SPDX-License-Identifier: MIT */
/*
 * Pain 4: a robust lock comes free, and what it guards is half written.
 * Remedy in C: the repair function runs with the lock held, before anybody
 * enters; killed in it, the next one repairs again.
 * limit: 20
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

/* What must always sum up to 100. */
struct account {
	int from, to;
	int repairs; /* that were begun */
	struct step step;
};

static struct account *account;
static const char *name;

static int
repair(void *arg)
{
	int *deadly = arg;

	account->repairs++;
	if (*deadly)
		raise(SIGKILL);
	account->to = 100 - account->from;
	return 0;
}

static struct shunt_lock *
attach(int *deadly)
{
	struct shunt_lock_options opts = {
	    .sz = sizeof(opts), .repair = repair, .repair_arg = deadly};
	struct shunt_lock *lock;

	NEED(shunt_lock_open(&lock, name, &opts) >= 0);
	return lock;
}

static int
die_inside(void *arg)
{
	struct shunt_lock *lock = attach(arg);

	NEED(shunt_lock_acquire(lock, SHUNT_FOREVER) == 0);
	account->from -= 40;
	raise(SIGKILL);
	return 0;
}

int
main(void)
{
	int harmless = 0, deadly = 1;

	name = test_name("pain4");
	account = test_shared(sizeof(*account));
	*account = (struct account){.from = 100};
	struct shunt_lock *lock = attach(&harmless);

	NEED(peer_end(peer_start(die_inside, &harmless)) == -SIGKILL);
	NEED(account->from + account->to == 60);
	/* The next one is killed in its repair. */
	NEED(peer_end(peer_start(die_inside, &deadly)) == -SIGKILL);
	NEED(account->repairs == 1);
	NEED(account->from + account->to == 60);
	NEED(shunt_lock_acquire(lock, 5000 * (int64_t)MS) == 0);
	NEED(account->repairs == 2);
	NEED(account->from + account->to == 100);
	NEED(shunt_lock_release(lock) == 0);
	/* Repaired is repaired. */
	NEED(shunt_lock_acquire(lock, SHUNT_NOWAIT) == 0);
	NEED(account->repairs == 2);
	NEED(shunt_lock_release(lock) == 0);
	shunt_lock_close(&lock);
	puts("1 passed, 0 failed, 0 skipped");
	return 0;
}
