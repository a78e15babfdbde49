/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_HUGE_H
#define SHUNT_CLI_HUGE_H

#include <shunt.h>

#include "command.h"

/*
 * Huge pages were asked for.  Says on standard error that they could not be
 * had, if the kernel can tell: pages that nobody has touched yet may still
 * become huge.  @made: the segment has just been made by us.
 */
void huge_note(const struct command *cmd, const char *name,
    const struct shunt_segment *seg, int made);

#endif /* SHUNT_CLI_HUGE_H */
