/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_STAT_H
#define SHUNT_CLI_STAT_H

/* The parts of `shunt stat`: what each kind of segment has to tell. */

#include <shunt.h>

#include "out.h"

/* One line: a name and what it is. */
void stat_field(const char *name, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* stat_sysv.c: every field of IPC_STAT; 0 or a code. */
int stat_sysv_print(const char *name, const struct shunt_segment_info *info);
int stat_sysv_json(const char *name, json_t *o);

/* stat_held.c: locks, semaphores and events. */
void stat_held_print(const struct shunt_segment_info *info);
void stat_held_permits(const struct shunt_segment_info *info);
void stat_held_recoveries(const struct shunt_segment_info *info);
json_t *stat_held_json(const struct shunt_segment_info *info);

/* stat_lanes.c: what carries messages, and the ends of any object. */
void stat_lanes_print(const struct shunt_segment_info *info);
void stat_participants_print(const struct shunt_segment_info *info,
    const struct shunt_participant *list, int n);
json_t *stat_participants_json(const struct shunt_participant *list, int n);

#endif /* SHUNT_CLI_STAT_H */
