/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "fail.h"
#include "framing.h"
#include "out.h"

/* Messages to standard output. */

#define PREFIX_MOST 8 /* bytes of a length in front of a message */

static int
reserve(struct printer *p, size_t room)
{
	char *more;

	if (room <= p->room)
		return 0;
	more = realloc(p->buf, room);
	if (more == NULL)
		return -ENOMEM;
	p->buf = more;
	p->room = room;
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

/* Adds the text, or base64 where it is no UTF-8; 0 or -1. */
static int
add_text(json_t *o, const char *msg, size_t len)
{
	json_t *text = json_stringn(msg, len);
	char *coded;
	int r;

	if (text != NULL)
		return json_object_set_new(o, "text", text);
	coded = base64((const unsigned char *)msg, len);
	if (coded == NULL)
		return -1;
	r = json_object_set_new(o, "base64", json_string(coded));
	free(coded);
	return r;
}

/* One object on a line, of the message that lies in the buffer. */
static int
put_json(struct printer *p, size_t len, json_t *extra)
{
	json_t *o = json_pack("{s:I}", "len", (json_int_t)len);
	char *line = NULL;
	int r;

	if (o != NULL && (extra == NULL || json_object_update(o, extra) == 0) &&
	    add_text(o, p->buf, len) == 0)
		line = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	r = line == NULL ? -ENOMEM : reserve(p, strlen(line) + 1);
	if (r == 0) {
		size_t n = strlen(line);

		memcpy(p->buf, line, n);
		p->buf[n] = '\n';
		r = out_write(p->buf, n + 1);
	}
	free(line);
	return r;
}

static int
put_escaped(const struct printer *p, size_t len)
{
	char *safe = malloc(SHUNT_TEXT_ROOM(len));
	size_t n;
	int r;

	if (safe == NULL)
		return -ENOMEM;
	n = shunt_text_escape(safe, p->buf, len);
	safe[n] = '\n';
	r = out_write(safe, n + 1);
	free(safe);
	return r;
}

/* Its length, then the message; they lie one behind the other. */
static int
put_counted(struct printer *p, const void *msg, size_t len, size_t digits)
{
	if (digits < sizeof(uint64_t) && len > UINT32_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < digits; i++)
		p->buf[i] = (char)((uint64_t)len >> 8 * i);
	if (len > 0)
		memcpy(p->buf + digits, msg, len);
	return out_write(p->buf, digits + len);
}

static int
put(struct printer *p, const void *msg, size_t len, json_t *extra)
{
	int r = reserve(p, len + PREFIX_MOST);

	if (r < 0)
		return r;
	if (!p->json && !out_terminal() && p->framing == FRAMING_LENGTH)
		return put_counted(p, msg, len, 4);
	if (!p->json && !out_terminal() && p->framing == FRAMING_LENGTH8)
		return put_counted(p, msg, len, 8);
	if (len > 0)
		memcpy(p->buf, msg, len);
	if (p->json)
		return put_json(p, len, extra);
	if (out_terminal())
		return put_escaped(p, len);
	p->buf[len] = p->framing == FRAMING_NUL ? 0 : '\n';
	return out_write(p->buf, len + 1);
}

int
printer_put(struct printer *p, const void *msg, size_t len, json_t *extra)
{
	int r = put(p, msg, len, extra);

	json_decref(extra);
	return r;
}

void
printer_fini(struct printer *p)
{
	free(p->buf);
	p->buf = NULL;
	p->room = 0;
}

int
printer_refuse(const struct command *cmd, const char *name, int stays, int code)
{
	char where[600];

	if (code == -EINTR)
		return CLI_FAILED;
	if (stays)
		snprintf(where, sizeof(where), "the message stays in %s",
		    out_safe(name));
	else
		snprintf(where, sizeof(where),
		    "a message of %s was not printed", out_safe(name));
	if (code == -ENOMEM)
		return fail_say(cmd, "out of memory; %s", where);
	if (code == -EMSGSIZE)
		return fail_say(cmd,
		    "4 bytes cannot tell the length of a message, "
		    "--framing=length8 can; %s",
		    where);
	return fail_say(cmd, "standard output: %s; %s", strerror(-code), where);
}
