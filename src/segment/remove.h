/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_SEGMENT_REMOVE_H
#define SHUNT_SEGMENT_REMOVE_H

/*
 * Removing, and only what nobody has.  What is in an object, and whether it
 * is meant to stay, is known on the floors above: they are asked through a
 * callback, under the lock that keeps everybody out.
 */

#include <stdint.h>
#include <sys/stat.h>

#include <shunt/segment.h>

#include "base/name.h"

/* May the object @st, which bears @name and which nobody has attached, go?
 * @flags: SHUNT_REMOVE_ORPHAN or _IDLE.  0, or -EBUSY with a sentence. */
typedef int shunt__may_go(
    const struct shunt__name *name, const struct stat *st, uint32_t flags);

/* shunt_remove(). */
int shunt__remove(const char *text, const struct shunt_remove_options *opts,
    shunt__may_go *may_go);

/*
 * remove_raw.c, by a lease, see there.  The names are in remove_hidden.c.
 * raw: the file of @name, open as @fd,
 * if nobody else has it; leftover: of the two forms below, no rename needed.
 * 0, or -EBUSY with a sentence why not, or another code.
 */
int shunt__remove_raw(const struct shunt__name *name, int fd);
int shunt__remove_leftover(const struct shunt__name *name, int fd);

/* An object that nobody has attached: has anybody it open as a mere file?
 * -EBUSY with a sentence.  0, also where the kernel does not say: who uses it
 * as an object would hold its lock byte.  @fd keeps the lease. */
int shunt__nobody_has(const struct shunt__name *name, int fd);

/* 1 if this is a file that a maker left unfinished; create.c names it. */
int shunt__is_unfinished(const struct shunt__name *name);

/* 1 if this is the name of a removal that was cut off; then its own name is
 * in *@own. */
int shunt__is_hidden(const struct shunt__name *name, struct shunt__name *own);

/* One to remove @name by: 0, or -EBUSY with a sentence. */
int shunt__hidden_name(
    const struct shunt__name *name, struct shunt__name *hidden);

/* Gives it its own name back: 0, -EEXIST (another has it) or -errno. */
int shunt__put_back(const struct shunt__name *hidden);

/* Is there such a removal of @name?  Puts one back: 1; 0 there is none. */
int shunt__put_back_of(const struct shunt__name *name);

#endif /* SHUNT_SEGMENT_REMOVE_H */
