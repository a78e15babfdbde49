/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "out.h"
#include "signals.h"

#define SLICE_NS INT64_C(200000000)

static char bus_sentence[1200];
static char bus_command[32];
static volatile sig_atomic_t stop_signal;
static volatile sig_atomic_t mortal;

/* Of each signal that is handled here: what it did before, and does now. */
static struct sigaction before[32], now[32];
static uint32_t handled;

static void
on_bus(int sig)
{
	ssize_t n = write(STDERR_FILENO, bus_sentence, strlen(bus_sentence));

	/* Nothing behind this could be trusted: no flush, no handlers. */
	(void)sig;
	(void)n;
	_exit(CLI_FAILED);
}

void
signals_object(const char *name)
{
	const char *shown = name != NULL ? out_safe(name) : "the log";

	snprintf(bus_sentence, sizeof(bus_sentence),
	    "shunt %s: %.900s was truncated by another process while it was "
	    "in use here; what was cut off is lost: remove it with "
	    "`shunt rm --force` and start again\n",
	    bus_command, shown);
}

static void
handle(int sig, void (*handler)(int))
{
	struct sigaction sa = {.sa_handler = handler};

	/* No SA_RESTART: a blocked read or write must see the flag. */
	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, handled & (1u << sig) ? NULL : &before[sig]);
	now[sig] = sa;
	handled |= 1u << sig;
}

void
signals_lend(int on)
{
	for (int sig = 1; sig < 32; sig++)
		if (handled & (1u << sig))
			sigaction(sig, on ? &before[sig] : &now[sig], NULL);
}

void
signals_setup(const struct command *cmd)
{
	snprintf(bus_command, sizeof(bus_command), "%s", cmd->name);
	signals_object("what it uses");
	handle(SIGBUS, on_bus);
	handle(SIGPIPE, SIG_IGN);
}

static void
on_stop(int sig)
{
	stop_signal = sig;
	if (mortal) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
}

void
signals_catch_stop(void)
{
	static const int sigs[] = {SIGINT, SIGTERM, SIGHUP};

	for (unsigned i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		struct sigaction old;

		/* nohup asks for this one to be left alone. */
		if (sigs[i] == SIGHUP && sigaction(sigs[i], NULL, &old) == 0 &&
		    old.sa_handler == SIG_IGN)
			continue;
		handle(sigs[i], on_stop);
	}
}

int
signals_stopped(void)
{
	return stop_signal != 0;
}

void
signals_mortal(int on)
{
	mortal = on;
}

int
signals_reraise(int exit_code)
{
	int sig = stop_signal;

	if (sig == 0)
		return exit_code;
	fflush(NULL);
	signal(sig, SIG_DFL);
	raise(sig);
	return exit_code;
}

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

void
wait_start(struct wait *wait, int64_t limit_ns)
{
	if (limit_ns == WAIT_FOREVER)
		wait->end_ns = INT64_MAX;
	else
		wait->end_ns = limit_ns > 0 ? now_ns() + limit_ns : 0;
}

int64_t
wait_slice(const struct wait *wait)
{
	int64_t left;

	if (wait->end_ns == INT64_MAX)
		return SLICE_NS;
	left = wait->end_ns - now_ns();
	if (wait->end_ns == 0 || left <= 0)
		return SHUNT_NOWAIT;
	return left < SLICE_NS ? left : SLICE_NS;
}

int
wait_over(const struct wait *wait)
{
	return wait_slice(wait) == SHUNT_NOWAIT;
}

int
wait_call(int64_t limit_ns, wait_step_fn *step, void *arg)
{
	struct wait wait;
	int r;

	wait_start(&wait, limit_ns);
	do {
		r = step(arg, wait_slice(&wait));
		if (r != -EAGAIN && r != -ETIMEDOUT)
			return r;
		if (signals_stopped())
			return -EINTR;
	} while (!wait_over(&wait));
	return -ETIMEDOUT;
}
