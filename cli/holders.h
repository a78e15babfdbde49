/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_HOLDERS_H
#define SHUNT_CLI_HOLDERS_H

/* What lock, sem and event tell alike: who holds, who died holding. */

#include <shunt.h>

#include "command.h"
#include "look.h"

/* "NAME: FMT", the headline. */
void holders_head(const char *name, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Owner, mode, lifetime, age: what every object has. */
void holders_object(const struct shunt_segment_info *info);

/*
 * Processes that have not attached the object and keep something of it held by
 * a descriptor that they inherited: the programs that are run meanwhile.  They
 * keep it held when the process that took it dies.  0 or -errno.
 */
int holders_keepers(struct look_users *users, const char *name);

/* Who holds a lock: "process 12 (make)", or whose programs keep it if 12 is no
 * more, or that it is of another PID namespace; in a static buffer. */
const char *holders_text(const char *name);

/* The last holder that died, as "process 12 (make) of root", in a static
 * buffer; "a process" if it is not known. */
const char *holders_dead(const char *name);

/*
 * Fills @info of an object that has to be of @kind.  CLI_DONE, or the exit
 * code, after telling what is wrong.
 */
int holders_stat(const struct command *cmd, const char *name, uint32_t kind,
    struct shunt_segment_info *info);

/* Prints @info as JSON with users, who keeps it and, but for events, who died
 * with it. */
int holders_json(const char *name, const struct shunt_segment_info *info);

#endif /* SHUNT_CLI_HOLDERS_H */
