/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "look.h"
#include "out.h"

/* shunt rm: removes names, and says who is left with the memory. */

static int
refuse_busy(
    const struct command *cmd, const char *name, const struct look_users *users)
{
	if (users->count == 0)
		return fail_say(cmd,
		    "%s: somebody who cannot be seen from here has it "
		    "attached; remove it all the same with --force",
		    out_safe(name));
	return fail_say(cmd,
	    "%s: in use by %s; end %s, or remove it all the same with "
	    "--force",
	    out_safe(name), look_users_text(users),
	    users->count > 1 ? "them" : "it");
}

/* System V: whom the kernel counts, and of these whom we see. */
static void
tell_sysv(const char *name, uint64_t attached, const struct look_users *users)
{
	if (attached == 0)
		return;
	printf("%s: removed, but still attached %" PRIu64 " time%s%s%s; the "
	       "memory goes with the last detach (dest)\n",
	    out_safe(name), attached, attached > 1 ? "s" : "",
	    users->count > 0 ? ", by " : "", look_users_text(users));
}

/* What a removed raw segment leaves: memory until the last user ends. */
static void
tell(const char *name, const struct shunt_segment_info *info,
    const struct look_users *users)
{
	if (look_sysv(name)) {
		tell_sysv(name, info->attached, users);
		return;
	}
	if (users->count == 0)
		return;
	printf(info->kind == SHUNT_KIND_RAW
		   ? "%s: removed, but still mapped by %s; the memory goes "
		     "with the last of them\n"
		   : "%s: removed under %s\n",
	    out_safe(name), look_users_text(users));
}

static int
remove_one(const struct command *cmd, const char *name,
    const struct shunt_remove_options *opts, json_t *json)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};
	struct look_users users;
	int r, rc = CLI_DONE;
	json_t *o;

	/* Who maps it can be asked only while the name is there. */
	if (shunt_segment_stat(name, &info, NULL, 0) < 0)
		info.kind = SHUNT_KIND_OTHER;
	if (look_users(&users, name) < 0)
		users = (struct look_users){0};
	r = shunt_remove(name, opts);
	if (r == -EBUSY)
		rc = refuse_busy(cmd, name, &users);
	else if (r < 0)
		rc = fail_cold(cmd, name, r);
	else if (json == NULL)
		tell(name, &info, &users);
	if (json != NULL) {
		o = json_pack("{s:o, s:b, s:o}", "name", out_json_text(name),
		    "removed", r == 0, "users", look_users_json(&users));
		if (o != NULL && r < 0)
			json_object_set_new(
			    o, "error", json_string(shunt_error_name(r)));
		if (o != NULL && look_sysv(name))
			json_object_set_new(
			    o, "attached", out_json_int(info.attached));
		json_array_append_new(json, o);
	}
	look_users_free(&users);
	return rc;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_remove_options opts = {.sz = sizeof(opts)};
	int force = 0, json = 0, rc, worst = CLI_DONE;
	const struct arg table[] = {
	    {'f', "force", ARG_FLAG, &force, NULL},
	    {0, "owner", ARG_TEXT, &opts.owner, NULL},
	    {0, "json", ARG_FLAG, &json, NULL},
	    {0},
	};
	const struct operands ops = {1, -1, "at least one NAME"};
	json_t *array;

	rc = args_read(cmd, table, &ops, &argc, &argv);
	if (rc >= 0)
		return rc;
	if (force)
		opts.flags |= SHUNT_REMOVE_FORCE;
	array = json ? json_array() : NULL;
	for (int i = 0; i < argc; i++) {
		rc = remove_one(cmd, argv[i], &opts, array);
		if (rc > worst)
			worst = rc;
	}
	if (json && out_json(array, 1) < 0)
		worst = CLI_FAILED;
	return worst;
}

/* clang-format off */
static const char help[] =
"Removes names.  A raw segment is unlinked, and those who still map it are\n"
"told: they keep the memory until they end.  A System V segment loses its key\n"
"and goes with the last detach; until then it is listed as dest.  An object,\n"
"such as a queue, that is in use is refused, unless forced: its users then get\n"
"an error from their next call.\n"
"\n"
"  -f, --force       an object that is in use, too\n"
"      --owner=USER  accept a segment of this user (as root, of others)\n"
"      --json        an array of objects: name, removed, users\n"
"\n"
"Examples:\n"
"  shunt rm /table\n"
"  shunt create sysv:0x1234 4K && shunt rm sysv:0x1234\n"
"  shunt rm --force /jobs /results\n";
/* clang-format on */

const struct command command_rm = {
    .name = "rm",
    .summary = "remove segments and objects",
    .synopsis = "NAME... [--force]",
    .run = run,
    .help = help,
};
