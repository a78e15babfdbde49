/* SPDX-License-Identifier: MIT */
/*
 * Two PID namespaces, each with a PID 1 that sends: they are two, and the
 * death of one is not the death of the other.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shunt.h>

#include "proc/libflow.h"

struct side {
	struct step sent; /* how many messages */
	struct step go;   /* how many it may send */
	char name[64];
};

static const struct shunt_queue_options small = {
    .sz = sizeof(small), .lanes = 4, .lane_bytes = 4096};

/* PID 1 of its namespace. */
static int
first_process(struct side *s)
{
	struct shunt_queue *queue;

	NEED(getpid() == 1);
	NEED(shunt_queue_open(&queue, s->name, &small) >= 0);
	for (uint32_t n = 1;; n++) {
		step_wait(&s->go, n);
		NEED(shunt_queue_send(queue, &n, sizeof(n), NULL) == 0);
		step_to(&s->sent, n);
	}
}

static int namespace(void *arg)
{
	int status;

	if (unshare(CLONE_NEWPID) != 0)
		return 77;
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(40);
		_exit(first_process(arg));
	}
	NEED(pid > 0);
	NEED(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static uint32_t
receive(struct shunt_queue *queue, uint32_t *lane)
{
	const struct shunt_recv_options soon = {
	    .sz = sizeof(soon), .wait_ns = 10000 * (int64_t)MS};
	struct shunt_message info = {.sz = sizeof(info)};
	uint32_t n = 0;

	NEED(shunt_queue_recv(queue, &n, sizeof(n), &info, &soon) == sizeof(n));
	*lane = info.lane;
	return n;
}

int
main(void)
{
	struct side *s[2];
	struct shunt_queue *queue;
	const char *name = test_name("pidns");
	pid_t pid[2];
	uint32_t lane[2], other;

	alarm(50);
	NEED(shunt_queue_open(&queue, name, &small) == 1);
	for (int i = 0; i < 2; i++) {
		s[i] = test_shared(sizeof(*s[i]));
		snprintf(s[i]->name, sizeof(s[i]->name), "%s", name);
		pid[i] = peer_start(namespace, s[i]);
		/* It ends at once where namespaces are not to be had. */
		int status;
		step_to(&s[i]->go, 1);
		while (s[i]->sent.n < 1) {
			if (waitpid(pid[i], &status, WNOHANG) == pid[i]) {
				NEED(WIFEXITED(status) &&
				     WEXITSTATUS(status) == 77);
				printf("no PID namespace can be had here\n");
				return 77;
			}
			usleep(1000);
		}
	}
	NEED(receive(queue, &lane[0]) == 1);
	NEED(receive(queue, &lane[1]) == 1);
	NEED(lane[0] != lane[1]);
	/* The first dies: nobody takes the second for dead. */
	peer_kill(pid[0]); /* and by PDEATHSIG its PID 1 */
	for (uint32_t n = 2; n < 50; n++) {
		step_to(&s[1]->go, n);
		NEED(receive(queue, &other) == n);
		NEED(other == lane[0] || other == lane[1]);
	}
	/* Two more senders find one free lane and two that nobody had. */
	uint32_t one = 1;
	for (int i = 0; i < 2; i++) {
		struct shunt_queue *more;
		uint32_t got;
		NEED(shunt_queue_open(&more, name, &small) == 0);
		NEED(shunt_queue_send(more, &one, sizeof(one), NULL) == 0);
		NEED(receive(queue, &got) == 1);
		NEED(got != other); /* that of the living */
		shunt_queue_close(&more);
	}
	peer_kill(pid[1]);
	shunt_queue_close(&queue);
	shunt_remove(name, NULL);
	return 0;
}
