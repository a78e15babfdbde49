/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_WATCH_DRAW_H
#define SHUNT_CLI_WATCH_DRAW_H

/* The screen of `shunt watch`: where one looks at, and drawing it. */

#include "watch.h"

struct watch_screen {
	struct watch *w;
	uint64_t top;     /* the first byte of the first row */
	uint64_t cell;    /* the first field that is shown */
	int fields;       /* 1: the keys scroll the fields, not the bytes */
	int paused;       /* 1: no looks */
	int64_t now_ns;   /* what ages are counted from; stands while paused */
	int64_t begun_ns; /* when watching began */
	int help;         /* 1: the page of keys is shown */
	int typing;       /* 'g' or '/': a line is typed, 0: none */
	char typed[64];
	char sought[64]; /* the last search */
	uint64_t found;  /* where n or / went to; UINT64_MAX: nowhere */
	uint64_t found_len;
	char said[160]; /* what the last key had to say, or "" */
	enum watch_event event;
	char event_text[160]; /* of the last event, or "" */

	/* As of the last drawing. */
	unsigned per_row;
	int byte_rows, field_rows;
	uint64_t cells;
};

void watch_draw(struct watch_screen *s);

#endif /* SHUNT_CLI_WATCH_DRAW_H */
