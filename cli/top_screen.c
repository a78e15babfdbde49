/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "look.h"
#include "out.h"
#include "screen.h"
#include "signals.h"
#include "top.h"

/* The screen of top: totals, a row each, keys below. */

#define SLICE_NS INT64_C(200000000)
#define HEAD     3 /* rows above the table */
#define WIDE     110

struct screen {
	struct top *top;
	size_t first, chosen;
	int paused, help;
	int failed; /* a code of the last look */
};

static const char *const keys[TOP_KEYS] = {
    "messages/s", "used", "size", "users", "name"};

static enum screen_ink
ink_of(const struct shunt_segment_info *info)
{
	switch (info->state) {
	case SHUNT_STATE_LIVE:
		return INK_GOOD;
	case SHUNT_STATE_ORPHAN:
		return INK_BAD;
	case SHUNT_STATE_HELD:
		return INK_WARN;
	case SHUNT_STATE_UNKNOWN:
		return INK_DIM;
	}
	return INK_PLAIN;
}

/* @text at the right of @width columns, which end before @col. */
static void
right(int row, int col, int width, enum screen_ink ink, const char *text)
{
	int len = out_width(text);

	screen_put(row, col - (len < width ? len : width), col, ink, text);
}

static void
draw_head(const struct screen *s)
{
	struct top_sum sum = top_sum(s->top);
	char text[200];

	snprintf(text, sizeof(text),
	    " shunt top   %zu segments   %s   %s used   %s/s   by %s%s%s",
	    s->top->list.count, out_size(sum.size), out_size(sum.used),
	    out_size((uint64_t)sum.bytes_per_s), keys[s->top->key],
	    s->top->reverse ? ", reversed" : "", s->paused ? "   PAUSED" : "");
	screen_bar(0, INK_BAR, text);
	if (s->failed < 0)
		screen_printf(1, 1, INK_BAD, "the last look failed: %s",
		    shunt_error_detail());
	else if (sum.orphans != 0)
		screen_printf(1, 1, INK_WARN,
		    "%llu orphans, provably nobody's: shunt clean",
		    (unsigned long long)sum.orphans);
	else
		screen_printf(1, 1, INK_DIM, "%llu live, the others idle",
		    (unsigned long long)sum.live);
}

/* Where columns end, from the right edge; the name takes what is left. */
enum {
	C_DROPS,
	C_LAG,
	C_DEPTH,
	C_RATE,
	C_USERS,
	C_GROWN,
	C_USED,
	C_SIZE,
	C_STATE,
	C_KIND,
	C_COUNT
};
static const int widths[C_COUNT] = {7, 8, 7, 10, 6, 7, 7, 7, 8, 10};
static const char *const titles[C_COUNT] = {"DROPS", "LAG", "DEPTH", "MSGS/S",
    "USERS", "CHANGE", "USED", "SIZE", "STATE", "KIND"};

/* Narrow screens leave out what is at the right, and growth. */
static int
shown(int column)
{
	if (screen_cols() >= WIDE)
		return 1;
	return column != C_DROPS && column != C_LAG && column != C_GROWN;
}

static int
name_width(void)
{
	int width = screen_cols();

	for (int c = 0; c < C_COUNT; c++)
		if (shown(c))
			width -= widths[c];
	return width > 8 ? width : 8;
}

static void
cell(int row, int *col, int column, enum screen_ink ink, const char *text)
{
	if (!shown(column))
		return;
	if (column == C_STATE || column == C_KIND)
		screen_put(row, *col + 1, *col + widths[column], ink, text);
	else
		right(
		    row, *col + widths[column], widths[column] - 1, ink, text);
	*col += widths[column];
}

static void
draw_titles(void)
{
	int col = name_width();

	screen_put(2, 0, 0, INK_BOLD, "NAME");
	for (int c = C_COUNT - 1; c >= 0; c--)
		cell(2, &col, c, INK_BOLD, titles[c]);
}

static const char *
number(uint64_t n)
{
	static char text[8][24];
	static unsigned turn;
	char *out = text[turn++ % 8];

	if (n >= 1000000)
		return out_size(n);
	snprintf(out, sizeof(text[0]), "%llu", (unsigned long long)n);
	return out;
}

static void
draw_row(const struct screen *s, int row, const struct top_row *r, int chosen)
{
	const struct shunt_segment_info *info = &r->entry->info;
	int lanes = look_has_lanes(info->kind), more, col = name_width();
	enum screen_ink plain = chosen ? INK_BAR : INK_PLAIN;
	enum screen_ink ink = chosen ? INK_BAR : ink_of(info);
	const char *state = ls_state(info);
	char users[24];

	if (chosen)
		screen_bar(row, INK_BAR, "");
	uint64_t n = ls_users(info, &more);
	snprintf(users, sizeof(users), "%llu%s", (unsigned long long)n,
	    more ? "+" : "");
	screen_put(row, 0, col - 1, chosen ? INK_BAR : INK_PLAIN, info->name);
	cell(row, &col, C_KIND, plain, ls_kind(info));
	cell(row, &col, C_STATE, ink,
	    info->state == SHUNT_STATE_HELD ? "held" : state);
	cell(row, &col, C_SIZE, plain, out_size(info->size));
	cell(row, &col, C_USED, plain, out_size(info->used));
	cell(row, &col, C_GROWN, chosen ? INK_BAR : INK_HOT, top_grown(r));
	cell(row, &col, C_USERS, plain, users);
	cell(row, &col, C_RATE, plain, top_rate(s->top, r));
	cell(row, &col, C_DEPTH, plain, lanes ? number(info->depth) : "-");
	cell(row, &col, C_LAG, plain, lanes ? out_size(info->unread) : "-");
	cell(row, &col, C_DROPS,
	    chosen            ? INK_BAR
	    : r->dropped != 0 ? INK_BAD
			      : INK_PLAIN,
	    info->kind == SHUNT_KIND_LOG || info->kind == SHUNT_KIND_TOPIC
		? number(info->dropped)
		: "-");
}

