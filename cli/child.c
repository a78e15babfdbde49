/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "fail.h"
#include "out.h"
#include "signals.h"

static int ended_by; /* the signal that ended the program, and came here too */
static sigset_t started_with; /* signals that were blocked then */
static int blocked;
static int stop_came; /* SIGINT, SIGTERM or SIGHUP, while a program ran */
static int ran;       /* the last program was begun */

char **
child_split(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++)
		if (strcmp(argv[i], "--") == 0) {
			*argc = i;
			return argv + i + 1;
		}
	return NULL;
}

void
child_announce(char *const *argv)
{
	const char *base = strrchr(argv[0], '/');
	char comm[16];

	snprintf(
	    comm, sizeof(comm), "shunt:%s", base != NULL ? base + 1 : argv[0]);
	prctl(PR_SET_NAME, comm);
}

/* What is passed on, and the program's end. */
static void
watched(sigset_t *set)
{
	static const int sigs[] = {
	    SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

	sigemptyset(set);
	for (unsigned i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		sigaddset(set, sigs[i]);
}

int
child_become(const struct command *cmd, char *const *argv)
{
	int e;

	fflush(NULL);
	signals_lend(1);
	execvp(argv[0], argv);
	e = errno;
	signals_lend(0);
	fail_say(cmd, "%s: %s", out_safe(argv[0]),
	    e == ENOENT ? "no such program" : strerror(e));
	return e == ENOENT ? 127 : 126;
}

/*
 * A signal of the kernel (Ctrl-C, a hang-up) goes to the whole foreground
 * group: the program has it already.  One that a process sent is ours alone.
 */
static int
await(pid_t pid, const sigset_t *set)
{
	sigset_t came;
	siginfo_t info;
	int status, sig;

	sigemptyset(&came);
	while (waitpid(pid, &status, WNOHANG) != pid) {
		sig = sigwaitinfo(set, &info);
		if (sig <= 0 || sig == SIGCHLD)
			continue;
		sigaddset(&came, sig);
		if (sig == SIGINT || sig == SIGTERM || sig == SIGHUP)
			stop_came = sig;
		if (info.si_code != SI_KERNEL)
			kill(pid, sig);
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (sigismember(&came, WTERMSIG(status)) == 1)
		ended_by = WTERMSIG(status);
	return 128 + WTERMSIG(status);
}

/* From here on they stay blocked: until what is held is given back, no signal
 * must end this process.  -1: one came before. */
static int
block(sigset_t *set)
{
	watched(set);
	if (!blocked)
		sigprocmask(SIG_BLOCK, set, &started_with);
	blocked = 1;
	if (!signals_stopped())
		return 0;
	sigprocmask(SIG_SETMASK, &started_with, NULL);
	return -1;
}

/* In the child.  The pipe closes with the exec; else a byte says so. */
static void
begin(const struct command *cmd, char *const *argv, int failed)
{
	int rc;

	signals_lend(1);
	sigprocmask(SIG_SETMASK, &started_with, NULL);
	rc = child_become(cmd, argv);
	if (write(failed, "", 1) != 1)
		rc = 126;
	_exit(rc);
}

static int
has_begun(int failed)
{
	char byte;
	ssize_t n;

	do
		n = read(failed, &byte, 1);
	while (n < 0 && errno == EINTR);
	return n != 1;
}

int
child_run(const struct command *cmd, char *const *argv)
{
	sigset_t set;
	int failed[2];
	pid_t pid;

	ran = 0;
	if (block(&set) < 0)
		return CHILD_STOPPED;
	if (stop_came != 0) {
		/* It came to the program before this one, and meant us. */
		ended_by = stop_came;
		return CHILD_STOPPED;
	}
	/* Were it ignored, nobody would tell us of the program's end. */
	signal(SIGCHLD, SIG_DFL);
	fflush(NULL);
	if (pipe2(failed, O_CLOEXEC) < 0)
		return fail_say(cmd, "%s: no pipe can be had for it: %s",
		    out_safe(argv[0]), strerror(errno));
	pid = fork();
	if (pid == 0)
		begin(cmd, argv, failed[1]);
	close(failed[1]);
	if (pid > 0)
		ran = has_begun(failed[0]);
	else
		fail_say(cmd, "%s: no process can be made for it: %s",
		    out_safe(argv[0]), strerror(errno));
	close(failed[0]);
	return pid > 0 ? await(pid, &set) : CLI_FAILED;
}

int
child_rest(void)
{
	if (blocked)
		sigprocmask(SIG_SETMASK, &started_with, NULL);
	blocked = 0;
	return stop_came != 0;
}

int
child_ran(void)
{
	return ran;
}

int
child_end(int exit_code)
{
	sigset_t set;

	/* A core of this process would tell nobody anything. */
	if (ended_by != SIGINT && ended_by != SIGTERM && ended_by != SIGHUP)
		return signals_reraise(exit_code);
	fflush(NULL);
	signal(ended_by, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, ended_by);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(ended_by);
	return exit_code;
}
