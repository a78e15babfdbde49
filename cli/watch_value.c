/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "watch_fields.h"

/* Values of a layout's fields, out of bytes. */

#define SHOWN 96 /* bytes of a text or of hex that are shown */

static int
whole(const struct layout_field *f)
{
	return f->type == LAYOUT_CHAR || f->type == LAYOUT_HEX;
}

uint64_t
layout_cells(const struct layout_field *f)
{
	return whole(f) ? 1 : f->count;
}

uint64_t
layout_cell_bytes(const struct layout_field *f)
{
	return whole(f) ? f->count : f->bytes;
}

uint64_t
layout_cell_at(const struct layout_field *f, uint64_t i)
{
	return f->at + i * layout_cell_bytes(f);
}

void
layout_label(const struct layout_field *f, uint64_t i, char *out)
{
	if (f->array && !whole(f))
		snprintf(out, LAYOUT_TEXT, "%s[%" PRIu64 "]", f->name, i);
	else
		snprintf(out, LAYOUT_TEXT, "%s", f->name);
}

uint64_t
layout_unsigned(const struct layout_field *f, const unsigned char *bytes)
{
	uint64_t v = 0;

	for (uint32_t i = 0; i < f->bytes; i++)
		v = v << 8 | bytes[f->big ? i : f->bytes - 1 - i];
	return v;
}

int64_t
layout_signed(const struct layout_field *f, const unsigned char *bytes)
{
	uint64_t v = layout_unsigned(f, bytes);
	uint64_t sign = UINT64_C(1) << (8 * f->bytes - 1);

	return (int64_t)((v ^ sign) - sign);
}

double
layout_float(const struct layout_field *f, const unsigned char *bytes)
{
	uint64_t v = layout_unsigned(f, bytes);
	uint32_t half = (uint32_t)v;
	double d;
	float s;

	if (f->bytes == 4) {
		memcpy(&s, &half, sizeof(s));
		return (double)s;
	}
	memcpy(&d, &v, sizeof(d));
	return d;
}

/* The shortest form that is read back as the same number. */
static void
float_text(const struct layout_field *f, double v, char *out)
{
	int most = f->bytes == 4 ? 9 : 17;

	for (int digits = 6; digits <= most; digits++) {
		snprintf(out, LAYOUT_TEXT, "%.*g", digits, v);
		if (f->bytes == 4 ? strtof(out, NULL) == (float)v
				  : strtod(out, NULL) == v)
			return;
	}
}

static void
char_text(const struct layout_field *f, const unsigned char *bytes, char *out)
{
	size_t len = strnlen((const char *)bytes, f->count), n = 0;
	size_t shown = len < SHOWN ? len : SHOWN;

	out[n++] = '"';
	n += shunt_text_escape(out + n, bytes, shown);
	snprintf(out + n, LAYOUT_TEXT - n, "\"%s", shown < len ? "..." : "");
}

static void
hex_text(const struct layout_field *f, const unsigned char *bytes, char *out)
{
	size_t n = 0;

	for (uint64_t i = 0; i < f->count && i < SHOWN; i++)
		n += (size_t)snprintf(out + n, LAYOUT_TEXT - n, "%s%02x",
		    i > 0 ? " " : "", bytes[i]);
	if (f->count > SHOWN)
		snprintf(out + n, LAYOUT_TEXT - n, "...");
}

void
layout_text(const struct layout_field *f, const unsigned char *bytes, char *out)
{
	switch (f->type) {
	case LAYOUT_SIGNED:
		snprintf(out, LAYOUT_TEXT, "%" PRId64, layout_signed(f, bytes));
		break;
	case LAYOUT_UNSIGNED:
		snprintf(
		    out, LAYOUT_TEXT, "%" PRIu64, layout_unsigned(f, bytes));
		break;
	case LAYOUT_FLOAT:
		float_text(f, layout_float(f, bytes), out);
		break;
	case LAYOUT_CHAR:
		char_text(f, bytes, out);
		break;
	case LAYOUT_HEX:
		hex_text(f, bytes, out);
		break;
	}
}
