/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_ALLOCATIONS_H
#define TESTS_UNIT_ALLOCATIONS_H

/*
 * The k-th allocation of this thread fails: countdown = k, and has_failed
 * tells whether there were as many.
 *
 * The one source file of a program that includes this brings its own malloc(),
 * in front of the C library's; where a sanitizer has one, or the C library is
 * another, OURS is not defined and there is nothing to fail.
 */

#include <errno.h>
#include <malloc.h>
#include <stddef.h>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) &&                    \
    !defined(__SANITIZE_THREAD__)
#if defined(__has_feature)
#if !__has_feature(thread_sanitizer) && !__has_feature(address_sanitizer)
#define OURS 1
#endif
#else
#define OURS 1
#endif
#endif

static _Thread_local unsigned countdown; /* 0: none fails */
static int has_failed;

#ifdef OURS
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

static int
fails(void)
{
	if (countdown == 0 || --countdown != 0)
		return 0;
	has_failed = 1;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}

void *
aligned_alloc(size_t align, size_t n)
{
	return fails() ? NULL : __libc_memalign(align, n);
}
#endif

#endif /* TESTS_UNIT_ALLOCATIONS_H */
