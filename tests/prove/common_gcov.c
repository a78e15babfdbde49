/* SPDX-License-Identifier: MIT */
/*
 * Part of the library for SAN=cov alone.  gcov writes its counts when a
 * program exits; our tests have many processes that end by _exit() or by a
 * plain signal, and what those did would not be counted.  Nor would what the
 * handlers of pthread_atfork(3) do in a child: gcov's own fork() forgets it.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

void __gcov_dump(void);

__attribute__((noreturn)) void
_exit(int status)
{
	__gcov_dump();
	for (;;)
		syscall(SYS_exit_group, status);
}

/* The compiler calls this in place of fork(2), so here it has no name.  What
 * the parent did is counted twice: what matters is what was never done. */
pid_t __gcov_fork(void);
pid_t
__gcov_fork(void)
{
	static pid_t (*volatile plain)(void) = fork;

	return plain();
}

static void
dump(int sig)
{
	__gcov_dump();
	signal(sig, SIG_DFL);
	raise(sig);
}

__attribute__((constructor)) static void
begin(void)
{
	static const int sigs[] = {SIGTERM, SIGINT, SIGHUP, SIGALRM};
	struct sigaction now;

	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		if (sigaction(sigs[i], NULL, &now) == 0 &&
		    now.sa_handler == SIG_DFL)
			signal(sigs[i], dump);
}
