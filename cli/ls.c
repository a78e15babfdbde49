/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "fail.h"
#include "ls.h"
#include "out.h"

/* shunt ls: what shared memory there is, and whose it is. */

/* Lists of words as they were typed. */
struct typed {
	const char *kinds, *places, *states;
};

/* -1 to go on, or the exit code after telling the mistake. */
static int
words(const struct command *cmd, const char *option, const char *typed,
    const char *all, uint32_t *mask)
{
	if (typed == NULL || strcmp(typed, "all") == 0)
		return -1;
	*mask = ls_mask(typed, all);
	if (*mask != 0)
		return -1;
	return args_usage(cmd,
	    "%s wants all, or one or more of: %s, with commas between, "
	    "not \"%s\"",
	    option, all, out_safe(typed));
}

/* The words of places leave out one of enum shunt_place: files elsewhere. */
static uint32_t
places_of(uint32_t mask)
{
	uint32_t below = (1u << SHUNT_PLACE_FILE) - 1;

	return (mask & below) | (mask & ~below) << 1;
}

static int
user(const struct command *cmd, struct ls_wanted *w)
{
	struct passwd *pw;
	unsigned long uid;
	char *end;

	w->uid = (uint32_t)geteuid();
	if (w->owner == NULL)
		return -1;
	if (w->mine)
		return args_usage(cmd, "--mine and --owner exclude each other");
	pw = getpwnam(w->owner);
	errno = 0;
	uid = strtoul(w->owner, &end, 10);
	if (pw != NULL)
		w->uid = (uint32_t)pw->pw_uid;
	else if (*w->owner < '0' || *w->owner > '9' || *end != 0 ||
		 errno != 0 || uid > UINT32_MAX)
		return args_usage(cmd,
		    "--owner wants a user or a number, and there is no "
		    "\"%s\"",
		    out_safe(w->owner));
	else
		w->uid = (uint32_t)uid;
	return -1;
}

static int
check(const struct command *cmd, struct ls_wanted *w, const struct typed *t)
{
	int rc = words(cmd, "--kind", t->kinds, LS_KINDS, &w->kinds);

	if (rc < 0)
		rc = words(cmd, "--place", t->places, LS_PLACES, &w->places);
	if (rc < 0)
		rc = words(cmd, "--state", t->states, LS_STATES, &w->states);
	if (rc < 0)
		rc = user(cmd, w);
	if (rc < 0 && w->tree && w->json)
		rc = args_usage(cmd,
		    "--tree and --json exclude each other: the JSON has the "
		    "processes of each segment");
	w->places = places_of(w->places);
	return rc;
}

static void
nothing(const struct ls_wanted *w)
{
	int all = w->npatterns == 0 && w->kinds == 0 && w->places == 0 &&
		  w->states == 0 && !w->mine && w->owner == NULL && !w->posix &&
		  !w->sysv;

	if (isatty(STDERR_FILENO) == 1)
		fputs(all ? "There is no shared memory that can be seen from "
			    "here.\n"
			  : "Nothing matches.\n",
		    stderr);
}

