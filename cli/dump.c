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

/* shunt dump: bytes as hex and text, equal lines folded. */

#define ROW   16
#define PIECE (ROW * 4096)

struct dump {
	int width;               /* digits of an offset */
	int all;                 /* fold nothing */
	int folding;             /* the `*` of this run is printed */
	int rows;                /* printed or folded so far, up to 1 */
	unsigned char last[ROW]; /* the row before */
};

static void
print_hex(const unsigned char *row, size_t n)
{
	const char *dim = out_colour(OUT_DIM), *off = out_colour(OUT_RESET);

	for (size_t i = 0; i < ROW; i++) {
		if (i == ROW / 2)
			putchar(' ');
		if (i >= n)
			fputs("   ", stdout);
		else if (row[i] == 0 && *dim != 0)
			printf(" %s00%s", dim, off);
		else
			printf(" %02x", row[i]);
	}
}

static void
print_row(const struct dump *d, uint64_t at, const unsigned char *row, size_t n)
{
	printf("%s%0*" PRIx64 "%s ", out_colour(OUT_CYAN), d->width, at,
	    out_colour(OUT_RESET));
	print_hex(row, n);
	fputs("  |", stdout);
	for (size_t i = 0; i < n; i++)
		putchar(row[i] >= 0x20 && row[i] < 0x7f ? row[i] : '.');
	fputs("|\n", stdout);
}

static void
dump_row(struct dump *d, uint64_t at, const unsigned char *row, size_t n)
{
	int same = d->rows && n == ROW && memcmp(d->last, row, ROW) == 0;

	d->rows = 1;
	memcpy(d->last, row, n);
	if (same && !d->all) {
		if (!d->folding)
			puts("*");
		d->folding = 1;
		return;
	}
	d->folding = 0;
	print_row(d, at, row, n);
}

/* Fills @buf as far as there are bytes: a row must not end within. */
static ssize_t
fill(const char *name, uint64_t at, unsigned char *buf, size_t want,
    const struct shunt_segment_options *opts)
{
	size_t have = 0;

	while (have < want) {
		ssize_t n = shunt_segment_read(
		    name, at + have, buf + have, want - have, opts);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

static int
dump(const struct command *cmd, struct dump *d, const char *name, uint64_t at,
    uint64_t end, const struct shunt_segment_options *opts)
{
	unsigned char *buf = malloc(PIECE);
	ssize_t n = 0;

	if (buf == NULL)
		return fail_cold(cmd, name, -ENOMEM);
	while (at < end && !ferror(stdout)) {
		uint64_t want = end - at < PIECE ? end - at : PIECE;

		n = fill(name, at, buf, (size_t)want, opts);
		if (n <= 0)
			break;
		for (size_t i = 0; i < (size_t)n; i += ROW)
			dump_row(d, at + i, buf + i,
			    (size_t)n - i < ROW ? (size_t)n - i : ROW);
		at += (uint64_t)n;
	}
	free(buf);
	if (n < 0)
		return fail_cold(cmd, name, (int)n);
	printf("%s%0*" PRIx64 "%s\n", out_colour(OUT_CYAN), d->width, at,
	    out_colour(OUT_RESET));
	return CLI_DONE;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_segment_options opts = {.sz = sizeof(opts)};
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct dump d = {.width = 8};
	uint64_t at = 0, len = UINT64_MAX, end;
	const struct arg table[] = {
	    {'a', "at", ARG_SIZE, &at, NULL},
	    {'n', "bytes", ARG_SIZE, &len, NULL},
	    {'v', "all", ARG_FLAG, &d.all, NULL},
	    {0, "owner", ARG_TEXT, &opts.owner, NULL},
	    {0},
	};
	const struct operands ops = {1, 1, "NAME"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc >= 0)
		return rc;
	rc = shunt_segment_stat(argv[0], &info, NULL, 0);
	if (rc < 0)
		return fail_cold(cmd, argv[0], rc);
	if (at > info.size)
		return fail_say(cmd,
		    "%s: offset %" PRIu64 " is past its end at %" PRIu64,
		    out_safe(argv[0]), at, info.size);
	end = info.size - at < len ? info.size : at + len;
	while (d.width < 16 && end >> (4 * d.width) != 0)
		d.width++;
	return dump(cmd, &d, argv[0], at, end, &opts);
}

/* clang-format off */
static const char help[] =
"Prints the bytes of a segment of any kind as hex and text.  Rows that are\n"
"equal to the one before are folded into a line with `*`; the last line is\n"
"the offset of the end.\n"
"\n"
"  -a, --at=OFF      begin at this byte (0)\n"
"  -n, --bytes=LEN   so many bytes; to the end if not given or too many\n"
"  -v, --all         fold nothing\n"
"      --owner=USER  refuse the segment unless this user owns it\n"
"\n"
"Examples:\n"
"  shunt dump /table\n"
"  shunt dump /table --at=0x100 -n 64\n";
/* clang-format on */

const struct command command_dump = {
    .name = "dump",
    .summary = "print a segment as hex and text",
    .synopsis = "NAME [--at=OFF] [-n LEN]",
    .run = run,
    .help = help,
};
