/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "args.h"
#include "bench.h"
#include "fail.h"
#include "out.h"
#include "signals.h"

/* shunt bench: how fast is it on this machine? */

#define MOST_SIZES 8

static const struct bench_driver *const drivers[] = {&bench_bare, &bench_futex,
    &bench_memcpy, &bench_seqpacket, BENCH_OURS_ALL, NULL};

static void
stop(int sig)
{
	(void)sig;
	bench_stopped = 1;
}

/* Every end is ours: the processes and the names have to go first. */
static void
catch_ends(void)
{
	struct sigaction sa = {.sa_handler = stop};

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

/* "64,1K,1M" into @out; 0, or the exit code. */
static int
read_sizes(const struct command *cmd, const char *text, size_t *out)
{
	char copy[128], *save = NULL;
	uint64_t v;
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *t = strtok_r(copy, ",", &save); t != NULL;
	     t = strtok_r(NULL, ",", &save)) {
		if (args_bytes(t, &v) < 0 || v < 8 || v > 16 << 20 ||
		    n == MOST_SIZES)
			return args_usage(cmd,
			    "--size=%s: sizes from 8 to 16M, at most %d of "
			    "them, as --size=64,1K,1M",
			    out_safe(text), MOST_SIZES);
		out[n++] = v;
	}
	out[n] = 0;
	return n > 0 ? 0 : args_usage(cmd, "--size= has no size");
}

static int
read_patterns(const struct command *cmd, const char *text)
{
	static const char *const known[] = {"1:1", "4:1", "1:4", "4:4"};
	char copy[64], *save = NULL;
	int n = 0, bad = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *t = strtok_r(copy, ",", &save); t != NULL;
	     t = strtok_r(NULL, ",", &save), n++)
		bad |= args_word(t, known, 4) < 0;
	if (n > 0 && !bad)
		return 0;
	return args_usage(cmd,
	    "--pattern=%s: it is one of 1:1, 4:1, 1:4 and 4:4, or several "
	    "with commas",
	    out_safe(text));
}

static int
print_row(const struct bench_row *row, void *arg)
{
	(void)arg;
	return bench_json_row(row) < 0;
}

/* A row that failed is the run's failure; none at all is a wrong choice. */
static int
verdict(const struct command *cmd, const struct bench_row *rows)
{
	int rc = CLI_DONE, n = 0;

	for (; rows->driver != NULL; rows++, n++)
		if (!rows->ok && !rows->skipped)
			rc = CLI_FAILED;
	if (n == 0 && !bench_stopped)
		return args_usage(cmd, "nothing of that name is measured");
	return rc;
}

static int
measure(const struct command *cmd, const struct bench_plan *plan, int json)
{
	struct bench_row *rows;
	int rc;

	catch_ends();
	if (json)
		bench_json_machine("shunt bench");
	rows = bench_all(plan);
	if (rows == NULL)
		return fail_say(cmd, "%s", bench_why());
	if (!json && rows->driver != NULL) {
		bench_table(rows);
		putchar('\n');
		bench_text_machine(stdout, "shunt bench");
	}
	rc = verdict(cmd, rows);
	if (bench_stopped)
		rc = fail_say(cmd, "stopped: not all was measured");
	free(rows);
	return rc;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	size_t sizes[MOST_SIZES + 1];
	struct bench_plan plan = {.drivers = drivers,
	    .sizes = sizes,
	    .seconds = 0.3,
	    .modes = BENCH_POLL | BENCH_SLEEP,
	    .kinds = BENCH_TRIPS | BENCH_FLOOD,
	    .tries = 3};
	const char *size = "8,64,1K,64K,1M", *only = NULL;
	uint32_t mode = 0, what = 0;
	int quick = 0, json = 0, rc;
	const struct arg table[] = {
	    {0, "size", ARG_TEXT, &size, NULL},
	    {0, "pattern", ARG_TEXT, &plan.patterns, NULL},
	    {0, "mode", ARG_CHOICE, &mode, "both polling sleeping"},
	    {0, "what", ARG_CHOICE, &what, "both trips flood"},
	    {0, "only", ARG_TEXT, &only, NULL},
	    {'q', "quick", ARG_FLAG, &quick, NULL},
	    {0, "json", ARG_FLAG, &json, NULL},
	    {0},
	};
	const struct operands ops = {0, 0, "nothing"};

	rc = args_read(cmd, table, &ops, &argc, &argv);
	if (rc >= 0)
		return rc;
	rc = read_sizes(cmd, size, sizes);
	if (rc == 0 && plan.patterns != NULL)
		rc = read_patterns(cmd, plan.patterns);
	if (rc == 0 && only != NULL && *only == 0)
		rc = args_usage(cmd, "--only= has no text");
	if (rc != 0)
		return rc;
	plan.modes = mode == 1   ? BENCH_POLL
		     : mode == 2 ? BENCH_SLEEP
				 : plan.modes;
	plan.kinds = what == 1   ? BENCH_TRIPS
		     : what == 2 ? BENCH_FLOOD
				 : plan.kinds;
	plan.only = only;
	if (quick) {
		plan.seconds = 0.05;
		plan.tries = 1;
	}
	plan.each = json ? print_row : NULL;
	plan.progress = isatty(STDERR_FILENO) == 1;
	return measure(cmd, &plan, json);
}

/* clang-format off */
static const char help[] =
"How fast do messages pass on this machine?  Two processes send a message\n"
"there and back (round trip), or one sends as many as the other takes (flood),\n"
"each on a processor of its own where there are enough.  Every message is\n"
"counted and checked.  Beside each figure stands its control, measured just\n"
"before and after it: figures drift with the machine, ratios hardly.\n"
"\n"
"      --size=LIST     bytes of a message: 8,64,1K,64K,1M by default\n"
"      --pattern=LIST  how many send to how many: 1:1,4:1,1:4,4:4\n"
"      --mode=WORD     polling, sleeping or both: what a receiver does while\n"
"                      there is nothing\n"
"      --what=WORD     trips, flood or both\n"
"      --only=TEXT     only what has TEXT in its line: kind, pattern, size,\n"
"                      mode, name, as in 'trips 1:1 64 polling shunt-queue '\n"
"  -q, --quick         a sixth of the time, rougher figures\n"
"      --json          a line for each: row, name, pattern, mode, size, state,\n"
"                      p50_ns, p99_ns, p999_ns, max_ns or rate, bytes_per_s;\n"
"                      cpu_ns a message, control, ratio, steady\n"
"\n"
"What a ratio means: of a round trip, how many round trips of one bare cache\n"
"line (polling) or of a bare futex (sleeping) it takes: 1 is the least that\n"
"the hardware allows.  Of a flood 1:1, messages in one bare round trip; from\n"
"or to many, times the rate of a UNIX seqpacket socket; of 64K and more, the\n"
"part of what memcpy moves in one process.  A star: the control changed by\n"
"more than 30 % while the row ran, so other work was there; measure again.\n"
"\n"
"Polling is for a processor that has nothing else to do; sleeping costs a\n"
"wake-up, most of which is the kernel's and the processor's own.\n"
"\n"
"Examples:\n"
"  shunt bench --quick\n"
"  shunt bench --size=64 --pattern=1:1\n"
"  shunt bench --what=trips --size=64 --json | jq .p50_ns\n";
/* clang-format on */

const struct command command_bench = {
    .name = "bench",
    .summary = "measure how fast messages pass on this machine",
    .synopsis = "[--size=LIST] [--pattern=LIST] [--quick] [--json]",
    .run = run,
    .help = help,
};
