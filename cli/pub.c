/* SPDX-License-Identifier: MIT */
#include <shunt.h>

#include "args.h"
#include "carry.h"
#include "fail.h"
#include "look.h"
#include "signals.h"

/* shunt pub: messages from the command line or standard input, to everybody
 * who is subscribed. */

static int
publish(void *to, const void *msg, size_t len, int64_t wait_ns)
{
	struct shunt_send_options opts = {
	    .sz = sizeof(opts), .wait_ns = wait_ns};

	return shunt_publisher_send(to, msg, len, &opts);
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_publisher_options opts = {.sz = sizeof(opts)};
	struct carry c = {.cmd = cmd,
	    .what = "this topic",
	    .kind = "topic",
	    .end = "subscriber",
	    .timeout_ns = WAIT_FOREVER,
	    .send = publish};
	struct framing_args framing = {0};
	struct shunt_publisher *pub;
	int finish = 0;
	const struct arg table[] = {
	    {'t', "timeout", ARG_SECONDS, &c.timeout_ns, NULL},
	    FRAMING_ARGS(framing),
	    {'p', "policy", ARG_CHOICE, &opts.policy, "any " TOPIC_POLICIES},
	    {0, "finish", ARG_FLAG, &finish, NULL},
	    {0, "type", ARG_TEXT, &opts.type, NULL},
	    {0, "schema", ARG_COUNT, &opts.schema, NULL},
	    {0, "owner", ARG_TEXT, &opts.owner, NULL},
	    {0},
	};
	const struct operands ops = {1, -1, "TOPIC and TEXTs"};
	int rc = args_read(cmd, table, &ops, &argc, &argv), r;

	if (rc >= 0)
		return rc;
	c.name = argv[0];
	signals_object(c.name);
	signals_catch_stop();
	r = shunt_publisher_open(&pub, c.name, &opts);
	if (r < 0)
		return fail_cold(cmd, c.name, r);
	c.to = pub;
	c.max = shunt_publisher_max(pub);
	rc = carry_all(&c, argc - 1, argv + 1, framing_of(&framing));
	if (c.through && finish && (r = shunt_publisher_finish(pub)) < 0)
		rc = fail_hot(cmd, c.name, r);
	shunt_publisher_close(&pub);
	return rc == CLI_FAILED ? signals_reraise(rc) : rc;
}

/* clang-format off */
static const char help[] =
"Publishes each TEXT as a message, or without TEXT each line of standard\n"
"input, without its newline: every subscriber gets each of them.  Who\n"
"subscribes later gets what is still there if it asks for it.  A topic that\n"
"does not exist is made, with mode 0600; it goes again when nobody has it.\n"
"`shunt create NAME SIZE --kind=topic` makes one that stays.\n"
"\n"
"  -p, --policy=P    what happens when a subscriber is a ring behind; it is\n"
"                    chosen when the topic is made, a topic with another one\n"
"                    is refused\n"
"                      lossy  it misses messages, and knows how many\n"
"                             (what is made without this)\n"
"                      block  publishers wait for it\n"
"                      drop   new messages are dropped, for all\n"
"                      evict  it is told so, once\n"
"  -t, --timeout=S   block: wait at most S seconds for room\n"
FRAMING_HELP
"      --finish      these were the last: nobody can publish any more, and\n"
"                    subscribers are told when they have got them all\n"
"      --type=NAME   refuse a topic whose messages are of another type; one\n"
"                    that is made here is of this type\n"
"      --schema=N    likewise, a number such as a hash of their layout\n"
"      --owner=USER  accept a topic of this user\n"
"\n"
FRAMING_HELP_REST
"TEXT that begins with a dash goes behind --.\n"
"\n"
"Examples:\n"
"  shunt pub /prices 'EURUSD 1.08'\n"
"  vmstat -n 1 | shunt pub /load\n"
"  shunt pub /orders --policy=block --timeout=5 < orders.txt\n";
/* clang-format on */

const struct command command_pub = {
    .name = "pub",
    .summary = "publish messages to all who subscribe to a topic",
    .synopsis = "TOPIC [TEXT...] [--policy=P] [--framing=F] [--finish]",
    .run = run,
    .help = help,
};
