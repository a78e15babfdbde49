/* SPDX-License-Identifier: MIT */

/*
 * What this library set out to reach, judged from the rows of this very run.
 * A bar whose rows are lacking, or whose control did not hold still, is not
 * measured: neither reached nor missed.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "peers.h"

static const struct bench_row *rows;
static struct bar *bars;
static int count;

static const struct bench_row *
find(const char *id, int trips, const char *pattern, size_t size, int sleeping)
{
	for (const struct bench_row *r = rows; r->driver != NULL; r++)
		if (r->ok && r->steady && strcmp(r->driver->id, id) == 0 &&
		    r->cell.trips == trips && r->cell.size == size &&
		    r->cell.sleeping == sleeping &&
		    strcmp(bench_pattern(&r->cell), pattern) == 0)
			return r;
	return NULL;
}

/* The faster of polling and sleeping, each for what it does best. */
static const struct bench_row *
best_flood(const char *id, const char *pattern, size_t size)
{
	const struct bench_row *a = find(id, 0, pattern, size, 0);
	const struct bench_row *b = find(id, 0, pattern, size, 1);

	if (a == NULL || b == NULL)
		return a != NULL ? a : b;
	return a->result.rate > b->result.rate ? a : b;
}

static struct bar *
add(const char *name, const char *what, int least, double limit)
{
	struct bar *b = &bars[count];

	if (count + 1 < BARS_MOST)
		count++;
	*b = (struct bar){
	    .name = name, .what = what, .least = least, .limit = limit};
	snprintf(
	    b->found, sizeof b->found, "its rows are not there, or not steady");
	return b;
}

static void
found(struct bar *b, double value)
{
	b->measured = 1;
	b->value = value;
	b->ok = b->least ? value >= b->limit : value <= b->limit;
}

/* A round trip of 64 bytes against its control. */
static void
trip(const char *name, const char *what, const char *id, int sleeping,
    double limit)
{
	struct bar *b = add(name, what, 0, limit);
	const struct bench_row *r = find(id, 1, "1:1", 64, sleeping);

	if (r == NULL)
		return;
	found(b, r->ratio);
	snprintf(b->found, sizeof b->found, "%s %.0f ns, %s %.0f ns",
	    r->driver->id, r->result.p50, r->control->id,
	    (r->before + r->after) / 2);
}

static void
flood(const char *name, const char *what, const char *id, const char *other,
    const char *pattern, double limit)
{
	struct bar *b = add(name, what, 1, limit);
	const struct bench_row *r = best_flood(id, pattern, 64);
	const struct bench_row *o = best_flood(other, pattern, 64);

	if (r == NULL || o == NULL)
		return;
	found(b, r->result.rate / o->result.rate);
	snprintf(b->found, sizeof b->found, "%s %.3g/s, %s %.3g/s, %s",
	    r->driver->id, r->result.rate, other, o->result.rate, pattern);
}

/* Ours for this row: copying against copying, in place against in place. */
static const struct bench_row *
ours_for(const struct bench_row *peer)
{
	int place = (peer->driver->can & BENCH_IN_PLACE) != 0;
	const struct bench_cell *c = &peer->cell;

	return find(place ? "shunt-queue-place" : "shunt-queue", 1, "1:1",
	    c->size, c->sleeping);
}

/* In which cell of round trips do we stand worst against the peers? */
static void
every_cell(void)
{
	struct bar *b =
	    add("rtt.peers", "ours against each peer, polling", 0, 1);
	const struct bench_row *ours;
	int cells = 0, lost = 0;
	double worst = 0, v;

	for (const struct bench_row *r = rows; r->driver != NULL; r++) {
		if (!r->ok || !r->steady || !r->cell.trips ||
		    r->cell.sleeping ||
		    (r->driver->can & (BENCH_LINE | BENCH_OURS)) ||
		    (ours = ours_for(r)) == NULL)
			continue;
		v = ours->result.p50 / r->result.p50;
		cells++;
		lost += v > 1;
		if (v <= worst)
			continue;
		worst = v;
		snprintf(b->found, sizeof b->found,
		    "worst: %s %.0f ns, %s %.0f ns, %zu bytes",
		    ours->driver->id, ours->result.p50, r->driver->id,
		    r->result.p50, r->cell.size);
	}
	if (cells == 0)
		return;
	found(b, worst);
	snprintf(b->found + strlen(b->found),
	    sizeof b->found - strlen(b->found), "; %d of %d cells lost", lost,
	    cells);
}

