/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_FAIL_H
#define SHUNT_CLI_FAIL_H

/* The one sentence on standard error that every failure ends with. */

#include "command.h"

/*
 * A cold call (open, create, remove, stat) on @name failed with @code: its
 * own sentence, or the text of the code.  Returns CLI_FAILED, or CLI_TIMEOUT
 * for -ETIMEDOUT.
 */
int fail_cold(const struct command *cmd, const char *name, int code);

/* A hot call (send, recv, log) failed: names the remedy by itself. */
int fail_hot(const struct command *cmd, const char *name, int code);

/* Writing to standard output failed; a reader that went away needs no word. */
int fail_output(const struct command *cmd, int code);

/* Any other sentence; returns CLI_FAILED. */
int fail_say(const struct command *cmd, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif /* SHUNT_CLI_FAIL_H */
