/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "framing.h"
#include "look.h"
#include "out.h"
#include "signals.h"

/*
 * shunt recv: prints a message, then releases it.  Killed between the two, or
 * unable to print, it leaves the message to the next receiver: each message
 * is printed at least once.
 */

struct recv {
	const struct command *cmd;
	const char *name;
	struct shunt_queue *queue;
	int64_t timeout_ns;
	uint64_t count; /* 0: until interrupted */
	struct printer printer;
};

static int
refuse(const struct recv *v, int code)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};

	if (code != -EBUSY)
		return fail_hot(v->cmd, v->name, code);
	if (shunt_segment_stat(v->name, &info, NULL, 0) >= 0 &&
	    info.receiver_pid > 0)
		return fail_say(v->cmd,
		    "%s: %s receives from it already; a queue has one receiver",
		    out_safe(v->name), look_receiver(v->name));
	return fail_say(v->cmd,
	    "%s: another process receives from it already; a queue has one "
	    "receiver",
	    out_safe(v->name));
}

/* What JSON tells of a message besides its bytes. */
static json_t *
about(const struct recv *v, const struct shunt_message *info)
{
	if (!v->printer.json)
		return NULL;
	return json_pack("{s:I}", "lane", (json_int_t)info->lane);
}

/* -1 to go on, or the exit code. */
static int
recv_one(struct recv *v)
{
	struct shunt_recv_options opts = {.sz = sizeof(opts)};
	struct shunt_message info = {.sz = sizeof(info)};
	struct wait wait;
	const void *msg;
	ssize_t n;
	int r;

	wait_start(&wait, v->timeout_ns);
	for (;;) {
		if (signals_stopped())
			return v->count == 0 ? CLI_DONE : CLI_FAILED;
		opts.wait_ns = wait_slice(&wait);
		n = shunt_queue_peek(v->queue, &msg, &info, &opts);
		if (n >= 0)
			break;
		if (n != -EAGAIN && n != -ETIMEDOUT)
			return refuse(v, (int)n);
		if (wait_over(&wait)) {
			fail_say(v->cmd, "%s: no message came in time",
			    out_safe(v->name));
			return CLI_TIMEOUT;
		}
	}
	r = printer_put(&v->printer, msg, (size_t)n, about(v, &info));
	if (r < 0)
		return printer_refuse(v->cmd, v->name, 1, r);
	r = shunt_queue_release(v->queue);
	return r < 0 ? refuse(v, r) : -1;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_queue_options opts = {.sz = sizeof(opts)};
	struct framing_args framing = {0};
	struct recv v = {.cmd = cmd, .timeout_ns = WAIT_FOREVER, .count = 1};
	const struct arg table[] = {
	    {'n', "count", ARG_COUNT, &v.count, NULL},
	    {'t', "timeout", ARG_SECONDS, &v.timeout_ns, NULL},
	    FRAMING_ARGS(framing),
	    {0, "json", ARG_FLAG, &v.printer.json, NULL},
	    {0, "owner", ARG_TEXT, &opts.owner, NULL},
	    {0},
	};
	const struct operands ops = {1, 1, "QUEUE"};
	int rc = args_read(cmd, table, &ops, &argc, &argv), r;

	if (rc >= 0)
		return rc;
	v.name = argv[0];
	v.printer.framing = framing_of(&framing);
	signals_object(v.name);
	signals_catch_stop();
	r = shunt_queue_open(&v.queue, v.name, &opts);
	if (r < 0)
		return fail_cold(cmd, v.name, r);
	rc = -1;
	for (uint64_t i = 0; rc < 0 && (v.count == 0 || i < v.count); i++)
		rc = recv_one(&v);
	if (rc < 0)
		rc = CLI_DONE;
	shunt_queue_close(&v.queue);
	printer_fini(&v.printer);
	return rc == CLI_FAILED ? signals_reraise(rc) : rc;
}

/* clang-format off */
static const char help[] =
"Waits for a message, prints it and a newline, and only then takes it out of\n"
"the queue: whatever happens in between, the next receiver gets it (again).\n"
"A queue that does not exist is made, as by `shunt send`.\n"
"\n"
"  -n, --count=COUNT so many messages (1); 0: until interrupted, which is\n"
"                    then the regular end\n"
"  -t, --timeout=S   wait at most S seconds for each message; 0: not at all\n"
FRAMING_HELP
"      --json        an object a line: len, lane, and text, or base64 where\n"
"                    the message is no UTF-8\n"
"      --owner=USER  accept a queue of this user\n"
"\n"
FRAMING_HELP_REST
"On a terminal messages are escaped, a line each: other programs wrote them.\n"
"\n"
"Examples:\n"
"  shunt recv /jobs\n"
"  shunt recv /jobs -n 0 > jobs.txt\n"
"  while job=$(shunt recv /jobs --timeout=60); do echo \"$job\"; done\n";
/* clang-format on */

const struct command command_recv = {
    .name = "recv",
    .summary = "receive messages from a queue",
    .synopsis = "QUEUE [-n COUNT] [--timeout=S] [--framing=F] [--json]",
    .run = run,
    .help = help,
};
