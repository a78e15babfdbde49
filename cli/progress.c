/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "out.h"
#include "progress.h"

#define NS_PER_S  INT64_C(1000000000)
#define DRAW_NS   (NS_PER_S / 10)
#define WAIT_NS   NS_PER_S /* until it is told that nothing moves */
#define BAR_LEAST 10
#define BAR_MOST  50
#define WIDE      512

struct line {
	char text[WIDE];
	int len;
};

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void add(struct line *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
add(struct line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(l->text + l->len, (size_t)(WIDE - l->len), fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len += n < WIDE - l->len ? n : WIDE - l->len - 1;
}

void
progress_start(struct progress *p, const char *name, uint64_t total, int wanted,
    int crowded)
{
	const char *term = getenv("TERM");
	int tty = isatty(STDERR_FILENO) == 1;

	*p = (struct progress){.name = name, .total = total};
	p->on = wanted > 0 || (wanted == 0 && tty && !crowded);
	p->erases = tty && term != NULL && strcmp(term, "dumb") != 0;
	p->began_ns = p->drawn_ns = p->moved_ns = now_ns();
}

/* Columns that a line may have, so that it never wraps. */
static int
columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 79;
	return size.ws_col > WIDE / 4 ? WIDE / 4 : size.ws_col - 1;
}

/* One write: what others print stands before it or behind it. */
static void
print(struct progress *p, struct line *l, int last)
{
	struct line out = {.len = 0};
	int width = out_width(l->text);

	add(&out, "\r%s", l->text);
	if (p->erases)
		add(&out, "\033[K");
	else if (p->columns > width)
		add(&out, "%*s", p->columns - width, "");
	if (last)
		add(&out, "\n");
	p->columns = width;
	p->shown = !last;
	if (write(STDERR_FILENO, out.text, (size_t)out.len) < 0)
		p->on = 0; /* nobody sees it */
}

/* "7s", "12:05", "3:00:00" */
static void
add_time(struct line *l, double seconds)
{
	long s = (long)(seconds + 0.5);

	if (s < 60)
		add(l, "%lds", s);
	else if (s < 3600)
		add(l, "%ld:%02ld", s / 60, s % 60);
	else
		add(l, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

/* Cut to what fits, never within a character. */
static void
add_name(struct line *l, const struct progress *p, int most)
{
	const char *name = out_safe(p->name);
	int len = (int)strlen(name);

	if (out_width(name) <= most) {
		add(l, "%s", name);
		return;
	}
	while (len > 0 && (len > most - 3 || (name[len] & 0xc0) == 0x80))
		len--;
	add(l, "%.*s...", len, name);
}

static void
add_bar(struct line *l, double part, int width)
{
	int full;

	if (width > BAR_MOST)
		width = BAR_MOST;
	if (width < BAR_LEAST)
		return;
	full = (int)(part * width);
	add(l, " [");
	for (int i = 0; i < width; i++)
		add(l, "%c", i < full ? '=' : i == full ? '>' : ' ');
	add(l, "]");
}

/* What stands behind the bar. */
static void
add_rest(struct line *l, const struct progress *p, const char *whom)
{
	if (whom != NULL) {
		add(l, "  waiting for %s", whom);
		return;
	}
	add(l, "  %s/s", out_size((uint64_t)p->rate));
	if (p->total == PROGRESS_UNKNOWN) {
		add(l, "  ");
		add_time(l, (double)(p->drawn_ns - p->began_ns) / NS_PER_S);
	} else if (p->rate >= 1) {
		add(l, "  ");
		add_time(l, (double)(p->total - p->moved) / p->rate);
		add(l, " left");
	}
}

static void
draw(struct progress *p, const char *whom)
{
	struct line l = {.len = 0}, rest = {.len = 0};
	int most = columns();

	add_name(&l, p, most / 3);
	add(&l, "  %s", out_size(p->moved));
	add_rest(&rest, p, whom);
	/* A file that grew while it is read is longer than it was. */
	if (p->total != PROGRESS_UNKNOWN && p->moved <= p->total) {
		double part =
		    p->total == 0 ? 1 : (double)p->moved / (double)p->total;
		add(&l, " of %s %3d%%", out_size(p->total), (int)(part * 100));
		add_bar(&l, part,
		    most - out_width(l.text) - out_width(rest.text) - 3);
	}
	if (out_width(l.text) + out_width(rest.text) <= most)
		add(&l, "%s", rest.text);
	print(p, &l, 0);
}

/* What moved since the last line, smoothed over about half a second. */
static void
learn(struct progress *p, int64_t now)
{
	double s = (double)(now - p->drawn_ns) / NS_PER_S;
	double rate = (double)(p->moved - p->drawn) / s;
	double weight = s > 0.5 ? 1 : s / 0.5;

	if (p->shown)
		p->rate += (rate - p->rate) * weight;
	else
		p->rate = rate;
	p->drawn = p->moved;
	p->drawn_ns = now;
}

void
progress_add(struct progress *p, uint64_t bytes)
{
	p->moved += bytes;
	if (!p->on)
		return;
	int64_t now = now_ns();
	p->moved_ns = now;
	if (now - p->drawn_ns < DRAW_NS)
		return;
	learn(p, now);
	draw(p, NULL);
}

void
progress_wait(struct progress *p, const char *whom)
{
	if (!p->on)
		return;
	int64_t now = now_ns();
	if (now - p->drawn_ns < DRAW_NS)
		return;
	learn(p, now);
	draw(p, now - p->moved_ns >= WAIT_NS ? whom : NULL);
}

void
progress_clear(struct progress *p)
{
	struct line l = {.len = 0};

	if (p->shown)
		print(p, &l, 0);
	if (p->shown && write(STDERR_FILENO, "\r", 1) < 0)
		p->on = 0;
	p->shown = 0;
}

void
progress_end(struct progress *p)
{
	struct line l = {.len = 0};
	double s = (double)(now_ns() - p->began_ns) / NS_PER_S;

	if (!p->on)
		return;
	add_name(&l, p, columns() / 3);
	add(&l, "  %s in ", out_size(p->moved));
	if (s < 10)
		add(&l, "%.1fs", s);
	else
		add_time(&l, s);
	if (s > 0)
		add(&l, "  %s/s", out_size((uint64_t)((double)p->moved / s)));
	print(p, &l, 1);
}
