/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <shunt.h>

#include "args.h"
#include "child.h"
#include "fail.h"
#include "out.h"
#include "sem.h"
#include "signals.h"

/* shunt sem: what the command line says, and to whom it goes. */

enum action { SEM_WAIT, SEM_POST, SEM_SHOW, SEM_LS, SEM_RM, SEM_CREATE };
static const char *const actions[] = {
    "wait", "post", "show", "ls", "rm", "create"};
#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

#define ON(action) (1u << (action))

static const struct sem_sort *
sort_of(const char *name)
{
	if (strncmp(name, SEM_SYSV, sizeof(SEM_SYSV) - 1) == 0)
		return &sem_sysv;
	if (strncmp(name, SEM_POSIX, sizeof(SEM_POSIX) - 1) == 0)
		return &sem_posix;
	return &sem_ours;
}

int
sem_late(const struct sem *s)
{
	fail_say(s->cmd, "%s: no permit came in time; see `shunt sem show %s`",
	    out_safe(s->name), out_safe(s->name));
	return CLI_TIMEOUT;
}

/* An option where it means nothing is a mistake, not a decoration. */
static int
misplaced(const struct sem *s, unsigned action, int ours)
{
	const struct {
		int given;
		const char *name;
		unsigned goes_with;
		int only_ours;
	} rules[] = {
	    {s->child != NULL, "a command behind --", ON(SEM_WAIT), 0},
	    {s->timeout_ns != WAIT_FOREVER, "--timeout or --try", ON(SEM_WAIT),
		0},
	    {s->close_fd, "--close", ON(SEM_WAIT), 0},
	    {s->count != SEM_UNSAID, "--count", ON(SEM_POST), 0},
	    {s->json, "--json", ON(SEM_SHOW) | ON(SEM_LS), 0},
	    {s->excl, "--excl", ON(SEM_CREATE), 1},
	    {s->permits != SEM_UNSAID, "--permits",
		ON(SEM_CREATE) | ON(SEM_WAIT), 1},
	    {s->max != SEM_UNSAID, "--max", ON(SEM_CREATE) | ON(SEM_WAIT), 1},
	    {s->mode != 0, "--mode", ON(SEM_CREATE) | ON(SEM_WAIT), 1},
	    {s->group != NULL, "--group", ON(SEM_CREATE) | ON(SEM_WAIT), 1},
	    {s->owner != NULL, "--owner",
		ON(SEM_CREATE) | ON(SEM_WAIT) | ON(SEM_POST) | ON(SEM_RM), 1},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!rules[i].given)
			continue;
		if (!(rules[i].goes_with & ON(action)))
			return args_usage(s->cmd, "%s is not for `%s`",
			    rules[i].name, actions[action]);
		if (rules[i].only_ours && !ours)
			return args_usage(s->cmd,
			    "%s is for semaphores of shunt (/name) alone",
			    rules[i].name);
	}
	return -1;
}

static int
wrong_number(const struct sem *s)
{
	uint64_t most = s->max != SEM_UNSAID ? s->max : SEM_MOST;

	if (s->max != SEM_UNSAID && (s->max == 0 || s->max > SEM_MOST))
		return args_usage(
		    s->cmd, "--max wants a number from 1 to %d", SEM_MOST);
	if (s->permits != SEM_UNSAID && s->permits > most)
		return args_usage(s->cmd,
		    "--permits wants a number from 0 to %" PRIu64, most);
	if (s->count == 0)
		return args_usage(s->cmd, "--count wants a number from 1 on");
	return -1;
}

static int
dispatch(const struct sem *s, unsigned action)
{
	const struct sem_sort *sort = sort_of(s->name);

	switch (action) {
	case SEM_WAIT:
		signals_object(s->name);
		signals_catch_stop();
		return child_end(sort->wait(s));
	case SEM_POST:
		signals_object(s->name);
		return sort->post(s);
	case SEM_SHOW:
		return sort->show(s);
	case SEM_RM:
		return sort->remove(s);
	}
	if (sort != &sem_ours)
		return fail_say(s->cmd,
		    "%s: shunt makes only semaphores of its own; give a plain "
		    "/name",
		    out_safe(s->name));
	return sem_create(s);
}

