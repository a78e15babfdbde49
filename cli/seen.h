/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_SEEN_H
#define SHUNT_CLI_SEEN_H

/*
 * Lines that were printed from the log before its server wrote them to the
 * file, where they must not be printed once more.  Counted by a hash of 64
 * bits: a line in 2^64 may be mistaken for another.
 */

#include <stddef.h>
#include <stdint.h>

struct seen_slot {
	uint64_t key; /* 0: empty */
	uint64_t count;
};

struct seen {
	struct seen_slot *slots;
	size_t room; /* a power of two, or 0 */
	size_t used;
};

/* 0 or -ENOMEM. */
int seen_add(struct seen *seen, const char *line, size_t len);
/* 1 if the line was there, once less from now on. */
int seen_take(struct seen *seen, const char *line, size_t len);
void seen_free(struct seen *seen);

#endif /* SHUNT_CLI_SEEN_H */
