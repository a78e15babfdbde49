/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <shunt.h>

#include "args.h"
#include "child.h"
#include "fail.h"
#include "holders.h"
#include "lock.h"
#include "out.h"
#include "signals.h"

/*
 * shunt lock: one program at a time.  The program inherits a descriptor that
 * keeps the lock: should this process be killed, the lock is free only when
 * the program has ended too, and the next holder is told.
 */

struct hold {
	const struct command *cmd;
	const char *name;
	char **child;
	const char *repair; /* for the shell, or NULL */
	struct shunt_lock *lock;
	int64_t timeout_ns;
	int repair_rc; /* what child_run() answered for it */
};

static void
warn(const struct hold *h, const char *then)
{
	fail_say(h->cmd, "%s: the last holder, %s, died with it; %s",
	    out_safe(h->name), holders_dead(h->name), then);
}

/* Called by the library with the lock held.  A lock that is not repaired
 * stays so for the next one. */
static int
repair(void *arg)
{
	struct hold *h = arg;
	char shell[] = "sh", option[] = "-c";
	char *argv[] = {shell, option, (char *)(uintptr_t)h->repair, NULL};

	warn(h, "repairing");
	h->repair_rc = child_run(h->cmd, argv);
	return h->repair_rc == 0 ? 0 : -ECANCELED;
}

static int
acquire(void *arg, int64_t wait_ns)
{
	struct hold *h = arg;

	return shunt_lock_acquire(h->lock, wait_ns);
}

static int
refuse(const struct hold *h, int code)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};

	if (code == -EINTR || h->repair_rc == CHILD_STOPPED)
		return CLI_FAILED;
	if (h->repair_rc != 0)
		return fail_say(h->cmd,
		    "%s: the repair ended with exit %d; the lock stays "
		    "unrepaired, and nothing was run",
		    out_safe(h->name), h->repair_rc);
	if (code == SHUNT_E_SLOTS)
		return fail_say(h->cmd,
		    "%s: too many processes use it at once; try again when "
		    "some have ended",
		    out_safe(h->name));
	if (code != -ETIMEDOUT)
		return fail_hot(h->cmd, h->name, code);
	if (shunt_segment_stat(h->name, &info, NULL, 0) >= 0 && info.held)
		fail_say(h->cmd, "%s: held by %s; it did not come free in time",
		    out_safe(h->name), holders_text(h->name));
	else
		fail_say(h->cmd,
		    "%s: held by others; it did not come free "
		    "in time",
		    out_safe(h->name));
	return CLI_TIMEOUT;
}

/* Takes the lock, runs the program, gives the lock back. */
static int
hold(struct hold *h)
{
	int r = wait_call(h->timeout_ns, acquire, h), rc;

	if (r < 0)
		return refuse(h, r);
	if (r == 1)
		warn(h, "what it guards may be half done");
	rc = child_run(h->cmd, h->child);
	/* Nobody has looked at what the dead one left: given back, the lock
	 * would say that it is sound.  Closed while held it says the truth. */
	if (r == 1 && !child_ran())
		return rc;
	r = shunt_lock_release(h->lock);
	if (r < 0)
		fail_hot(h->cmd, h->name, r);
	return rc;
}

