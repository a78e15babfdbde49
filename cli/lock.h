/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_LOCK_H
#define SHUNT_CLI_LOCK_H

#include "command.h"

/* shunt lock --status: free or held, by whom, who died with it. */
int lock_status(const struct command *cmd, const char *name, int json);

#endif /* SHUNT_CLI_LOCK_H */