static int
show(const struct command *cmd, const struct ls_list *list,
    const struct ls_wanted *w)
{
	int r = 0;

	if (w->json)
		r = ls_json(list);
	else if (list->count == 0)
		nothing(w);
	else if (w->tree)
		r = ls_tree(list, w->wide);
	else
		ls_table(list, w->wide);
	if (r < 0)
		return fail_cold(cmd, "/dev/shm", r);
	if (!w->json && list->count > 0 && out_terminal())
		ls_totals(list);
	return CLI_DONE;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct ls_wanted w = {0};
	struct ls_list list = {0};
	struct typed t = {0};
	const struct arg table[] = {
	    {'k', "kind", ARG_TEXT, &t.kinds, NULL},
	    {'p', "place", ARG_TEXT, &t.places, NULL},
	    {0, "posix", ARG_FLAG, &w.posix, NULL},
	    {0, "sysv", ARG_FLAG, &w.sysv, NULL},
	    {0, "state", ARG_TEXT, &t.states, NULL},
	    {'m', "mine", ARG_FLAG, &w.mine, NULL},
	    {0, "owner", ARG_TEXT, &w.owner, NULL},
	    {'s', "sort", ARG_CHOICE, &w.sort,
		"place name size used age users owner state"},
	    {'r', "reverse", ARG_FLAG, &w.reverse, NULL},
	    {'w', "wide", ARG_FLAG, &w.wide, NULL},
	    {'t', "tree", ARG_FLAG, &w.tree, NULL},
	    {0, "json", ARG_FLAG, &w.json, NULL},
	    {0},
	};
	const struct operands ops = {0, -1, "PATTERNs"};
	int rc = args_read(cmd, table, &ops, &argc, &argv), r;

	if (rc < 0)
		rc = check(cmd, &w, &t);
	if (rc >= 0)
		return rc;
	w.patterns = argv;
	w.npatterns = argc;
	r = ls_collect(&list, &w);
	if (r < 0) {
		rc = fail_cold(cmd, "/dev/shm", r);
	} else {
		ls_sort(&list, w.sort, w.reverse);
		rc = show(cmd, &list, &w);
	}
	ls_free(&list);
	return rc;
}

/* clang-format off */
static const char help[] =
"Lists all shared memory of the machine: /dev/shm with its directories, objects\n"
"of shunt and the raw segments of any program; System V segments, semaphores\n"
"and message queues; named semaphores and message queues of POSIX; memfds;\n"
"memory whose name was removed while somebody has it; files of huge pages.\n"
"Nothing is touched.  PATTERN is as in a shell, quoted.\n"
"\n"
"  -k, --kind=KIND,...   only raw, queue, topic, stream, service, log, lock,\n"
"                        semaphore, event or other\n"
"                        memory; sem, semset, msg or mq\n"
"  -p, --place=PLACE,... only posix, sysv, semset, msg, sem, mq, memfd, unlinked\n"
"                        or hugetlb\n"
"      --posix, --sysv   short for --place=posix, --place=sysv\n"
"      --state=STATE,... only live, idle, orphan, unlinked-held, unknown or dest\n"
"  -m, --mine            only what belongs to you\n"
"      --owner=USER      only what belongs to USER, a name or a number\n"
"  -s, --sort=KEY        by name, size, used, users (most first), age (oldest\n"
"                        first), owner, state (what wants a look first) or place\n"
"  -r, --reverse         the other way round\n"
"  -w, --wide            with mode, creator and the processes that have it\n"
"  -t, --tree            by process, and what nobody has\n"
"      --json            an array of objects, sizes exact\n"
"\n"
"  NAME   /name, file:PATH, sysv:KEY or sysv:id=N, semset:, msg:, sem:/name,\n"
"         mq:/name, memfd:NAME@PID/FD, unlinked:/name@INODE\n"
"  SIZE   as the file says        USED  memory it really takes\n"
"  STATE  live: somebody has it attached or mapped; idle: nobody has, but it\n"
"         may be meant to stay; orphan: provably nobody's any more;\n"
"         unlinked-held: has no name any more, but somebody has it still; dest:\n"
"         removed, goes with the last detach; unknown: cannot be told from here\n"
"  USERS  processes that have it; 3+: and perhaps others that you may not see;\n"
"         System V: how often it is attached\n"
"  AGE    since it was made (raw: last changed)\n"
"  CREATOR, PIDS  process and program; a creator that has ended has no program\n"
"\n"
"Examples:\n"
"  shunt ls\n"
"  shunt ls --sort=used --wide\n"
"  shunt ls '/build-*' --kind=raw\n"
"  shunt ls --place=memfd,unlinked --tree\n"
"  shunt ls --mine --state=orphan,idle --sort=age\n"
"  shunt ls --json | jq -r '.[] | select(.state == \"orphan\").name'\n";
/* clang-format on */

const struct command command_ls = {
    .name = "ls",
    .summary = "list all shared memory, who owns and who uses it",
    .synopsis = "[PATTERN...] [--sort=KEY] [--wide] [--tree|--json]",
    .run = run,
    .help = help,
};
