/* SPDX-License-Identifier: MIT */
/* limit: 30 */
/*
 * The holder of a lock and of a permit is stopped, as by ^Z, for longer than
 * anybody's patience: it is alive, nobody takes anything from it, everybody
 * else goes on; and it goes on as if nothing had been.
 *
 * usage: stopped [SECONDS]     so long, all in all; ./dev prove has a minute
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define LAST (10000 * (int64_t)MS)

static const char *lock_name, *pool_name, *queue_name;
static struct step *at; /* 1: holds; 2: may give back; 3: gave back */
static int repairs;
static unsigned seconds;                     /* on the command line */
static int64_t patience = 700 * (int64_t)MS; /* holders are looked at twice */

static const struct shunt_send_options send_now = {
    .sz = sizeof(send_now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_recv_options recv_now = {
    .sz = sizeof(recv_now), .wait_ns = SHUNT_NOWAIT};

static int
repair(void *arg)
{
	++*(int *)arg;
	return 0;
}

static void
attach(
    struct shunt_lock **l, struct shunt_semaphore **s, struct shunt_queue **q)
{
	static const struct shunt_lock_options lo = {
	    .sz = sizeof(lo), .repair = repair, .repair_arg = &repairs};
	static const struct shunt_semaphore_options so = {
	    .sz = sizeof(so), .permits = 1};
	static const struct shunt_queue_options qo = {
	    .sz = sizeof(qo), .lane_bytes = 4096, .lanes = 4};

	NEED(shunt_lock_open(l, lock_name, &lo) >= 0);
	NEED(shunt_semaphore_open(s, pool_name, &so) >= 0);
	NEED(shunt_queue_open(q, queue_name, &qo) >= 0);
}

static int
holder(void *arg)
{
	struct shunt_semaphore *s;
	struct shunt_queue *q;
	struct shunt_lock *l;
	void *room;

	(void)arg;
	alarm(25 + seconds);
	attach(&l, &s, &q);
	NEED(shunt_lock_acquire(l, SHUNT_NOWAIT) == 0);
	NEED(shunt_semaphore_wait(s, SHUNT_NOWAIT) == 0);
	/* In the middle of a message, too. */
	NEED(shunt_queue_send(q, "before", 6, &send_now) == 0);
	NEED(shunt_queue_reserve(q, 5, &room, &send_now) == 0);
	step_to(at, 1);
	step_wait(at, 2);
	NEED(shunt_queue_commit(q, 5) == 0);
	NEED(shunt_semaphore_post(s) == 0);
	NEED(shunt_lock_release(l) == 0);
	step_to(at, 3);
	return 0;
}

int
main(int argc, char **argv)
{
	struct shunt_semaphore *s;
	struct shunt_queue *q;
	struct shunt_lock *l;
	int status;
	char buf[16];
	pid_t pid;

	if (argc > 1)
		seconds = (unsigned)strtoul(argv[1], NULL, 10);
	alarm(25 + seconds);
	if (seconds != 0) /* it is waited for twice */
		patience = (int64_t)seconds * 500 * (int64_t)MS;
	lock_name = test_name("stopped-lock");
	pool_name = test_name("stopped-pool");
	queue_name = test_name("stopped-queue");
	at = test_shared(sizeof(*at));
	pid = peer_start(holder, NULL);
	step_wait(at, 1);
	NEED(kill(pid, SIGSTOP) == 0);
	NEED(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));

	attach(&l, &s, &q);
	NEED(shunt_lock_acquire(l, patience) == -ETIMEDOUT);
	NEED(shunt_semaphore_wait(s, patience) == -ETIMEDOUT);
	NEED(shunt_queue_recv(q, buf, sizeof(buf), NULL, &recv_now) == 6);
	for (int i = 0; i < 1000; i++) {
		NEED(shunt_queue_send(q, "ours", 4, &send_now) == 0);
		NEED(shunt_queue_recv(q, buf, sizeof(buf), NULL, &recv_now) ==
		     4);
	}
	NEED(shunt_queue_recv(q, buf, sizeof(buf), NULL, &recv_now) == -EAGAIN);

	/* In this order: its patience for the step ran out while it slept. */
	step_to(at, 2);
	NEED(kill(pid, SIGCONT) == 0);
	step_wait(at, 3);
	NEED(shunt_lock_acquire(l, LAST) == 0 && repairs == 0);
	NEED(shunt_semaphore_wait(s, LAST) == 0);
	NEED(shunt_queue_recv(q, buf, sizeof(buf), NULL, &recv_now) == 5);
	NEED(shunt_lock_release(l) == 0 && shunt_semaphore_post(s) == 0);
	NEED(peer_end(pid) == 0);
	shunt_lock_close(&l);
	shunt_semaphore_close(&s);
	shunt_queue_close(&q);
	return 0;
}
