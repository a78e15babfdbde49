/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_PROGRESS_H
#define SHUNT_CLI_PROGRESS_H

/* A line on standard error that tells how far a transfer is. */

#include <stddef.h>
#include <stdint.h>

#define PROGRESS_UNKNOWN UINT64_MAX

struct progress {
	const char *name;
	uint64_t total; /* PROGRESS_UNKNOWN, or bytes in all */
	uint64_t moved;
	int on;
	int shown;   /* a line stands there */
	int columns; /* of the line before, where nothing can erase it */
	int erases;  /* the terminal can */
	int64_t began_ns, drawn_ns, moved_ns;
	uint64_t drawn; /* `moved` of the last line */
	double rate;    /* bytes a second, of late */
};

/*
 * @wanted: -1 never, 1 always, 0 where standard error is a terminal and
 * @crowded is not: there the bytes themselves are printed.
 */
void progress_start(struct progress *p, const char *name, uint64_t total,
    int wanted, int crowded);

/* So many bytes more; draws ten times a second at most. */
void progress_add(struct progress *p, uint64_t bytes);

/* Nothing moves: for whom we wait, told once that has taken a second. */
void progress_wait(struct progress *p, const char *whom);

/* Takes the line away, for a sentence that follows. */
void progress_clear(struct progress *p);

/* The last line, which stays: how much in what time. */
void progress_end(struct progress *p);

#endif /* SHUNT_CLI_PROGRESS_H */
