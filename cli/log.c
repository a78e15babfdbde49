/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "lines.h"
#include "look.h"
#include "out.h"
#include "signals.h"

/* shunt log: messages into a log, from the command line or from input. */

struct log {
	const struct command *cmd;
	const char *name;
	struct shunt_log *log;
	int level;
	uint64_t dropped;
	int failed; /* some message was refused */
};

static int
read_level(const char *text)
{
	static const struct {
		const char *name;
		int level;
	} names[] = {{"emerg", SHUNT_LOG_EMERG}, {"panic", SHUNT_LOG_EMERG},
	    {"alert", SHUNT_LOG_ALERT}, {"crit", SHUNT_LOG_CRIT},
	    {"critical", SHUNT_LOG_CRIT}, {"err", SHUNT_LOG_ERR},
	    {"error", SHUNT_LOG_ERR}, {"warning", SHUNT_LOG_WARNING},
	    {"warn", SHUNT_LOG_WARNING}, {"notice", SHUNT_LOG_NOTICE},
	    {"info", SHUNT_LOG_INFO}, {"debug", SHUNT_LOG_DEBUG}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(text, names[i].name) == 0)
			return names[i].level;
	if (text[0] >= '0' && text[0] <= '7' && text[1] == 0)
		return text[0] - '0';
	return -1;
}

/* CLI_DONE, or the exit code of a failure that ends everything. */
static int
log_one(struct log *l, const char *msg, size_t len)
{
	int r;

	/* It may wait for ever, and a kill within it does no harm. */
	signals_mortal(1);
	r = shunt_log_write(l->log, l->level, msg, len);
	signals_mortal(0);
	if (r == SHUNT_E_DROPPED)
		l->dropped++;
	else if (r == -EMSGSIZE) {
		l->failed = 1;
		fail_say(l->cmd,
		    "%s: a message of %zu bytes is too long: this log takes "
		    "%zu at most; it was not logged",
		    out_safe(l->name), len, shunt_log_max(l->log));
	} else if (r < 0)
		return fail_hot(l->cmd, l->name, r);
	return CLI_DONE;
}

static int
log_words(struct log *l, int n, char **words)
{
	size_t len = 0;
	char *msg;
	int rc;

	for (int i = 0; i < n; i++)
		len += strlen(words[i]) + 1;
	msg = malloc(len);
	if (msg == NULL)
		return fail_cold(l->cmd, l->name, -ENOMEM);
	len = 0;
	for (int i = 0; i < n; i++) {
		size_t w = strlen(words[i]);

		if (i > 0)
			msg[len++] = ' ';
		memcpy(msg + len, words[i], w);
		len += w;
	}
	rc = log_one(l, msg, len);
	free(msg);
	return rc;
}

static void
prompt(const char *text)
{
	/* Never into a file that somebody sends our output to. */
	int fd = out_terminal() ? STDOUT_FILENO : STDERR_FILENO;

	if (write(fd, text, strlen(text)) < 0)
		return;
}

static int
log_lines(struct log *l)
{
	int asks = isatty(STDIN_FILENO) == 1, rc = CLI_DONE;
	struct lines lines;
	const char *line;
	ssize_t n;

	if (lines_open(&lines, shunt_log_max(l->log), '\n') < 0)
		return fail_cold(l->cmd, l->name, -ENOMEM);
	while (rc == CLI_DONE) {
		if (asks)
			prompt("Please type a message: ");
		n = lines_next(&lines, &line);
		if (n == LINES_END || n == LINES_STOPPED)
			break;
		if (n == LINES_LONG) {
			l->failed = 1;
			fail_say(l->cmd,
			    "%s: line %" PRIu64 " is too long: this log takes "
			    "%zu bytes at most; it was not logged",
			    out_safe(l->name), lines.number, lines.max);
		} else if (n < 0)
			rc = fail_say(
			    l->cmd, "standard input: %s", strerror((int)-n));
		else
			rc = log_one(l, line, (size_t)n);
	}
	if (asks)
		prompt("\n");
	lines_close(&lines);
	return rc;
}

