/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "look.h"
#include "out.h"

/* shunt resize: another size for a raw segment, and whom that hurts. */

struct resize {
	const struct command *cmd;
	const char *name;
	uint64_t size;
	int force, json;
};

/*
 * Taking memory away from those who map it kills them when they touch it.
 * Who comes between looking and cutting is not seen: nothing could stop him.
 */
static int
refuse(const struct resize *r, const struct shunt_segment_info *info,
    const struct look_users *users)
{
	if (users->count > 0)
		return fail_say(r->cmd,
		    "%s: mapped by %s, who would get a SIGBUS on touching what "
		    "is cut off between %" PRIu64 " and %" PRIu64
		    "; end them, or cut it all the same with --force",
		    out_safe(r->name), look_users_text(users), r->size,
		    info->size);
	return fail_say(r->cmd,
	    "%s: %s, and would get a SIGBUS on touching what is cut off; "
	    "cut it all the same with --force",
	    out_safe(r->name),
	    info->state == SHUNT_STATE_LIVE
		? "somebody who cannot be seen from here has it open or mapped"
		: "somebody may map it, which cannot be told from here");
}

static int
tell(const struct resize *r, uint64_t before, const struct look_users *users)
{
	json_t *o;

	if (r->json) {
		o = json_pack("{s:o, s:o, s:o, s:o}", "name",
		    out_json_text(r->name), "before", out_json_int(before),
		    "size", out_json_int(r->size), "users",
		    look_users_json(users));
		return o == NULL || out_json(o, 1) < 0 ? CLI_FAILED : CLI_DONE;
	}
	if (r->size == before || users->count == 0)
		return CLI_DONE;
	printf(r->size < before
		   ? "%s: cut under %s; touching what is cut off is a SIGBUS\n"
		   : "%s: grown; %s will see the new size when opening it "
		     "again\n",
	    out_safe(r->name), look_users_text(users));
	return CLI_DONE;
}

static int
resize(const struct resize *r)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct look_users users;
	int code = shunt_segment_stat(r->name, &info, NULL, 0), rc;

	if (code < 0 && code != SHUNT_E_NOTREADY)
		return fail_cold(r->cmd, r->name, code);
	if (look_users(&users, r->name) < 0)
		users = (struct look_users){0};
	/* What the library refuses anyway is refused in its own words. */
	if (code >= 0 && info.kind == SHUNT_KIND_RAW && !look_sysv(r->name) &&
	    r->size < info.size && !r->force &&
	    (users.count > 0 || info.state == SHUNT_STATE_LIVE ||
		info.state == SHUNT_STATE_UNKNOWN)) {
		rc = refuse(r, &info, &users);
	} else {
		code = shunt_segment_set_size(r->name, r->size);
		rc = code < 0 ? fail_cold(r->cmd, r->name, code)
			      : tell(r, info.size, &users);
	}
	look_users_free(&users);
	return rc;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct resize r = {.cmd = cmd};
	const struct arg table[] = {
	    {'f', "force", ARG_FLAG, &r.force, NULL},
	    {0, "json", ARG_FLAG, &r.json, NULL},
	    {0},
	};
	const struct operands ops = {2, 2, "NAME and SIZE"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc >= 0)
		return rc;
	r.name = argv[0];
	if (args_bytes(argv[1], &r.size) < 0)
		return args_usage(cmd,
		    "\"%s\" is no SIZE; write a number of bytes such as "
		    "4096, 64K, 1M or 0x1000",
		    out_safe(argv[1]));
	return resize(&r);
}

/* clang-format off */
static const char help[] =
"Gives a raw segment another size; SIZE is as for create.  What is added is\n"
"reserved and zero.  Those who have it mapped see the size that they mapped,\n"
"until they open it again.\n"
"\n"
"What is cut off is gone at once for all: a process that touches it is killed\n"
"by a SIGBUS.  So cutting is refused while anybody has it mapped, or may have.\n"
"System V segments keep the size that they were made with.\n"
"\n"
"  -f, --force       cut it under those who map it, too\n"
"      --json        an object: name, before, size, users\n"
"\n"
"Examples:\n"
"  shunt resize /table 128K\n"
"  shunt resize /table 4K --force\n";
/* clang-format on */

const struct command command_resize = {
    .name = "resize",
    .summary = "give a raw segment another size",
    .synopsis = "NAME SIZE [--force]",
    .run = run,
    .help = help,
};
