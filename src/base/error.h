/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_BASE_ERROR_H
#define SHUNT_BASE_ERROR_H

/* Codes and the thread's one sentence of why; see <shunt/error.h>. */

#include <shunt/error.h>

/*
 * Sets the thread's sentence and returns @code, so that a cold path fails in
 * one line: return shunt__fail(-ENOSPC, "%s: ...", name).
 */
int shunt__fail(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), cold));

/* An opening call was not told where its handle goes: -EINVAL, and why. */
int shunt__nowhere(void) __attribute__((cold));

/* What failed on the way was no failure in the end: no sentence. */
void shunt__fail_none(void);

/* A name or path of a stranger, escaped and cut, in one of 4 thread buffers. */
const char *shunt__quote(const char *name);

/* "permission denied" for -EACCES: like shunt_error_text(). */
const char *shunt__why(int code);

#endif /* SHUNT_BASE_ERROR_H */
