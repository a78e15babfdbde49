/* SPDX-License-Identifier: MIT */
/*
 * Part of the library for SAN=cov alone.  gcov writes its counts when a
 * program exits; our tests have many processes that end by _exit() or by a
 * plain signal, and what those did would not be counted.
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
