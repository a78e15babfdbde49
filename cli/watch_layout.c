/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watch_fields.h"

/* Reading a layout: `packed; be_u32 a, b[4]; char[8] name`. */

#define FIELDS_MOST 1024
#define SIZE_MOST   (UINT64_C(1) << 40)

static const struct {
	const char *word;
	enum layout_type type;
	uint32_t bytes;
} types[] = {
    {"i8", LAYOUT_SIGNED, 1},
    {"u8", LAYOUT_UNSIGNED, 1},
    {"i16", LAYOUT_SIGNED, 2},
    {"u16", LAYOUT_UNSIGNED, 2},
    {"i32", LAYOUT_SIGNED, 4},
    {"u32", LAYOUT_UNSIGNED, 4},
    {"i64", LAYOUT_SIGNED, 8},
    {"u64", LAYOUT_UNSIGNED, 8},
    {"f32", LAYOUT_FLOAT, 4},
    {"f64", LAYOUT_FLOAT, 8},
    {"char", LAYOUT_CHAR, 1},
    {"hex", LAYOUT_HEX, 1},
    /* As C calls them. */
    {"int8_t", LAYOUT_SIGNED, 1},
    {"uint8_t", LAYOUT_UNSIGNED, 1},
    {"int16_t", LAYOUT_SIGNED, 2},
    {"uint16_t", LAYOUT_UNSIGNED, 2},
    {"int32_t", LAYOUT_SIGNED, 4},
    {"uint32_t", LAYOUT_UNSIGNED, 4},
    {"int64_t", LAYOUT_SIGNED, 8},
    {"uint64_t", LAYOUT_UNSIGNED, 8},
    {"bool", LAYOUT_UNSIGNED, 1},
    {"short", LAYOUT_SIGNED, sizeof(short)},
    {"int", LAYOUT_SIGNED, sizeof(int)},
    {"unsigned", LAYOUT_UNSIGNED, sizeof(unsigned)},
    {"long", LAYOUT_SIGNED, sizeof(long)},
    {"size_t", LAYOUT_UNSIGNED, sizeof(size_t)},
    {"float", LAYOUT_FLOAT, 4},
    {"double", LAYOUT_FLOAT, 8},
};

struct parser {
	const char *p;
	struct layout *out;
	int packed;
	char *why;
	size_t room;
};

static void
blanks(struct parser *in)
{
	while (isspace((unsigned char)*in->p))
		in->p++;
}

/* 1 and past it, if @c comes next. */
static int
next_is(struct parser *in, char c)
{
	blanks(in);
	if (*in->p != c)
		return 0;
	in->p++;
	return 1;
}

/* A word of letters, digits and underscores; "" if there is none. */
static void
word(struct parser *in, char *to, size_t room)
{
	size_t n = 0;

	blanks(in);
	while (isalnum((unsigned char)in->p[n]) || in->p[n] == '_')
		n++;
	snprintf(to, room, "%.*s", (int)(n < 80 ? n : 80), in->p);
	in->p += n;
}

