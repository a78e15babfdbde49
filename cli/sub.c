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
 * shunt sub: prints what is published from now on, or from a while ago.  What
 * was missed is told when it is seen, and by the exit code.
 */

#define FIRST_ROOM 65536

struct sub {
	const struct command *cmd;
	const char *name;
	struct shunt_subscriber *sub;
	int64_t timeout_ns;
	uint64_t count; /* 0: until it is finished, or interrupted */
	uint64_t got;
	uint64_t lost; /* so many were told */
	struct printer printer;
	char *buf;
	size_t room;
};

/* What JSON tells of a message besides its bytes. */
static json_t *
about(const struct sub *s, const struct shunt_topic_message *info)
{
	json_t *o;

	if (!s->printer.json)
		return NULL;
	o = json_pack("{s:o, s:o}", "lane", out_json_int(info->lane),
	    "sequence", out_json_int(info->sequence));
	if (info->lost != 0)
		json_object_set_new(o, "lost", out_json_int(info->lost));
	return o;
}

static void
tell_lost(struct sub *s)
{
	uint64_t lost = shunt_subscriber_lost(s->sub), more = lost - s->lost;

	if (more == 0)
		return;
	fail_say(s->cmd, "%s: lost %" PRIu64 " message%s", out_safe(s->name),
	    more, more == 1 ? "" : "s");
	s->lost = lost;
}

/* The topic has ended, in one way or another. */
static int
ended(const struct sub *s, int code)
{
	if (code == SHUNT_E_CLOSED && s->count == 0)
		return CLI_DONE;
	if (code == SHUNT_E_CLOSED)
		return fail_say(s->cmd,
		    "%s: finished after %" PRIu64 " of %" PRIu64 " messages",
		    out_safe(s->name), s->got, s->count);
	if (code == SHUNT_E_EVICTED)
		return fail_say(s->cmd,
		    "%s: too slow, and so it was left behind, as the topic's "
		    "policy says; begin again",
		    out_safe(s->name));
	return fail_hot(s->cmd, s->name, code);
}

static int
grow(struct sub *s, size_t room)
{
	char *more = realloc(s->buf, room);

	if (more == NULL)
		return -ENOMEM;
	s->buf = more;
	s->room = room;
	return 0;
}

/* The next message: its length, or a code. */
static ssize_t
next(struct sub *s, struct shunt_topic_message *info, int64_t wait_ns)
{
	struct shunt_recv_options opts = {
	    .sz = sizeof(opts), .wait_ns = wait_ns};
	ssize_t n;
	int r;

	do {
		info->sz = sizeof(*info);
		n = shunt_subscriber_recv(s->sub, s->buf, s->room, info, &opts);
		if (n != -EMSGSIZE)
			return n;
		r = grow(s, info->len);
	} while (r == 0);
	return r;
}

/* -1 to go on, or the exit code. */
static int
print_next(struct sub *s)
{
	struct shunt_topic_message info;
	struct wait wait;
	ssize_t n;
	int r;

	wait_start(&wait, s->timeout_ns);
	for (;;) {
		if (signals_stopped())
			return s->count == 0 ? CLI_DONE : CLI_FAILED;
		n = next(s, &info, wait_slice(&wait));
		if (n >= 0)
			break;
		/* Overrun: told with those that are lost. */
		if (n != -EAGAIN && n != -ETIMEDOUT && n != SHUNT_E_OVERRUN)
			return ended(s, (int)n);
		if (wait_over(&wait)) {
			fail_say(s->cmd, "%s: no message came in time",
			    out_safe(s->name));
			return CLI_TIMEOUT;
		}
	}
	tell_lost(s);
	s->got++;
	r = printer_put(&s->printer, s->buf, (size_t)n, about(s, &info));
	return r < 0 ? printer_refuse(s->cmd, s->name, 0, r) : -1;
}

