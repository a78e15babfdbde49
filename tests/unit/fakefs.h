/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_FAKEFS_H
#define TESTS_UNIT_FAKEFS_H

/*
 * Files that are not there, for whoever reads them through the table of
 * src/os: all below /proc and /fake is what a test says, and nothing else.
 * Other paths lead where they always do.
 *
 *	static struct fake files[] = {
 *		{"/proc/100/maps", .text = "..."},
 *		{"/proc/100/fd/3", .link = "/memfd:x (deleted)", .ino = 7},
 *	};
 *	fake_on(files, 2);
 *	... what is tested ...
 *	fake_off();
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fake {
	const char *path; /* its directories are there because it is */
	const char *text; /* what is read; NULL: it cannot be opened */
	const char *link; /* what it leads to; NULL: it is no link */
	uint64_t dev, ino;
	mode_t mode;    /* 0: a regular file; S_IFDIR... */
	uint32_t links; /* st_nlink */
	int err;        /* each call fails with it */
	/* Called after stat has told of it: it may change. */
	void (*seen)(struct fake *self);
};

void fake_on(struct fake *files, size_t n);
void fake_off(void);

/* Who asks: 0 is root, whatever this process is. */
void fake_user(uid_t euid);

#endif /* TESTS_UNIT_FAKEFS_H */