static void
draw_help(void)
{
	static const char *const lines[] = {
	    "m u s p n  order by messages/s, used, size, processes, name",
	    "r          the other way round",
	    "up down    choose a row; page up, page down, home, end",
	    "space      stop looking, go on", "q          end", "",
	    "USED       memory it really takes     CHANGE  since the last look",
	    "DEPTH      messages that wait; of a topic those still there",
	    "LAG        bytes that wait, or the slowest subscriber is behind",
	    "MSGS/S     messages a second; of a stream bytes: B",
	    "STATE      live: somebody has it; idle: nobody has; orphan:",
	    "           provably nobody's; held: without a name, still in use",
	    "", "any key goes back"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		screen_put((int)i + 2, 2, 0, INK_PLAIN, lines[i]);
}

static size_t
table_rows(void)
{
	int rows = screen_rows() - HEAD - 1;

	return rows > 1 ? (size_t)rows : 1;
}

/* The chosen row stays on the screen, and within the table. */
static void
settle(struct screen *s)
{
	size_t n = s->top->list.count, rows = table_rows();

	if (s->chosen >= n)
		s->chosen = n > 0 ? n - 1 : 0;
	if (s->first > s->chosen)
		s->first = s->chosen;
	if (s->chosen >= s->first + rows)
		s->first = s->chosen - rows + 1;
}

static void
draw(struct screen *s)
{
	screen_begin();
	settle(s);
	draw_head(s);
	if (s->help) {
		draw_help();
	} else {
		draw_titles();
		for (size_t i = 0; i < table_rows(); i++) {
			size_t at = s->first + i;

			if (at < s->top->list.count)
				draw_row(s, HEAD + (int)i, &s->top->rows[at],
				    at == s->chosen);
		}
		if (s->top->list.count == 0)
			screen_put(HEAD + 1, 2, 0, INK_DIM,
			    "There is no shared memory that can be seen from "
			    "here.");
	}
	screen_bar(screen_rows() - 1, INK_BAR,
	    " m u s p n order   r reverse   space pause   ? help   q end");
	screen_end();
}

static void
order(struct screen *s, enum top_key key)
{
	s->top->key = key;
	s->first = s->chosen = 0;
	top_sort(s->top);
}

static void
move(struct screen *s, int key)
{
	size_t page = table_rows(), last = s->top->list.count;

	if (key == SCREEN_UP && s->chosen > 0)
		s->chosen--;
	else if (key == SCREEN_DOWN && s->chosen + 1 < last)
		s->chosen++;
	else if (key == SCREEN_PAGE_UP)
		s->chosen = s->chosen > page ? s->chosen - page : 0;
	else if (key == SCREEN_PAGE_DOWN)
		s->chosen += page;
	else if (key == SCREEN_HOME)
		s->chosen = 0;
	else if (key == SCREEN_END)
		s->chosen = last;
}

/* 0 to end. */
static int
pressed(struct screen *s, int key)
{
	static const char letters[] = "muspn"; /* as enum top_key */
	const char *at = key > 0 && key < 128 ? strchr(letters, key) : NULL;

	if (key == 'q' || key == 'Q' || key == SCREEN_LOST)
		return 0;
	if (s->help && key != SCREEN_RESIZED) {
		s->help = 0;
		return 1;
	}
	if (at != NULL)
		order(s, (enum top_key)(at - letters));
	else if (key == 'r') {
		s->top->reverse = !s->top->reverse;
		top_sort(s->top);
	} else if (key == ' ')
		s->paused = !s->paused;
	else if (key == '?' || key == 'h')
		s->help = 1;
	else
		move(s, key);
	return 1;
}

static void
loop(struct screen *s)
{
	int64_t next = 0;
	int on = 1;

	while (on && !signals_stopped()) {
		int64_t now = top_now(), wait;
		int key;

		if (!s->paused && now >= next) {
			s->failed = top_look(s->top);
			/* Looking takes a fifth of the time at most. */
			next = now + s->top->interval_ns;
			if (next < top_now() + 4 * s->top->took_ns)
				next = top_now() + 4 * s->top->took_ns;
		}
		draw(s);
		wait = s->paused ? SLICE_NS : next - top_now();
		key = screen_key(wait < 0          ? 0
				 : wait > SLICE_NS ? SLICE_NS
						   : wait);
		if (key != SCREEN_NONE)
			on = pressed(s, key);
	}
}

int
top_screen(struct top *top)
{
	struct screen s = {.top = top};

	if (screen_open() < 0)
		return -1;
	loop(&s);
	screen_close();
	return signals_stopped() ? signals_reraise(CLI_DONE) : CLI_DONE;
}
