/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_WATCH_H
#define SHUNT_CLI_WATCH_H

/* What the parts of `shunt watch` have in common. */

#include <shunt.h>

#include "command.h"
#include "look.h"
#include "watch_fields.h"
#include "watch_view.h"

/* Which segment bears the name; another inode is another segment. */
struct watch_file {
	int there;
	uint64_t device, inode;
	uint64_t size;
};

struct watch {
	const struct command *cmd;
	const char *name;
	struct shunt_segment_options opts;
	uint64_t at;          /* --at: the layout begins here */
	struct layout layout; /* no fields: none */
	int64_t interval_ns;
	int64_t timeout_ns; /* 0: none */
	uint64_t most;      /* changes, then the end; 0: no such limit */
	int json, once, waits;

	struct watch_file file;
	unsigned seen;    /* segments that bore the name so far */
	int code;         /* why it is not there */
	int64_t since_ns; /* of the last event, CLOCK_MONOTONIC */
	uint64_t changes;
	struct view view;
	struct shunt_segment_info info; /* as of the last watch_who() */
	int info_code;
	struct look_users users;
};

/* What became of the segment between two looks. */
enum watch_event {
	WATCH_SAME,
	WATCH_GONE,    /* removed, or not to be read any more: see `code` */
	WATCH_NEW,     /* it is there again, or another one in its place */
	WATCH_RESIZED, /* its size was *@size */
	WATCH_CANNOT,  /* the look failed for a reason of ours */
};

/*
 * Reads the bytes anew; view_take() is left to the caller, with *@n bytes,
 * wherever `file.there`.
 */
enum watch_event watch_look(struct watch *w, size_t *n, uint64_t *size);

/* Looks who is attached, and at the state. */
void watch_who(struct watch *w);

/* What is said of an event: "removed", "resized: 4096 -> 8192 bytes". */
const char *watch_event_text(
    const struct watch *w, enum watch_event event, uint64_t size);

/* Where a cell is in the segment; 1 if it is wholly within @len bytes read. */
int watch_cell(const struct watch *w, const struct layout_field *f, uint64_t i,
    size_t len, size_t *at);

/* Sleeps until the next look, which may take a tenth of the time at most. */
void watch_pause(int64_t interval_ns, int64_t began_ns);

/* The present values; changes as lines; the screen.  Exit codes. */
int watch_once(struct watch *w);
int watch_lines(struct watch *w);
int watch_screen(struct watch *w);

/* A cell's value for JSON. */
json_t *watch_cell_json(
    const struct layout_field *f, const unsigned char *bytes);

#endif /* SHUNT_CLI_WATCH_H */
