/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
#include "framing.h"
#include "out.h"
#include "signals.h"

/* shunt call: a request to a service; its reply is printed, and its status is
 * this command's. */

/* As framing: all of standard input is one request. */
#define WHOLE UINT32_MAX

struct call {
	const struct command *cmd;
	const char *name;
	struct shunt_client *client;
	int64_t timeout_ns;
	int now; /* no server: fail at once */
	uint32_t framing;
	struct printer printer;
	char *reply;
	size_t max;
};

static int
refuse(const struct call *c, int code)
{
	const char *name = out_safe(c->name);

	if (code == -EMSGSIZE)
		return fail_say(c->cmd,
		    "%s: the request is too long: this service takes %zu "
		    "bytes at most; make one of longer lanes with "
		    "`shunt create NAME SIZE --kind=service`",
		    name, c->max);
	if (code == SHUNT_E_PEERDEAD)
		return fail_say(c->cmd,
		    "%s: the server that had the request ended before it "
		    "replied; what it had done is done, and no other server "
		    "gets it",
		    name);
	if (code == SHUNT_E_NOSERVER)
		return fail_say(c->cmd,
		    "%s: nobody serves it; start `shunt serve %s -- CMD`, or "
		    "leave out --now to wait",
		    name, name);
	if (code == SHUNT_E_CLOSED)
		return fail_say(c->cmd,
		    "%s: it is finished and takes no more requests", name);
	if (code != -ETIMEDOUT)
		return fail_hot(c->cmd, c->name, code);
	fail_say(c->cmd,
	    "%s: no reply came in time; the request is given up; is there a "
	    "server?  See `shunt stat %s`",
	    name, name);
	return CLI_TIMEOUT;
}

/* Statuses are exit codes if they can be. */
static int
exit_code(int32_t status)
{
	return status >= 0 && status <= 255 ? status : CLI_FAILED;
}

/* A line's end where it has none; a NUL always; on a terminal, so that the
 * prompt has a line of its own. */
static size_t
finish_reply(const struct call *c, size_t len)
{
	int ends = len != 0 && c->reply[len - 1] == '\n';

	if (c->framing == FRAMING_NUL)
		c->reply[len++] = 0;
	else if (!ends &&
		 (c->framing == FRAMING_LINE || (len != 0 && out_terminal())))
		c->reply[len++] = '\n';
	return len;
}

static int
put_reply(struct call *c, size_t len, int32_t status)
{
	if (c->printer.json)
		return printer_put(&c->printer, c->reply, len,
		    json_pack("{s:i}", "status", (int)status));
	if (c->framing == FRAMING_LENGTH || c->framing == FRAMING_LENGTH8)
		return printer_put(&c->printer, c->reply, len, NULL);
	len = finish_reply(c, len);
	if (out_terminal()) /* other programs wrote it */
		return out_write_escaped(c->reply, len);
	return out_write(c->reply, len);
}

static int
print(struct call *c, size_t len, int32_t status)
{
	int r = put_reply(c, len, status);

	return r < 0 ? fail_output(c->cmd, r) : exit_code(status);
}

static int
served(const struct call *c)
{
	struct shunt_segment_info info = {.sz = sizeof(info)};

	return shunt_segment_stat(c->name, &info, NULL, 0) < 0 ||
	       info.receivers > 0;
}

/*
 * Full is the lane only of requests that others gave up, with no server who
 * would pass over them: no longer than for a reply is waited for that.
 */
static int
send_request(
    const struct call *c, const char *msg, size_t len, const struct wait *wait)
{
	struct shunt_call_options opts = {.sz = sizeof(opts)};
	int r;

	do {
		opts.wait_ns = wait_slice(wait);
		r = shunt_client_send(c->client, msg, len, NULL, &opts);
		if (r != -EAGAIN && r != -ETIMEDOUT)
			return r;
		if (signals_stopped())
			return -EINTR;
		if (c->now && !served(c))
			return SHUNT_E_NOSERVER;
	} while (!wait_over(wait));
	return -ETIMEDOUT;
}

static int
call_one(struct call *c, const char *msg, size_t len)
{
	struct shunt_call_options opts = {
	    .sz = sizeof(opts), .flags = c->now ? SHUNT_CALL_SERVED : 0};
	struct shunt_reply info = {.sz = sizeof(info)};
	struct wait wait;
	ssize_t n;

	wait_start(&wait, c->timeout_ns);
	n = send_request(c, msg, len, &wait);
	if (n < 0)
		return n == -EINTR ? CLI_FAILED : refuse(c, (int)n);
	for (;;) {
		opts.wait_ns = wait_slice(&wait);
		n = shunt_client_poll(
		    c->client, c->reply, c->max, &info, &opts);
		if (n >= 0)
			return print(c, (size_t)n, info.status);
		if (n != -EAGAIN && n != -ETIMEDOUT)
			return refuse(c, (int)n);
		if (signals_stopped())
			return CLI_FAILED;
		if (wait_over(&wait))
			return refuse(c, -ETIMEDOUT);
	}
}

/* Each message a request; the first status that is not 0 is the end. */
static int
call_each(struct call *c)
{
	struct feed feed;
	const char *msg;
	ssize_t n;
	int rc = CLI_DONE;

	if (feed_open(&feed, c->max, (enum framing)c->framing) < 0)
		return fail_cold(c->cmd, c->name, -ENOMEM);
	while (rc == CLI_DONE && (n = feed_next(&feed, &msg)) != LINES_END)
		rc = n >= 0 ? call_one(c, msg, (size_t)n)
			    : feed_refuse(
				  c->cmd, c->name, "this service", &feed, n);
	feed_close(&feed);
	return rc;
}

