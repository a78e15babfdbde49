/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SYSV_H
#define TESTS_UNIT_SYSV_H

/*
 * What tests of System V share: a namespace of their own where they may have
 * one, so that nothing of them is left whatever happens; elsewhere what they
 * made is removed at exit.
 */

#include <sys/types.h>

#include <shunt/sysv.h>

/* For cmocka_run_group_tests(); ends the program with 77 where the kernel has
 * no System V. */
int sysv_setup(void **state);

/* 1 if this process may leave for a namespace of its own (again). */
int sysv_may_unshare(void);

/* A key that nobody has, and its name, "sysv:0x..."; valid for the test. */
key_t sysv_key(void);
const char *sysv_name(key_t key);

/* A segment of the system's own making, of @size bytes; its identifier. */
int sysv_plain(key_t key, size_t size, int mode);

/* What is known of a segment that must be there. */
struct shunt_sysv_info sysv_stat(const char *name);

/* 1 if a segment has that key. */
int sysv_there(key_t key);

/* In a child: no longer root. */
void sysv_nobody(void);
#define NOBODY 65534

#endif /* TESTS_UNIT_SYSV_H */
