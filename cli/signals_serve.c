/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include "signals.h"

/*
 * Signals of a log server.  SIGTERM and SIGINT drain and end.  SIGHUP says
 * two things: a rotation tool means "open the file anew"; a terminal that
 * goes away means "end".  They are told apart by who sent it:
 *   the kernel               a terminal hung up: end.
 *   our shell or our parent  as the terminal is: gone: end; there: open anew,
 *                            and look again a second later, for a shell that
 *                            exits sends this just before its terminal goes.
 *   anybody else             open anew, whatever became of the terminal.
 * A server without a terminal, or under nohup, always opens anew.
 */

static struct shunt_logd *volatile serving;
static volatile sig_atomic_t on_terminal;
static volatile pid_t leader, parent;

static int
terminal_gone(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return 1;
	close(fd);
	return 0;
}

static void
on_stop(int sig)
{
	(void)sig;
	if (serving != NULL)
		shunt_logd_stop(serving);
}

static void
on_alarm(int sig)
{
	if (terminal_gone())
		on_stop(sig);
}

static void
on_hangup(int sig, siginfo_t *info, void *context)
{
	int ours = info->si_pid == leader || info->si_pid == parent;

	(void)context;
	if (on_terminal && info->si_code == SI_KERNEL) {
		on_stop(sig);
		return;
	}
	if (on_terminal && ours) {
		if (terminal_gone()) {
			on_stop(sig);
			return;
		}
		alarm(1);
	}
	if (serving != NULL)
		shunt_logd_reopen(serving);
}

static void
handle(int sig, void (*handler)(int))
{
	struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART};

	sigfillset(&sa.sa_mask);
	sigdelset(&sa.sa_mask, SIGBUS);
	sigaction(sig, &sa, NULL);
}

void
signals_serve(struct shunt_logd *logd)
{
	struct sigaction old, sa = {.sa_sigaction = on_hangup,
				  .sa_flags = SA_RESTART | SA_SIGINFO};

	serving = logd;
	leader = getsid(0);
	parent = getppid();
	on_terminal = !terminal_gone();
	if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
		on_terminal = 0;
	handle(SIGTERM, on_stop);
	handle(SIGINT, on_stop);
	handle(SIGALRM, on_alarm);
	sigfillset(&sa.sa_mask);
	sigdelset(&sa.sa_mask, SIGBUS);
	sigaction(SIGHUP, &sa, NULL);
}

void
signals_serve_end(void)
{
	/* A late signal must not reach a server that is freed. */
	alarm(0);
	serving = NULL;
}
