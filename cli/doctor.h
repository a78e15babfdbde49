/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_DOCTOR_H
#define SHUNT_CLI_DOCTOR_H

/*
 * shunt doctor: checks of this machine, a table of functions for each group.
 * A check says at least one sentence; behind one that tells of something to
 * do, a line to paste may follow.
 */

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define DOCTOR_SHM "/dev/shm"

enum doctor_verdict {
	DOCTOR_OK,
	DOCTOR_WARNING, /* may bite */
	DOCTOR_TROUBLE, /* bites */
	DOCTOR_UNKNOWN, /* could not be looked at from here */
	DOCTOR_VERDICTS
};

struct doctor {
	const char *group; /* of the check that runs now */
	const char *check; /* its name */
	long long peer;    /* a process to compare with, or 0 */
	json_t *list;      /* what was said */
	unsigned count[DOCTOR_VERDICTS];
};

struct doctor_check {
	const char *name; /* NULL ends a table */
	void (*run)(struct doctor *d);
};

extern const struct doctor_check doctor_shm[], doctor_login[], doctor_ipc[],
    doctor_memory[], doctor_kernel[], doctor_left[], doctor_peer[];

void doctor_say(struct doctor *d, enum doctor_verdict verdict, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));
/* The line to paste for what was said last. */
void doctor_fix(struct doctor *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* doctor_read.c: small files of the kernel. */

/* The first line without its newline; 0 or -errno. */
int doctor_line(const char *path, char *to, size_t room);
/* The number that a file begins with, "max" for UINT64_MAX; 0 or -errno. */
int doctor_number(const char *path, uint64_t *to);
/* Lines of a file but the first @skip; -errno. */
int64_t doctor_count(const char *path, int skip);
/* @part of @whole in hundredths; 0 if there is no whole. */
unsigned doctor_percent(uint64_t part, uint64_t whole);

#endif /* SHUNT_CLI_DOCTOR_H */