/* The action, its name and its options; the exit code. */
static int
act(struct sem *s, int argc, char **argv)
{
	int action = args_word(argv[0], actions, ACTIONS), rc;

	if (action < 0)
		return args_usage(s->cmd,
		    "\"%s\" is none of: wait, post, show, ls, rm, create",
		    out_safe(argv[0]));
	if (action == SEM_LS && argc > 1)
		return args_usage(s->cmd, "ls takes no name");
	if (action != SEM_LS && argc < 2)
		return args_usage(s->cmd, "%s wants NAME", argv[0]);
	s->name = argc > 1 ? argv[1] : "";
	rc = misplaced(s, (unsigned)action, sort_of(s->name) == &sem_ours);
	if (rc >= 0)
		return rc;
	rc = wrong_number(s);
	if (rc >= 0)
		return rc;
	if (s->child != NULL && s->child[0] == NULL)
		return args_usage(s->cmd, "there is no command behind --");
	return action == SEM_LS ? sem_list(s) : dispatch(s, (unsigned)action);
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct sem s = {.cmd = cmd,
	    .timeout_ns = WAIT_FOREVER,
	    .count = SEM_UNSAID,
	    .permits = SEM_UNSAID,
	    .max = SEM_UNSAID};
	int try_once = 0;
	const struct arg table[] = {
	    {'t', "timeout", ARG_SECONDS, &s.timeout_ns, NULL},
	    {0, "try", ARG_FLAG, &try_once, NULL},
	    {0, "close", ARG_FLAG, &s.close_fd, NULL},
	    {'n', "count", ARG_COUNT, &s.count, NULL},
	    {'p', "permits", ARG_COUNT, &s.permits, NULL},
	    {0, "max", ARG_COUNT, &s.max, NULL},
	    {'m', "mode", ARG_MODE, &s.mode, NULL},
	    {'g', "group", ARG_TEXT, &s.group, NULL},
	    {'x', "excl", ARG_FLAG, &s.excl, NULL},
	    {0, "owner", ARG_TEXT, &s.owner, NULL},
	    {0, "json", ARG_FLAG, &s.json, NULL},
	    {0},
	};
	const struct operands ops = {
	    1, 2, "wait, post, show, ls, rm or create, and NAME"};
	int rc;

	s.child = child_split(&argc, argv);
	rc = args_read(cmd, table, &ops, &argc, &argv);
	if (rc >= 0)
		return rc;
	if (try_once && s.timeout_ns != WAIT_FOREVER)
		return args_usage(cmd, "--try does not wait: no --timeout");
	if (try_once)
		s.timeout_ns = SHUNT_NOWAIT;
	return act(&s, argc, argv);
}

/* clang-format off */
static const char help[] =
"  wait NAME               take a permit and use it up\n"
"  wait NAME -- COMMAND    hold a permit while COMMAND runs\n"
"  post NAME               give a permit back, or make one\n"
"  show NAME   ls          permits and who has it open; all there are\n"
"  create NAME   rm NAME   make one that stays until removed; remove it\n"
"\n"
"NAME is /name: a semaphore of shunt.  Each permit knows its holder: what a\n"
"killed process held comes back, but not before its COMMAND, which inherits a\n"
"descriptor, has ended too.  `wait` with a COMMAND makes a missing one, which\n"
"goes again when nobody has it.\n"
"Semaphores of other programs: sem:/name is a POSIX named one of libc, seen as\n"
"/dev/shm/sem.name; a permit there does NOT come back when its holder is\n"
"killed.  semset:0x1234 is a System V set, by key; semset:id=N by identifier,\n"
"semset:ftok=PATH,N by ftok(3), each with :INDEX for one of the set.  A permit\n"
"there comes back when its COMMAND is killed, as the kernel undoes it; one\n"
"that was used up by `wait` alone does NOT.\n"
"\n"
"  -t, --timeout=S   wait: at most S seconds\n"
"      --try         wait: not at all, exit 3 if no permit is free\n"
"      --close       wait: COMMAND inherits nothing, so that the permit comes\n"
"                    back when `shunt sem` is killed, though COMMAND runs on\n"
"  -n, --count=COUNT post: so many permits (1)\n"
"  -p, --permits=N   permits of one that is made here (1)\n"
"      --max=N       the most there may ever be (PERMITS; 1024 if that is 0)\n"
"  -m, --mode=MODE   permission bits of one that is made here (0600)\n"
"  -g, --group=GROUP its group\n"
"  -x, --excl        create: fail if the name exists\n"
"      --owner=USER  accept a semaphore of this user\n"
"      --json        show: one object; ls: an array\n"
"\n"
"Signals are passed on to COMMAND.  The exit code is COMMAND's own, 128+N if\n"
"signal N ended it, 127 or 126 if it cannot be run; if it was not run, 1 to 3.\n"
"\n"
"Examples:\n"
"  shunt sem wait /four --permits=4 -- sh -c 'echo at most four at a time'\n"
"  shunt sem create /parts --permits=0\n"
"  shunt sem post /parts -n 3 && shunt sem wait /parts --timeout=5\n"
"  shunt sem show /parts\n"
"  shunt sem ls --json | jq -r '.[] | select(.sort == \"posix\").name'\n"
"  shunt sem rm /parts\n";
/* clang-format on */

const struct command command_sem = {
    .name = "sem",
    .summary = "semaphores: wait, post, show, list, remove",
    .synopsis = "wait|post|show|ls|rm|create [NAME] [OPTION...] [-- COMMAND]",
    .run = run,
    .help = help,
};
