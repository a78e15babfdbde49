/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "framing.h"
#include "out.h"
#include "signals.h"

/* shunt send: messages from the command line or standard input. */

struct send {
	const struct command *cmd;
	const char *name;
	struct shunt_queue *queue;
	int64_t timeout_ns;
	uint64_t sent;
};

static void
tell_sent(const struct send *s)
{
	if (s->sent > 0)
		fail_say(s->cmd,
		    "%s: %" PRIu64 " message%s went before this one",
		    out_safe(s->name), s->sent, s->sent > 1 ? "s" : "");
}

static int
refuse(const struct send *s, int code, size_t len)
{
	int rc;

	if (code == -EMSGSIZE)
		rc = fail_say(s->cmd,
		    "%s: a message of %zu bytes is too long: this queue takes "
		    "%zu at most; make one of longer lanes with "
		    "`shunt create NAME SIZE --kind=queue`",
		    out_safe(s->name), len, shunt_queue_max(s->queue));
	else if (code == -ETIMEDOUT) {
		fail_say(s->cmd,
		    "%s: full, and no room came in time; is there a receiver? "
		    "See `shunt stat %s`",
		    out_safe(s->name), out_safe(s->name));
		rc = CLI_TIMEOUT;
	} else
		rc = fail_hot(s->cmd, s->name, code);
	tell_sent(s);
	return rc;
}

static int
send_one(struct send *s, const char *msg, size_t len)
{
	struct shunt_send_options opts = {.sz = sizeof(opts)};
	struct wait wait;
	int r;

	wait_start(&wait, s->timeout_ns);
	do {
		opts.wait_ns = wait_slice(&wait);
		r = shunt_queue_send(s->queue, msg, len, &opts);
		if (r == 0) {
			s->sent++;
			return CLI_DONE;
		}
		if (r != -EAGAIN && r != -ETIMEDOUT)
			return refuse(s, r, len);
		if (signals_stopped())
			return CLI_FAILED;
	} while (!wait_over(&wait));
	return refuse(s, -ETIMEDOUT, len);
}

static int
send_input(struct send *s, enum framing framing)
{
	struct feed feed;
	const char *msg;
	ssize_t n;
	int rc = CLI_DONE;

	if (feed_open(&feed, shunt_queue_max(s->queue), framing) < 0)
		return fail_cold(s->cmd, s->name, -ENOMEM);
	while (rc == CLI_DONE && (n = feed_next(&feed, &msg)) != LINES_END) {
		if (n >= 0) {
			rc = send_one(s, msg, (size_t)n);
			continue;
		}
		rc = feed_refuse(s->cmd, s->name, "this queue", &feed, n);
		if (n != LINES_STOPPED)
			tell_sent(s);
	}
	feed_close(&feed);
	return rc;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_queue_options opts = {.sz = sizeof(opts)};
	struct send s = {.cmd = cmd, .timeout_ns = WAIT_FOREVER};
	struct framing_args framing = {0};
	const struct arg table[] = {
	    {'t', "timeout", ARG_SECONDS, &s.timeout_ns, NULL},
	    FRAMING_ARGS(framing),
	    {0, "owner", ARG_TEXT, &opts.owner, NULL},
	    {0},
	};
	const struct operands ops = {1, -1, "QUEUE and TEXTs"};
	int rc = args_read(cmd, table, &ops, &argc, &argv), r;

	if (rc >= 0)
		return rc;
	s.name = argv[0];
	signals_object(s.name);
	signals_catch_stop();
	r = shunt_queue_open(&s.queue, s.name, &opts);
	if (r < 0)
		return fail_cold(cmd, s.name, r);
	rc = CLI_DONE;
	if (argc == 1)
		rc = send_input(&s, framing_of(&framing));
	for (int i = 1; i < argc && rc == CLI_DONE; i++)
		rc = send_one(&s, argv[i], strlen(argv[i]));
	shunt_queue_close(&s.queue);
	return rc == CLI_FAILED ? signals_reraise(rc) : rc;
}

/* clang-format off */
static const char help[] =
"Sends each TEXT as a message, or without TEXT each line of standard input,\n"
"without its newline.  Waits while the queue is full.  A queue that does not\n"
"exist is made, with mode 0600; it goes again when nobody has it and nothing\n"
"in it is unread.  Sent means in the queue, not received.\n"
"\n"
"  -t, --timeout=S   wait at most S seconds for room for each message\n"
FRAMING_HELP
"      --owner=USER  accept a queue of this user\n"
"\n"
FRAMING_HELP_REST
"TEXT that begins with a dash goes behind --.\n"
"\n"
"Examples:\n"
"  shunt send /jobs 'first job' 'second job'\n"
"  ls -1 | shunt send /jobs\n"
"  find . -print0 | shunt send /jobs --null\n";
/* clang-format on */

const struct command command_send = {
    .name = "send",
    .summary = "send messages to a queue",
    .synopsis = "QUEUE [TEXT...] [--timeout=S] [--framing=F]",
    .run = run,
    .help = help,
};
