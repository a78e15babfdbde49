/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_TOP_H
#define SHUNT_CLI_TOP_H

/*
 * The parts of `shunt top`: top.c reads the command line, top_sample.c looks
 * and compares with the look before, top_lines.c prints, top_screen.c is the
 * screen.
 */

#include "command.h"
#include "ls.h"

/* What has changed since the look before. */
struct top_row {
	const struct ls_entry *entry;
	int fresh;                          /* was not there before */
	double bytes_per_s, messages_per_s; /* that passed through an object */
	int64_t grown;                      /* used bytes more, or fewer */
	uint64_t dropped; /* messages, since the look before */
};

enum top_key { TOP_RATE, TOP_USED, TOP_SIZE, TOP_USERS, TOP_NAME, TOP_KEYS };

struct top {
	const struct command *cmd;
	struct ls_wanted wanted;
	int64_t interval_ns;
	uint32_t key; /* enum top_key */
	int reverse, json, once;
	uint64_t most; /* looks; 0: no end */

	struct ls_list list;
	struct top_row *rows;
	int64_t looked_ns, took_ns; /* monotonic: when, how long it took */
	uint64_t looks;
};

/* One more look; 0 or a code. */
int top_look(struct top *top);
void top_sort(struct top *top);
void top_free(struct top *top);
int64_t top_now(void);

/* Totals of all rows. */
struct top_sum {
	uint64_t size, used, live, orphans;
	double bytes_per_s;
};
struct top_sum top_sum(const struct top *top);

/* "1.50M" messages a second, "-" for what has none; in buffers that take
 * turns. */
const char *top_rate(const struct top *top, const struct top_row *row);
const char *top_grown(const struct top_row *row);

int top_lines(struct top *top);
/* An exit code, or -1: there is no screen to be had. */
int top_screen(struct top *top);

#endif /* SHUNT_CLI_TOP_H */
