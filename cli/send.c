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
	int finish = 0;
	const struct arg table[] = {
	    {'t', "timeout", ARG_SECONDS, &c.timeout_ns, NULL},
	    FRAMING_ARGS(framing),
	    {0, "finish", ARG_FLAG, &finish, NULL},
	    {0, "type", ARG_TEXT, &opts.type, NULL},
	    {0, "schema", ARG_COUNT, &opts.schema, NULL},
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
	if (c.through && finish && (r = shunt_queue_finish(queue)) < 0)
		rc = fail_hot(cmd, c.name, r);
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
"      --finish      these were the last: nobody can send any more, and who\n"
"                    receives is told when nothing is left\n"
"      --type=NAME   refuse a queue whose messages are of another type; one\n"
"                    that is made here is of this type\n"
"      --schema=N    likewise, a number such as a hash of their layout\n"
"      --owner=USER  accept a queue of this user\n"
"\n"
FRAMING_HELP_REST
"TEXT that begins with a dash goes behind --.  To finish a queue and send\n"
"nothing: shunt send QUEUE --finish </dev/null\n"
"\n"
"Examples:\n"
"  shunt send /jobs 'first job' 'second job'\n"
"  ls -1 | shunt send /jobs\n"
"  find . -print0 | shunt send /jobs --null --finish\n";
/* clang-format on */

const struct command command_send = {
    .name = "send",
    .summary = "send messages to a queue",
    .synopsis = "QUEUE [TEXT...] [--timeout=S] [--framing=F] [--finish]",
    .run = run,
    .help = help,
};
