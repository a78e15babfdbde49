/* SPDX-License-Identifier: MIT */

/* What a benchmark came to: for people, and as a line of JSON. */

#include "suite.h"

void
judge(const struct bench *b, struct outcome *o)
{
	size_t n = (size_t)o->pairs;

	sort_figures(o->value, n);
	sort_figures(o->control, n);
	sort_figures(o->ratio, n);
	o->judged = percentile(b->control ? o->ratio : o->value, n, 0.5);
	o->ok = b->higher ? o->judged >= b->bar : o->judged <= b->bar;
}

/* A figure as JSON wants it: never an infinity, short where it can be. */
static void
put_number(const char *key, double v)
{
	printf(",\"%s\":%.6g", key, v);
}

static void
put_spread(const char *key, const double *v, int n)
{
	printf(",\"%s\":[%.6g,%.6g]", key, percentile(v, (size_t)n, 0.1),
	    percentile(v, (size_t)n, 0.9));
}

void
print_json(const struct bench *b, const struct outcome *o)
{
	size_t n = (size_t)o->pairs;

	printf("{\"bench\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"", b->name,
	    percentile(o->value, n, 0.5), b->unit);
	if (b->control) {
		printf(",\"control\":\"%s\"", b->control);
		put_number("control_value", percentile(o->control, n, 0.5));
		put_number("ratio", o->judged);
	} else
		printf(",\"control\":null,\"control_value\":null"
		       ",\"ratio\":null");
	put_number("bar", b->bar);
	printf(",\"better\":\"%s\",\"ok\":%s", b->higher ? "higher" : "lower",
	    o->ok ? "true" : "false");
	printf(",\"pairs\":%d", o->pairs);
	put_spread("spread", o->value, o->pairs);
	if (b->control) {
		put_spread("control_spread", o->control, o->pairs);
		put_spread("ratio_spread", o->ratio, o->pairs);
		put_number(
		    "ratio_of_medians", percentile(o->value, n, 0.5) /
					    percentile(o->control, n, 0.5));
	}
	for (int k = 0; k < EXTRAS; k++)
		if (b->extra[k])
			put_number(b->extra[k], median_of(o->extra[k], n));
	puts("}");
}

/* 12345678 reads badly: millions and thousands get their letter. */
static const char *
figure(double v)
{
	static char text[8][24];
	static int turn;
	char *out = text[turn = (turn + 1) % 8];

	if (v >= 1e6)
		snprintf(out, sizeof text[0], "%.2f M", v / 1e6);
	else if (v >= 1e4)
		snprintf(out, sizeof text[0], "%.1f k", v / 1e3);
	else if (v >= 100)
		snprintf(out, sizeof text[0], "%.0f", v);
	else
		snprintf(out, sizeof text[0], "%.3g", v);
	return out;
}

static void
print_spread(const char *label, const double *v, int n, const char *unit)
{
	size_t z = (size_t)n;

	printf("  %-10s %10s %-9s", label, figure(percentile(v, z, 0.5)), unit);
	if (n > 1)
		printf("  p10..p90 %s .. %s", figure(percentile(v, z, 0.1)),
		    figure(percentile(v, z, 0.9)));
	putchar('\n');
}

void
print_text(const struct bench *b, const struct outcome *o)
{
	size_t n = (size_t)o->pairs;

	print_spread("shunt", o->value, o->pairs, b->unit);
	if (b->control) {
		print_spread(b->control, o->control, o->pairs, b->unit);
		print_spread("ratio", o->ratio, o->pairs, "");
		printf("  %-10s %10s of medians; %d pairs; the median of their"
		       " ratios decides\n",
		    "",
		    figure(percentile(o->value, n, 0.5) /
			   percentile(o->control, n, 0.5)),
		    o->pairs);
	}
	for (int k = 0; k < EXTRAS; k++)
		if (b->extra[k])
			printf("  %-20s %s\n", b->extra[k],
			    figure(median_of(o->extra[k], n)));
	printf("  bar: %s %s   %s\n\n", b->higher ? "at least" : "at most",
	    figure(b->bar), o->ok ? "ok" : "MISSED");
}
