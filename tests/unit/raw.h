/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_RAW_H
#define TESTS_UNIT_RAW_H

/* What the tests of raw segments share; included after cmocka.h. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <shunt.h>

#include "lib/peers.h"

#define OPTIONS(...)                                                           \
	(&(struct shunt_segment_options){                                      \
	    .sz = sizeof(struct shunt_segment_options), __VA_ARGS__})

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))

/* Sanitizers make mlock(2) do nothing, and have little room to spare. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#else
#define UNDER_SANITIZER 0
#endif

/* A user who is neither root nor the owner. */
#define STRANGER 65534

/* In a child: what the sentence must say. */
static inline void
need_detail(const char *part)
{
	if (strstr(shunt_error_detail(), part) != NULL)
		return;
	fprintf(
	    stderr, "\"%s\" does not say \"%s\"\n", shunt_error_detail(), part);
	_exit(99);
}

/* A call that must answer @code with a sentence that says @part. */
#define assert_refused(call, code, part)                                       \
	do {                                                                   \
		assert_int_equal(call, code);                                  \
		assert_detail(part);                                           \
	} while (0)

/* The same bytes everywhere: each tells its place. */
static inline unsigned char
test_byte(size_t i)
{
	return (unsigned char)(i * 7 + (i >> 8) * 13 + 1);
}

/* A segment whose every byte is test_byte() of its place. */
static inline void
test_make(const char *name, size_t size)
{
	struct shunt_segment *seg;

	assert_int_equal(shunt_segment_create(&seg, name, size, NULL), 0);
	unsigned char *p = shunt_segment_data(seg);
	for (size_t i = 0; i < size; i++)
		p[i] = test_byte(i);
	shunt_segment_close(&seg);
}

/* Room that nobody else takes while this thread alone runs. */
static inline void *
test_free_room(size_t size)
{
	void *at =
	    mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(at != MAP_FAILED);
	assert_int_equal(munmap(at, size), 0);
	return at;
}

/* 1 if something is mapped at this page. */
static inline int
test_mapped(const void *at)
{
	unsigned long from, to;
	static char text[1 << 18];
	int found = 0, fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	ssize_t n = 0, got;

	/* A stream's memory might be mapped in its place. */
	while (fd >= 0 && (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	close(fd);
	text[n] = 0;
	for (char *line = text; line[0] != 0; line = strchr(line, '\n') + 1)
		if (sscanf(line, "%lx-%lx", &from, &to) == 2 &&
		    (unsigned long)at >= from && (unsigned long)at < to)
			found = 1;
	return found;
}

#endif /* TESTS_UNIT_RAW_H */
