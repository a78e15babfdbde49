/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "args.h"
#include "child.h"
#include "fail.h"
#include "framing.h"
#include "out.h"
#include "recv.h"
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
	uint64_t count; /* 0: until it is finished, or interrupted */
	uint64_t got;
	int stopped;    /* a signal asked for it while the program ran */
	char **program; /* gets each message; or NULL: they are printed */
	struct printer printer;
};

static int
refuse(const struct recv *v, int code)
{
	if (code == SHUNT_E_SLOTS)
		return fail_say(v->cmd,
		    "%s: all its places for receivers are taken; see `shunt "
		    "stat %s`",
		    out_safe(v->name), out_safe(v->name));
	if (code == SHUNT_E_CLOSED && v->count == 0)
		return CLI_DONE;
	if (code == SHUNT_E_CLOSED)
		return fail_say(v->cmd,
		    "%s: finished after %" PRIu64 " of %" PRIu64 " messages",
		    out_safe(v->name), v->got, v->count);
	return fail_hot(v->cmd, v->name, code);
}

/* What JSON tells of a message besides its bytes. */
static json_t *
about(const struct recv *v, const struct shunt_message *info)
{
	json_t *o;

	if (!v->printer.json)
		return NULL;
	o = json_pack("{s:I}", "lane", (json_int_t)info->lane);
	if (info->flags & SHUNT_MESSAGE_REDELIVERED)
		json_object_set_new(o, "redelivered", json_true());
	return o;
}

/* Prints it, or hands it to the program; -1 to go on, or the exit code. */
static int
hand_out(struct recv *v, const void *msg, size_t len,
    const struct shunt_message *info)
{
	int r;

	if (v->program != NULL) {
		r = recv_run(v->cmd, v->name, v->program, msg, len,
		    info->flags & SHUNT_MESSAGE_REDELIVERED);
		v->stopped = child_rest();
		return r;
	}
	r = printer_put(&v->printer, msg, len, about(v, info));
	return r < 0 ? printer_refuse(v->cmd, v->name, 1, r) : -1;
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
		if (signals_stopped() || v->stopped)
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
	r = hand_out(v, msg, (size_t)n, &info);
	if (r >= 0)
		return r;
	r = shunt_queue_release(v->queue);
	v->got += r == 0;
	return r < 0 ? refuse(v, r) : -1;
}

/*
 * The queue, and the program behind --.  Where -- stands before the queue it
 * only ends the options, as everywhere.  -1, or the exit code.
 */
static int
take_operands(struct recv *v, int argc, char **argv)
{
	char **p = v->program;

	if (argc == 1) {
		v->name = argv[0];
		if (p != NULL && p[0] == NULL)
			return args_usage(v->cmd, "behind -- stands a program");
		return -1;
	}
	if (p == NULL || p[0] == NULL)
		return args_usage(v->cmd, "it wants QUEUE");
	v->name = p[0];
	v->program = NULL;
	if (p[1] == NULL)
		return -1;
	if (strcmp(p[1], "--") != 0 || p[2] == NULL)
		return args_usage(v->cmd,
		    "\"%s\" is one too many: it wants QUEUE", out_safe(p[1]));
	v->program = p + 2;
	return -1;
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
	    {0, "type", ARG_TEXT, &opts.type, NULL},
	    {0, "schema", ARG_COUNT, &opts.schema, NULL},
	    {0, "owner", ARG_TEXT, &opts.owner, NULL},
	    {0},
	};
	const struct operands ops = {0, 1, "QUEUE"};
	int rc, r;

	v.program = child_split(&argc, argv);
	rc = args_read(cmd, table, &ops, &argc, &argv);
	if (rc >= 0)
		return rc;
	rc = take_operands(&v, argc, argv);
	if (rc >= 0)
		return rc;
	v.printer.framing = framing_of(&framing);
	signals_object(v.name);
	signals_catch_stop();
	r = shunt_queue_open(&v.queue, v.name, &opts);
	if (r < 0)
		return fail_cold(cmd, v.name, r);
	rc = -1;
	while (rc < 0 && (v.count == 0 || v.got < v.count))
		rc = recv_one(&v);
	if (rc < 0)
		rc = CLI_DONE;
	shunt_queue_close(&v.queue);
	printer_fini(&v.printer);
	if (v.program != NULL)
		return rc == CLI_DONE ? rc : child_end(rc);
	return rc == CLI_FAILED ? signals_reraise(rc) : rc;
}

/* clang-format off */
static const char help[] =
"Waits for a message, prints it and a newline, and only then takes it out of\n"
"the queue: whatever happens in between, another receiver gets it (again).\n"
"Any number may receive from one queue: each message goes to one of them.\n"
"A queue that does not exist is made, as by `shunt send`.\n"
"\n"
"Behind -- stands a program that gets each message on its standard input; the\n"
"message is taken out of the queue when the program ends with 0.  Otherwise\n"
"it stays, and this is the end.  SHUNT_REDELIVERED=1 is in its environment if\n"
"another receiver had the message before and did not finish with it.\n"
"\n"
"  -n, --count=COUNT so many messages (1); 0: until the queue is finished (see\n"
"                    `shunt send --finish`) or it is interrupted, which both\n"
"                    is then the regular end\n"
"  -t, --timeout=S   wait at most S seconds for each message; 0: not at all\n"
FRAMING_HELP
"      --json        an object a line: len, lane, redelivered if it is, and\n"
"                    text, or base64 where the message is no UTF-8\n"
"      --type=NAME   refuse a queue whose messages are of another type\n"
"      --schema=N    likewise, a number such as a hash of their layout\n"
"      --owner=USER  accept a queue of this user\n"
"\n"
FRAMING_HELP_REST
"On a terminal messages are escaped, a line each: other programs wrote them.\n"
"\n"
"Examples:\n"
"  shunt recv /jobs\n"
"  shunt recv /jobs -n 0 > jobs.txt\n"
"  while job=$(shunt recv /jobs --timeout=60); do echo \"$job\"; done\n"
"  shunt recv /jobs -n 0 -- sh -c 'read -r job; make \"$job\"'\n";
/* clang-format on */

const struct command command_recv = {
    .name = "recv",
    .summary = "receive messages from a queue",
    .synopsis = "QUEUE [-n COUNT] [--timeout=S] [OPTION...] [-- PROGRAM...]",
    .run = run,
    .help = help,
};
