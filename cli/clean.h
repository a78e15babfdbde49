/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_CLEAN_H
#define SHUNT_CLI_CLEAN_H

/* What the files of `shunt clean` have in common. */

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <shunt.h>

#include "command.h"

/* What may go at all, and which of it is wanted. */
struct clean_filter {
	int idle;          /* also what nobody has now */
	const char *glob;  /* or NULL */
	const char *owner; /* as it was given, or NULL */
	uint32_t uid;      /* of `owner` */
	const char *older; /* as it was given, or NULL */
	int64_t age_ns;    /* of `older` */
};

/* What became of one segment. */
enum clean_result {
	CLEAN_WOULD, /* dry run */
	CLEAN_WOULD_PUT_BACK,
	CLEAN_REMOVED,  /* its memory is won */
	CLEAN_PUT_BACK, /* a removal that was cut off: the name is there again
			 */
	CLEAN_KEPT,     /* it is not (any more) what it was, or not ours */
	CLEAN_GONE,     /* somebody was quicker */
	CLEAN_FAILED
};

struct clean_item {
	struct shunt_segment_info info;
	char why[160];
	enum clean_result result;
	int code;       /* of shunt_remove() */
	char *sentence; /* why it was kept, or NULL */
};

struct clean_list {
	struct clean_item *items;
	size_t count;
	uint64_t bytes; /* won, or to be won */
};

/* 1 if this is what a removal that was cut off left. */
int clean_hidden(const char *name);

/* Appends what is to be cleaned: with @hidden the names to be put back, else
 * what is to be removed.  0 or -errno. */
int clean_find(
    struct clean_list *list, const struct clean_filter *filter, int hidden);

/* Asks the library to remove it, which decides anew. */
void clean_remove(struct clean_item *item, const struct clean_filter *filter);

/* What was done, or would be; the exit code. */
int clean_tell(
    const struct command *cmd, const struct clean_list *list, int yes);
int clean_json(const struct clean_list *list, int yes);

#endif /* SHUNT_CLI_CLEAN_H */
