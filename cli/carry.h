/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_CARRY_H
#define SHUNT_CLI_CARRY_H

/* Messages of the command line or standard input into something that takes
 * them: what `send` and `pub` have in common. */

#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "framing.h"

struct carry {
	const struct command *cmd;
	const char *name;
	const char *what; /* "this queue" */
	const char *kind; /* "queue", as `shunt create` takes it */
	const char *end;  /* "receiver": who makes room */
	size_t max;       /* the longest message */
	int64_t timeout_ns;
	/* Sends one: 0, or a code; -EAGAIN and -ETIMEDOUT: not yet. */
	int (*send)(void *to, const void *msg, size_t len, int64_t wait_ns);
	void *to;
	uint64_t sent;
	uint64_t dropped; /* SHUNT_E_DROPPED: goes on, and is told at the end */
	int through;      /* set: all of them were tried */
};

/* The texts, or all of standard input if there is none; the exit code. */
int carry_all(
    struct carry *carry, int texts, char **text, enum framing framing);

#endif /* SHUNT_CLI_CARRY_H */
