/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "out.h"

/* shunt chown: whose a segment is, on every kind of segment. */

static int
set_owner(const struct command *cmd, const char *name, const char *spec)
{
	const char *colon = strchr(spec, ':');
	const char *group = colon != NULL ? colon + 1 : NULL;
	char *user;
	int r;

	if (*spec == 0 || (group != NULL && *group == 0))
		return args_usage(cmd,
		    "\"%s\" is no owner; write USER, USER:GROUP or :GROUP",
		    out_safe(spec));
	user = strndup(spec, strcspn(spec, ":"));
	if (user == NULL)
		abort();
	r = shunt_segment_set_owner(name, *user != 0 ? user : NULL, group);
	free(user);
	return r < 0 ? fail_cold(cmd, name, r) : CLI_DONE;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	const struct arg table[] = {{0}};
	const struct operands ops = {2, 2, "NAME and USER[:GROUP]"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	return rc >= 0 ? rc : set_owner(cmd, argv[0], argv[1]);
}

/* clang-format off */
static const char help[] =
"Changes the owner of a segment of any kind, its group, or both: chown(2), or\n"
"IPC_SET for System V.  Users and groups are names or numbers.  The creator of\n"
"a System V segment stays what it was, and keeps the owner's rights.\n"
"\n"
"Giving a segment away takes root; System V: its owner or creator may, too.\n"
"\n"
"Examples:\n"
"  shunt chown /table nobody\n"
"  shunt chown /table nobody:daemon\n"
"  shunt chown /table :daemon\n";
/* clang-format on */

const struct command command_chown = {
    .name = "chown",
    .summary = "change whose a segment is",
    .synopsis = "NAME USER[:GROUP]",
    .run = run,
    .help = help,
};
