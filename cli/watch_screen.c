/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "screen.h"
#include "signals.h"
#include "watch_draw.h"

/* The loop of the screen: a look, a drawing, a key. */

#define NS_PER_S INT64_C(1000000000)
#define SLICE_NS (NS_PER_S / 5) /* ages are drawn anew, signals are seen */

static void
look(struct watch_screen *s)
{
	struct watch *w = s->w;
	int ever = w->since_ns != 0;
	enum watch_event event;
	uint64_t size;
	size_t n;

	event = watch_look(w, &n, &size);
	if (event != WATCH_SAME && (ever || event != WATCH_NEW)) {
		s->event = event;
		snprintf(s->event_text, sizeof(s->event_text), "%.150s",
		    watch_event_text(w, event, size));
	}
	if (w->file.there && event != WATCH_CANNOT)
		w->changes += view_take(&w->view, n, NULL, NULL);
}

/* Of a large segment only a part is watched: the one around what is shown. */
static void
follow(struct watch_screen *s)
{
	struct view *v = &s->w->view;
	uint64_t end = s->top + (uint64_t)s->byte_rows * s->per_row;
	uint64_t size = s->w->file.size;

	if (!s->w->file.there || size <= VIEW_MOST)
		return;
	if (end > size)
		end = size;
	if (s->top >= v->at && end <= v->at + VIEW_MOST)
		return;
	view_move(
	    v, s->top > VIEW_MOST / 2 ? s->top - VIEW_MOST / 2 : 0, VIEW_MOST);
	look(s);
}

/* Brings a byte onto the screen, a third down if it was outside. */
static void
show(struct watch_screen *s, uint64_t off)
{
	uint64_t rows = (uint64_t)s->byte_rows, above = rows / 3 * s->per_row;

	s->fields = 0;
	if (off >= s->top && off < s->top + rows * s->per_row)
		return;
	s->top = off / s->per_row * s->per_row;
	s->top = s->top > above ? s->top - above : 0;
}

static void
say(struct watch_screen *s, const char *text)
{
	snprintf(s->said, sizeof(s->said), "%s", text);
}

static void
go_change(struct watch_screen *s)
{
	const struct view *v = &s->w->view;
	uint64_t from = s->found + 1, off;
	int64_t age;

	if (s->found == UINT64_MAX)
		from = s->top;
	/* The rest of the run that we are in is no other change. */
	while (from > v->at && view_age(v, from, s->now_ns) >= 0 &&
	       view_age(v, from - 1, s->now_ns) >= 0)
		from++;
	off = view_next(v, from);
	if (off == UINT64_MAX)
		off = view_next(v, v->at);
	if (off == UINT64_MAX) {
		say(s, "nothing has changed yet");
		return;
	}
	s->found = off;
	s->found_len = 1;
	show(s, off);
	age = view_age(v, off, s->now_ns);
	snprintf(s->said, sizeof(s->said),
	    "the byte at %08" PRIx64 " changed %" PRId64 " s ago; n: the next",
	    off, age / NS_PER_S);
}

static void
go_offset(struct watch_screen *s)
{
	uint64_t off;

	if (args_bytes(s->typed, &off) < 0)
		say(s, "that is no offset: write 4096, 4K or 0x1000");
	else if (off >= s->w->file.size)
		say(s, "that is past the end");
	else {
		s->fields = 0;
		s->found = off;
		s->found_len = 1;
		s->top = off / s->per_row * s->per_row;
	}
}

/* "0x01ff" is two bytes, all else is text; the number of bytes. */
static size_t
pattern(const char *text, unsigned char *out)
{
	size_t len = strlen(text), n = 0;

	if (len >= 4 && len % 2 == 0 && text[0] == '0' && text[1] == 'x' &&
	    strspn(text + 2, "0123456789abcdefABCDEF") == len - 2) {
		for (size_t i = 2; i < len; i += 2) {
			const char pair[3] = {text[i], text[i + 1], 0};

			out[n++] = (unsigned char)strtoul(pair, NULL, 16);
		}
		return n;
	}
	memcpy(out, text, len);
	return len;
}

