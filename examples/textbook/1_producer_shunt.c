/* SPDX-License-Identifier: MIT */
/*
 * Producer, with libshunt: the same bytes in the same object, so that it talks
 * to 1_consumer_plain.c too.  One call does what meet.h does: it makes the
 * memory whole before it has a name, or opens what the consumer has made, and
 * every failure is a sentence that says what to do.
 */
#include <err.h>
#include <string.h>

#include <shunt.h>

#include "1_text.h"
#include "futex.h"

static const char *const strings[] = {
    "Shared memory ", "is the same bytes ", "in two processes."};

/* Where the text ends after this string; it always ends with a NUL. */
static size_t
append(struct text *text, size_t at, const char *string)
{
	size_t len = strlen(string);

	if (len >= sizeof(text->bytes) - at)
		errx(1, "%s: the text does not fit", TEXT_NAME);
	memcpy(text->bytes + at, string, len + 1);
	return at + len;
}

int
main(void)
{
	struct shunt_segment *segment;
	struct text *text;
	size_t end = 0;

	if (shunt_segment_create(&segment, TEXT_NAME, TEXT_SIZE, NULL) < 0)
		errx(1, "%s", shunt_error_detail());
	text = shunt_segment_data(segment);

	text_show("before:", text);
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		end = append(text, end, strings[i]);
	text_show("after:", text);

	/* A release store: who sees the 1 sees the text before it as well. */
	atomic_store_explicit(&text->written, 1, memory_order_release);
	futex_wake(&text->written);

	shunt_segment_close(&segment);
	return 0;
}
