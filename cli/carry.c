/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <shunt.h>

#include "carry.h"
#include "fail.h"
#include "out.h"
#include "signals.h"

static void
tell_sent(const struct carry *c)
{
	if (c->sent > 0)
		fail_say(c->cmd,
		    "%s: %" PRIu64 " message%s went before this one",
		    out_safe(c->name), c->sent, c->sent > 1 ? "s" : "");
}

/* The size of lane that takes @len bytes, or 0: no lane can be so long.  A
 * lane takes a half of it, a topic's a quarter, less a header. */
static uint64_t
lane_for(const struct carry *c, size_t len)
{
	uint64_t part = strcmp(c->kind, "topic") == 0 ? 4 : 2, lane = 4096;

	while (lane / part < c->max)
		lane *= 2;
	uint64_t head = lane / part - c->max;
	while (lane <= UINT64_C(1) << 30 && lane / part - head < len)
		lane *= 2;
	return lane <= UINT64_C(1) << 30 ? lane : 0;
}

static int
too_long(const struct carry *c, size_t len)
{
	uint64_t lane = lane_for(c, len);

	if (lane == 0)
		return fail_say(c->cmd,
		    "%s: a message of %zu bytes is too long for any lane; "
		    "move it with `shunt put` and `shunt get`",
		    out_safe(c->name), len);
	return fail_say(c->cmd,
	    "%s: a message of %zu bytes is too long: %s takes %zu at most; "
	    "remove it, and make one of longer lanes with `shunt create NAME "
	    "%" PRIu64 "K --kind=%s`",
	    out_safe(c->name), len, c->what, c->max, lane / 1024, c->kind);
}

static int
refuse(const struct carry *c, int code, size_t len)
{
	int rc;

	if (code == -EMSGSIZE)
		rc = too_long(c, len);
	else if (code == -ETIMEDOUT) {
		fail_say(c->cmd,
		    "%s: full, and no room came in time; is there a %s? "
		    "See `shunt stat %s`",
		    out_safe(c->name), c->end, out_safe(c->name));
		rc = CLI_TIMEOUT;
	} else if (code == SHUNT_E_CLOSED)
		rc = fail_say(c->cmd,
		    "%s: somebody finished it: it takes no more messages",
		    out_safe(c->name));
	else
		rc = fail_hot(c->cmd, c->name, code);
	tell_sent(c);
	return rc;
}

static int
carry_one(struct carry *c, const char *msg, size_t len)
{
	struct wait wait;
	int r;

	wait_start(&wait, c->timeout_ns);
	do {
		r = c->send(c->to, msg, len, wait_slice(&wait));
		if (r == 0) {
			c->sent++;
			return CLI_DONE;
		}
		if (r == SHUNT_E_DROPPED) {
			c->dropped++;
			return CLI_DONE;
		}
		if (r != -EAGAIN && r != -ETIMEDOUT)
			return refuse(c, r, len);
		if (signals_stopped())
			return CLI_FAILED;
	} while (!wait_over(&wait));
	return refuse(c, -ETIMEDOUT, len);
}

static int
carry_input(struct carry *c, enum framing framing)
{
	struct feed feed;
	const char *msg;
	ssize_t n;
	int rc = CLI_DONE;

	if (feed_open(&feed, c->max, framing) < 0)
		return fail_cold(c->cmd, c->name, -ENOMEM);
	while (rc == CLI_DONE && (n = feed_next(&feed, &msg)) != LINES_END) {
		if (n >= 0) {
			rc = carry_one(c, msg, (size_t)n);
			continue;
		}
		rc = feed_refuse(c->cmd, c->name, c->what, &feed, n);
		if (n != LINES_STOPPED)
			tell_sent(c);
	}
	feed_close(&feed);
	return rc;
}

int
carry_all(struct carry *c, int texts, char **text, enum framing framing)
{
	int rc = CLI_DONE;

	if (texts == 0)
		rc = carry_input(c, framing);
	for (int i = 0; i < texts && rc == CLI_DONE; i++)
		rc = carry_one(c, text[i], strlen(text[i]));
	c->through = rc == CLI_DONE;
	if (c->dropped == 0)
		return rc;
	fail_say(c->cmd,
	    "%s: %" PRIu64 " message%s dropped: a %s is too far behind",
	    out_safe(c->name), c->dropped, c->dropped == 1 ? " was" : "s were",
	    c->end);
	return rc == CLI_DONE ? CLI_FAILED : rc;
}
