/* SPDX-License-Identifier: MIT */
#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "out.h"

/* shunt chmod: who may read and write, on every kind of segment. */

static int
run(const struct command *cmd, int argc, char **argv)
{
	const struct arg table[] = {{0}};
	const struct operands ops = {2, 2, "NAME and MODE"};
	int rc = args_read(cmd, table, &ops, &argc, &argv), r;
	uint32_t mode;

	if (rc >= 0)
		return rc;
	if (args_mode(argv[1], &mode) < 0)
		return args_usage(cmd,
		    "\"%s\" is no MODE; write an octal one from 0 to 777 such "
		    "as 0640",
		    out_safe(argv[1]));
	r = shunt_segment_set_mode(argv[0], mode);
	return r < 0 ? fail_cold(cmd, argv[0], r) : CLI_DONE;
}

/* clang-format off */
static const char help[] =
"Changes the permission bits of a segment of any kind: chmod(2), or IPC_SET\n"
"for System V.  MODE is octal: 4 reads, 2 writes; for the owner, the group,\n"
"the others.  Who has it attached already keeps what he was given.\n"
"\n"
"Only its owner (System V: or its creator) and root may.\n"
"\n"
"Examples:\n"
"  shunt chmod /table 0660\n"
"  shunt create sysv:0x4c02 4K\n"
"  shunt chmod sysv:0x4c02 0644\n";
/* clang-format on */

const struct command command_chmod = {
    .name = "chmod",
    .summary = "change who may read and write a segment",
    .synopsis = "NAME MODE",
    .run = run,
    .help = help,
};
