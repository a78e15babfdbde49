/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_CREATE_H
#define SHUNT_CLI_CREATE_H

/* What `shunt create` was asked for. */

#include <stdint.h>

#include <jansson.h>

#include "command.h"

struct create {
	const struct command *cmd;
	const char *name;
	uint64_t size;    /* raw: bytes; queue, log: of a lane; permits */
	int sized;        /* SIZE was given */
	uint64_t max;     /* semaphores: most permits, 0: not given */
	const char *type; /* of what carries messages; or NULL */
	uint64_t schema;  /* likewise; 0: none */
	uint32_t mode, kind;
	uint32_t policy; /* enum shunt_topic_policy */
	int excl, truncate, umask, huge, json;
	const char *group, *owner;
};

/* What existed has another mode than was asked for (0: none was): says so. */
void create_mode_note(
    const struct command *cmd, const char *name, uint32_t want, uint32_t have);
/* It could not be made: says why, and what to do; the exit code. */
int create_fail(
    const struct command *cmd, const char *name, int excl, int code);
json_t *create_mode_json(uint32_t mode);

/* An object that stays until removed; returns the exit code. */
int create_object(const struct create *c);

#endif /* SHUNT_CLI_CREATE_H */
