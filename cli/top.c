/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>

#include "args.h"
#include "fail.h"
#include "screen.h"
#include "signals.h"
#include "top.h"

/* shunt top: all shared memory while it changes. */

#define NS_PER_S INT64_C(1000000000)

static int
show(struct top *top, int plain)
{
	int rc = -1;

	signals_catch_stop();
	if (!plain && screen_wanted()) {
		rc = top_screen(top);
		if (rc < 0)
			fail_say(top->cmd, "lines in place of a screen: %s",
			    screen_why());
	}
	return rc < 0 ? top_lines(top) : rc;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct top top = {.cmd = cmd, .interval_ns = NS_PER_S};
	int plain = 0, rc;
	const struct arg table[] = {
	    {'i', "interval", ARG_SECONDS, &top.interval_ns, NULL},
	    {'s', "sort", ARG_CHOICE, &top.key, "rate used size users name"},
	    {'r', "reverse", ARG_FLAG, &top.reverse, NULL},
	    {'m', "mine", ARG_FLAG, &top.wanted.mine, NULL},
	    {'1', "once", ARG_FLAG, &top.once, NULL},
	    {'n', "count", ARG_COUNT, &top.most, NULL},
	    {'p', "plain", ARG_FLAG, &plain, NULL},
	    {0, "json", ARG_FLAG, &top.json, NULL},
	    {0},
	};
	const struct operands ops = {0, -1, "PATTERNs"};

	rc = args_read(cmd, table, &ops, &argc, &argv);
	if (rc >= 0)
		return rc;
	if (top.interval_ns < NS_PER_S / 20)
		top.interval_ns = NS_PER_S / 20;
	top.wanted.uid = (uint32_t)geteuid();
	top.wanted.patterns = argv;
	top.wanted.npatterns = argc;
	rc = show(&top, plain || top.json || top.once || top.most > 0);
	top_free(&top);
	return rc;
}

/* clang-format off */
static const char help[] =
"Shows all shared memory of the machine, as `shunt ls`, while it changes: a\n"
"screen on a terminal, else a table for each look.  Nothing is touched, and\n"
"writers are not disturbed: a look reads each object once.\n"
"\n"
"  -i, --interval=S  look every S seconds (1)\n"
"  -s, --sort=KEY    by rate (messages a second, then bytes), used, size, users\n"
"                    or name\n"
"  -r, --reverse     the other way round\n"
"  -m, --mine        only what belongs to you\n"
"  -1, --once        two looks, one table, and end\n"
"  -n, --count=N     so many tables, and end\n"
"  -p, --plain       tables also on a terminal\n"
"      --json        an array of objects for each look, a line each\n"
"\n"
"  CHANGE   memory it takes more or less than at the last look\n"
"  MSGS/S   messages a second through it; of a stream bytes: B\n"
"  DEPTH    messages that wait in it; of a topic those still there\n"
"  LAG      bytes that wait; of a topic what its slowest subscriber is behind\n"
"  DROPS    messages that a log has dropped, ever; of a topic those that its\n"
"           living subscribers missed\n"
"On the screen: m u s p n choose the order, ? tells the other keys, q ends.\n"
"\n"
"Examples:\n"
"  shunt top --once\n"
"  shunt top --once --sort=used --mine\n"
"  shunt top --once --json --interval=0.2 | jq '.[0].used'\n";
/* clang-format on */

const struct command command_top = {
    .name = "top",
    .summary = "all shared memory while it changes",
    .synopsis = "[PATTERN...] [--sort=KEY] [--interval=S] [--once] [--json]",
    .run = run,
    .help = help,
};
