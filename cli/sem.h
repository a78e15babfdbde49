/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_SEM_H
#define SHUNT_CLI_SEM_H

/*
 * shunt sem: semaphores of ours (a plain name), the named ones of POSIX, which
 * libc keeps in /dev/shm/sem.NAME ("sem:/name"), and System V sets
 * ("semset:0x1234").
 */

#include <semaphore.h>
#include <stdint.h>
#include <sys/stat.h>

#include <jansson.h>
#include <shunt.h>

#include "command.h"

#define SEM_POSIX  "sem:"
#define SEM_SYSV   "semset:"
#define SEM_UNSAID UINT64_MAX
#define SEM_MOST   65536 /* permits that a semaphore of ours may have */

/* What the command line says. */
struct sem {
	const struct command *cmd;
	const char *name;
	char **child; /* runs with a permit held; NULL: uses a permit up */
	int64_t timeout_ns;
	uint64_t count;        /* post */
	uint64_t permits, max; /* or SEM_UNSAID */
	int close_fd, excl, json;
	uint32_t mode; /* 0: not said */
	const char *group, *owner;
};

/* What can be done with each sort; all answer the exit code. */
struct sem_sort {
	int (*wait)(const struct sem *s);
	int (*post)(const struct sem *s);
	int (*show)(const struct sem *s);
	int (*remove)(const struct sem *s);
};
extern const struct sem_sort sem_ours, sem_posix, sem_sysv;

int sem_create(const struct sem *s); /* ours alone */
int sem_list(const struct sem *s);

/* One line of the list, as texts, and all that programs are told. */
#define SEM_COLUMNS 8
struct sem_list {
	char *(*rows)[SEM_COLUMNS];
	size_t count;
	json_t *json; /* instead of rows */
};
/* Each adds its own; 0 or -errno. */
int sem_posix_list(struct sem_list *list);
int sem_sysv_list(struct sem_list *list);
/* @values: name, sort, value, most, held, waiting, owner, mode. */
int sem_list_row(struct sem_list *list, const char *const *values);

/* No permit came in time: says so; CLI_TIMEOUT. */
int sem_late(const struct sem *s);

#endif /* SHUNT_CLI_SEM_H */