static void
go_search(struct watch_screen *s)
{
	const struct view *v = &s->w->view;
	unsigned char want[sizeof(s->sought)];
	size_t n, from = 0;
	const unsigned char *at = NULL;

	if (s->typed[0] != 0)
		snprintf(s->sought, sizeof(s->sought), "%s", s->typed);
	n = pattern(s->sought, want);
	if (n == 0)
		return;
	if (s->found != UINT64_MAX && s->found + 1 > v->at)
		from = (size_t)(s->found + 1 - v->at);
	if (from < v->len)
		at = memmem(v->bytes + from, v->len - from, want, n);
	if (at == NULL && v->len > 0)
		at = memmem(v->bytes, v->len, want, n);
	if (at == NULL) {
		say(s, "there is nothing like it in the bytes watched");
		return;
	}
	s->found = v->at + (uint64_t)(at - v->bytes);
	s->found_len = n;
	show(s, s->found);
}

static void
typed(struct watch_screen *s, int key)
{
	int r = screen_typed(s->typed, sizeof(s->typed), key);

	if (r == 0)
		return;
	if (r > 0 && s->typing == 'g' && s->typed[0] != 0)
		go_offset(s);
	else if (r > 0 && s->typing == '/')
		go_search(s);
	s->typing = 0;
}

/* @steps of @size back (negative) or on; drawing keeps it within the end. */
static void
scroll(uint64_t *at, int64_t steps, uint64_t size)
{
	uint64_t by = (uint64_t)(steps < 0 ? -steps : steps) * size;

	if (steps < 0)
		*at = *at > by ? *at - by : 0;
	else
		*at += by;
}

static void
scroll_key(struct watch_screen *s, int key)
{
	uint64_t *at = s->fields ? &s->cell : &s->top;
	uint64_t unit = s->fields ? 1 : s->per_row;
	int page = s->fields ? s->field_rows : s->byte_rows;

	/* The next change is the next one from here. */
	s->found = UINT64_MAX;
	switch (key) {
	case SCREEN_UP:
		scroll(at, -1, unit);
		break;
	case SCREEN_DOWN:
		scroll(at, 1, unit);
		break;
	case SCREEN_LEFT:
		scroll(at, -1, 1);
		break;
	case SCREEN_RIGHT:
		scroll(at, 1, 1);
		break;
	case SCREEN_PAGE_UP:
		scroll(at, -page, unit);
		break;
	case SCREEN_PAGE_DOWN:
		scroll(at, page, unit);
		break;
	case SCREEN_HOME:
		*at = 0;
		break;
	case SCREEN_END:
		*at = s->fields ? s->cells : s->w->file.size;
		break;
	}
}

/* 0 to end. */
static int
pressed(struct watch_screen *s, int key)
{
	s->said[0] = 0;
	if (key == SCREEN_RESIZED)
		return 1;
	if (s->typing != 0) {
		typed(s, key);
		return 1;
	}
	if (s->help) {
		s->help = 0;
		return 1;
	}
	switch (key) {
	case 'q':
	case 'Q':
		return 0;
	case '?':
	case 'h':
		s->help = 1;
		break;
	case ' ':
		s->paused = !s->paused;
		break;
	case '\t':
		s->fields = s->cells > 0 && !s->fields;
		break;
	case 'n':
		go_change(s);
		break;
	case 'g':
	case '/':
		s->typing = key;
		s->typed[0] = 0;
		break;
	default:
		scroll_key(s, key);
	}
	return 1;
}

static void
loop(struct watch_screen *s)
{
	int64_t next = 0, who = 0;
	int key, on = 1;

	while (on && !signals_stopped()) {
		int64_t now = view_now();

		if (!s->paused && now >= next) {
			look(s);
			s->now_ns = view_now();
			/* A look may take a tenth of the time at most. */
			next = now + s->w->interval_ns;
			if (next < s->now_ns + 9 * (s->now_ns - now))
				next = s->now_ns + 9 * (s->now_ns - now);
		}
		if (!s->paused)
			s->now_ns = view_now();
		if (!s->paused && now >= who) {
			int64_t began = view_now();

			watch_who(s->w);
			who = view_now();
			who += NS_PER_S + 9 * (who - began);
		}
		follow(s);
		watch_draw(s);
		now = view_now();
		key = screen_key(
		    s->paused || next - now > SLICE_NS ? SLICE_NS : next - now);
		if (key == SCREEN_LOST)
			break;
		if (key != SCREEN_NONE)
			on = pressed(s, key);
	}
}

int
watch_screen(struct watch *w)
{
	struct watch_screen s = {.w = w,
	    .top = w->at & ~UINT64_C(15),
	    .found = UINT64_MAX,
	    .begun_ns = view_now()};

	if (screen_open() < 0)
		return -1;
	loop(&s);
	screen_close();
	return CLI_DONE;
}
