/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_INSPECT_INSPECT_H
#define SHUNT_INSPECT_INSPECT_H

/* What the files of this folder have in common. */

#include <shunt/inspect.h>

#include "base/name.h"

struct stat;
struct shunt__look;
struct shunt__users;

/* What stat(2) alone tells; state and kind are left at 0. */
void shunt__info_file(
    struct shunt_segment_info *info, const char *shown, const struct stat *st);

/* All that can be told; the number of participants.  @users: read when
 * needed. */
int shunt__info_fill(const struct shunt__look *look, struct shunt__users *users,
    struct shunt_segment_info *info, struct shunt_participant *to, size_t cap);

/* 1 if this path of /dev/shm is where libc keeps a named semaphore. */
int shunt__is_sem(const char *path, uint64_t size);

/* Of a lock, a semaphore or an event: who holds what.  1 if there is something
 * in it for which it stays, though nobody has it attached. */
int shunt__info_lock(
    const struct shunt__look *look, struct shunt_segment_info *info);

/* What is told already, of a place that has no files. */
struct shunt__infos {
	struct shunt_segment_info *all;
	size_t n;
	size_t room;
};

/* One more, zeroed but for what all have; NULL: no memory, and a sentence. */
struct shunt_segment_info *shunt__infos_add(struct shunt__infos *list);
void shunt__infos_free(struct shunt__infos *list);

/* One System V segment, and all of them in the order of identifiers.  0, or a
 * code and a sentence. */
int shunt__info_sysv(
    const struct shunt__name *name, struct shunt_segment_info *info);
int shunt__list_sysv(struct shunt__infos *list);

#endif /* SHUNT_INSPECT_INSPECT_H */
