/* SPDX-License-Identifier: MIT */
/* limit: 60 */
/*
 * A peer whose monotonic clock is eleven days ahead, and one whose is behind:
 * a time namespace.  Waits last as long as they say, for nobody compares his
 * clock with another's, and time never decides who is dead.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proc/libguest.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static long offset;

static long
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long)ts.tv_sec;
}

/* Children are in the new namespace, we stay: the guest is a child of ours. */
static void
other_clock(struct guest *g)
{
	long before = seconds(), apart;
	int fd, status, n;
	char text[64];
	pid_t pid;

	if (unshare(CLONE_NEWTIME) < 0)
		GUEST_CANNOT(g, "a time namespace");
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	n = snprintf(text, sizeof(text), "monotonic %ld 0\n", offset);
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		GUEST_CANNOT(g, "an offset of the clock");
	close(fd);
	pid = fork();
	NEED(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		apart = seconds() - before - offset;
		NEED(apart >= 0 && apart < 10);
		return;
	}
	/* Its death is ours. */
	while (waitpid(pid, &status, 0) != pid)
		;
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	kill(getpid(), SIGKILL);
}

static void
end_here(struct guest *g)
{
	(void)g;
	kill(getpid(), SIGKILL);
}

int
main(void)
{
	int skipped = 0;

	alarm(55);
	offset = 1000000;
	skipped += guest_scene("clock ahead", other_clock, end_here) != 0;
	/* As far back as it can be: no clock goes below 0. */
	offset = -(seconds() / 2);
	skipped += guest_scene("clock behind", other_clock, end_here) != 0;
	if (skipped == 2)
		printf("no time namespace is to be had here\n");
	return skipped == 2 ? 77 : 0;
}
