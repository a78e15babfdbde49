/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_BASE_OPTIONS_H
#define SHUNT_BASE_OPTIONS_H

/* Structs of the caller that may be older or newer than this library. */

#include <stddef.h>

/*
 * Reads the caller's option struct @src into ours at @dst.  Shorter ones are
 * filled up with zeros; longer ones must end in zeros, for a set field that
 * this version lacks would be ignored in silence.  @min_sz is the size of the
 * struct's first release.  Returns 0 or -EINVAL.
 */
int shunt__options_read(
    void *dst, size_t dst_sz, size_t min_sz, const void *src);

/* -EINVAL, with a sentence that says what is wrong with @src: `sz` is not set,
 * or there is something in it that this version does not know.  @src may be
 * NULL: then it is not `sz`. */
int shunt__options_refuse(const void *src);

/* Copies @src, a whole struct of ours, to the caller's @dst, whose first
 * member says how much of it the caller knows; that member is kept. */
int shunt__answer_write(void *dst, const void *src, size_t src_sz);

#endif /* SHUNT_BASE_OPTIONS_H */
