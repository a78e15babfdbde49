/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fail.h"
#include "out.h"
#include "signals.h"
#include "watch.h"

/* Watching without a screen: a line for each change, for people or programs. */

#define SHOWN 8 /* bytes of a change that a line shows */

static int64_t
wall_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* "04:39:39.123 ": of the day, as whoever watches looks at a clock. */
static void
stamp(void)
{
	int64_t now = wall_now();
	const char *text = out_time(now), *day = strchr(text, ' ');

	printf("%s%s.%03d%s ", out_colour(OUT_CYAN),
	    day != NULL ? day + 1 : text, (int)(now / 1000000 % 1000),
	    out_colour(OUT_RESET));
}

static void
hex(const unsigned char *p, size_t len)
{
	for (size_t i = 0; i < len && i < SHOWN; i++)
		printf("%s%02x", i > 0 ? " " : "", p[i]);
	if (len > SHOWN)
		fputs("..", stdout);
}

static json_t *
hex_json(const unsigned char *p, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	json_t *value;
	char *text = malloc(2 * len + 1);

	if (text == NULL)
		return json_null();
	for (size_t i = 0; i < len; i++) {
		text[2 * i] = digits[p[i] >> 4];
		text[2 * i + 1] = digits[p[i] & 15];
	}
	value = json_stringn(text, 2 * len);
	free(text);
	return value;
}

json_t *
watch_cell_json(const struct layout_field *f, const unsigned char *bytes)
{
	char text[4096];
	size_t len;
	double v;

	switch (f->type) {
	case LAYOUT_SIGNED:
		return json_integer(layout_signed(f, bytes));
	case LAYOUT_UNSIGNED:
		return out_json_int(layout_unsigned(f, bytes));
	case LAYOUT_FLOAT:
		v = layout_float(f, bytes);
		return isfinite(v) ? json_real(v) : json_null();
	case LAYOUT_CHAR:
		len = strnlen((const char *)bytes, f->count);
		if (len >= sizeof(text))
			len = sizeof(text) - 1;
		memcpy(text, bytes, len);
		text[len] = 0;
		return out_json_text(text);
	case LAYOUT_HEX:
		return hex_json(bytes, f->count);
	}
	return json_null();
}

static json_t *
line_json(uint64_t off)
{
	json_t *o = json_object();

	json_object_set_new(o, "time_ns", json_integer(wall_now()));
	json_object_set_new(o, "offset", out_json_int(off));
	return o;
}

/* 1 if a change may be shown: `-n` counts them. */
static int
counts(struct watch *w)
{
	if (w->most > 0 && w->changes >= w->most)
		return 0;
	w->changes++;
	return 1;
}

static void
bytes_line(void *arg, uint64_t off, size_t len, const unsigned char *old,
    const unsigned char *now)
{
	struct watch *w = arg;
	json_t *o;

	if (!counts(w))
		return;
	if (w->json) {
		o = line_json(off);
		json_object_set_new(o, "old", hex_json(old, len));
		json_object_set_new(o, "new", hex_json(now, len));
		out_json(o, 0);
		return;
	}
	stamp();
	printf("%08" PRIx64 " ", off);
	hex(old, len);
	fputs(" -> ", stdout);
	hex(now, len);
	if (len > SHOWN)
		printf(" (%zu bytes)", len);
	putchar('\n');
}

static void
cell_line(struct watch *w, const struct layout_field *f, uint64_t i, size_t at)
{
	const unsigned char *old = w->view.bytes + at,
			    *now = w->view.fresh + at;
	char label[LAYOUT_TEXT], was[LAYOUT_TEXT], is[LAYOUT_TEXT];
	json_t *o;

	if (!counts(w))
		return;
	layout_label(f, i, label);
	if (w->json) {
		o = line_json(w->view.at + at);
		json_object_set_new(o, "field", json_string(label));
		json_object_set_new(o, "old", watch_cell_json(f, old));
		json_object_set_new(o, "new", watch_cell_json(f, now));
		out_json(o, 0);
		return;
	}
	layout_text(f, old, was);
	layout_text(f, now, is);
	stamp();
	printf("%s: %s -> %s", label, was, is);
	/* What stands behind a text's NUL, or is too long to be shown. */
	if (strcmp(was, is) == 0)
		fputs(" (other bytes of it changed)", stdout);
	putchar('\n');
}

