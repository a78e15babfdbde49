/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "out.h"
#include "screen.h"
#include "watch_draw.h"

/* Three rows of who and what, the fields, the bytes, a row of keys. */

#define NS_PER_S INT64_C(1000000000)
#define HEAD     3

static enum screen_ink
age_ink(int64_t age_ns, enum screen_ink otherwise)
{
	if (age_ns < 0 || age_ns >= 15 * NS_PER_S)
		return otherwise;
	return age_ns < NS_PER_S       ? INK_HOT
	       : age_ns < 5 * NS_PER_S ? INK_WARM
				       : INK_COOL;
}

static void
draw_title(const struct watch_screen *s)
{
	const struct watch *w = s->w;
	const struct shunt_segment_info *info = &w->info;
	char text[1024];
	int n = snprintf(text, sizeof(text), " %.600s", out_safe(w->name));

	if (w->file.there && w->info_code >= 0)
		snprintf(text + n, sizeof(text) - (size_t)n,
		    "  %s  %s  %" PRIu64 " bytes, %s used  %s  %04o",
		    look_kind(info->kind), look_state(info->state),
		    w->file.size, out_size(info->used), out_user(info->uid),
		    info->mode);
	screen_bar(0, INK_BAR, text);
}

static void
draw_users(const struct watch_screen *s)
{
	const struct watch *w = s->w;
	int col = screen_put(1, 1, 0, INK_DIM, "attached ");

	if (!w->file.there || w->info_code < 0)
		screen_put(1, col, 0, INK_PLAIN, "?");
	else if (w->users.count > 0)
		screen_put(1, col, 0, INK_PLAIN, look_users_text(&w->users));
	else if (w->info.attached > 0)
		screen_printf(1, col, INK_PLAIN,
		    "%" PRIu64 " that cannot be seen from here",
		    w->info.attached);
	else if (w->info.state == SHUNT_STATE_LIVE)
		screen_put(1, col, 0, INK_PLAIN,
		    "somebody who cannot be seen from here");
	else
		screen_put(1, col, 0, INK_PLAIN, "nobody");
}

/* "0.3 s", "12 s", "3m": tenths matter while they are few. */
static const char *
span(int64_t ns)
{
	static char text[2][48];
	static unsigned turn;
	char *to = text[turn++ % 2];

	if (ns < 10 * NS_PER_S)
		snprintf(to, sizeof(text[0]), "%d.%d s", (int)(ns / NS_PER_S),
		    (int)(ns % NS_PER_S / (NS_PER_S / 10)));
	else
		snprintf(to, sizeof(text[0]), "%s", out_span(ns));
	return to;
}

static void
draw_state(const struct watch_screen *s)
{
	const struct watch *w = s->w;
	const struct view *v = &w->view;
	int col = 1;

	if (s->paused)
		col = screen_put(2, col, 0, INK_WARN, " PAUSED ") + 1;
	if (!w->file.there) {
		col = screen_printf(2, col, INK_BAD, " %s %s ago ",
		    w->since_ns == 0 ? "not there yet" : s->event_text,
		    span(s->now_ns -
			 (w->since_ns == 0 ? s->begun_ns : w->since_ns)));
		screen_put(2, col, 0, INK_PLAIN,
		    " its last bytes are below; waiting for it");
		return;
	}
	if (s->event_text[0] != 0 && s->now_ns - w->since_ns < 10 * NS_PER_S)
		col =
		    screen_printf(2, col, INK_WARN, " %s ", s->event_text) + 1;
	col = screen_put(2, col, 0, INK_DIM, "changed  ");
	if (v->last_ns == 0)
		screen_printf(2, col, INK_PLAIN, "never in these %s",
		    span(s->now_ns - s->begun_ns));
	else
		screen_printf(2, col, INK_PLAIN,
		    "%s ago at %08" PRIx64 ", %" PRIu64 " change%s seen",
		    span(s->now_ns - v->last_ns), v->last, w->changes,
		    w->changes == 1 ? "" : "s");
}

/* The time since the youngest byte of a cell changed, or -1. */
static int64_t
cell_age(const struct watch_screen *s, const struct layout_field *f, size_t at)
{
	const struct view *v = &s->w->view;
	int64_t youngest = -1;

	for (uint64_t k = 0; k < layout_cell_bytes(f); k++) {
		int64_t age = view_age(v, v->at + at + k, s->now_ns);

		if (age >= 0 && (youngest < 0 || age < youngest))
			youngest = age;
	}
	return youngest;
}

