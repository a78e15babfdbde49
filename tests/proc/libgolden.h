/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PROC_LIBGOLDEN_H
#define TESTS_PROC_LIBGOLDEN_H

/*
 * Objects of each kind, as small as they can be, with something in them that
 * the living and the dead have left there: how they are made today, and what
 * must be found in them whenever they were made.
 */

struct golden {
	const char *kind;
	void (*make)(const char *name);
	void (*use)(const char *name);
};

/* The exit status of a user to whom the object is another build's. */
#define GOLDEN_OTHER 98

extern const struct golden goldens[]; /* ends with one without a kind */

#endif /* TESTS_PROC_LIBGOLDEN_H */