/* All of standard input is one request. */
static int
call_input(struct call *c)
{
	char *msg = malloc(c->max + 1);
	size_t len = 0;
	ssize_t n = msg == NULL ? -ENOMEM : 1;
	int rc;

	while (n > 0 && len <= c->max) {
		n = lines_read(msg + len, c->max + 1 - len);
		if (n > 0)
			len += (size_t)n;
	}
	if (n == -ENOMEM)
		rc = fail_cold(c->cmd, c->name, -ENOMEM);
	else if (n == LINES_STOPPED)
		rc = CLI_FAILED;
	else if (n < 0)
		rc = fail_say(c->cmd, "standard input: %s", strerror((int)-n));
	else
		rc = call_one(c, msg, len);
	free(msg);
	return rc;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_service_options opts = {.sz = sizeof(opts)};
	struct call c = {.cmd = cmd, .timeout_ns = WAIT_FOREVER};
	struct framing_args framing = {.framing = WHOLE};
	int lines = 0;
	const struct arg table[] = {
	    {'t', "timeout", ARG_SECONDS, &c.timeout_ns, NULL},
	    {0, "now", ARG_FLAG, &c.now, NULL},
	    {'l', "lines", ARG_FLAG, &lines, NULL},
	    FRAMING_ARGS(framing),
	    {0, "json", ARG_FLAG, &c.printer.json, NULL},
	    {0, "type", ARG_TEXT, &opts.type, NULL},
	    {0, "schema", ARG_COUNT, &opts.schema, NULL},
	    {0, "owner", ARG_TEXT, &opts.owner, NULL},
	    {0},
	};
	const struct operands ops = {1, 2, "SERVICE and one TEXT"};
	int rc = args_read(cmd, table, &ops, &argc, &argv), r;

	if (rc >= 0)
		return rc;
	if (lines && framing.framing == WHOLE)
		framing.framing = FRAMING_LINE;
	c.framing = framing.null ? FRAMING_NUL : framing.framing;
	if (c.framing != WHOLE && argc > 1)
		return args_usage(cmd,
		    "--lines, --null and --framing are for standard input: "
		    "leave TEXT out");
	c.printer.framing = (enum framing)c.framing;
	c.name = argv[0];
	signals_object(c.name);
	signals_catch_stop();
	r = shunt_client_open(&c.client, c.name, &opts);
	if (r < 0)
		return fail_cold(cmd, c.name, r);
	c.max = shunt_client_max(c.client);
	c.reply = malloc(c.max + 1);
	if (c.reply == NULL)
		rc = fail_cold(cmd, c.name, -ENOMEM);
	else if (argc > 1)
		rc = call_one(&c, argv[1], strlen(argv[1]));
	else if (c.framing != WHOLE)
		rc = call_each(&c);
	else
		rc = call_input(&c);
	free(c.reply);
	printer_fini(&c.printer);
	/* What is open is given up by this, before a signal ends us. */
	shunt_client_close(&c.client);
	return rc == CLI_FAILED ? signals_reraise(rc) : rc;
}

/* clang-format off */
static const char help[] =
"Sends TEXT, or without TEXT all of standard input, as one request, waits for\n"
"the reply, prints it as it is, and exits with its status: of `shunt serve`\n"
"that is the exit status of the program that answered.\n"
"\n"
"A request goes to one server at most.  If that one dies the call fails within\n"
"a moment; a request that no server has begun waits for the next one.  Given\n"
"up, by --timeout or Ctrl-C, it is not begun any more.  A service that does\n"
"not exist is made, with mode 0600; it goes again when nobody has it.\n"
"\n"
"  -t, --timeout=S   wait at most S seconds for each reply; exit status 3\n"
"      --now         fail where nobody serves, rather than wait for a server\n"
"  -l, --lines       each line of standard input is a request; a reply gets a\n"
"                    newline if it does not end with one; ends with the first\n"
"                    status that is not 0\n"
"  -0, --null        likewise, with NUL instead of newline\n"
"  -f, --framing=F   likewise: line, nul, length or length8: see below\n"
"      --json        an object a line for each reply: len, status, and text, or\n"
"                    base64 where it is no UTF-8\n"
"      --type=NAME   refuse a service whose messages are of another type\n"
"      --schema=N    likewise, a number such as a hash of their layout\n"
"      --owner=USER  accept a service of this user\n"
"\n"
"Framing tells where messages end, here and in the replies: line by a newline,\n"
"nul by a NUL; with length each stands behind its length, 4 bytes, the least\n"
"first, and with length8 behind 8: for bytes of any kind.\n"
"\n"
"TEXT that begins with a dash goes behind --.  What goes wrong here and not at\n"
"the server is told on standard error: exit status 1, 2 or 3.\n"
"\n"
"Examples:\n"
"  shunt serve /upper -- tr a-z A-Z &\n"
"  shunt call /upper 'say it loud'\n"
"  printf 'one\\ntwo\\n' | shunt call /upper --lines --json | jq .text\n"
"  shunt call /thumbnail --timeout=5 < photo.jpg > small.jpg\n";
/* clang-format on */

const struct command command_call = {
    .name = "call",
    .summary = "send a request to a service and print its reply",
    .synopsis = "SERVICE [TEXT] [--timeout=S] [--now] [--framing=F] [--json]",
    .run = run,
    .help = help,
};
