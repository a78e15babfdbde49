/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_INSPECT_PLACES_H
#define SHUNT_INSPECT_PLACES_H

/* The places of enum shunt_place that are no files of /dev/shm. */

#include "inspect/files.h"
#include "inspect/inspect.h"
#include "inspect/users.h"

/* System V semaphore sets and message queues, by identifier.  0, or a code
 * and a sentence; a kernel that has none, or does not let us look, has none. */
int shunt__list_semsets(struct shunt__infos *list);
int shunt__list_msgqueues(struct shunt__infos *list);

/*
 * From the table of users: what has no name.  @place: SHUNT_PLACE_MEMFD or
 * SHUNT_PLACE_UNLINKED; @named: the files of /dev/shm, for those have one.
 */
int shunt__list_anon(struct shunt__infos *list, uint32_t place,
    const struct shunt__users *users, const struct shunt__files *named);

/* The files of all mounts of this type, each file system once: "mqueue",
 * "hugetlbfs".  0 or -ENOMEM. */
int shunt__list_mounts(
    struct shunt__files *files, const char *type, struct shunt__users *users);

/* A POSIX message queue, by its file.  0 if it is gone. */
int shunt__info_mq(const char *path, struct shunt_segment_info *info);

#endif /* SHUNT_INSPECT_PLACES_H */
