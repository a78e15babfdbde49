/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt.h>

#include "out.h"

json_t *
out_json_text(const char *text)
{
	size_t len = strlen(text);
	json_t *v = json_stringn(text, len);
	char *safe;

	if (v != NULL)
		return v;
	safe = malloc(SHUNT_TEXT_ROOM(len));
	if (safe == NULL)
		return NULL;
	shunt_text_escape(safe, text, len);
	v = json_string(safe);
	free(safe);
	return v;
}

json_t *
out_json_int(uint64_t v)
{
	/* JSON has no limit here, jansson has: beyond it a text is exact. */
	char text[24];

	if (v <= INT64_MAX)
		return json_integer((json_int_t)v);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	return json_string(text);
}

static int lost; /* why, once something did not arrive */

int
out_json_lost(void)
{
	return lost;
}

int
out_json(json_t *value, int indent)
{
	char *text = json_dumps(value, indent ? JSON_INDENT(2) : JSON_COMPACT);
	int r = 0;

	json_decref(value);
	if (text == NULL)
		return -ENOMEM;
	if (fputs(text, stdout) == EOF || putchar('\n') == EOF)
		r = lost = -errno;
	free(text);
	return r;
}
