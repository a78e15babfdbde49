/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

/*
 * Children, and the one deadline that every wait of the harness has.  No child
 * outlives the harness: PR_SET_PDEATHSIG for each, a process group of its own
 * for what it forks itself, and SIGINT and SIGTERM kill all that live.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sweep_int.h"

enum { MAX_LIVE = 4 };

static volatile sig_atomic_t stopping, deadline_hit;
static volatile pid_t live[MAX_LIVE]; /* for the signal handler */
static pid_t harness;
static timer_t timer;
static unsigned patience = 1;
static void (*volatile on_late)(void); /* from the signal handler */

double
now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* splitmix64: good enough for choosing points, and the same everywhere. */
uint64_t
rnd_mix(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* ---- deadline and signals ---- */

/*
 * The timer repeats after its first shot: one that comes between the test of
 * the flag and waitpid() would otherwise be lost.
 */
static void
arm(long ms, long again_ms)
{
	struct itimerspec it = {
	    .it_value = {ms / 1000, ms % 1000 * 1000000},
	    .it_interval = {0, again_ms * 1000000},
	};

	timer_settime(timer, 0, &it, NULL);
}

void
deadline_arm(unsigned ms)
{
	deadline_hit = 0;
	arm((long)ms * patience, 50);
}

void
deadline_patience(unsigned times)
{
	patience = times;
}

void
deadline_off(void)
{
	arm(0, 0);
	deadline_hit = 0;
}

bool
deadline_passed(void)
{
	return deadline_hit != 0;
}

bool
sweep_stopping(void)
{
	return stopping != 0;
}

static void
on_deadline(int sig)
{
	(void)sig;
	deadline_hit = 1;
	if (on_late != NULL)
		on_late();
}

void
deadline_calls(void (*fn)(void))
{
	on_late = fn;
}

/* The children inherit this handler; in them it ends them. */
static void
on_stop(int sig)
{
	int i;

	if (getpid() != harness)
		_exit(128 + sig);
	if (stopping)
		_exit(128 + sig); /* Asked twice: a callback hangs. */
	stopping = 1;
	for (i = 0; i < MAX_LIVE; i++)
		if (live[i] > 0)
			kill(live[i], SIGKILL);
}

static void
live_add(pid_t pid)
{
	int i;

	for (i = 0; i < MAX_LIVE; i++)
		if (live[i] == 0) {
			live[i] = pid;
			return;
		}
}

static void
live_del(pid_t pid)
{
	int i;

	for (i = 0; i < MAX_LIVE; i++)
		if (live[i] == pid)
			live[i] = 0;
}

/* ---- children ---- */

pid_t
child_fork(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (pid > 0) {
		live_add(pid);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != harness)
		_exit(127);
	setpgid(0, 0);
	return 0;
}

enum event
child_reap(pid_t pid, int *status)
{
	for (;;) {
		if (stopping)
			return EV_STOP;
		if (deadline_hit)
			return EV_HUNG;
		if (waitpid(pid, status, __WALL) == pid)
			return EV_TRAP;
		if (errno != EINTR) {
			perror("waitpid");
			exit(2);
		}
	}
}

/* What a dead child had forked itself stands in its process group. */
void
child_forget(pid_t pid)
{
	live_del(pid);
	kill(-pid, SIGKILL);
}

/*
 * SIGKILL and the corpse.  A process that does not die of it hangs inside the
 * kernel: nothing after that would mean anything.
 */
void
child_kill(pid_t pid)
{
	double limit = now_s() + 10;
	int status;
	pid_t got;

	kill(pid, SIGKILL);
	for (;;) {
		got = waitpid(pid, &status, __WALL);
		if (got == pid && (WIFEXITED(status) || WIFSIGNALED(status)))
			break;
		if (got < 0 && errno != EINTR)
			break;
		if (now_s() > limit) {
			fprintf(stderr, "sweep: pid %d outlives SIGKILL\n",
			    (int)pid);
			exit(2);
		}
	}
	child_forget(pid);
}

enum event
child_wait(pid_t pid, int *status)
{
	enum event ev = child_reap(pid, status);

	if (ev == EV_TRAP)
		child_forget(pid);
	else
		child_kill(pid);
	return ev;
}

/* ---- start ---- */

static void catch (int sig, void (*fn)(int))
{
	struct sigaction sa = {.sa_handler = fn}; /* no SA_RESTART */

	sigaction(sig, &sa, NULL);
}

int
child_init(void)
{
	struct sigevent se = {.sigev_notify = SIGEV_SIGNAL};

	if (harness == getpid())
		return 0;
	harness = getpid();
	se.sigev_signo = SIGRTMAX - 1;
	if (timer_create(CLOCK_MONOTONIC, &se, &timer) < 0)
		return -errno;
	catch (SIGRTMAX - 1, on_deadline);
	catch (SIGINT, on_stop);
	catch (SIGTERM, on_stop);
	catch (SIGHUP, on_stop);
	prctl(PR_SET_TIMERSLACK, 1ul);
	return 0;
}
