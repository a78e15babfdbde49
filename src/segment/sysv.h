/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SEGMENT_SYSV_H
#define SHUNT_SEGMENT_SYSV_H

/*
 * What the sysv*.c files have in common.  A System V segment is found by its
 * key, then used by its identifier; in between anybody may remove it, and the
 * kernel tells so by EIDRM or EINVAL.  Here both are -ENOENT.
 */

#include <sys/types.h>

#include <shunt/sysv.h>

#include "base/name.h"
#include "segment/raw.h"

/* The key behind a name that is no identifier: 0, or a code and a sentence. */
int shunt__sysv_key(const struct shunt__name *name, key_t *key);

/* What the kernel knows of this identifier, also where its mode does not let
 * us read it: 0, -ENOENT, -EACCES or another code.  No sentence. */
int shunt__sysv_look(int id, struct shunt_sysv_info *info);

/* Finds and looks, and refuses another owner than @owner if that is not NULL:
 * 0, or a code and a sentence. */
int shunt__sysv_reach(const struct shunt__name *name, const char *owner,
    struct shunt_sysv_info *info);

/* Maps what was looked at.  0, or a code and a sentence; -ENOENT if it was
 * removed meanwhile. */
int shunt__sysv_map(struct shunt_segment **out, const struct shunt__name *name,
    const struct shunt_sysv_info *info, const struct shunt_segment_options *o);

/* Detaches, and frees the handle. */
void shunt__sysv_drop(struct shunt_segment *seg);

/* SHM_LOCK, or with @on 0 SHM_UNLOCK: 0, or a code and a sentence. */
int shunt__sysv_keep(int id, int on, const struct shunt__name *name);

/* A code of shmctl(2) as what it means: EIDRM and EINVAL are -ENOENT. */
int shunt__sysv_code(int e);

/* Sentences; each returns its code. */
int shunt__sysv_gone(const struct shunt__name *name);
int shunt__sysv_denied(int e, const struct shunt__name *name,
    const struct shunt_sysv_info *info, const char *what);
int shunt__sysv_failed(int e, const struct shunt__name *name, const char *what);

#endif /* SHUNT_SEGMENT_SYSV_H */
