/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "args.h"
#include "clean.h"
#include "fail.h"
#include "out.h"

/* shunt clean: gives back the memory of what is provably nobody's. */

/* "30s", "5m", "2h", "7d"; 0 or -1. */
static int
read_duration(const char *text, int64_t *out)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -1;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0 || n > 100000000 || *end == 0 || end[1] != 0)
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].unit == *end) {
			if (n > INT64_MAX / 1000000000 /
				    (unsigned long long)units[i].seconds)
				return -1;
			*out = (int64_t)n * units[i].seconds * 1000000000;
			return 0;
		}
	return -1;
}

static int
read_user(const char *text, uint32_t *uid)
{
	const struct passwd *user;
	unsigned long n;
	char *end;

	if (isdigit((unsigned char)*text)) {
		errno = 0;
		n = strtoul(text, &end, 10);
		if (errno != 0 || *end != 0 || n >= UINT32_MAX)
			return -1;
		*uid = (uint32_t)n;
		return 0;
	}
	user = getpwnam(text);
	if (user == NULL)
		return -1;
	*uid = user->pw_uid;
	return 0;
}

/* -1 to go on, or the exit code and the mistake told. */
static int
check_filter(const struct command *cmd, struct clean_filter *f)
{
	if (f->older != NULL && read_duration(f->older, &f->age_ns) < 0)
		return args_usage(cmd,
		    "--older wants a duration such as 30s, 5m, 2h or 7d, not "
		    "\"%s\"",
		    out_safe(f->older));
	if (f->owner != NULL && read_user(f->owner, &f->uid) < 0)
		return args_usage(cmd,
		    "--owner wants a user of this machine, not \"%s\"",
		    out_safe(f->owner));
	if (f->idle && f->glob == NULL && f->owner == NULL && f->older == NULL)
		return args_usage(cmd,
		    "--idle takes what nobody has now but may be meant to "
		    "stay: say which, by --name=GLOB, --owner=USER or "
		    "--older=2h");
	return -1;
}

/* The state that was seen when the list was made counts for nothing here. */
void
clean_remove(struct clean_item *item, const struct clean_filter *f)
{
	const struct shunt_remove_options o = {.sz = sizeof(o),
	    .flags = f->idle ? SHUNT_REMOVE_IDLE : SHUNT_REMOVE_ORPHAN};
	int e = shunt_remove(item->info.name, &o);

	item->code = e < 0 ? e : 0;
	if (e >= 0) {
		item->result = e == 1 ? CLEAN_PUT_BACK : CLEAN_REMOVED;
		return;
	}
	if (*shunt_error_detail() != 0)
		item->sentence = strdup(shunt_error_detail());
	item->result =
	    e == -ENOENT ? CLEAN_GONE
	    : e == -EBUSY || e == -EPERM || e == -EACCES || e == SHUNT_E_OWNER
		? CLEAN_KEPT
		: CLEAN_FAILED;
}

static void
remove_all(struct clean_list *list, const struct clean_filter *f, size_t from)
{
	for (size_t i = from; i < list->count; i++)
		clean_remove(&list->items[i], f);
}

/* Names that a removal hid go back first: they may be taken anew then. */
static int
clean(struct clean_list *list, const struct clean_filter *f, int yes)
{
	int r = clean_find(list, f, 1);
	size_t back = list->count;

	if (yes)
		remove_all(list, f, 0);
	if (r >= 0)
		r = clean_find(list, f, 0);
	if (yes)
		remove_all(list, f, back);
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].result == CLEAN_REMOVED ||
		    list->items[i].result == CLEAN_WOULD)
			list->bytes += list->items[i].info.used;
	return r;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct clean_filter f = {0};
	struct clean_list list = {0};
	int yes = 0, json = 0, r;
	const struct arg table[] = {
	    {'y', "yes", ARG_FLAG, &yes, NULL},
	    {0, "idle", ARG_FLAG, &f.idle, NULL},
	    {0, "name", ARG_TEXT, &f.glob, NULL},
	    {0, "owner", ARG_TEXT, &f.owner, NULL},
	    {0, "older", ARG_TEXT, &f.older, NULL},
	    {0, "json", ARG_FLAG, &json, NULL},
	    {0},
	};
	const struct operands ops = {
	    0, 0, "no names; --name=GLOB says which segments"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc < 0)
		rc = check_filter(cmd, &f);
	if (rc >= 0)
		return rc;
	r = clean(&list, &f, yes);
	if (r < 0)
		rc = fail_cold(cmd, "/dev/shm", r);
	else if (json)
		rc = clean_json(&list, yes);
	else
		rc = clean_tell(cmd, &list, yes);
	for (size_t i = 0; i < list.count; i++)
		free(list.items[i].sentence);
	free(list.items);
	return rc;
}

/* clang-format off */
static const char help[] =
"Gives back memory that is provably nobody's: orphans, which are objects meant\n"
"to go with their last user, whose users are all dead and in which nothing is\n"
"left to read, and what a killed maker left unfinished.  Says first what it\n"
"would remove, and why; nothing is removed without --yes.  Each is looked at\n"
"again under the lock that keeps newcomers out: what came to life is kept.\n"
"\n"
"  -y, --yes             do it\n"
"      --idle            also what nobody has now, though it may be meant to\n"
"                        stay: persistent objects, raw segments that no process\n"
"                        of any namespace has open or mapped, System V segments\n"
"                        that are attached 0 times; wants one of these:\n"
"      --name=GLOB       only names like this, as in a shell, quoted\n"
"      --owner=USER      only those of this user, by name or number\n"
"      --older=AGE       only those made and last changed so long ago (System V:\n"
"                        also attached or detached): 30s, 5m, 2h, 7d\n"
"      --json            an object: dry_run, bytes, segments with their result\n"
"\n"
"What cannot be told is never taken for dead.  What belongs to others in a\n"
"directory like /dev/shm is listed: only they or root can remove it.\n"
"\n"
"Examples:\n"
"  shunt clean\n"
"  shunt clean --yes\n"
"  shunt clean --idle --name='/build-*' --older=7d\n"
"  shunt clean --idle --owner=1000 --older=2h --json\n";
/* clang-format on */

const struct command command_clean = {
    .name = "clean",
    .summary = "give back the memory of what is provably nobody's",
    .synopsis = "[--yes] [--idle] [--name=GLOB] [--owner=USER] "
		"[--older=AGE]",
    .run = run,
    .help = help,
};
