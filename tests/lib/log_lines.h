/* SPDX-License-Identifier: MIT */
#ifndef TESTS_LIB_LOG_LINES_H
#define TESTS_LIB_LOG_LINES_H

/* A log server in a thread of the test, and what it wrote, line by line. */

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include <shunt/logd.h>

struct log_server {
	struct shunt_logd *logd;
	pthread_t thread;
};

/* A fresh path for a log's file; removed at exit. */
const char *log_path(const char *what);

/* Starts to serve @name into @path, in ISO lines; ends the test if it
 * cannot.  stop: drains, syncs and waits for the thread. */
void log_server_start(
    struct log_server *s, const char *name, const char *path, int64_t sync_ns);
void log_server_stop(struct log_server *s);

struct log_line {
	char time[36];
	char level[12];
	unsigned pid;
	unsigned tid;
	char tag[40];
	char *msg; /* without the newline */
};

struct log_lines {
	struct log_line *line;
	size_t n;
	char *text;
};

/* The whole file; ends the test if a line is not one. */
void log_lines_read(struct log_lines *lines, const char *path);
void log_lines_free(struct log_lines *lines);

/* 1 if each line's time is at or after that of the line above. */
int log_lines_in_order(const struct log_lines *lines);

/* How many lines have this message. */
size_t log_lines_count(const struct log_lines *lines, const char *msg);

/* How many lines lie unread in a log; the last of them, unless @last is NULL.
 * Ends the test if the log cannot be read. */
size_t log_lines_unread(const char *name, char *last, size_t room);

#endif /* TESTS_LIB_LOG_LINES_H */