static void
large(void)
{
	struct bar *b = add("1M.place",
	    "1 MiB in place, against our own 64 bytes: round trip", 0, 2);
	const struct bench_row *r =
	    find("shunt-queue-place", 1, "1:1", 1048576, 0);
	const struct bench_row *o = find("shunt-queue", 1, "1:1", 64, 0);

	if (r != NULL && o != NULL) {
		found(b, r->result.p50 / o->result.p50);
		snprintf(b->found, sizeof b->found, "%.0f ns, %.0f ns",
		    r->result.p50, o->result.p50);
	}
	b = add("1M.copy", "1 MiB copied in and out, against memcpy", 1, 0.4);
	r = best_flood("shunt-queue", "1:1", 1048576);
	if (r != NULL) {
		found(b, r->ratio);
		snprintf(b->found, sizeof b->found, "%.3g GB/s",
		    r->result.rate * 1048576 / 1e9);
	}
}

/* Four and four on fewer processors: a tenth of two alone is no collapse. */
static void
collapse(void)
{
	static const char *const pattern[] = {"4:1", "1:4", "4:4"};
	const struct bench_row *one = find("shunt-queue", 0, "1:1", 64, 0);

	for (int i = 0; i < 3; i++) {
		const struct bench_row *r =
		    find("shunt-queue", 0, pattern[i], 64, 0);
		static const char *const name[] = {
		    "collapse.4:1", "collapse.1:4", "collapse.4:4"};
		struct bar *b = add(name[i],
		    "polling, more processes than processors, against 1:1", 1,
		    0.1);

		if (one == NULL || r == NULL)
			continue;
		found(b, r->result.rate / one->result.rate);
		snprintf(b->found, sizeof b->found, "%.3g/s, 1:1 %.3g/s",
		    r->result.rate, one->result.rate);
	}
}

/* That every subscriber got everything is checked by the row itself. */
static void
everything(void)
{
	struct bar *b = add("topic.lossless",
	    "topic 1:4: messages that some subscriber lacks", 0, 0);

	for (const struct bench_row *r = rows; r->driver != NULL; r++)
		if (strcmp(r->driver->id, "shunt-topic") == 0 &&
		    !r->cell.trips && r->cell.consumers > 1 && !r->skipped) {
			b->measured = 1;
			b->ok = r->ok;
			snprintf(b->found, sizeof b->found, "%s",
			    r->ok ? "each got each" : r->error);
			if (!r->ok)
				return;
		}
}

/* Of all our kinds, each with one object: floods of two processes. */
static void
open_objects(void)
{
	struct bar *fds =
	    add("object.descriptors", "of a process for an object", 0, 2);
	struct bar *files = add("object.files", "for an object", 0, 1);

	for (const struct bench_row *r = rows; r->driver != NULL; r++) {
		const struct bench_result *is = &r->result;

		if (!r->ok || r->cell.trips || r->cell.producers > 1 ||
		    r->cell.consumers > 1 || !(r->driver->can & BENCH_OURS))
			continue;
		if (!fds->measured || is->descriptors > fds->value) {
			found(fds, is->descriptors);
			snprintf(fds->found, sizeof fds->found, "most: %s",
			    r->driver->id);
		}
		if (!files->measured || is->files > files->value) {
			found(files, is->files);
			snprintf(files->found, sizeof files->found, "most: %s",
			    r->driver->id);
		}
	}
}

static void
costs(const struct bench_cost *cost)
{
	struct bar *b = add("object.first",
	    "microseconds to create, attach, pass the first message", 0, 200);

	if (cost != NULL) {
		found(b, cost->first_us);
		snprintf(b->found, sizeof b->found, "queue, median of 51");
	}
	b = add(
	    "object.wakeups", "wake-ups a second of an idle receiver", 0, 2);
	if (cost != NULL) {
		found(b, cost->wakeups);
		snprintf(b->found, sizeof b->found, "queue");
	}
}

