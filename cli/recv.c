/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "args.h"
#include "fail.h"
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
	int null, json;
	char *buf; /* a message with its end, or its escaped form */
	size_t room;
};

static int
reserve(struct recv *v, size_t room)
{
	char *more;

	if (room <= v->room)
		return 0;
	more = realloc(v->buf, room);
	if (more == NULL)
		return -ENOMEM;
	v->buf = more;
	v->room = room;
	return 0;
}

static char *
base64(const unsigned char *p, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = malloc((len + 2) / 3 * 4 + 1), *to = out;

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		unsigned v = (unsigned)p[i] << 16;

		v |= left > 1 ? (unsigned)p[i + 1] << 8 : 0;
		v |= left > 2 ? p[i + 2] : 0u;
		*to++ = digits[v >> 18];
		*to++ = digits[v >> 12 & 63];
		*to++ = left > 1 ? digits[v >> 6 & 63] : '=';
		*to++ = left > 2 ? digits[v & 63] : '=';
	}
	*to = 0;
	return out;
}

/* One object on a line: the text, or base64 where it is no UTF-8. */
static int
print_json(struct recv *v, size_t len, uint32_t lane)
{
	json_t *o = json_pack(
	    "{s:I, s:I}", "len", (json_int_t)len, "lane", (json_int_t)lane);
	json_t *text = json_stringn(v->buf, len);
	char *line = NULL;
	int r;

	if (text != NULL) {
		json_object_set_new(o, "text", text);
	} else {
		char *coded = base64((const unsigned char *)v->buf, len);

		if (coded != NULL)
			json_object_set_new(o, "base64", json_string(coded));
		free(coded);
	}
	if (json_object_size(o) == 3)
		line = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	r = line == NULL ? -ENOMEM : reserve(v, strlen(line) + 1);
	if (r == 0) {
		size_t n = strlen(line);

		memcpy(v->buf, line, n);
		v->buf[n] = '\n';
		r = out_write(v->buf, n + 1);
	}
	free(line);
	return r;
}

static int
print_escaped(const struct recv *v, size_t len)
{
	char *safe = malloc(SHUNT_TEXT_ROOM(len));
	size_t n;
	int r;

	if (safe == NULL)
		return -ENOMEM;
	n = shunt_text_escape(safe, v->buf, len);
	safe[n] = '\n';
	r = out_write(safe, n + 1);
	free(safe);
	return r;
}

/* @msg lies in shared memory: it is copied first, then looked at. */
static int
print(struct recv *v, const void *msg, size_t len, uint32_t lane)
{
	int r = reserve(v, len + 1);

	if (r < 0)
		return r;
	memcpy(v->buf, msg, len);
	if (v->json)
		return print_json(v, len, lane);
	if (out_terminal())
		return print_escaped(v, len);
	v->buf[len] = v->null ? 0 : '\n';
	return out_write(v->buf, len + 1);
}

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

static int
unprinted(const struct recv *v, int code)
{
	if (code == -EINTR)
		return CLI_FAILED;
	if (code == -ENOMEM)
		return fail_say(v->cmd,
		    "%s: out of memory for a message; it "
		    "stays in the queue",
		    out_safe(v->name));
	return fail_say(v->cmd, "standard output: %s; the message stays in %s",
	    strerror(-code), out_safe(v->name));
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
	r = print(v, msg, (size_t)n, info.lane);
	if (r < 0)
		return unprinted(v, r);
	r = shunt_queue_release(v->queue);
	return r < 0 ? refuse(v, r) : -1;
}

static int
run(const struct command *cmd, int argc, char **argv)
{
	struct shunt_queue_options opts = {.sz = sizeof(opts)};
	struct recv v = {.cmd = cmd, .timeout_ns = WAIT_FOREVER, .count = 1};
	const struct arg table[] = {
	    {'n', "count", ARG_COUNT, &v.count, NULL},
	    {'t', "timeout", ARG_SECONDS, &v.timeout_ns, NULL},
	    {'0', "null", ARG_FLAG, &v.null, NULL},
	    {0, "json", ARG_FLAG, &v.json, NULL},
	    {0, "owner", ARG_TEXT, &opts.owner, NULL},
	    {0},
	};
	const struct operands ops = {1, 1, "QUEUE"};
	int rc = args_read(cmd, table, &ops, &argc, &argv), r;

	if (rc >= 0)
		return rc;
	v.name = argv[0];
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
	free(v.buf);
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
"  -0, --null        print NUL, not newline, behind each message\n"
"      --json        an object a line: len, lane, and text, or base64 where\n"
"                    the message is no UTF-8\n"
"      --owner=USER  accept a queue of this user\n"
"\n"
"On a terminal messages are escaped: other programs wrote them.\n"
"\n"
"Examples:\n"
"  shunt recv /jobs\n"
"  shunt recv /jobs -n 0 > jobs.txt\n"
"  while job=$(shunt recv /jobs --timeout=60); do echo \"$job\"; done\n";
/* clang-format on */

const struct command command_recv = {
    .name = "recv",
    .summary = "receive messages from a queue",
    .synopsis = "QUEUE [-n COUNT] [--timeout=S] [--null] [--json]",
    .run = run,
    .help = help,
};
