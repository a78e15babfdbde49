/* SPDX-License-Identifier: MIT */
#ifndef CASES_LOG_H
#define CASES_LOG_H

/* What the swept cases of the log share: a log, the folder of its file, and
 * the survivor who counts the lines. */

#include <shunt.h>

#include "cases.h"

/* The i-th message is text i of LOG_TEXTS, and so on round. */
#define LOG_TEXTS  12
#define LOG_LONG   11 /* 1,040 bytes: printf formats it in place */
#define LOG_UNREAD 6
#define LOG_FULL   23 /* messages fill a lane: of LOG_LONG none fits */

struct log_world {
	struct world *w;
	char dir[176];
	char file[192];  /* where the server writes */
	char moved[192]; /* where a rotation moves that */
	uint32_t lanes;
	uint64_t before; /* lines that setup had written, and forgot */
};

struct log_plan {
	const char *stem;
	uint32_t flags; /* SHUNT_LOG_... of the log, when made */
	uint32_t lanes;
	uint32_t unread; /* messages in it, of two clients in turn */
	uint32_t file;   /* 1: there is a file, and empty */
	uint32_t odd;    /* 1: the first lane's owner died in a call */
	uint32_t fill;   /* so many in all, of the first client */
	uint32_t drops;  /* and then so many that have no room */
};

/* Positions stand near the end of the rings, so that messages go over it. */
struct log_world *log_world_make(const struct log_plan *plan);
int log_world_rearm(void *ctx);
void log_world_free(void *ctx);
uint64_t log_world_image(void *ctx);
int log_world_exists(const struct log_world *lw);

const char *log_text(uint32_t i);
size_t log_text_len(uint32_t i);
int log_send(struct shunt_log *log, uint32_t i);
struct shunt_log *log_client(
    const struct log_world *lw, uint32_t flags, enum shunt_log_full full);
struct shunt_logd *log_server(
    const struct log_world *lw, int64_t sync_ns, uint32_t format);

/* The lanes of this process, whose calls are over: is each word even? */
int log_words_even(const struct log_world *lw);

/* What the file has, and what has to be forgiven. */
struct log_seen {
	uint32_t lines;   /* messages 0 to lines - 1, each once, in order */
	uint32_t told;    /* lines that tell of drops */
	uint64_t dropped; /* how many they tell of */
};

int log_read(const struct log_world *lw, struct log_seen *seen);

enum {
	LOG_ANEW = 1u << 0,    /* the log may be another one than setup's */
	LOG_LATE_OK = 1u << 1, /* a client stood still in a call */
};

/*
 * The next server: drains, and the file has messages 0 to n - 1 with
 * @least <= n <= @most, each once, whole, in order, and the log's own count is
 * exact.  Then clients and server work on.  0 or 1 as CHECK().
 */
int log_survivor(struct log_world *lw, uint32_t least, uint32_t most,
    uint32_t flags, struct log_seen *seen);

#endif /* CASES_LOG_H */
