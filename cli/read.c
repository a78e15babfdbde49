/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "out.h"

/* shunt read: the bytes of a segment, as they are. */

#define PIECE       (256 * 1024)
#define ZEROS_SHOWN 8 /* a longer run of zeros is told as a number */

/* A run of zeros on a terminal: most of a fresh segment is nothing else. */
static int
print_zeros(uint64_t n)
{
	char text[64];
	int len;

	if (n >= ZEROS_SHOWN) {
		len = snprintf(text, sizeof(text), "%s\\x00 * %" PRIu64 "%s",
		    out_colour(OUT_DIM), n, out_colour(OUT_RESET));
		return out_write(text, (size_t)len);
	}
	for (; n > 0; n--) {
		int r = out_write("\\x00", 4);

		if (r < 0)
			return r;
	}
	return 0;
}

/* For a terminal: escaped; @zeros counts a run that is not yet printed. */
static int
print_escaped(const char *buf, size_t len, uint64_t *zeros)
{
	while (len > 0) {
		const char *nul = memchr(buf, 0, len);
		size_t n = nul != NULL ? (size_t)(nul - buf) : len;
		int r = 0;

		if (n == 0) {
			++*zeros;
			n = 1;
		} else {
			r = print_zeros(*zeros);
			*zeros = 0;
			if (r == 0)
				r = out_write_escaped(buf, n);
		}
		if (r < 0)
			return r;
		buf += n;
		len -= n;
	}
	return 0;
}

/* Ends a terminal's line, so that the prompt stands on its own. */
static int
end_escaped(char last, uint64_t zeros)
{
	int r = print_zeros(zeros);

	if (r == 0 && last != '\n')
		r = out_write("\n", 1);
	return r;
}

static int
copy(const struct command *cmd, const char *name, uint64_t at, uint64_t len,
    const struct shunt_segment_options *opts, char *buf)
{
	uint64_t zeros = 0, copied = 0;
	char last = '\n';
	int r = 0;

	while (copied < len && r == 0) {
		uint64_t want = len - copied < PIECE ? len - copied : PIECE;
		ssize_t n = shunt_segment_read(
		    name, at + copied, buf, (size_t)want, opts);

		if (n < 0)
			return fail_cold(cmd, name, (int)n);
		if (n == 0)
			break;
		last = buf[n - 1];
		copied += (uint64_t)n;
		r = out_terminal() ? print_escaped(buf, (size_t)n, &zeros)
				   : out_write(buf, (size_t)n);
	}
	if (r == 0 && out_terminal() && copied > 0)
		r = end_escaped(last, zeros);
	return r < 0 ? fail_output(cmd, r) : CLI_DONE;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_segment_options opts = {.sz = sizeof(opts)};
	struct shunt_segment_info info = {.sz = sizeof(info)};
	uint64_t at = 0, len = UINT64_MAX;
	const struct arg table[] = {
	    {'a', "at", ARG_SIZE, &at, NULL},
	    {'n', "bytes", ARG_SIZE, &len, NULL},
	    {0, "owner", ARG_TEXT, &opts.owner, NULL},
	    {0},
	};
	const struct operands ops = {1, 1, "NAME"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);
	char *buf;

	if (rc >= 0)
		return rc;
	rc = shunt_segment_stat(argv[0], &info, NULL, 0);
	if (rc < 0)
		return fail_cold(cmd, argv[0], rc);
	if (at > info.size)
		return fail_say(cmd,
		    "%s: offset %" PRIu64 " is past its end at %" PRIu64,
		    out_safe(argv[0]), at, info.size);
	buf = malloc(PIECE);
	if (buf == NULL)
		return fail_cold(cmd, argv[0], -ENOMEM);
	rc = copy(cmd, argv[0], at, len, &opts, buf);
	free(buf);
	return rc;
}

/* clang-format off */
static const char help[] =
"Prints the bytes of a segment to standard output: of any kind, without\n"
"mapping it and without changing anything.\n"
"\n"
"  -a, --at=OFF      begin at this byte (0)\n"
"  -n, --bytes=LEN   so many bytes; to the end if not given or too many\n"
"      --owner=USER  refuse the segment unless this user owns it\n"
"\n"
"On a terminal the bytes are escaped (\\x1b for an escape, \\x00 * 100 for a\n"
"hundred zeros), for other programs wrote them; into a pipe or file they go\n"
"as they are.\n"
"\n"
"Examples:\n"
"  shunt read /table -n 20\n"
"  shunt read /table --at=4K -n 1K > part\n";
/* clang-format on */

const struct command command_read = {
    .name = "read",
    .summary = "print the bytes of a segment",
    .synopsis = "NAME [--at=OFF] [-n LEN]",
    .run = run,
    .help = help,
};
