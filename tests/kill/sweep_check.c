/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

/*
 * Callbacks of a case under a time limit.  check() is a survivor that meets
 * whatever a kill left behind: it may crash or hang, and the sweep goes on.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sweep_int.h"

enum { CALLBACK_MS = 20 * 1000 };

static const char *guarded_case, *guarded_what;
static sigjmp_buf inline_out;
static volatile sig_atomic_t inline_on; /* a check runs in the harness */

static unsigned
check_ms(const struct run *u)
{
	return u->c->check_ms != 0 ? u->c->check_ms : 10000;
}

/* ---- setup, rearm, teardown ---- */

/* In the signal handler: only write() and _exit(). */
static void
guard_late(void)
{
	static const char text[] = " hung: the sweep ends here\n";
	ssize_t n;

	n = write(STDERR_FILENO, guarded_case, strlen(guarded_case));
	n = write(STDERR_FILENO, ": ", 2);
	n = write(STDERR_FILENO, guarded_what, strlen(guarded_what));
	n = write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)n;
	_exit(1);
}

void
guard_on(const char *name, const char *what)
{
	guarded_case = name;
	guarded_what = what;
	deadline_calls(guard_late);
	deadline_arm(CALLBACK_MS);
}

void
guard_off(void)
{
	deadline_calls(NULL);
	deadline_off();
}

/* ---- check in the harness itself ---- */

static void
inline_late(void)
{
	if (inline_on)
		siglongjmp(inline_out, -1);
}

static void
inline_crash(int sig)
{
	if (inline_on)
		siglongjmp(inline_out, sig);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void
inline_handlers(void (*fn)(int))
{
	static const int sigs[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	size_t i;

	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		signal(sigs[i], fn);
}

static int
check_inline(struct run *u, unsigned long point)
{
	volatile int rc = 1;
	int how;

	how = sigsetjmp(inline_out, 1);
	if (how == 0) {
		inline_on = 1;
		inline_handlers(inline_crash);
		deadline_calls(inline_late);
		deadline_arm(check_ms(u));
		rc = u->c->check(u->ctx, point);
		if (rc != 0)
			snprintf(u->why, sizeof(u->why), "check failed");
	} else {
		u->isolate = true;
		u->hung = how < 0;
		snprintf(u->why, sizeof(u->why), "check %s",
		    how < 0 ? "hung" : strsignal(how));
	}
	inline_on = 0;
	deadline_calls(NULL);
	deadline_off();
	inline_handlers(SIG_DFL);
	return rc;
}

/* ---- check in a child ---- */

static void
check_child(struct run *u, unsigned long point)
{
	int rc;

	if (u->o->quiet && freopen("/dev/null", "w", stdout) != NULL)
		dup2(STDOUT_FILENO, STDERR_FILENO);
	rc = u->c->check(u->ctx, point);
	fflush(NULL);
	_exit(rc == 0 ? 0 : 1);
}

static int
check_forked(struct run *u, unsigned long point)
{
	enum event ev;
	int status = 0;
	pid_t pid;

	deadline_arm(check_ms(u));
	pid = child_fork();
	if (pid == 0)
		check_child(u, point);
	ev = child_wait(pid, &status);
	deadline_off();
	if (ev == EV_STOP)
		return 0;
	u->hung = ev == EV_HUNG;
	if (u->hung)
		snprintf(u->why, sizeof(u->why), "check hung");
	else if (WIFSIGNALED(status))
		snprintf(u->why, sizeof(u->why), "check died of signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == 1)
		snprintf(u->why, sizeof(u->why), "check failed");
	else if (WEXITSTATUS(status) != 0)
		snprintf(u->why, sizeof(u->why), "check exited with %d",
		    WEXITSTATUS(status));
	else
		return 0;
	return 1;
}

int
run_check(struct run *u, unsigned long point)
{
	u->hung = false;
	if ((u->c->flags & SWEEP_CHECK_INLINE) != 0 && !u->isolate)
		return check_inline(u, point);
	return check_forked(u, point);
}
