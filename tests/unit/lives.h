/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_LIVES_H
#define TESTS_UNIT_LIVES_H

#include <stddef.h>

/*
 * A short life of each kind of object, for tests that make something fail in
 * the middle of it.  Answers 0 or more, or the first code; closes what it
 * opened, whatever failed.  What could not be received may stay.
 */
struct life {
	const char *name;
	long (*live)(const char *name);
};

extern const struct life lives[];
extern const size_t lives_count;

#endif /* TESTS_UNIT_LIVES_H */
