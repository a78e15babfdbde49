/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_INSPECT_PASS_H
#define SHUNT_INSPECT_PASS_H

/* A pass over /proc: proc.c walks, use.c notes what it finds. */

#include <sys/types.h>

#include "inspect/users.h"

/* The process that is being read. */
struct shunt__pass {
	struct shunt__users *u;
	char own_ipc[64]; /* our namespace, where identifiers are ours */
	int32_t self;     /* what /proc calls us */
	int own_fd;
	int32_t pid;
	char task[48]; /* "/proc/PID", or "/proc/PID/task/TID" */
	int foreign;   /* its System V is not ours; -1: not asked yet */
	int lines;     /* it has memory at all */
	int code;      /* -ENOMEM */
};

/* What the link leads to, or "" where we may not see it. */
void shunt__pass_link(const char *path, char *out, size_t room);

/* A whole number of the kernel's, or -1: anything else. */
int32_t shunt__pass_number(const char *text);

/* A line of a maps file: for shunt__lines_find().  0, or the pass's code. */
int shunt__pass_line(const char *line, void *pass);

/* A descriptor of a regular file: the path of its link. */
void shunt__pass_fd(struct shunt__pass *p, uint64_t dev, uint64_t ino,
    const char *path, int fd);

/* Are files on this device wanted? */
int shunt__pass_wants(const struct shunt__pass *p, uint64_t dev);

#endif /* SHUNT_INSPECT_PASS_H */
