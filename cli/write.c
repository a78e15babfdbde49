/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "lines.h"
#include "out.h"

/* shunt write: all of the bytes into a raw segment, or none. */

#define FIRST_ROOM 65536

/*
 * All of standard input, but at most @limit bytes and one more, which is
 * enough to know that it does not fit.
 */
static ssize_t
slurp(char **out, uint64_t limit)
{
	size_t room = 0, have = 0;

	*out = NULL;
	for (;;) {
		if (have == room) {
			size_t grown = room == 0 ? FIRST_ROOM : room * 2;
			char *more = realloc(*out, grown);

			if (more == NULL)
				return -ENOMEM;
			*out = more;
			room = grown;
		}
		ssize_t n = lines_read(*out + have, room - have);
		if (n < 0)
			return n;
		have += (size_t)n;
		if (n == 0 || have > limit)
			return (ssize_t)have;
	}
}

static int
write_all(const struct command *cmd, const char *name, uint64_t at,
    const void *buf, size_t len, const char *owner)
{
	struct shunt_segment_options opts = {
	    .sz = sizeof(opts), .owner = owner};
	ssize_t n = shunt_segment_write(name, at, buf, len, &opts);

	if (n < 0)
		return fail_cold(cmd, name, (int)n);
	return CLI_DONE;
}

static int
write_input(
    const struct command *cmd, const char *name, uint64_t at, const char *owner)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	uint64_t room;
	ssize_t n;
	char *buf;
	int r;

	/* What cannot be written anyway is refused before reading. */
	r = shunt_segment_stat(name, &info, NULL, 0);
	if (r < 0)
		return fail_cold(cmd, name, r);
	if (info.kind != SHUNT_KIND_RAW)
		return write_all(cmd, name, at, "", 1, owner);
	room = at < info.size ? info.size - at : 0;
	n = slurp(&buf, room);
	if (n < 0)
		r = fail_say(cmd, "standard input: %s", strerror((int)-n));
	else if ((uint64_t)n > room)
		r = fail_say(cmd,
		    "%s: standard input does not fit: from offset %" PRIu64
		    " there are %" PRIu64 " bytes of room; nothing was written",
		    out_safe(name), at, room);
	else
		r = write_all(cmd, name, at, buf, (size_t)n, owner);
	free(buf);
	return r;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	const char *owner = NULL;
	uint64_t at = 0;
	const struct arg table[] = {
	    {'a', "at", ARG_SIZE, &at, NULL},
	    {0, "owner", ARG_TEXT, &owner, NULL},
	    {0},
	};
	const struct operands ops = {
	    1, 2, "NAME and at most one TEXT (quote it if it has blanks)"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (argc == 2)
		return write_all(
		    cmd, argv[0], at, argv[1], strlen(argv[1]), owner);
	return write_input(cmd, argv[0], at, owner);
}

/* clang-format off */
static const char help[] =
"Writes TEXT, or all of standard input, into a raw segment.  No newline is\n"
"added.  What would go past the end, or onto an object such as a queue, is\n"
"refused and nothing is written.\n"
"\n"
"  -a, --at=OFF      begin at this byte (0); K, M, G and 0x as for SIZE\n"
"      --owner=USER  refuse the segment unless this user owns it\n"
"\n"
"Examples:\n"
"  shunt create /table 4K\n"
"  shunt write /table 'hello, other process'\n"
"  printf '\\001\\002' | shunt write /table --at=0x100\n";
/* clang-format on */

const struct command command_write = {
    .name = "write",
    .summary = "put bytes into a raw segment",
    .synopsis = "NAME [--at=OFF] [TEXT]",
    .run = run,
    .help = help,
};