static int
flush(struct log *l, int64_t timeout_ns)
{
	struct wait wait;
	int r;

	wait_start(&wait, timeout_ns);
	do {
		r = shunt_log_flush(l->log, wait_slice(&wait));
		if (r == 0)
			return CLI_DONE;
		if (r != -EAGAIN && r != -ETIMEDOUT)
			return fail_hot(l->cmd, l->name, r);
		if (signals_stopped())
			return CLI_FAILED;
	} while (!wait_over(&wait));
	fail_say(l->cmd, "%s: not on disk in time; the server still has it",
	    out_safe(l->name));
	return CLI_TIMEOUT;
}

static int
finish(struct log *l, int rc)
{
	if (l->dropped > 0)
		rc = fail_say(l->cmd,
		    "%s: full: %" PRIu64 " message%s dropped and counted; is "
		    "there a server? See `shunt logd --status`",
		    out_safe(l->name), l->dropped,
		    l->dropped == 1 ? " was" : "s were");
	if (rc == CLI_DONE && l->failed)
		rc = CLI_FAILED;
	shunt_log_close(&l->log);
	return signals_reraise(rc);
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_log_options opts = {.sz = sizeof(opts)};
	struct log l = {.cmd = cmd};
	const char *log = NULL, *level = "info";
	int64_t timeout_ns = WAIT_FOREVER;
	int flushes = 0, rc, r;
	const struct arg table[] = {
	    {'n', "log", ARG_TEXT, &log, NULL},
	    {'t', "tag", ARG_TEXT, &opts.tag, NULL},
	    {'p', "level", ARG_TEXT, &level, NULL},
	    {0, "full", ARG_CHOICE, &opts.full, "default wait drop"},
	    {0, "flush", ARG_FLAG, &flushes, NULL},
	    {0, "timeout", ARG_SECONDS, &timeout_ns, NULL},
	    {0, "owner", ARG_TEXT, &opts.owner, NULL},
	    {0},
	};
	const struct operands ops = {0, -1, "TEXT"};

	rc = args_read(cmd, table, &ops, &argc, &argv);
	if (rc >= 0)
		return rc;
	l.level = read_level(level);
	if (l.level < 0)
		return args_usage(cmd,
		    "-p wants emerg, alert, crit, err, warning, notice, info, "
		    "debug or 0 to 7, not \"%s\"",
		    out_safe(level));
	if (opts.tag != NULL && strlen(opts.tag) > SHUNT_LOG_TAG_MAX)
		return args_usage(
		    cmd, "a tag has at most %d bytes", SHUNT_LOG_TAG_MAX);
	l.name = look_log_name(log);
	signals_object(l.name);
	signals_catch_stop();
	r = shunt_log_open(&l.log, l.name, &opts);
	if (r < 0)
		return fail_cold(cmd, l.name, r);
	rc = argc > 0 ? log_words(&l, argc, argv) : log_lines(&l);
	if (rc == CLI_DONE && flushes)
		rc = flush(&l, timeout_ns);
	return finish(&l, rc);
}

/* clang-format off */
static const char help[] =
"Logs the words of TEXT as one message, or without TEXT each line of standard\n"
"input; on a terminal it asks for them.  The message is kept from then on,\n"
"with and without a server: `shunt logd` writes it to its file.\n"
"\n"
"  -n, --log=LOG     the log ($SHUNT_LOG, else /shunt-log, or /shunt-log-UID\n"
"                    for users other than root)\n"
"  -t, --tag=TAG     stands in the record (shunt)\n"
"  -p, --level=LEVEL emerg, alert, crit, err, warning, notice, info (the\n"
"                    default) or debug, or 0 to 7\n"
"      --full=HOW    the log is full: wait: for ever; drop: give the message\n"
"                    up and count it; default: wait while there is a server\n"
"                    with room on its disk, else a second in all, then drop\n"
"      --flush       return when all is on disk\n"
"      --timeout=S   --flush: wait at most S seconds\n"
"      --owner=USER  accept a log of this user\n"
"\n"
"TEXT that begins with a dash goes behind --.\n"
"\n"
"Examples:\n"
"  shunt log the backup is done\n"
"  shunt log -t backup -p err 'the disk is full'\n"
"  make 2>&1 | shunt log -t make\n";
/* clang-format on */

const struct command command_log = {
    .name = "log",
    .summary = "log messages",
    .synopsis = "[-n LOG] [-t TAG] [-p LEVEL] [OPTION...] [TEXT...]",
    .run = run,
    .help = help,
};
