/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "bench.h"

/* Rows as lines of JSON, and as tables with a column for each size. */

#define COLUMNS 8

void
bench_size_text(char *out, size_t room, size_t size)
{
	if (size >= 1048576 && size % 1048576 == 0)
		snprintf(out, room, "%zuM", size / 1048576);
	else if (size >= 1024 && size % 1024 == 0)
		snprintf(out, room, "%zuK", size / 1024);
	else
		snprintf(out, room, "%zu", size);
}

static int
print_line(json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(5));

	json_decref(o);
	if (text == NULL)
		return -1;
	puts(text);
	free(text);
	return fflush(stdout);
}

static void
add_figures(json_t *o, const struct bench_row *row)
{
	const struct bench_result *r = &row->result;

	if (row->cell.trips) {
		json_object_set_new(o, "p50_ns", json_real(r->p50));
		json_object_set_new(o, "p99_ns", json_real(r->p99));
		json_object_set_new(o, "p999_ns", json_real(r->p999));
		json_object_set_new(o, "max_ns", json_real(r->max));
	} else {
		json_object_set_new(o, "rate", json_real(r->rate));
		json_object_set_new(o, "bytes_per_s",
		    json_real(r->rate * (double)row->cell.size));
	}
	json_object_set_new(o, "cpu_ns", json_real(r->cpu_ns));
	json_object_set_new(
	    o, "messages", json_integer((json_int_t)r->messages));
	json_object_set_new(o, "descriptors", json_integer(r->descriptors));
	json_object_set_new(o, "files", json_integer(r->files));
	json_object_set_new(o, "control", json_string(row->control->id));
	json_object_set_new(o, "control_before", json_real(row->before));
	json_object_set_new(o, "control_after", json_real(row->after));
	json_object_set_new(o, "ratio", json_real(row->ratio));
	json_object_set_new(
	    o, "ratio_means", json_string(bench_ratio_means(row)));
	json_object_set_new(o, "tries", json_integer(row->tries));
	json_object_set_new(o, "steady", json_boolean(row->steady));
}

int
bench_json_row(const struct bench_row *row)
{
	const struct bench_cell *c = &row->cell;
	const unsigned can = row->driver->can;
	json_t *o;

	o = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:b, s:b}", "row",
	    c->trips ? "trips" : "flood", "name", row->driver->id, "pattern",
	    bench_pattern(c), "mode", c->sleeping ? "sleeping" : "polling",
	    "size", (int)c->size, "state",
	    row->skipped ? "skipped"
	    : row->ok    ? "ok"
			 : "failed",
	    "each_gets_all", (can & BENCH_EACH) != 0, "in_place",
	    (can & BENCH_IN_PLACE) != 0);
	if (o == NULL)
		return -1;
	if (row->ok)
		add_figures(o, row);
	else
		json_object_set_new(o, "reason", json_string(row->error));
	return print_line(o);
}

static void
processor(char *out, size_t room)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256], *colon;

	snprintf(out, room, "processor unknown");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "model name", 10) == 0 &&
		    (colon = strchr(line, ':')) != NULL) {
			colon[strcspn(colon, "\n")] = '\0';
			snprintf(out, room, "%s", colon + 2);
			break;
		}
	if (f != NULL)
		fclose(f);
}

struct machine {
	char cpu[200], kernel[200], date[40];
	long cpus;
};

static void
look(struct machine *m)
{
	struct utsname u;
	time_t t = time(NULL);
	struct tm tm;

	processor(m->cpu, sizeof(m->cpu));
	m->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uname(&u);
	snprintf(m->kernel, sizeof(m->kernel), "%.60s %.60s, %.60s", u.sysname,
	    u.release, u.machine);
	localtime_r(&t, &tm);
	strftime(m->date, sizeof(m->date), "%Y-%m-%d %H:%M:%S %z", &tm);
}

int
bench_json_machine(const char *command)
{
	struct machine m;
	json_t *o;

	look(&m);
	o = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "row", "machine",
	    "processor", m.cpu, "processors", (int)m.cpus, "kernel", m.kernel,
	    "date", m.date, "command", command);
	return o == NULL ? -1 : print_line(o);
}

void
bench_text_machine(FILE *to, const char *command)
{
	struct machine m;

	look(&m);
	fprintf(to,
	    "machine: %s, %ld processors\nkernel:  %s\ndate:    %s\n"
	    "command: %s\n",
	    m.cpu, m.cpus, m.kernel, m.date, command);
}

