/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_BASE_TEXT_H
#define SHUNT_BASE_TEXT_H

#include <stddef.h>

/* 1 if shunt_text_escape() would copy these bytes unchanged, quickly told;
 * 0 also for valid UTF-8, which it copies unchanged after a closer look. */
int shunt__text_plain(const void *src, size_t len);

/*
 * shunt_text_escape() of memory that others may be writing: each byte is read
 * once.  Writes no NUL that counts, but may use all of SHUNT_TEXT_ROOM(@len).
 */
size_t shunt__text_copy(char *out, const void *src, size_t len);

/* Bytes of the harmless UTF-8 sequence at @p (its first byte is >= 0x80), or
 * 0 if it is none. */
size_t shunt__utf8(const void *p, size_t left);

#endif /* SHUNT_BASE_TEXT_H */
