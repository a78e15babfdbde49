/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "holders.h"
#include "out.h"
#include "signals.h"
#include "stat.h"

/* shunt event: a script sleeps until another one says that it is time. */

enum action { EVENT_WAIT, EVENT_NOTIFY, EVENT_SHOW, EVENT_ACTIONS };
static const char *const actions[EVENT_ACTIONS] = {"wait", "notify", "show"};

static int
wait_step(void *arg, int64_t wait_ns)
{
	return shunt_event_wait(arg, wait_ns);
}

static int
wait_event(const struct command *cmd, const char *name,
    struct shunt_event *event, int64_t timeout_ns)
{
	int r = wait_call(timeout_ns, wait_step, event);

	if (r == 0)
		return CLI_DONE;
	if (r == -EINTR)
		return CLI_FAILED;
	if (r != -ETIMEDOUT)
		return fail_hot(cmd, name, r);
	fail_say(cmd, "%s: no notification came in time", out_safe(name));
	return CLI_TIMEOUT;
}

static int
notify(const struct command *cmd, const char *name, struct shunt_event *event,
    int all)
{
	int r =
	    shunt_event_notify(event, all ? SHUNT_EVENT_ALL : SHUNT_EVENT_ONE);

	if (r == -EOVERFLOW)
		return fail_say(cmd,
		    "%s: 2^31 notifications wait to be taken; does anybody "
		    "run `shunt event wait %s`?",
		    out_safe(name), out_safe(name));
	return r < 0 ? fail_hot(cmd, name, r) : CLI_DONE;
}

static int
show(const struct command *cmd, const char *name, int json)
{
	struct shunt_segment_info info;
	struct look_users users;
	int rc = holders_stat(cmd, name, SHUNT_KIND_EVENT, &info);

	if (rc != CLI_DONE)
		return rc;
	if (json)
		return holders_json(name, &info);
	holders_head(name, "event, %" PRIu32 " pending", info.value);
	stat_field("pending",
	    "%" PRIu32 " notification%s of one that nobody has taken yet",
	    info.value, info.value == 1 ? "" : "s");
	if (look_users(&users, name) == 0) {
		stat_field("open in", "%s",
		    users.count > 0 ? look_users_text(&users)
				    : "no process that can be seen");
		look_users_free(&users);
	}
	holders_object(&info);
	return CLI_DONE;
}

static int
use(const struct command *cmd, const char *name, enum action action, int all,
    int64_t timeout_ns, const struct shunt_event_options *opts)
{
	struct shunt_event *event;
	int r, rc;

	signals_object(name);
	signals_catch_stop();
	r = shunt_event_open(&event, name, opts);
	if (r < 0)
		return fail_cold(cmd, name, r);
	if (action == EVENT_WAIT)
		rc = wait_event(cmd, name, event, timeout_ns);
	else
		rc = notify(cmd, name, event, all);
	shunt_event_close(&event);
	return rc == CLI_FAILED ? signals_reraise(rc) : rc;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_event_options opts = {.sz = sizeof(opts)};
	int64_t timeout_ns = WAIT_FOREVER;
	int try_once = 0, all = 0, json = 0, persistent = 0;
	const struct arg table[] = {
	    {'t', "timeout", ARG_SECONDS, &timeout_ns, NULL},
	    {0, "try", ARG_FLAG, &try_once, NULL},
	    {'a', "all", ARG_FLAG, &all, NULL},
	    {'m', "mode", ARG_MODE, &opts.mode, NULL},
	    {'g', "group", ARG_TEXT, &opts.group, NULL},
	    {0, "persistent", ARG_FLAG, &persistent, NULL},
	    {0, "owner", ARG_TEXT, &opts.owner, NULL},
	    {0, "json", ARG_FLAG, &json, NULL},
	    {0},
	};
	const struct operands ops = {2, 2, "wait, notify or show, and NAME"};
	int rc = args_read(cmd, table, &ops, &argc, &argv), action;

	if (rc >= 0)
		return rc;
	action = args_word(argv[0], actions, EVENT_ACTIONS);
	if (action < 0)
		return args_usage(cmd, "\"%s\" is none of: wait, notify, show",
		    out_safe(argv[0]));
	if (action != EVENT_WAIT && (try_once || timeout_ns != WAIT_FOREVER))
		return args_usage(cmd, "--timeout and --try go with wait");
	if (try_once && timeout_ns != WAIT_FOREVER)
		return args_usage(cmd, "--try does not wait: no --timeout");
	if (action != EVENT_NOTIFY && all)
		return args_usage(cmd, "--all goes with notify");
	if (action != EVENT_SHOW && json)
		return args_usage(cmd, "--json goes with show");
	if (action == EVENT_SHOW)
		return show(cmd, argv[1], json);
	if (persistent)
		opts.flags |= SHUNT_EVENT_PERSISTENT;
	return use(cmd, argv[1], (enum action)action, all,
	    try_once ? SHUNT_NOWAIT : timeout_ns, &opts);
}

/* clang-format off */
static const char help[] =
"  shunt event wait NAME     sleep until notified\n"
"  shunt event notify NAME   say that something has happened\n"
"  shunt event show NAME     what is pending, and who has it open\n"
"\n"
"notify wakes one: the wait that sleeps, or else the next one to come, so that\n"
"nothing is lost if notify comes first.  Each one is taken by one wait.  With\n"
"--all every process that has the event open at this moment returns, and\n"
"nothing is left for those who come later.\n"
"\n"
"  -t, --timeout=S   wait: at most S seconds\n"
"      --try         wait: not at all, exit 3 if nothing is pending\n"
"  -a, --all         notify: all who wait\n"
"      --json        show: one object\n"
"  -m, --mode=MODE   permission bits of an event that is made here (0600)\n"
"  -g, --group=GROUP its group\n"
"      --persistent  an event that is made here stays until removed; else it\n"
"                    goes when nobody has it and nothing is pending\n"
"      --owner=USER  accept an event of this user\n"
"\n"
"Examples:\n"
"  shunt event notify /ready\n"
"  shunt event wait /ready --timeout=5\n"
"  shunt event notify /go --all\n"
"  shunt event notify /ready && shunt event show /ready\n"
"  while shunt event wait /ready --timeout=0.5; do echo 'work to do'; done\n";
/* clang-format on */

const struct command command_event = {
    .name = "event",
    .summary = "sleep until notified; notify one or all",
    .synopsis = "wait|notify|show NAME [OPTION...]",
    .run = run,
    .help = help,
};