static int
print_all(struct sub *s)
{
	int rc =
	    grow(s, FIRST_ROOM) < 0 ? fail_cold(s->cmd, s->name, -ENOMEM) : -1;

	while (rc < 0 && (s->count == 0 || s->got < s->count))
		rc = print_next(s);
	tell_lost(s);
	if (s->lost != 0 && rc <= CLI_DONE)
		rc = CLI_FAILED;
	return rc < 0 ? CLI_DONE : rc;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_subscriber_options opts = {.sz = sizeof(opts)};
	struct sub s = {.cmd = cmd, .timeout_ns = WAIT_FOREVER};
	struct framing_args framing = {0};
	uint64_t history = 0;
	int all = 0, readonly = 0;
	const struct arg table[] = {
	    {'n', "count", ARG_COUNT, &s.count, NULL},
	    {'t', "timeout", ARG_SECONDS, &s.timeout_ns, NULL},
	    {'H', "history", ARG_COUNT, &history, NULL},
	    {'a', "all", ARG_FLAG, &all, NULL},
	    {'p', "policy", ARG_CHOICE, &opts.policy, "any " TOPIC_POLICIES},
	    {'r', "read-only", ARG_FLAG, &readonly, NULL},
	    FRAMING_ARGS(framing),
	    {0, "json", ARG_FLAG, &s.printer.json, NULL},
	    {0, "type", ARG_TEXT, &opts.type, NULL},
	    {0, "schema", ARG_COUNT, &opts.schema, NULL},
	    {0, "owner", ARG_TEXT, &opts.owner, NULL},
	    {0},
	};
	const struct operands ops = {1, 1, "TOPIC"};
	int rc = args_read(cmd, table, &ops, &argc, &argv), r;

	if (rc >= 0)
		return rc;
	s.name = argv[0];
	s.printer.framing = framing_of(&framing);
	opts.history = all || history >= SHUNT_TOPIC_ALL ? SHUNT_TOPIC_ALL
							 : (uint32_t)history;
	opts.flags = readonly ? SHUNT_TOPIC_READONLY : 0;
	signals_object(s.name);
	signals_catch_stop();
	r = shunt_subscriber_open(&s.sub, s.name, &opts);
	if (r < 0)
		return fail_cold(cmd, s.name, r);
	rc = print_all(&s);
	shunt_subscriber_close(&s.sub);
	printer_fini(&s.printer);
	free(s.buf);
	return rc == CLI_FAILED ? signals_reraise(rc) : rc;
}

/* clang-format off */
static const char help[] =
"Prints each message that is published from now on, and a newline, until the\n"
"topic is finished or it is interrupted, which both is the regular end.  Any\n"
"number may subscribe, and each gets every message.  A topic that does not\n"
"exist is made, as by `shunt pub`.\n"
"\n"
"Messages that were overwritten before they were read are told on standard\n"
"error, and then the exit code is 1; `shunt pub --policy` says what becomes\n"
"of subscribers that are slow.\n"
"\n"
"  -n, --count=COUNT so many messages, then end (0: no end)\n"
"  -t, --timeout=S   wait at most S seconds for each message; 0: not at all\n"
"  -H, --history=N   begin with the last N of each publisher that are still\n"
"                    there; 1: with the last value (0)\n"
"  -a, --all         begin with all that are still there\n"
"  -p, --policy=P    lossy, block, drop or evict, as of `shunt pub`\n"
"  -r, --read-only   permission to read the topic is enough; nobody waits for\n"
"                    such a subscriber, and it is up to 10 ms late\n"
FRAMING_HELP
"      --json        an object a line: len, lane, sequence, lost if any were\n"
"                    right before it, and text, or base64 where the message\n"
"                    is no UTF-8\n"
"      --type=NAME   refuse a topic whose messages are of another type\n"
"      --schema=N    likewise, a number such as a hash of their layout\n"
"      --owner=USER  accept a topic of this user\n"
"\n"
FRAMING_HELP_REST
"On a terminal messages are escaped, a line each: other programs wrote them.\n"
"\n"
"Examples:\n"
"  shunt sub /prices\n"
"  shunt sub /prices --history=1 -n 1 --timeout=1\n"
"  shunt sub /load --json | jq .text\n";
/* clang-format on */

const struct command command_sub = {
    .name = "sub",
    .summary = "print what is published to a topic",
    .synopsis = "TOPIC [-n COUNT] [--history=N] [--timeout=S] [--json]",
    .run = run,
    .help = help,
};
