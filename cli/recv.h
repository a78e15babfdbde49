/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_RECV_H
#define SHUNT_CLI_RECV_H

/* A program for each message of `shunt recv`. */

#include <stddef.h>

#include "command.h"

/*
 * Runs @program with the message as its standard input.  -1: it ended with 0,
 * and so is done with the message; else the exit code, told.
 */
int recv_run(const struct command *cmd, const char *name, char *const *program,
    const void *msg, size_t len, int redelivered);

#endif /* SHUNT_CLI_RECV_H */
