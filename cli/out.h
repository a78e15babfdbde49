/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_OUT_H
#define SHUNT_CLI_OUT_H

/* What people and programs see: colours, escapes, sizes, ages, JSON. */

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/* 1 if standard output is a terminal: bytes of peers must be escaped. */
int out_terminal(void);

/* An SGR sequence if colours are wanted, else "". */
const char *out_colour(const char *sgr);
#define OUT_DIM    "2"
#define OUT_BOLD   "1"
#define OUT_GREEN  "32"
#define OUT_YELLOW "33"
#define OUT_CYAN   "36"
#define OUT_RESET  "0"

/* @text escaped, in one of a few buffers that take turns. */
const char *out_safe(const char *text);

/* All @len bytes to standard output, past stdio; 0 or -errno. */
int out_write(const void *buf, size_t len);

/* The same, escaped but for newlines, in pieces. */
int out_write_escaped(const void *buf, size_t len);

/* "1.5M", "3m", "2026-11-21 04:39:39" in buffers that take turns. */
const char *out_size(uint64_t bytes);
const char *out_age(int64_t since_ns);
const char *out_span(int64_t ns);
const char *out_time(int64_t ns);
const char *out_user(uint32_t uid);
const char *out_group(uint32_t gid);

/* Columns that escaped UTF-8 text takes, one a character. */
int out_width(const char *text);
/* Prints @text and blanks up to @width; negative: blanks first. */
void out_cell(const char *text, int width);

/* A string, or its escaped form where it is no UTF-8. */
json_t *out_json_text(const char *text);
json_t *out_json_int(uint64_t v);
/* Prints @value on one line or indented, and drops it. */
int out_json(json_t *value, int indent);
/* The code of one that did not arrive, or 0. */
int out_json_lost(void);

#endif /* SHUNT_CLI_OUT_H */
