/* SPDX-License-Identifier: MIT */
#include <shunt.h>

#include "args.h"
#include "carry.h"
#include "fail.h"
#include "signals.h"

/* shunt send: messages from the command line or standard input. */

static int
send_one(void *to, const void *msg, size_t len, int64_t wait_ns)
{
	struct shunt_send_options opts = {
	    .sz = sizeof(opts), .wait_ns = wait_ns};

	return shunt_queue_send(to, msg, len, &opts);
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_queue_options opts = {.sz = sizeof(opts)};
	struct carry c = {.cmd = cmd,
	    .what = "this queue",
	    .kind = "queue",
	    .end = "receiver",
	    .timeout_ns = WAIT_FOREVER,
	    .send = send_one};
	struct framing_args framing = {0};
	struct shunt_queue *queue;
	const struct arg table[] = {
	    {'t', "timeout", ARG_SECONDS, &c.timeout_ns, NULL},
	    FRAMING_ARGS(framing),
	    {0, "owner", ARG_TEXT, &opts.owner, NULL},
	    {0},
	};
	const struct operands ops = {1, -1, "QUEUE and TEXTs"};
	int rc = args_read(cmd, table, &ops, &argc, &argv), r;

	if (rc >= 0)
		return rc;
	c.name = argv[0];
	signals_object(c.name);
	signals_catch_stop();
	r = shunt_queue_open(&queue, c.name, &opts);
	if (r < 0)
		return fail_cold(cmd, c.name, r);
	c.to = queue;
	c.max = shunt_queue_max(queue);
	rc = carry_all(&c, argc - 1, argv + 1, framing_of(&framing));
	shunt_queue_close(&queue);
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
