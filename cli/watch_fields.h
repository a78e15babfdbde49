/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_WATCH_FIELDS_H
#define SHUNT_CLI_WATCH_FIELDS_H

/*
 * What the bytes of a segment mean, told as in C:
 * 'i32 count; be_u16 port; f64 mean[4]; char name[16]; hex key[8]'.
 * Fields stand where a C compiler puts them, or without gaps behind "packed".
 */

#include <stddef.h>
#include <stdint.h>

enum layout_type {
	LAYOUT_SIGNED,
	LAYOUT_UNSIGNED,
	LAYOUT_FLOAT,
	LAYOUT_CHAR, /* text up to its first NUL */
	LAYOUT_HEX,  /* bytes */
};

struct layout_field {
	char name[48];
	enum layout_type type;
	uint32_t bytes; /* of one element */
	uint32_t big;   /* 1: the most significant byte is first */
	uint64_t at;    /* its first byte, from the beginning of the layout */
	uint64_t count; /* elements */
	uint32_t array; /* 1 if written with [N] */
	uint32_t quiet; /* 1: called "_", it only takes room */
};

struct layout {
	struct layout_field *fields;
	size_t count;
	uint64_t size;
};

#define LAYOUT_TEXT 512 /* room for layout_text() and layout_label() */

/* 0, or -1 and @why holds a sentence. */
int layout_parse(struct layout *out, const char *text, char *why, size_t room);
void layout_free(struct layout *l);

/*
 * A field is one value, or one for each element of an array of numbers: its
 * cells.  Where cell @i begins, counted as `at`, and how long it is.
 */
uint64_t layout_cells(const struct layout_field *f);
uint64_t layout_cell_bytes(const struct layout_field *f);
uint64_t layout_cell_at(const struct layout_field *f, uint64_t i);

/* "count", "mean[2]" */
void layout_label(const struct layout_field *f, uint64_t i, char *out);

/* A cell's value as people read it, from its bytes; harmless for a terminal. */
void layout_text(
    const struct layout_field *f, const unsigned char *bytes, char *out);

/* The same as numbers, by type. */
int64_t layout_signed(const struct layout_field *f, const unsigned char *bytes);
uint64_t layout_unsigned(
    const struct layout_field *f, const unsigned char *bytes);
double layout_float(const struct layout_field *f, const unsigned char *bytes);

#endif /* SHUNT_CLI_WATCH_FIELDS_H */