static int
run_held(struct hold *h, const struct shunt_lock_options *opts, int close_fd)
{
	int r, rc = CLI_FAILED, fd = -1;

	signals_object(h->name);
	signals_catch_stop();
	child_announce(h->child);
	r = shunt_lock_open(&h->lock, h->name, opts);
	if (r < 0)
		return fail_cold(h->cmd, h->name, r);
	if (!close_fd)
		fd = shunt_lock_fd(h->lock);
	if (fd < 0 && !close_fd)
		fail_hot(h->cmd, h->name, fd);
	else
		rc = hold(h);
	if (fd >= 0)
		close(fd);
	shunt_lock_close(&h->lock);
	return child_end(rc == CHILD_STOPPED ? CLI_FAILED : rc);
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_lock_options opts = {.sz = sizeof(opts)};
	struct hold h = {.cmd = cmd, .timeout_ns = WAIT_FOREVER};
	int try_once = 0, close_fd = 0, status = 0, json = 0, persistent = 0;
	const struct arg table[] = {
	    {'t', "timeout", ARG_SECONDS, &h.timeout_ns, NULL},
	    {0, "try", ARG_FLAG, &try_once, NULL},
	    {'r', "repair", ARG_TEXT, &h.repair, NULL},
	    {0, "close", ARG_FLAG, &close_fd, NULL},
	    {'m', "mode", ARG_MODE, &opts.mode, NULL},
	    {'g', "group", ARG_TEXT, &opts.group, NULL},
	    {0, "persistent", ARG_FLAG, &persistent, NULL},
	    {0, "owner", ARG_TEXT, &opts.owner, NULL},
	    {0, "status", ARG_FLAG, &status, NULL},
	    {0, "json", ARG_FLAG, &json, NULL},
	    {0},
	};
	const struct operands ops = {1, 1, "NAME, and behind -- a command"};
	int rc;

	h.child = child_split(&argc, argv);
	rc = args_read(cmd, table, &ops, &argc, &argv);
	if (rc >= 0)
		return rc;
	h.name = argv[0];
	if (status && h.child != NULL)
		return args_usage(cmd, "--status runs no command");
	if (status)
		return lock_status(cmd, h.name, json);
	if (json)
		return args_usage(cmd, "--json goes with --status");
	if (h.child == NULL || h.child[0] == NULL)
		return args_usage(cmd, "it wants a command behind --");
	if (try_once && h.timeout_ns != WAIT_FOREVER)
		return args_usage(cmd, "--try does not wait: no --timeout");
	if (try_once)
		h.timeout_ns = SHUNT_NOWAIT;
	if (persistent)
		opts.flags |= SHUNT_LOCK_PERSISTENT;
	if (h.repair != NULL)
		opts.repair = repair;
	opts.repair_arg = &h;
	return run_held(&h, &opts, close_fd);
}

/* clang-format off */
static const char help[] =
"Takes the lock NAME, runs COMMAND, gives the lock back.  Of all the programs\n"
"that are run so, one runs at a time.  A lock that does not exist is made; it\n"
"goes again when nobody has it.\n"
"\n"
"The lock survives its holder.  If `shunt lock` is killed, the lock stays held\n"
"until COMMAND has ended too, and whoever of its children kept the descriptor\n"
"that they inherit.  The next holder is then told that the last one died, and\n"
"by --repair puts right what was left half done, before anybody else enters.\n"
"\n"
"  -t, --timeout=S   wait at most S seconds for the lock\n"
"      --try         do not wait: if it is held, exit 3\n"
"  -r, --repair=TEXT if the last holder died with it, run TEXT by sh first,\n"
"                    with the lock held; if that fails, COMMAND is not run\n"
"                    and the lock stays unrepaired.  May be begun anew\n"
"      --close       COMMAND, and a repair, inherit nothing: if `shunt lock`\n"
"                    is killed, the lock is free while they run on\n"
"      --status      tell whether it is held, and by whom; who died with it\n"
"      --json        with --status: one object\n"
"  -m, --mode=MODE   permission bits of a lock that is made here (0600)\n"
"  -g, --group=GROUP its group\n"
"      --persistent  a lock that is made here stays until removed, and with it\n"
"                    the history of those who died\n"
"      --owner=USER  accept a lock of this user\n"
"\n"
"SIGINT, SIGTERM, SIGHUP and the like are passed on to COMMAND.  The exit code\n"
"is COMMAND's own; 128+N if signal N ended it; 127 if there is no such\n"
"program, 126 if it cannot be run; if it was not run, 1, 2 or 3, as below.  If\n"
"the last holder died and COMMAND was not run, the next one is told again.\n"
"\n"
"Examples:\n"
"  shunt lock /deploy -- sh -c 'echo one at a time'\n"
"  shunt lock /backup --timeout=5 -- tar -cf /tmp/etc.tar -C /etc hostname\n"
"  shunt lock /report --repair='rm -f new' -- sh -c 'date >new; mv new report'\n"
"  shunt lock /deploy --persistent --try -- true\n"
"  shunt lock /deploy --status\n";
/* clang-format on */

const struct command command_lock = {
    .name = "lock",
    .summary = "run a program with a lock held",
    .synopsis = "NAME [OPTION...] -- COMMAND [ARG...]",
    .run = run,
    .help = help,
};