static void
draw_cell(const struct watch_screen *s, int row, const struct layout_field *f,
    uint64_t i, int names)
{
	char text[LAYOUT_TEXT];
	int col;
	size_t at;

	col = screen_printf(row, 1, INK_DIM, "%08" PRIx64 "  ",
	    s->w->at + layout_cell_at(f, i));
	layout_label(f, i, text);
	screen_put(row, col, col + names, INK_PLAIN, text);
	col += names + 2;
	if (!watch_cell(s->w, f, i, s->w->view.len, &at)) {
		screen_put(row, col, 0, INK_DIM, "past what is watched");
		return;
	}
	layout_text(f, s->w->view.bytes + at, text);
	screen_put(row, col, 0, age_ink(cell_age(s, f, at), INK_PLAIN), text);
}

/* Columns for labels: the widest one, within reason. */
static int
label_width(const struct layout *l)
{
	char text[LAYOUT_TEXT];
	size_t widest = 4;

	for (size_t k = 0; k < l->count; k++) {
		layout_label(
		    &l->fields[k], layout_cells(&l->fields[k]) - 1, text);
		if (!l->fields[k].quiet && strlen(text) > widest)
			widest = strlen(text);
	}
	return widest < 28 ? (int)widest : 28;
}

static void
draw_fields(const struct watch_screen *s, int row)
{
	const struct layout *l = &s->w->layout;
	int names = label_width(l), left = s->field_rows;
	uint64_t skip = s->cell, last = s->cell + (uint64_t)s->field_rows;

	screen_printf(row++, 1, s->fields ? INK_BOLD : INK_DIM,
	    "fields %" PRIu64 "-%" PRIu64 " of %" PRIu64 "%s", s->cell + 1,
	    last < s->cells ? last : s->cells, s->cells,
	    s->fields || s->cells <= (uint64_t)s->field_rows ? "" : "  (Tab)");
	for (size_t k = 0; k < l->count && left > 0; k++) {
		const struct layout_field *f = &l->fields[k];
		uint64_t n = f->quiet ? 0 : layout_cells(f);

		if (skip >= n) {
			skip -= n;
			continue;
		}
		for (uint64_t i = skip; i < n && left > 0; i++, left--)
			draw_cell(s, row++, f, i, names);
		skip = 0;
	}
}

static int
offset_digits(const struct watch_screen *s)
{
	int n = 8;

	while (n < 16 && s->w->file.size >> (4 * n) != 0)
		n++;
	return n;
}

static enum screen_ink
byte_ink(const struct watch_screen *s, uint64_t off, unsigned char c)
{
	enum screen_ink ink =
	    age_ink(view_age(&s->w->view, off, s->now_ns), INK_PLAIN);

	if (ink == INK_HOT)
		return ink;
	if (off >= s->found && off - s->found < s->found_len)
		return INK_BAR;
	return ink == INK_PLAIN && c == 0 ? INK_DIM : ink;
}

static void
draw_row(const struct watch_screen *s, int row, uint64_t off, int digits)
{
	const struct view *v = &s->w->view;
	int hex, text;

	hex = screen_printf(row, 1, INK_DIM, "%0*" PRIx64, digits, off) + 1;
	text = hex + (int)s->per_row * 3 + ((int)s->per_row + 7) / 8 + 1;
	for (unsigned k = 0; k < s->per_row; k++, off++) {
		char byte[4], shown[2] = {0};
		enum screen_ink ink;
		unsigned char c;

		if (off < v->at || off - v->at >= v->len)
			break;
		c = v->bytes[off - v->at];
		ink = byte_ink(s, off, c);
		hex += k % 8 == 0 && k > 0 ? 2 : 1;
		snprintf(byte, sizeof(byte), "%02x", c);
		hex = screen_put(row, hex, 0, ink, byte);
		shown[0] = c >= 0x20 && c < 0x7f ? (char)c : '.';
		screen_put(row, text + (int)k, 0, ink, shown);
	}
}

static void
draw_bytes(const struct watch_screen *s, int row)
{
	uint64_t size = s->w->file.size, off = s->top;
	uint64_t end = s->top + (uint64_t)s->byte_rows * s->per_row;
	int digits = offset_digits(s);

	if (s->w->view.len == 0) {
		screen_put(row, 1, 0, INK_DIM, "no bytes");
		return;
	}
	if (end > size)
		end = size;
	screen_printf(row++, 1, s->fields ? INK_DIM : INK_BOLD,
	    "bytes %" PRIx64 "-%" PRIx64 " of %" PRIx64 "%s", off,
	    end > 0 ? end - 1 : 0, size,
	    size > VIEW_MOST ? "  (16M around them are watched)" : "");
	for (int i = 0; i < s->byte_rows && off < end; i++) {
		draw_row(s, row++, off, digits);
		off += s->per_row;
	}
}

