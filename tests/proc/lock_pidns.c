/* SPDX-License-Identifier: MIT */
/*
 * Two PID namespaces, each with a PID 1 that uses one lock and one semaphore:
 * they are two, the living is not taken for dead, and the dead one's lock and
 * permit come to the other.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

struct scene {
	char lock[64], pool[64];
	struct step first;  /* 1: the first holds both */
	struct step second; /* 1: it waits; 2: was refused; 3: has both */
	struct step dead;   /* 1: the first is dead */
};

static const struct shunt_lock_options few = {.sz = sizeof(few), .threads = 4};
static const struct shunt_semaphore_options one = {
    .sz = sizeof(one), .threads = 4};

static void
attach(struct scene *s, struct shunt_lock **lock, struct shunt_semaphore **pool)
{
	NEED(getpid() == 1);
	NEED(shunt_lock_open(lock, s->lock, &few) == 0);
	NEED(shunt_semaphore_open(pool, s->pool, &one) == 0);
}

static int
first(struct scene *s)
{
	struct shunt_lock *lock;
	struct shunt_semaphore *pool;

	attach(s, &lock, &pool);
	NEED(shunt_lock_acquire(lock, SHUNT_NOWAIT) == 0);
	NEED(shunt_semaphore_wait(pool, SHUNT_NOWAIT) == 0);
	step_to(&s->first, 1);
	for (;;)
		pause();
}

/* Longer than a sleep: each ends in a look at the owner's byte. */
#define LONG (400 * (int64_t)MS)
#define LAST (10000 * (int64_t)MS)

static int
second(struct scene *s)
{
	struct shunt_lock *lock;
	struct shunt_semaphore *pool;

	step_wait(&s->first, 1);
	attach(s, &lock, &pool);
	step_to(&s->second, 1);
	NEED(shunt_lock_acquire(lock, SHUNT_NOWAIT) == -EAGAIN);
	NEED(shunt_lock_acquire(lock, LONG) == -ETIMEDOUT);
	NEED(shunt_semaphore_wait(pool, SHUNT_NOWAIT) == -EAGAIN);
	NEED(shunt_semaphore_wait(pool, LONG) == -ETIMEDOUT);
	step_to(&s->second, 2);
	/* Asleep before the other dies, or after it: the same. */
	NEED(shunt_lock_acquire(lock, LAST) == 1);
	NEED(shunt_semaphore_wait(pool, LAST) == 0);
	NEED(s->dead.n == 1);
	step_to(&s->second, 3);
	NEED(shunt_lock_release(lock) == 0);
	NEED(shunt_semaphore_post(pool) == 0);
	shunt_lock_close(&lock);
	shunt_semaphore_close(&pool);
	return 0;
}

static struct scene *scene;
static int (*role)(struct scene *);

static int
own_namespace(void *arg)
{
	int status;

	(void)arg;
	if (unshare(CLONE_NEWPID) != 0)
		return 77;
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(40);
		_exit(role(scene));
	}
	NEED(pid > 0);
	NEED(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static pid_t
start(int (*r)(struct scene *))
{
	role = r;
	return peer_start(own_namespace, NULL);
}

int
main(void)
{
	struct shunt_lock *lock;
	struct shunt_semaphore *pool;
	struct shunt_recovery list[4];
	pid_t pid[2];
	int status;

	alarm(50);
	scene = test_shared(sizeof(*scene));
	snprintf(scene->lock, sizeof(scene->lock), "%s", test_name("ns"));
	snprintf(scene->pool, sizeof(scene->pool), "%s", test_name("ns"));
	NEED(shunt_lock_open(&lock, scene->lock, &few) == 1);
	NEED(shunt_semaphore_open(&pool, scene->pool, &one) == 1);
	pid[0] = start(first);
	while (scene->first.n == 0) {
		/* It ends at once where namespaces are not to be had. */
		if (waitpid(pid[0], &status, WNOHANG) == pid[0]) {
			NEED(WIFEXITED(status) && WEXITSTATUS(status) == 77);
			printf("no PID namespace can be had here\n");
			return 77;
		}
		usleep(1000);
	}
	pid[1] = start(second);
	step_wait(&scene->second, 2);
	step_to(&scene->dead, 1);
	peer_kill(pid[0]); /* and by PDEATHSIG its PID 1 */
	step_wait(&scene->second, 3);
	NEED(peer_end(pid[1]) == 0);
	/* Both were PID 1 to themselves. */
	NEED(shunt_recoveries(scene->lock, list, 4) == 1);
	NEED(list[0].dead_pid == 1 && list[0].by_pid == 1);
	NEED(shunt_recoveries(scene->pool, list, 4) == 1);
	NEED(list[0].dead_pid == 1 && list[0].permits == 1);
	NEED(shunt_lock_acquire(lock, SHUNT_NOWAIT) == 0);
	NEED(shunt_semaphore_wait(pool, SHUNT_NOWAIT) == 0);
	shunt_lock_close(&lock);
	shunt_semaphore_close(&pool);
	/* The lock was closed with its holder inside: it is kept for a repair.
	 */
	NEED(test_there(scene->lock) && !test_there(scene->pool));
	return 0;
}
