/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_LOGD_H
#define SHUNT_CLI_LOGD_H

#include "command.h"

/* shunt logd --status: the figures of a log, for people or as JSON. */
int logd_status(
    const struct command *cmd, const char *name, const char *owner, int json);

#endif /* SHUNT_CLI_LOGD_H */
