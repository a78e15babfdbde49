/* SPDX-License-Identifier: MIT */
/*
 * Consumer, with libshunt: maps the object read-only, made here or there.  The
 * text comes from another process, so it goes to the terminal escaped.
 */
#include <err.h>
#include <string.h>

#include <shunt.h>

#include "1_text.h"
#include "futex.h"
#include "tidy.h"

int
main(void)
{
	struct shunt_segment_options o = {
	    .sz = sizeof(o), .flags = SHUNT_SEGMENT_READONLY};
	struct shunt_segment *segment;
	const struct text *text;
	char safe[SHUNT_TEXT_ROOM(sizeof(text->bytes))];

	if (shunt_segment_create(&segment, TEXT_NAME, TEXT_SIZE, &o) < 0)
		errx(1, "%s", shunt_error_detail());
	tidy_on_signal(TEXT_PATH);
	text = shunt_segment_data(segment);

	/* The partner of the producer's release store.  Sleeping on a word
	 * needs no right to write it. */
	while (atomic_load_explicit(&text->written, memory_order_acquire) == 0)
		futex_wait(&text->written, 0);

	text_show("seen:", text);
	shunt_text_escape(
	    safe, text->bytes, strnlen(text->bytes, sizeof(text->bytes)));
	printf("text: %s\n", safe);

	shunt_segment_close(&segment);
	if (shunt_remove(TEXT_NAME, NULL) < 0)
		errx(1, "%s", shunt_error_detail());
	return 0;
}
