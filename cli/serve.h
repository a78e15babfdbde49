/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_SERVE_H
#define SHUNT_CLI_SERVE_H

#include <stdint.h>

#include <shunt.h>

#include "command.h"

struct serve {
	const struct command *cmd;
	const char *name;
	char **argv; /* the program for each request */
	struct shunt_service *service;
	int64_t timeout_ns; /* of a program */
	uint64_t count;     /* requests to serve; 0: until interrupted */
	size_t max;
	char *out; /* what a program printed, so much as a reply can be */
};

/*
 * serve_run.c: runs the program on @len bytes at @msg, its output goes to
 * s->out.  Returns how many bytes that is; *@status: its exit status, as a
 * shell tells it, or SERVE_...
 */
size_t serve_run(struct serve *s, const void *msg, size_t len, int32_t *status);

/* As timeout(1) and shells say it. */
enum { SERVE_TIMEOUT = 124, SERVE_FAILED = 125 };

#endif /* SHUNT_CLI_SERVE_H */
