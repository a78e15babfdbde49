/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_SEM_POSIX_H
#define SHUNT_CLI_SEM_POSIX_H

/*
 * A named semaphore of POSIX.  It is libc's: used by its calls, looked at
 * through a copy of its bytes.
 */

#include <limits.h>
#include <sys/stat.h>

#include "sem.h"

#define SEM_POSIX_DIR "/dev/shm"

struct sem_file {
	char name[NAME_MAX + 2];  /* "/name", for libc */
	char path[NAME_MAX + 32]; /* /dev/shm/sem.name */
	struct stat st;
};

/* The file that @s names; CLI_DONE, or the exit code after telling. */
int sem_posix_find(const struct sem *s, struct sem_file *f);

/* 1 if the file may be what libc maps: of the size of its semaphores. */
int sem_posix_sound(const struct stat *st);
/* CLI_DONE, or the exit code after telling that it is not. */
int sem_posix_check(const struct sem *s, const struct sem_file *f);

/* Its mode forbids to @what; CLI_FAILED. */
int sem_posix_denied(
    const struct sem *s, const struct sem_file *f, const char *what);

int sem_posix_show(const struct sem *s);
int sem_posix_remove(const struct sem *s);

#endif /* SHUNT_CLI_SEM_POSIX_H */
