/* SPDX-License-Identifier: MIT */
#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "look.h"
#include "out.h"

/* shunt pin: SHM_LOCK and SHM_UNLOCK of System V. */

static int
pin(const struct command *cmd, const char *name, int on)
{
	int r;

	if (!look_sysv(name))
		return fail_say(cmd,
		    "%s: only a System V segment (sysv:...) can be kept in "
		    "memory for all; `shunt hold --memlock` keeps any other "
		    "there while it runs",
		    out_safe(name));
	r = shunt_sysv_lock(name, on);
	return r < 0 ? fail_cold(cmd, name, r) : CLI_DONE;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	int off = 0, worst = CLI_DONE;
	const struct arg table[] = {
	    {0, "off", ARG_FLAG, &off, NULL},
	    {0},
	};
	const struct operands ops = {1, -1, "at least one NAME"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc >= 0)
		return rc;
	for (int i = 0; i < argc; i++) {
		rc = pin(cmd, argv[i], !off);
		if (rc > worst)
			worst = rc;
	}
	return worst;
}

/* clang-format off */
static const char help[] =
"Keeps a System V segment in memory (SHM_LOCK): its pages never go to swap,\n"
"whoever has it attached, until --off or until it goes.  Pages that are not\n"
"in memory yet come when they are first touched.\n"
"\n"
"      --off         let it go to swap again (SHM_UNLOCK)\n"
"\n"
"Only its owner, its creator and root may; `shunt limits` tells how much.\n"
"`shunt stat` shows a pinned one as locked.\n"
"\n"
"Examples:\n"
"  shunt create sysv:0x4c03 64K\n"
"  shunt pin sysv:0x4c03\n"
"  shunt pin --off sysv:0x4c03\n";
/* clang-format on */

const struct command command_pin = {
    .name = "pin",
    .summary = "keep a System V segment in memory",
    .synopsis = "NAME... [--off]",
    .run = run,
    .help = help,
};
