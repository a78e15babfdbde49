/* SPDX-License-Identifier: MIT */
#ifndef TESTS_LIB_LOG_CHECK_H
#define TESTS_LIB_LOG_CHECK_H

/*
 * Messages that tell who wrote them, which they are and how they must look,
 * and the judge over the files that they end up in.
 */

#include <stddef.h>
#include <stdint.h>

#include "lib/log_producer.h"

#define LOG_CHECK_CLIENTS 64
#define LOG_CHECK_MAX     4096 /* bytes of the longest message */

struct log_check {
	uint64_t next[LOG_CHECK_CLIENTS]; /* number that must come */
	uint64_t lines;                   /* of clients */
	uint64_t lost;                    /* numbers skipped */
	uint64_t twice;                   /* numbers that had been there */
	uint64_t torn;      /* lines that are not as they were logged */
	uint64_t unordered; /* stamped before the line above */
	uint64_t others;    /* the server's own */
	uint64_t last;
};

/* Logs message @seq of @client, with @fill bytes of filler. */
int log_check_put(
    struct producer *p, unsigned client, uint64_t seq, unsigned fill);

/* The same message by itself, for another way to log it; its length. */
size_t log_check_message(
    char *out, unsigned client, uint64_t seq, uint64_t stamp, unsigned fill);

/* Reads a file to its end; files are to come in the order of writing.  A
 * last line without a newline is torn.  0 or -errno. */
int log_check_file(struct log_check *c, const char *path);

/* Says what it found; 0 if nothing is wrong. */
int log_check_verdict(const struct log_check *c, const char *what);

/* A little randomness that a seed repeats. */
uint64_t log_check_random(uint64_t *state);

#endif /* TESTS_LIB_LOG_CHECK_H */