/* Three digits: "352 ns", "47.1 us", "61.4 M". */
static void
short_figure(char *out, size_t room, double v, const char *const unit[4])
{
	int u = 0;

	while (v >= 999.5 && u < 3) {
		v /= 1000;
		u++;
	}
	snprintf(out, room, "%.*f%s",
	    v >= 99.95   ? 0
	    : v >= 9.995 ? 1
			 : 2,
	    v, unit[u]);
}

static void
cell_text(char *out, size_t room, const struct bench_row *row)
{
	static const char *const time[] = {"ns", "us", "ms", "s"};
	static const char *const count[] = {"", "k", "M", "G"};
	char v[24];

	if (row == NULL || row->skipped) {
		snprintf(out, room, "-");
		return;
	}
	if (!row->ok) {
		snprintf(out, room, "failed");
		return;
	}
	short_figure(v, sizeof(v),
	    row->cell.trips ? row->result.p50 : row->result.rate,
	    row->cell.trips ? time : count);
	snprintf(out, room, "%s (%.*f)%s", v, row->ratio < 99.5 ? 2 : 0,
	    row->ratio, row->steady ? "" : "*");
}

static int
same_table(const struct bench_row *a, const struct bench_row *b)
{
	return a->cell.trips == b->cell.trips &&
	       a->cell.sleeping == b->cell.sleeping &&
	       a->cell.producers == b->cell.producers &&
	       a->cell.consumers == b->cell.consumers;
}

static const struct bench_row *
find(const struct bench_row *rows, const struct bench_row *like,
    const struct bench_driver *d, size_t size)
{
	for (const struct bench_row *r = rows; r->driver != NULL; r++)
		if (r->driver == d && r->cell.size == size &&
		    same_table(r, like))
			return r;
	return NULL;
}

static int
columns(const struct bench_row *rows, const struct bench_row *like,
    size_t size[COLUMNS])
{
	int n = 0, known;

	for (const struct bench_row *r = rows; r->driver != NULL; r++) {
		known = !same_table(r, like) || n == COLUMNS;
		for (int i = 0; i < n; i++)
			known |= size[i] == r->cell.size;
		if (!known)
			size[n++] = r->cell.size;
	}
	return n;
}

static void
print_table(const struct bench_row *rows, const struct bench_row *first)
{
	size_t size[COLUMNS];
	int n = columns(rows, first, size);
	char text[40];

	printf("\n%s %s, %s: %s\n%-22s", bench_pattern(&first->cell),
	    first->cell.trips ? "round trip" : "flood",
	    first->cell.sleeping ? "sleeping" : "polling",
	    first->cell.trips ? "time, and how many of the control"
			      : "messages a second, and against the control",
	    "");
	for (int i = 0; i < n; i++) {
		bench_size_text(text, sizeof(text), size[i]);
		printf(" %16s", text);
	}
	putchar('\n');
	for (const struct bench_row *r = first; r->driver != NULL; r++) {
		int seen = 0;

		for (const struct bench_row *q = first; q < r; q++)
			seen |= q->driver == r->driver && same_table(q, first);
		if (seen || !same_table(r, first))
			continue;
		printf("%-22s", r->driver->id);
		for (int i = 0; i < n; i++) {
			cell_text(text, sizeof(text),
			    find(rows, first, r->driver, size[i]));
			printf(" %16s", text);
		}
		putchar('\n');
	}
}

void
bench_table(const struct bench_row *rows)
{
	int unsteady = 0;

	for (const struct bench_row *r = rows; r->driver != NULL; r++) {
		int seen = 0;

		for (const struct bench_row *q = rows; q < r; q++)
			seen |= same_table(q, r);
		if (!seen)
			print_table(rows, r);
		unsteady |= r->ok && !r->steady;
	}
	if (unsteady)
		puts("\n* the control changed by over 30 % while it ran");
	for (const struct bench_row *r = rows; r->driver != NULL; r++)
		if (!r->ok && !r->skipped) {
			char size[16];

			bench_size_text(size, sizeof(size), r->cell.size);
			printf("failed: %s %s %s %s %s: %s\n", r->driver->id,
			    bench_pattern(&r->cell),
			    r->cell.trips ? "round trip" : "flood", size,
			    r->cell.sleeping ? "sleeping" : "polling",
			    r->error);
		}
}
