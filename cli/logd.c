/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "logd.h"
#include "look.h"
#include "notify.h"
#include "out.h"
#include "signals.h"

/* shunt logd: the log server with signals and readiness around it. */

#define STOP_WAIT_NS INT64_C(10000000000)

struct logd {
	const struct command *cmd;
	const char *name;
	struct shunt_logd_options opts;
	uint64_t ready_fd; /* UINT64_MAX: none */
	char path[PATH_MAX];
};

static void
notice(void *arg, const char *line)
{
	fail_say(arg, "%s", line);
}

/* "batch", "never" or milliseconds. */
static int
read_sync(const char *text, int64_t *out)
{
	uint64_t ms;

	if (strcmp(text, "never") == 0)
		*out = SHUNT_SYNC_NEVER;
	else if (strcmp(text, "batch") == 0)
		*out = SHUNT_SYNC_BATCH;
	else if (args_bytes(text, &ms) < 0 || ms == 0 || ms > 86400000)
		return -1;
	else
		*out = (int64_t)ms * 1000000;
	return 0;
}

/* The log names its file to others, who stand in other directories. */
static void
absolute(struct logd *d)
{
	const char *file = d->opts.file;
	size_t n;

	if (*file == '/' || strcmp(file, "-") == 0 || *file == 0 ||
	    getcwd(d->path, sizeof(d->path)) == NULL)
		return;
	n = strlen(d->path);
	if (n + strlen(file) + 2 > sizeof(d->path))
		return;
	snprintf(
	    d->path + n, sizeof(d->path) - n, "%s%s", n > 1 ? "/" : "", file);
	d->opts.file = d->path;
}

static int
lost(const struct logd *d, int code)
{
	if (code == -EPIPE && strcmp(d->opts.file, "-") == 0)
		return fail_say(d->cmd,
		    "standard output: its reader is gone; what is unwritten "
		    "stays in %s",
		    out_safe(d->name));
	if (code > -4096)
		return fail_say(d->cmd, "%s: %s; what is unwritten stays in %s",
		    out_safe(d->opts.file), strerror(-code), out_safe(d->name));
	return fail_hot(d->cmd, d->name, code);
}

static int
serve(struct logd *d)
{
	struct shunt_logd *logd;
	int r, rc = CLI_DONE;

	absolute(d);
	d->opts.sz = sizeof(d->opts);
	d->opts.notice = notice;
	d->opts.notice_arg = (void *)(uintptr_t)d->cmd;
	signals_object(d->name);
	r = shunt_logd_open(&logd, d->name, &d->opts);
	if (r < 0)
		return fail_cold(d->cmd, d->name, r);
	signals_serve(logd);
	if (d->ready_fd != UINT64_MAX && notify_fd((int)d->ready_fd) < 0)
		fail_say(
		    d->cmd, "nobody hears on --ready-fd=%" PRIu64, d->ready_fd);
	notify_supervisor("READY=1");
	r = shunt_logd_run(logd);
	notify_supervisor("STOPPING=1");
	signals_serve_end();
	if (r < 0)
		rc = lost(d, r);
	shunt_logd_close(&logd);
	return rc;
}

static int
stop(const struct logd *d, int64_t limit_ns)
{
	int r = shunt_logd_request_stop(d->name, d->opts.owner, limit_ns);

	if (r == SHUNT_E_NOSERVER)
		return fail_say(
		    d->cmd, "%s: no server serves it", out_safe(d->name));
	if (r == -ETIMEDOUT || r == -EAGAIN) {
		fail_say(d->cmd,
		    "%s: its server was asked to stop and has not yet",
		    out_safe(d->name));
		return CLI_TIMEOUT;
	}
	return r < 0 ? fail_cold(d->cmd, d->name, r) : CLI_DONE;
}

