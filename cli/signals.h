/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_SIGNALS_H
#define SHUNT_CLI_SIGNALS_H

/* Signals: a library installs no handlers, a command does. */

#include <stdint.h>

#include <shunt.h>

#include "command.h"

/*
 * For every subcommand: no SIGPIPE; and when another process truncates what
 * is mapped here, the SIGBUS ends with a sentence.
 */
void signals_setup(const struct command *cmd);

/* The object that the sentence names. */
void signals_object(const char *name);

/* From now on SIGINT, SIGTERM and SIGHUP only set a flag. */
void signals_catch_stop(void);
int signals_stopped(void);

/*
 * While 1, those signals end the process at once as if not caught: for calls
 * that may wait for ever, and that are safe to be killed in.
 */
void signals_mortal(int on);

/* Ends as the signal that was caught would have, so that shells see it. */
int signals_reraise(int exit_code);

/*
 * 1: what signals do as when this program was started, for another program
 * that takes its place or a child's; 0: as before.
 */
void signals_lend(int on);

/* SIGTERM, SIGINT, SIGHUP for a log server. */
void signals_serve(struct shunt_logd *logd);
void signals_serve_end(void);

/* Waits of a subcommand: short slices, so that a signal is soon seen. */
struct wait {
	int64_t end_ns; /* on the monotonic clock; INT64_MAX: for ever */
};
#define WAIT_FOREVER INT64_MAX

/* @limit_ns: WAIT_FOREVER, SHUNT_NOWAIT or nanoseconds from now. */
void wait_start(struct wait *wait, int64_t limit_ns);
/* What the next call may wait; SHUNT_NOWAIT once the time is over. */
int64_t wait_slice(const struct wait *wait);
int wait_over(const struct wait *wait);

/*
 * Tries @step until it answers anything but -EAGAIN or -ETIMEDOUT, which is
 * then returned; -ETIMEDOUT once @limit_ns is over; -EINTR after a signal.
 */
typedef int wait_step_fn(void *arg, int64_t wait_ns);
int wait_call(int64_t limit_ns, wait_step_fn *step, void *arg);

#endif /* SHUNT_CLI_SIGNALS_H */
