/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_INSPECT_INSPECT_H
#define SHUNT_INSPECT_INSPECT_H

/* What the files of this folder have in common. */

#include <shunt/inspect.h>

#include "base/name.h"

struct stat;
struct shunt__look;

/* What stat(2) alone tells; state and kind are left at 0. */
void shunt__info_file(
    struct shunt_segment_info *info, const char *shown, const struct stat *st);

/* All that can be told; the number of participants. */
int shunt__info_fill(const struct shunt__look *look,
    struct shunt_segment_info *info, struct shunt_participant *to, size_t cap);

/* Of a lock, a semaphore or an event: who holds what.  1 if there is something
 * in it for which it stays, though nobody has it attached. */
int shunt__info_lock(
    const struct shunt__look *look, struct shunt_segment_info *info);

/* Processes that map this file, as far as /proc shows them: the number, of
 * which the first @cap are in @pids; or -errno. */
int shunt__mappers(const struct stat *st, int64_t *pids, size_t cap);

/* One System V segment, and all of them in the order of identifiers, to be
 * freed.  0, or a code and a sentence. */
int shunt__info_sysv(
    const struct shunt__name *name, struct shunt_segment_info *info);
int shunt__list_sysv(struct shunt_segment_info **out, size_t *n);

#endif /* SHUNT_INSPECT_INSPECT_H */