static int
check(const struct logd *d, int one, int json, int status)
{
	if (one > 1)
		return args_usage(d->cmd, "give one of -o, --status, --stop");
	if (one == 0)
		return args_usage(d->cmd,
		    "say where the lines go: -o FILE, or -o - for standard "
		    "output");
	if (json && !status)
		return args_usage(d->cmd, "--json goes with --status");
	if (d->ready_fd != UINT64_MAX &&
	    (d->ready_fd > INT_MAX || fcntl((int)d->ready_fd, F_GETFD) < 0))
		return args_usage(d->cmd,
		    "--ready-fd=%" PRIu64 " is no open descriptor",
		    d->ready_fd);
	return -1;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct logd d = {.cmd = cmd, .ready_fd = UINT64_MAX};
	const char *log = NULL, *sync = "never";
	int64_t timeout_ns = STOP_WAIT_NS;
	int status = 0, stops = 0, json = 0;
	const struct arg table[] = {
	    {'n', "log", ARG_TEXT, &log, NULL},
	    {'o', "output", ARG_TEXT, &d.opts.file, NULL},
	    {'f', "format", ARG_CHOICE, &d.opts.format, "classic iso json"},
	    {'s', "sync", ARG_TEXT, &sync, NULL},
	    {0, "ready-fd", ARG_COUNT, &d.ready_fd, NULL},
	    {0, "owner", ARG_TEXT, &d.opts.owner, NULL},
	    {0, "status", ARG_FLAG, &status, NULL},
	    {0, "stop", ARG_FLAG, &stops, NULL},
	    {0, "json", ARG_FLAG, &json, NULL},
	    {'t', "timeout", ARG_SECONDS, &timeout_ns, NULL},
	    {0},
	};
	const struct operands ops = {0, 0, "options only"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (read_sync(sync, &d.opts.sync_ns) < 0)
		return args_usage(cmd,
		    "--sync wants batch, never or milliseconds, not \"%s\"",
		    out_safe(sync));
	d.name = look_log_name(log);
	rc = check(&d, (d.opts.file != NULL) + status + stops, json, status);
	if (rc >= 0)
		return rc;
	if (status)
		return logd_status(cmd, d.name, d.opts.owner, json);
	return stops ? stop(&d, timeout_ns) : serve(&d);
}

/* clang-format off */
static const char help[] =
"Writes what any number of processes log into one FILE, in the order of the\n"
"clock.  Stays in the foreground.  Killed at any moment it loses nothing and\n"
"writes nothing twice: the next server goes on where it stood.\n"
"\n"
"  -n, --log=LOG     the log ($SHUNT_LOG, else /shunt-log, or /shunt-log-UID\n"
"                    for users other than root)\n"
"  -o, --output=FILE append to FILE; - is standard output\n"
"  -f, --format=F    classic (PID: DATE MESSAGE), iso or json\n"
"  -s, --sync=WHEN   batch: every batch is on disk before the next; never\n"
"                    (the default); or so many milliseconds\n"
"      --ready-fd=N  write a newline to descriptor N when it serves; with\n"
"                    $NOTIFY_SOCKET systemd is told, too\n"
"      --owner=USER  accept a log of this user\n"
"      --status      tell what the server has done, with or without --json\n"
"      --stop        ask the server to write what is there and end\n"
"  -t, --timeout=S   --stop: wait at most S seconds for that (10)\n"
"\n"
"Signals: SIGTERM and SIGINT write what is there and end; SIGHUP opens FILE\n"
"anew, for rotation, but ends the server if its terminal has gone.\n"
"\n"
"Examples:\n"
"  shunt logd -o /tmp/app.log &\n"
"  shunt logd --status\n"
"  shunt logd --stop\n"
"  shunt logd -n /web -o - --format=json\n";
/* clang-format on */

const struct command command_logd = {
    .name = "logd",
    .summary = "serve a log: write its messages to a file",
    .synopsis = "[-n LOG] -o FILE [OPTION...] | --status | --stop",
    .run = run,
    .help = help,
};
