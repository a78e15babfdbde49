/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_FRAMING_H
#define SHUNT_CLI_FRAMING_H

/*
 * Where one message ends and the next begins, on standard input and output:
 * a newline, a NUL, or its length in front of it, 4 or 8 bytes with the least
 * first.  Every subcommand that carries messages has the same.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "command.h"
#include "lines.h"

enum framing {
	FRAMING_LINE,
	FRAMING_NUL,
	FRAMING_LENGTH,  /* 4 bytes */
	FRAMING_LENGTH8, /* 8 bytes */
};

/* --framing=WORD and -0, as a subcommand's table has them. */
struct framing_args {
	uint32_t framing;
	int null;
};
#define FRAMING_WORDS "line nul length length8"
/* clang-format off */
#define FRAMING_ARGS(f)                                                        \
	{'f', "framing", ARG_CHOICE, &(f).framing, FRAMING_WORDS},             \
	{'0', "null", ARG_FLAG, &(f).null, NULL}
/* clang-format on */
#define FRAMING_HELP                                                           \
	"  -f, --framing=F   line, nul, length or length8: see below\n"        \
	"  -0, --null        the same as --framing=nul\n"
#define FRAMING_HELP_REST                                                      \
	"Framing tells where messages end: line (the default) by a newline, "  \
	"nul by a\n"                                                           \
	"NUL; with length each stands behind its length, 4 bytes, the least "  \
	"first, and\n"                                                         \
	"with length8 behind 8: for bytes of any kind.\n"

enum framing framing_of(const struct framing_args *args);

/* Messages of standard input. */
struct feed {
	struct lines lines;
	enum framing framing;
};

/* 0 or -ENOMEM.  @max: a longer message is told as LINES_LONG. */
int feed_open(struct feed *feed, size_t max, enum framing framing);
/* As lines_next(); also LINES_CUT: it ends within a message. */
ssize_t feed_next(struct feed *feed, const char **msg);
void feed_close(struct feed *feed);

/*
 * A message of standard input that could not be had: @n is what feed_next()
 * answered, @what takes it ("this queue").  Returns the exit code.
 */
int feed_refuse(const struct command *cmd, const char *name, const char *what,
    const struct feed *feed, ssize_t n);

/* Messages to standard output. */
struct printer {
	enum framing framing;
	int json;  /* an object a line instead */
	char *buf; /* a message with its end, or its escaped form */
	size_t room;
};

/*
 * Prints @len bytes that may lie in shared memory: they are copied first, then
 * looked at.  On a terminal they are escaped, a line each.  @extra: what else
 * JSON tells of it, between the length and the text; it is dropped; or NULL.
 * 0 or -errno.
 */
int printer_put(
    struct printer *printer, const void *msg, size_t len, json_t *extra);
void printer_fini(struct printer *printer);

/*
 * Printing failed: says so, and whether the message @stays where it was.
 * Returns the exit code.
 */
int printer_refuse(
    const struct command *cmd, const char *name, int stays, int code);

#endif /* SHUNT_CLI_FRAMING_H */