static int wrong(struct parser *in, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int
wrong(struct parser *in, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(in->why, in->room, fmt, ap);
	va_end(ap);
	return -1;
}

/* What stands where something else was expected, as one printable word. */
static const char *
here(struct parser *in)
{
	static char text[24];
	size_t n = 0;

	blanks(in);
	while (n < 20 && isgraph((unsigned char)in->p[n]) && in->p[n] != ';')
		n++;
	if (n == 0)
		return *in->p == 0 ? "the end" : *in->p == ';' ? "\";\"" : "?";
	snprintf(text, sizeof(text), "\"%.*s\"", (int)n, in->p);
	return text;
}

/* [N], if it comes next. */
static int
dimension(struct parser *in, struct layout_field *f)
{
	char text[24], *end;

	if (!next_is(in, '['))
		return 0;
	word(in, text, sizeof(text));
	f->count = strtoull(text, &end, 0);
	if (f->array)
		return wrong(in, "an array of arrays is not known here: "
				 "write one dimension");
	if (!isdigit((unsigned char)text[0]) || *end != 0 || f->count == 0 ||
	    f->count > SIZE_MOST / 8)
		return wrong(in,
		    "in [ ] stands a number of elements from 1 "
		    "on, not \"%s\"",
		    text);
	if (!next_is(in, ']'))
		return wrong(in, "] is missing before %s", here(in));
	f->array = 1;
	return 0;
}

/* Where the field goes: as the compiler aligns it, or right behind. */
static int
place(struct parser *in, struct layout_field *f)
{
	struct layout *l = in->out;
	struct layout_field *more;

	for (size_t i = 0; i < l->count && !f->quiet; i++)
		if (strcmp(l->fields[i].name, f->name) == 0)
			return wrong(
			    in, "there are two fields \"%s\"", f->name);
	if (l->count == FIELDS_MOST)
		return wrong(in, "more than 1024 fields");
	f->at = l->size;
	if (!in->packed)
		f->at = (f->at + f->bytes - 1) / f->bytes * f->bytes;
	l->size = f->at + f->count * f->bytes;
	if (l->size > SIZE_MOST)
		return wrong(in, "\"%s\" is too large", f->name);
	more = realloc(l->fields, (l->count + 1) * sizeof(*more));
	if (more == NULL)
		return wrong(in, "no memory for it");
	l->fields = more;
	more[l->count++] = *f;
	return 0;
}

static int
declarator(struct parser *in, struct layout_field f)
{
	char name[96];

	if (next_is(in, '*'))
		return wrong(in, "a pointer means nothing in another process; "
				 "u64 shows its number");
	word(in, name, sizeof(name));
	if (name[0] == 0 || isdigit((unsigned char)name[0]))
		return wrong(
		    in, "the name of a field is missing before %s", here(in));
	if (strlen(name) >= sizeof(f.name))
		return wrong(in, "the name \"%s\" is too long", name);
	snprintf(f.name, sizeof(f.name), "%.47s", name);
	f.quiet = strcmp(name, "_") == 0;
	if (dimension(in, &f) < 0)
		return -1;
	if (f.type == LAYOUT_CHAR && !f.array)
		f.count = 1;
	return place(in, &f);
}

static int
type_of(struct parser *in, const char *name, struct layout_field *f)
{
	const char *bare = name;
	int little = strncmp(name, "le_", 3) == 0;

	f->big = strncmp(name, "be_", 3) == 0;
	if (little || f->big)
		bare += 3;
	else
		f->big = *(const unsigned char *)&(const uint16_t){1} == 0;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].word, bare) == 0) {
			f->type = types[i].type;
			f->bytes = types[i].bytes;
			return 0;
		}
	if (*name == 0)
		return wrong(in, "a type is missing before %s", here(in));
	return wrong(in,
	    "there is no type \"%s\"; there are i8 u8 i16 u16 i32 "
	    "u32 i64 u64 f32 f64 char[N] hex[N], and be_ before "
	    "them for big-endian ones",
	    name);
}

/* Words of C that change nothing about where a field stands. */
static int
qualifier(const char *text)
{
	return strcmp(text, "const") == 0 || strcmp(text, "volatile") == 0 ||
	       strcmp(text, "_Atomic") == 0;
}

static int
statement(struct parser *in)
{
	struct layout_field f = {.count = 1};
	char name[96];

	do
		word(in, name, sizeof(name));
	while (qualifier(name));
	if (strcmp(name, "packed") == 0) {
		in->packed = 1;
		return 0;
	}
	if (type_of(in, name, &f) < 0 || dimension(in, &f) < 0)
		return -1;
	do
		if (declarator(in, f) < 0)
			return -1;
	while (next_is(in, ','));
	return 0;
}

int
layout_parse(struct layout *out, const char *text, char *why, size_t room)
{
	struct parser in = {.p = text, .out = out, .why = why, .room = room};

	*out = (struct layout){0};
	for (;;) {
		while (next_is(&in, ';'))
			;
		if (*in.p == 0)
			break;
		if (statement(&in) < 0)
			goto fail;
		blanks(&in);
		if (*in.p != 0 && *in.p != ';') {
			wrong(&in, "; is missing before %s", here(&in));
			goto fail;
		}
	}
	if (out->count > 0)
		return 0;
	wrong(&in, "there is no field in it");
fail:
	layout_free(out);
	return -1;
}

void
layout_free(struct layout *l)
{
	free(l->fields);
	*l = (struct layout){0};
}