/* The largest power of two of bytes that a row has room for. */
static unsigned
bytes_per_row(const struct watch_screen *s)
{
	int room = screen_cols() - 1 - offset_digits(s) - 3;

	for (unsigned n = 32; n > 4; n /= 2)
		if ((int)(4 * n + n / 8) <= room)
			return n;
	return 4;
}

static uint64_t
count_cells(const struct layout *l)
{
	uint64_t n = 0;

	for (size_t k = 0; k < l->count; k++)
		n += l->fields[k].quiet ? 0 : layout_cells(&l->fields[k]);
	return n;
}

/* How the rows are shared out, and what can be on top then. */
static void
arrange(struct watch_screen *s)
{
	int body = screen_rows() - HEAD - 1;
	uint64_t shown, most;

	s->per_row = bytes_per_row(s);
	s->cells = count_cells(&s->w->layout);
	s->field_rows = 0;
	if (s->cells > 0) {
		int room = body > 6 ? (body - 2) * 3 / 5 : body - 3;

		s->field_rows = s->cells < (uint64_t)(room > 0 ? room : 0)
				    ? (int)s->cells
				: room > 1 ? room
					   : 1;
		body -= s->field_rows + 1;
	}
	s->byte_rows = body > 2 ? body - 1 : 1;
	most = s->cells > (uint64_t)s->field_rows
		   ? s->cells - (uint64_t)s->field_rows
		   : 0;
	if (s->cell > most)
		s->cell = most;
	shown = (uint64_t)s->byte_rows * s->per_row;
	most = 0;
	if (s->w->file.size > shown)
		most = (s->w->file.size - shown + s->per_row - 1) / s->per_row *
		       s->per_row;
	if (s->top > most)
		s->top = most;
}

static void
draw_foot(const struct watch_screen *s)
{
	int row = screen_rows() - 1;
	char text[256];

	if (s->typing != 0)
		snprintf(text, sizeof(text), " %s: %s_",
		    s->typing == 'g' ? "offset" : "text, or 0x bytes",
		    s->typed);
	else if (s->said[0] != 0)
		snprintf(text, sizeof(text), " %s", s->said);
	else
		snprintf(text, sizeof(text),
		    " q quit  ? keys  arrows  g offset  / search  "
		    "n next change  space %s",
		    s->paused ? "go on" : "pause");
	screen_bar(row, INK_BAR, text);
}

static void
draw_help(void)
{
	static const char *const lines[] = {
	    "arrows           a row up or down, a byte left or right",
	    "PgUp PgDn        a page; Home End: the first and last bytes",
	    "g                go to an offset: 4096, 4K or 0x1000",
	    "n                the next byte that changed since this began",
	    "/                look for text, or 0x01ff for bytes; empty: again",
	    "Tab              scroll the fields, or the bytes",
	    "space            pause: look no more; go on",
	    "Ctrl-L           draw anew",
	    "q                quit",
	    "",
	};
	static const struct {
		enum screen_ink ink;
		const char *text;
	} inks[] = {{INK_HOT, "changed within a second"},
	    {INK_WARM, "within five"}, {INK_COOL, "within fifteen"},
	    {INK_DIM, "00: a zero that is at rest"}};
	int row = HEAD, n = (int)(sizeof(lines) / sizeof(lines[0]));

	for (int i = 0; i < n; i++)
		screen_put(row++, 2, 0, INK_PLAIN, lines[i]);
	for (size_t i = 0; i < sizeof(inks) / sizeof(inks[0]); i++)
		screen_put(row++, 2, 0, inks[i].ink, inks[i].text);
	screen_put(++row, 2, 0, INK_DIM, "Any key goes back.");
}

void
watch_draw(struct watch_screen *s)
{
	int row = HEAD;

	screen_begin();
	arrange(s);
	draw_title(s);
	draw_users(s);
	draw_state(s);
	if (s->help)
		draw_help();
	else {
		if (s->cells > 0) {
			draw_fields(s, row);
			row += s->field_rows + 1;
		}
		draw_bytes(s, row);
	}
	draw_foot(s);
	screen_end();
}