/* Each cell whose bytes are not what they were. */
static void
field_lines(struct watch *w, size_t n)
{
	size_t both = n < w->view.len ? n : w->view.len, at;

	if (!w->view.known)
		return;
	for (size_t k = 0; k < w->layout.count; k++) {
		const struct layout_field *f = &w->layout.fields[k];

		for (uint64_t i = 0; i < layout_cells(f) && !f->quiet; i++) {
			if (!watch_cell(w, f, i, both, &at))
				break;
			if (memcmp(w->view.bytes + at, w->view.fresh + at,
				layout_cell_bytes(f)) != 0)
				cell_line(w, f, i, at);
		}
	}
}

static void
event_line(struct watch *w, enum watch_event event, uint64_t size)
{
	static const char *const words[] = {[WATCH_GONE] = "gone",
	    [WATCH_NEW] = "new",
	    [WATCH_RESIZED] = "resized",
	    [WATCH_CANNOT] = "unread"};
	json_t *o;

	if (!w->json) {
		stamp();
		puts(watch_event_text(w, event, size));
		return;
	}
	o = json_object();
	json_object_set_new(o, "time_ns", json_integer(wall_now()));
	json_object_set_new(o, "event", json_string(words[event]));
	if (w->file.there)
		json_object_set_new(o, "size", out_json_int(w->file.size));
	out_json(o, 0);
}

/* Not everything that happens is a line: the first look is none. */
static int
worth_a_line(const struct watch *w, enum watch_event event, int absent)
{
	switch (event) {
	case WATCH_SAME:
		return 0;
	case WATCH_NEW:
		return absent || w->seen > 1;
	case WATCH_GONE: /* the end of it all, unless we wait */
		return w->waits;
	case WATCH_RESIZED:
	case WATCH_CANNOT:
		break;
	}
	return 1;
}

static int
ended(const struct watch *w)
{
	if (w->seen == 0)
		return fail_cold(w->cmd, w->name, w->code);
	return fail_say(w->cmd, "%s: %s", out_safe(w->name),
	    w->code == -ENOENT ? "it was removed while it was watched"
			       : watch_event_text(w, WATCH_GONE, 0));
}

/* One look and its lines: -1 to go on, or the exit code. */
static int
look(struct watch *w)
{
	int absent = w->code != 0;
	uint64_t size;
	size_t n;
	enum watch_event event = watch_look(w, &n, &size);

	if (worth_a_line(w, event, absent))
		event_line(w, event, size);
	if (!w->file.there && !w->waits)
		return ended(w);
	if (!w->file.there && w->seen == 0 && !absent)
		fail_say(w->cmd, "%s: it is not there yet; waiting for it",
		    out_safe(w->name));
	if (!w->file.there || event == WATCH_CANNOT)
		return -1;
	if (w->layout.count > 0)
		field_lines(w, n);
	view_take(&w->view, n, w->layout.count > 0 ? NULL : bytes_line, w);
	return w->most > 0 && w->changes >= w->most ? CLI_DONE : -1;
}

int
watch_lines(struct watch *w)
{
	struct wait wait;
	int rc = -1;

	wait_start(&wait, w->timeout_ns != 0 ? w->timeout_ns : WAIT_FOREVER);
	for (;;) {
		int64_t began = view_now();

		rc = look(w);
		if (fflush(stdout) != 0 || ferror(stdout))
			return CLI_FAILED;
		if (rc >= 0 || signals_stopped())
			return rc >= 0 ? rc : CLI_DONE;
		if (wait_over(&wait))
			return CLI_TIMEOUT;
		watch_pause(w->interval_ns, began);
	}
}
