/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "follow.h"
#include "look.h"
#include "out.h"
#include "seen.h"
#include "signals.h"

/*
 * shunt tail: the records that no server has written yet; with -f also what
 * comes, from the server's file.  A record that was shown from the log stands
 * in the file later: `seen` keeps it from being shown twice.
 */

#define LOOK_MS      100 /* how often the file is looked at */
#define STATUS_EVERY 5   /* looks at the file for one at the log */

struct tail {
	const struct command *cmd;
	const char *name, *owner;
	uint32_t format;
	int follows;
	struct seen seen;
	struct follow file;
	uint64_t bytes;   /* written by servers as of the last status */
	uint64_t waiting; /* unread as of the last snapshot */
	int told;         /* that there is no file to follow */
};

static int
print(const char *line, size_t len)
{
	return out_terminal() ? out_write_escaped(line, len)
			      : out_write(line, len);
}

/*
 * Prints what is unread and not yet shown; 0 or the code of the log.  Output
 * that fails is told in *@out.
 */
static int
snapshot(struct tail *t, int *out)
{
	struct seen now = {0};
	struct shunt_tail *tail;
	const char *line;
	ssize_t n = 0;
	int r = shunt_tail_open(&tail, t->name, t->owner, t->format);

	if (r < 0)
		return r;
	while (*out == 0 && (n = shunt_tail_next(tail, &line)) > 0) {
		int old = seen_take(&t->seen, line, (size_t)n);

		if (t->follows && seen_add(&now, line, (size_t)n) < 0)
			*out = -ENOMEM;
		if (!old && *out == 0)
			*out = print(line, (size_t)n);
	}
	r = n < 0 ? (int)n : 0;
	shunt_tail_close(&tail);
	seen_free(&t->seen);
	t->seen = now;
	return r;
}

/* A line of the server's file. */
static int
print_new(void *arg, const char *line, size_t len)
{
	struct tail *t = arg;

	return seen_take(&t->seen, line, len) ? 0 : print(line, len);
}

/* The server's file, from what was written since we last looked on. */
static void
choose_file(struct tail *t, const struct shunt_logd_stat *s, off_t size)
{
	uint64_t fresh = s->bytes > t->bytes ? s->bytes - t->bytes : 0;

	if (s->file[0] == 0)
		return;
	if (s->file[0] != '/') {
		if (!t->told)
			fail_say(t->cmd,
			    "%s: its server writes to %s, which cannot be "
			    "followed",
			    out_safe(t->name),
			    strcmp(s->file, "-") == 0 ? "standard output"
						      : out_safe(s->file));
		t->told = 1;
		return;
	}
	if (strcmp(s->file, t->file.path) != 0)
		follow_switch(&t->file, s->file,
		    (uint64_t)size > fresh ? size - (off_t)fresh : 0);
}

/* 0, or the code that ends following. */
static int
look_at_log(struct tail *t, int *out)
{
	struct shunt_logd_stat s = {.sz = sizeof(s)};
	off_t size;
	int r = shunt_logd_status(t->name, t->owner, &s);

	if (r < 0) {
		/* An ephemeral log goes with its server and comes back. */
		t->bytes = 0;
		t->waiting = 0;
		return r == -ENOENT || r == SHUNT_E_REMOVED ? 0 : r;
	}
	/* The size first: what is written meanwhile is rather shown twice. */
	size = follow_size(s.file);
	r = shunt_logd_status(t->name, t->owner, &s);
	if (r < 0)
		return 0;
	if (s.bytes < t->bytes)
		t->bytes = 0;
	choose_file(t, &s, size);
	t->bytes = s.bytes;
	if (s.server_pid == 0 && s.waiting != t->waiting) {
		r = snapshot(t, out);
		t->waiting = s.waiting;
	}
	return r == -ENOENT || r == SHUNT_E_REMOVED ? 0 : r;
}

static int
follow(struct tail *t)
{
	int r = 0, out = 0;

	for (unsigned i = 1; r == 0 && out == 0; i++) {
		poll(NULL, 0, LOOK_MS);
		if (signals_stopped())
			return CLI_DONE;
		if (i % STATUS_EVERY == 0)
			r = look_at_log(t, &out);
		if (r == 0 && out == 0)
			out = follow_read(&t->file, print_new, t);
	}
	if (r < 0)
		return fail_cold(t->cmd, t->name, r);
	return out == -EINTR ? CLI_DONE : fail_output(t->cmd, out);
}

static int
tail(struct tail *t)
{
	struct shunt_logd_stat s = {.sz = sizeof(s)};
	int r, out = 0;

	if (t->follows) {
		r = shunt_logd_status(t->name, t->owner, &s);
		if (r < 0)
			return fail_cold(t->cmd, t->name, r);
		t->bytes = s.bytes;
		/* The file's end first: what is unread now lies behind it. */
		choose_file(t, &s, follow_size(s.file));
	}
	r = snapshot(t, &out);
	if (r < 0)
		return fail_cold(t->cmd, t->name, r);
	if (out < 0)
		return fail_output(t->cmd, out);
	t->waiting = s.waiting;
	return t->follows ? follow(t) : CLI_DONE;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct tail t = {.cmd = cmd};
	const char *log = NULL;
	const struct arg table[] = {
	    {'n', "log", ARG_TEXT, &log, NULL},
	    {'f', "follow", ARG_FLAG, &t.follows, NULL},
	    {0, "format", ARG_CHOICE, &t.format, "classic iso json"},
	    {0, "owner", ARG_TEXT, &t.owner, NULL},
	    {0},
	};
	const struct operands ops = {0, 0, "options only"};
	int rc = args_read(cmd, table, &ops, &argc, &argv);

	if (rc >= 0)
		return rc;
	t.name = look_log_name(log);
	signals_object(t.name);
	if (t.follows)
		signals_catch_stop();
	follow_init(&t.file);
	rc = tail(&t);
	follow_fini(&t.file);
	seen_free(&t.seen);
	return rc;
}

/* clang-format off */
static const char help[] =
"Shows the records of a log that no server has written to its file yet, in\n"
"the order of time.  Needs no server, and the processes that logged may all\n"
"be dead: a flight recorder.  Nothing is taken out of the log.\n"
"\n"
"  -n, --log=LOG     the log ($SHUNT_LOG, else /shunt-log, or /shunt-log-UID\n"
"                    for users other than root)\n"
"  -f, --follow      go on with the lines that the server writes to its file,\n"
"                    through rotation and restarts, until interrupted\n"
"      --format=F    classic (PID: DATE MESSAGE), iso or json, for unread\n"
"                    records; lines of the file are as its server writes them\n"
"      --owner=USER  accept a log of this user\n"
"\n"
"Examples:\n"
"  shunt tail\n"
"  shunt tail --format=json | jq -r .message\n"
"  shunt tail -f\n";
/* clang-format on */

const struct command command_tail = {
    .name = "tail",
    .summary = "show what is logged and not yet written; follow",
    .synopsis = "[-n LOG] [-f] [--format=F]",
    .run = run,
    .help = help,
};