int
bars_judge(
    const struct bench_row *all, const struct bench_cost *cost, struct bar *out)
{
	rows = all;
	bars = out;
	count = 0;
	trip("rtt.queue", "queue, 64 bytes, polling: bare round trips",
	    "shunt-queue", 0, 1.2);
	trip("rtt.stream", "stream", "shunt-stream", 0, 1.2);
	trip("rtt.topic", "topic", "shunt-topic", 0, 1.4);
	trip("rtt.call", "call", "shunt-call", 0, 1.4);
	every_cell();
	trip("sleep.queue", "queue, 64 bytes, sleeping: bare futex trips",
	    "shunt-queue", 1, 1.05);
	trip("sleep.stream", "stream", "shunt-stream", 1, 1.05);
	trip("sleep.topic", "topic", "shunt-topic", 1, 1.05);
	trip("sleep.call", "call", "shunt-call", 1, 1.05);
	flood("flood.copy", "64 bytes 1:1, each by copy, against ck_ring",
	    "shunt-queue", "ck_ring", "1:1", 1.25);
	flood("flood.batch", "the same in batches", "shunt-queue-batch",
	    "ck_ring", "1:1", 1.5);
	flood("4:1.seqpacket", "64 bytes, against UNIX seqpacket",
	    "shunt-queue-batch", "unix-seqpacket", "4:1", 30);
	flood("4:1.boost", "against Boost message_queue", "shunt-queue-batch",
	    "boost-mq", "4:1", 8);
	flood("1:4.seqpacket", "64 bytes, against UNIX seqpacket",
	    "shunt-queue-batch", "unix-seqpacket", "1:4", 30);
	flood("1:4.boost", "against Boost message_queue", "shunt-queue-batch",
	    "boost-mq", "1:4", 8);
	flood("4:1.copy.seqpacket", "without batches, UNIX seqpacket",
	    "shunt-queue", "unix-seqpacket", "4:1", 30);
	flood("1:4.copy.seqpacket", "without batches, UNIX seqpacket",
	    "shunt-queue", "unix-seqpacket", "1:4", 30);
	flood("4:1.copy.boost", "without batches, Boost message_queue",
	    "shunt-queue", "boost-mq", "4:1", 8);
	flood("1:4.copy.boost", "without batches, Boost message_queue",
	    "shunt-queue", "boost-mq", "1:4", 8);
	collapse();
	large();
	everything();
	open_objects();
	costs(cost);
	return count;
}

void
bars_text(const struct bar *bar, int n)
{
	printf("\n%-20s %9s %9s  %-12s %s\n", "bar", "value", "limit", "", "");
	for (int i = 0; i < n; i++) {
		const struct bar *b = &bar[i];
		char value[16] = "-";

		if (b->measured)
			snprintf(value, sizeof value, "%.3g", b->value);
		printf("%-20s %9s %s %6.4g  %-12s %s%s%s\n", b->name, value,
		    b->least ? ">=" : "<=", b->limit,
		    !b->measured ? "not measured"
		    : b->ok      ? "ok"
				 : "MISSED",
		    b->what, b->measured && b->found[0] ? ": " : "",
		    b->measured ? b->found : "");
	}
}

int
bars_json(const struct bar *bar, int n)
{
	for (int i = 0; i < n; i++) {
		const struct bar *b = &bar[i];
		char *text;
		json_t *o = json_pack(
		    "{s:s, s:s, s:s, s:s, s:f, s:o, s:o, s:s}", "row", "bar",
		    "name", b->name, "what", b->what, "sense",
		    b->least ? "at least" : "at most", "limit", b->limit,
		    "value", b->measured ? json_real(b->value) : json_null(),
		    "ok", b->measured ? json_boolean(b->ok) : json_null(),
		    "found", b->found);

		if (o == NULL)
			return -1;
		text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(5));
		json_decref(o);
		if (text == NULL)
			return -1;
		puts(text);
		free(text);
	}
	return fflush(stdout);
}
