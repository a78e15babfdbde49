/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_PROC_H
#define SHUNT_CLI_PROC_H

/*
 * What /proc tells of a process.  Numbers are those that it has here: one of
 * another PID namespace sees itself under another one.  Descriptors of others
 * are shown to root alone.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define PROC_ANY INT64_C(-1)

/* The number that a process has in its own PID namespace; -1 if unseen. */
int64_t proc_self(int64_t pid);
/* Its parent; 0 if that is outside of our PID namespace, -1 if unseen. */
int64_t proc_parent(int64_t pid);
/* Its user; -1 if there is no such process. */
int64_t proc_uid(int64_t pid);

/* The file behind the name of a segment; 0 or -errno. */
int proc_file(const char *name, struct stat *st);

/* 1 if a descriptor of that file has this byte locked for writing, or
 * PROC_ANY byte; 0 if none has; -errno if its descriptors cannot be read. */
int proc_keeps(int64_t pid, const struct stat *file, int64_t byte);

/* Calls @each for every process, until it answers other than 0. */
int proc_each(int (*each)(int64_t pid, void *arg), void *arg);

#endif /* SHUNT_CLI_PROC_H */
