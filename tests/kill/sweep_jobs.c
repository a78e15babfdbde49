/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

/*
 * Several harnesses side by side, each on a processor of its own: a victim
 * that runs where its tracer runs is stopped and let go three times as fast as
 * one on another processor.  As root each also has a pid namespace, a /proc and
 * a /dev/shm of its own, so that what looks through them finds a handful of
 * processes and names, and nothing outlives its harness.
 */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sweep_int.h"

enum { MAX_JOBS = 64 };

static volatile pid_t jobs[MAX_JOBS]; /* for the signal handler */
static volatile sig_atomic_t told;

/* The n-th processor that we may use, counted round. */
static void
pin(unsigned nth)
{
	cpu_set_t may, one;
	int cpu;

	if (sched_getaffinity(0, sizeof(may), &may) < 0 || CPU_COUNT(&may) == 0)
		return;
	nth %= (unsigned)CPU_COUNT(&may);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &may) && nth-- == 0)
			break;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

unsigned
jobs_default(void)
{
	cpu_set_t may;

	if (sched_getaffinity(0, sizeof(may), &may) < 0)
		return 1;
	return CPU_COUNT(&may) < MAX_JOBS ? (unsigned)CPU_COUNT(&may)
					  : MAX_JOBS;
}

static void
pass_on(int sig)
{
	int i;

	told = 1;
	for (i = 0; i < MAX_JOBS; i++)
		if (jobs[i] > 0)
			kill(jobs[i], sig);
}

static void
listen_to(void (*fn)(int))
{
	struct sigaction sa = {.sa_handler = fn};

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

static pid_t
offspring(int slot)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (pid > 0) {
		jobs[slot] = pid;
		return pid;
	}
	for (int i = 0; i < MAX_JOBS; i++)
		jobs[i] = 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* In a new pid namespace the parent is none of us: 0. */
	if (getppid() != parent && getppid() != 0)
		_exit(127);
	return 0;
}

/* Until that child ends; others that come to us are buried on the way. */
static int
bury(pid_t pid)
{
	int status = 0;
	pid_t got;

	for (;;) {
		got = waitpid(-1, &status, 0);
		if (got == pid)
			break;
		if (got < 0 && errno != EINTR)
			return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Who writes his pid in digits writes the same number of them each time. */
static void
long_pids(void)
{
	FILE *f = fopen("/proc/sys/kernel/ns_last_pid", "we");

	if (f == NULL)
		return;
	fputs("10000", f);
	fclose(f);
}

/*
 * The first process of a pid namespace gets the orphans of all others, and
 * must not be the harness, which waits for its own children only.
 */
static void
own_namespace(void)
{
	pid_t pid;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
		return;
	pid = offspring(0);
	if (pid > 0)
		_exit(bury(pid));
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0)
		perror("sweep: /proc of a pid namespace");
	if (mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777") < 0)
		perror("sweep: a /dev/shm of our own");
	long_pids();
	pid = offspring(0);
	if (pid > 0)
		_exit(bury(pid));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/*
 * fn(nth, arg) in each of n children; what they have to say is in memory that
 * they share with us.  0, or how many did not come to their end.
 */
unsigned
jobs_run(unsigned n, void (*fn)(unsigned, void *), void *arg)
{
	unsigned i, bad = 0;
	int status;

	if (n > MAX_JOBS)
		n = MAX_JOBS;
	listen_to(pass_on);
	for (i = 0; i < n; i++) {
		if (offspring((int)i) != 0)
			continue;
		pin(i);
		own_namespace();
		listen_to(SIG_DFL);
		fn(i, arg);
		fflush(NULL);
		_exit(0);
	}
	for (i = 0; i < n; i++) {
		while (waitpid(jobs[i], &status, 0) < 0 && errno == EINTR)
			;
		jobs[i] = 0;
		bad += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	}
	listen_to(SIG_DFL);
	return bad;
}

bool
jobs_told_to_end(void)
{
	return told != 0;
}
