/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_ARGS_H
#define SHUNT_CLI_ARGS_H

/*
 * Options of a subcommand as a table.  What is wrong with a command line is
 * told in one sentence here, so that a subcommand only says what it takes.
 */

#include <stddef.h>
#include <stdint.h>

#include "command.h"

enum arg_type {
	ARG_FLAG,    /* int: 1 if given */
	ARG_TEXT,    /* const char * */
	ARG_SIZE,    /* uint64_t: bytes, with K M G T or 0x */
	ARG_ADDRESS, /* uint64_t: where to map */
	ARG_COUNT,   /* uint64_t */
	ARG_MODE,    /* uint32_t: octal permission bits */
	ARG_SECONDS, /* int64_t: nanoseconds; SHUNT_NOWAIT for 0 */
	ARG_CHOICE,  /* uint32_t: which word of `words`, from 0 */
};

struct arg {
	int letter;       /* or 0: a long option only */
	const char *name; /* or NULL: a letter only */
	enum arg_type type;
	void *value;       /* where it goes; keeps its default if not given */
	const char *words; /* ARG_CHOICE: words with a blank between */
};

/* How many operands a subcommand takes, and what they are called. */
struct operands {
	int least, most; /* most < 0: any number */
	const char *what;
};

/*
 * Reads the options of @table, which ends with an entry of no name and no
 * letter; leaves the operands in *@argc, *@argv.  Returns -1 to go on, or the
 * exit code: help was printed, or the mistake told.
 */
int args_read(const struct command *cmd, const struct arg *table,
    const struct operands *ops, int *argc, char ***argv);

/* Tells a mistake in the command line; returns CLI_USAGE. */
int args_usage(const struct command *cmd, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* 0, or -1 if @text is no number of bytes that fits. */
int args_bytes(const char *text, uint64_t *out);
/* 0, or -1 if @text is no octal mode from 0 to 0777. */
int args_mode(const char *text, uint32_t *out);

/* Which of @count words @text is, or -1. */
int args_word(const char *text, const char *const *words, size_t count);

#endif /* SHUNT_CLI_ARGS_H */
