/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_WATCH_VIEW_H
#define SHUNT_CLI_WATCH_VIEW_H

/*
 * The bytes that are watched, as of the last look, and when each of them
 * changed.  They are read by shunt_segment_read() alone: never mapped.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <shunt.h>

#define VIEW_MOST (UINT64_C(16) << 20) /* bytes watched at once */

struct view {
	uint64_t at;          /* the first byte watched */
	uint64_t want;        /* so many, if there are; up to VIEW_MOST */
	size_t len;           /* bytes that there were at the last look */
	int known;            /* 1: there was one */
	unsigned char *bytes; /* as of the last look */
	unsigned char *fresh; /* room for the next one */
	uint32_t *when;       /* a tick for each byte; 0: it never changed */
	size_t room;
	int64_t born_ns; /* of tick 1 */
	uint64_t last;   /* where the last change was */
	int64_t last_ns; /* its time, CLOCK_MONOTONIC; 0: there was none */
};

/* Neighbouring bytes that all differ from what they were. */
typedef void view_change_fn(void *arg, uint64_t off, size_t len,
    const unsigned char *old, const unsigned char *now);

int64_t view_now(void); /* CLOCK_MONOTONIC */

void view_free(struct view *v);

/* From now on @want bytes at @at; what was known is forgotten. */
void view_move(struct view *v, uint64_t at, uint64_t want);

/* The next look is a first one again: it is another segment now. */
void view_forget(struct view *v);

/*
 * Reads the bytes into `fresh`: their number or a negative code.  What they
 * tell counts only with view_take(), which calls @fn for each run of changes
 * and returns how many runs there were; the first look has none.
 */
ssize_t view_read(
    struct view *v, const char *name, const struct shunt_segment_options *opts);
uint64_t view_take(struct view *v, size_t n, view_change_fn *fn, void *arg);

/* Nanoseconds since the byte at @off changed, or -1 if it never did. */
int64_t view_age(const struct view *v, uint64_t off, int64_t now_ns);

/* The first byte from @off on that ever changed, or UINT64_MAX. */
uint64_t view_next(const struct view *v, uint64_t off);

#endif /* SHUNT_CLI_WATCH_VIEW_H */
