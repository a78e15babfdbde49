/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_SEM_SYSV_H
#define SHUNT_CLI_SEM_SYSV_H

/* A System V set, found by its name. */

#include <sys/types.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#include "sem.h"

/* semctl(2) wants its caller to declare it. */
union sem_arg {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};

struct sem_set {
	int id;
	int index;          /* that the name says, or -1 */
	struct semid_ds ds; /* owner, mode, how many */
};

/* Finds the set that @s names; CLI_DONE, or the exit code after telling. */
int sem_set_find(const struct sem *s, struct sem_set *set);

/* The set with the kernel's index @at; 0 or -errno.  @last: the highest. */
int sem_set_at(int at, struct sem_set *set);
int sem_set_last(void);

/* "semset:0x00001234", or by id where it has no key; in a static buffer. */
const char *sem_set_name(const struct sem_set *set);

/* Which semaphore is meant: the index, or -1 after telling. */
int sem_set_index(const struct sem *s, const struct sem_set *set);

#endif /* SHUNT_CLI_SEM_SYSV_H */
