/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "framing.h"
#include "out.h"

/* Messages of standard input; print.c has those of standard output. */

enum framing
framing_of(const struct framing_args *args)
{
	return args->null ? FRAMING_NUL : (enum framing)args->framing;
}

int
feed_open(struct feed *feed, size_t max, enum framing framing)
{
	feed->framing = framing;
	return lines_open(&feed->lines, max, framing == FRAMING_NUL ? 0 : '\n');
}

static ssize_t
next_counted(struct feed *feed, size_t digits, const char **msg)
{
	uint64_t len = 0;
	ssize_t n = lines_take(&feed->lines, digits, msg);

	if (n <= 0)
		return n < 0 ? n : LINES_END;
	if ((size_t)n < digits)
		return LINES_CUT;
	for (size_t i = 0; i < digits; i++)
		len |= (uint64_t)(unsigned char)(*msg)[i] << 8 * i;
	feed->lines.number++;
	if (len > feed->lines.max)
		return LINES_LONG;
	n = lines_take(&feed->lines, (size_t)len, msg);
	return n < 0 || (uint64_t)n == len ? n : LINES_CUT;
}

ssize_t
feed_next(struct feed *feed, const char **msg)
{
	switch (feed->framing) {
	case FRAMING_LENGTH:
		return next_counted(feed, 4, msg);
	case FRAMING_LENGTH8:
		return next_counted(feed, 8, msg);
	default:
		return lines_next(&feed->lines, msg);
	}
}

void
feed_close(struct feed *feed)
{
	lines_close(&feed->lines);
}

int
feed_refuse(const struct command *cmd, const char *name, const char *what,
    const struct feed *feed, ssize_t n)
{
	const char *unit = feed->framing == FRAMING_LINE ? "line" : "message";

	if (n == LINES_STOPPED)
		return CLI_FAILED;
	if (n == LINES_LONG)
		return fail_say(cmd,
		    "%s: %s %" PRIu64 " is too long: %s takes %zu bytes at "
		    "most; it and what follows were not sent",
		    out_safe(name), unit, feed->lines.number, what,
		    feed->lines.max);
	if (n == LINES_CUT)
		return fail_say(cmd,
		    "standard input ends within message %" PRIu64
		    ", which was not sent; is it of --framing=%s?",
		    feed->lines.number + (feed->lines.number == 0),
		    feed->framing == FRAMING_LENGTH ? "length" : "length8");
	if (n == -ENOMEM)
		return fail_say(cmd, "%s: out of memory for %s %" PRIu64,
		    out_safe(name), unit, feed->lines.number);
	return fail_say(cmd, "standard input: %s", strerror((int)-n));
}
