/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_TEXT_H
#define SHUNT_TEXT_H

/* Bytes of strangers, made harmless for a terminal or a line of a file. */

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Room that shunt_text_escape() needs at most for @len bytes and a NUL. */
#define SHUNT_TEXT_ROOM(len) ((len)*4 + 1)

/**
 * shunt_text_escape() - copy bytes so that they cannot break a line.
 * @out: room for SHUNT_TEXT_ROOM(@len) bytes.
 * @src: @len bytes of anything; may be NULL if @len is 0.
 * @len: number of bytes.
 *
 * Printable ASCII and valid UTF-8 pass as they are.  Newline, carriage return
 * and tab become \n, \r and \t; NUL, other C0 and C1 controls, DEL, marks that
 * turn or break text, and bytes that are not valid UTF-8 become \xHH.  A
 * backslash stays as it is: for an exact copy there is the JSON format.
 *
 * Returns: bytes written, without the closing NUL.
 *
 * Memory:  writes only to @out.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: async-signal-safe.
 * Death:   touches nothing shared.
 * Fork:    usable in the child.
 * Since:   0.1
 */
size_t shunt_text_escape(char *out, const void *src, size_t len);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_TEXT_H */
